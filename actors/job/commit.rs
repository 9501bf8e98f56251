//! How a job's commits reach the store: its groups two at a time, everything else by itself.
//!
//! ```text
//!   group k     handed over ---- synced ---> answered: workers are called, reports acknowledged
//!   group k+1       gathers ---> handed over, resting on k ---- synced ---> ...
//! ```
//!
//! While one group is synced the next waits behind it, so that the disk is never without work. A group rests on the one
//! before it by the job's record: if that one is refused, so is this.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use understory_store::{
    CommitError, Directory, Draft, Event, Item, ItemEnd, ItemEnding, ItemState, Job, Node, Row, Table, Version, Written,
};

use super::actor::{Held, JobActor, JobSignal, Work};
use super::charging::Cost;
use super::group::{Group, Moved};
use super::report::{Reply, answer};
use super::run::RunEntry;
use crate::error::Error;
use crate::goals::Bill;
use crate::handover::{Committed, hand_over};
use crate::pausing::TurnSlot;

/// How many groups are with the store at once.
const GROUPS_MAX: usize = 2;
/// A commit of rows takes no further one at this many writes. One row has some 150 at the most: its own text and its result,
/// each cut into parts, written and deleted.
pub(super) const WRITES_MAX: usize = 512;
/// A group rests on another only if it moves at least this part of the job's places; a smaller one waits and grows.
const RESTING_PART: usize = 2;
/// How long a turn whose report was taken has to end.
const AFTER_REPORT: Duration = Duration::from_secs(5);

/// A group that the store was given and has not answered yet.
pub(super) struct UnderWay {
    group: Group,
    bill: Bill,
    /// The commit without its charges, to be handed over again should a goal that it charges be gone.
    uncharged: Option<Draft>,
    job: Job,
    written: Written,
    committed: Committed,
}

impl UnderWay {
    /// What it makes of the job's directory on record.
    pub(super) fn directory(&self) -> Option<&Directory> {
        self.group.directory.as_ref()
    }

    /// Whether it moves this row.
    pub(super) fn moves(&self, number: u32) -> bool {
        self.group.moved.iter().any(|moved| moved.row == number)
    }

    /// How many rows it starts.
    pub(super) fn starts(&self) -> usize {
        self.group.moved.iter().filter(|moved| matches!(moved.item.state, ItemState::Running { .. })).count()
    }

    /// Whether it moves a row to where this holds.
    pub(super) fn moves_any(&self, holds: impl Fn(&Item) -> bool) -> bool {
        self.group.moved.iter().any(|moved| holds(&moved.item))
    }

    /// Has a report of a run that this group completes acknowledged with it; gives it back if that is another run.
    pub(super) fn acknowledge(&mut self, row: u32, run: u32, reply: Reply) -> Option<Reply> {
        if !self.group.ended.contains(&ItemEnd { row, run, ending: ItemEnding::Completed }) {
            return Some(reply);
        }
        self.group.replies.push((reply, Ok(())));
        None
    }
}

impl JobActor {
    /// Whether a group may go to the store now; otherwise what gathers goes with the next answer.
    pub(super) fn may_group(&self) -> bool {
        let Some(work) = &self.work else { return false };
        let gathered = work.endings.len() + work.granted.len();
        match work.under_way.len() {
            0 => true,
            under_way => under_way < GROUPS_MAX && gathered * RESTING_PART >= work.job.limits.concurrency as usize,
        }
    }

    /// Hands a group to the store, if it changes anything.
    pub(super) fn submit(&mut self, mut group: Group) {
        let work = self.work.as_mut().expect("a job that groups has been read");
        let mut job = work.job.count(group.counts, work.cursor(&group.moved));
        job.spent.turns += group.started.len() as u64;
        job.spent.tokens += group.owed.tokens;
        if job.pause.is_some() && job.paused_at(self.system.clock.now()).is_none() {
            // It is over, whether or not anything starts now.
            job = job.unpause().unwrap_or(job);
        }
        if let Some(pause) = group.pause.take() {
            job = job.pause(pause).unwrap_or(job);
        }
        if let Some(reason) = group.cancel.take() {
            job = job.cancel(&reason).unwrap_or(job);
        }
        if group.moved.is_empty() && group.directory.is_none() && job == work.job {
            group.over.iter().for_each(|(number, run)| self.forget(*number, Some(*run)));
            answer(group.replies, None);
            return;
        }
        self.tell(&mut group, &job);
        if let Some(directory) = &group.directory {
            group.draft.put(Table::Directory.at(&self.path), directory);
        }
        self.enter(&mut group);
        let mut draft = std::mem::take(&mut group.draft);
        draft.expect_open(&self.path);
        if !job.unfinished() {
            draft.delete(Table::Unfinished.at(&self.path));
        }
        let work = self.work.as_mut().expect("looked at above");
        let node = Node::Job(job.clone());
        let written = match work.under_way.back() {
            Some(before) => draft.update_written(&before.written, &node),
            None => draft.update(&work.row, &node),
        };
        work.job = job.clone();
        let rests = work.under_way.iter().any(|before| before.uncharged.is_some());
        let uncharged = (rests || group.owed.is_charged()).then(|| draft.clone());
        let (bill, committed) = self.hand_over(&group, draft);
        let work = self.work.as_mut().expect("looked at above");
        work.under_way.push_back(UnderWay { group, bill, uncharged, job, written, committed });
    }

