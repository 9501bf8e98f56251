//! An agent's own plan, as its turns see and change it.

use understory_paths::AgentPath;
use understory_store::Metadata;

use super::Turn;
use crate::planning::{NewPlanNode, PlanPatch, PlanTask, PlanView, PlannedNode};
use crate::tools::ToolError;

impl Turn {
    /// The agent's plan: what it means to do, as it was left by earlier turns and by those above it.
    ///
    /// # Errors
    /// It is no agent's turn, or the store failed.
    pub async fn plan(&self) -> Result<PlanView, ToolError> {
        self.tools()?.plan(self.path()).await
    }

    /// Adds nodes to the agent's plan, at most 100; gives back their numbers. Durable when it returns. A turn that is run again
    /// after a crash finds what it added before: it looks first ([`Turn::plan`]).
    ///
    /// # Errors
    /// A text is blank or too long, a node would come after one that is not there, a limit is reached, or the turn is over.
    pub async fn plan_add(&self, nodes: &[NewPlanNode]) -> Result<Vec<u32>, ToolError> {
        self.tools()?.plan_add(self.path(), nodes).await
    }

    /// Changes one node of the agent's plan; what the patch does not name stays. The node as it is then, and false if it was so
    /// before.
    ///
    /// # Errors
    /// There is no such node, a step does not fit where it stands, it would come after itself, or the turn is over.
    pub async fn plan_update(&self, node: u32, patch: &PlanPatch) -> Result<(PlannedNode, bool), ToolError> {
        self.tools()?.plan_update(self.path(), node, patch).await
    }

    /// Gives a ready node of the agent's plan to an agent below it: who does it and the message that starts that agent's turn
    /// are one commit. False if the agent has it already, and no second message. The outcome comes back as a message; what
    /// became of the node is then for this agent to say.
    ///
    /// # Errors
    /// There is no such node or agent, the node waits for others or is another's, or the turn is over.
    pub async fn plan_assign(&self, node: u32, to: &str, text: Option<&str>) -> Result<bool, ToolError> {
        let tools = self.tools()?;
        let to: AgentPath = tools.find(to).await?;
        let task = PlanTask { node, to, text: text.map(str::to_owned), metadata: Metadata::default() };
        Ok(tools.plan_assign(self.path(), task, None).await?.1.is_some())
    }
}
