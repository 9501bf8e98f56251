//! A subtree as a project: what is done, what remains and what is in the way, on one page.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Error, Hindrance, Named, PlanInShort, Progress, Project, Runtime, Share};

use crate::digest::{self, DigestLine};
use crate::lines::{JobLine, NodeLine};
use crate::plan::{PlanNodeLine, node_line as plan_node_line};
use crate::told::{job_line, node_line};
use crate::usage::{self, UsageTable};

/// A subtree as a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectLine {
    /// Its top.
    pub top: NodeLine,
    /// What is done of what was to be done.
    pub progress: ProgressLine,
    /// What is in the way.
    pub hindrances: Vec<HindranceLine>,
    /// How much more there is of that.
    pub more_hindrances: u64,
    /// Plans with open nodes.
    pub plans: Vec<OpenPlanLine>,
    /// How many more there are.
    pub more_plans: u64,
    /// Jobs.
    pub jobs: Vec<JobLine>,
    /// How many more there are.
    pub more_jobs: u64,
    /// What it has cost.
    pub usage: UsageTable,
    /// What the top and those right below it did.
    pub digests: Vec<DigestLine>,
    /// Whether everything was looked at.
    pub whole: bool,
}

/// What is done of what was to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressLine {
    /// Nodes of plans.
    pub nodes: ShareLine,
    /// Rows of jobs.
    pub rows: ShareLine,
    /// Jobs.
    pub jobs: ShareLine,
    /// Agents at a turn, or with one before them.
    pub at_work: u64,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareLine {
    /// What is done.
    pub done: u64,
    /// All.
    pub all: u64,
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HindranceLine {
    /// Whose way.
    pub path: AgentPath,
    /// What kind it is.
    pub kind: String,
    /// What it is.
    pub words: String,
}

/// A plan with open nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPlanLine {
    /// Whose it is.
    pub path: AgentPath,
    /// Its nodes, without those that were dropped.
    pub nodes: ShareLine,
    /// The first that are open.
    pub open: Vec<PlanNodeLine>,
    /// How many more are.
    pub more_open: u64,
}

pub(crate) async fn project(runtime: &Runtime, path: AgentPath) -> Result<ProjectLine, Error> {
    let Project { top, progress, hindrances, plans, jobs, usage, digests, whole } =
        runtime.agent(path).project().await?;
    Ok(ProjectLine {
        top: node_line(&top),
        progress: progress_line(progress),
        more_hindrances: hindrances.more,
        hindrances: hindrances.first.into_iter().map(hindrance_line).collect(),
        more_plans: plans.more,
        plans: plans.first.into_iter().map(open_plan_line).collect(),
        more_jobs: jobs.more,
        jobs: jobs.first.iter().map(|job| job_line(job, Vec::new())).collect(),
        usage: usage::table(usage),
        digests: digests.iter().map(digest::line).collect(),
        whole,
    })
}

fn progress_line(progress: Progress) -> ProgressLine {
    let Progress { nodes, rows, jobs, at_work } = progress;
    ProgressLine { nodes: share_line(nodes), rows: share_line(rows), jobs: share_line(jobs), at_work }
}

fn share_line(share: Share) -> ShareLine {
    let Share { done, all } = share;
    ShareLine { done, all }
}

fn hindrance_line(hindrance: Hindrance) -> HindranceLine {
    let Hindrance { path, kind, words } = hindrance;
    HindranceLine { path, kind: kind.as_str().to_owned(), words }
}

fn open_plan_line(plan: PlanInShort) -> OpenPlanLine {
    let PlanInShort { of, nodes, open: Named { first, more } } = plan;
    let open = first.into_iter().map(plan_node_line).collect();
    OpenPlanLine { path: of, nodes: share_line(nodes), open, more_open: more }
}
