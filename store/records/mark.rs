//! What stands at a node that is not open, and what is known for a while of one that is gone.

use serde::{Deserialize, Serialize};

use super::id::{AgentId, AgentRef, Time};
use super::version::{self, DecodeError, Record, record};

/// How a node is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// Until it is resumed.
    Closed,
    /// For good: it and everything below it is being deleted.
    Removing,
    /// Until all of it is there: it comes from a file, by the import of this id.
    Importing(AgentId),
}

/// What was removed last at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Which node it was.
    pub id: AgentId,
    /// When it was gone.
    pub at: Time,
}

/// A removal, as its tombstone is found by its age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burial {
    /// What was removed.
    pub node: AgentRef,
    /// When it was gone.
    pub at: Time,
}

#[derive(Serialize, Deserialize)]
enum Known {
    V1(Mark),
}

/// A plain closed mark holds nothing.
impl Record for Mark {
    fn encode(&self) -> Vec<u8> {
        match self {
            Mark::Closed => Vec::new(),
            mark => version::encode(&Known::V1(*mark)),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Ok(Mark::Closed);
        }
        let Known::V1(mark) = version::decode("Mark", bytes)?;
        Ok(mark)
    }
}

record!(Tombstone, V1);
record!(Burial, V1);
