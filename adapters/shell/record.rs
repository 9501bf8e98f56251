//! The run directory: which workers live, for whoever comes after a killed owner.
//!
//! `group-<pgid>` tells of one worker and is there before the worker gets anything to do; it is removed once its group is
//! gone. `row-<mark>.json` is a worker's row, removed with it. Nothing here is synced: what a power cut takes with it,
//! it takes the processes too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mark::{Mark, Owner};
use super::process::{self, Process, TELLS_STARTS};

/// Where the records of one home lie.
pub(crate) struct RunDir {
    pub(crate) dir: PathBuf,
}

/// One worker's group, its leader's start and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) group: i32,
    pub(crate) start: u64,
    pub(crate) owner: i32,
    pub(crate) owner_start: u64,
    pub(crate) boot: String,
    pub(crate) mark: String,
}

/// What a file of the run directory is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A record.
    Group,
    /// A row, or a record that was not yet in place.
    Beside(Mark),
}

/// The record of a worker that may still live. It stays when this is dropped: only [`GroupFile::remove`] takes it away.
pub(crate) struct GroupFile(PathBuf);

/// A worker's row, there as long as this is.
pub(crate) struct RowFile(PathBuf);

impl RunDir {
    /// Does not touch the directory yet.
    pub(crate) fn new(dir: PathBuf) -> Self {
        RunDir { dir }
    }

    /// Writes the row a worker is for.
    pub(crate) fn put_row(&self, mark: Mark, json: &str) -> io::Result<RowFile> {
        let file = RowFile(self.dir.join(format!("row-{mark}.json")));
        self.write(&file.0, json.as_bytes())?;
        Ok(file)
    }

    /// Writes the record of the worker that leads the group `pid`. It is whole whenever it is there.
    pub(crate) fn put_group(&self, mark: Mark, pid: i32) -> io::Result<GroupFile> {
        let start = match Process::find(pid)? {
            Some(process) => process.start,
            None if TELLS_STARTS => return Err(io::Error::other("the system does not tell when the worker began")),
            None => 0,
        };
        let (owner, boot) = (mark.owner, process::boot()?);
        let record =
            Record { group: pid, start, owner: owner.pid, owner_start: owner.start, boot, mark: mark.to_string() };
        let (new, file) = (self.dir.join(format!("new-{mark}")), self.dir.join(format!("group-{pid}")));
        let written = self.write(&new, &serde_json::to_vec(&record)?).and_then(|()| fs::rename(&new, &file));
        if written.is_err() {
            // The disk may be full; half a record says less than none.
            let _ = fs::remove_file(&new);
        }
        written.map(|()| GroupFile(file))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let file: io::Result<File> = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
                open()
            }
            opened => opened,
        };
        file?.write_all(bytes)
    }
}

impl Record {
    /// Reads a record; `None` if it has been removed meanwhile.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whose worker it is.
    pub(crate) fn owner(&self) -> Owner {
        Owner { pid: self.owner, start: self.owner_start }
    }
}

impl Kind {
    /// What the file is; `None` if it is none of ours.
    pub(crate) fn of(name: &str) -> Option<Self> {
        if let Some(pid) = name.strip_prefix("group-") {
            return pid.parse::<i32>().ok().map(|_| Kind::Group);
        }
        let row = || name.strip_prefix("row-")?.strip_suffix(".json");
        name.strip_prefix("new-").or_else(row)?.parse().ok().map(Kind::Beside)
    }
}

impl GroupFile {
    /// Takes the record away: the group is gone.
    pub(crate) fn remove(self) {
        remove(&self.0);
    }
}

impl RowFile {
    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RowFile {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes a file of the run directory. One that stays is removed by a later owner's sweep.
pub(crate) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "failed to remove a worker's file");
        }
        _ => {}
    }
}
