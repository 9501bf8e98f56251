//! A subtree as a project: what is done, what remains and what is in the way, on one page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, Drifting, Error, Hindrance, Hindrances, Named, PlanInShort, Progress, Project, Runtime, Share,
};

use crate::digest::{self, DigestLine};
use crate::goal::{self, GoalLine};
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
    /// How much more there is of that, by its kind.
    pub more_hindrances: BTreeMap<String, u64>,
    /// Goals, parents first.
    pub goals: Vec<GoalLine>,
    /// How many more there are.
    pub more_goals: u64,
    /// Plans with open nodes.
    pub plans: Vec<OpenPlanLine>,
    /// How many more there are.
    pub more_plans: u64,
    /// Jobs.
    pub jobs: Vec<JobLine>,
    /// How many more there are.
    pub more_jobs: u64,
    /// Directories that are not as they were left.
    pub drifts: Vec<DriftingLine>,
    /// How many more there are.
    pub more_drifts: u64,
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
    /// Goals.
    pub goals: ShareLine,
    /// Nodes of plans.
    pub nodes: ShareLine,
    /// Rows of jobs.
    pub rows: ShareLine,
    /// Jobs.
    pub jobs: ShareLine,
    /// Agents.
    pub agents: u64,
    /// Those of them at a turn, or with one before them.
    pub at_work: u64,
    /// Agents and jobs that are closed.
    pub closed: u64,
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
    /// At or above which node that agent is closed.
    pub closed_by: Option<AgentPath>,
    /// Its nodes, without those that were dropped.
    pub nodes: ShareLine,
    /// The first that are open.
    pub open: Vec<PlanNodeLine>,
    /// How many more are.
    pub more_open: u64,
}

/// A directory that is not as it was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftingLine {
    /// Who works there.
    pub path: AgentPath,
    /// Where it lies.
    pub directory: String,
    /// What differs, in words.
    pub drift: String,
    /// Whether nothing runs there.
    pub held: bool,
}

pub(crate) async fn project(runtime: &Runtime, path: AgentPath) -> Result<ProjectLine, Error> {
    let Project { top, progress, hindrances, goals, plans, jobs, drifts, usage, digests, whole } =
        runtime.agent(path).project().await?;
    Ok(ProjectLine {
        top: node_line(&top),
        progress: progress_line(progress),
        more_hindrances: more_lines(&hindrances),
        hindrances: hindrances.first.into_iter().map(hindrance_line).collect(),
        more_goals: goals.more,
        goals: goals.first.into_iter().map(goal::line).collect(),
        more_plans: plans.more,
        plans: plans.first.into_iter().map(open_plan_line).collect(),
        more_jobs: jobs.more,
        jobs: jobs.first.iter().map(|job| job_line(job, Vec::new())).collect(),
        more_drifts: drifts.more,
        drifts: drifts.first.into_iter().map(drifting_line).collect(),
        usage: usage::table(usage),
        digests: digests.iter().map(digest::line).collect(),
        whole,
    })
}

fn progress_line(progress: Progress) -> ProgressLine {
    let Progress { goals, nodes, rows, jobs, agents, at_work, closed } = progress;
    let [goals, nodes, rows, jobs] = [goals, nodes, rows, jobs].map(share_line);
    ProgressLine { goals, nodes, rows, jobs, agents, at_work, closed }
}

fn share_line(share: Share) -> ShareLine {
    let Share { done, all } = share;
    ShareLine { done, all }
}

fn more_lines(hindrances: &Hindrances) -> BTreeMap<String, u64> {
    hindrances.more.iter().map(|(kind, more)| (kind.as_str().to_owned(), *more)).collect()
}

fn hindrance_line(hindrance: Hindrance) -> HindranceLine {
    let Hindrance { path, kind, words } = hindrance;
    HindranceLine { path, kind: kind.as_str().to_owned(), words }
}

fn drifting_line(drifting: Drifting) -> DriftingLine {
    let Drifting { path, directory, drift, held } = drifting;
    DriftingLine { path, directory, drift: drift.to_string(), held }
}

fn open_plan_line(plan: PlanInShort) -> OpenPlanLine {
    let PlanInShort { of, closed, nodes, open: Named { first, more } } = plan;
    let open = first.into_iter().map(plan_node_line).collect();
    OpenPlanLine { path: of, closed_by: closed, nodes: share_line(nodes), open, more_open: more }
}
