//! What is asked of one job besides a look and a cancel, and how it is answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, ItemPage, ItemQuery, ItemStatus, ItemView, Runtime};

use crate::answer::named;
use crate::failure::Failure;
use crate::pick::newest;

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
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JobAnswer {
    /// To a look at its rows.
    Items(ItemsPage),
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

impl JobControl {
    /// Of which job, if that is said.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            JobControl::Items { path, .. } => path.as_deref(),
        }
    }

    /// The same of a certain job.
    pub(crate) fn of(self, job: &AgentPath) -> Self {
        let path = Some(job.to_string());
        match self {
            JobControl::Items { status, after, limit, .. } => JobControl::Items { path, status, after, limit },
        }
    }

    /// Whether nothing is changed by it.
    pub(crate) fn looks(&self) -> bool {
        match self {
            JobControl::Items { .. } => true,
        }
    }

    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        match self {
            JobControl::Items { .. } => true,
        }
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
    })
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
