//! What an import has taken of conversations that another program keeps.
//!
//! Rows of the agent that all of them lie below: one for the import, one for each conversation and one for each file. They go
//! with it when it is removed.

use serde::{Deserialize, Serialize};

use super::id::{AgentRef, Time};
use super::usage::Usage;
use super::version::record;

/// A row of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportState {
    /// How the runs of the import went.
    Runs(ImportRuns),
    /// A conversation of which something was taken.
    Thread(ImportedThread),
    /// A file that was looked at.
    File(ImportedFile),
}

/// The runs of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRuns {
    /// How many have begun.
    pub begun: u64,
    /// The file that the last one took last; nothing once it has come to its end. It is told, and nobody goes by it.
    pub through: Option<String>,
    /// When the last one that came to its end did.
    pub ended_at: Option<Time>,
}

/// A conversation of which something was taken. Wherever its file lies, it is taken once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedThread {
    /// Its name in the program it is of.
    pub name: String,
    /// The agent that was made for it.
    pub agent: AgentRef,
    /// The file that it was last read from.
    pub file: String,
    /// How many bytes of it were taken.
    pub bytes: u64,
    /// What they hash to: a file that begins otherwise is not this conversation's.
    pub sha256: [u8; 32],
    /// How many entries of the agent's transcript they have made.
    pub entries: u64,
    /// What of its cost is in the agent's.
    pub used: Usage,
    /// The title that the import gave.
    pub title: Option<String>,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its name in the program's folder.
    pub name: String,
    /// Its length in bytes, then.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970, then.
    pub modified: u64,
    /// What came of it.
    pub taken: Taken,
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// All of it is in the store.
    Whole {
        /// The conversation it is of.
        thread: String,
    },
    /// Something went wrong. Every run tries again.
    Failed {
        /// What.
        error: String,
        /// How many runs have tried.
        attempts: u32,
        /// The run that tried last.
        run: u64,
        /// When.
        at: Time,
    },
}

impl ImportRuns {
    /// One more begins.
    pub fn begin(&self) -> ImportRuns {
        ImportRuns { begun: self.begun + 1, ..self.clone() }
    }

    /// The run under way has taken a file.
    pub fn take(&self, file: &str) -> ImportRuns {
        ImportRuns { through: Some(file.to_owned()), ..self.clone() }
    }

    /// The run under way has come to its end.
    pub fn end(&self, now: Time) -> ImportRuns {
        ImportRuns { through: None, ended_at: Some(now), ..self.clone() }
    }
}

impl ImportedThread {
    /// What is to be charged to its agent when the whole conversation has cost `total`: nothing is taken back.
    pub fn owes(&self, total: Usage) -> Usage {
        Usage {
            input_tokens: total.input_tokens.saturating_sub(self.used.input_tokens),
            cached_tokens: total.cached_tokens.saturating_sub(self.used.cached_tokens),
            output_tokens: total.output_tokens.saturating_sub(self.used.output_tokens),
        }
    }
}

impl ImportedFile {
    /// Whether there is nothing to do about a file of this length and time.
    pub fn settles(&self, size: u64, modified: u64) -> bool {
        matches!(self.taken, Taken::Whole { .. }) && (self.size, self.modified) == (size, modified)
    }

    /// Whether it failed in this run.
    pub fn failed_in(&self, run: u64) -> bool {
        matches!(self.taken, Taken::Failed { run: last, .. } if last == run)
    }

    /// How many runs have tried it in vain since it was last taken.
    pub fn attempts(&self) -> u32 {
        match self.taken {
            Taken::Whole { .. } => 0,
            Taken::Failed { attempts, .. } => attempts,
        }
    }
}

record!(ImportState, V1);
