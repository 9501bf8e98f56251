//! A project on one page: what was to be done in a subtree, what is done of it, what remains, and what is in the way.
//!
//! Nothing of it is kept: it is derived from what everybody keeps for themselves, whenever somebody asks.

mod drifts;
mod goals;
mod hindrances;
mod plans;

use understory_paths::AgentPath;
use understory_store::{Counts, Job, JobState, Node, Phase, Table};

use crate::digest::Digested;
use crate::error::Error;
use crate::goals::GoalView;
use crate::job::JobView;
use crate::looking::{LIST_MAX, Part, Query, View};
use crate::system::System;
use crate::usage::UsageReport;

pub use drifts::Drifting;
pub use hindrances::{Hindrance, HindranceKind, Hindrances, PROJECT_HINDRANCES_MAX};
pub use plans::PlanInShort;

/// How many goals, plans and jobs each a project names.
pub const PROJECT_NAMED_MAX: usize = 50;
/// How many agents and jobs, and how many goals, are looked at for what is in the way.
pub const PROJECT_LOOKED_MAX: usize = 10_000;

/// How many children have their digests in it.
const DIGESTS: usize = 10;
/// How many agents with dead letters are looked for.
const WITH_DEAD: usize = 500;
/// How many nodes it names that cost most.
const DEAREST: usize = 10;

/// A subtree as a project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its top.
    pub top: View,
    /// What is done of what was to be done.
    pub progress: Progress,
    /// What is in the way.
    pub hindrances: Hindrances,
    /// Goals, parents first.
    pub goals: Named<GoalView>,
    /// Plans with open nodes.
    pub plans: Named<PlanInShort>,
    /// Jobs, in path order.
    pub jobs: Named<JobView>,
    /// Directories that are not as they were left, in path order.
    pub drifts: Named<Drifting>,
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
    /// Goals.
    pub goals: Share,
    /// Nodes of plans; those that were dropped are none.
    pub nodes: Share,
    /// Rows of jobs, however they ended.
    pub rows: Share,
    /// Jobs.
    pub jobs: Share,
    /// Agents.
    pub agents: u64,
    /// Those of them that are at a turn, or have one before them.
    pub at_work: u64,
    /// Agents and jobs that are closed.
    pub closed: u64,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What is done.
    pub done: u64,
    /// All.
    pub all: u64,
}

/// What is gathered on the way through a subtree.
#[derive(Default)]
struct Found {
    progress: Progress,
    hindrances: Hindrances,
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

impl System {
    /// A subtree as a project. It is read while others write, so that its parts may be a moment apart.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn project(&self, top: &AgentPath) -> Result<Project, Error> {
        let view = self.show(top).await?;
        let mut found = Found { whole: true, ..Found::default() };
        let goals = self.goals_of(top, &mut found).await?;
        self.look_through(top, &mut found).await?;
        self.look_for_dead(top, &mut found).await?;
        let plans = self.plans_of(top, &mut found).await?;
        let drifts = self.drifts_of(top, &mut found).await?;
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
        let Found { progress, hindrances, whole, .. } = found;
        let hindrances = hindrances.sorted();
        Ok(Project { top: view, progress, hindrances, goals, plans, jobs, drifts, usage, digests, whole })
    }

    async fn look_through(&self, top: &AgentPath, found: &mut Found) -> Result<(), Error> {
        let (mut part, mut looked) = (Part::First, 0);
        loop {
            let page = self.query(&Query { part, limit: LIST_MAX, ..Query::of(top.clone()) }).await?;
            looked += page.rows.len();
            for view in &page.rows {
                found.meet(top, view);
                if let Some(words) = self.held_back(view) {
                    found.hindrances.note(&view.path, HindranceKind::Held, &words);
                }
            }
            match page.next {
                Some(next) if looked < PROJECT_LOOKED_MAX => part = Part::After(next),
                more => {
                    found.whole &= more.is_none();
                    return Ok(());
                }
            }
        }
    }

    /// Notes the agents that have dead letters, each once.
    async fn look_for_dead(&self, top: &AgentPath, found: &mut Found) -> Result<(), Error> {
        let mut range = Table::Dead.subtree(top);
        for _ in 0..WITH_DEAD {
            let first = self.store.peek_keys(range.clone(), None, 1).await?;
            let Some(path) = first.first().and_then(|key| Table::Dead.path_of(key)) else { return Ok(()) };
            range.start = std::ops::Bound::Included(Table::Dead.behind_rows(&path));
            let words = "it has dead letters: understory dead list shows them";
            found.hindrances.note(&path, HindranceKind::Dead, words);
        }
        found.whole = false;
        Ok(())
    }
}

impl Found {
    fn meet(&mut self, top: &AgentPath, view: &View) {
        self.progress.closed += u64::from(view.closed.is_some());
        match &view.node {
            Node::Job(job) => self.meet_job(view, job),
            Node::Agent(agent) => {
                let status = view.status();
                self.progress.agents += 1;
                self.progress.at_work += u64::from(matches!(status, "running" | "waiting" | "queued"));
                let is_near = view.path == *top || view.path.parent().as_ref() == Some(top);
                if is_near && agent.turns > 0 && self.children.len() <= DIGESTS {
                    self.children.push(view.path.clone());
                }
                let (kind, words) = match (&agent.phase, &agent.outcome) {
                    (Phase::Faulted { reason, .. }, _) if status == "faulted" => (HindranceKind::Faulted, reason),
                    (_, Some(outcome)) if status == "errored" => (HindranceKind::Errored, &outcome.content),
                    _ => return,
                };
                self.hindrances.note(&view.path, kind, words);
            }
            _ => {}
        }
    }

    fn meet_job(&mut self, view: &View, job: &Job) {
        let Counts { completed, failed, skipped, pending, running } = job.counts;
        let done = u64::from(completed) + u64::from(failed) + u64::from(skipped);
        self.progress.rows.add(done, done + u64::from(pending) + u64::from(running));
        self.progress.jobs.add(u64::from(!job.unfinished()), 1);
        let mut hinder = |kind, words: &str| self.hindrances.note(&view.path, kind, words);
        if let Some(at) = view.closed.as_ref().filter(|_| job.unfinished()) {
            hinder(HindranceKind::Job, &format!("it is not finished, and {at} is closed"));
        }
        // That of a goal is told with the goal.
        if let Some(pause) = job.pause.as_ref().filter(|pause| pause.goal.is_none()) {
            hinder(HindranceKind::Job, &format!("it is paused: {}", pause.reason));
        }
        if let JobState::Failed { reason, .. } = &job.state {
            hinder(HindranceKind::Job, &format!("it failed: {reason}"));
        }
        if failed > 0 {
            hinder(HindranceKind::Rows, &format!("{failed} of its rows failed"));
        }
    }
}
