//! What is in a backup.
//!
//! ```text
//! h  schema:u32be first:u64be                 commits up to `first` are in the rows
//! r  row*                                     every row, some of them already as later commits left them
//! b  last:u64be row*                          what commits up to `last` wrote, a batch each, in order
//! t  last:u64be rows:u64be batches:u64be      the last commit
//!
//! row = key_length:u16be value_length:u32be key value      value_length ffffffff: the row was deleted
//! ```
//!
//! Values are in their frames, so that each row keeps its version. The backend's own rows are among them.

use std::path::Path;

use sled::IVec;

use super::meta::SCHEMA;
use crate::archive::{Reader, Writer};
use crate::error::StoreError;
use crate::frame;
use crate::seam::Version;

const KIND: &str = "backup";
const HEADER: u8 = b'h';
const ROWS: u8 = b'r';
const BATCH: u8 = b'b';
const TAIL: u8 = b't';
const DELETED: u32 = u32::MAX;

/// A row as it was written or deleted.
pub(super) type Change = (IVec, Option<IVec>);

/// A backup in the making.
pub(super) struct BackupWriter {
    pub(super) file: Writer,
    buffer: Vec<u8>,
    rows: u64,
    batches: u64,
}

/// A backup that is read.
pub(super) struct BackupReader {
    file: Reader,
    first: Version,
}

/// What was read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) last: Version,
    pub(super) rows: u64,
    pub(super) batches: u64,
}

impl BackupWriter {
    pub(super) fn create(target: &Path, first: Version) -> Result<Self, StoreError> {
        let mut file = Writer::create(target, KIND)?;
        let mut header = SCHEMA.to_be_bytes().to_vec();
        header.extend_from_slice(&first.to_be_bytes());
        file.record(HEADER, &header)?;
        Ok(BackupWriter { file, buffer: Vec::new(), rows: 0, batches: 0 })
    }

    pub(super) fn rows(&mut self, rows: &[(IVec, IVec)]) -> Result<(), StoreError> {
        self.buffer.clear();
        for (key, value) in rows {
            push(&mut self.buffer, key, Some(value));
        }
        self.rows += rows.len() as u64;
        self.file.record(ROWS, &self.buffer)
    }

    /// Adds a batch as [`batch`] wrote it.
    pub(super) fn batch(&mut self, record: &[u8]) -> Result<(), StoreError> {
        self.batches += 1;
        self.file.record(BATCH, record)
    }

    /// Puts it in its place, and says what it holds and how many bytes it has.
    pub(super) fn finish(mut self, last: Version) -> Result<(Tail, u64), StoreError> {
        let tail = Tail { last, rows: self.rows, batches: self.batches };
        let numbers = [tail.last, tail.rows, tail.batches].map(u64::to_be_bytes);
        self.file.record(TAIL, &numbers.concat())?;
        Ok((tail, self.file.finish()?))
    }
}

impl BackupReader {
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        let mut file = Reader::open(file, KIND)?;
        let first = header(&mut file)?;
        Ok(BackupReader { file, first })
    }

    /// Reads it from its beginning to its end, and hands over what each record writes.
    ///
    /// # Errors
    /// It is not whole. What was handed over before is not to be used then.
    pub(super) fn read(
        &mut self,
        mut each: impl FnMut(Vec<Change>) -> Result<(), StoreError>,
    ) -> Result<Tail, StoreError> {
        self.file.rewind()?;
        header(&mut self.file)?;
        let (mut met, mut tail) = (Tail { last: self.first, ..Tail::default() }, None);
        while let Some((tag, record)) = self.file.next()? {
            let changes = match tag {
                ROWS if met.batches == 0 && tail.is_none() => changes(record).inspect(|rows| {
                    met.rows += rows.len() as u64;
                }),
                BATCH if tail.is_none() => record.split_first_chunk().and_then(|(last, rows)| {
                    let before = std::mem::replace(&mut met.last, Version::from_be_bytes(*last));
                    met.batches += 1;
                    (met.last > before).then_some(())?;
                    changes(rows)
                }),
                TAIL if tail.is_none() => read_tail(record).map(|read| {
                    tail = Some(read);
                    Vec::new()
                }),
                _ => None,
            };
            each(changes.ok_or_else(|| unread(&self.file))?)?;
        }
        if tail == Some(met) { Ok(met) } else { Err(unread(&self.file)) }
    }

    pub(super) fn bad(&self, what: impl Into<String>) -> StoreError {
        self.file.bad(what)
    }
}

/// A batch as a record.
pub(super) fn batch(buffer: &mut Vec<u8>, last: Version, changes: &[Change]) {
    buffer.clear();
    buffer.extend_from_slice(&last.to_be_bytes());
    for (key, value) in changes {
        push(buffer, key, value.as_ref());
    }
}

fn push(buffer: &mut Vec<u8>, key: &IVec, value: Option<&IVec>) {
    let length = value.map_or(DELETED, |value| u32::try_from(value.len()).expect("a value is at most a few KiB"));
    buffer.extend_from_slice(&u16::try_from(key.len()).expect("a key is at most KEY_MAX").to_be_bytes());
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(value.map_or(&[], |value| &**value));
}

fn header(file: &mut Reader) -> Result<Version, StoreError> {
    let header = match file.next()? {
        Some((HEADER, header)) => <[u8; 12]>::try_from(header).ok(),
        _ => None,
    };
    let header = header.ok_or_else(|| unread(file))?;
    let (schema, first) = header.split_at(4);
    let schema = u32::from_be_bytes(schema.try_into().expect("four bytes were split off"));
    if schema > SCHEMA {
        return Err(file.bad(format!("its rows are of schema {schema}, this build reads up to {SCHEMA}")));
    }
    Ok(Version::from_be_bytes(first.try_into().expect("four of twelve bytes were split off")))
}

/// The rows of a record, if it consists of such; a value that is not in the frame of its key is none.
fn changes(mut record: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !record.is_empty() {
        let (key_length, rest) = record.split_first_chunk()?;
        let (value_length, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*key_length).into())?;
        let (value, rest) = match u32::from_be_bytes(*value_length) {
            DELETED => (None, rest),
            length => {
                let (value, rest) = rest.split_at_checked(length as usize)?;
                frame::decode(key, value).ok()?;
                (Some(IVec::from(value)), rest)
            }
        };
        changes.push((IVec::from(key), value));
        record = rest;
    }
    Some(changes)
}

fn read_tail(record: &[u8]) -> Option<Tail> {
    let (last, rest) = record.split_first_chunk()?;
    let (rows, batches) = rest.split_first_chunk()?;
    let [last, rows, batches] = [*last, *rows, batches.try_into().ok()?].map(u64::from_be_bytes);
    Some(Tail { last, rows, batches })
}

fn unread(file: &Reader) -> StoreError {
    file.bad("its records are not those of a backup")
}
