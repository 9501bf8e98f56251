//! What is asked of one job besides a look and a cancel, and how it is answered.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, Error, ItemPage, ItemQuery, ItemStatus, ItemView, Job, JobDigest, JobLimits, JobView, LimitsChange,
    OutputFormat, Pause, Retried, RetryRequest, Runtime, SlowRow, Spent,
};

use crate::answer::named;
use crate::failure::Failure;
use crate::lines::JobLine;
use crate::pick::{newest, unfinished_job};
use crate::remove::{AskedRemove, remove};
use crate::told::{job_line, moment};

/// How long a watch is held at the longest before it is told how the job stands.
const WATCH_MAX: Duration = Duration::from_secs(60);

/// Something asked of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobControl {
    /// Its rows, a page at a time.
    Items {
        /// Which job; the newest if none is named.
        path: Option<String>,
        /// Those that stand like one of these: pending, waiting, running, completed, failed, cancelled or skipped; all
        /// without any.
        status: Vec<String>,
        /// Those behind the row of this number.
        after: u32,
        /// How many, no more than 1,000.
        limit: usize,
    },
    /// How it stands: told once it is finished, or after a while at the latest.
    Watch {
        /// Which job; the newest if none is named.
        path: Option<String>,
        /// The while, no more than a minute.
        within_ms: u64,
    },
    /// Rows that came to nothing shall be tried again, and the job go on.
    Retry {
        /// Which job; the newest if none is named.
        path: Option<String>,
        /// Those that failed.
        failed: bool,
        /// Those that were skipped.
        skipped: bool,
        /// Those of these ids.
        items: Vec<String>,
    },
    /// No more of its rows shall be started until it is unpaused.
    Pause {
        /// Which job; the unfinished one if none is named.
        path: Option<String>,
        /// Why, for people.
        reason: String,
    },
    /// It shall go on.
    Unpause {
        /// Which job; the unfinished one if none is named.
        path: Option<String>,
    },
    /// It may use more or less; what is not said stays, nought lifts a limit.
    Set {
        /// Which job; the unfinished one if none is named.
        path: Option<String>,
        /// How many rows are worked on at once; at least one.
        concurrency: Option<u32>,
        /// Runs that may be started, those before counted in.
        turns: Option<u64>,
        /// Tokens after which no more runs are started, those before counted in.
        tokens: Option<u64>,
        /// For how long from now on runs are started.
        seconds: Option<u64>,
    },
    /// Its output as it stands shall be written to another place.
    Export {
        /// Which job; the newest if none is named.
        path: Option<String>,
        /// Where to, absolute.
        output: String,
        /// As what.
        format: OutputFormat,
        /// What is there already is written over.
        overwrite: bool,
    },
    /// It shall be removed.
    Remove {
        /// Which.
        path: String,
        /// Only what that would come to is asked.
        dry_run: bool,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JobAnswer {
    /// To a look at its rows.
    Items(ItemsPage),
    /// To a watch.
    Watched(WatchedJob),
    /// To a retry.
    Retried(AskedRetry),
    /// To a pause and to its end.
    Paused(AskedPause),
    /// To other limits.
    Set(AskedSet),
    /// To an export.
    Exported(AskedExport),
    /// To a remove.
    Removed(AskedRemove),
}

/// A job as whoever watches it sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedJob {
    /// How it stands; what went wrong is told once it is finished.
    pub job: JobLine,
    /// The rows that took longest, the slowest first, once it is finished.
    pub slowest: Vec<SlowLine>,
}

/// A row that took long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowLine {
    /// Its number, from 1.
    pub row: u32,
    /// Its id in the job.
    pub item_id: String,
    /// How long the run took that brought it to its end.
    pub took_ms: u64,
}

/// A page of a job's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsPage {
    /// Whose.
    pub job: AgentPath,
    /// They, in row order.
    pub items: Vec<RowLine>,
    /// What the next page is asked for after; nothing if this is the last.
    pub next: Option<u32>,
}

/// A row of a job, in a line; `show` has its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowLine {
    /// Its number, from 1.
    pub row: u32,
    /// Its id in the job.
    pub item_id: String,
    /// The word for how it stands.
    pub status: String,
    /// How often a worker was started.
    pub runs: u32,
    /// Runs that failed and were charged.
    pub failures: u32,
    /// Runs that the process died in.
    pub crashes: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The rows that must be completed before it is started.
    pub after: Vec<u32>,
    /// How long the run took that brought it to its end.
    pub took_ms: Option<u64>,
}