    fn hand_over(&self, group: &Group, mut draft: Draft) -> (Bill, Committed) {
        let bill = self.bill(&group.owed, &mut draft);
        let (system, path) = (self.system.clone(), self.path.clone());
        let committed = hand_over(&self.system.store, &self.system.tasks, draft, move || {
            // A job that has left is told by the store.
            let _ = system.jobs.tell_resident(&path, JobSignal::Committed);
        });
        (bill, committed)
    }

    /// Hands over what was refused because a goal that it charges is gone, with what rests on it: another is charged.
    async fn hand_over_again(&mut self, first: UnderWay) {
        let mut refused = vec![first];
        while let Some(mut next) = self.work.as_mut().and_then(|work| work.under_way.pop_front()) {
            // It rests on what was refused. Should the store have failed, it says so again.
            let _ = next.committed.answer().await;
            refused.push(next);
        }
        for UnderWay { group, bill, uncharged, job, written, .. } in refused {
            drop(bill);
            let draft = uncharged.clone().expect("what charges goals, and what rests on that, is kept");
            let (bill, committed) = self.hand_over(&group, draft);
            if let Some(work) = &mut self.work {
                work.under_way.push_back(UnderWay { group, bill, uncharged, job, written, committed });
            }
        }
    }

    /// Takes up what the store has answered so far.
    pub(super) async fn take_answers(&mut self) -> Result<(), Error> {
        while let Some(first) = self.work.as_mut().and_then(|work| work.under_way.front_mut()) {
            let Some(answered) = first.committed.take() else { return Ok(()) };
            self.settle_first(answered).await?;
        }
        Ok(())
    }

    /// Waits until no group is with the store: what comes next knows the version of the job's record.
    pub(super) async fn settle_groups(&mut self) -> Result<(), Error> {
        while let Some(first) = self.work.as_mut().and_then(|work| work.under_way.front_mut()) {
            let answered = first.committed.answer().await;
            self.settle_first(answered).await?;
        }
        Ok(())
    }

    /// Commits a change of the job's record and its items, none of it under a closed mark. Nothing: it was refused.
    ///
    /// No group may be under way: `row` is the job's record as the store has it.
    pub(super) async fn commit_job(
        &mut self,
        mut draft: Draft,
        row: &Row<Node>,
        job: Job,
    ) -> Result<Option<Version>, Error> {
        draft.expect_open(&self.path);
        self.commit_exempt(draft, row, job).await
    }

