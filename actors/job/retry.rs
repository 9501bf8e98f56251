//! Rows that came to nothing, tried again because a person asks: a batch a commit, and then the job begins again from the
//! store, where they lie before its cursor as before any.

use std::collections::BTreeSet;

use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{Draft, Event, Item, ItemState, JobState, Node, Row, Table, keys};

use super::actor::{Held, JobActor, JobSignal};
use super::commit::WRITES_MAX;
use crate::error::Error;
use crate::system::System;

/// How many rows are read at a time, and at the most opened again in one commit.
const PAGE: u32 = 240;

/// Which rows of a job are tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryRequest {
    /// Those that failed.
    pub failed: bool,
    /// Those that were skipped.
    pub skipped: bool,
    /// Those of these ids, whichever of the two they are; or left by a cancel.
    pub items: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Rows that are tried again.
    pub rows: u64,
    /// Rows that a cancel had left, and that go on.
    pub cancelled: u64,
    /// Rows that were named and are none of these: they are as they were.
    pub left: u64,
}

/// Which rows, once their ids were looked up.
pub(crate) struct Chosen {
    failed: bool,
    skipped: bool,
    named: BTreeSet<u32>,
}

/// Somebody who waits to hear what came of it.
pub(crate) type Asked = (Chosen, oneshot::Sender<Result<Retried, Error>>);

impl RetryRequest {
    /// Those that failed, and those that were skipped because of them.
    pub fn all() -> Self {
        RetryRequest { failed: true, skipped: true, items: Vec::new() }
    }
}

impl Chosen {
    fn takes(&self, number: u32, item: &Item) -> bool {
        match item.state {
            ItemState::Failed { .. } => self.failed || self.named.contains(&number),
            ItemState::Skipped { .. } => self.skipped || self.named.contains(&number),
            _ => false,
        }
    }

    /// The first row that may be one.
    fn first(&self) -> u32 {
        match self.failed || self.skipped {
            true => 1,
            false => self.named.first().copied().unwrap_or(u32::MAX),
        }
    }

    /// The last row that may be one.
    fn last(&self, rows: u32) -> u32 {
        match self.failed || self.skipped {
            true => rows,
            false => self.named.last().copied().unwrap_or_default().min(rows),
        }
    }
}

impl System {
    /// Has rows of a job that came to nothing tried again, and what a cancel left go on. A job that was final runs then, if
    /// its subtree does. What was committed when this fails stays; asked again, it goes on with the rest.
    ///
    /// # Errors
    /// There is no such job or no such row, nothing says which rows, the job's rows are not all stored, it is being
    /// cancelled or closed, or the runtime stops.
    pub async fn retry_job(&self, path: &AgentPath, request: &RetryRequest) -> Result<Retried, Error> {
        self.job(path).await?;
        let mut named = BTreeSet::new();
        for id in &request.items {
            let row = self.store.peek::<u64>(&keys::item_id(path, id)).await?;
            let row = row.ok_or_else(|| Error::BadQuery(format!("{path} has no row {id:?}")))?;
            named.extend(u32::try_from(row.value));
        }
        if named.is_empty() && !request.failed && !request.skipped {
            return Err(Error::BadQuery("no row is asked for: those failed, those skipped, or by id".to_owned()));
        }
        self.demand_open(path).await?;
        let chosen = Chosen { failed: request.failed, skipped: request.skipped, named };
        let (reply, answer) = oneshot::channel();
        self.jobs.deliver(self, path, JobSignal::Retry((chosen, reply)));
        answer.await.map_err(|_| Error::Stopping)?.map_err(|error| error.of_job(path))
    }
}

impl JobActor {
    /// Tries rows again. While the output is written it is put off: what is written then would be taken for the newest.
    pub(super) async fn retry(&mut self, asked: Asked) -> Result<(), Error> {
        if self.system.jobs.held(&self.path, |held: &mut Held| held.exporting) == Some(true) {
            self.put_off.push(JobSignal::Retry(asked));
            return Ok(());
        }
        let (chosen, reply) = asked;
        self.settle_groups().await?;
        let retried = self.retry_and_go_on(&chosen).await;
        // What is in memory knows nothing of the rows that are open again, all of them or some.
        self.load().await?;
        self.unwritable = false;
        self.grow_again();
        self.call_flush();
        // Whoever asked may be gone; what was committed stands.
        let _ = reply.send(retried);
        Ok(())
    }

