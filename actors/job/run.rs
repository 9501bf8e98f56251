//! One run of a row: a task beside the job's actor, with a brain of its own.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use understory_store::{
    AgentRef, BrainChoice, Item, ItemState, Message, MessageKind, Metadata, Node, Sender, Store, Table, Text, Time,
    Usage, Version, keys,
};

use super::actor::{Held, JobActor, JobSignal};
use super::attempts;
use super::charging::Cost;
use super::schema::Schema;
use super::settings::{Asked, Worker};
use super::table::row_cells;
use super::template::Template;
use crate::agent::work;
use crate::brain::{BrainError, JobRow, Response, Seat, Turn};
use crate::caller::{Caller, ItemRun};
use crate::directory::Site;
use crate::error::Error;
use crate::pausing::{Pauses, TurnSlot, Waits};
use crate::system::System;
use crate::tools::Tools;

/// A run from its start until its end is committed.
pub(crate) struct RunEntry {
    pub(super) run: u32,
    pub(super) cancel: CancellationToken,
    /// Why it fails whatever its worker answers, once it was interrupted.
    pub(super) interrupted: Option<String>,
    /// Its turn slot; given back when its report is taken, or while it waits.
    pub(super) slot: Option<TurnSlot>,
    /// Whether its worker was called: not before the start is on disk.
    pub(super) called: bool,
    /// How many of its results were refused because they do not fit the schema.
    pub(super) misfits: u32,
    /// What its answers have cost, where the brain says so.
    pub(super) cost: Cost,
    /// Where it is worked on.
    pub(super) site: Option<Site>,
    /// How it ended, once it has and until the actor takes it up.
    pub(super) end: Option<RunEnd>,
}

impl RunEntry {
    /// Whether it is this run, and its worker was called and has not ended.
    pub(super) fn is_under_way(&self, run: u32) -> bool {
        self.run == run && self.called && self.end.is_none()
    }

    /// Whether its worker may be at work, or is about to be.
    pub(super) fn is_at_work(&self) -> bool {
        self.end.is_none()
    }

    /// Whether an interrupt would end it: its report was not taken, and its worker has not ended.
    pub(super) fn is_interruptible(&self) -> bool {
        self.slot.is_some() && self.end.is_none()
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) enum RunEnd {
    /// With a result, a JSON object.
    Reported(String),
    /// Without one.
    Failed(String),
    /// Without one, and the next run could have none either.
    Unfit(String),
    /// Without one, for the brain has to be let alone for so long.
    Limited { error: String, pause: Duration },
    /// It was stopped for a close or a shutdown.
    Stopped,
}

impl Held {
    /// Whether a worker is at a row, or is about to be.
    pub(crate) fn has_runs(&self) -> bool {
        self.runs.values().any(RunEntry::is_interruptible)
    }

    /// What a run of a row waits for, if it does.
    pub(crate) fn waits(&self, number: u32, run: u32) -> Option<Waits> {
        self.runs.get(&number).filter(|entry| entry.run == run)?.slot.as_ref()?.waits()
    }
}

impl JobActor {
    /// Calls the workers of runs that are on disk and wait for it. One whose start was never applied is dropped.
    pub(super) fn call_workers(&self) {
        let Some(work) = &self.work else { return };
        let mut calls = Vec::new();
        let mut call = |number: u32, entry: &mut RunEntry| {
            if entry.called {
                return true;
            }
            let Some(row) = work.running.get(&number) else { return work.is_moving(number) };
            entry.called = true;
            match self.stopping || (entry.cancel.is_cancelled() && entry.interrupted.is_none()) {
                true => entry.end = Some(RunEnd::Stopped),
                false => {
                    let site = entry.site.clone();
                    calls.extend(
                        entry.slot.as_ref().map(|slot| (number, row, entry.cancel.clone(), slot.pauses(), site)),
                    )
                }
            }
            true
        };
        self.system.jobs.held(&self.path, |held| held.runs.retain(|number, entry| call(*number, entry)));
        for (number, row, cancel, pauses, site) in calls {
            let Node::Item(item) = &row.value else { continue };
            self.run((number, row.version), item.clone(), (cancel, pauses, site));
        }
    }

