//! The events of recent commits, in memory, within a byte budget.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::seam::{Change, Changes, Version};

/// What keeping one event takes beside its bytes, so that empty ones count too.
const EVENT_COST: usize = 16;

/// The events kept, oldest first.
#[derive(Debug)]
pub(crate) struct Recent {
    changes: VecDeque<Change>,
    bytes: usize,
    bytes_max: usize,
    /// The last commit whose events are not here any more.
    dropped: Version,
    /// The last commit that was pushed, with or without events.
    last: Version,
}

impl Recent {
    /// Begins after commit `last`.
    pub(crate) fn new(bytes_max: usize, last: Version) -> Self {
        Recent { changes: VecDeque::new(), bytes: 0, bytes_max, dropped: last, last }
    }

    /// Adds the next commit's events and drops the oldest over the budget.
    pub(crate) fn push(&mut self, version: Version, events: Vec<Bytes>) {
        self.last = version;
        if events.is_empty() {
            return;
        }
        let change = Change { version, events };
        self.bytes += cost(&change);
        self.changes.push_back(change);
        while self.bytes > self.bytes_max
            && let Some(dropped) = self.changes.pop_front()
        {
            self.bytes -= cost(&dropped);
            self.dropped = dropped.version;
        }
    }

    /// Whether everything after commit `after` is here.
    pub(crate) fn reaches(&self, after: Version) -> bool {
        after >= self.dropped
    }

    /// The events after commit `after`, those of at most `limit` commits.
    pub(crate) fn after(&self, after: Version, limit: usize) -> Changes {
        let gap = (!self.reaches(after)).then_some(self.dropped);
        let first = self.changes.partition_point(|change| change.version <= after);
        let changes: Vec<Change> = self.changes.range(first..).take(limit).cloned().collect();
        let through = if first + changes.len() == self.changes.len() {
            after.max(self.last)
        } else {
            changes.last().map_or(gap.unwrap_or(after), |change| change.version)
        };
        Changes { gap, changes, through }
    }
}

fn cost(change: &Change) -> usize {
    change.events.iter().map(|event| event.len() + EVENT_COST).sum()
}
