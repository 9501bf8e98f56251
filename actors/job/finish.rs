//! The end of a job: its output is written beside the actor, and then said to be (J3); or it is cancelled.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use understory_store::{Draft, Event, ItemState, Job, JobState, Table};

use super::actor::{Held, JobActor, JobSignal};
use super::output::write_output;
use crate::agent::work;
use crate::error::{Error, chain};

/// The most of a reason that an event carries, in characters.
const REASON_MAX: usize = 500;

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
        if self.end_growth() {
            // What grows would take the place of what is whole: its end brings the actor back here.
            return Ok(());
        }
        let begun = |held: &mut Held| std::mem::replace(&mut held.exporting, true);
        if self.system.jobs.held(&self.path, begun) == Some(true) {
            return Ok(());
        }
        let (system, path, spec, job) = (self.system.clone(), self.path.clone(), work.spec.clone(), work.job.clone());
        self.system.tasks.spawn(async move {
            let written = AssertUnwindSafe(write_output(&system, &path, &job, &spec)).catch_unwind().await;
            let written = match written {
                Ok(written) => written.map(drop).map_err(|error| chain(&error)),
                Err(panic) => Err(work::words(panic.as_ref())),
            };
            system.jobs.held(&path, |held: &mut Held| held.exporting = false);
            // Without a slot the job has left; the output is written again when it is resumed.
            let _ = system.jobs.tell_resident(&path, JobSignal::Exported(written));
        });
        Ok(())
    }

    /// J3, or a word about why there is none. Rows that were opened again since then are still to be written.
    pub(super) async fn exported(&mut self, written: Result<(), String>) -> Result<(), Error> {
        self.settle_groups().await?;
        let Some(work) = self.work.as_ref().filter(|work| work.job.state.is_final()) else { return Ok(()) };
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
            return Err(self.why_refused().await?);
        }
        self.release_orphans_of_cancelled().await?;
        self.call_flush();
        Ok(true)
    }
}

/// The word for how an item stands: what waits in a job that was cancelled reads as cancelled.
pub(super) fn standing(job: &Job, state: &ItemState) -> &'static str {
    match (&job.state, state) {
        (JobState::Cancelling { .. } | JobState::Cancelled { .. }, ItemState::Pending { .. }) => "cancelled",
        _ => state.as_str(),
    }
}
