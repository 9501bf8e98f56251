//! The table that a job works on: CSV, TSV, JSON lines or a JSON array, read as a stream.
//!
//! A job reads its table twice: [`scan`] validates all of it and takes its hash, then [`Table`] yields the rows. Both
//! hold one row in memory, and a set of 12 bytes an id where ids come from a column. Everything here blocks; a caller
//! in async code runs it where blocking is allowed.
//!
//! ```text
//!   file --bytes--> source --text--> delimited (quotes) ----+--> rows --> ids --> Table
//!              (hash, utf-8)  \----> pieces --> json (keys) -+
//! ```

mod columns;
mod delimited;
mod error;
mod item_ids;
mod json;
mod object;
mod pieces;
mod quotes;
mod row;
mod source;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use understory_store::TableFormat;

pub(super) use columns::Columns;
pub use error::TableError;
pub use quotes::QuoteFault;
pub use row::{Row, row_cells, row_json};

use delimited::Delimited;
use item_ids::ItemIds;
use json::Objects;

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
    /// The columns in order; those of a JSON table are its keys, in the order in which they first appear.
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
/// Delimited text: a row whose cells are all empty is skipped and not numbered. Headers and cells are taken as they are,
/// except for a byte order mark before the first header. Lines end at `\n`, `\r\n` or `\r`, and are counted by `\n`. TSV
/// is quoted as CSV is.
///
/// JSON: every object is a row, and values stay what they are. A row may lack keys that others have. Blank lines are
/// skipped.
#[derive(Debug)]
pub struct Table<R> {
    records: Records<R>,
    /// Those given out, where a column has them. Without one every id is `row-N`, unique as it is.
    item_ids: Option<ItemIds>,
}

/// Returns the format that a file's name says it has: CSV if it says nothing.
pub fn format_of(path: &Path) -> TableFormat {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("tsv") => TableFormat::Tsv,
        Some("jsonl" | "ndjson") => TableFormat::JsonLines,
        Some("json") => TableFormat::JsonArray,
        _ => TableFormat::Csv,
    }
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
/// What passes here yields no error in a [`Table`] over the same bytes with the same format, limits and id column.
pub fn scan<R: io::Read>(
    reader: R,
    format: TableFormat,
    limits: TableLimits,
    id_column: Option<&str>,
) -> Result<Summary, TableError> {
    let mut records = Records::open(reader, format, limits, id_column)?;
    while records.next()?.is_some() {}
    Ok(records.summary())
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { columns: 16_384, rows: 10_000_000, row_bytes: 256 << 10 }
    }
}

impl<R: io::Read> Table<R> {
    /// Opens a table; reads and checks its header, if it has one.
    pub fn open(
        reader: R,
        format: TableFormat,
        limits: TableLimits,
        id_column: Option<&str>,
    ) -> Result<Self, TableError> {
        let records = Records::open(reader, format, limits, id_column)?;
        Ok(Self { records, item_ids: id_column.map(|_| ItemIds::default()) })
    }

    /// Returns the columns in order: those of a JSON table as far as it was read.
    pub fn headers(&self) -> &[String] {
        self.records.reader.headers()
    }

    /// Returns how many rows of empty cells were skipped so far.
    pub fn skipped(&self) -> u64 {
        match &self.records.reader {
            Reader::Delimited(reader) => reader.skipped(),
            Reader::Objects(_) => 0,
        }
    }

    /// Returns what [`scan`] would, once the last row was read without an error.
    ///
    /// A job compares it with the first pass, because the file may have changed in between.
    pub fn summary(&self) -> Option<Summary> {
        (self.records.state == State::Ended).then(|| self.records.summary())
    }

    fn row(&mut self, line: u64) -> Row {
        let Records { reader, number, .. } = &self.records;
        let default_id = || format!("row-{number}");
        let (source_id, item_id) = match &mut self.item_ids {
            None => (None, default_id()),
            Some(ids) => {
                let source_id = reader.source_id();
                let item_id = ids.claim(source_id.clone().unwrap_or_else(default_id));
                (source_id, item_id)
            }
        };
        Row { number: *number, line, item_id, source_id, json: reader.json() }
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

/// The checked rows of a table, without ids.
#[derive(Debug)]
struct Records<R> {
    reader: Reader<R>,
    rows_max: u32,
    /// The number of the row last read.
    number: u32,
    state: State,
}

#[derive(Debug)]
enum Reader<R> {
    Delimited(Box<Delimited<R>>),
    Objects(Box<Objects<R>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    Failed,
}

impl<R: io::Read> Records<R> {
    fn open(reader: R, format: TableFormat, limits: TableLimits, id_column: Option<&str>) -> Result<Self, TableError> {
        let delimited = |reader, delimiter| Delimited::open(reader, delimiter, limits, id_column);
        let reader = match format {
            TableFormat::Csv => Reader::Delimited(delimited(reader, b',')?.into()),
            TableFormat::Tsv => Reader::Delimited(delimited(reader, b'\t')?.into()),
            TableFormat::JsonLines => Reader::Objects(Objects::lines(reader, limits, id_column).into()),
            TableFormat::JsonArray => Reader::Objects(Objects::array(reader, limits, id_column).into()),
        };
        Ok(Self { reader, rows_max: limits.rows, number: 0, state: State::Reading })
    }

    /// Reads the next row that is not skipped; returns its line.
    fn next(&mut self) -> Result<Option<u64>, TableError> {
        if self.state != State::Reading {
            return Ok(None);
        }
        let next = self.next_numbered();
        self.state = match next {
            Ok(Some(_)) => State::Reading,
            Ok(None) => State::Ended,
            Err(_) => State::Failed,
        };
        next
    }

    fn next_numbered(&mut self) -> Result<Option<u64>, TableError> {
        let next = match &mut self.reader {
            Reader::Delimited(reader) => reader.next()?,
            Reader::Objects(reader) => reader.next()?,
        };
        let Some(line) = next else { return Ok(None) };
        if self.number == self.rows_max {
            return Err(TableError::TooManyRows { line, limit: self.rows_max });
        }
        self.number += 1;
        Ok(Some(line))
    }

    fn summary(&self) -> Summary {
        let (bytes, sha256) = match &self.reader {
            Reader::Delimited(reader) => reader.digest(),
            Reader::Objects(reader) => reader.digest(),
        };
        Summary { headers: self.reader.headers().to_vec(), rows: self.number, bytes, sha256 }
    }
}

impl<R: io::Read> Reader<R> {
    fn headers(&self) -> &[String] {
        match self {
            Reader::Delimited(reader) => reader.headers(),
            Reader::Objects(reader) => reader.headers(),
        }
    }

    /// The row last read as JSON.
    fn json(&self) -> String {
        match self {
            Reader::Delimited(reader) => reader.json(),
            Reader::Objects(reader) => reader.json(),
        }
    }

    /// The cell that names the row last read.
    fn source_id(&self) -> Option<String> {
        match self {
            Reader::Delimited(reader) => reader.source_id(),
            Reader::Objects(reader) => reader.source_id(),
        }
    }
}

#[cfg(test)]
mod tests;
