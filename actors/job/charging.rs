//! What the runs of a job cost the goals that they are for: charged once, by the commit that takes up how a run ended.
//!
//! Who pays is settled when a run starts, as when a turn begins. What a run has cost that was put back is charged with that.
//! While nothing is left of the budget of the nearest goal above that has one, no row starts: the job pauses, and goes on when
//! something is left again.

use std::collections::HashMap;

use understory_paths::AgentPath;
use understory_store::{Draft, Job, Pause};

use super::actor::{Held, JobActor};
use super::adjust::Adjustment;
use crate::error::Error;
use crate::goals::{Bill, Payer};
use crate::system::System;

/// What a run has cost so far, and whom that is charged to.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    /// Tokens, as far as its brain says.
    pub(super) tokens: u64,
    pub(super) payers: Vec<Payer>,
}

/// What runs have cost that one commit takes up.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Tokens.
    pub(super) tokens: u64,
    /// The same for each who pays.
    by: Vec<(Payer, u64)>,
}

impl Owed {
    pub(super) fn add(&mut self, cost: &Cost) {
        self.tokens = self.tokens.saturating_add(cost.tokens);
        for payer in cost.payers.iter().filter(|_| cost.tokens > 0) {
            match self.by.iter_mut().find(|(known, _)| known == payer) {
                Some((_, tokens)) => *tokens = tokens.saturating_add(cost.tokens),
                None => self.by.push((payer.clone(), cost.tokens)),
            }
        }
    }

    pub(super) fn is_charged(&self) -> bool {
        !self.by.is_empty()
    }
}

impl JobActor {
    /// Has a commit charge what it takes up.
    pub(super) fn bill(&self, owed: &Owed, draft: &mut Draft) -> Bill {
        self.system.goals.bill(&owed.by, draft)
    }

    /// Why no row starts, once what is owed is charged: nothing is left of a goal's budget.
    pub(super) fn held_by_goal(&self, owed: &Owed) -> Option<Pause> {
        let goal = self.system.goals.spent_after(&self.path, &owed.by)?;
        let reason = format!("nothing is left of the budget of {goal}");
        Some(Pause { reason, until: None, used_up: false, goal: Some(goal) })
    }

    /// Has the job go on that paused for a goal of whose budget something is left again.
    pub(super) async fn go_on_if_raised(&mut self) -> Result<(), Error> {
        self.system.goals.ready(&self.system.store).await?;
        let Some(work) = &self.work else { return Ok(()) };
        let waits = work.job.pause.as_ref().is_some_and(|pause| pause.goal.is_some());
        if !waits || self.stopping || self.system.goals.spent_for(&self.path).is_some() {
            return Ok(());
        }
        match self.adjust(Adjustment::Unpause).await {
            // It was closed meanwhile.
            Ok(_) | Err(Error::Closed { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What runs have cost that have ended, by row.
    pub(super) fn costs_of_ended(&self) -> HashMap<u32, Cost> {
        let ended = |held: &mut Held| {
            let ended = held.runs.iter().filter(|(_, run)| run.end.is_some());
            ended.map(|(row, run)| (*row, run.cost.clone())).collect()
        };
        self.system.jobs.held(&self.path, ended).unwrap_or_default()
    }
}

impl System {
    /// A job as it stands, without a pause for a goal of whose budget something is left again: it goes on by itself.
    pub(crate) async fn without_lifted_pause(&self, path: &AgentPath, job: Job) -> Result<Job, Error> {
        if job.pause.as_ref().is_none_or(|pause| pause.goal.is_none()) {
            return Ok(job);
        }
        self.goals.ready(&self.store).await?;
        match self.goals.spent_for(path) {
            Some(_) => Ok(job),
            None => Ok(job.unpause().unwrap_or(job)),
        }
    }
}
