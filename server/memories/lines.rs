//! What is answered of memories.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use understory::AgentPath;

/// A page of memories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryPageLine {
    /// They; of a long one the beginning.
    pub memories: Vec<MemoryLine>,
    /// What the next page is asked for after; nothing if this is the last.
    pub next: Option<String>,
}

/// A memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryLine {
    /// What it is called here.
    pub memory: String,
    /// Where it lies.
    pub path: AgentPath,
    /// Who sees it.
    pub scope: String,
    /// The role that it is for.
    pub role: Option<String>,
    /// What it says.
    pub text: String,
    /// How long that is.
    pub bytes: usize,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Who wrote it; nothing if it was the host or a person.
    pub author: Option<AgentPath>,
    /// In which turn.
    pub turn: Option<u64>,
    /// The commit of the author's working directory.
    pub commit: Option<String>,
    /// Whether its author had read what nobody vouches for.
    pub tainted: bool,
    /// How often it was recalled.
    pub uses: u64,
    /// When last.
    pub used_at: Option<String>,
    /// When it was written.
    pub at: String,
    /// When it was last written anew.
    pub edited_at: Option<String>,
}

/// What became of a note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedLine {
    /// What the memory is called.
    pub noted: String,
    /// How many secrets were taken out of it.
    pub redacted: usize,
}

/// A memory that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryGone {
    /// What it was called.
    pub forgotten: String,
}

/// Memories that are gone, or would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgottenLine {
    /// Whether they are still there.
    pub dry_run: bool,
    /// How many were looked at.
    pub seen: usize,
    /// How many of them.
    pub forgotten: usize,
    /// How long their texts were together.
    pub bytes: u64,
    /// The first of them, the most used first.
    pub memories: Vec<MemoryLine>,
}

/// Marks of those who read what nobody vouches for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarksLine {
    /// They, in path order.
    pub marks: Vec<MarkLine>,
    /// What the next page is asked for after; nothing if this is the last.
    pub next: Option<AgentPath>,
}

/// A mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkLine {
    /// Whose. It holds for those below, too.
    pub path: AgentPath,
    /// What was read.
    pub reason: String,
    /// In which turn that was told; nothing if a person told.
    pub turn: Option<u64>,
    /// When.
    pub at: String,
}

/// Whether an agent is marked now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkedLine {
    /// Which.
    pub path: AgentPath,
    /// Whether it is marked.
    pub marked: bool,
    /// False: it was so before.
    pub changed: bool,
}
