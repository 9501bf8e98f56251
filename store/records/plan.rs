//! A plan: what an agent means to do, as nodes of which some come after others.
//!
//! ```text
//!            start             finish
//!   Todo ------------> Doing ----------> Done
//!    |  ^                |                 |
//!    |  '---- reopen ----+-----------------+---- Dropped
//!    '------- finish, drop: from Todo as from Doing
//! ```

mod graph;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::id::{AgentId, AgentRef, Time};
use super::version::record;

pub use graph::PlanGraph;

/// The head of a plan. Rewritten by each commit that changes a node: of two changes at once one is decided again, so that
/// no two of them make a cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Whose plan it is: an agent that came to the path later has another.
    pub of: AgentId,
    /// The number of the next node, from 1 on. A number is never given again.
    pub next: u32,
    /// Jobs whose rows are nodes of the plan, as long as one of them says how its node stands.
    pub jobs: Vec<PlanJob>,
}

/// A job whose rows are nodes of a plan. The nodes' own records say that nobody is at them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanJob {
    /// The job.
    pub job: AgentRef,
    /// The node of each row, from row 1 on; 0 where the row says nothing of it any more.
    pub nodes: Vec<u32>,
}

/// One node of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNode {
    /// What is to be done, in a line.
    pub title: String,
    /// What else there is to say of it; empty for nothing.
    pub notes: String,
    /// Where it stands.
    pub state: PlanState,
    /// Who does it, or did it.
    pub owner: Option<AgentRef>,
    /// The nodes it comes after, in order.
    pub after: Vec<u32>,
    /// What shows that it is done.
    pub evidence: Vec<String>,
    /// The commit of a repository that it came to.
    pub commit: Option<String>,
    /// When it was added.
    pub created_at: Time,
    /// When it last changed.
    pub changed_at: Time,
}

/// Where a node of a plan stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanState {
    /// Nobody is at it.
    Todo,
    /// Somebody is.
    Doing {
        /// Since when.
        since: Time,
    },
    /// It is done.
    Done {
        /// Since when.
        at: Time,
    },
    /// It shall not be done.
    Dropped {
        /// Since when.
        at: Time,
        /// Why, if somebody said so.
        reason: Option<String>,
    },
}

/// What happens to a node of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanStep {
    /// Somebody begins with it.
    Start {
        /// Who, if it is an agent.
        owner: Option<AgentRef>,
    },
    /// It is done.
    Finish,
    /// It shall not be done.
    Drop {
        /// Why.
        reason: Option<String>,
    },
    /// It is to be done, as if nobody had begun.
    Reopen,
}

impl Plan {
    /// The head of an agent's first plan.
    pub fn new(of: AgentId) -> Self {
        Plan { of, next: 1, jobs: Vec::new() }
    }

    /// Has the rows of jobs say nothing of a node any more.
    pub fn take_back(&mut self, node: u32) {
        for job in &mut self.jobs {
            job.nodes.iter_mut().filter(|given| **given == node).for_each(|given| *given = 0);
        }
        self.jobs.retain(|job| job.nodes.iter().any(|given| *given != 0));
    }
}

impl PlanState {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            PlanState::Todo => "todo",
            PlanState::Doing { .. } => "doing",
            PlanState::Done { .. } => "done",
            PlanState::Dropped { .. } => "dropped",
        }
    }

    /// Whether what comes after it need not wait for it: it is done, or shall not be done.
    pub fn is_over(&self) -> bool {
        matches!(self, PlanState::Done { .. } | PlanState::Dropped { .. })
    }
}

impl PlanNode {
    /// A node that nobody has begun.
    pub fn new(title: String, notes: String, after: Vec<u32>, now: Time) -> Self {
        PlanNode {
            title,
            notes,
            state: PlanState::Todo,
            owner: None,
            after,
            evidence: Vec::new(),
            commit: None,
            created_at: now,
            changed_at: now,
        }
    }

    /// What a step makes of it. One that was taken already changes nothing. Evidence stays whatever happens.
    ///
    /// # Errors
    /// It is over, or somebody else is at it.
    pub fn step(&self, step: &PlanStep, now: Time) -> Result<PlanNode, Refusal> {
        let (state, owner) = match (step, &self.state) {
            (PlanStep::Start { owner }, PlanState::Todo) => (PlanState::Doing { since: now }, owner.clone()),
            (PlanStep::Start { owner }, PlanState::Doing { .. }) if *owner == self.owner => return Ok(self.clone()),
            (PlanStep::Finish, PlanState::Done { .. })
            | (PlanStep::Drop { .. }, PlanState::Dropped { .. })
            | (PlanStep::Reopen, PlanState::Todo) => return Ok(self.clone()),
            (PlanStep::Finish, PlanState::Todo | PlanState::Doing { .. }) => {
                (PlanState::Done { at: now }, self.owner.clone())
            }
            (PlanStep::Drop { reason }, PlanState::Todo | PlanState::Doing { .. }) => {
                (PlanState::Dropped { at: now, reason: reason.clone() }, self.owner.clone())
            }
            (PlanStep::Reopen, _) => (PlanState::Todo, None),
            (step, _) => return Err(Refusal(format!("cannot be {step}: it {}", self.standing()))),
        };
        Ok(PlanNode { state, owner, changed_at: now, ..self.clone() })
    }

    /// The same with more to show for it; what it has already is not added.
    pub fn shown_by(&self, evidence: &[String]) -> PlanNode {
        let mut next = self.clone();
        for text in evidence {
            if !next.evidence.contains(text) {
                next.evidence.push(text.clone());
            }
        }
        next
    }

    fn standing(&self) -> String {
        match (&self.state, &self.owner) {
            (PlanState::Doing { .. }, Some(owner)) => format!("is being done by {}, reopen it first", owner.path),
            (PlanState::Doing { .. }, None) => "is being done, reopen it first".to_owned(),
            (state, _) => format!("is {}, reopen it first", state.as_str()),
        }
    }
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PlanStep::Start { .. } => "started",
            PlanStep::Finish => "finished",
            PlanStep::Drop { .. } => "dropped",
            PlanStep::Reopen => "reopened",
        })
    }
}

record!(Plan, V1);
record!(PlanNode, V1);
