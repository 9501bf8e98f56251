//! What an agent is to reach, what it may use for that, and what it has used.
//!
//! ```text
//!              pause, block, limit                       charge, lower: used >= budget
//!   Active ------------------------> Paused, Blocked, UsageLimited -----charge-----> BudgetLimited
//!     ^ \-----------------------------------------------------------------------------^  |
//!     '------------------ activate, while used < budget ---------------------------------'
//!   any of them --complete--> Complete
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use understory_paths::AgentPath;
use uuid::Uuid;

use super::Refusal;
use super::charge::{Charge, Share};
use super::id::{AgentId, Time};
use super::version::record;

/// The longest objective, in characters.
pub const OBJECTIVE_MAX: usize = 4_000;

/// Which goal: one that takes another's place has an id of its own, so that nothing meant for that one reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GoalId(Uuid);

/// A goal that is meant whatever else comes to stand at its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GoalRef {
    /// Whose it is.
    pub path: AgentPath,
    /// Which one it is.
    pub id: GoalId,
}

/// What is to be reached: 1 to 4,000 characters, none of them space at either end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Objective(String);

/// Why a text is no objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// Nothing is left of it without the space around it.
    #[error("an objective is empty")]
    Empty,
    /// It is too long.
    #[error(
        "an objective has {characters} characters, over the limit of {OBJECTIVE_MAX}: put it where it can be read and name that"
    )]
    TooLong {
        /// Its length.
        characters: usize,
    },
}

/// How a goal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GoalStatus {
    /// Its agent goes on by itself.
    Active,
    /// Somebody stopped that, or interrupted a turn.
    Paused,
    /// Its agent does not come further, or a turn of it failed.
    Blocked,
    /// A quota of the brain is used up.
    UsageLimited,
    /// Its budget is used up.
    BudgetLimited,
    /// It is reached. It stays to be looked at, until another takes its place.
    Complete,
}

/// The goal of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// Whose it is: one that came to the path later has none.
    pub of: AgentId,
    /// Which one it is.
    pub id: GoalId,
    /// What is to be reached.
    pub objective: Objective,
    /// How it stands.
    pub status: GoalStatus,
    /// Why it stands so, where there is more to say than its status.
    pub why: String,
    /// Since when.
    pub since: Time,
    /// How often it was activated, its setting included.
    pub activations: u32,
    /// How many tokens it may use.
    pub budget: Option<u64>,
    /// The goal above that its budget was taken from.
    pub source: Option<GoalRef>,
    /// Tokens used by turns of its agent and of those below who have no goal nearer, as far as the log of charges is folded.
    pub own: u64,
    /// Tokens of goals below: of those without a budget, of those that are gone, and what others had used that came with it out
    /// of a file.
    pub below: u64,
    /// How many of both the goal above has counted as its own already.
    pub shared: u64,
    /// Whole seconds for which it was active in a process that ran it.
    pub seconds: u64,
    /// Its agent was told that the budget is used up.
    pub warned: bool,
    /// When it was set.
    pub created_at: Time,
    /// When it was last changed or charged.
    pub updated_at: Time,
}

impl GoalId {
    /// A new id (UUIDv7: ordered by time of making).
    #[expect(clippy::new_without_default, reason = "a default id would be another one each time")]
    pub fn new() -> Self {
        GoalId(Uuid::now_v7())
    }

    /// The id of these bytes, for tests that need the same one twice.
    pub fn from_u128(bits: u128) -> Self {
        GoalId(Uuid::from_u128(bits))
    }

    /// The id that is written so.
    ///
    /// # Errors
    /// It is no UUID.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Uuid::parse_str(text).map(GoalId).map_err(|_| Refusal(format!("{text:?} is no id of a goal")))
    }
}

impl fmt::Display for GoalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Objective {
    /// The text without the space around it.
    ///
    /// # Errors
    /// Nothing is left, or more than 4,000 characters.
    pub fn new(text: &str) -> Result<Self, ObjectiveError> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(ObjectiveError::Empty),
            1..=OBJECTIVE_MAX => Ok(Objective(text.to_owned())),
            characters => Err(ObjectiveError::TooLong { characters }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Objective {
    type Error = ObjectiveError;

    fn try_from(text: String) -> Result<Self, ObjectiveError> {
        Objective::new(&text)
    }
}

impl GoalStatus {
    /// Every status.
    pub const ALL: [GoalStatus; 6] = [
        GoalStatus::Active,
        GoalStatus::Paused,
        GoalStatus::Blocked,
        GoalStatus::UsageLimited,
        GoalStatus::BudgetLimited,
        GoalStatus::Complete,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            GoalStatus::Active => "active",
            GoalStatus::Paused => "paused",
            GoalStatus::Blocked => "blocked",
            GoalStatus::UsageLimited => "usage_limited",
            GoalStatus::BudgetLimited => "budget_limited",
            GoalStatus::Complete => "complete",
        }
    }
}

impl Goal {
    /// A goal nobody has worked for. One with a budget of 0 is limited at once.
    pub fn new(of: AgentId, objective: Objective, budget: Option<u64>, source: Option<GoalRef>, now: Time) -> Goal {
        let goal = Goal {
            of,
            id: GoalId::new(),
            objective,
            status: GoalStatus::Active,
            why: String::new(),
            since: now,
            activations: 1,
            budget,
            source,
            own: 0,
            below: 0,
            shared: 0,
            seconds: 0,
            warned: false,
            created_at: now,
            updated_at: now,
        };
        goal.stopped_if_spent(now)
    }

