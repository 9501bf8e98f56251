//! The table that a job works on: a CSV file, read as a stream.
//!
//! A job reads its table twice: [`scan`] validates all of it and takes its hash, then [`Table`] yields the rows. Both
//! hold one row in memory, and a set of 12 bytes an id where ids come from a column. Everything here blocks; a caller
//! in async code runs it where blocking is allowed.

mod columns;
mod error;
mod item_ids;
mod row;
mod source;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(super) use columns::Columns;
pub use error::TableError;
pub use row::{Row, row_cells, row_json};

use item_ids::ItemIds;
use source::{Fault, Source};

/// What a table is held to.
#[derive(Clone, Copy, Debug)]
pub struct TableLimits {
    /// The most columns.
    pub columns: usize,
    /// The most rows, skipped ones not counted.
    pub rows: u32,
    /// The most bytes of one row as a JSON object.
    pub row_bytes: usize,
}

/// What a whole table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The columns in order.
    pub headers: Vec<String>,
    /// How many rows there are, skipped ones not counted.
    pub rows: u32,
    /// The size of the file.
    pub bytes: u64,
    /// The hash of the file.
    pub sha256: [u8; 32],
}

/// An open table: an iterator over its rows, which ends at the first error.
///
/// A row whose cells are all empty is skipped and not numbered. Headers and cells are taken as they are, except for a
/// byte order mark before the first header. Lines end at `\n`, `\r\n` or `\r`, and are counted by `\n`.
#[derive(Debug)]
pub struct Table<R> {
    records: Records<R>,
    /// The column that ids come from. Without one every id is `row-N`, unique as it is.
    id_column: Option<(usize, ItemIds)>,
}

/// Opens the file of a table.
pub fn open_file(path: &Path) -> Result<File, TableError> {
    let opened = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(file),
    });
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TableError::NotFound { path: path.to_owned() },
        _ => TableError::Open { path: path.to_owned(), source: Arc::new(error) },
    })
}

/// Reads a whole table, validates every row and takes its hash.
///
/// What passes here yields no error in a [`Table`] over the same bytes with the same limits and id column.
pub fn scan<R: io::Read>(reader: R, limits: TableLimits, id_column: Option<&str>) -> Result<Summary, TableError> {
    let mut records = Records::open(reader, limits)?;
    records.find_id_column(id_column)?;
    while records.next()?.is_some() {}
    Ok(records.summary())
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { columns: 16_384, rows: 10_000_000, row_bytes: 256 << 10 }
    }
}

impl<R: io::Read> Table<R> {
    /// Reads and checks the header.
    pub fn open(reader: R, limits: TableLimits, id_column: Option<&str>) -> Result<Self, TableError> {
        let records = Records::open(reader, limits)?;
        let id_column = records.find_id_column(id_column)?.map(|at| (at, ItemIds::default()));
        Ok(Self { records, id_column })
    }

    /// Returns the columns in order.
    pub fn headers(&self) -> &[String] {
        &self.records.headers
    }

    /// Returns what [`scan`] would, once the last row was read without an error.
    ///
    /// A job compares it with the first pass, because the file may have changed in between.
    pub fn summary(&self) -> Option<Summary> {
        (self.records.state == State::Ended).then(|| self.records.summary())
    }

    fn row(&mut self, line: u64) -> Row {
        let Records { record, number, .. } = &self.records;
        let default_id = || format!("row-{number}");
        let (source_id, item_id) = match &mut self.id_column {
            None => (None, default_id()),
            Some((at, ids)) => {
                let source_id = Some(&record[*at]).filter(|cell| !cell.trim().is_empty()).map(str::to_owned);
                let item_id = ids.claim(source_id.clone().unwrap_or_else(default_id));
                (source_id, item_id)
            }
        };
        Row { number: *number, line, item_id, source_id, cells: record.iter().map(str::to_owned).collect() }
    }
}

impl<R: io::Read> Iterator for Table<R> {
    type Item = Result<Row, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.records.next() {
            Ok(line) => line.map(|line| Ok(self.row(line))),
            Err(error) => Some(Err(error)),
        }
    }
}

/// The checked records of a table, without ids.
#[derive(Debug)]
struct Records<R> {
    reader: csv::Reader<Source<R>>,
    limits: TableLimits,
    headers: Vec<String>,
    /// The bytes that the header adds to each row as JSON, punctuation included.
    keys_bytes: usize,
    /// The row last read and its number.
    record: csv::StringRecord,
    number: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    Failed,
}

