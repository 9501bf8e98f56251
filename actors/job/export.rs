//! What a job leaves behind: its table again, with what became of each row, as CSV or as JSON lines.
//!
//! The file appears at its path whole or not at all: it is written beside it under another name, synced, and renamed.

mod error;
mod growing;
mod guard;
pub(super) mod json;
mod keys;
mod partial;
mod sheet;

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use understory_store::{OutputFormat, OutputKind};

pub use error::ExportError;
pub use growing::Growing;
pub use keys::Keys;
use partial::Partial;
pub use sheet::Sheet;

/// How much is gathered before it is written.
const BUFFER: usize = 64 << 10;

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

/// What an output is made of beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The columns of the table.
    pub headers: Vec<String>,
    /// How it is written.
    pub format: OutputFormat,
    /// The keys of results that are columns of their own; of no use in JSON lines.
    pub keys: Vec<String>,
}

/// One row of the output.
#[derive(Clone, Copy, Debug)]
pub struct ExportRow<'a> {
    /// The cells of the input; of no use in JSON lines.
    pub cells: &'a [String],
    /// The row of the input as a JSON object; of no use in CSV.
    pub row_json: &'a str,
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
    sheet: Sheet<BufWriter<Partial>>,
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
pub fn default_output(input: &Path, job8: &str, kind: OutputKind) -> PathBuf {
    let mut name = input.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".agent-job-{job8}.{}", kind.extension()));
    input.with_file_name(name)
}

impl Export {
    /// Starts an output with its header; makes the directories above it, and removes what a killed export left there.
    pub fn create(path: &Path, layout: &Layout) -> Result<Self, ExportError> {
        let create = || Sheet::begin(BufWriter::with_capacity(BUFFER, Partial::create(path)?), layout);
        let sheet = create().map_err(|error| ExportError::unwritable(path, error))?;
        Ok(Self { path: path.to_owned(), sheet })
    }

    /// Writes one row.
    pub fn row(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        self.sheet.row(row).map_err(|error| ExportError::unwritable(&self.path, error))
    }

    /// Puts the output at its path, durably.
    pub fn finish(self) -> Result<(), ExportError> {
        let Self { path, sheet } = self;
        let place = || -> io::Result<()> { sheet.end()?.into_inner().map_err(io::IntoInnerError::into_error)?.place() };
        place().map_err(|error| ExportError::unwritable(&path, error))
    }
}

#[cfg(test)]
mod tests;
