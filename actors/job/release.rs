//! Rows that go back uncharged: a close, a shutdown, or a cancel over what an earlier process left running.

use understory_store::{Draft, ItemState, JobState, Node, Row, Table};

use super::actor::JobActor;
use super::charging::{Cost, Owed};
use super::commit::WRITES_MAX;
use super::group::How;
use super::report::{Answered, answer};
use crate::directory::Seen;
use crate::error::Error;
use crate::system::closed_at;

/// The most rows that go back in one commit.
const ROWS_MAX: usize = 256;

impl JobActor {
    /// A commit was refused, as a rule because the job or a node above it was closed. What runs is told to end; what has
    /// ended goes back. The rest follows as it ends, so that a later run of a row never meets an older one.
    pub(super) async fn refused(&mut self, replies: Vec<Answered>, left: Option<Seen>) -> Result<(), Error> {
        let error = self.why_refused().await?;
        answer(replies, Some(&error));
        match &error {
            Error::Closed { .. } => self.stopping = true,
            // Nobody else writes these rows: it is a fault of ours, and the store is right.
            _ => tracing::error!(path = %self.path, "a job's commit conflicts; it begins again from the store"),
        }
        self.system.jobs.held(&self.path, |held| {
            held.runs.values().for_each(|run| run.cancel.cancel());
            held.left = held.left.take().or(left);
        });
        // What rests on it was refused as well.
        self.settle_groups().await?;
        self.release_ended().await
    }

    /// What a refused commit of this job reads as to whoever asked for it.
    pub(super) async fn why_refused(&self) -> Result<Error, Error> {
        Ok(match closed_at(&self.system.store, &self.path).await? {
            Some(at) => Error::Closed { path: self.path.clone(), at },
            None => Error::Stopping,
        })
    }

    /// The one commit that no mark forbids: rows whose run has ended go back.
    async fn release_ended(&mut self) -> Result<(), Error> {
        while self.load().await? {
            let mut ended: Vec<(u32, Cost)> = self.costs_of_ended().into_iter().collect();
            ended.sort_by_key(|(number, _)| *number);
            ended.truncate(ROWS_MAX);
            let work = self.work.as_ref().expect("just read");
            // The report of one that is not running was taken: only what it has cost is left.
            let rows: Vec<_> =
                ended.into_iter().map(|(number, cost)| (number, work.running.get(&number).cloned(), cost)).collect();
            if rows.is_empty() {
                break;
            }
            let released = self.release(&rows, true).await?;
            for (number, ..) in &rows[..released] {
                self.forget(*number, None);
                let work = self.work.as_mut().expect("just read");
                work.endings.retain(|ending| ending.row != *number || !matches!(ending.how, How::Over(_)));
            }
        }
        Ok(())
    }

    /// A job that was cancelled starts nothing: rows that an earlier process died in go back, which may end the job.
    pub(super) async fn release_orphans_of_cancelled(&mut self) -> Result<(), Error> {
        loop {
            let Some(work) = &mut self.work else { return Ok(()) };
            if !matches!(work.job.state, JobState::Cancelling { .. }) {
                return Ok(());
            }
            work.absolve();
            let orphan = |row: &Row<Node>| matches!(&row.value, Node::Item(item) if matches!(item.state, ItemState::Running { .. }));
            let mut orphans: Vec<_> =
                work.ready.iter().filter(|(_, row)| orphan(row)).take(ROWS_MAX).cloned().collect();
            let rows: Vec<_> =
                orphans.iter().map(|(number, row)| (*number, Some(row.clone()), Cost::default())).collect();
            let released = self.release(&rows, false).await?;
            if released == 0 {
                return Ok(());
            }
            orphans.truncate(released);
            let work = self.work.as_mut().expect("looked at above");
            work.ready.retain(|(number, _)| !orphans.iter().any(|(orphan, _)| orphan == number));
        }
    }

    /// Puts running rows back and charges what their runs have cost, as many as a commit takes, from the first on; how many.
    /// With 0 it was refused.
    async fn release(&mut self, rows: &[(u32, Option<Row<Node>>, Cost)], exempt: bool) -> Result<usize, Error> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.settle_groups().await?;
        let work = self.work.as_ref().expect("a job that releases rows has been read");
        let mut counts = work.counts();
        let (mut draft, mut owed, mut released) = (Draft::new(), Owed::default(), 0);
        for (_, row, cost) in rows {
            if draft.writes() >= WRITES_MAX {
                break;
            }
            released += 1;
            owed.add(cost);
            let Some(row) = row else { continue };
            let Node::Item(item) = &row.value else { continue };
            let next = item.release(item.run)?;
            counts.shift(&item.state, &next.state);
            let _ = draft.update(row, &Node::Item(next));
        }
        let (mut job, row) = (work.job.count(counts, work.job.cursor), work.row.clone());
        job.spent.tokens += owed.tokens;
        if exempt
            && let Some(left) = self.system.jobs.held(&self.path, |held| held.left.take()).flatten()
            && let Some(directory) = self.directory_left(&left).await?
        {
            draft.put(Table::Directory.at(&self.path), &directory);
        }
        if draft.is_empty() && owed.tokens == 0 {
            return Ok(released);
        }
        let bill = self.bill(&owed, &mut draft);
        let committed = match exempt {
            true => self.commit_exempt(draft, &row, job).await?,
            false => self.commit_job(draft, &row, job).await?,
        };
        if committed.is_some() {
            self.system.fold(bill.paid());
        }
        Ok(committed.map_or(0, |_| released))
    }
}
