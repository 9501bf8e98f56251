//! The group commit: every report and end that waits (J2) and every row that starts in their place (J1), in one commit.

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Counts, Directory, Draft, FailureLimits, Item, ItemEnd, ItemEnding, ItemState, JobSpec, JobState, Keep,
    Node, Pause, Row, Spent, Store, Table, Text, Time, Written, keys,
};

use super::actor::{Held, JobActor, Work};
use super::budget;
use super::charging::{Cost, Owed};
use super::commit::WRITES_MAX;
use super::keeping::keep_answer;
use super::report::{Answered, Reply};
use super::run::RunEnd;
use super::settings::{Asked, cells_of};
use super::site::Rows;
use crate::directory::{Seen, Site};
use crate::error::Error;
use crate::slots::Permit;
use crate::supervision::pause;

/// The most rows that end, and that start, in one commit: with what lies beside their records, within a drain's bounds.
const GROUP_MAX: usize = 128;
/// A group closes at this many payload bytes.
const GROUP_BYTES: usize = 1 << 20;
/// The most bytes of a record that carry a text of the row or result; a longer one lies beside it.
const INLINE_MAX: usize = 3 << 10;

/// A run's end or report that waits for a commit.
pub(super) struct Ending {
    pub(super) row: u32,
    pub(super) run: u32,
    pub(super) how: How,
    /// What the run has cost, once its turn is over.
    pub(super) cost: Cost,
}

/// How a run ended.
pub(super) enum How {
    /// It reported through the tool, and waits for an answer.
    Reported { result: String, stop: bool, reply: Reply },
    /// Its turn is over.
    Over(RunEnd),
}

/// A commit in the making.
pub(super) struct Group {
    pub(super) draft: Draft,
    pub(super) counts: Counts,
    pub(super) cancel: Option<String>,
    /// A brain has to be let alone.
    pub(super) pause: Option<Pause>,
    pub(super) moved: Vec<Moved>,
    pub(super) started: Vec<(u32, u32)>,
    pub(super) ended: Vec<ItemEnd>,
    /// Rows whose run's task has ended, with the run.
    pub(super) over: Vec<(u32, u32)>,
    /// What the runs whose turns are over have cost.
    pub(super) owed: Owed,
    /// What becomes of the job's directory on record.
    pub(super) directory: Option<Directory>,
    /// The look by which that is how its rows left it.
    pub(super) left: Option<Seen>,
    /// Where the rows that start are worked on.
    pub(super) site: Option<Site>,
    /// Whose transcripts are kept.
    keep: Keep,
    /// Reports that are answered once it is durable.
    pub(super) replies: Vec<Answered>,
}

/// A row whose record the group writes.
pub(super) struct Moved {
    pub(super) row: u32,
    pub(super) written: Written,
    pub(super) item: Item,
    pub(super) permit: Option<Permit>,
}

impl JobActor {
    /// Notes that a run's task has ended.
    pub(super) fn take_end(&mut self, row: u32) {
        let end = |held: &mut Held| {
            held.runs.get(&row).and_then(|entry| Some((entry.run, entry.end.clone()?, entry.cost.clone())))
        };
        let Some(Some((run, end, cost))) = self.system.jobs.held(&self.path, end) else { return };
        let Some(work) = &mut self.work else { return };
        // An incarnation that took it up as it began is told of it once more.
        let is_it = |known: &Ending| known.row == row && known.run == run && matches!(known.how, How::Over(_));
        if !work.endings.iter().any(is_it) {
            work.endings.push(Ending { row, run, how: How::Over(end), cost });
            self.call_flush();
        }
    }