    /// Tokens used by all who work for it, but for those of goals below that have a budget of their own.
    pub fn used(&self) -> u64 {
        self.own.saturating_add(self.below)
    }

    /// Whether it has a budget and that is used up.
    pub fn is_spent(&self) -> bool {
        self.budget.is_some_and(|budget| self.used() >= budget)
    }

    /// Whether nobody works for it any more.
    pub fn is_complete(&self) -> bool {
        self.status == GoalStatus::Complete
    }

    /// Has it stand otherwise. One whose budget is used up stays so when it is paused or blocked, and is not activated by that
    /// alone; one that has that status already is as it was.
    ///
    /// # Errors
    /// It is complete; or a quota is used up and it was neither active nor limited; or it is asked to be limited by its budget,
    /// which is computed.
    pub fn turn_to(&self, status: GoalStatus, why: &str, now: Time) -> Result<Goal, Refusal> {
        use GoalStatus::{Active, Blocked, BudgetLimited, Complete, Paused, UsageLimited};
        match (self.status, status) {
            (Complete, _) => Err(Refusal("it is complete: set a new one".to_owned())),
            (_, BudgetLimited) => Err(Refusal("whether its budget is used up is computed".to_owned())),
            (Paused | Blocked, UsageLimited) => Err(Refusal(format!("it is {}", self.status.as_str()))),
            (BudgetLimited, Paused | Blocked) => Ok(self.clone()),
            (BudgetLimited, Active) if self.is_spent() => Ok(self.clone()),
            (is, wanted) if is == wanted => Ok(self.clone()),
            (_, Active) => {
                let activations = self.activations.saturating_add(1);
                Ok(Goal { activations, ..self.at(Active, why, now) }.stopped_if_spent(now))
            }
            (_, wanted) => Ok(self.at(wanted, why, now)),
        }
    }

    /// Changes what is to be reached. What was used stands.
    pub fn reword(&self, objective: Objective, now: Time) -> Goal {
        Goal { objective, updated_at: now, ..self.clone() }
    }

    /// Changes the budget, which is taken from `source`. An active goal that has used as much already stops at once; more
    /// activates nothing.
    pub fn allow(&self, budget: Option<u64>, source: Option<GoalRef>, now: Time) -> Goal {
        let next = Goal { budget, source, updated_at: now, ..self.clone() };
        if next.status == GoalStatus::Active { next.stopped_if_spent(now) } else { next }
    }

    /// Adds tokens that were used for it. Whatever it stood as, but for complete, it is limited once its budget is used up.
    pub fn charge(&self, tokens: u64, share: Share, now: Time) -> Goal {
        let mut next = Goal { updated_at: now, ..self.clone() };
        match share {
            Share::Below => next.below = next.below.saturating_add(tokens),
            Share::Whole => next.own = next.own.saturating_add(tokens),
            Share::Counted => {
                next.own = next.own.saturating_add(tokens);
                next.shared = next.shared.saturating_add(tokens);
            }
        }
        if next.is_complete() { next } else { next.stopped_if_spent(now) }
    }

    /// Adds what a charge of its log says, and tells how much of it is for the goal above that the budget came from: the goal
    /// that was meant is gone, or has no budget any more.
    pub fn fold(&self, charge: &Charge, now: Time) -> (Goal, u64) {
        let apart = if charge.share == Share::Counted || charge.source.is_none() { 0 } else { charge.tokens };
        if charge.goal != self.id {
            return (self.clone(), apart);
        }
        let mut next = self.charge(charge.tokens, charge.share, now);
        if self.budget.is_some() {
            return (next, 0);
        }
        next.shared = next.shared.saturating_add(apart);
        (next, apart)
    }

    /// Adds whole seconds for which it was active.
    pub fn last(&self, seconds: u64) -> Goal {
        Goal { seconds: self.seconds.saturating_add(seconds), ..self.clone() }
    }

    /// What a goal above has set aside for it, if all who work for it have used or set aside `committed`: at least its budget
    /// while it is not complete.
    pub fn hold(&self, committed: u64) -> u64 {
        let least = self.budget.filter(|_| !self.is_complete()).unwrap_or(0);
        committed.max(least).saturating_sub(self.shared)
    }

    /// The same, with what lies in its log counted, and all that was used as counted above: where that is nobody asks it any
    /// more, and whoever takes this one in gives it what is left of its budget. `below` are the tokens that goals below have used
    /// of that; they are said to be counted in it, too, and so are from now on.
    pub fn cut_loose(&self, log: &[Charge], below: u64) -> Goal {
        let counted = log.iter().fold(self.clone(), |goal, charge| goal.fold(charge, goal.updated_at).0);
        let counted = counted.charge(below, Share::Below, self.updated_at);
        Goal { source: None, shared: counted.used(), ..counted }
    }

    fn stopped_if_spent(self, now: Time) -> Goal {
        if !self.is_spent() || matches!(self.status, GoalStatus::BudgetLimited | GoalStatus::Complete) {
            return self;
        }
        self.at(GoalStatus::BudgetLimited, "its budget is used up", now)
    }

    fn at(&self, status: GoalStatus, why: &str, now: Time) -> Goal {
        let why = if status == GoalStatus::Active { String::new() } else { why.to_owned() };
        Goal { status, why, since: now, updated_at: now, ..self.clone() }
    }
}

record!(Goal, V1);
