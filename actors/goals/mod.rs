//! Goals: what agents are to reach, what they may use for it, and what stops them.
//!
//! ```text
//!   turn starts --payers, spent?--> Book <--claim-- registrar (a goal given at spawn: its row is in that commit)
//!   turn ends ---bill: an append to the log of the nearest goal, in M3---> Book --due--> Accountant
//!   host, tool ---change-----------------------------------------------------------------> Accountant
//!                                       row update + deletes of what it counts, one commit <--'
//! ```
//!
//! The accountant alone writes the row of a goal that is there. What is used is the row and its log; the book adds both up.

mod accountant;
mod arrival;
mod book;
mod change;
mod coming;
mod late;
mod ledger;
mod look;
mod sheet;

use understory_store::{GoalId, GoalStatus, Objective};

pub(crate) use accountant::{Accountant, Errand};
pub(crate) use arrival::{Arrival, Estate, Expected};
pub(crate) use book::{Bill, Book, Claim};
pub use change::Budget;
pub(crate) use change::{Ask, What};
pub(crate) use ledger::Payer;
pub use look::GoalView;

use crate::error::Error;

/// A goal to be given to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGoal {
    /// What is to be reached.
    pub objective: Objective,
    /// How many tokens it may use; taken from what is left of the nearest goal above that has a budget.
    pub budget: Option<u64>,
}

/// What is to change of a goal. What is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoalPatch {
    /// What is to be reached.
    pub objective: Option<Objective>,
    /// How it is to stand: active, paused, blocked, usage limited or complete.
    pub status: Option<GoalStatus>,
    /// Why, where it is to stand otherwise than active. If nothing is said, who asked is.
    pub why: String,
    /// How many tokens it may use.
    pub budget: Budget,
    /// Changes nothing if it is another goal than this by now.
    pub expected: Option<GoalId>,
}

impl NewGoal {
    /// One from words, without a budget.
    ///
    /// # Errors
    /// Nothing is left of them without the space around them, or over 4,000 characters.
    pub fn new(objective: &str) -> Result<Self, Error> {
        Ok(NewGoal { objective: Objective::new(objective)?, budget: None })
    }

    /// The same with a budget.
    pub fn within(self, tokens: u64) -> Self {
        NewGoal { budget: Some(tokens), ..self }
    }
}

impl GoalPatch {
    /// Has it stand otherwise.
    pub fn to(status: GoalStatus) -> Self {
        GoalPatch { status: Some(status), ..GoalPatch::default() }
    }

    /// The same, with the reason.
    pub fn because(self, why: impl Into<String>) -> Self {
        GoalPatch { why: why.into(), ..self }
    }

    /// Gives it this budget and has its agent go on.
    pub fn raise(tokens: u64) -> Self {
        GoalPatch { budget: Budget::Tokens(tokens), ..GoalPatch::to(GoalStatus::Active) }
    }
}