    /// Hands what has gathered to the store, with the rows that start in its place; more calls for another.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        work.flushing = false;
        if work.job.state == JobState::Importing {
            return self.import(false).await;
        }
        self.grow();
        self.go_on_if_raised().await?;
        if !self.may_group() {
            return Ok(());
        }
        let work = self.work.as_mut().expect("looked at above");
        // What ends a run whose report is under way waits until that is on disk.
        let moving = |ending: &mut Ending| work.under_way.iter().any(|group| group.moves(ending.row));
        let mut waiting: Vec<Ending> = work.endings.extract_if(.., moving).collect();
        let mut endings = std::mem::take(&mut work.endings).into_iter();
        let mut group = Group::new(work);
        while group.has_room()
            && let Some(ending) = endings.next()
        {
            let limits = self.limits_of(&ending).await?;
            self.end_run(&mut group, ending, limits)?;
        }
        if let Some(work) = &mut self.work {
            waiting.extend(endings);
            work.endings = waiting;
        }
        self.take_left(&mut group).await?;
        self.skip_rows(&mut group).await?;
        self.start_rows(&mut group).await?;
        self.submit(group);
        self.after_group().await
    }

    /// What is left to do besides: a pause, and when no group is under way another one, the output, or nothing.
    async fn after_group(&mut self) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        let next = match work.job.paused_at(self.system.clock.now()) {
            Some(pause) => pause.until,
            // Without a place a row whose delay is over waits for that, not for a moment.
            None if work.places() > 0 && self.may_start(&work.job) => work.delayed.keys().next().map(|(at, _)| *at),
            None => None,
        };
        // What waits for a look starts when that is over.
        let room =
            !work.sight.asked && work.places().min(work.ready.len() + work.dependencies.released()) > work.queued;
        let more = !work.endings.is_empty() || (work.skips() && !self.stopping) || (room && self.may_start(&work.job));
        let at_rest = work.under_way.is_empty();
        if let Some(at) = next {
            self.wake_at(at);
        }
        if !at_rest {
            return Ok(());
        }
        if more {
            self.call_flush();
        }
        self.release_orphans_of_cancelled().await?;
        self.finish().await
    }

    /// J2 of one run.
    fn end_run(&mut self, group: &mut Group, ending: Ending, limits: FailureLimits) -> Result<(), Error> {
        let Ending { row: number, run, how, cost } = ending;
        group.owed.add(&cost);
        let now = self.system.clock.now();
        let work = self.work.as_mut().expect("a job that groups has been read");
        let current = work.running.get(&number).filter(|row| run_of(&row.value) == Some(run)).cloned();
        match (how, current) {
            (How::Reported { result, stop, reply }, Some(row)) => {
                let next = group.complete(&keys::item_path(&self.path, number)?, &row, run, result, now)?;
                group.cancel = group.cancel.take().or(stop.then(|| "cancelled by worker request".to_owned()));
                group.end(number, run, &row, next, ItemEnding::Completed);
                work.running.remove(&number);
                group.replies.push((reply, Ok(())));
            }
            (How::Reported { reply, .. }, None) => {
                let taken = group.taken(number, run);
                group.replies.push((reply, taken));
            }
            // What it has cost is not on record yet.
            (How::Over(_), None) => group.over.push((number, run)),
            (How::Over(end), Some(row)) => {
                let path = keys::item_path(&self.path, number)?;
                let Node::Item(item) = &row.value else { return Ok(()) };
                let (next, kind) = match end {
                    RunEnd::Reported(result) => (group.complete(&path, &row, run, result, now)?, ItemEnding::Completed),
                    RunEnd::Stopped => (item.release(run)?, ItemEnding::Released),
                    RunEnd::Limited { error, pause } => {
                        group.pause_until(now.after(pause), error);
                        (item.release(run)?, ItemEnding::Released)
                    }
                    RunEnd::Failed(error) | RunEnd::Unfit(error) => {
                        let later = now.after(pause(item.failures + 1, fastrand::f64()));
                        let next = item.fail(run, error.clone(), limits, now, later)?;
                        let ending = if next.state.is_final() { ItemEnding::Failed } else { ItemEnding::Retried };
                        let end = ItemEnd { row: number, run, ending };
                        keep_answer(&mut group.draft, group.keep, &path, end, &error, now);
                        (next, ending)
                    }
                };
                group.end(number, run, &row, next, kind);
                group.over.push((number, run));
                work.running.remove(&number);
            }
        }
        Ok(())
    }

    /// J1 of as many rows as there are places and turn slots for.
    async fn start_rows(&mut self, group: &mut Group) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let granted = std::mem::take(&mut work.granted);
        let ends = group.cancel.is_some() || group.pause.is_some();
        if ends || !self.work.as_ref().is_some_and(|work| self.may_start(&work.job)) {
            return Ok(());
        }
        let work = self.work.as_ref().expect("looked at above");
        let places = work.places().min(GROUP_MAX);
        if places > 0 {
            self.look_ahead(places).await?;
        }
        let work = self.work.as_mut().expect("looked at above");
        if places > 0 && !(work.ready.is_empty() && work.suspects.is_empty()) {
            match self.rows_ground(group).await? {
                Rows::Unseen => {
                    let work = self.work.as_mut().expect("looked at above");
                    work.granted = granted;
                    return Ok(());
                }
                Rows::Held => return Ok(()),
                Rows::Clear(site) => group.site = site,
            }
        }
        let work = self.work.as_mut().expect("looked at above");
        if places > 0 {
            work.admit_suspect();
        }
        let started = self.start_ready(group, places, granted).await;
        let work = self.work.as_mut().expect("looked at above");
        work.put_suspects_back();
        started
    }

    /// J1 of rows that are ready, in places that are free, as far as what the job may use goes.
    async fn start_ready(&mut self, group: &mut Group, places: usize, mut granted: Vec<Permit>) -> Result<(), Error> {
        let (now, limits) = (self.system.clock.now(), self.failure_limits(None));
        let mut wanted = 0;
        let work = self.work.as_mut().expect("whoever has places has looked at it");
        let Spent { turns, tokens } = work.job.spent;
        let spent = Spent { turns, tokens: tokens + group.owed.tokens };
        let places = match budget::runs_left(work.job.limits, spent, now) {
            Ok(left) => places.min(left),
            Err(_) if places == 0 || work.ready.is_empty() => return Ok(()),
            Err(reason) => {
                group.pause = Some(Pause { reason, until: None, used_up: true, goal: None });
                return Ok(());
            }
        };
        if places > 0 && !work.ready.is_empty() {
            group.pause = self.held_by_goal(&group.owed);
            if group.pause.is_some() {
                return Ok(());
            }
        }
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
            let timeout = match &row.value {
                Node::Item(item) if work.spec.columns.timeout.is_some() => {
                    own_limits(&self.system.store, &self.path, &work.spec, number, item).await?.0
                }
                _ => Duration::from_millis(work.spec.timeout_ms),
            };
            group.start(number, &row, now, now.after(timeout), limits, permit);
        }
        (0..wanted).for_each(|_| self.queue());
        Ok(())
    }

    /// What a run that ends is held to: its row's own limits, if rows have some and it is one that counts against them.
    async fn limits_of(&self, ending: &Ending) -> Result<FailureLimits, Error> {
        let work = self.work.as_ref().expect("a job that groups has been read");
        if matches!(ending.how, How::Over(RunEnd::Unfit(_))) {
            return Ok(self.failure_limits(Some(0)));
        }
        let failed = matches!(ending.how, How::Over(RunEnd::Failed(_)));
        let own = match work.running.get(&ending.row).map(|row| &row.value) {
            Some(Node::Item(item)) if failed && work.spec.columns.attempts.is_some() => {
                Some(own_limits(&self.system.store, &self.path, &work.spec, ending.row, item).await?.1)
            }
            _ => None,
        };
        Ok(self.failure_limits(own))
    }

    fn failure_limits(&self, own: Option<u32>) -> FailureLimits {
        let work = self.work.as_ref().expect("a job that groups has been read");
        // A run that fails after a cancel is not tried again.
        let attempts = if work.job.state == JobState::Running { own.unwrap_or(work.spec.attempts) } else { 0 };
        FailureLimits { attempts, crashes: self.system.limits.row_crashes }
    }
}

