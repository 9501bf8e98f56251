//! Goals, as they are asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Budget, Error, GoalPatch, GoalStatus, GoalView, NewGoal, Objective, Runtime, Tools, Verb};

use crate::failure::Failure;
use crate::told::moment;

/// How many goals a page has at the most.
const PAGE_MAX: usize = 500;

/// Something asked of goals. An agent is named as in other requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalRequest {
    /// An agent shall have a goal, or another text or budget for the one it has.
    Set {
        /// Which agent.
        path: String,
        /// What is to be reached.
        objective: Option<String>,
        /// How many tokens it may use.
        budget: Option<BudgetWord>,
    },
    /// One goal.
    Show {
        /// Whose.
        path: String,
    },
    /// Its agent shall not go on by itself.
    Pause {
        /// Whose.
        path: String,
        /// Why.
        reason: String,
    },
    /// Its agent shall go on.
    Resume {
        /// Whose.
        path: String,
    },
    /// It may use so many tokens, and its agent shall go on.
    Raise {
        /// Whose.
        path: String,
        /// How many.
        budget: u64,
    },
    /// It shall be gone.
    Clear {
        /// Whose.
        path: String,
    },
    /// The goals at and below an agent.
    Tree {
        /// The top.
        path: String,
        /// The agent behind which the page begins.
        after: Option<AgentPath>,
        /// How many, no more than 500.
        limit: usize,
    },
}

/// What a goal may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetWord {
    /// So many tokens.
    Tokens(u64),
    /// As many as it likes, or as a limit allows.
    Unlimited,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GoalReply {
    /// The goal, as it is now.
    Goal(Box<GoalLine>),
    /// To a tree.
    Page(GoalPage),
    /// To a clear.
    Cleared(GoalCleared),
}

/// A goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalLine {
    /// Whose it is.
    pub path: AgentPath,
    /// Which one it is.
    pub id: String,
    /// What is to be reached.
    pub objective: String,
    /// The word for how it stands.
    pub status: String,
    /// Why, where there is more to say.
    pub why: String,
    /// Since when.
    pub since: String,
    /// Tokens used.
    pub used: u64,
    /// Tokens allowed.
    pub budget: Option<u64>,
    /// Whose goal the budget was taken from.
    pub budget_from: Option<AgentPath>,
    /// Tokens that goals below hold of the budget.
    pub held_below: u64,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Whole seconds for which it was active.
    pub seconds: u64,
    /// Turns its agent began by itself since it was last activated.
    pub turns: u32,
    /// Whose goal's budget is used up, so that no turn starts.
    pub spent: Option<AgentPath>,
    /// At or above which node its agent is closed, so that nobody goes on with it.
    pub closed_by: Option<AgentPath>,
    /// When it was set.
    pub created_at: String,
    /// When it was last changed or charged.
    pub updated_at: String,
}

/// A page of goals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalPage {
    /// They, parents first.
    pub goals: Vec<GoalLine>,
    /// What the next page is asked for after; nothing if this is the last.
    pub next: Option<AgentPath>,
}

/// A goal that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalCleared {
    /// Whose it was.
    pub cleared: AgentPath,
}

impl GoalRequest {
    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        // A second set may meet a goal that is complete by then, a second clear another one.
        !matches!(self, GoalRequest::Set { .. } | GoalRequest::Clear { .. })
    }

    /// What it asks, and of whom.
    pub(crate) fn asks(&self) -> (Verb, &str) {
        match self {
            GoalRequest::Show { path } | GoalRequest::Tree { path, .. } => (Verb::Inspect, path),
            GoalRequest::Set { path, .. }
            | GoalRequest::Pause { path, .. }
            | GoalRequest::Resume { path }
            | GoalRequest::Raise { path, .. }
            | GoalRequest::Clear { path } => (Verb::Goal, path),
        }
    }
}

pub(crate) async fn answer(runtime: &Runtime, request: GoalRequest) -> Result<GoalReply, Failure> {
    let agent = runtime.find(request.asks().1).await?;
    match Act::of(request)? {
        Act::Look => {}
        Act::Page { after, limit } => return page(runtime, agent.path(), after, limit).await,
        Act::Set(patch) => drop(agent.set_goal(patch).await?),
        Act::Turn(patch) => drop(agent.turn_goal(patch).await?),
        Act::Clear => {
            agent.clear_goal().await?;
            return Ok(GoalReply::Cleared(GoalCleared { cleared: agent.path().clone() }));
        }
    }
    stands(runtime, agent.path()).await
}

