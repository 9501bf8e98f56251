//! Goals of agents, as a host sets and sees them.

use understory_actors::{GoalPatch, GoalView, NewGoal};

use crate::agent::Agent;
use crate::error::Error;

impl Agent {
    /// Its goal, as of now.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn goal(&self) -> Result<Option<GoalView>, Error> {
        self.system.goal(&self.path).await
    }

    /// Sets its goal where it has none, or the last is complete; changes the one it has otherwise. False if it was so already.
    /// While the goal is active and its subtree is run, the agent goes on by itself.
    ///
    /// # Errors
    /// The agent is not there, there is no goal to change, or it is over a limit or what is left of a budget above.
    pub async fn set_goal(&self, patch: GoalPatch) -> Result<bool, Error> {
        self.system.set_goal(&self.path, patch).await
    }

    /// Changes the goal it has, and sets none. Otherwise as [`Agent::set_goal`].
    ///
    /// # Errors
    /// As there.
    pub async fn turn_goal(&self, patch: GoalPatch) -> Result<bool, Error> {
        self.system.turn_goal(&self.path, patch).await
    }

    /// Sets its goal where it has none, or the last is complete.
    ///
    /// # Errors
    /// It has one that is not complete; otherwise as for [`Agent::set_goal`].
    pub async fn create_goal(&self, goal: NewGoal) -> Result<(), Error> {
        self.system.create_goal(&self.path, goal).await
    }

    /// Takes its goal away; what that used is counted in the goal above.
    ///
    /// # Errors
    /// The agent is not there, or has none.
    pub async fn clear_goal(&self) -> Result<(), Error> {
        self.system.clear_goal(&self.path).await
    }

    /// The goals of it and of those below it, parents first: `limit` of them behind `after`.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn goals(
        &self,
        after: Option<&understory_paths::AgentPath>,
        limit: usize,
    ) -> Result<Vec<GoalView>, Error> {
        self.system.goals_below(&self.path, after, limit).await
    }
}
