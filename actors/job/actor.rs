//! A job's actor: what it holds, and how it goes on from whatever the store says.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use kameo::actor::ActorRef;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use understory_paths::AgentPath;
use understory_store::{AgentRef, Counts, Job, JobSpec, JobState, Node, Row, Time};

use super::adjust::Adjustment;
use super::commit::UnderWay;
use super::dependencies::Dependencies;
use super::group::Ending;
use super::import::Batch;
use super::report::Report;
use super::retry;
use super::run::RunEntry;
use super::schema::Schema;
use super::site::Sight;
use super::template::Template;
use crate::directory::Seen;
use crate::error::Error;
use crate::gate::{Incarnation, Life, Resident};
use crate::slots::Permit;
use crate::system::{System, closed_at};

/// What a job's actor is sent.
pub(crate) enum JobSignal {
    /// Look for work.
    Wake,
    /// Store the rows; the table was just read and is known to be the one.
    Import,
    /// The next rows of the table.
    Rows(Batch),
    /// The table could not be read to its end.
    ImportFailed(Error),
    /// A turn slot it waited for.
    Granted(Permit),
    /// A worker reports.
    Report(Report),
    /// A run has ended; how lies in the slot.
    Ended(u32),
    /// A message for an item is on disk.
    Mailed(u32),
    /// How the directory stands that rows are worked on in, if that could be told.
    Surveyed(Seen),
    /// Commit what has gathered.
    Flush,
    /// The store has answered a group.
    Committed,
    /// Start no more rows.
    Cancel { reason: String, reply: oneshot::Sender<Result<bool, Error>> },
    /// Pause, go on, or use more or less.
    Adjust { adjustment: Adjustment, reply: oneshot::Sender<Result<bool, Error>> },
    /// Try rows again that came to nothing.
    Retry(retry::Asked),
    /// Write the output again.
    ExportAgain(oneshot::Sender<Result<(), Error>>),
    /// The output was written, or could not be.
    Exported(Result<(), String>),
    /// The output grows no more.
    Grown,
    /// Put running rows back and leave: close or shutdown.
    Stop,
}

/// What a slot holds for a job.
#[derive(Default)]
pub(crate) struct Held {
    /// Runs whose task lives or whose end is not committed yet, by row.
    pub(super) runs: HashMap<u32, RunEntry>,
    pub(super) importing: bool,
    pub(super) exporting: bool,
    /// The output grows; ends that.
    pub(super) growing: Option<CancellationToken>,
    /// What results are held to, once the actor has begun; it outlives an incarnation, as runs do.
    pub(super) schema: Option<Schema>,
    /// How the rows left the job's directory when none was at work any more.
    pub(super) left: Option<Seen>,
}

/// The actor.
pub(crate) struct JobActor {
    pub(super) system: System,
    pub(super) path: AgentPath,
    pub(super) work: Option<Work>,
    pub(super) stopping: bool,
    /// The output could not be written: it is not tried again before somebody asks.
    pub(super) unwritable: bool,
    /// What waits until the output is written.
    pub(super) put_off: Vec<JobSignal>,
    /// This incarnation has had the output grow.
    pub(super) grew: bool,
}

/// What it knows of its job, all of it read from the store and kept true by its own commits.
pub(super) struct Work {
    pub(super) row: Row<Node>,
    pub(super) job: Job,
    pub(super) spec: Arc<JobSpec>,
    pub(super) template: Option<Arc<Template>>,
    /// Rows with a worker.
    pub(super) running: HashMap<u32, Row<Node>>,
    /// Rows that may start, in order.
    pub(super) ready: VecDeque<(u32, Row<Node>)>,
    /// Rows that the process has died in too often to run beside others.
    pub(super) suspects: VecDeque<(u32, Row<Node>)>,
    /// Rows that may start later.
    pub(super) delayed: BTreeMap<(Time, u32), Row<Node>>,
    /// Rows that were found running when the actor began: they are known wherever `next` stands.
    pub(super) found: HashSet<u32>,
    /// Rows whose run has got mail.
    pub(super) mailed: HashSet<u32>,
    /// Rows that come after others.
    pub(super) dependencies: Dependencies,
    /// The first row that was not looked at.
    pub(super) next: u32,
    /// Ends and reports that wait for the next commit.
    pub(super) endings: Vec<Ending>,
    /// Groups that the store has; `job` is as the last of them leaves it.
    pub(super) under_way: VecDeque<UnderWay>,
    pub(super) granted: Vec<Permit>,
    /// Places in the queue for turn slots.
    pub(super) queued: usize,
    pub(super) flushing: bool,
    pub(super) timer: Option<Time>,
    /// What is known of where rows are worked on.
    pub(super) sight: Sight,
}

