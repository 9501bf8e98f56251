//! What a job leaves behind: its table as CSV again, with what became of each row.
//!
//! The file appears at its path whole or not at all: it is written beside it under another name, synced, and renamed.

mod error;
pub(super) mod json;
mod partial;

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

pub use error::ExportError;
use partial::Partial;

/// The columns that come after those of the table, in this order. A table that has one of the same name keeps it.
pub const COLUMNS: [&str; 10] = [
    "job_id",
    "item_id",
    "row_index",
    "source_id",
    "status",
    "attempt_count",
    "last_error",
    "result_json",
    "reported_at",
    "completed_at",
];

/// One row of the output.
#[derive(Clone, Copy, Debug)]
pub struct ExportRow<'a> {
    /// The cells of the input.
    pub cells: &'a [String],
    /// The job's id.
    pub job_id: &'a str,
    /// The row's id in the job.
    pub item_id: &'a str,
    /// The row's place, counted from 0 without the rows skipped.
    pub row_index: u32,
    /// The cell that the id was made from.
    pub source_id: Option<&'a str>,
    /// Where the row stands.
    pub status: &'a str,
    /// How many runs were started.
    pub attempt_count: u32,
    /// What went wrong last.
    pub last_error: Option<&'a str>,
    /// What was reported, as JSON; written without the blanks between its parts.
    pub result_json: Option<&'a str>,
    /// When it was reported, in milliseconds since 1970 UTC.
    pub reported_at: Option<u64>,
    /// When the row came to its end, in milliseconds since 1970 UTC.
    pub completed_at: Option<u64>,
}

/// An output being written.
///
/// Dropping it leaves the path as it was. A process that is killed leaves the partial file, which the next export to
/// the same path removes.
#[derive(Debug)]
pub struct Export {
    path: PathBuf,
    writer: csv::Writer<BufWriter<Partial>>,
}

/// Checks, before any row runs, that an output could be written to `path`. Leaves nothing there.
pub fn check_writable(path: &Path, overwrite: bool) -> Result<(), ExportError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(ExportError::NotAFile { path: path.to_owned() }),
        Ok(_) if !overwrite => return Err(ExportError::Exists { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ExportError::unwritable(path, error)),
    }
    partial::check(path).map_err(|error| ExportError::unwritable(path, error))
}

/// Returns where the output of a job goes that was not told: beside its table, under a name of its own.
pub fn default_output(input: &Path, job8: &str) -> PathBuf {
    let mut name = input.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".agent-job-{job8}.csv"));
    input.with_file_name(name)
}

impl Export {
    /// Starts an output with its header; makes the directories above it, and removes what a killed export left there.
    pub fn create(path: &Path, headers: &[String]) -> Result<Self, ExportError> {
        let file = Partial::create(path).map_err(|error| ExportError::unwritable(path, error))?;
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::with_capacity(64 << 10, file));
        let mut export = Self { path: path.to_owned(), writer };
        export.record(headers, COLUMNS)?;
        Ok(export)
    }

    /// Writes one row.
    pub fn row(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        let result = row.result_json.map(json::compact).unwrap_or_default();
        let (row_index, attempt_count) = (row.row_index.to_string(), row.attempt_count.to_string());
        let (reported_at, completed_at) = (time(row.reported_at), time(row.completed_at));
        let columns: [&str; COLUMNS.len()] = [
            row.job_id,
            row.item_id,
            &row_index,
            row.source_id.unwrap_or_default(),
            row.status,
            &attempt_count,
            row.last_error.unwrap_or_default(),
            &result,
            &reported_at,
            &completed_at,
        ];
        self.record(row.cells, columns)
    }

    /// Puts the output at its path, durably.
    pub fn finish(self) -> Result<(), ExportError> {
        let Self { path, writer } = self;
        let place = || -> io::Result<()> {
            let file = writer.into_inner().map_err(|error| error.into_error())?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.place()
        };
        place().map_err(|error| ExportError::unwritable(&path, error))
    }

    fn record(&mut self, cells: &[String], columns: [&str; COLUMNS.len()]) -> Result<(), ExportError> {
        let fields = cells.iter().map(String::as_str).chain(columns);
        self.writer.write_record(fields).map_err(|error| ExportError::unwritable(&self.path, error.into()))
    }
}

/// Writes a time as RFC 3339 in UTC, to the millisecond; nothing for none.
fn time(milliseconds: Option<u64>) -> String {
    let Some(milliseconds) = milliseconds else { return String::new() };
    match i64::try_from(milliseconds).map(jiff::Timestamp::from_millisecond) {
        Ok(Ok(time)) => format!("{time:.3}"),
        // No clock says so before the year 9999; the number is more use than an error at the end of a job.
        _ => milliseconds.to_string(),
    }
}

#[cfg(test)]
mod tests;
