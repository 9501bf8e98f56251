//! A handle on the plan of one agent.

use understory_actors::job::{JobRequest, JobStarted};
use understory_actors::{Accepted, Assignment, NewPlanNode, PlanPatch, PlanTask, PlanView, PlannedNode, System};
use understory_paths::AgentPath;

use crate::error::Error;
use crate::runtime::Runtime;

/// A handle on the plan of the agent at a path, whether it is there or not. Cheap to clone.
#[derive(Clone)]
pub struct Plan {
    system: System,
    path: AgentPath,
}

impl Runtime {
    /// A handle on an agent's plan.
    pub fn plan(&self, of: AgentPath) -> Plan {
        Plan { system: self.system.clone(), path: of }
    }
}

impl Plan {
    /// Whose it is.
    pub fn path(&self) -> &AgentPath {
        &self.path
    }

    /// The plan as it stands; without nodes if the agent has none.
    ///
    /// # Errors
    /// There is no such agent, or the store failed.
    pub async fn show(&self) -> Result<PlanView, Error> {
        self.system.plan(&self.path).await
    }

    /// Adds nodes, at most 100, in one commit; gives back their numbers.
    ///
    /// # Errors
    /// There is no such agent, a text is blank or too long, a node would come after one that is not there, or a limit is reached.
    pub async fn add(&self, nodes: &[NewPlanNode]) -> Result<Vec<u32>, Error> {
        self.system.plan_add(&self.path, nodes).await
    }

    /// Changes one node; what the patch does not name stays. The node as it is then, and false if it was so before.
    ///
    /// # Errors
    /// There is no such node, a step does not fit where it stands, or it would come after itself.
    pub async fn update(&self, node: u32, patch: &PlanPatch) -> Result<(PlannedNode, bool), Error> {
        self.system.plan_update(&self.path, node, patch).await
    }

    /// Gives a ready node to an agent, who has a message about it; runs nobody. Nothing if the agent has it already.
    ///
    /// # Errors
    /// There is no such node, it waits for others, is over or another's, or the message is refused.
    pub async fn give(&self, task: &PlanTask) -> Result<(PlannedNode, Option<Accepted>), Error> {
        self.system.plan_give(&self.path, task).await
    }

    /// As [`Plan::give`], runs the agent's subtree, and gives back the way to the turn's outcome.
    ///
    /// # Errors
    /// As for [`Plan::give`].
    pub async fn assign(&self, task: &PlanTask) -> Result<(PlannedNode, Option<Assignment>), Error> {
        self.system.plan_assign(&self.path, task).await
    }

    /// Starts a job whose rows are the ready nodes. See [`System::plan_start_job`].
    ///
    /// # Errors
    /// No node is ready, or the job is refused; or there is no folder to keep its table in
    /// ([`Builder::spool_in`](crate::Builder::spool_in)).
    pub async fn job(&self, request: JobRequest) -> Result<JobStarted, Error> {
        self.system.plan_start_job(&self.path, request).await
    }

    /// Takes all nodes out, or only those that are done or dropped; tells how many. What comes after one that goes does so no
    /// longer.
    ///
    /// # Errors
    /// There is no such agent, or the store failed.
    pub async fn clear(&self, finished: bool) -> Result<usize, Error> {
        self.system.plan_clear(&self.path, finished).await
    }
}
