//! Why the store refused or failed.

use std::sync::Arc;

use crate::seam::{Key, Version};

/// A backend's own error, kept whole.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a store cannot be read or opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the store open. `pid` is what its lock file says, for the message only.
    #[error("store {dir} is in use by process {}", pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    InUse {
        /// The store's directory.
        dir: String,
        /// The owner.
        pid: Option<u32>,
    },
    /// The store was written by a newer build. Nothing was changed.
    #[error("store {dir} has schema {found}, this build reads up to {supported}")]
    NewerSchema {
        /// The store's directory.
        dir: String,
        /// What the store says.
        found: u32,
        /// What this build knows.
        supported: u32,
    },
    /// Bytes on disk are not what was written. Nothing was changed.
    #[error("store is damaged at {place}: {what}")]
    Damaged {
        /// The key or file.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// A file or folder that was to be made is there already. Nothing was changed.
    #[error("{path} is there already")]
    FileExists {
        /// Which.
        path: String,
    },
    /// A backup or an exported subtree is not as it was written, or is no such file. Nothing was taken from it.
    #[error("{path} is no good: {what}")]
    FileDamaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// The store is not in a folder of its own, which is what a backup is made of.
    #[error("the store lies in no folder, and has no backup")]
    NoFolder,
    /// An earlier write or sync failed; the store takes nothing more until it is opened again.
    #[error("store is closed after a failed write")]
    Poisoned(#[source] Option<Source>),
    /// The store was shut down by its own process.
    #[error("store is shut down")]
    Closed,
    /// The operating system refused.
    #[error("failed to {doing}")]
    Io {
        /// What was attempted.
        doing: String,
        /// Why not.
        #[source]
        source: Source,
    },
}

/// Why a commit was not applied. Unless it says otherwise, nothing of it was.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// An expectation did not hold: read again and decide again.
    #[error("conflict at {key}: found {}", found.map_or("nothing".to_owned(), |version| format!("version {version}")))]
    Conflict {
        /// The first row that was not as expected.
        key: Key,
        /// Its version now.
        found: Option<Version>,
    },
    /// The commit is larger than any backend takes.
    #[error("{limit} is {value}, the commit has {found}")]
    TooLarge {
        /// Which bound.
        limit: &'static str,
        /// Its value.
        value: usize,
        /// What the commit has.
        found: usize,
    },
    /// The disk is full, but for what the store needs to be opened again. It keeps answering reads, and takes commits again
    /// when there is room.
    ///
    /// If others took even that room, the engine may fail between two writes: then the store refuses commits until it is
    /// opened again, some reads fail, and the commits that were under way may or may not be there afterwards.
    #[error("storage_full: no space left for the store")]
    StorageFull,
    /// The store failed while the commit was under way: it may or may not be there after opening again.
    #[error(transparent)]
    Store(#[from] StoreError),
}
