//! The tools of goals: what a turn sees and says of its own, and does about those below it.

use serde::Deserialize;
use understory_paths::AgentPath;
use understory_store::{GoalStatus, Objective};

use super::{Tool, ToolError, Tools, accepted, parse};
use crate::authority::{Verb, authorise};
use crate::error::Error;
use crate::goals::{Ask, Budget, GoalPatch, GoalView, NewGoal, What};

/// Looks at a goal.
pub(super) const GET: Tool = Tool {
    name: "get_goal",
    description: "See your goal, or that of an agent below you: what is to be reached, how it stands, what was used and \
                  what is left.",
    parameters: r#"{"type":"object","properties":{"agent":{"type":"string","description":"an agent below you; yourself if not given"}},"additionalProperties":false}"#,
    for_items: false,
};
/// Sets its own.
pub(super) const CREATE: Tool = Tool {
    name: "create_goal",
    description: "Set yourself a goal, where you have none that is not complete. You are then given turns by yourself until \
                  you say that it is complete or that you cannot go on. Only if you were asked to.",
    parameters: r#"{"type":"object","properties":{"objective":{"type":"string","description":"what is to be reached, at most 4000 characters"}},"required":["objective"],"additionalProperties":false}"#,
    for_items: false,
};
/// Ends or stops its own.
pub(super) const UPDATE: Tool = Tool {
    name: "update_goal",
    description: "Say that your goal is complete, or that you cannot go on without somebody else.",
    parameters: r#"{"type":"object","properties":{"status":{"type":"string","enum":["complete","blocked"]},"why":{"type":"string","description":"what is in the way, or what was reached"}},"required":["status"],"additionalProperties":false}"#,
    for_items: false,
};
/// Gives one to an agent below, or changes it.
pub(super) const SET: Tool = Tool {
    name: "set_goal",
    description: "Give an agent below you a goal, or change the one it has: what is to be reached, how many tokens it may \
                  use, and whether it goes on by itself.",
    parameters: r#"{"type":"object","properties":{"agent":{"type":"string"},"objective":{"type":"string","description":"what is to be reached, at most 4000 characters"},"budget":{"type":"integer","minimum":1,"description":"how many tokens it may use, taken from what is left of yours"},"status":{"type":"string","enum":["active","paused","blocked","complete"]},"why":{"type":"string"}},"required":["agent"],"additionalProperties":false}"#,
    for_items: false,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetArguments {
    agent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateArguments {
    objective: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateArguments {
    status: Said,
    why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetArguments {
    agent: String,
    objective: Option<String>,
    budget: Option<u64>,
    status: Option<Wanted>,
    why: Option<String>,
}

/// What an agent says of its own goal.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Complete,
    Blocked,
}

/// How a goal below is to stand.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Active,
    Paused,
    Blocked,
    Complete,
}

impl Tools {
    /// One of them as a model calls it.
    pub(super) async fn call_goal(&self, name: &str, arguments: &str) -> Result<String, ToolError> {
        match name {
            "get_goal" => self.call_get_goal(arguments).await,
            "create_goal" => self.call_create_goal(arguments).await,
            "update_goal" => self.call_update_goal(arguments).await,
            _ => self.call_set_goal(arguments).await,
        }
    }

    async fn call_get_goal(&self, arguments: &str) -> Result<String, ToolError> {
        let GetArguments { agent } = parse(arguments)?;
        let goal = self.goal_at(agent.as_deref()).await?;
        Ok(serde_json::json!({ "goal": goal.as_ref().map(line) }).to_string())
    }

    async fn call_create_goal(&self, arguments: &str) -> Result<String, ToolError> {
        let CreateArguments { objective } = parse(arguments)?;
        self.create_goal(&objective).await.map(|()| accepted())
    }

    async fn call_update_goal(&self, arguments: &str) -> Result<String, ToolError> {
        let UpdateArguments { status, why } = parse(arguments)?;
        let why = why.unwrap_or_default();
        match status {
            Said::Complete => self.complete_goal(&why).await?,
            Said::Blocked => self.block_goal(&why).await?,
        }
        let goal = self.goal_at(None).await?;
        Ok(serde_json::json!({ "accepted": true, "goal": goal.as_ref().map(line) }).to_string())
    }

    async fn call_set_goal(&self, arguments: &str) -> Result<String, ToolError> {
        let SetArguments { agent, objective, budget, status, why } = parse(arguments)?;
        let status = status.map(|status| match status {
            Wanted::Active => GoalStatus::Active,
            Wanted::Paused => GoalStatus::Paused,
            Wanted::Blocked => GoalStatus::Blocked,
            Wanted::Complete => GoalStatus::Complete,
        });
        let objective = objective.as_deref().map(Objective::new).transpose().map_err(Error::from)?;
        let budget = budget.map_or(Budget::Keep, Budget::Tokens);
        let patch = GoalPatch { objective, status, budget, why: why.unwrap_or_default(), expected: None };
        self.set_goal(&agent, patch).await.map(|_| accepted())
    }

    /// See [`Turn::create_goal`](crate::Turn::create_goal).
    ///
    /// # Errors
    /// As there.
    pub async fn create_goal(&self, objective: &str) -> Result<(), ToolError> {
        self.demand("create_goal")?;
        let new = NewGoal::new(objective)?;
        self.pursue("create_goal", serde_json::json!({ "objective": objective }), || What::Create(new.clone())).await
    }

    /// See [`Turn::complete_goal`](crate::Turn::complete_goal).
    ///
    /// # Errors
    /// As there.
    pub async fn complete_goal(&self, why: &str) -> Result<(), ToolError> {
        self.update_goal(GoalStatus::Complete, why).await
    }

    /// See [`Turn::block_goal`](crate::Turn::block_goal).
    ///
    /// # Errors
    /// As there.
    pub async fn block_goal(&self, why: &str) -> Result<(), ToolError> {
        self.update_goal(GoalStatus::Blocked, why).await
    }

    /// See [`Turn::set_goal`](crate::Turn::set_goal).
    ///
    /// # Errors
    /// As there.
    pub async fn set_goal(&self, agent: &str, patch: GoalPatch) -> Result<bool, ToolError> {
        self.change_goal("set_goal", agent, patch.said(), || What::Patch(patch.clone())).await
    }

    /// As [`Tools::set_goal`], for a goal that there is.
    ///
    /// # Errors
    /// As there, and there is none.
    pub async fn turn_goal(&self, agent: &str, patch: GoalPatch) -> Result<bool, ToolError> {
        self.change_goal("set_goal", agent, patch.said(), || What::Turn(patch.clone())).await
    }

    /// Takes away the goal of an agent below this one.
    ///
    /// # Errors
    /// There is no such agent below this one, or it has none.
    pub async fn clear_goal(&self, agent: &str) -> Result<(), ToolError> {
        let said = serde_json::json!({ "clear": true });
        self.change_goal("set_goal", agent, said, || What::Clear(None)).await.map(drop)
    }

    /// The goal of an agent below this one, or its own.
    ///
    /// # Errors
    /// There is no such agent below this one.
    pub async fn goal_at(&self, agent: Option<&str>) -> Result<Option<GoalView>, ToolError> {
        self.demand("get_goal")?;
        let me = &self.caller.me().path;
        let path = match agent {
            Some(agent) => self.system.resolve_target(me, agent).await?,
            None => me.clone(),
        };
        authorise(&self.caller, Verb::Inspect, &path)?;
        Ok(self.system.goal(&path).await?)
    }

    /// A goal for an agent that is to be created.
    pub(super) async fn goal_to_give(
        &self,
        objective: Option<&str>,
        budget: Option<u64>,
    ) -> Result<Option<NewGoal>, ToolError> {
        let Some(objective) = objective else {
            return match budget {
                Some(_) => Err(ToolError::Arguments("a budget is for a goal".to_owned())),
                None => Ok(None),
            };
        };
        self.system.goals.ready(&self.system.store).await.map_err(Error::from)?;
        Ok(Some(NewGoal { budget, ..NewGoal::new(objective)? }))
    }

    async fn update_goal(&self, status: GoalStatus, why: &str) -> Result<(), ToolError> {
        self.demand("update_goal")?;
        let said = serde_json::json!({ "status": status.as_str(), "why": why });
        let patch = GoalPatch::to(status).because(why);
        self.pursue("update_goal", said, || What::Turn(patch.clone())).await
    }

    async fn pursue(&self, tool: &str, said: serde_json::Value, what: impl Fn() -> What) -> Result<(), ToolError> {
        let me = self.caller.me().path.clone();
        authorise(&self.caller, Verb::Pursue, &me)?;
        self.ask_change(tool, &me, &said, what).await.map(drop)
    }

    async fn change_goal(
        &self,
        tool: &str,
        agent: &str,
        mut said: serde_json::Value,
        what: impl Fn() -> What,
    ) -> Result<bool, ToolError> {
        self.demand(tool)?;
        let path = self.system.resolve_target(&self.caller.me().path, agent).await?;
        authorise(&self.caller, Verb::Goal, &path)?;
        said["agent"] = path.as_str().into();
        self.ask_change(tool, &path, &said, what).await
    }

    async fn ask_change(
        &self,
        tool: &str,
        path: &AgentPath,
        said: &serde_json::Value,
        what: impl Fn() -> What,
    ) -> Result<bool, ToolError> {
        let tool = self.entry(tool, said.to_string());
        let ask = || {
            let by = Some((self.caller.clone(), tool.clone()));
            self.system.change_goal(Ask { path: path.clone(), what: what(), by })
        };
        Ok(self.unless_over(ask).await?)
    }
}

impl GoalPatch {
    /// What a line of the transcript says of it.
    fn said(&self) -> serde_json::Value {
        let budget = match self.budget {
            Budget::Keep => serde_json::Value::Null,
            Budget::Unlimited => "unlimited".into(),
            Budget::Tokens(tokens) => tokens.into(),
        };
        let objective = self.objective.as_ref().map(Objective::as_str);
        serde_json::json!({ "objective": objective, "budget": budget, "status": self.status.map(GoalStatus::as_str) })
    }
}

fn line(view: &GoalView) -> serde_json::Value {
    serde_json::json!({
        "id": view.goal.id.to_string(),
        "objective": view.goal.objective.as_str(),
        "status": view.goal.status.as_str(),
        "why": view.goal.why,
        "used": view.used,
        "budget": view.goal.budget,
        "held_below": view.held,
        "remaining": view.left,
        "seconds": view.seconds,
    })
}
