//! Who calls a tool: a turn, and what proves that it is still the one under way.

use understory_paths::AgentPath;
use understory_store::{AgentRef, CommitError, Draft, Table, Version};

use crate::error::Error;

/// A turn of an agent or a run of a job item, as the runtime knows it; never made from what a brain says.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    me: AgentRef,
    turn: u64,
    version: Version,
    run: Option<ItemRun>,
}

/// The run of a job item that a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemRun {
    pub(crate) job: AgentPath,
    pub(crate) row: u32,
    pub(crate) run: u32,
}

impl Caller {
    /// Turn `turn` of an agent, started by commit `version`.
    pub(crate) fn agent(me: AgentRef, turn: u64, version: Version) -> Self {
        Caller { me, turn, version, run: None }
    }

    /// A run of a job item, started by commit `version`. What it creates belongs to all runs of the item.
    pub(crate) fn item(me: AgentRef, run: ItemRun, version: Version) -> Self {
        Caller { me, turn: 0, version, run: Some(run) }
    }

    pub(crate) fn me(&self) -> &AgentRef {
        &self.me
    }

    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    /// Which run of which row it is, for a job item.
    pub(crate) fn run(&self) -> Option<&ItemRun> {
        self.run.as_ref()
    }

    /// Has a commit demand that this turn is still under way and nothing above it closed.
    pub(crate) fn fence(&self, draft: &mut Draft) {
        draft.expect_at(Table::Node.at(&self.me.path), self.version);
        draft.expect_open(&self.me.path);
    }

    /// How a refused commit of this caller reads to it.
    pub(crate) fn explain(&self, error: CommitError) -> Error {
        match &error {
            CommitError::Conflict { key, .. } if *key == Table::Node.at(&self.me.path) => {
                Error::Fenced { path: self.me.path.clone(), id: self.me.id }
            }
            CommitError::Conflict { key, .. } => match Table::Closed.path_of(key) {
                Some(at) => Error::Closed { path: self.me.path.clone(), at },
                None => error.into(),
            },
            _ => error.into(),
        }
    }
}
