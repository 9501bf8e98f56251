//! Making a store smaller: the engine's file never shrinks, so all rows go into a new one.
//!
//! ```text
//!                                        store     store.compacting
//! copy rows, versions and all            old       a part of the new
//! read it again, compare, sync           old       new
//! exchange the names, sync them          new       old
//! remove what is beside                  new       -
//! ```
//!
//! Wherever it stops, `store` is the old one or the new one, whole. What is beside it goes when it is opened.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sled::{Db, IVec};

use super::backup::raw_rows;
use super::beside::{COMPACTING, beside};
use super::making::Making;
use super::open::{self, CREATED, DB, LOCK};
use super::restore::aside;
use super::shared::Engine;
use super::{SledBackend, fault};
use crate::archive::{exchange, sync_parent};
use crate::error::StoreError;

/// How many rows are copied at a time.
const ROWS: usize = 512;
/// The engine's cache while the old store is read, in bytes.
const CACHE: u64 = 64 << 20;

/// A store that was compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Its rows, the backend's own among them.
    pub rows: u64,
    /// The bytes that it took on the disk.
    pub bytes_before: u64,
    /// Those that it takes now.
    pub bytes_after: u64,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The new store has some of the rows.
    Copying,
    /// It has all of them, and is on disk.
    Made,
    /// The names are exchanged.
    Exchanged,
    /// The old store is gone.
    Removed,
}

/// The rows of a store, in few bytes.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hash: [u8; 32],
}

impl SledBackend {
    /// Copies the store in `dir` into one without waste, and puts that in its place. Needs the store for itself, and room
    /// beside it for all that is kept; rows keep their versions.
    ///
    /// Killed at any moment it leaves the old store or the new one; what it leaves beside it goes when the store is opened.
    /// Dropped, it goes on to its end.
    ///
    /// # Errors
    /// There is no store, another process has it, a row is damaged, or the new one cannot be written or cannot take the old
    /// one's name; then the old one is as it was.
    pub async fn compact(dir: impl Into<PathBuf>) -> Result<Compacted, StoreError> {
        let dir = dir.into();
        aside("store-compact", dir.clone(), move || compact(&dir, &mut |_| {})).await
    }
}

/// Compacts, and says how far it has come.
pub(super) fn compact(dir: &Path, reached: &mut dyn FnMut(Step)) -> Result<Compacted, StoreError> {
    // An open would make a store where there is none.
    let there = fs::metadata(dir.join(CREATED));
    there.map_err(|error| fault::io_error("find a store in", dir, error))?;
    let open::Opened { engine: Engine { db, _lock: lock }, file, .. } = open::open(dir, CACHE)?;
    let bytes_before = on_disk(dir)?;
    let mut making = Making::begin(beside(dir, COMPACTING))?;
    let sum = each_row(&db, |rows| {
        reached(Step::Copying);
        making.apply(rows.into_iter().map(|(key, value)| (key, Some(value))).collect())
    })?;
    drop((db, file));
    let made = making.finish(|db, _| match each_row(db, |_| Ok(()))? == sum {
        true => Ok(()),
        false => Err(StoreError::Damaged {
            place: beside(dir, COMPACTING).display().to_string(),
            what: "it does not hold what was written to it".to_owned(),
        }),
    })?;
    carry(dir, &made.dir).map_err(|error| fault::io_error("copy", dir, error))?;
    let bytes_after = on_disk(&made.dir)?;
    reached(Step::Made);
    exchange(dir, &made.dir).map_err(|error| fault::io_error("exchange the compacted store with", dir, error))?;
    reached(Step::Exchanged);
    sync_parent(dir).map_err(|error| fault::io_error("sync beside", dir, error))?;
    made.remove()?;
    reached(Step::Removed);
    drop(lock);
    Ok(Compacted { rows: sum.rows, bytes_before, bytes_after })
}

/// Hands over all rows in order, and sums them up.
fn each_row(db: &Db, mut each: impl FnMut(Vec<(IVec, IVec)>) -> Result<(), StoreError>) -> Result<Sum, StoreError> {
    let (mut count, mut hash, mut from) = (0, Sha256::new(), IVec::default());
    loop {
        let rows = raw_rows(db, &from, ROWS)?;
        let Some((last, _)) = rows.last() else { break };
        from = [last, &[0][..]].concat().into();
        count += rows.len() as u64;
        for (key, value) in &rows {
            hash.update(key.len().to_be_bytes());
            hash.update(key);
            hash.update(value.len().to_be_bytes());
            hash.update(value);
        }
        each(rows)?;
    }
    Ok(Sum { rows: count, hash: hash.finalize().into() })
}

/// Gives what lies in the old store's folder and is neither the engine's nor ours, such as a spool, a second name in the new
/// one's.
fn carry(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        let ours = [LOCK, CREATED, DB, "conf", "blobs"].iter().any(|ours| bytes == ours.as_bytes());
        if !ours && !bytes.starts_with(b"snap.") {
            link(&entry.path(), &to.join(name))?;
        }
    }
    File::open(to)?.sync_all()
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(from)?.is_dir() {
        return fs::hard_link(from, to);
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        link(&entry.path(), &to.join(entry.file_name()))?;
    }
    File::open(to)?.sync_all()
}

/// The bytes that a store's files take.
fn on_disk(dir: &Path) -> Result<u64, StoreError> {
    let sum = || {
        let mut bytes = 0;
        for entry in fs::read_dir(dir)? {
            let metadata = entry?.metadata()?;
            bytes += if metadata.is_file() { metadata.blocks() * 512 } else { 0 };
        }
        Ok(bytes)
    };
    sum().map_err(|error| fault::io_error("look into", dir, error))
}

#[cfg(test)]
mod tests;
