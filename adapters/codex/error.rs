//! Why rollout files cannot be read.

use std::io;
use std::path::PathBuf;

/// Why a rollout file, or a folder of them, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodexError {
    /// The folder is none that Codex keeps sessions in.
    #[error("{} is no Codex home: it holds neither sessions nor archived_sessions, and is neither", dir.display())]
    NoHome {
        /// The folder.
        dir: PathBuf,
    },
    /// There is no such file any more.
    #[error("it is not there")]
    NotFound,
    /// The file is empty.
    #[error("it is empty")]
    Empty,
    /// The first line is not what a session begins with.
    #[error("its first line does not say which session it is")]
    NoMeta(#[source] Option<serde_json::Error>),
    /// The session's id is none.
    #[error("its session has no id that could be kept: {id:?}")]
    BadId {
        /// As it is written, as far as it is told.
        id: String,
    },
    /// The session is of a kind that is not known here.
    #[error("its history is kept in a mode that is not known: {mode:?}")]
    HistoryMode {
        /// As it is written.
        mode: String,
    },
    /// Reading failed, or what is packed is damaged.
    #[error("failed to read it")]
    Io(#[source] io::Error),
}
