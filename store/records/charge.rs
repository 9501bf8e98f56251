//! What a turn used for a goal, until that is counted in the goal.

use serde::{Deserialize, Serialize};

use super::goal::{GoalId, GoalRef};
use super::version::record;

/// Tokens of one attempt at a turn, in the log of the goal that they were used for. It is deleted by the commit that counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Which goal: one that took its place is not charged.
    pub goal: GoalId,
    /// Uncached input and output.
    pub tokens: u64,
    /// Whose tokens these are.
    pub share: Share,
    /// The goal above that the budget came from when the turn began.
    pub source: Option<GoalRef>,
}

/// How a charge stands to the goals above and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// Of the goal nearest to the turn's agent.
    Whole,
    /// As [`Share::Whole`], of a goal without a budget: the one above that has one is charged by the same commit.
    Counted,
    /// Of a goal below that has no budget.
    Below,
}

record!(Charge, V1);
