//! How far an agent has gone on by itself for its goal, and whether it is to stop.

use serde::{Deserialize, Serialize};

use super::agent::TurnResult;
use super::goal::{Goal, GoalId, GoalStatus};
use super::version::record;

/// What an agent has done by itself since its goal was last activated. Written by its actor with the end of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drive {
    /// For which goal.
    pub goal: GoalId,
    /// Which of its activations.
    pub activation: u32,
    /// Turns it has begun by itself.
    pub turns: u32,
    /// How many turns by itself in a row came to the same answer and used no tool; the first of them counts.
    pub same: u32,
    /// How the goal is to stand from now on.
    pub halt: Option<Halt>,
}

/// What ends the turns that an agent begins by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// How the goal is to stand.
    pub status: GoalStatus,
    /// Why.
    pub why: String,
}

/// What a turn came to, as far as it says whether the next may begin by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stride<'a> {
    /// Nobody asked for the turn.
    pub by_itself: bool,
    /// How it ended.
    pub result: TurnResult,
    /// What it answered, or what went wrong.
    pub content: &'a str,
    /// The turn before answered the same.
    pub same: bool,
    /// It used a tool, or took mail.
    pub busy: bool,
    /// It failed because a quota is used up.
    pub exhausted: bool,
    /// Whoever interrupted it left a message to go on with.
    pub redirected: bool,
}

/// How far an agent goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamina {
    /// Turns since its goal was last activated.
    pub turns: u32,
    /// Turns in a row with the same answer and no tool.
    pub same: u32,
}

impl Drive {
    /// Nothing done yet since the goal was activated.
    pub fn of(goal: &Goal) -> Drive {
        Drive { goal: goal.id, activation: goal.activations, turns: 0, same: 0, halt: None }
    }

    /// Whether it is about this goal, as last activated.
    pub fn is_of(&self, goal: GoalId, activation: u32) -> bool {
        (self.goal, self.activation) == (goal, activation)
    }

    /// What a turn leaves.
    pub fn after(&self, stride: Stride<'_>, stamina: Stamina) -> Drive {
        let turns = self.turns + u32::from(stride.by_itself);
        let idle = stride.by_itself && stride.result == TurnResult::Completed && !stride.busy;
        let same = match (idle, stride.same) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => self.same.max(1) + 1,
        };
        let halt = halt(stride).or_else(|| tired(turns, same, stamina));
        Drive { turns, same, halt: self.halt.clone().or(halt), ..self.clone() }
    }
}

fn halt(stride: Stride<'_>) -> Option<Halt> {
    let (status, why) = match stride.result {
        TurnResult::Completed => return None,
        TurnResult::Interrupted if stride.redirected => return None,
        TurnResult::Interrupted => (GoalStatus::Paused, stride.content.to_owned()),
        TurnResult::Errored if stride.exhausted => (GoalStatus::UsageLimited, stride.content.to_owned()),
        TurnResult::Errored => (GoalStatus::Blocked, format!("a turn failed: {}", stride.content)),
    };
    Some(Halt { status, why })
}

fn tired(turns: u32, same: u32, stamina: Stamina) -> Option<Halt> {
    let why = if same >= stamina.same {
        format!("{same} turns in a row came to the same answer and used no tool")
    } else if turns >= stamina.turns {
        format!("{turns} turns by itself since it was activated, as many as the limit allows")
    } else {
        return None;
    };
    Some(Halt { status: GoalStatus::Blocked, why })
}

record!(Drive, V1);