/// As the tools of the agent that asks would do it, which may; `path` is whom it named.
pub(crate) async fn answer_as(
    runtime: &Runtime,
    tools: &Tools,
    path: AgentPath,
    request: GoalRequest,
) -> Result<GoalReply, Failure> {
    match Act::of(request)? {
        Act::Look => {}
        Act::Page { after, limit } => return page(runtime, &path, after, limit).await,
        Act::Set(patch) => drop(tools.set_goal(path.as_str(), patch).await?),
        Act::Turn(patch) => drop(tools.turn_goal(path.as_str(), patch).await?),
        Act::Clear => {
            tools.clear_goal(path.as_str()).await?;
            return Ok(GoalReply::Cleared(GoalCleared { cleared: path }));
        }
    }
    stands(runtime, &path).await
}

/// A goal to be given, from its words.
pub(crate) fn given(objective: Option<&str>, budget: Option<u64>) -> Result<Option<NewGoal>, Error> {
    let new = objective.map(NewGoal::new).transpose()?;
    Ok(new.map(|new| NewGoal { budget, ..new }))
}

/// What a request comes to, whoever asks it.
enum Act {
    Look,
    Page { after: Option<AgentPath>, limit: usize },
    Set(GoalPatch),
    Turn(GoalPatch),
    Clear,
}

impl Act {
    fn of(request: GoalRequest) -> Result<Act, Error> {
        Ok(match request {
            GoalRequest::Show { .. } => Act::Look,
            GoalRequest::Tree { after, limit, .. } => Act::Page { after, limit: limit.clamp(1, PAGE_MAX) },
            GoalRequest::Set { objective, budget, .. } => {
                let objective = objective.as_deref().map(Objective::new).transpose()?;
                let budget = match budget {
                    None => Budget::Keep,
                    Some(BudgetWord::Tokens(tokens)) => Budget::Tokens(tokens),
                    Some(BudgetWord::Unlimited) => Budget::Unlimited,
                };
                Act::Set(GoalPatch { objective, budget, ..GoalPatch::default() })
            }
            GoalRequest::Pause { reason, .. } => Act::Turn(GoalPatch::to(GoalStatus::Paused).because(reason)),
            GoalRequest::Resume { .. } => Act::Turn(GoalPatch::to(GoalStatus::Active)),
            GoalRequest::Raise { budget, .. } => Act::Turn(GoalPatch::raise(budget)),
            GoalRequest::Clear { .. } => Act::Clear,
        })
    }
}

async fn stands(runtime: &Runtime, path: &AgentPath) -> Result<GoalReply, Failure> {
    let view = runtime.agent(path.clone()).goal().await?;
    let view = view.ok_or_else(|| Error::NoGoal { path: path.clone() })?;
    Ok(GoalReply::Goal(Box::new(line(view))))
}

async fn page(
    runtime: &Runtime,
    top: &AgentPath,
    after: Option<AgentPath>,
    limit: usize,
) -> Result<GoalReply, Failure> {
    let found = runtime.agent(top.clone()).goals(after.as_ref(), limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.path.clone());
    Ok(GoalReply::Page(GoalPage { goals: found.into_iter().map(line).collect(), next }))
}

pub(crate) fn line(view: GoalView) -> GoalLine {
    let GoalView { path, goal, used, held, left, seconds, turns, spent, closed } = view;
    GoalLine {
        path,
        id: goal.id.to_string(),
        objective: goal.objective.as_str().to_owned(),
        status: goal.status.as_str().to_owned(),
        why: goal.why,
        since: moment(goal.since),
        used,
        budget: goal.budget,
        budget_from: goal.source.map(|source| source.path),
        held_below: held,
        remaining: left,
        seconds,
        turns,
        spent,
        closed_by: closed,
        created_at: moment(goal.created_at),
        updated_at: moment(goal.updated_at),
    }
}
