//! The replies that the brains of one factory share.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use understory_actors::BrainError;

use super::reply::{Line, Reply};

/// How much of a text that nothing answers is named, in characters.
const NAMED_MAX: usize = 80;

/// Why a file is no script.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A line is no JSON of a reply.
    #[error("{}:{line}: not a reply", path.display())]
    NotAReply {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, and at which column.
        #[source]
        source: serde_json::Error,
    },
    /// The parts of a line do not go together.
    #[error("{}:{line}: {reason}", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What does not.
        reason: &'static str,
    },
}

pub(crate) struct Script {
    name: String,
    replies: Mutex<Vec<Reply>>,
}

impl Script {
    pub(crate) fn new(name: String, replies: Vec<Reply>) -> Self {
        Script { name, replies: Mutex::new(replies) }
    }

    /// Reads a file of JSON lines; blank ones are passed over.
    pub(crate) fn read(path: &Path) -> Result<Self, ScriptError> {
        let text =
            fs::read_to_string(path).map_err(|source| ScriptError::Unreadable { path: path.to_owned(), source })?;
        let mut replies = Vec::new();
        for (text, line) in text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty()) {
            let read: Line = serde_json::from_str(text).map_err(|source| ScriptError::NotAReply {
                path: path.to_owned(),
                line,
                source,
            })?;
            let reply =
                read.reply().map_err(|reason| ScriptError::Contradiction { path: path.to_owned(), line, reason })?;
            replies.push(reply);
        }
        Ok(Script::new(path.display().to_string(), replies))
    }

    /// The reply to this text, used up by one.
    pub(crate) fn take(&self, text: &str) -> Result<Reply, BrainError> {
        // Nothing that runs under the lock can panic half-way through a change.
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.iter_mut().find_map(|reply| reply.take(text)).ok_or_else(|| {
            let named: String = text.chars().take(NAMED_MAX).collect();
            BrainError::refused(format!("{} has no reply left for: {named}", self.name))
        })
    }
}