/// A retry that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedRetry {
    /// The job.
    pub job: AgentPath,
    /// How many rows are tried again.
    pub retried: u64,
    /// How many that a cancel had left go on.
    pub cancelled: u64,
    /// How many that were named are none of these, and are as they were.
    pub left: u64,
}

/// A pause, or its end, that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedPause {
    /// The job.
    pub job: AgentPath,
    /// False: it was so already.
    pub new: bool,
    /// Why it starts no rows now, if it does not.
    pub pause: Option<PauseLine>,
}

/// An export that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedExport {
    /// The job.
    pub job: AgentPath,
    /// Where its rows are now.
    pub output: String,
    /// How many.
    pub rows: u32,
}

/// Other limits that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedSet {
    /// The job.
    pub job: AgentPath,
    /// False: they were so already.
    pub new: bool,
    /// How many rows are worked on at once.
    pub concurrency: u32,
    /// What else bounds it.
    pub limits: JobLimitsLine,
}

/// What bounds a job besides how many rows are worked on at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLimitsLine {
    /// Runs that may be started.
    pub turns: Option<u64>,
    /// Tokens after which no more runs are started.
    pub tokens: Option<u64>,
    /// When no more runs are started.
    pub until: Option<String>,
}

/// What a job's runs have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentLine {
    /// Runs started.
    pub turns: u64,
    /// Tokens, where brains say how many.
    pub tokens: u64,
}

/// Why a job starts no rows for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseLine {
    /// Why.
    pub reason: String,
    /// When it goes on by itself, if it does.
    pub until: Option<String>,
    /// What it may use is used up: with more it goes on.
    pub used_up: bool,
    /// The goal of whose budget nothing is left: with more it goes on by itself.
    pub goal: Option<AgentPath>,
}

impl JobControl {
    /// Of which job, if that is said.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            JobControl::Items { path, .. }
            | JobControl::Watch { path, .. }
            | JobControl::Retry { path, .. }
            | JobControl::Pause { path, .. }
            | JobControl::Unpause { path }
            | JobControl::Export { path, .. }
            | JobControl::Set { path, .. } => path.as_deref(),
            JobControl::Remove { path, .. } => Some(path),
        }
    }

    /// The same of a certain job.
    pub(crate) fn of(mut self, job: &AgentPath) -> Self {
        match &mut self {
            JobControl::Items { path, .. }
            | JobControl::Watch { path, .. }
            | JobControl::Retry { path, .. }
            | JobControl::Pause { path, .. }
            | JobControl::Unpause { path }
            | JobControl::Export { path, .. }
            | JobControl::Set { path, .. } => *path = Some(job.to_string()),
            JobControl::Remove { path, .. } => *path = job.to_string(),
        }
        self
    }

    /// Whether nothing is changed by it.
    pub(crate) fn looks(&self) -> bool {
        matches!(self, JobControl::Items { .. } | JobControl::Watch { .. })
    }

    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        // A row that has failed once more would be tried once more.
        !matches!(self, JobControl::Retry { .. })
    }
}

