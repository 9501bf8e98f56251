//! A project on one page: what was to be done in a subtree, what is done of it, what remains, and what is in the way.
//!
//! Nothing of it is kept: it is derived from what everybody keeps for themselves, whenever somebody asks.

use understory_paths::AgentPath;
use understory_store::{Counts, Job, JobState, Node, Phase, PlanState, Table};

use crate::digest::Digested;
use crate::error::Error;
use crate::job::JobView;
use crate::looking::{LIST_MAX, Part, Query, View};
use crate::planning::PlannedNode;
use crate::system::{System, node_at};
use crate::usage::UsageReport;

/// How many of each kind a project names.
pub const PROJECT_NAMED_MAX: usize = 50;
/// How many agents and jobs are looked at for what is in the way.
pub const PROJECT_LOOKED_MAX: usize = 10_000;

/// How many children have their digests in it.
const DIGESTS: usize = 10;
/// How many open nodes of one plan are named.
const NODES: usize = 10;
/// How many plans are added up.
const PLANS: usize = 500;
/// How many nodes it names that cost most.
const DEAREST: usize = 10;
/// How much of a text a hindrance says, in characters.
const WORDS: usize = 200;

/// A subtree as a project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its top.
    pub top: View,
    /// What is done of what was to be done.
    pub progress: Progress,
    /// What is in the way, in path order.
    pub hindrances: Named<Hindrance>,
    /// Plans with open nodes.
    pub plans: Named<PlanInShort>,
    /// Jobs, in path order.
    pub jobs: Named<JobView>,
    /// What it has cost, with those that cost most.
    pub usage: UsageReport,
    /// What the top's work came to, and that of its first children that worked.
    pub digests: Vec<Digested>,
    /// Whether everything was looked at: of very many agents only the first are.
    pub whole: bool,
}

/// The first of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// They.
    pub first: Vec<T>,
    /// How many more there are.
    pub more: u64,
}

/// What is done of what was to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Nodes of plans; those that were dropped are none.
    pub nodes: Share,
    /// Rows of jobs, however they ended.
    pub rows: Share,
    /// Jobs.
    pub jobs: Share,
    /// Agents that are at a turn, or have one before them.
    pub at_work: u64,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What is done.
    pub done: u64,
    /// All.
    pub all: u64,
}

/// A plan, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanInShort {
    /// Whose it is.
    pub of: AgentPath,
    /// Its nodes that are done, of those that were not dropped.
    pub nodes: Share,
    /// Those that are neither done nor dropped: begun ones first, then those that are ready.
    pub open: Named<PlannedNode>,
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// Whose way.
    pub path: AgentPath,
    /// What kind it is.
    pub kind: HindranceKind,
    /// What it is, in words.
    pub words: String,
}

/// What kind of thing is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HindranceKind {
    /// Supervision has given up on an agent.
    Faulted,
    /// The last turn of an agent failed.
    Errored,
    /// A job is paused, or failed.
    Job,
    /// Rows of a job failed.
    Rows,
    /// An agent has messages that no turn will take.
    Dead,
}

/// What is gathered on the way through a subtree.
#[derive(Default)]
struct Found {
    progress: Progress,
    hindrances: Named<Hindrance>,
    children: Vec<AgentPath>,
    whole: bool,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named { first: Vec::new(), more: 0 }
    }
}

impl<T> Named<T> {
    fn note(&mut self, one: T) {
        match self.first.len() < PROJECT_NAMED_MAX {
            true => self.first.push(one),
            false => self.more += 1,
        }
    }
}

impl Share {
    fn add(&mut self, done: u64, all: u64) {
        self.done += done;
        self.all += all;
    }
}

impl HindranceKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            HindranceKind::Faulted => "faulted",
            HindranceKind::Errored => "errored",
            HindranceKind::Job => "job",
            HindranceKind::Rows => "rows",
            HindranceKind::Dead => "dead",
        }
    }
}

