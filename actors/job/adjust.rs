//! What a person changes of a job that is there: it is paused, goes on, or may use more or less. A commit of the job's actor
//! each, so that a running job follows at once; one that nobody runs has it on record.

use std::time::Duration;

use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{Directory, Draft, Event, Job, JobLimits, Pause, Table};

use super::actor::{JobActor, JobSignal};
use super::site::Sight;
use crate::error::Error;
use crate::system::System;

/// What a job may use from now on; what is not said stays. Nought lifts a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// How many rows are worked on at once; at least one.
    pub concurrency: Option<u32>,
    /// Runs that may be started, those before counted in.
    pub turns: Option<u64>,
    /// Tokens after which no more runs are started, those before counted in.
    pub tokens: Option<u64>,
    /// How long from now on runs are started.
    pub within: Option<Duration>,
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Adjustment {
    /// No more rows are started for now.
    Pause(Pause),
    /// They are again.
    Unpause,
    /// It may use this.
    Set(LimitsChange),
    /// Its rows are worked on here, and that is right as it is.
    Directory(Box<Directory>),
}

impl System {
    /// Has a job start no more rows until it is unpaused; those running may finish. False
    /// if it was so already: the reason stays that of the first time.
    ///
    /// # Errors
    /// There is no such job, it is final, being cancelled or closed.
    pub async fn pause_job(&self, path: &AgentPath, reason: &str) -> Result<bool, Error> {
        let reason = reason.to_owned();
        self.adjust(path, Adjustment::Pause(Pause { reason, until: None, used_up: false, goal: None })).await
    }

    /// Has a paused job go on, whatever paused it. False if it was not paused.
    ///
    /// # Errors
    /// There is no such job, or it is closed.
    pub async fn unpause_job(&self, path: &AgentPath) -> Result<bool, Error> {
        self.adjust(path, Adjustment::Unpause).await
    }

    /// Says what a job may use from now on; runs under way are not touched. One that paused because it had used that up goes
    /// on. False if it was so already.
    ///
    /// # Errors
    /// There is no such job, it is final, being cancelled or closed, or no rows at once were asked for.
    pub async fn set_job(&self, path: &AgentPath, change: &LimitsChange) -> Result<bool, Error> {
        self.adjust(path, Adjustment::Set(*change)).await
    }

    /// Says where a job's rows are worked on; one that was held for that goes on.
    pub(crate) async fn place_job(&self, path: &AgentPath, directory: Directory) -> Result<(), Error> {
        self.adjust(path, Adjustment::Directory(Box::new(directory))).await.map(drop)
    }

    async fn adjust(&self, path: &AgentPath, adjustment: Adjustment) -> Result<bool, Error> {
        self.job(path).await?;
        let (reply, answer) = oneshot::channel();
        self.jobs.deliver(self, path, JobSignal::Adjust { adjustment, reply });
        answer.await.map_err(|_| Error::Stopping)?.map_err(|error| error.of_job(path))
    }

    fn changed(&self, limits: JobLimits, change: LimitsChange) -> JobLimits {
        let lifted = |limit: Option<u64>, new: Option<u64>| new.map_or(limit, |new| Some(new).filter(|new| *new > 0));
        // As when a job is created: more than there are turn slots would only wait.
        let most = u32::try_from(self.limits.turns).unwrap_or(u32::MAX);
        JobLimits {
            concurrency: change.concurrency.map_or(limits.concurrency, |rows| rows.min(most)),
            turns: lifted(limits.turns, change.turns),
            tokens: lifted(limits.tokens, change.tokens),
            until: match change.within {
                None => limits.until,
                Some(Duration::ZERO) => None,
                Some(within) => Some(self.clock.now().after(within)),
            },
        }
    }
}

impl JobActor {
    /// Commits a change. False if it changes nothing.
    pub(super) async fn adjust(&mut self, adjustment: Adjustment) -> Result<bool, Error> {
        self.settle_groups().await?;
        let Some(work) = &self.work else { return Err(Error::NotFound { path: self.path.clone() }) };
        let job: Job = match adjustment {
            Adjustment::Pause(pause) => {
                let next = work.job.pause(pause)?;
                if work.job.pause.as_ref().is_some_and(Pause::is_by_hand) {
                    return Ok(false);
                }
                next
            }
            Adjustment::Unpause if work.job.pause.is_none() => return Ok(false),
            Adjustment::Unpause => work.job.unpause()?,
            Adjustment::Set(change) => work.job.set(self.system.changed(work.job.limits, change))?,
            Adjustment::Directory(directory) => return self.move_to(&directory).await,
        };
        if job == work.job {
            return Ok(false);
        }
        let (mut draft, row) = (Draft::new(), work.row.clone());
        let state = job.state.as_str().to_owned();
        draft.tell(&Event::JobChanged { job: self.this(&job), state, counts: job.counts });
        if self.commit_job(draft, &row, job).await?.is_none() {
            return Err(self.why_refused().await?);
        }
        self.call_flush();
        Ok(true)
    }

    /// Commits where rows are worked on from here on. What was paused because it was another place goes on.
    async fn move_to(&mut self, directory: &Directory) -> Result<bool, Error> {
        let held = self.directory().await?.is_some_and(|known| known.is_held());
        let Some(work) = &mut self.work else { return Err(Error::NotFound { path: self.path.clone() }) };
        work.sight = Sight::default();
        let job = match held && work.job.pause.is_some() {
            true => work.job.unpause()?,
            false => work.job.clone(),
        };
        let (mut draft, row) = (Draft::new(), work.row.clone());
        draft.put(Table::Directory.at(&self.path), directory);
        let state = job.state.as_str().to_owned();
        draft.tell(&Event::DirectorySet { node: self.this(&job) });
        draft.tell(&Event::JobChanged { job: self.this(&job), state, counts: job.counts });
        if self.commit_job(draft, &row, job).await?.is_none() {
            return Err(self.why_refused().await?);
        }
        self.call_flush();
        Ok(true)
    }
}
