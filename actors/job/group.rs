//! The group commit: every report and end that waits (J2) and every row that starts in their place (J1), in one commit.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use understory_paths::AgentPath;
use understory_store::{
    CommitError, Counts, Draft, Event, FailureLimits, Item, ItemEnd, ItemEnding, ItemState, Job, JobState, Node, Row,
    Table, Text, Time, Version, Written, keys,
};

use super::actor::{Held, JobActor, Work};
use super::run::{RunEnd, RunEntry};
use crate::error::Error;
use crate::slots::Permit;
use crate::supervision::pause;

/// The most rows that end, and that start, in one commit: with what lies beside their records, within a drain's bounds.
const GROUP_MAX: usize = 128;
/// A group closes at this many writes.
const GROUP_WRITES: usize = 512;
/// A group closes at this many payload bytes.
const GROUP_BYTES: usize = 1 << 20;
/// The most bytes of a record that carry a text of the row or result; a longer one lies beside it.
const INLINE_MAX: usize = 3 << 10;
/// How long a turn whose report was taken has to end.
const AFTER_REPORT: Duration = Duration::from_secs(5);

/// A run's end or report that waits for a commit.
pub(super) struct Ending {
    pub(super) row: u32,
    pub(super) run: u32,
    pub(super) how: How,
}

/// How a run ended.
pub(super) enum How {
    /// It reported through the tool, and waits for an answer.
    Reported { result: String, stop: bool, reply: oneshot::Sender<Result<(), Error>> },
    /// Its turn is over.
    Over(RunEnd),
}

/// A report, and what is answered to it once the commit is durable.
pub(super) type Answered = (oneshot::Sender<Result<(), Error>>, Result<(), Error>);

/// A commit in the making.
struct Group {
    draft: Draft,
    counts: Counts,
    cancel: Option<String>,
    moved: Vec<Moved>,
    started: Vec<(u32, u32)>,
    ended: Vec<ItemEnd>,
    /// Rows whose run's task has ended.
    over: Vec<u32>,
}

/// A row whose record the group writes.
struct Moved {
    row: u32,
    written: Written,
    item: Item,
    permit: Option<Permit>,
}

impl JobActor {
    /// Notes that a run's task has ended.
    pub(super) fn take_end(&mut self, row: u32) {
        let end = |held: &mut Held| held.runs.get(&row).and_then(|entry| Some((entry.run, entry.end.clone()?)));
        let Some(Some((run, end))) = self.system.jobs.held(&self.path, end) else { return };
        if let Some(work) = &mut self.work {
            work.endings.push(Ending { row, run, how: How::Over(end) });
            self.call_flush();
        }
    }

