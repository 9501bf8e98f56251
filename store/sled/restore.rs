//! Making a store of a backup.
//!
//! ```text
//! check the file to its end -> store.restoring: rows, then batches -> open and sync it -> rename it to `store`
//! ```

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::backup_file::BackupReader;
use super::beside::{RESTORING, beside};
use super::making::{Made, Making};
use super::{SledBackend, fault, spawn};
use crate::archive::sync_parent;
use crate::error::StoreError;
use crate::seam::Version;

/// A store that was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its last commit.
    pub last: Version,
    /// The rows that were read, the backend's own among them.
    pub rows: u64,
    /// The batches that were applied to them.
    pub batches: u64,
}

impl SledBackend {
    /// Makes the store in `dir`, which must not be there, of the backup in `file`: rows have the versions they had, and the
    /// next commit is the one behind the backup's last.
    ///
    /// The folder appears whole, with its name. What a killed process leaves lies in `DIR.restoring`, and goes with the next.
    /// Dropped, it goes on to its end.
    ///
    /// # Errors
    /// The folder is there and not empty, somebody else restores there, the file is not whole or cannot be read, or the store
    /// cannot be written; then nothing is left of it.
    pub async fn restore(file: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Result<Restored, StoreError> {
        let (file, dir) = (file.into(), dir.into());
        aside("store-restore", dir.clone(), move || restore(&file, &dir)).await
    }
}

/// Does something at a store that is not open on a thread of its own; a panic of the engine is the store's damage.
pub(super) async fn aside<T: Send + 'static>(
    name: &str,
    dir: PathBuf,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    spawn(name, move || {
        let done = catch_unwind(AssertUnwindSafe(work));
        let done = done.unwrap_or_else(|panic| Err(fault::panicked(dir.display().to_string(), &*panic)));
        // It is done, whoever wants to know.
        let _ = answer.send(done);
    })?;
    answered.await.unwrap_or(Err(StoreError::Poisoned(None)))
}

fn restore(file: &Path, dir: &Path) -> Result<Restored, StoreError> {
    refuse_existing(dir)?;
    let mut backup = BackupReader::open(file)?;
    backup.read(|_| Ok(()))?;
    let mut making = Making::begin(beside(dir, RESTORING))?;
    // The second reading is checked to the end like the first: the file may have been changed in between.
    let tail = backup.read(|changes| making.apply(changes))?;
    let made = making.finish(|_, head| match head.last == tail.last {
        true => Ok(()),
        false => Err(backup.bad(format!("its rows are those of commit {}, not {}", head.last, tail.last))),
    })?;
    put(made, dir)?;
    Ok(Restored { last: tail.last, rows: tail.rows, batches: tail.batches })
}

fn refuse_existing(dir: &Path) -> Result<(), StoreError> {
    let exists = || StoreError::FileExists { path: dir.display().to_string() };
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                Err(exists())
            } else {
                Ok(())
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(exists()),
        Err(error) => Err(fault::io_error("look into", dir, error)),
    }
}

/// Gives the store its name, which an empty folder may have.
fn put(mut made: Made, dir: &Path) -> Result<(), StoreError> {
    fs::rename(&made.dir, dir).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
            StoreError::FileExists { path: dir.display().to_string() }
        }
        _ => fault::io_error("rename to", dir, error),
    })?;
    made.keep();
    sync_parent(dir).map_err(|error| fault::io_error("sync beside", dir, error))
}
