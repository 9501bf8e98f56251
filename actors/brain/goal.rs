//! What a turn says of its agent's goal, and of those below it.

use super::Turn;
use crate::goals::GoalPatch;
use crate::tools::ToolError;

impl Turn {
    /// Sets the agent a goal, without a budget: from the end of this turn on it is given turns by itself. What this turn costs from
    /// now on is charged to it.
    ///
    /// # Errors
    /// It has one that is not complete; the text is empty or over 4,000 characters; the turn is over.
    pub async fn create_goal(&self, objective: &str) -> Result<(), ToolError> {
        self.tools()?.create_goal(objective).await
    }

    /// Says that the agent's goal is reached. The rest of its budget goes back to the goal above; what this turn costs still counts.
    ///
    /// # Errors
    /// It has none, or that is complete already; the turn is over.
    pub async fn complete_goal(&self, why: &str) -> Result<(), ToolError> {
        self.tools()?.complete_goal(why).await
    }

    /// Says that the agent cannot go on without somebody else: no turn begins by itself until the goal is activated.
    ///
    /// # Errors
    /// It has no goal, or that is complete; the turn is over.
    pub async fn block_goal(&self, why: &str) -> Result<(), ToolError> {
        self.tools()?.block_goal(why).await
    }

    /// Gives an agent below this one a goal, or changes the one it has; false if it was so already. Its budget comes out of what is
    /// left of the nearest goal above it that has one.
    ///
    /// # Errors
    /// There is no such agent below this one, no goal to change, not so much left, or this turn is over.
    pub async fn set_goal(&self, agent: &str, patch: GoalPatch) -> Result<bool, ToolError> {
        self.tools()?.set_goal(agent, patch).await
    }
}
