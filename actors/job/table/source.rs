//! What the readers of tables read from: the file's bytes, hashed and known to be UTF-8.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::TableError;
use super::quotes::{Place, QuoteFault, Quotes};

const BUFFER: usize = 64 << 10;

/// How many times as long as a row may be what holds no row: a sheet may end with a million empty ones.
const NO_ROWS_MAX: u64 = 1024;

/// The longest sequence of bytes for one character.
const CHARACTER_MAX: usize = 4;

/// A mark that may stand before everything else, and says nothing.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A reader that passes on only valid UTF-8, takes the hash of everything, and stops a record that does not end and a
/// quote that is wrong.
///
/// The CSV reader asks for more bytes only when it has used up those it got, so at each read everything passed on so
/// far belongs to finished records or to the one being read. That is how a record's length is known before its end: a
/// quote that is never closed would otherwise take the whole file into memory.
#[derive(Debug)]
pub(super) struct Source<R> {
    inner: R,
    record_max: u64,
    /// Bytes passed on since a row was last found, and how many there may be.
    idle: u64,
    idle_max: u64,
    buffer: Box<[u8]>,
    /// What lies in the buffer: bytes passed on last, bytes known to be text, bytes not yet looked at.
    passed: Range<usize>,
    text_end: usize,
    filled: usize,
    /// The offset in the file of the buffer's first byte, and the number of `\n` before it.
    base: u64,
    base_newlines: u64,
    ended: bool,
    hasher: Sha256,
    record: Begun,
    quotes: Option<Quotes>,
    /// What is behind the text known to be good.
    ahead: Option<Fault>,
    fault: Option<Fault>,
}

/// Why the source stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotUtf8 { byte: u64, line: u64 },
    RecordTooLong,
    NoRows { line: u64, bytes: u64 },
    Quote { place: Place, fault: QuoteFault },
}

/// Where the record being read begins, behind the blank lines that the CSV reader skips.
#[derive(Debug)]
struct Begun {
    at: Option<u64>,
    blank_lines: u64,
}

impl<R: Read> Source<R> {
    /// Of any text, whose rows are at most so long.
    pub(super) fn new(inner: R, row_bytes: usize) -> Self {
        Self {
            inner,
            record_max: u64::MAX,
            idle: 0,
            idle_max: (row_bytes as u64).saturating_mul(NO_ROWS_MAX).saturating_add(BUFFER as u64),
            buffer: vec![0; BUFFER].into(),
            passed: 0..0,
            text_end: 0,
            filled: 0,
            base: 0,
            base_newlines: 0,
            ended: false,
            hasher: Sha256::new(),
            record: Begun { at: None, blank_lines: 0 },
            quotes: None,
            ahead: None,
            fault: None,
        }
    }

    /// Of delimited text, whose quotes are watched and whose records are at most so long.
    pub(super) fn delimited(inner: R, delimiter: u8, record_max: usize) -> Self {
        Self { record_max: record_max as u64, quotes: Some(Quotes::new(delimiter)), ..Self::new(inner, record_max) }
    }

    /// Says that a row was found in what was passed on.
    pub(super) fn row_found(&mut self) {
        self.idle = 0;
    }

    /// Says that the record before has ended at an offset.
    pub(super) fn begin_record(&mut self, offset: u64) {
        self.record = Begun { at: None, blank_lines: 0 };
        let from = usize::try_from(offset - self.base).expect("the record ended in the bytes passed on last");
        self.look_for_record(from..self.passed.end);
    }

    /// Returns how many blank lines stand before the record being read.
    pub(super) fn blank_lines(&self) -> u64 {
        self.record.blank_lines
    }