    /// Starts the task of a run that is on disk.
    fn run(
        &self,
        (number, version): (u32, Version),
        item: Item,
        (cancel, pauses, site): (CancellationToken, Pauses, Option<Site>),
    ) {
        let Some(work) = &self.work else { return };
        let ItemState::Running { started_at, deadline } = item.state else { return };
        let (system, path) = (self.system.clone(), self.path.clone());
        let (spec, template, job) = (work.spec.clone(), work.template.clone(), self.this(&work.job));
        let this = job.clone();
        self.system.tasks.spawn(async move {
            let run = ItemRun { job: path.clone(), row: number, run: item.run };
            let end = async {
                let me = AgentRef::new(keys::item_path(&path, number)?, item.id);
                let asked = Asked::of(&spec);
                let (mut row, cells) = job_row(&system.store, &me, &run, &item, asked, template.as_deref()).await?;
                row.schema = system.jobs.held(&path, |held| held.schema.as_ref().map(Schema::text)).flatten();
                let Worker { role_name, role, brain } = match asked.worker(&system, &cells) {
                    Ok(worker) => worker,
                    // It was known when the job started: this process knows fewer.
                    Err(unfit) => return Ok(RunEnd::Failed(unfit.to_string())),
                };
                let isolated = system.isolation(&me.path).await?;
                let caller = Caller::item(me.clone(), run.clone(), version, spec.keep).kept_within(isolated);
                let (name, settings) = (role_name.as_str().into(), brain.settings.as_str().into());
                let seat = Seat { path: me.path, id: me.id, role: name, settings };
                let (session, kept) = match item.run {
                    1 => (None, None),
                    _ => {
                        let me = caller.me();
                        let kept = system.settings_of((&me.path, me.id), item.failures).await?;
                        (system.session_of(me, item.failures).await?, kept)
                    }
                };
                let ends = cancel.child_token();
                let tools =
                    Tools::new(system.clone(), caller.clone(), None, ends.clone(), pauses).without(role.hidden.clone());
                let lines = tools.clone();
                let turn = Turn::detached(seat.clone(), Vec::new(), Some(row))
                    .numbered(item.run.into(), item.run)
                    .cancelled_by(ends)
                    .instructed(role.instructions.clone())
                    .in_session(session)
                    .set_to(kept)
                    .placed(site.clone())
                    .equipped(tools);
                if caller.is_transcribed() {
                    system.keep_question(&caller, job.clone(), turn.text()).await?;
                }
                let worker = Working { system: &system, job, caller, run, stop: cancel };
                let end = worker.drive(&brain, seat, turn, (started_at, deadline)).await;
                // A run that is over has nothing more to write.
                let _ = lines.write_lines().await;
                Ok::<_, Error>(end)
            };
            let end = match AssertUnwindSafe(end).catch_unwind().await {
                Ok(end) => end.unwrap_or_else(|error| attempts::of_start(&error)),
                Err(panic) => RunEnd::Failed(work::words(panic.as_ref())),
            };
            let end = attempts::shortened(end);
            system.note_left(&path, number, site.as_ref()).await;
            system.note_end(&this, number, item.run, end);
            // Without a slot the job has left, and takes the end up when it begins again.
            let _ = system.jobs.tell_resident(&path, JobSignal::Ended(number));
        });
    }
}

/// A run whose brain is at work.
struct Working<'a> {
    system: &'a System,
    job: AgentRef,
    caller: Caller,
    run: ItemRun,
    /// What ends it for a close, a shutdown or an interrupt.
    stop: CancellationToken,
}

