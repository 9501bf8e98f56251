//! The conversations that Codex keeps: rollout files, a JSON object in a line, packed with zstd or not.
//!
//! ```text
//! HOME/sessions/2026/01/19/rollout-2026-01-19T15-21-26-<thread>.jsonl[.zst]
//! HOME/archived_sessions/rollout-...
//!
//! {"timestamp": "...", "type": "session_meta", "payload": {...}}     the first line says whose they are
//! {"timestamp": "...", "type": "response_item", "payload": {...}}    words, tool calls and what they were answered
//! {"timestamp": "...", "type": "event_msg", "payload": {...}}        titles and what was spent; else what the items say, too
//! ```
//!
//! Files of the first releases have no envelope: the meta is the first line itself, and each other line an item. Nothing here
//! writes to the folder, and a symbolic link in it is not followed.

mod error;
mod item;
mod lines;
mod meta;
mod rollout;
#[cfg(test)]
mod tests;
mod walk;

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;
use understory_actors::import::{Archive, ArchiveError, Conversation, Found};

pub use self::error::CodexError;
use self::rollout::Rollout;
use self::walk::Walk;

/// The folders of a home that rollouts lie in, in the order they are read.
const FOLDERS: [&str; 2] = ["archived_sessions", "sessions"];
/// How the name of a file ends that is packed.
const PACKED: &str = ".zst";

/// The rollout files of a Codex home.
#[derive(Clone, Debug)]
pub struct Codex {
    /// The folders that there are, by the names that their files' names begin with.
    folders: Vec<(&'static str, PathBuf)>,
}

impl Codex {
    /// The files of a home, or of one of its folders `sessions` and `archived_sessions`, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be looked at, or is neither.
    pub fn open(dir: &Path) -> Result<Codex, CodexError> {
        // Which folder of a home it is can be told only by its real name.
        let dir = fs::canonicalize(dir).map_err(CodexError::Io)?;
        let there = |name: &&'static str| fs::symlink_metadata(dir.join(name)).is_ok();
        let in_home: Vec<_> = FOLDERS.into_iter().filter(there).map(|name| (name, dir.join(name))).collect();
        if !in_home.is_empty() {
            return Ok(Codex { folders: in_home });
        }
        match FOLDERS.into_iter().find(|name| dir.file_name().is_some_and(|own| own == *name)) {
            Some(name) if dir.is_dir() => Ok(Codex { folders: vec![(name, dir)] }),
            _ => Err(CodexError::NoHome { dir }),
        }
    }

    /// Where a file lies; nothing if its name is of a folder that is not read.
    fn place(&self, name: &str) -> Option<PathBuf> {
        let (first, rest) = name.split_once('/')?;
        let (_, folder) = self.folders.iter().find(|(own, _)| *own == first)?;
        let plain = Path::new(rest).components().all(|part| matches!(part, Component::Normal(_)));
        plain.then(|| folder.join(rest))
    }
}

impl Archive for Codex {
    fn files(&self) -> Box<dyn Iterator<Item = Found> + Send> {
        Box::new(Walk::new(self.folders.clone()))
    }

    fn has(&self, name: &str) -> bool {
        self.place(name).is_none_or(|place| fs::symlink_metadata(place).is_ok_and(|there| !there.is_symlink()))
    }

    fn open(&self, name: &str) -> Result<Box<dyn Conversation>, ArchiveError> {
        let place = self.place(name).ok_or(CodexError::NotFound)?;
        Ok(Box::new(Rollout::open(name, unpacked(name, &place)?)?))
    }
}

/// What a file holds.
fn unpacked(name: &str, place: &Path) -> Result<Box<dyn Read + Send + Sync>, CodexError> {
    let flags =
        i32::try_from(OFlags::NOFOLLOW.bits()).map_err(|_| CodexError::Io(io::ErrorKind::Unsupported.into()))?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(place).map_err(CodexError::Io)?;
    match name.ends_with(PACKED) {
        true => Ok(Box::new(zstd::Decoder::new(file).map_err(CodexError::Io)?)),
        false => Ok(Box::new(file)),
    }
}
