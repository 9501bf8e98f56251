//! Who and when.

use std::fmt;

use serde::{Deserialize, Serialize};
use understory_paths::AgentPath;
use uuid::Uuid;

use crate::seam::Version;

/// What a node is, for ever: a path may be given to another after a removal, an id is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentId(Uuid);

impl AgentId {
    /// A new id (UUIDv7: ordered by time of making).
    #[expect(clippy::new_without_default, reason = "a default id would be another one each time")]
    pub fn new() -> Self {
        AgentId(Uuid::now_v7())
    }

    /// The id of these bytes, for tests that need the same one twice.
    pub fn from_u128(bits: u128) -> Self {
        AgentId(Uuid::from_u128(bits))
    }

    /// Its last eight hexadecimal digits: what a default job name carries.
    pub fn short(&self) -> String {
        let digits = self.0.simple().to_string();
        digits[digits.len() - 8..].to_owned()
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A node that is meant whatever else comes to lie at its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentRef {
    /// Where it is.
    pub path: AgentPath,
    /// Which one it is.
    pub id: AgentId,
}

impl AgentRef {
    /// The node `id` at `path`.
    pub fn new(path: AgentPath, id: AgentId) -> Self {
        AgentRef { path, id }
    }
}

/// A row of one agent's inbox: the commit that appended it, and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InboxKey {
    /// The commit.
    pub sequence: Version,
    /// Its place in the commit.
    pub n: u16,
}

impl InboxKey {
    /// Before every row there is.
    pub const FIRST: InboxKey = InboxKey { sequence: 0, n: 0 };

    /// Behind every row of this commit and those before it.
    pub fn after(sequence: Version) -> Self {
        InboxKey { sequence, n: u16::MAX }
    }
}

/// A moment, in milliseconds since 1970 UTC, by the runtime's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    /// The moment `by` later.
    pub fn after(self, by: std::time::Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long from here until `later`; nothing if that is past.
    pub fn until(self, later: Time) -> std::time::Duration {
        std::time::Duration::from_millis(later.0.saturating_sub(self.0))
    }
}
