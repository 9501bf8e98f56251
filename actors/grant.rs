//! What an agent really got from its role: kept with each turn's start that it changed with.

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{Draft, Grant, Store, StoreError, Table};

use crate::error::Error;
use crate::role::{OnResult, Restart, Role};
use crate::system::System;

/// What an actor knows to be on record; nothing before it has looked.
#[derive(Default)]
pub(crate) struct Granted(Option<Option<Grant>>);

impl Granted {
    /// Has the commit of a turn's start write what the role gives, if that is not on record. Until the commit is known to
    /// have been applied, nothing is known: see [`Granted::forget`].
    pub(crate) async fn write(
        &mut self,
        store: &Store,
        path: &AgentPath,
        role: &Role,
        draft: &mut Draft,
    ) -> Result<(), StoreError> {
        let given = granted(role);
        if self.0.as_ref() == Some(&given) {
            return Ok(());
        }
        let row = store.peek::<Grant>(&Table::Grant.at(path)).await?;
        match (&row, &given) {
            (None, Some(given)) => drop(draft.create(Table::Grant.at(path), given)),
            (Some(row), Some(given)) if row.value != *given => drop(draft.update(row, given)),
            (Some(row), None) => draft.remove(row),
            _ => {}
        }
        self.0 = Some(given);
        Ok(())
    }

    /// The commit was refused.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

impl System {
    /// What an agent's role gave it when its last turn began. Nothing if it had no turn, or nothing but a brain.
    ///
    /// # Errors
    /// The store failed.
    pub async fn granted(&self, path: &AgentPath) -> Result<Option<Grant>, Error> {
        Ok(self.store.get::<Grant>(&Table::Grant.at(path)).await?.map(|row| row.value))
    }
}

impl Restart {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Restart::Permanent => "permanent",
            Restart::Transient => "transient",
            Restart::Temporary => "temporary",
        }
    }
}

/// What a role gives; nothing if that is what every agent has.
fn granted(role: &Role) -> Option<Grant> {
    let Role { instructions, policy, hidden, limits, isolated, on_result, .. } = role;
    let plain = Role::default();
    let says_nothing = instructions.is_none() && hidden.is_empty() && !isolated && *on_result == plain.on_result;
    if says_nothing && *policy == plain.policy && *limits == plain.limits {
        return None;
    }
    Some(Grant {
        instructions: instructions.as_deref().map(str::to_owned),
        restart: policy.restart.as_str().to_owned(),
        faults: policy.faults as u64,
        within_ms: millis(policy.within),
        hidden: hidden.iter().map(|tool| (*tool).to_owned()).collect(),
        agents: limits.agents,
        depth: limits.depth,
        isolated: *isolated,
        wake_on_result: *on_result == OnResult::Wake,
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