impl System {
    /// A subtree as a project. It is read while others write, so that its parts may be a moment apart.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn project(&self, top: &AgentPath) -> Result<Project, Error> {
        let view = self.show(top).await?;
        let mut found = self.look_through(top).await?;
        self.look_for_dead(top, &mut found).await?;
        let plans = self.plans_of(top, &mut found).await?;
        let mut jobs = Named::default();
        for job in self.jobs(top, None, PROJECT_NAMED_MAX).await? {
            jobs.note(job);
        }
        jobs.more = found.progress.jobs.all.saturating_sub(jobs.first.len() as u64);
        let mut digests = Vec::new();
        for path in found.children.iter().take(DIGESTS + 1) {
            match self.digest(path).await {
                Ok(digest) => digests.push(digest),
                // Gone since it was looked at.
                Err(Error::NotFound { .. } | Error::Removed { .. } | Error::WrongKind { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let usage = self.usage(top, DEAREST).await?;
        let Found { progress, mut hindrances, whole, .. } = found;
        hindrances.first.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Project { top: view, progress, hindrances, plans, jobs, usage, digests, whole })
    }

    async fn look_through(&self, top: &AgentPath) -> Result<Found, Error> {
        let mut found = Found { whole: true, ..Found::default() };
        let (mut part, mut looked) = (Part::First, 0);
        loop {
            let page = self.query(&Query { part, limit: LIST_MAX, ..Query::of(top.clone()) }).await?;
            looked += page.rows.len();
            page.rows.iter().for_each(|view| found.meet(top, view));
            match page.next {
                Some(next) if looked < PROJECT_LOOKED_MAX => part = Part::After(next),
                more => {
                    found.whole = more.is_none();
                    return Ok(found);
                }
            }
        }
    }

    /// Notes the agents that have dead letters, each once.
    async fn look_for_dead(&self, top: &AgentPath, found: &mut Found) -> Result<(), Error> {
        let mut range = Table::Dead.subtree(top);
        for _ in 0..PROJECT_NAMED_MAX {
            let first = self.store.peek_keys(range.clone(), None, 1).await?;
            let Some(path) = first.first().and_then(|key| Table::Dead.path_of(key)) else { return Ok(()) };
            let words = "it has dead letters: understory dead list shows them".to_owned();
            range.start = std::ops::Bound::Included(Table::Dead.behind_rows(&path));
            found.hindrances.note(Hindrance { path, kind: HindranceKind::Dead, words });
        }
        Ok(())
    }

    async fn plans_of(&self, top: &AgentPath, found: &mut Found) -> Result<Named<PlanInShort>, Error> {
        let heads = self.store.peek_keys(Table::Plan.subtree(top), None, PLANS).await?;
        found.whole &= heads.len() < PLANS;
        let mut plans = Named::default();
        for path in heads.iter().filter_map(|key| Table::Plan.path_of(key)) {
            // Gone since its key was read.
            if node_at(&self.store, &path).await?.is_none() {
                continue;
            }
            let plan = PlanInShort::of(path.clone(), self.plan(&path).await?.nodes);
            found.progress.nodes.add(plan.nodes.done, plan.nodes.all);
            if !plan.open.first.is_empty() {
                plans.note(plan);
            }
        }
        Ok(plans)
    }
}

impl Found {
    fn meet(&mut self, top: &AgentPath, view: &View) {
        match &view.node {
            Node::Job(job) => self.meet_job(&view.path, job),
            Node::Agent(agent) => {
                let status = view.status();
                self.progress.at_work += u64::from(matches!(status, "running" | "waiting" | "queued"));
                let is_near = view.path == *top || view.path.parent().as_ref() == Some(top);
                if is_near && agent.turns > 0 && self.children.len() <= DIGESTS {
                    self.children.push(view.path.clone());
                }
                let (kind, words) = match (&agent.phase, &agent.outcome) {
                    (Phase::Faulted { reason, .. }, _) => (HindranceKind::Faulted, reason),
                    (_, Some(outcome)) if status == "errored" => (HindranceKind::Errored, &outcome.content),
                    _ => return,
                };
                self.hinder(&view.path, kind, words);
            }
            _ => {}
        }
    }

    fn meet_job(&mut self, path: &AgentPath, job: &Job) {
        let Counts { completed, failed, skipped, pending, running } = job.counts;
        let done = u64::from(completed) + u64::from(failed) + u64::from(skipped);
        self.progress.rows.add(done, done + u64::from(pending) + u64::from(running));
        self.progress.jobs.add(u64::from(!job.unfinished()), 1);
        if let Some(pause) = &job.pause {
            self.hinder(path, HindranceKind::Job, &format!("it is paused: {}", pause.reason));
        }
        if let JobState::Failed { reason, .. } = &job.state {
            self.hinder(path, HindranceKind::Job, &format!("it failed: {reason}"));
        }
        if failed > 0 {
            self.hinder(path, HindranceKind::Rows, &format!("{failed} of its rows failed"));
        }
    }

    fn hinder(&mut self, path: &AgentPath, kind: HindranceKind, words: &str) {
        let words = words.chars().take(WORDS).collect();
        self.hindrances.note(Hindrance { path: path.clone(), kind, words });
    }
}

impl PlanInShort {
    fn of(path: AgentPath, nodes: Vec<PlannedNode>) -> Self {
        let is_done = |node: &&PlannedNode| matches!(node.node.state, PlanState::Done { .. });
        let all = nodes.iter().filter(|node| !matches!(node.node.state, PlanState::Dropped { .. })).count();
        let done = nodes.iter().filter(is_done).count();
        let mut open: Vec<PlannedNode> = nodes.into_iter().filter(|node| !node.node.state.is_over()).collect();
        // Those that were begun are not ready: somebody is at them.
        open.sort_by_key(|node| (matches!(node.node.state, PlanState::Todo), !node.ready, node.level, node.number));
        let more = open.len().saturating_sub(NODES) as u64;
        open.truncate(NODES);
        PlanInShort { of: path, nodes: Share { done: done as u64, all: all as u64 }, open: Named { first: open, more } }
    }
}
