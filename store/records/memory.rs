//! What agents note, how often it was of use, and which agents read what nobody vouches for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory_paths::AgentPath;
use uuid::Uuid;

use super::id::{AgentId, AgentRef, Time};
use super::version::record;

/// What a memory is, for ever. Ordered by the time of making.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemoryId(Uuid);

/// Who sees a memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// The node that it lies at.
    Agent,
    /// The node that it lies at, and all below it.
    Subtree,
    /// Every agent and row of this role. It lies at `/root`.
    Role(String),
    /// Everybody. It lies at `/root`.
    Tree,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The node that it lies at.
    pub of: AgentId,
    /// Who sees it.
    pub scope: Scope,
    /// What it says. Secrets are taken out before it is stored.
    pub text: String,
    /// What it is found by beside its words.
    pub tags: BTreeSet<String>,
    /// Who wrote it; nobody if it was the host or a person.
    pub author: Option<AgentRef>,
    /// In which turn, or in which run of a job's row.
    pub turn: Option<u64>,
    /// The commit of the author's working directory.
    pub commit: Option<String>,
    /// When.
    pub at: Time,
    /// Whether its author had read what nobody vouches for.
    pub tainted: bool,
    /// When it was last written anew.
    pub edited_at: Option<Time>,
}

/// How often a memory was recalled. It lies apart from the text, which a recall does not rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUse {
    /// How often, at most once a turn.
    pub uses: u64,
    /// When last.
    pub used_at: Time,
    /// By whom last.
    pub by: AgentId,
    /// In which turn; nothing if at none.
    pub turn: Option<u64>,
}

/// That an agent read what nobody vouches for. It holds for those below it, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// Whose it is.
    pub of: AgentId,
    /// What it read.
    pub reason: String,
    /// When that was first told.
    pub at: Time,
    /// In which turn; nothing if the host or a person told.
    pub turn: Option<u64>,
}

/// Where a memory stands among others: the least is listed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryRank {
    /// How often it was used.
    pub uses: u64,
    /// When last, or when it was written.
    pub last: Time,
    /// It.
    pub id: MemoryId,
}

impl MemoryId {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "a default id would be another one each time")]
    pub fn new() -> Self {
        MemoryId(Uuid::now_v7())
    }

    /// The id of these bytes.
    pub const fn from_u128(bits: u128) -> Self {
        MemoryId(Uuid::from_u128(bits))
    }

    /// Its bytes, in its order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for MemoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MemoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MemoryId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(MemoryId)
    }
}

impl Scope {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Scope::Agent => "agent",
            Scope::Subtree => "subtree",
            Scope::Role(_) => "role",
            Scope::Tree => "tree",
        }
    }

    /// Whether those see it who stand beside the author.
    pub fn is_shared(&self) -> bool {
        matches!(self, Scope::Role(_) | Scope::Tree)
    }

    /// Where what an agent writes with this scope lies.
    pub fn place(&self, author: &AgentPath) -> AgentPath {
        if self.is_shared() { AgentPath::root() } else { author.clone() }
    }

    /// Whether a memory with this scope that lies at `place` is seen by `who`, of this role.
    pub fn reaches(&self, place: &AgentPath, who: &AgentPath, role: Option<&str>) -> bool {
        match self {
            Scope::Agent => place == who,
            Scope::Subtree => place.contains(who),
            Scope::Role(name) => role == Some(name),
            Scope::Tree => true,
        }
    }
}

impl Memory {
    /// When it was written last.
    pub fn written_at(&self) -> Time {
        self.edited_at.unwrap_or(self.at)
    }

    /// Whether `me` may change it, which lies at `place`: it, or one below it, wrote it, or it lies below it.
    pub fn is_of(&self, place: &AgentPath, me: &AgentRef) -> bool {
        let below = |path: &AgentPath| *path != me.path && me.path.contains(path);
        below(place) || self.author.as_ref().is_some_and(|author| author == me || below(&author.path))
    }

    /// Where it stands, used as often as `used` says.
    pub fn rank(&self, id: MemoryId, used: Option<&MemoryUse>) -> MemoryRank {
        let (uses, last) = used.map_or((0, self.written_at()), |used| (used.uses, used.used_at));
        MemoryRank { uses, last, id }
    }

    /// The same with another text and tags, written by one who had read what nobody vouches for, or had not. Only what a
    /// person vouches for loses the mark.
    pub fn edit(&self, text: String, tags: BTreeSet<String>, tainted: bool, now: Time) -> Memory {
        Memory { text, tags, tainted: self.tainted || tainted, edited_at: Some(now), ..self.clone() }
    }
}

impl MemoryUse {
    /// One use more, at turn `turn` of `by`; nothing if that one was counted last.
    pub fn again(before: Option<&MemoryUse>, by: AgentId, turn: Option<u64>, now: Time) -> Option<MemoryUse> {
        let counted = |before: &&MemoryUse| turn.is_some() && (before.by, before.turn) == (by, turn);
        let uses = before.map_or(0, |before| before.uses).saturating_add(1);
        before.filter(counted).is_none().then_some(MemoryUse { uses, used_at: now, by, turn })
    }
}

impl MemoryRank {
    /// Whether it was neither used nor written within `unused`.
    pub fn is_unused(&self, unused: Duration, now: Time) -> bool {
        self.last.after(unused) < now
    }
}

impl Ord for MemoryRank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.uses, other.last, other.id).cmp(&(self.uses, self.last, self.id))
    }
}

impl PartialOrd for MemoryRank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

record!(Memory, V1);
record!(MemoryUse, V1);
record!(Taint, V1);