    /// Says what an error in reading was, in a record that begins in `line` and may have `record_max` bytes.
    pub(super) fn explain(&self, error: io::Error, line: u64, record_max: usize) -> TableError {
        match self.fault {
            Some(Fault::NotUtf8 { byte, line }) => TableError::NotUtf8 { byte, line },
            Some(Fault::NoRows { line, bytes }) => TableError::NoRows { line, bytes },
            Some(Fault::RecordTooLong) => TableError::RowTooLarge { line, limit: record_max },
            Some(Fault::Quote { place: Place { line, column }, fault }) => TableError::Quote { line, column, fault },
            None => TableError::Read { source: Arc::new(error) },
        }
    }

    /// Returns the count and the hash of all bytes, once the last was passed on.
    pub(super) fn digest(&self) -> (u64, [u8; 32]) {
        (self.base, self.hasher.clone().finalize().into())
    }

    fn look_for_record(&mut self, range: Range<usize>) {
        if self.record.at.is_some() {
            return;
        }
        for at in range {
            match self.buffer[at] {
                b'\n' => self.record.blank_lines += 1,
                b'\r' => {}
                _ => {
                    self.record.at = Some(self.base + at as u64);
                    return;
                }
            }
        }
    }

    /// Reads until there is text to pass on, or nothing left.
    fn fill(&mut self) -> io::Result<()> {
        if let Some(fault) = self.ahead {
            return Err(self.stop(fault));
        }
        self.base_newlines += newlines(&self.buffer[..self.text_end]);
        self.buffer.copy_within(self.text_end..self.filled, 0);
        self.base += self.text_end as u64;
        self.filled -= self.text_end;
        self.passed = 0..0;
        self.text_end = 0;
        // The CSV reader looks for a byte order mark in the first bytes it gets, which must not be cut short.
        while !self.ended && self.filled < CHARACTER_MAX {
            self.read_some()?;
        }
        match std::str::from_utf8(&self.buffer[..self.filled]) {
            Ok(_) => self.text_end = self.filled,
            Err(error) => self.text_end = error.valid_up_to(),
        }
        if self.text_end == 0 && self.filled > 0 {
            return Err(self.stop(Fault::NotUtf8 { byte: self.base, line: self.base_newlines + 1 }));
        }
        self.watch_quotes();
        match self.ahead {
            Some(fault) if self.text_end == 0 => Err(self.stop(fault)),
            _ => Ok(()),
        }
    }

    /// Ends the text before the first quote that is wrong.
    fn watch_quotes(&mut self) {
        let Some(quotes) = &mut self.quotes else { return };
        if self.text_end == 0 {
            self.ahead = quotes.end().map(|(place, fault)| Fault::Quote { place, fault });
            return;
        }
        let text = &self.buffer[..self.text_end];
        let mark = if self.base == 0 && text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        if let Some((good, place, fault)) = quotes.pass(&text[mark..]) {
            self.text_end = mark + good;
            self.ahead = Some(Fault::Quote { place, fault });
        }
    }

    fn read_some(&mut self) -> io::Result<()> {
        let read = loop {
            match self.inner.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.hasher.update(&self.buffer[self.filled..self.filled + read]);
        self.filled += read;
        self.ended = read == 0;
        Ok(())
    }

    fn stop(&mut self, fault: Fault) -> io::Error {
        self.fault = Some(fault);
        io::ErrorKind::InvalidData.into()
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let passed_end = self.base + self.passed.end as u64;
        if self.record.at.is_some_and(|begun| passed_end - begun > self.record_max) {
            return Err(self.stop(Fault::RecordTooLong));
        }
        if self.passed.end == self.text_end {
            self.fill()?;
        }
        let start = self.passed.end;
        let length = into.len().min(self.text_end - start);
        into[..length].copy_from_slice(&self.buffer[start..start + length]);
        self.passed = start..start + length;
        self.idle += length as u64;
        if self.idle > self.idle_max {
            let line = self.base_newlines + newlines(&self.buffer[..self.passed.end]) + 1;
            return Err(self.stop(Fault::NoRows { line, bytes: self.idle }));
        }
        self.look_for_record(self.passed.clone());
        Ok(length)
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
