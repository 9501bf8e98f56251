//! A job's items against its record.

use understory_paths::AgentPath;

use super::lane::{Stands, look_up};
use super::report::Report;
use crate::error::StoreError;
use crate::keys::{self, Table};
use crate::records::{Counts, Item, ItemState, Job, Text};
use crate::seam::Backend;

/// What is gathered of a job's items.
pub(super) struct Tally {
    job: Job,
    counts: Counts,
    /// The first item that is not final.
    first_open: Option<u32>,
    /// The row that comes next, if none is missing.
    next: u32,
    /// The first row that was not met.
    missing: Option<u32>,
}

impl Tally {
    pub(super) fn new(job: Job) -> Self {
        Tally { job, counts: Counts::default(), first_open: None, next: 1, missing: None }
    }

    fn take(&mut self, number: u32, state: &ItemState) {
        let count = match state {
            ItemState::Pending { .. } => &mut self.counts.pending,
            ItemState::Running { .. } => &mut self.counts.running,
            ItemState::Completed { .. } => &mut self.counts.completed,
            ItemState::Failed { .. } => &mut self.counts.failed,
            ItemState::Skipped { .. } => &mut self.counts.skipped,
        };
        *count += 1;
        if number != self.next && self.missing.is_none() {
            self.missing = Some(self.next);
        }
        self.next = number.saturating_add(1);
        if !state.is_final() && self.first_open.is_none() {
            self.first_open = Some(number);
        }
    }

    /// Compares the items with what the job's record says of them. `sure`: all of them could be read.
    pub(super) fn check(&self, path: &AgentPath, sure: bool, report: &mut Report) {
        let Tally { job, counts, first_open, missing, next: _ } = self;
        if let Some(row) = first_open.filter(|row| *row < job.cursor) {
            report.at(Table::Node, path, format!("its cursor is {}, and row {row} is not final", job.cursor));
        }
        if job.cursor > job.imported.saturating_add(1) {
            report.at(Table::Node, path, format!("its cursor is {}, and it has {} rows", job.cursor, job.imported));
        }
        if !sure {
            return;
        }
        if let Some(row) = missing {
            report.at(Table::Node, path, format!("row {row} is missing"));
        }
        if counts.total() != job.imported {
            report.at(Table::Node, path, format!("it has {} rows, and {} were found", job.imported, counts.total()));
        }
        if *counts != job.counts {
            report.at(
                Table::Node,
                path,
                format!("its counts are {}, and its rows come to {}", words(&job.counts), words(counts)),
            );
        }
    }
}

/// Checks one item. `beside`: whether a row and a result lie beside it. `job`: the job right above it, if there is one.
pub(super) async fn check(
    backend: &dyn Backend,
    path: &AgentPath,
    item: &Item,
    beside: (bool, bool),
    job: Option<&mut Tally>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let (row_wanted, result_wanted) =
        (matches!(item.row, Text::Beside), matches!(item.state, ItemState::Completed { result: Text::Beside, .. }));
    for (table, wanted, there) in [(Table::Row, row_wanted, beside.0), (Table::Result, result_wanted, beside.1)] {
        match (wanted, there) {
            (true, false) => report.at(table, path, "it is missing, and its item says that it lies here"),
            (false, true) => report.at(table, path, "its item does not say that it lies here"),
            _ => {}
        }
    }
    let (Some(owner), Some(number)) = (path.parent(), keys::item_number(path)) else { return Ok(()) };
    if let Some(tally) = job {
        tally.take(number, &item.state);
    }
    match look_up::<u64>(backend, keys::item_id(&owner, &item.item_id)).await? {
        Stands::There(found) if found == u64::from(number) => {}
        Stands::There(found) => {
            report.at(Table::Node, path, format!("its item id {:?} leads to row {found}", item.item_id));
        }
        Stands::Absent => report.at(Table::Node, path, format!("its item id {:?} leads nowhere", item.item_id)),
        Stands::Damaged => {}
    }
    Ok(())
}

fn words(counts: &Counts) -> String {
    let Counts { pending, running, completed, failed, skipped } = counts;
    format!("{pending} pending, {running} running, {completed} completed, {failed} failed, {skipped} skipped")
}
