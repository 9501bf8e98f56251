//! A handle on one job.

use std::io::Read;
use std::path::Path;

use serde::Serialize;
use understory_actors::System;
use understory_actors::job::{
    ErrorGroup, ItemPage, ItemQuery, ItemView, JobDigest, JobPlan, JobRequest, JobStarted, JobView, LimitsChange,
    ResultCursor, Results, Retried, RetryRequest,
};
use understory_paths::AgentPath;
use understory_store::OutputFormat;

use crate::error::Error;
use crate::runtime::Runtime;

/// A handle on the job at a path, whether it is there or not. Cheap to clone.
#[derive(Clone)]
pub struct Job {
    system: System,
    path: AgentPath,
}

impl Runtime {
    /// Starts a job, or goes on with the one that the same command started, and runs it.
    ///
    /// # Errors
    /// The table, template or output is no good, the table of an earlier same command has changed, or the owner is closed.
    pub async fn start_job(&self, request: JobRequest) -> Result<(Job, JobStarted), Error> {
        let started = self.system.start_job(request).await?;
        Ok((self.job(started.job.path.clone()), started))
    }
}

impl Runtime {
    /// Starts a job over a table that can be read once only, such as a pipe, or goes on with the one that the same command
    /// started over the same bytes. The table is kept in the spool ([`Builder::spool_in`](crate::Builder::spool_in)) until its
    /// rows are stored; of [`JobRequest::input`] only the end of the name is looked at.
    ///
    /// # Errors
    /// As for [`Runtime::start_job`]; or there is no spool, or the table cannot be kept there.
    pub async fn start_job_from(
        &self,
        request: JobRequest,
        reader: impl Read + Send + 'static,
    ) -> Result<(Job, JobStarted), Error> {
        let started = self.system.start_job_from(request, reader).await?;
        Ok((self.job(started.job.path.clone()), started))
    }

    /// Starts a job over rows, each written as a JSON object, or goes on with the one that the same command started over the
    /// same rows. Nothing is written of what came of them unless the request names an output: [`Job::items`] has it.
    ///
    /// # Errors
    /// As for [`Runtime::start_job_from`]; the line that one names is the row's number.
    pub async fn start_job_of<T: Serialize>(
        &self,
        request: JobRequest,
        rows: impl IntoIterator<Item = T, IntoIter: Send + 'static>,
    ) -> Result<(Job, JobStarted), Error> {
        let started = self.system.start_job_of(request, rows).await?;
        Ok((self.job(started.job.path.clone()), started))
    }
}

impl Runtime {
    /// Says what a job would be, with its first `count` rows: nothing is started or stored.
    ///
    /// # Errors
    /// What is wrong with the table, the settings or the rows.
    pub async fn plan_job(&self, request: JobRequest, count: usize) -> Result<JobPlan, Error> {
        self.system.plan_job(request, count).await
    }

    /// As [`Runtime::plan_job`], of a table that can be read once only. It is not kept.
    ///
    /// # Errors
    /// As for [`Runtime::plan_job`].
    pub async fn plan_job_from(
        &self,
        request: JobRequest,
        reader: impl Read + Send + 'static,
        count: usize,
    ) -> Result<JobPlan, Error> {
        self.system.plan_job_from(request, reader, count).await
    }
}

impl Job {
    pub(crate) fn new(system: System, path: AgentPath) -> Self {
        Job { system, path }
    }

    /// Where it lies.
    pub fn path(&self) -> &AgentPath {
        &self.path
    }

    /// Waits until it is final and its output written.
    ///
    /// # Errors
    /// It is closed or not there, its output cannot be written, or the runtime stops.
    pub async fn finished(&self) -> Result<JobView, Error> {
        self.system.job_finished(&self.path).await
    }

    /// Where it stands.
    ///
    /// # Errors
    /// It is not there.
    pub async fn show(&self) -> Result<JobView, Error> {
        self.system.job(&self.path).await
    }

    /// Its items from row `first` (counted from 1) on, at most `limit`.
    ///
    /// # Errors
    /// It is not there.
    pub async fn items(&self, first: u32, limit: usize) -> Result<Vec<ItemView>, Error> {
        self.system.items(&self.path, first, limit).await
    }

    /// A page of its items, by how they stand.
    ///
    /// # Errors
    /// It is not there.
    pub async fn query(&self, query: &ItemQuery) -> Result<ItemPage, Error> {
        self.system.query_items(&self.path, query).await
    }

    /// Its rows that come to their ends, each once: those that have already, then the others as they do, until it is final.
    /// `after`: behind a row that was given before, in this process or an earlier one; from the start without it.
    pub fn results(&self, after: Option<ResultCursor>) -> Results {
        self.system.job_results(&self.path, after)
    }

    /// Looks through all its rows: what went wrong, and what took longest.
    ///
    /// # Errors
    /// The store failed.
    pub async fn digest(&self) -> Result<JobDigest, Error> {
        self.system.job_digest(&self.path).await
    }

    /// Its failed rows by what went wrong, the most frequent first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn errors(&self) -> Result<Vec<ErrorGroup>, Error> {
        self.system.job_errors(&self.path).await
    }

    /// Writes its output as it stands now to another place, whole or not at all; how many rows it has.
    ///
    /// # Errors
    /// It is not there, or the place cannot be written: something is there already, unless that may be overwritten.
    pub async fn export(&self, output: &Path, format: OutputFormat, overwrite: bool) -> Result<u32, Error> {
        self.system.export_job(&self.path, output, format, overwrite).await
    }

    /// Goes on with it: clears its closed mark, runs it, and writes an output that is missing again.
    ///
    /// # Errors
    /// It is not there, or an ancestor is closed.
    pub async fn resume(&self) -> Result<JobStarted, Error> {
        self.system.resume_job(&self.path).await
    }

    /// Has it start no more rows until it is unpaused; those running may finish. False if that was asked
    /// already: the reason stays that of the first time.
    ///
    /// # Errors
    /// It is not there, final, being cancelled or closed.
    pub async fn pause(&self, reason: &str) -> Result<bool, Error> {
        self.system.pause_job(&self.path, reason).await
    }

    /// Has it go on, whatever paused it. False if it was not paused.
    ///
    /// # Errors
    /// It is not there, or closed.
    pub async fn unpause(&self) -> Result<bool, Error> {
        self.system.unpause_job(&self.path).await
    }

    /// Says what it may use from now on; what runs is not touched. False if it was so already.
    ///
    /// # Errors
    /// It is not there, final, being cancelled or closed, or no rows at once were asked for.
    pub async fn set(&self, change: &LimitsChange) -> Result<bool, Error> {
        self.system.set_job(&self.path, change).await
    }

    /// Has rows that came to nothing tried again, and what a cancel left go on; it runs if its subtree does, or once it is
    /// resumed.
    ///
    /// # Errors
    /// It is not there or has no such row, it is closed or being cancelled, or its rows are not all stored.
    pub async fn retry(&self, request: &RetryRequest) -> Result<Retried, Error> {
        self.system.retry_job(&self.path, request).await
    }

    /// Has it start no more rows; those running may finish. False if that was asked already.
    ///
    /// # Errors
    /// It is not there, final or closed.
    pub async fn cancel(&self) -> Result<bool, Error> {
        self.system.cancel_job(&self.path).await
    }
}
