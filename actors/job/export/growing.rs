//! An output at its path before it is whole.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::partial::Partial;
use super::{BUFFER, ExportError, ExportRow, Layout, Sheet};

/// An output that grows. It appears at its path with what it has when it is first shown, in place of what was there, and
/// nothing of it is synced.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    sheet: Sheet<BufWriter<File>>,
    /// The file, until it is at its path.
    beside: Option<Partial>,
}

impl Growing {
    /// Starts one with its header, beside its path.
    pub fn create(path: &Path, layout: &Layout) -> Result<Self, ExportError> {
        let create = || -> io::Result<Self> {
            let partial = Partial::create(path)?;
            let sheet = Sheet::begin(BufWriter::with_capacity(BUFFER, partial.file()?), layout)?;
            Ok(Self { path: path.to_owned(), sheet, beside: Some(partial) })
        };
        create().map_err(|error| ExportError::unwritable(path, error))
    }

    /// Writes one row.
    pub fn row(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        self.sheet.row(row).map_err(|error| ExportError::unwritable(&self.path, error))
    }

    /// Has everything that was written so far be seen at the path.
    pub fn show(mut self) -> Result<Self, ExportError> {
        let shown = self.sheet.flush().and_then(|()| self.beside.take().map_or(Ok(()), Partial::show));
        shown.map_err(|error| ExportError::unwritable(&self.path, error))?;
        Ok(self)
    }
}
