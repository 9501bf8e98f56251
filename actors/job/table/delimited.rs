//! The rows of delimited text: CSV, and TSV with the same rules but for the tab.

use std::collections::HashMap;
use std::io;

use super::source::Source;
use super::{Columns, TableError, TableLimits, row_json};

/// Reads delimited text with a header, one record at a time.
#[derive(Debug)]
pub(super) struct Delimited<R> {
    reader: csv::Reader<Source<R>>,
    limits: TableLimits,
    headers: Vec<String>,
    /// The bytes that the header adds to each row as JSON, punctuation included.
    keys_bytes: usize,
    id_column: Option<usize>,
    /// Rows of empty cells so far.
    skipped: u64,
    /// The record last read.
    record: csv::StringRecord,
}

impl<R: io::Read> Delimited<R> {
    /// Reads and checks the header.
    pub(super) fn open(
        reader: R,
        delimiter: u8,
        limits: TableLimits,
        id_column: Option<&str>,
    ) -> Result<Self, TableError> {
        let source = Source::delimited(reader, delimiter, limits.row_bytes);
        let mut builder = csv::ReaderBuilder::new();
        let reader = builder.delimiter(delimiter).has_headers(false).flexible(true).from_reader(source);
        let record = csv::StringRecord::new();
        let mut this = Self { reader, limits, headers: Vec::new(), keys_bytes: 0, id_column: None, skipped: 0, record };
        let line = this.read()?.ok_or(TableError::NoHeader)?;
        this.headers = this.record.iter().map(str::to_owned).collect();
        this.keys_bytes = row_json(&this.headers, this.headers.iter().map(|_| "")).len();
        this.check_header(line)?;
        this.id_column = id_column.map(|name| this.find_column(name)).transpose()?;
        Ok(this)
    }

    /// Reads the next row that is not empty; returns its line.
    pub(super) fn next(&mut self) -> Result<Option<u64>, TableError> {
        loop {
            let Some(line) = self.read()? else { return Ok(None) };
            if !self.record.iter().all(str::is_empty) {
                self.check_row(line)?;
                self.reader.get_mut().row_found();
                return Ok(Some(line));
            }
            self.skipped += 1;
        }
    }

    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(super) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Returns the row last read as JSON.
    pub(super) fn json(&self) -> String {
        row_json(&self.headers, &self.record)
    }

    /// Returns the cell that names the row last read, unless it is blank.
    pub(super) fn source_id(&self) -> Option<String> {
        let cell = &self.record[self.id_column?];
        (!cell.trim().is_empty()).then(|| cell.to_owned())
    }

    pub(super) fn digest(&self) -> (u64, [u8; 32]) {
        self.reader.get_ref().digest()
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

    fn find_column(&self, name: &str) -> Result<usize, TableError> {
        let found = self.headers.iter().position(|header| header == name);
        found.ok_or_else(|| Columns(&self.headers).unknown_id(name))
    }

    fn check_row(&self, line: u64) -> Result<(), TableError> {
        let (found, wanted) = (self.record.len(), self.headers.len());
        if found != wanted {
            return Err(TableError::Ragged { line, found, wanted });
        }
        // A byte of text is at most six of JSON, so most rows need not be written to be measured.
        let limit = self.limits.row_bytes;
        if self.keys_bytes + 6 * self.record.as_slice().len() > limit && self.json().len() > limit {
            return Err(TableError::RowTooLarge { line, limit });
        }
        Ok(())
    }

    /// Reads the next record; returns the line that it starts on.
    fn read(&mut self) -> Result<Option<u64>, TableError> {
        let (byte, line) = (self.reader.position().byte(), self.reader.position().line());
        self.reader.get_mut().begin_record(byte);
        let read = self.reader.read_record(&mut self.record);
        let source = self.reader.get_ref();
        let line = line + source.blank_lines();
        match read {
            Ok(read) => Ok(read.then_some(line)),
            Err(error) => Err(source.explain(error.into(), line, self.limits.row_bytes)),
        }
    }
}
