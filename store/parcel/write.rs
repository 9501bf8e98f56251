//! Writing one.

use std::path::Path;

use understory_paths::AgentPath;

use super::{KIND, Parcel, ParcelRow, ROWS, TAIL, TOP, sequence};
use crate::archive::Writer;
use crate::error::StoreError;
use crate::keys::Table;

/// A record is written when it has so many bytes.
const RECORD: usize = 64 << 10;

/// A parcel in the making. Dropped before it is finished, it leaves nothing behind.
pub struct ParcelWriter {
    file: Writer,
    record: Vec<u8>,
    parcel: Parcel,
}

impl ParcelWriter {
    /// Begins a new file for a subtree. Writes where it is called.
    ///
    /// # Errors
    /// The file is there already or cannot be written.
    pub fn create(file: &Path, top: &AgentPath) -> Result<Self, StoreError> {
        let mut file = Writer::create(file, KIND)?;
        file.record(TOP, top.as_str().as_bytes())?;
        Ok(ParcelWriter { file, record: Vec::new(), parcel: Parcel::default() })
    }

    /// Adds rows, in the order of tables and keys.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn rows(&mut self, rows: &[ParcelRow]) -> Result<(), StoreError> {
        for ParcelRow { key, value } in rows {
            let bytes = key.as_bytes();
            let length = u32::try_from(value.0.len()).expect("a value is at most 4 MiB");
            self.record.extend_from_slice(&u16::try_from(bytes.len()).expect("a key is at most KEY_MAX").to_be_bytes());
            self.record.extend_from_slice(&length.to_be_bytes());
            self.record.extend_from_slice(bytes);
            self.record.extend_from_slice(&value.0);
            let newest = Table::of(key).and_then(|table| sequence(key, &table.path_of(key)?));
            self.parcel.newest = self.parcel.newest.max(newest.unwrap_or_default());
            if self.record.len() >= RECORD {
                self.flush()?;
            }
        }
        self.parcel.rows += rows.len() as u64;
        Ok(())
    }

    /// Puts the file in its place, durably.
    ///
    /// # Errors
    /// The file cannot be written, or something has its name by now.
    pub fn finish(mut self) -> Result<Parcel, StoreError> {
        self.flush()?;
        let Parcel { rows, newest, .. } = self.parcel;
        self.file.record(TAIL, &[rows, newest].map(u64::to_be_bytes).concat())?;
        Ok(Parcel { bytes: self.file.finish()?, ..self.parcel })
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if !self.record.is_empty() {
            self.file.record(ROWS, &self.record)?;
            self.record.clear();
        }
        Ok(())
    }
}
