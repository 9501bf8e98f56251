//! What people write on a node to find it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::AgentId;
use super::version::record;

/// A title and labels. Nobody acts on them; a node without this has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Whose they are: one that came to the path later has none.
    pub of: AgentId,
    /// The title.
    pub title: Option<String>,
    /// The labels by their keys.
    pub labels: BTreeMap<String, String>,
}

impl Card {
    /// One with nothing on it.
    pub fn blank(of: AgentId) -> Self {
        Card { of, title: None, labels: BTreeMap::new() }
    }

    /// Whether nothing is on it.
    pub fn is_blank(&self) -> bool {
        self.title.is_none() && self.labels.is_empty()
    }
}

record!(Card, V1);