    /// Has what waited for the output come again.
    pub(super) fn take_put_off(&mut self) {
        for signal in std::mem::take(&mut self.put_off) {
            // Without a slot the job has left, and who asked hears that.
            let _ = self.system.jobs.tell_resident(&self.path, signal);
        }
    }

    /// Tries rows again. What a cancel left goes on with the first of them, or without one if it was asked for.
    async fn retry_and_go_on(&mut self, chosen: &Chosen) -> Result<Retried, Error> {
        let cancelled = self.work.as_ref().filter(|work| matches!(work.job.state, JobState::Cancelled { .. }));
        let cancelled = cancelled.map_or(0, |work| work.job.counts.pending);
        let named = if cancelled > 0 { self.pending(&chosen.named).await? } else { 0 };
        let mut retried = self.retry_chosen(chosen).await?;
        if cancelled == 0 || (retried.rows == 0 && named == 0 && !chosen.failed && !chosen.skipped) {
            return Ok(retried);
        }
        if retried.rows == 0 {
            self.commit_retry(&[]).await?;
        }
        (retried.cancelled, retried.left) = (cancelled.into(), retried.left - named);
        Ok(retried)
    }

    /// How many of these rows are pending.
    async fn pending(&self, numbers: &BTreeSet<u32>) -> Result<u64, Error> {
        let mut pending = 0;
        for number in numbers {
            let rows = self.page(*number, 1).await?;
            pending += rows.iter().filter(|(_, row)| is_pending(row)).count() as u64;
        }
        Ok(pending)
    }

    async fn retry_chosen(&mut self, chosen: &Chosen) -> Result<Retried, Error> {
        let Some(work) = &self.work else { return Err(Error::NotFound { path: self.path.clone() }) };
        let last = chosen.last(work.job.imported);
        let (mut number, mut retried) = (chosen.first(), Retried::default());
        retried.left = chosen.named.len() as u64;
        while number <= last {
            let count = PAGE.min(last + 1 - number);
            let page = self.page(number, count).await?;
            let batch: Vec<_> = page.into_iter().filter(|(number, row)| is_chosen(chosen, *number, row)).collect();
            let mut batch = batch.as_slice();
            while !batch.is_empty() {
                let (done, rest) = batch.split_at(self.commit_retry(batch).await?);
                retried.rows += done.len() as u64;
                retried.left -= done.iter().filter(|(number, _)| chosen.named.contains(number)).count() as u64;
                batch = rest;
            }
            number += count;
        }
        Ok(retried)
    }

    /// Opens as many rows again as a commit takes, from the first on; how many.
    async fn commit_retry(&mut self, batch: &[(u32, Row<Node>)]) -> Result<usize, Error> {
        let work = self.work.as_ref().expect("looked at by whoever has rows of it");
        let (mut counts, mut draft, mut rows) = (work.counts(), Draft::new(), 0);
        for (number, row) in batch {
            if draft.writes() >= WRITES_MAX {
                break;
            }
            rows += 1;
            let Node::Item(item) = &row.value else { continue };
            // It would pass for one of a first run, by the failures charged.
            draft.delete(Table::Session.at(&keys::item_path(&self.path, *number)?));
            let next = item.retry()?;
            counts.shift(&item.state, &next.state);
            let _ = draft.update(row, &Node::Item(next));
        }
        let first = batch.first().map_or(work.job.cursor, |(number, _)| *number);
        let (job, row) = (work.job.reopen(counts, work.job.cursor.min(first))?, work.row.clone());
        draft.put(Table::Unfinished.at(&self.path), &());
        let state = job.state.as_str().to_owned();
        draft.tell(&Event::JobChanged { job: self.this(&job), state, counts });
        match self.commit_job(draft, &row, job).await? {
            Some(_) => Ok(rows),
            None => Err(self.why_refused().await?),
        }
    }
}

fn is_pending(row: &Row<Node>) -> bool {
    matches!(&row.value, Node::Item(Item { state: ItemState::Pending { .. }, .. }))
}

fn is_chosen(chosen: &Chosen, number: u32, row: &Row<Node>) -> bool {
    matches!(&row.value, Node::Item(item) if chosen.takes(number, item))
}