impl<R: io::Read> Records<R> {
    fn open(reader: R, limits: TableLimits) -> Result<Self, TableError> {
        let source = Source::new(reader, limits.row_bytes);
        let mut records = Self {
            reader: csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(source),
            limits,
            headers: Vec::new(),
            keys_bytes: 0,
            record: csv::StringRecord::new(),
            number: 0,
            state: State::Reading,
        };
        let line = records.read()?.ok_or(TableError::NoHeader)?;
        records.headers = records.record.iter().map(str::to_owned).collect();
        records.keys_bytes = row_json(&records.headers, &vec![String::new(); records.headers.len()]).len();
        records.check_header(line)?;
        Ok(records)
    }

    fn check_header(&self, line: u64) -> Result<(), TableError> {
        let (found, limit) = (self.headers.len(), self.limits.columns);
        if found > limit {
            return Err(TableError::TooManyColumns { found, limit });
        }
        if self.keys_bytes > self.limits.row_bytes {
            return Err(TableError::RowTooLarge { line, limit: self.limits.row_bytes });
        }
        let mut seen = HashMap::with_capacity(found);
        for (name, column) in self.headers.iter().zip(1..) {
            if let Some(first) = seen.insert(name, column) {
                return Err(TableError::DuplicateHeader { name: name.clone(), first, second: column });
            }
        }
        Ok(())
    }

    fn find_id_column(&self, name: Option<&str>) -> Result<Option<usize>, TableError> {
        let Some(name) = name else { return Ok(None) };
        match self.headers.iter().position(|header| header == name) {
            Some(at) => Ok(Some(at)),
            None => {
                Err(TableError::UnknownIdColumn { name: name.to_owned(), known: Columns(&self.headers).to_string() })
            }
        }
    }

    /// Reads the next row that is not empty into `record`; returns its line.
    fn next(&mut self) -> Result<Option<u64>, TableError> {
        if self.state != State::Reading {
            return Ok(None);
        }
        let next = self.next_filled();
        self.state = match next {
            Ok(Some(_)) => State::Reading,
            Ok(None) => State::Ended,
            Err(_) => State::Failed,
        };
        next
    }

    fn next_filled(&mut self) -> Result<Option<u64>, TableError> {
        loop {
            let Some(line) = self.read()? else { return Ok(None) };
            if self.record.iter().all(str::is_empty) {
                continue;
            }
            self.check_row(line)?;
            self.number += 1;
            return Ok(Some(line));
        }
    }

    fn check_row(&self, line: u64) -> Result<(), TableError> {
        let (found, wanted) = (self.record.len(), self.headers.len());
        if found != wanted {
            return Err(TableError::Ragged { line, found, wanted });
        }
        if self.number == self.limits.rows {
            return Err(TableError::TooManyRows { line, limit: self.limits.rows });
        }
        // A byte of text is at most six of JSON, so most rows need not be written to be measured.
        let limit = self.limits.row_bytes;
        if self.keys_bytes + 6 * self.record.as_slice().len() > limit {
            let cells: Vec<String> = self.record.iter().map(str::to_owned).collect();
            if row_json(&self.headers, &cells).len() > limit {
                return Err(TableError::RowTooLarge { line, limit });
            }
        }
        Ok(())
    }

    /// Reads the next record into `record`; returns the line that it starts on.
    fn read(&mut self) -> Result<Option<u64>, TableError> {
        let (byte, line) = (self.reader.position().byte(), self.reader.position().line());
        self.reader.get_mut().begin_record(byte);
        let read = self.reader.read_record(&mut self.record);
        let line = line + self.reader.get_ref().blank_lines();
        match read {
            Ok(true) => Ok(Some(line)),
            Ok(false) => Ok(None),
            Err(error) => Err(self.explain(error, line)),
        }
    }

    fn explain(&self, error: csv::Error, line: u64) -> TableError {
        match self.reader.get_ref().fault() {
            Some(Fault::NotUtf8 { byte, line }) => TableError::NotUtf8 { byte, line },
            Some(Fault::RecordTooLong) => TableError::RowTooLarge { line, limit: self.limits.row_bytes },
            None => TableError::Read { source: Arc::new(error.into()) },
        }
    }

    fn summary(&self) -> Summary {
        let (bytes, sha256) = self.reader.get_ref().digest();
        Summary { headers: self.headers.clone(), rows: self.number, bytes, sha256 }
    }
}

#[cfg(test)]
mod tests;
