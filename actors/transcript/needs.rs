//! Who needs what is in a transcript, and so keeps it from going.

use understory_paths::AgentPath;
use understory_store::{Draft, Goal, GoalStatus, Key, Row, Table, Time, TranscriptEntry, Version};

use crate::error::Error;
use crate::system::System;

/// Why a transcript, or the end of one, is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Somebody waits for an outcome, which may be in it alone.
    Awaited,
    /// It is of a row of a job that is not finished.
    OpenJob,
    /// The nearest goal at or above the agent is active: what came since that was set is what it goes on from.
    ActiveGoal,
}

/// What is needed of a transcript.
#[derive(Default)]
pub(super) struct Needs {
    /// Why all of it stays.
    pub(super) hold: Option<Hold>,
    /// Since when an active goal keeps what came.
    goal: Option<Time>,
    /// The rows that say so.
    rows: Vec<(Key, Option<Version>)>,
}

impl Hold {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Hold::Awaited => "somebody waits for an outcome",
            Hold::OpenJob => "its job is not finished",
            Hold::ActiveGoal => "the goal it works for is active, and what came since that was set stays",
        }
    }
}

impl System {
    pub(super) async fn needs_of(&self, path: &AgentPath) -> Result<Needs, Error> {
        if self.watchers.listens(path) {
            return Ok(Needs { hold: Some(Hold::Awaited), ..Needs::default() });
        }
        let jobs: Vec<_> = path.ancestors().map(|above| Table::Unfinished.at(&above)).collect();
        let versions = self.store.versions(jobs.clone()).await?;
        let hold = versions.iter().any(Option::is_some).then_some(Hold::OpenJob);
        let mut rows: Vec<_> = jobs.into_iter().zip(versions).collect();
        let mut goal = None;
        // As turns are charged: the nearest goal that is not complete, whosever it is.
        for at in std::iter::once(path.clone()).chain(path.ancestors()) {
            let key = Table::Goal.at(&at);
            let found = self.store.peek::<Goal>(&key).await?;
            rows.push((key, found.as_ref().map(|row| row.version)));
            if let Some(nearest) = found.map(|row| row.value).filter(|goal| !goal.is_complete()) {
                goal = (nearest.status == GoalStatus::Active).then_some(nearest.created_at);
                break;
            }
        }
        Ok(Needs { hold, goal, rows })
    }
}

impl Needs {
    /// Whether a row stays.
    pub(super) fn keep(&self, row: &Row<TranscriptEntry>) -> bool {
        let is_record = matches!(row.value, TranscriptEntry::Compacted(_));
        self.hold.is_some() || (!is_record && self.goal.is_some_and(|since| row.value.at() >= since))
    }

    /// Demands that all is as it was when it was looked at.
    pub(super) fn expect(&self, draft: &mut Draft) {
        for (key, version) in &self.rows {
            match version {
                Some(version) => draft.expect_at(key.clone(), *version),
                None => draft.expect_absent(key.clone()),
            }
        }
    }
}
