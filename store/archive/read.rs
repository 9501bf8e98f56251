//! Reading one.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{END, HASH, LAYOUT, LINE_MAX, RECORD_MAX, failed};
use crate::error::StoreError;

/// How much is read at once.
const BUFFER: usize = 256 << 10;

/// A file that is read from its beginning to its end, any number of times.
pub(crate) struct Reader {
    input: BufReader<File>,
    hash: Sha256,
    path: PathBuf,
    kind: &'static str,
    /// Where the next record begins.
    at: u64,
    /// It was read to its end.
    over: bool,
    record: Vec<u8>,
}

impl Reader {
    /// Opens a file of such a kind.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub(crate) fn open(path: &Path, kind: &'static str) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| failed("open", path, error))?;
        let metadata = file.metadata().map_err(|error| failed("open", path, error))?;
        let input = BufReader::with_capacity(BUFFER, file);
        let path = path.to_owned();
        let mut reader = Reader { input, hash: Sha256::new(), path, kind, at: 0, over: false, record: Vec::new() };
        if !metadata.is_file() {
            return Err(reader.bad("it is no plain file"));
        }
        reader.begin()?;
        Ok(reader)
    }

    /// Goes back to the first record.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn rewind(&mut self) -> Result<(), StoreError> {
        self.input.rewind().map_err(|error| failed("read", &self.path, error))?;
        self.begin()
    }

    /// The next record, as its tag and bytes; nothing at the end of a file that is whole.
    ///
    /// # Errors
    /// The file cannot be read, or is not what was written.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, &[u8])>, StoreError> {
        if self.over {
            return Ok(None);
        }
        let [tag] = self.exactly()?;
        if tag == END {
            self.check_end()?;
            self.over = true;
            return Ok(None);
        }
        let length = u32::from_be_bytes(self.exactly()?) as usize;
        if length > RECORD_MAX {
            return Err(self.bad(format!("byte {} begins no record", self.at)));
        }
        self.record.clear();
        let read = self.input.by_ref().take(length as u64).read_to_end(&mut self.record);
        if read.map_err(|error| failed("read", &self.path, error))? < length {
            return Err(self.cut());
        }
        self.hash.update(&self.record);
        self.at += 1 + 4 + length as u64;
        Ok(Some((tag, &self.record)))
    }

    /// How many bytes were read of it; behind its end, all.
    pub(crate) fn length(&self) -> u64 {
        self.at + 1 + HASH as u64
    }

    /// What is to be said of a file that is not as it must be.
    pub(crate) fn bad(&self, what: impl Into<String>) -> StoreError {
        StoreError::FileDamaged { path: self.path.display().to_string(), what: what.into() }
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let mut line = Vec::new();
        let read = self.input.by_ref().take(LINE_MAX as u64).read_until(b'\n', &mut line);
        read.map_err(|error| failed("read", &self.path, error))?;
        let words = std::str::from_utf8(&line).ok().and_then(|line| line.strip_suffix('\n'));
        let words: Vec<&str> = words.unwrap_or_default().split(' ').collect();
        let ["understory", kind, layout] = words[..] else {
            return Err(self.bad("it is no file of understory's"));
        };
        if kind != self.kind {
            return Err(self.bad(format!("it holds a {kind}, not a {}", self.kind)));
        }
        match layout.parse::<u32>() {
            Ok(LAYOUT) => {}
            Ok(found) if found > LAYOUT => {
                return Err(StoreError::NewerSchema { dir: self.path.display().to_string(), found, supported: LAYOUT });
            }
            _ => return Err(self.bad("it is no file of understory's")),
        }
        self.at = line.len() as u64;
        self.over = false;
        self.hash = Sha256::new();
        self.hash.update(&line);
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), StoreError> {
        let hash = self.hash.clone().finalize();
        let found: [u8; HASH] = self.exactly()?;
        if found[..] != hash[..] {
            return Err(self.bad("its checksum does not hold"));
        }
        let more = self.input.fill_buf().map_err(|error| failed("read", &self.path, error))?;
        if more.is_empty() { Ok(()) } else { Err(self.bad("it goes on behind its end")) }
    }

    fn exactly<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], StoreError> {
        let mut bytes = [0; LENGTH];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => {
                self.hash.update(bytes);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.cut()),
            Err(error) => Err(failed("read", &self.path, error)),
        }
    }

    fn cut(&self) -> StoreError {
        self.bad(format!("it was cut or changed: it ends within what begins at byte {}", self.at))
    }
}
