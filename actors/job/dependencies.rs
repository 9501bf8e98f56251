//! Rows that come after others: held back until those are completed, and skipped when one of them comes to nothing.
//!
//! Nothing of this is on record but which row comes after which, and what was skipped. When the actor begins it reads how
//! all rows stand; so a crash between a row's failure and the skipping of those behind it loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use understory_store::{Item, ItemEnding, ItemState, JobState, Node, Row};

use super::actor::{JobActor, Work};
use super::after::behind;
use super::group::Group;
use crate::error::{Error, cut};

/// How many items are read at a time.
const PAGE: u32 = 256;

/// What a job's actor knows of rows that come after others. Empty if the job has no column for it.
#[derive(Default)]
pub(super) struct Dependencies {
    /// The row to be completed and the one behind it, in order.
    edges: Vec<(u32, u32)>,
    /// For how many a row still waits.
    waiting: BTreeMap<u32, u32>,
    /// Rows that wait no more, and were passed over when they did.
    released: BTreeSet<u32>,
    /// Rows that are to be skipped, and because of which.
    skipped: BTreeMap<u32, u32>,
    /// Rows whose skipping is on its way into the store.
    skipping: BTreeSet<u32>,
}

impl Dependencies {
    /// Whether a row waits for others, or is to be skipped, and so is not to be started.
    pub(super) fn hold(&self, number: u32) -> bool {
        self.waiting.contains_key(&number) || self.skipped.contains_key(&number) || self.skipping.contains(&number)
    }

    /// Rows that could be started now if they were read.
    pub(super) fn released(&self) -> usize {
        self.released.len()
    }

    /// Whether rows are to be skipped.
    pub(super) fn skips(&self) -> bool {
        !self.skipped.is_empty()
    }

    /// The first row that is known here and is not final.
    pub(super) fn first(&self) -> Option<u32> {
        let skipped = self.skipped.keys().next();
        self.waiting.keys().next().into_iter().chain(self.released.first()).chain(skipped).min().copied()
    }

    /// Takes up how a row ended, for those behind it; `next` is the first row that was not looked at.
    pub(super) fn ended(&mut self, number: u32, state: &ItemState, next: u32) {
        if self.edges.is_empty() || !state.is_final() {
            return;
        }
        self.skipping.remove(&number);
        let completed = matches!(state, ItemState::Completed { .. });
        let behind: Vec<u32> = behind(&self.edges, number).collect();
        for row in behind {
            let Some(left) = self.waiting.get_mut(&row) else { continue };
            *left -= 1;
            if completed && *left > 0 {
                continue;
            }
            self.waiting.remove(&row);
            match completed {
                true if row < next => drop(self.released.insert(row)),
                true => {}
                false => drop(self.skipped.insert(row, number)),
            }
        }
    }
}

impl JobActor {
    /// Reads which rows come after which, and how all of them stand.
    pub(super) async fn load_dependencies(&mut self) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        if work.spec.columns.after.is_none() || work.job.state != JobState::Running {
            return Ok(());
        }
        let (last, mut number) = (work.job.imported, 1);
        let (mut found, mut pending) = (Dependencies::default(), Vec::new());
        let (mut completed, mut failed) = (vec![false; last as usize + 1], vec![false; last as usize + 1]);
        while number <= last {
            let count = PAGE.min(last + 1 - number);
            for (number, row) in self.page(number, count).await? {
                let Node::Item(item) = &row.value else { continue };
                found.edges.extend(item.after.iter().map(|before| (*before, number)));
                completed[number as usize] = matches!(item.state, ItemState::Completed { .. });
                failed[number as usize] = item.state.is_final() && !completed[number as usize];
                if matches!(item.state, ItemState::Pending { .. }) && !item.after.is_empty() {
                    pending.push((number, item.after.clone()));
                }
            }
            number += count;
        }
        for (number, after) in pending {
            let left = after.iter().filter(|before| !completed[**before as usize]).count();
            match after.iter().find(|before| failed[**before as usize]) {
                Some(before) => drop(found.skipped.insert(number, *before)),
                None if left > 0 => drop(found.waiting.insert(number, u32::try_from(left).unwrap_or(u32::MAX))),
                None => {}
            }
        }
        found.edges.sort_unstable();
        if let Some(work) = &mut self.work {
            work.dependencies = found;
        }
        Ok(())
    }

    /// Reads rows that wait no more, until `wanted` are ready.
    pub(super) async fn take_released(&mut self, wanted: usize) -> Result<(), Error> {
        while let Some(work) = &mut self.work
            && work.ready.len() < wanted
            && let Some(number) = work.dependencies.released.pop_first()
        {
            let rows = self.page(number, 1).await?;
            if let Some(work) = &mut self.work {
                rows.into_iter().for_each(|(number, row)| work.line_of(&row).push_back((number, row)));
            }
        }
        Ok(())
    }

    /// Skips rows behind those that came to nothing, as many as the group has room for.
    pub(super) async fn skip_rows(&mut self, group: &mut Group) -> Result<(), Error> {
        while group.has_room()
            && let Some(work) = &mut self.work
            && work.job.state == JobState::Running
            && !self.stopping
            && let Some((number, before)) = work.dependencies.skipped.pop_first()
        {
            work.dependencies.skipping.insert(number);
            let now = self.system.clock.now();
            let cause = self.page(before, 1).await?;
            for (number, row) in self.page(number, 1).await? {
                let Node::Item(item) = &row.value else { continue };
                let next = item.skip(cut(because(&cause)), now)?;
                group.end(number, item.run, &row, next, ItemEnding::Skipped);
            }
        }
        Ok(())
    }
}

impl Work {
    /// Whether something is to be done for rows that come after others.
    pub(super) fn skips(&self) -> bool {
        self.job.state == JobState::Running && self.dependencies.skips()
    }
}

/// Why a row behind this one is skipped.
fn because(cause: &[(u32, Row<Node>)]) -> String {
    let Some((number, Row { value: Node::Item(Item { item_id, state, last_error, .. }), .. })) = cause.first() else {
        return "a row that comes before it came to nothing".to_owned();
    };
    let row = format!("{item_id:?}, row {number}, which comes before it");
    match (state, last_error) {
        (ItemState::Skipped { .. }, _) => format!("{row}, was skipped"),
        (_, Some(error)) => format!("{row}, failed: {error}"),
        _ => format!("{row}, failed"),
    }
}