    /// Commits what has gathered and starts what there is room for, once; more calls for another.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        work.flushing = false;
        if work.job.state == JobState::Importing {
            return self.import(false).await;
        }
        let mut endings = std::mem::take(&mut work.endings).into_iter();
        let mut group = Group::new(work);
        let mut replies = Vec::new();
        while group.has_room()
            && let Some(ending) = endings.next()
        {
            self.end_run(&mut group, ending, &mut replies)?;
        }
        if let Some(work) = &mut self.work {
            work.endings = endings.collect();
        }
        self.start_rows(&mut group).await?;
        self.commit_group(group, replies).await?;
        self.after_group().await
    }

    /// What is left to do when a group is committed: another one, a pause, the output, or nothing.
    async fn after_group(&mut self) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        let places = (work.spec.concurrency as usize).saturating_sub(work.running.len());
        let room = places.min(work.ready.len()) > work.queued;
        if !work.endings.is_empty() || (room && self.may_start(&work.job)) {
            self.call_flush();
        }
        let Some(work) = &self.work else { return Ok(()) };
        if let Some(at) = work.delayed.keys().next().map(|(at, _)| *at).filter(|_| self.may_start(&work.job)) {
            self.wake_at(at);
        }
        self.release_orphans_of_cancelled().await?;
        self.finish().await
    }

    /// J2 of one run.
    fn end_run(&mut self, group: &mut Group, ending: Ending, replies: &mut Vec<Answered>) -> Result<(), Error> {
        let Ending { row: number, run, how } = ending;
        let now = self.system.clock.now();
        let limits = self.failure_limits();
        let work = self.work.as_mut().expect("a job that groups has been read");
        let current = work.running.get(&number).filter(|row| run_of(&row.value) == Some(run)).cloned();
        match (how, current) {
            (How::Reported { result, stop, reply }, Some(row)) => {
                let next = group.complete(&work.spec_item_path(&self.path, number)?, &row, run, result, now)?;
                group.cancel = group.cancel.take().or(stop.then(|| "cancelled by worker request".to_owned()));
                group.end(number, run, &row, next, ItemEnding::Completed);
                work.running.remove(&number);
                replies.push((reply, Ok(())));
            }
            (How::Reported { reply, .. }, None) => replies.push((reply, group.taken(number, run))),
            (How::Over(_), None) => self.forget(number),
            (How::Over(end), Some(row)) => {
                let path = work.spec_item_path(&self.path, number)?;
                let Node::Item(item) = &row.value else { return Ok(()) };
                let (next, kind) = match end {
                    RunEnd::Reported(result) => (group.complete(&path, &row, run, result, now)?, ItemEnding::Completed),
                    RunEnd::Stopped => (item.release(run)?, ItemEnding::Released),
                    RunEnd::Failed(error) => {
                        let next =
                            item.fail(run, error, limits, now, now.after(pause(item.failures + 1, fastrand::f64())))?;
                        let kind = if next.state.is_final() { ItemEnding::Failed } else { ItemEnding::Retried };
                        (next, kind)
                    }
                };
                group.end(number, run, &row, next, kind);
                group.over.push(number);
                work.running.remove(&number);
            }
        }
        Ok(())
    }

    /// J1 of as many rows as there are places and turn slots for.
    async fn start_rows(&mut self, group: &mut Group) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let mut granted = std::mem::take(&mut work.granted);
        let cancelled = group.cancel.is_some();
        if cancelled || !self.work.as_ref().is_some_and(|work| self.may_start(&work.job)) {
            return Ok(());
        }
        let work = self.work.as_ref().expect("looked at above");
        let places = (work.spec.concurrency as usize).saturating_sub(work.running.len()).min(GROUP_MAX);
        if places > 0 {
            self.look_ahead(places).await?;
        }
        let (now, limits) = (self.system.clock.now(), self.failure_limits());
        let mut wanted = 0;
        let work = self.work.as_mut().expect("looked at above");
        for place in 0..places {
            if !group.has_room() || work.ready.is_empty() {
                break;
            }
            let Some(permit) = granted.pop().or_else(|| self.system.slots.take()) else {
                // As many places as rows that wait, so that the queue sees all of them.
                wanted = (places - place).min(work.ready.len()).saturating_sub(work.queued);
                work.queued += wanted;
                break;
            };
            let (number, row) = work.ready.pop_front().expect("looked at above");
            group.start(number, &row, now, now.after(Duration::from_millis(work.spec.timeout_ms)), limits, permit);
        }
        (0..wanted).for_each(|_| self.queue());
        Ok(())
    }

    async fn commit_group(&mut self, mut group: Group, replies: Vec<Answered>) -> Result<(), Error> {
        let work = self.work.as_mut().expect("a job that groups has been read");
        let cursor = work.cursor(&group.moved);
        let mut job = work.job.count(group.counts, cursor);
        if let Some(reason) = group.cancel.take() {
            job = job.cancel(&reason).unwrap_or(job);
        }
        if group.moved.is_empty() && job == work.job {
            answer(replies, None);
            return Ok(());
        }
        self.tell(&mut group, &job);
        let (row, draft) = (self.work.as_ref().map(|work| work.row.clone()), std::mem::take(&mut group.draft));
        let row = row.expect("a job that groups has been read");
        self.enter(&mut group.moved);
        let committed = self.commit_job(draft, &row, job).await?;
        match committed {
            Some(version) => {
                let ended: Vec<u32> = group.ended.iter().map(|end| end.row).collect();
                group.over.iter().for_each(|number| self.forget(*number));
                self.launch(group.moved, version);
                answer(replies, None);
                self.close_offspring(&ended).await
            }
            None => self.refused(replies).await,
        }
    }

    fn tell(&self, group: &mut Group, job: &Job) {
        let this = self.this(job);
        let started = std::mem::take(&mut group.started);
        group.draft.tell(&Event::ItemsMoved { job: this.clone(), started, ended: group.ended.clone() });
        let state = job.state.as_str().to_owned();
        group.draft.tell(&Event::JobChanged { job: this, state, counts: job.counts });
    }

    /// Commits a change of the job's record and its items, none of it under a closed mark. Nothing: it was refused.
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

    /// Puts what was committed where it belongs, and starts the tasks of the rows that started.
    fn launch(&mut self, moved: Vec<Moved>, version: Version) {
        let mut taken = Vec::new();
        let work = self.work.as_mut().expect("a job that groups has been read");
        for Moved { row: number, written, item, .. } in moved {
            let row = Row::written(written, Node::Item(item.clone()), version);
            match &item.state {
                ItemState::Running { .. } => drop(work.running.insert(number, row)),
                ItemState::Pending { not_before: Some(at) } => drop(work.delayed.insert((*at, number), row)),
                ItemState::Pending { not_before: None } => work.ready.push_front((number, row)),
                ItemState::Completed { .. } => taken.push(number),
                ItemState::Failed { .. } => {}
            }
        }
        taken.into_iter().for_each(|number| self.let_go(number));
        self.call_workers();
    }

    /// Has the rows that start in their slot before that is on disk, so that a successor knows their runs for its own.
    fn enter(&self, moved: &mut [Moved]) {
        let cancel = CancellationToken::new;
        for Moved { row, item, permit, .. } in moved.iter_mut().filter(|moved| moved.permit.is_some()) {
            let entry = RunEntry { run: item.run, cancel: cancel(), permit: permit.take(), called: false, end: None };
            self.system.jobs.held(&self.path, |held| held.runs.insert(*row, entry));
        }
    }

    /// Lets go of a run whose task has ended and whose end is on disk.
    pub(super) fn forget(&self, number: u32) {
        let entry = self.system.jobs.held(&self.path, |held| held.runs.remove(&number)).flatten();
        // Whoever still watches over its turn need not.
        entry.into_iter().for_each(|entry| entry.cancel.cancel());
    }

    /// Frees the place of a run whose report was taken, and gives its turn a while to end.
    fn let_go(&self, number: u32) {
        let freed =
            |held: &mut Held| held.runs.get_mut(&number).map(|entry| (entry.permit.take(), entry.cancel.clone()));
        if let Some(Some((permit, cancel))) = self.system.jobs.held(&self.path, freed) {
            drop(permit);
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

    fn failure_limits(&self) -> FailureLimits {
        let work = self.work.as_ref().expect("a job that groups has been read");
        // A run that fails after a cancel is not tried again.
        let attempts = if work.job.state == JobState::Running { work.spec.attempts } else { 0 };
        FailureLimits { attempts, crashes: self.system.limits.row_crashes }
    }
}

impl Work {
    /// The first row that is not final once these rows have moved.
    fn cursor(&self, moved: &[Moved]) -> u32 {
        let running = self.running.keys().copied();
        let ready = self.ready.iter().map(|(row, _)| *row);
        let delayed = self.delayed.keys().map(|(_, row)| *row);
        let moved = moved.iter().filter(|moved| !moved.item.state.is_final()).map(|moved| moved.row);
        running.chain(ready).chain(delayed).chain(moved).chain([self.next]).min().unwrap_or(self.next)
    }

    fn spec_item_path(&self, job: &AgentPath, number: u32) -> Result<AgentPath, Error> {
        Ok(keys::item_path(job, number)?)
    }
}

impl Group {
    fn new(work: &Work) -> Self {
        let (counts, draft) = (work.counts(), Draft::new());
        Group {
            draft,
            counts,
            cancel: None,
            moved: Vec::new(),
            started: Vec::new(),
            ended: Vec::new(),
            over: Vec::new(),
        }
    }

    /// Whether another row surely fits the same commit.
    fn has_room(&self) -> bool {
        self.moved.len() < 2 * GROUP_MAX && self.draft.writes() < GROUP_WRITES && self.draft.bytes() < GROUP_BYTES
    }

    /// The answer to a report of a run that is not under way any more: the one it was given, if this group took it.
    fn taken(&self, row: u32, run: u32) -> Result<(), Error> {
        let taken = ItemEnd { row, run, ending: ItemEnding::Completed };
        if self.ended.contains(&taken) { Ok(()) } else { Err(over(row, run)) }
    }

    fn start(
        &mut self,
        number: u32,
        row: &Row<Node>,
        now: Time,
        deadline: Time,
        limits: FailureLimits,
        permit: Permit,
    ) {
        let Node::Item(item) = &row.value else { return };
        match item.start(now, deadline, limits) {
            Ok(next) => {
                self.started.push((number, next.run));
                self.write(number, row, next, Some(permit));
            }
            // Only a row that the process died in too often is refused here.
            Err(_) => {
                if let Ok(next) = item.crash_out(now) {
                    self.end(number, item.run, row, next, ItemEnding::Failed);
                }
            }
        }
    }

    fn end(&mut self, number: u32, run: u32, row: &Row<Node>, next: Item, ending: ItemEnding) {
        self.ended.push(ItemEnd { row: number, run, ending });
        self.write(number, row, next, None);
    }

    fn write(&mut self, number: u32, row: &Row<Node>, next: Item, permit: Option<Permit>) {
        if let Node::Item(item) = &row.value {
            self.counts.shift(&item.state, &next.state);
        }
        let written = self.draft.update(row, &Node::Item(next.clone()));
        self.moved.push(Moved { row: number, written, item: next, permit });
    }

    /// The item with its result; a long one goes beside it.
    fn complete(
        &mut self,
        path: &AgentPath,
        row: &Row<Node>,
        run: u32,
        result: String,
        now: Time,
    ) -> Result<Item, Error> {
        let Node::Item(item) = &row.value else { return Err(over(0, run)) };
        let held = match &item.row {
            Text::Inline(text) => text.len(),
            Text::Beside => 0,
        };
        let text = match held + result.len() <= INLINE_MAX {
            true => Text::Inline(result),
            false => {
                // Rewritten if the row is retried by hand; whatever chunks an older one had are its own.
                let _ = self.draft.create(Table::Result.at(path), &result);
                Text::Beside
            }
        };
        Ok(item.complete(run, text, now)?)
    }
}

/// The run that an item's record says is under way.
fn run_of(node: &Node) -> Option<u32> {
    match node {
        Node::Item(item) => matches!(item.state, ItemState::Running { .. }).then_some(item.run),
        _ => None,
    }
}

fn over(row: u32, run: u32) -> Error {
    Error::Refused(understory_store::Refusal(format!("run {run} of row {row} is over: its report is not taken")))
}

/// Answers those who reported; with an error if the commit was refused.
pub(super) fn answer(replies: Vec<Answered>, refused: Option<&Error>) {
    for (reply, answer) in replies {
        let answer = refused.map_or(answer, |error| Err(error.clone()));
        // A worker that is gone is not told; what was committed stands.
        let _ = reply.send(answer);
    }
}

/// The longest text that lies in an item's record.
pub(super) fn fits_inline(text: &str) -> bool {
    text.len() <= INLINE_MAX
}
