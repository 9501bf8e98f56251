//! The rows of a JSON table: objects, one a line or all in one array.

use std::collections::HashSet;
use std::io;

use super::object::{Fields, Sound, cell};
use super::pieces::{Piece, Pieces};
use super::quotes::Place;
use super::{Columns, TableError, TableLimits};
use crate::job::export::json::compact;

/// Reads JSON objects, one at a time. The columns are their keys, in the order in which they first appear.
#[derive(Debug)]
pub(super) struct Objects<R> {
    pieces: Pieces<R>,
    limits: TableLimits,
    keys: Keys,
    id_column: Option<String>,
    /// The row last read without blanks between its parts, and the cell that names it.
    json: String,
    source_id: Option<String>,
}

/// The keys that rows had so far.
#[derive(Debug)]
struct Keys {
    headers: Vec<String>,
    known: HashSet<String>,
    /// The bytes of a row that has them all and nothing in them.
    bytes: usize,
}

impl<R: io::Read> Objects<R> {
    /// Of one row a line.
    pub(super) fn lines(reader: R, limits: TableLimits, id_column: Option<&str>) -> Self {
        Self::new(Pieces::lines(reader, limits.row_bytes), limits, id_column)
    }

    /// Of one array of rows.
    pub(super) fn array(reader: R, limits: TableLimits, id_column: Option<&str>) -> Self {
        Self::new(Pieces::array(reader, limits.row_bytes), limits, id_column)
    }

    fn new(pieces: Pieces<R>, limits: TableLimits, id_column: Option<&str>) -> Self {
        let keys = Keys { headers: Vec::new(), known: HashSet::new(), bytes: "{}".len() };
        Self { pieces, limits, keys, id_column: id_column.map(str::to_owned), json: String::new(), source_id: None }
    }

    /// Reads the next row; returns its line. At the end the column for ids must have been there, if any row was.
    pub(super) fn next(&mut self) -> Result<Option<u64>, TableError> {
        let Some(piece) = self.pieces.next()? else { return self.check_id_column().map(|()| None) };
        let line = piece.place.line;
        let wrong = |error| explain(piece, &error);
        serde_json::from_str::<Sound>(piece.text()).map_err(wrong)?;
        self.json = compact(piece.text());
        if self.json.len() > self.limits.row_bytes {
            return Err(TableError::RowTooLarge { line, limit: self.limits.row_bytes });
        }
        let Fields(fields) = serde_json::from_str(&self.json).map_err(wrong)?;
        self.source_id = None;
        for (key, value) in fields {
            if self.id_column.as_ref() == Some(&key) && value.get() != "null" {
                self.source_id = Some(cell(value).map_err(wrong)?).filter(|cell| !cell.trim().is_empty());
            }
            self.keys.add(key, line, self.limits)?;
        }
        Ok(Some(line))
    }

    /// Returns the columns of the rows read so far.
    pub(super) fn headers(&self) -> &[String] {
        &self.keys.headers
    }

    /// Returns the row last read.
    pub(super) fn json(&self) -> String {
        self.json.clone()
    }

    /// Returns the cell that names the row last read, unless it is blank or null.
    pub(super) fn source_id(&self) -> Option<String> {
        self.source_id.clone()
    }

    pub(super) fn digest(&self) -> (u64, [u8; 32]) {
        self.pieces.digest()
    }

    fn check_id_column(&self) -> Result<(), TableError> {
        match &self.id_column {
            Some(name) if !self.json.is_empty() && !self.keys.known.contains(name) => {
                Err(Columns(&self.keys.headers).unknown_id(name))
            }
            _ => Ok(()),
        }
    }
}

impl Keys {
    fn add(&mut self, key: String, line: u64, limits: TableLimits) -> Result<(), TableError> {
        if self.known.contains(&key) {
            return Ok(());
        }
        if self.headers.len() == limits.columns {
            return Err(TableError::TooManyKeys { line, limit: limits.columns });
        }
        // A key stands in quotes, with a colon, two more quotes and a comma behind it.
        self.bytes += serde_json::to_string(&key).map_or(key.len(), |text| text.len()) + ":\"\",".len();
        if self.bytes > limits.row_bytes + ",".len() {
            return Err(TableError::KeysTooLarge { line, limit: limits.row_bytes });
        }
        self.headers.push(key.clone());
        self.known.insert(key);
        Ok(())
    }
}

/// Says where in the table, in characters, an error in a row is that knows its line in the row, and its byte there.
fn explain(piece: &Piece, error: &serde_json::Error) -> TableError {
    let (line, byte) = (error.line(), error.column());
    let what = error.to_string();
    let what = what.strip_suffix(&format!(" at line {line} column {byte}")).unwrap_or(&what).to_owned();
    let behind: usize = piece.text().split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let at = (behind + byte.saturating_sub(1)).min(piece.text().len());
    let mut place = piece.place;
    piece.text().as_bytes()[..at].iter().for_each(|byte| place.pass(*byte));
    let Place { line, column } = place;
    TableError::Json { line, column, what }
}
