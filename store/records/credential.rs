//! What is kept of the token that an agent was given.

use serde::{Deserialize, Serialize};

use super::id::{AgentId, Time};
use super::version::record;

/// What is kept of the token that an agent was given: nothing that it can be found from. It is good unless the agent or one
/// above it was closed since, resumed or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Whose it is.
    pub agent: AgentId,
    /// The token's SHA-256.
    pub sha256: [u8; 32],
    /// When it was minted.
    pub at: Time,
}

record!(Credential, V1);
