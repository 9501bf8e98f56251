//! Where a brain goes on with a conversation of its own.

use serde::{Deserialize, Serialize};

use super::id::{AgentId, Time};
use super::version::record;

/// A conversation that a brain keeps elsewhere, by the brain's own name for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub of: AgentId,
    /// Of a job's item: the failures charged when it was kept. A charge later, the row is begun anew.
    pub failures: u32,
    /// The brain's name for it.
    pub name: String,
    /// When it was kept.
    pub at: Time,
}

impl Session {
    /// Whether a turn, or a run with so many failures charged, of this node goes on with it. Whoever took the path of the one
    /// that kept it does not.
    pub fn serves(&self, of: AgentId, failures: u32) -> bool {
        (self.of, self.failures) == (of, failures)
    }
}

record!(Session, V1);
