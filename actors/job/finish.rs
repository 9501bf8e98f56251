//! The end of a job: its output is written beside the actor, and then said to be (J3); or it is cancelled.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use understory_paths::AgentPath;
use understory_store::{AgentRef, Draft, Event, Item, ItemState, Job, JobSpec, JobState, Node, Row, Table, Text};

use super::JobError;
use super::actor::{Held, JobActor, JobSignal};
use super::export::{Export, ExportRow};
use super::run::{missing, row_text};
use super::table::row_cells;
use crate::agent::work;
use crate::error::{Error, chain};
use crate::system::System;

/// How many items are read at a time.
const PAGE: usize = 512;
/// The most of a reason that an event carries, in characters.
const REASON_MAX: usize = 500;

/// A row of the output on its way to the blocking writer.
struct Line {
    cells: Vec<String>,
    number: u32,
    item: Item,
    status: &'static str,
    result: Option<String>,
}

impl JobActor {
    /// Writes the output of a job that is final, unless that is done or under way.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        if !work.job.state.is_final() || !work.job.unfinished() || self.stopping || self.unwritable {
            return Ok(());
        }
        if work.spec.output.is_empty() || matches!(work.job.state, JobState::Failed { .. }) {
            return self.exported(Ok(())).await;
        }
        let begun = |held: &mut Held| std::mem::replace(&mut held.exporting, true);
        if self.system.jobs.held(&self.path, begun) == Some(true) {
            return Ok(());
        }
        let (system, path, spec, job) = (self.system.clone(), self.path.clone(), work.spec.clone(), work.job.clone());
        self.system.tasks.spawn(async move {
            let written = AssertUnwindSafe(write_output(&system, &path, &job, &spec)).catch_unwind().await;
            let written = match written {
                Ok(written) => written.map_err(|error| chain(&error)),
                Err(panic) => Err(work::words(panic.as_ref())),
            };
            system.jobs.held(&path, |held: &mut Held| held.exporting = false);
            // Without a slot the job has left; the output is written again when it is resumed.
            let _ = system.jobs.tell_resident(&path, JobSignal::Exported(written));
        });
        Ok(())
    }

    /// J3, or a word about why there is none.
    pub(super) async fn exported(&mut self, written: Result<(), String>) -> Result<(), Error> {
        self.settle_groups().await?;
        let Some(work) = &self.work else { return Ok(()) };
        let mut draft = Draft::new();
        let (job, this, row) = (work.job.clone(), self.this(&work.job), work.row.clone());
        match written {
            Ok(()) => {
                draft.tell(&Event::JobExported { job: this });
                self.commit_job(draft, &row, job.export(self.system.clock.now())).await?;
            }
            Err(reason) => {
                self.unwritable = true;
                let reason = reason.chars().take(REASON_MAX).collect();
                draft.tell(&Event::JobExportFailed { job: this, reason });
                self.commit_job(draft, &row, job).await?;
            }
        }
        Ok(())
    }

    /// Has the output of a finished job written again.
    pub(super) async fn export_again(&mut self) -> Result<(), Error> {
        self.settle_groups().await?;
        let Some(work) = &self.work else { return Ok(()) };
        let job = Job { exported: None, ..work.job.clone() };
        let (mut draft, row) = (Draft::new(), work.row.clone());
        draft.put(Table::Unfinished.at(&self.path), &());
        self.unwritable = false;
        self.commit_job(draft, &row, job).await?;
        self.call_flush();
        Ok(())
    }

    /// Starts no more rows. False if the job is being cancelled already.
    pub(super) async fn cancel(&mut self, reason: &str) -> Result<bool, Error> {
        self.settle_groups().await?;
        let Some(work) = &self.work else { return Err(Error::NotFound { path: self.path.clone() }) };
        if matches!(work.job.state, JobState::Cancelling { .. } | JobState::Cancelled { .. }) {
            return Ok(false);
        }
        let (job, row) = (work.job.cancel(reason)?, work.row.clone());
        let mut draft = Draft::new();
        let state = job.state.as_str().to_owned();
        draft.tell(&Event::JobChanged { job: self.this(&job), state, counts: job.counts });
        if self.commit_job(draft, &row, job).await?.is_none() {
            self.system.demand_open(&self.path).await?;
            return Err(Error::Stopping);
        }
        self.release_orphans_of_cancelled().await?;
        self.call_flush();
        Ok(true)
    }
}

