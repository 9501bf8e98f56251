//! Why an output cannot be written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why an output cannot be written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file is there that nobody asked to overwrite.
    #[error("output {} exists already, and was not to be overwritten", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// What is there is a directory or a device.
    #[error("output {} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused. The path is as it was.
    #[error("failed to write output {}", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
}

impl ExportError {
    pub(super) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable { path: path.to_owned(), source: Arc::new(source) }
    }
}
