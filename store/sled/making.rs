//! A store in the making, beside its place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sled::{Batch, Db};

use super::backup_file::Change;
use super::beside;
use super::committer::fits;
use super::disk::Fdatasync;
use super::fault;
use super::meta::{self, Head};
use super::open::{self, DB, Lock};
use crate::error::StoreError;

/// The engine's cache while it takes all rows, in bytes.
const CACHE: u64 = 64 << 20;

/// A store that takes rows. Dropped before it is made, it leaves nothing behind.
pub(super) struct Making {
    db: Db,
    file: File,
    made: Made,
}

/// A store that is whole and on disk, under a name of its own.
pub(super) struct Made {
    pub(super) dir: PathBuf,
    /// Whether what lies there is to be removed.
    kept: bool,
    _lock: Lock,
}

impl Making {
    /// Begins one in `dir`, in place of what a killed process left there.
    pub(super) fn begin(dir: PathBuf) -> Result<Self, StoreError> {
        beside::clear(&dir)?;
        fs::create_dir(&dir).map_err(|error| fault::io_error("create", &dir, error))?;
        let lock = open::lock(&dir)?;
        let made = Made { dir, kept: false, _lock: lock };
        let db = open::engine(&made.dir, CACHE)?;
        let path = made.dir.join(DB);
        let file = File::open(&path).map_err(|error| fault::io_error("open", &path, error))?;
        Ok(Making { db, file, made })
    }

    /// Writes rows, in order.
    ///
    /// # Errors
    /// The engine fails, or there would not be the room left that it needs.
    pub(super) fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let size = |(key, value): &Change| key.len() + value.as_ref().map_or(0, |value| value.len());
        let bytes: usize = changes.iter().map(size).sum();
        let dir = &self.made.dir;
        let fits =
            fits(&Fdatasync, &self.file, bytes as u64).map_err(|error| fault::io_error("look at", dir, error))?;
        if !fits {
            return Err(fault::io_error("write", dir, io::ErrorKind::StorageFull.into()));
        }
        let mut batch = Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch).map_err(|error| fault::opening(dir, error))
    }

    /// Closes the engine, opens it once more, which makes it fast to open and shows what is there, and makes all of it
    /// durable. `check` looks at what is there.
    pub(super) fn finish(self, check: impl FnOnce(&Db, Head) -> Result<(), StoreError>) -> Result<Made, StoreError> {
        let Making { db, file, made } = self;
        db.flush().map_err(|error| fault::opening(&made.dir, error))?;
        drop((db, file));
        let db = open::engine(&made.dir, CACHE)?;
        let head = meta::schema(&db)?.and(meta::head(&db)?).ok_or_else(|| StoreError::Damaged {
            place: made.dir.display().to_string(),
            what: "it does not say where its commits stand".to_owned(),
        })?;
        check(&db, head)?;
        drop(db);
        open::finish_creation(&made.dir)?;
        Ok(made)
    }
}

impl Made {
    /// From here on what lies under its name is not its to remove.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Removes what lies under its name, and says if that fails.
    pub(super) fn remove(mut self) -> Result<(), StoreError> {
        self.kept = true;
        remove(&self.dir)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if !self.kept {
            // What stays goes when the store is opened, or the next is made.
            let _ = remove(&self.dir);
        }
    }
}

fn remove(dir: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(dir) {
        // Somebody who opened the store meanwhile may have begun to do the same.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault::io_error("remove", dir, error)),
        _ => Ok(()),
    }
}