/// Writes every row of a job to its output, in row order.
async fn write_output(system: &System, path: &AgentPath, job: &Job, spec: &JobSpec) -> Result<(), Error> {
    let output = PathBuf::from(&spec.output);
    let headers = spec.headers.clone();
    let mut export = blocking(move || Export::create(Path::new(&output), &headers)).await?;
    let job_id = job.id.to_string();
    let mut items = system.store.pages(Table::Node.beneath(path), PAGE);
    while let Some(rows) = items.next::<Node>().await? {
        let mut lines = Vec::with_capacity(rows.len());
        for row in &rows {
            lines.extend(line(system, path, job, spec, row).await?);
        }
        let id = job_id.clone();
        export =
            blocking(move || lines.iter().try_for_each(|line| line.write(&mut export, &id)).map(|()| export)).await?;
    }
    blocking(move || export.finish()).await
}

/// The line of an item; nothing for what lies below one.
async fn line(
    system: &System,
    job_path: &AgentPath,
    job: &Job,
    spec: &JobSpec,
    row: &Row<Node>,
) -> Result<Option<Line>, Error> {
    let Some(path) = Table::Node.path_of(&row.key).filter(|path| path.parent().as_ref() == Some(job_path)) else {
        return Ok(None);
    };
    let (Node::Item(item), Some(number)) = (&row.value, understory_store::keys::item_number(&path)) else {
        return Ok(None);
    };
    let me = AgentRef::new(path, item.id);
    let json = row_text(&system.store, &me, item).await?;
    let result = match &item.state {
        ItemState::Completed { result: Text::Inline(result), .. } => Some(result.clone()),
        ItemState::Completed { result: Text::Beside, .. } => {
            let row = system.store.get::<String>(&Table::Result.at(&me.path)).await?;
            Some(row.ok_or_else(|| missing(&me, "result"))?.value)
        }
        _ => None,
    };
    let cells = row_cells(&spec.headers, &json).map_err(JobError::from)?;
    Ok(Some(Line { cells, number, item: item.clone(), status: standing(job, &item.state), result }))
}

/// The word for how an item stands: what waits in a job that was cancelled reads as cancelled.
pub(super) fn standing(job: &Job, state: &ItemState) -> &'static str {
    match (&job.state, state) {
        (JobState::Cancelling { .. } | JobState::Cancelled { .. }, ItemState::Pending { .. }) => "cancelled",
        _ => state.as_str(),
    }
}

impl Line {
    fn write(&self, export: &mut Export, job_id: &str) -> Result<(), super::export::ExportError> {
        let (reported_at, completed_at) = match self.item.state {
            ItemState::Completed { at, .. } => (Some(at.0), Some(at.0)),
            ItemState::Failed { at } => (None, Some(at.0)),
            _ => (None, None),
        };
        export.row(&ExportRow {
            cells: &self.cells,
            job_id,
            item_id: &self.item.item_id,
            row_index: self.number - 1,
            source_id: self.item.source_id(),
            status: self.status,
            attempt_count: self.item.run,
            last_error: self.item.last_error.as_deref(),
            result_json: self.result.as_deref(),
            reported_at,
            completed_at,
        })
    }
}

/// Runs file work where blocking is allowed.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Error>
where
    T: Send + 'static,
    E: Into<JobError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Error::Job(error.into())),
        Err(_) => Err(Error::Stopping),
    }
}