    /// As [`JobActor::commit_job`], whatever is marked.
    pub(super) async fn commit_exempt(
        &mut self,
        mut draft: Draft,
        row: &Row<Node>,
        job: Job,
    ) -> Result<Option<Version>, Error> {
        if !job.unfinished() {
            draft.delete(Table::Unfinished.at(&self.path));
        }
        let node = Node::Job(job.clone());
        let written = draft.update(row, &node);
        match self.system.store.commit(draft).await {
            Ok(version) => {
                if let Some(work) = &mut self.work {
                    work.row = Row::written(written, node, version);
                    work.job = job;
                }
                Ok(Some(version))
            }
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets go of a run, or of whichever the row has, whose task has ended and whose end is on disk.
    pub(super) fn forget(&self, number: u32, run: Option<u32>) {
        // The row may have begun another one since.
        let ended = |held: &mut Held| {
            let is_it = held.runs.get(&number).is_some_and(|entry| run.is_none_or(|run| run == entry.run));
            is_it.then(|| held.runs.remove(&number)).flatten()
        };
        let entry = self.system.jobs.held(&self.path, ended).flatten();
        // Whoever still watches over its turn need not.
        entry.into_iter().for_each(|entry| entry.cancel.cancel());
    }

    async fn settle_first(&mut self, answered: Result<Version, CommitError>) -> Result<(), Error> {
        let Some(first) = self.work.as_mut().and_then(|work| work.under_way.pop_front()) else { return Ok(()) };
        let of_goal = |key| Table::Goal.path_of(key).is_some();
        if let Err(CommitError::Conflict { key, .. }) = &answered
            && of_goal(key)
        {
            self.hand_over_again(first).await;
            return Ok(());
        }
        let UnderWay { group, bill, job, written, .. } = first;
        let version = match answered {
            Ok(version) => version,
            Err(CommitError::Conflict { .. }) => return Box::pin(self.refused(group.replies, group.left)).await,
            Err(error) => return Err(error.into()),
        };
        if let Some(work) = &mut self.work {
            work.row = Row::written(written, Node::Job(job), version);
        }
        self.system.fold(bill.paid());
        group.over.iter().for_each(|(number, run)| self.forget(*number, Some(*run)));
        self.launch(group.moved, version);
        answer(group.replies, None);
        let ended: Vec<u32> = group.ended.iter().map(|end| end.row).collect();
        self.clear_mail_of(&ended).await?;
        self.drop_kept_of(&group.ended).await?;
        self.close_offspring(&ended).await
    }

    fn tell(&self, group: &mut Group, job: &Job) {
        let this = self.this(job);
        let started = std::mem::take(&mut group.started);
        group.draft.tell(&Event::ItemsMoved { job: this.clone(), started, ended: group.ended.clone() });
        let state = job.state.as_str().to_owned();
        group.draft.tell(&Event::JobChanged { job: this, state, counts: job.counts });
    }

    /// Puts what was committed where it belongs, and starts the tasks of the rows that started.
    fn launch(&mut self, moved: Vec<Moved>, version: Version) {
        let mut taken = Vec::new();
        let work = self.work.as_mut().expect("a job that groups has been read");
        for Moved { row: number, written, item, .. } in moved {
            work.dependencies.ended(number, &item.state, work.next);
            let place = match &item.state {
                ItemState::Completed { .. } => {
                    taken.push(number);
                    continue;
                }
                ItemState::Failed { .. } | ItemState::Skipped { .. } => continue,
                ItemState::Running { .. } => None,
                ItemState::Pending { not_before } => Some(*not_before),
            };
            let row = Row::written(written, Node::Item(item), version);
            match place {
                None => drop(work.running.insert(number, row)),
                Some(Some(at)) => drop(work.delayed.insert((at, number), row)),
                Some(None) => work.line_of(&row).push_front((number, row)),
            }
        }
        taken.into_iter().for_each(|number| self.let_go(number));
        self.call_workers();
    }

    /// Has the rows that start in their slot before that is on disk, so that a successor knows their runs for its own.
    fn enter(&mut self, group: &mut Group) {
        if let Some(work) = self.work.as_mut().filter(|_| group.moved.iter().any(|moved| moved.permit.is_some())) {
            work.sight.touch();
        }
        let (site, payers) = (&group.site, self.system.goals.payers(&self.path));
        let starting =
            group.moved.iter_mut().filter(|moved| moved.permit.is_some()).map(|Moved { row, item, permit, .. }| {
                let cancel = CancellationToken::new();
                let slot = permit.take().map(TurnSlot::new);
                (
                    *row,
                    RunEntry {
                        run: item.run,
                        cancel,
                        interrupted: None,
                        slot,
                        called: false,
                        misfits: 0,
                        cost: Cost { tokens: 0, payers: payers.clone() },
                        site: site.clone(),
                        end: None,
                    },
                )
            });
        self.system.jobs.held(&self.path, |held| held.runs.extend(starting));
    }

    /// Frees the place of a run whose report was taken, and gives its turn a while to end.
    fn let_go(&self, number: u32) {
        let freed = |held: &mut Held| held.runs.get_mut(&number).map(|entry| (entry.slot.take(), entry.cancel.clone()));
        if let Some(Some((slot, cancel))) = self.system.jobs.held(&self.path, freed) {
            drop(slot);
            let stopping = self.system.stopping.clone();
            self.system.tasks.spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(AFTER_REPORT) => cancel.cancel(),
                    () = cancel.cancelled() => {}
                    () = stopping.cancelled() => {}
                }
            });
        }
    }
}

impl Work {
    /// Whether a group that is under way moves this row.
    pub(super) fn is_moving(&self, number: u32) -> bool {
        self.under_way.iter().any(|group| group.moves(number))
    }

    /// Places that no run has, nor one that is about to start.
    pub(super) fn places(&self) -> usize {
        if self.has_suspect_at_work() {
            return 0;
        }
        let starting: usize = self.under_way.iter().map(UnderWay::starts).sum();
        (self.job.limits.concurrency as usize).saturating_sub(self.running.len() + starting)
    }

    /// The first row that is not final once these rows have moved.
    fn cursor(&self, moved: &[Moved]) -> u32 {
        let running = self.running.keys().copied();
        let ready = self.ready.iter().chain(&self.suspects).map(|(row, _)| *row);
        let delayed = self.delayed.keys().map(|(_, row)| *row);
        let moving = self.under_way.iter().flat_map(|group| &group.group.moved).chain(moved);
        let moving = moving.filter(|moved| !moved.item.state.is_final()).map(|moved| moved.row);
        running
            .chain(ready)
            .chain(delayed)
            .chain(moving)
            .chain(self.dependencies.first())
            .chain([self.next])
            .min()
            .unwrap_or(self.next)
    }
}
