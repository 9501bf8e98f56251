//! What the engine's errors and panics mean to the store.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{CommitError, Source, StoreError};

/// Why nothing can be written any more.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The disk is full.
    Full(Source),
    /// A write or a sync failed, and nobody knows what of it is on disk.
    Failed(Source),
}

/// A panic of the engine, by what it said.
#[derive(Debug, thiserror::Error)]
#[error("engine panicked: {0}")]
struct Panicked(String);

impl Fault {
    /// Why a commit is refused.
    pub(super) fn refusal(&self) -> CommitError {
        match self {
            Fault::Full(_) => CommitError::StorageFull,
            Fault::Failed(_) => CommitError::Store(self.poison()),
        }
    }

    /// Why what was waited for does not come.
    pub(super) fn poison(&self) -> StoreError {
        let (Fault::Full(source) | Fault::Failed(source)) = self;
        StoreError::Poisoned(Some(Arc::clone(source)))
    }

    pub(super) fn panic(panic: &(dyn Any + Send)) -> Self {
        Fault::Failed(Arc::new(Panicked(said(panic))))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::Full(Arc::new(error)),
            _ => Fault::Failed(Arc::new(error)),
        }
    }
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Fault::from(error),
            error => Fault::Failed(Arc::new(error)),
        }
    }
}

/// What an error of reading at `key` means.
pub(super) fn reading(key: &[u8], error: sled::Error) -> StoreError {
    let place = key.escape_ascii().to_string();
    let doing = format!("read {place}");
    refused(error, place, doing)
}

/// What an error of opening the engine in `dir` means.
pub(super) fn opening(dir: &Path, error: sled::Error) -> StoreError {
    let place = dir.display().to_string();
    let doing = format!("open the engine in {place}");
    refused(error, place, doing)
}

fn refused(error: sled::Error, place: String, doing: String) -> StoreError {
    match error {
        sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            StoreError::Damaged { place, what: "the engine's file ends before it".to_owned() }
        }
        sled::Error::Io(error) => StoreError::Io { doing, source: Arc::new(error) },
        error => StoreError::Damaged { place, what: error.to_string() },
    }
}

/// What a panic of the engine at `place` means.
pub(super) fn panicked(place: String, panic: &(dyn Any + Send)) -> StoreError {
    StoreError::Damaged { place, what: format!("the engine panicked: {}", said(panic)) }
}

/// What an error of the operating system at `path` means.
pub(super) fn io_error(doing: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::Io { doing: format!("{doing} {}", path.display()), source: Arc::new(error) }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("nothing").to_owned()
}