impl Working<'_> {
    /// Runs the brain until it answers with what fits, is stopped, or its time is up.
    async fn drive(
        &self,
        brain: &BrainChoice,
        seat: Seat,
        mut turn: Turn,
        (started_at, deadline): (Time, Time),
    ) -> RunEnd {
        let factory = self.system.factory(brain).cloned();
        let mut brain = match work::make(factory, &seat) {
            Ok(brain) => brain,
            Err(error) => return attempts::of_brain(&error),
        };
        let cancel = turn.cancel().clone();
        let allowed = self.system.clock.now().until(deadline);
        let late = async {
            tokio::time::sleep(allowed).await;
            cancel.cancel();
            std::future::pending::<()>().await;
        };
        tokio::pin!(late);
        loop {
            let answered = tokio::select! {
                answered = work::answer(&mut *brain, turn.clone(), &cancel, self.system.limits.grace) => answered,
                () = &mut late => None,
            };
            let is_late = cancel.is_cancelled() && !self.stop.is_cancelled();
            self.note_cost(&turn, &answered);
            let response = match answered {
                // Whatever it says in its grace.
                _ if is_late => {
                    let given = started_at.until(deadline);
                    return RunEnd::Failed(format!("worker exceeded max runtime of {} s", given.as_secs()));
                }
                Some(Ok(Ok(response))) => response,
                _ if self.stop.is_cancelled() => return RunEnd::Stopped,
                Some(Ok(Err(error))) => return attempts::of_brain(&error),
                Some(Err(panic)) => return attempts::of_brain(&BrainError::broken(panic)),
                None => return RunEnd::Stopped,
            };
            turn = match self.judge(response, turn).await {
                Ok(turn) => turn,
                Err(end) => return end,
            };
        }
    }

    /// Notes what its brain has cost since it was asked: by its answer, or else by what it told meanwhile.
    fn note_cost(&self, turn: &Turn, answered: &Option<Result<Result<Response, BrainError>, String>>) {
        let told = match answered {
            Some(Ok(Ok(response))) if !response.usage.is_nothing() => response.usage,
            _ => turn.cost().told(),
        };
        turn.cost().tell(Usage::default());
        self.system.note_usage(&self.run, told);
    }

    /// How a run ends by its brain's answer. A result that does not fit the schema is no end: the turn that goes on from it.
    async fn judge(&self, response: Response, turn: Turn) -> Result<Turn, RunEnd> {
        let Some(report) = response.report else {
            return Err(RunEnd::Failed("worker finished without reporting a result".to_owned()));
        };
        let error = match self.system.demand_fit(&self.run, &report).await {
            Ok(result) => return Err(RunEnd::Reported(result)),
            Err(error) => error,
        };
        if !self.system.may_mend(&self.run) {
            return Err(RunEnd::Failed(error.to_string()));
        }
        let reason = Message {
            to: self.caller.me().id,
            from: Sender::Agent(self.job.clone()),
            kind: MessageKind::Said,
            trigger: true,
            text: format!("Your result was refused: {error}. Give the whole result again, mended."),
            at: self.system.clock.now(),
            message_id: None,
            metadata: Metadata::default(),
        };
        let kept = self.system.keep_mail(&self.caller, std::slice::from_ref(&reason)).await;
        kept.map_err(|error| RunEnd::Failed(error.to_string()))?;
        Ok(turn.told(reason))
    }
}

/// What the brain is given of the row; and the cells, where anything depends on them.
async fn job_row(
    store: &Store,
    me: &AgentRef,
    run: &ItemRun,
    item: &Item,
    asked: Asked<'_>,
    template: Option<&Template>,
) -> Result<(JobRow, Vec<String>), Error> {
    let json = row_text(store, me, item).await?;
    let headers = asked.headers;
    let cells = match template.is_some() || asked.differs() {
        true => row_cells(headers, &json).map_err(super::JobError::from)?,
        false => Vec::new(),
    };
    let own = asked.said(asked.columns.instruction.as_deref(), &cells).map(Template::parse);
    let instruction = match own.as_ref().or(template) {
        None => None,
        Some(template) => {
            let cell = |name: &str| headers.iter().position(|header| header == name).map(|at| cells[at].as_str());
            Some(template.instruction(cell)?.into())
        }
    };
    let (job, number, run) = (run.job.clone(), run.row, run.run);
    let (item_id, json) = (item.item_id.as_str().into(), json.into());
    let row = JobRow { job, item_id, number, run, json, instruction, schema: None };
    Ok((row, cells))
}

/// The row's JSON, from the record or from beside it.
pub(super) async fn row_text(store: &Store, me: &AgentRef, item: &Item) -> Result<String, Error> {
    match &item.row {
        Text::Inline(json) => Ok(json.clone()),
        Text::Beside => match store.peek::<String>(&Table::Row.at(&me.path)).await? {
            Some(row) => Ok(row.value),
            None => Err(missing(me, "row")),
        },
    }
}

/// A text that its record says lies beside it is not there.
pub(super) fn missing(me: &AgentRef, what: &str) -> Error {
    let what = format!("its {what} is missing");
    understory_store::StoreError::Damaged { place: me.path.to_string(), what }.into()
}
