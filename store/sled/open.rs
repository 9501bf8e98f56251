//! Opening a store's directory.
//!
//! ```text
//! lock        the owner's process id, for messages; the operating system's lock on it is what counts
//! understory  there once the store was created durably
//! db, conf, snap.*, blobs/   the engine's own
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sled::{Batch, Db};

use super::beside;
use super::fault;
use super::meta::{self, HEAD_KEY, Head, SCHEMA, SCHEMA_KEY};
use super::shared::Engine;
use crate::error::StoreError;
use crate::frame;

pub(super) const LOCK: &str = "lock";
pub(super) const CREATED: &str = "understory";
/// The file to which the engine writes all rows.
pub(super) const DB: &str = "db";
/// How often, and after what steps, it is looked whether an engine that was just closed is gone.
const RELEASE_TRIES: u32 = 5000;
const RELEASE_STEP: Duration = Duration::from_millis(1);

/// The lock that makes a directory ours.
pub(super) struct Lock(File);

/// A store that is ours.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) head: Head,
    /// The engine's file, for syncing it.
    pub(super) file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started still has it open for a moment.
        let _ = self.0.unlock();
    }
}

/// Opens or creates the store in `dir`.
pub(super) fn open(dir: &Path, cache: u64) -> Result<Opened, StoreError> {
    let failed = |doing: &'static str| move |error| fault::io_error(doing, dir, error);
    fs::create_dir_all(dir).map_err(failed("create"))?;
    let lock = lock(dir)?;
    beside::clear_all(dir);
    remove_half_snapshots(dir).map_err(failed("clear half a snapshot from"))?;
    let created = dir.join(CREATED).try_exists().map_err(failed("look into"))?;
    let db = engine(dir, cache)?;
    let head = match (check_schema(&db, dir)?, created) {
        (Some(head), true) => head,
        // Nothing was acknowledged before the mark was durable, and nobody knows what of the creation is.
        (Some(head), false) => {
            finish_creation(dir)?;
            head
        }
        (None, false) if db.is_empty() => {
            create(&db, dir)?;
            Head::default()
        }
        (None, _) => {
            let what = "its rows are gone, though it was created".to_owned();
            return Err(StoreError::Damaged { place: dir.display().to_string(), what });
        }
    };
    let path = dir.join(DB);
    let file = File::options().read(true).write(true).open(&path);
    let file = file.map_err(|error| fault::io_error("open", &path, error))?;
    Ok(Opened { engine: Engine { db, _lock: lock }, head, file })
}

/// Opens the engine, whose open panics on some kinds of damage.
pub(super) fn engine(dir: &Path, cache: u64) -> Result<Db, StoreError> {
    await_release(dir)?;
    let path = PathBuf::from(dir);
    let opened = catch_unwind(move || sled::Config::new().path(path).cache_capacity(cache).open());
    match opened {
        Ok(opened) => opened.map_err(|error| fault::opening(dir, error)),
        Err(panic) => Err(fault::panicked(dir.display().to_string(), &*panic)),
    }
}

/// An engine that was just closed holds its own lock on its file until its last helper thread has ended, and a child
/// process that was just being started has begun its program.
fn await_release(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(DB);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault::io_error("open", &path, error)),
    };
    for _ in 0..RELEASE_TRIES {
        match file.try_lock() {
            // As for the store's own lock, closing the file is not enough.
            Ok(()) => return file.unlock().map_err(|error| fault::io_error("unlock", &path, error)),
            Err(TryLockError::WouldBlock) => thread::sleep(RELEASE_STEP),
            Err(TryLockError::Error(error)) => return Err(fault::io_error("lock", &path, error)),
        }
    }
    // Not one of ours: they hold the store's lock first.
    Err(StoreError::InUse { dir: dir.display().to_string(), pid: None })
}

/// Makes a directory ours.
///
/// Its name may come to lead to another one meanwhile, which a compaction put there: then that one is taken.
pub(super) fn lock(dir: &Path) -> Result<Lock, StoreError> {
    let path = dir.join(LOCK);
    loop {
        let lock = lock_file(dir, &path)?;
        let ours = lock.0.metadata().and_then(|ours| Ok((ours.ino(), fs::metadata(&path)?.ino())));
        match ours {
            Ok((ours, there)) if ours == there => return Ok(lock),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fault::io_error("lock", &path, error)),
        }
    }
}

fn lock_file(dir: &Path, path: &Path) -> Result<Lock, StoreError> {
    let failed = |doing: &'static str| move |error| fault::io_error(doing, path, error);
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed("open"))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed("write"))?;
            Ok(Lock(file))
        }
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(path).ok().and_then(|pid| pid.trim().parse().ok());
            Err(StoreError::InUse { dir: dir.display().to_string(), pid })
        }
        Err(TryLockError::Error(error)) => Err(failed("lock")(error)),
    }
}

/// A process killed while it opened the engine leaves a snapshot half written, and with it no open succeeds. The engine
/// throws nothing away before a snapshot is complete, so nothing is lost.
fn remove_half_snapshots(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b"snap.") && name.ends_with(b".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn check_schema(db: &Db, dir: &Path) -> Result<Option<Head>, StoreError> {
    match meta::schema(db)? {
        Some(found) if found > SCHEMA => {
            Err(StoreError::NewerSchema { dir: dir.display().to_string(), found, supported: SCHEMA })
        }
        // The two were written by one batch.
        Some(_) => meta::head(db),
        None => Ok(None),
    }
}

fn create(db: &Db, dir: &Path) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    let mut buffer = Vec::new();
    batch.insert(SCHEMA_KEY, frame::encode(&mut buffer, SCHEMA_KEY, 0, &SCHEMA.to_be_bytes()));
    batch.insert(HEAD_KEY, frame::encode(&mut buffer, HEAD_KEY, 0, &Head::default().encode()));
    db.apply_batch(batch).and_then(|()| db.flush()).map_err(|error| fault::opening(dir, error))?;
    finish_creation(dir)
}

/// Makes durable what the engine created, and then the mark that says so.
pub(super) fn finish_creation(dir: &Path) -> Result<(), StoreError> {
    sync_created(dir).and_then(|()| mark(dir)).map_err(|error| fault::io_error("create", dir, error))
}

/// Syncs what the engine created, which it does not do itself.
fn sync_created(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(dir)?.sync_all()?;
    match fs::canonicalize(dir)?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn mark(dir: &Path) -> io::Result<()> {
    let mut file = File::create(dir.join(CREATED))?;
    file.write_all(b"A store of understory. Its files belong together: move or remove the whole directory.\n")?;
    file.sync_all()?;
    File::open(dir)?.sync_all()
}
