//! What an agent's role gave it when its last turn began.

use serde::{Deserialize, Serialize};

use super::version::record;

/// What an agent's role gave it when its last turn began. A role is looked up by name and may have changed since; an agent
/// without this had nothing from its role but a brain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What its brain was told.
    pub instructions: Option<String>,
    /// When it was restarted: permanent, transient or temporary.
    pub restart: String,
    /// How many faults in the window were borne.
    pub faults: u64,
    /// The window.
    pub within_ms: u64,
    /// Tools it did not have.
    pub hidden: Vec<String>,
    /// Open agents there could be below it.
    pub agents: Option<u64>,
    /// Levels there could be below it.
    pub depth: Option<u64>,
    /// Whether it sent to nobody beside it.
    pub isolated: bool,
    /// Whether a result from below started a turn of it.
    pub wake_on_result: bool,
}

record!(Grant, V1);