impl Work {
    pub(super) fn counts(&self) -> Counts {
        self.job.counts
    }
}

impl Resident for JobActor {
    type Home = System;
    type Signal = JobSignal;
    type Held = Held;

    fn wake() -> JobSignal {
        JobSignal::Wake
    }

    fn is_last(signal: &JobSignal) -> bool {
        matches!(signal, JobSignal::Stop)
    }

    fn is_passing(signal: &JobSignal) -> bool {
        // Of groups that it alone knows; a successor reads what became of them, and flushes of itself.
        matches!(signal, JobSignal::Committed | JobSignal::Flush | JobSignal::Surveyed(_))
    }

    fn is_free(held: &Held) -> bool {
        held.runs.is_empty() && !held.importing && !held.exporting && held.growing.is_none()
    }

    fn arrive(system: System, path: AgentPath, _: ActorRef<Incarnation<Self>>) -> Self {
        JobActor { system, path, work: None, stopping: false, unwritable: false, put_off: Vec::new(), grew: false }
    }

    async fn begin(&mut self, ctx: &mut Life<Self>) {
        let outcome = self.set_out().await;
        self.settle(&outcome, ctx).await;
    }

    async fn take(&mut self, signal: JobSignal, ctx: &mut Life<Self>) {
        let outcome = self.act(signal).await;
        self.settle(&outcome, ctx).await;
    }
}

impl JobActor {
    async fn act(&mut self, signal: JobSignal) -> Result<(), Error> {
        match signal {
            JobSignal::Wake => {
                self.system.jobs.awake(&self.path);
                self.unwritable = false;
                self.call_flush();
            }
            JobSignal::Import => self.import(true).await?,
            JobSignal::Rows(batch) => self.store_rows(batch).await?,
            JobSignal::ImportFailed(error) => self.import_failed(error).await?,
            JobSignal::Granted(permit) => self.granted(permit),
            JobSignal::Report(report) => self.take_report(report).await?,
            JobSignal::Ended(row) => self.take_end(row),
            JobSignal::Mailed(row) => self.take_mailed(row).await?,
            JobSignal::Surveyed(found) => {
                if let Some(work) = &mut self.work {
                    work.sight.sighted(found);
                    self.call_flush();
                }
            }
            JobSignal::Flush => self.flush().await?,
            JobSignal::Committed => {
                self.take_answers().await?;
                self.call_flush();
            }
            JobSignal::Cancel { reason, reply } => {
                // Whoever asked may be gone; the cancel stands.
                let _ = reply.send(self.cancel(&reason).await);
            }
            JobSignal::Adjust { adjustment, reply } => {
                // Whoever asked may be gone; the change stands.
                let _ = reply.send(self.adjust(adjustment).await);
            }
            JobSignal::Retry(asked) => self.retry(asked).await?,
            JobSignal::ExportAgain(reply) => {
                let _ = reply.send(self.export_again().await);
            }
            JobSignal::Exported(written) => {
                self.exported(written).await?;
                self.take_put_off();
            }
            JobSignal::Grown => self.call_flush(),
            JobSignal::Stop => self.stop(),
        }
        Ok(())
    }