pub(crate) async fn answer(runtime: &Runtime, control: JobControl) -> Result<JobAnswer, Failure> {
    Ok(match control {
        JobControl::Items { path, status, after, limit } => {
            let status = status.iter().map(|word| word.parse()).collect::<Result<Vec<ItemStatus>, _>>()?;
            let path = named(runtime, path, newest).await?;
            let page = runtime.job(path.clone()).query(&ItemQuery { status, after, limit }).await?;
            JobAnswer::Items(items_page(path, page))
        }
        JobControl::Watch { path, within_ms } => {
            let job = runtime.job(named(runtime, path, newest).await?);
            JobAnswer::Watched(watch(&job, Duration::from_millis(within_ms).min(WATCH_MAX)).await?)
        }
        JobControl::Retry { path, failed, skipped, items } => {
            let job = named(runtime, path, newest).await?;
            let retried = runtime.job(job.clone()).retry(&RetryRequest { failed, skipped, items }).await?;
            runtime.run(&job).await?;
            JobAnswer::Retried(retried_line(job, retried))
        }
        JobControl::Pause { path, reason } => {
            let job = runtime.job(named(runtime, path, unfinished_job).await?);
            paused(&job, job.pause(&reason).await?).await?
        }
        JobControl::Unpause { path } => {
            let job = runtime.job(named(runtime, path, unfinished_job).await?);
            paused(&job, job.unpause().await?).await?
        }
        JobControl::Set { path, concurrency, turns, tokens, seconds } => {
            let job = runtime.job(named(runtime, path, unfinished_job).await?);
            let within = seconds.map(Duration::from_secs);
            let new = job.set(&LimitsChange { concurrency, turns, tokens, within }).await?;
            let limits = job.show().await?.job.limits;
            let (concurrency, limits) = (limits.concurrency, limits_line(&limits));
            JobAnswer::Set(AskedSet { job: job.path().clone(), new, concurrency, limits })
        }
        JobControl::Export { path, output, format, overwrite } => {
            let job = runtime.job(named(runtime, path, newest).await?);
            let rows = job.export(Path::new(&output), format, overwrite).await?;
            JobAnswer::Exported(AskedExport { job: job.path().clone(), output, rows })
        }
        JobControl::Remove { path, dry_run } => {
            let job = runtime.job(runtime.find(&path).await?.path().clone());
            // Nothing but a job goes by this verb.
            job.show().await?;
            JobAnswer::Removed(remove(runtime, job.path().clone(), dry_run).await?)
        }
    })
}

/// How a job stands once it is finished, or after `within`.
///
/// # Errors
/// It is not there, or closed before it is finished; its output could not be written; or the store failed.
async fn watch(job: &Job, within: Duration) -> Result<WatchedJob, Error> {
    let view = match tokio::time::timeout(within, job.finished()).await {
        Ok(finished) => finished?,
        Err(_) => job.show().await?,
    };
    match &view.closed {
        Some(at) if view.job.unfinished() => Err(Error::Closed { path: view.path.clone(), at: at.clone() }),
        _ => watched(job, &view).await,
    }
}

/// A job as it stands: what went wrong and what took long is looked for among all its rows once it is finished.
///
/// # Errors
/// The store failed.
pub async fn watched(job: &Job, view: &JobView) -> Result<WatchedJob, Error> {
    if view.job.unfinished() {
        return Ok(WatchedJob { job: job_line(view, Vec::new()), slowest: Vec::new() });
    }
    let JobDigest { errors, slowest } = job.digest().await?;
    let slow = |row: SlowRow| SlowLine { row: row.number, item_id: row.item_id, took_ms: row.took_ms };
    Ok(WatchedJob { job: job_line(view, errors), slowest: slowest.into_iter().map(slow).collect() })
}

/// A retry that was asked for.
pub fn retried_line(job: AgentPath, retried: Retried) -> AskedRetry {
    let Retried { rows, cancelled, left } = retried;
    AskedRetry { job, retried: rows, cancelled, left }
}

async fn paused(job: &Job, new: bool) -> Result<JobAnswer, Failure> {
    let pause = job.show().await?.job.pause.as_ref().map(pause_line);
    Ok(JobAnswer::Paused(AskedPause { job: job.path().clone(), new, pause }))
}

fn items_page(job: AgentPath, page: ItemPage) -> ItemsPage {
    ItemsPage { job, items: page.items.into_iter().map(row_line).collect(), next: page.next }
}

fn row_line(view: ItemView) -> RowLine {
    let ItemView { number, item, status } = view;
    RowLine {
        row: number,
        item_id: item.item_id,
        status: status.to_owned(),
        runs: item.run,
        failures: item.failures,
        crashes: item.crashes,
        last_error: item.last_error,
        after: item.after,
        took_ms: item.took_ms,
    }
}

pub(crate) fn limits_line(limits: &JobLimits) -> JobLimitsLine {
    let JobLimits { concurrency: _, turns, tokens, until } = *limits;
    JobLimitsLine { turns, tokens, until: until.map(moment) }
}

pub(crate) fn spent_line(spent: Spent) -> SpentLine {
    let Spent { turns, tokens } = spent;
    SpentLine { turns, tokens }
}

pub(crate) fn pause_line(pause: &Pause) -> PauseLine {
    let Pause { reason, until, used_up, goal } = pause;
    PauseLine { reason: reason.clone(), until: until.map(moment), used_up: *used_up, goal: goal.clone() }
}