impl Group {
    fn new(work: &Work) -> Self {
        let (counts, draft) = (work.counts(), Draft::new());
        Group {
            draft,
            counts,
            cancel: None,
            pause: None,
            moved: Vec::new(),
            started: Vec::new(),
            ended: Vec::new(),
            over: Vec::new(),
            owed: Owed::default(),
            directory: None,
            left: None,
            site: None,
            keep: work.spec.keep,
            replies: Vec::new(),
        }
    }

    /// Has the job pause; until the latest of what its brains said.
    fn pause_until(&mut self, until: Time, reason: String) {
        if self.pause.as_ref().is_none_or(|pause| pause.until < Some(until)) {
            self.pause = Some(Pause { reason, until: Some(until), used_up: false, goal: None });
        }
    }

    /// Whether another row surely fits the same commit.
    pub(super) fn has_room(&self) -> bool {
        self.moved.len() < 2 * GROUP_MAX && self.draft.writes() < WRITES_MAX && self.draft.bytes() < GROUP_BYTES
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

    pub(super) fn end(&mut self, number: u32, run: u32, row: &Row<Node>, next: Item, ending: ItemEnding) {
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
        let end = ItemEnd { row: keys::item_number(path).unwrap_or(0), run, ending: ItemEnding::Completed };
        keep_answer(&mut self.draft, self.keep, path, end, &result, now);
        let held = match &item.row {
            Text::Inline(text) => text.len(),
            Text::Beside => 0,
        };
        let text = match held + result.len() <= INLINE_MAX {
            true => Text::Inline(result),
            false => {
                // There is none yet: a row that has a result is not tried again.
                let _ = self.draft.create(Table::Result.at(path), &result);
                Text::Beside
            }
        };
        Ok(item.complete(run, text, now)?)
    }
}

/// How long a run of a row may take, and how many may fail: what its cells say, or else the job.
async fn own_limits(
    store: &Store,
    job: &AgentPath,
    spec: &JobSpec,
    number: u32,
    item: &Item,
) -> Result<(Duration, u32), Error> {
    let (asked, me) = (Asked::of(spec), AgentRef::new(keys::item_path(job, number)?, item.id));
    let cells = cells_of(store, &me, item, &spec.headers).await?;
    // No cell is wrong: the table was looked through before the job began.
    let timeout = asked.timeout(&cells).unwrap_or_default().unwrap_or(Duration::from_millis(spec.timeout_ms));
    Ok((timeout, asked.attempts(&cells).unwrap_or_default().unwrap_or(spec.attempts)))
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

/// The longest text that lies in an item's record.
pub(super) fn fits_inline(text: &str) -> bool {
    text.len() <= INLINE_MAX
}