    /// Leaves when there is nothing to do for the job in this process, or the store failed.
    async fn settle(&mut self, outcome: &Result<(), Error>, ctx: &mut Life<Self>) {
        if let Err(error) = outcome {
            let source = error as &(dyn std::error::Error + 'static);
            tracing::error!(path = %self.path, error = source, "a job stops");
        }
        if outcome.is_ok() && self.has_business() {
            return;
        }
        if outcome.is_err() {
            self.end_growth();
            self.put_aside();
        }
        self.system.jobs.park(&self.path, ctx.actor_ref().id());
        if let Err(error) = outcome {
            self.system.watchers.fail(&self.path, error);
        }
        if outcome.is_ok() && self.stopping && self.was_resumed().await {
            self.system.jobs.wake(&self.system, &self.path);
        }
        ctx.stop();
    }

    /// Whether it was resumed while it was stopping: it may have been woken and not looked.
    async fn was_resumed(&self) -> bool {
        let unfinished = self.work.as_ref().is_some_and(|work| work.job.unfinished());
        unfinished
            && self.system.active.contains(&self.path)
            && closed_at(&self.system.store, &self.path).await.is_ok_and(|mark| mark.is_none())
    }

    fn has_business(&self) -> bool {
        let held = self.system.jobs.held(&self.path, |held| Self::is_free(held)) == Some(false);
        let Some(work) = &self.work else { return held };
        let gathered = work.flushing || !work.endings.is_empty() || !work.under_way.is_empty();
        let runs = work.job.state.is_final() || self.system.active.contains(&self.path);
        let to_come = runs && !self.stopping && !self.unwritable && work.job.unfinished();
        held || gathered || to_come
    }

    /// Has a `Flush` come behind everything that is queued already.
    pub(super) fn call_flush(&mut self) {
        let Some(work) = &mut self.work else { return };
        if !std::mem::replace(&mut work.flushing, true) {
            // While the actor stops it is for nobody: its successor begins with one.
            let _ = self.system.jobs.tell_resident(&self.path, JobSignal::Flush);
        }
    }

    fn granted(&mut self, permit: Permit) {
        if let Some(work) = &mut self.work {
            work.queued = work.queued.saturating_sub(1);
            work.granted.push(permit);
            self.call_flush();
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.system.jobs.held(&self.path, |held| held.runs.values().for_each(|run| run.cancel.cancel()));
        self.end_growth();
        self.call_flush();
    }

    /// Takes a place in the queue for turn slots.
    pub(super) fn queue(&self) {
        let place = self.system.slots.wait(&self.path);
        let (system, path) = (self.system.clone(), self.path.clone());
        self.system.tasks.spawn(async move {
            tokio::select! {
                Ok(permit) = place => {
                    // A job that has left meanwhile wants no slot: the permit goes back as it is dropped.
                    let _ = system.jobs.tell_resident(&path, JobSignal::Granted(permit));
                }
                () = system.stopping.cancelled() => {}
            }
        });
    }

    /// Has the job look again at `at`.
    pub(super) fn wake_at(&mut self, at: Time) {
        let Some(work) = &mut self.work else { return };
        let now = self.system.clock.now();
        // One that is past has rung, perhaps while the job was paused and looked at no row.
        if work.timer.is_some_and(|set| now < set && set <= at) {
            return;
        }
        work.timer = Some(at);
        let (system, path, when) = (self.system.clone(), self.path.clone(), self.system.clock.instant(at));
        self.system.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(when) => {
                    let _ = system.jobs.tell_resident(&path, JobSignal::Wake);
                }
                () = system.stopping.cancelled() => {}
            }
        });
    }

    pub(super) fn this(&self, job: &Job) -> AgentRef {
        AgentRef::new(self.path.clone(), job.id)
    }

    /// Whether rows may be started now.
    pub(super) fn may_start(&self, job: &Job) -> bool {
        let paused = job.paused_at(self.system.clock.now()).is_some();
        job.state == JobState::Running && !paused && !self.stopping && self.system.active.contains(&self.path)
    }
}
