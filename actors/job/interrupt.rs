//! An interrupt of a job's item: it fails the run under way, which is charged like any that fails.

use understory_paths::AgentPath;
use understory_store::keys;

use super::actor::Held;
use crate::system::System;

impl System {
    /// Has the run of an item end as failed with these words, whatever its worker answers. False if none is under way, or its
    /// report was taken.
    pub(crate) fn interrupt_run(&self, item: &AgentPath, words: &str) -> bool {
        self.look_at_run(item, |held, row| {
            let Some(run) = held.runs.get_mut(&row).filter(|run| run.is_interruptible()) else { return false };
            run.interrupted.get_or_insert_with(|| words.to_owned());
            run.cancel.cancel();
            true
        })
    }

    /// Whether an interrupt of the item would end a run.
    pub(crate) fn has_run(&self, item: &AgentPath) -> bool {
        self.look_at_run(item, |held, row| held.runs.get(&row).is_some_and(|run| run.is_interruptible()))
    }

    /// Whether the worker of this very run is at it.
    pub(crate) fn is_run_under_way(&self, item: &AgentPath, run: u32) -> bool {
        self.look_at_run(item, |held, row| held.runs.get(&row).is_some_and(|entry| entry.is_under_way(run)))
    }

    fn look_at_run(&self, item: &AgentPath, look: impl FnOnce(&mut Held, u32) -> bool) -> bool {
        let (Some(job), Some(row)) = (item.parent(), keys::item_number(item)) else { return false };
        self.jobs.held(&job, |held| look(held, row)) == Some(true)
    }
}
