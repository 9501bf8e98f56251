//! A node of a plan given to an agent: who does it, and the message that starts the turn, in one commit.

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, Draft, Message, Metadata, PlanNode, PlanState, PlanStep, PlanWhat, ToolUse,
};

use super::change::Change;
use super::{Planned, PlannedNode};
use crate::caller::Caller;
use crate::error::Error;
use crate::mail::{Accepted, Assignment, Letter};
use crate::system::{System, node_at};

/// A node of a plan for an agent to do.
#[derive(Clone, Debug)]
pub struct PlanTask {
    /// The node's number.
    pub node: u32,
    /// Who shall do it.
    pub to: AgentPath,
    /// What it is told beside the node's title and notes.
    pub text: Option<String>,
    /// What is attached to the message.
    pub metadata: Metadata,
}

impl System {
    /// Gives a ready node of an agent's plan to an agent, who has a message about it that starts a turn; runs nobody. One that
    /// the agent has already gets no second message. When the turn has ended the node is still being done: whoever hears of
    /// its result says what became of it.
    ///
    /// # Errors
    /// There is no such node, it waits for others, is over or another's, or the message is refused as that of
    /// [`System::assign`].
    pub async fn plan_give(&self, path: &AgentPath, task: &PlanTask) -> Result<(PlannedNode, Option<Accepted>), Error> {
        let (node, posted) = self.plan_give_by(path, task, None, None).await?;
        Ok((node, posted.map(|(accepted, _)| accepted)))
    }

    /// As [`System::plan_give`]; runs the agent's subtree and gives back the way to the turn's outcome, if the message is new.
    ///
    /// # Errors
    /// As for [`System::plan_give`].
    pub async fn plan_assign(
        &self,
        path: &AgentPath,
        task: &PlanTask,
    ) -> Result<(PlannedNode, Option<Assignment>), Error> {
        self.demand_brain(&task.to).await?;
        // Listening begins before the message exists, so its outcome cannot be missed.
        let watch = self.watchers.watch(&task.to);
        self.run(&task.to).await?;
        let (node, posted) = self.plan_give_by(path, task, None, None).await?;
        Ok((node, posted.map(|(accepted, message)| Assignment::new(self, accepted, message, watch))))
    }

    /// Refuses a node that nobody could be given now, before an agent is created for it.
    ///
    /// # Errors
    /// There is no such node, it waits for others, or it is over or being done.
    pub async fn plan_demand_ready(&self, path: &AgentPath, node: u32) -> Result<(), Error> {
        let plan = self.planned(path).await?;
        let before = plan.node(node)?;
        plan.graph.demand_free(before).map_err(plan.refused(node))?;
        match before.state {
            PlanState::Todo => Ok(()),
            // One that has it already may be the one that is meant.
            PlanState::Doing { .. } if before.owner.is_some() => Ok(()),
            _ => before
                .step(&PlanStep::Start { owner: Some(plan.of.clone()) }, before.changed_at)
                .map(drop)
                .map_err(plan.refused(node)),
        }
    }

    pub(crate) async fn plan_give_by(
        &self,
        path: &AgentPath,
        task: &PlanTask,
        by: Option<&Caller>,
        tool: Option<ToolUse>,
    ) -> Result<(PlannedNode, Option<(Accepted, Message)>), Error> {
        loop {
            let plan = self.planned(path).await?;
            let node = plan.node(task.node)?;
            self.demand_brain(&task.to).await?;
            if self.is_given(node, &task.to).await? {
                return Ok((plan.with(task.node, node), None));
            }
            let mut unremoved = Draft::new();
            self.expect_no_removal(path, &mut unremoved).await?;
            let letter = Letter {
                trigger: true,
                metadata: task.metadata.clone(),
                ..Letter::to(task.to.clone(), plan.told(task)?)
            };
            let mut given = None;
            let now = self.clock.now();
            let beside = |to: &AgentRef| {
                let step = PlanStep::Start { owner: Some(to.clone()) };
                plan.graph.demand_free(node).map_err(plan.refused(task.node))?;
                let next = node.step(&step, now).map_err(plan.refused(task.node))?;
                given = Some(plan.with(task.node, &next));
                let what = PlanWhat::Assigned { to: to.clone() };
                let mut draft = plan.draft(Change { what, nodes: [(task.node, Some(next))].into() });
                draft.absorb(unremoved);
                Ok(draft)
            };
            match self.mail_with(&letter, by, tool.clone(), beside).await {
                Ok(posted) => return Ok((given.expect("what was committed was decided"), Some(posted))),
                // The plan was changed meanwhile, or somebody above it closed or opened.
                Err(Error::Commit(CommitError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the agent at `to` does the node already.
    async fn is_given(&self, node: &PlanNode, to: &AgentPath) -> Result<bool, Error> {
        let (PlanState::Doing { .. }, Some(owner)) = (&node.state, &node.owner) else { return Ok(false) };
        let there = node_at(&self.store, to).await?;
        Ok(owner.path == *to && there.is_some_and(|row| row.value.id() == owner.id))
    }
}

impl Planned {
    /// What the agent is told.
    fn told(&self, task: &PlanTask) -> Result<String, Error> {
        let PlanNode { title, notes, .. } = self.node(task.node)?;
        let of = format!("(node {} of the plan of {})", task.node, self.of.path);
        let texts = [title.as_str(), notes, task.text.as_deref().unwrap_or_default(), &of];
        let said: Vec<&str> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
        Ok(said.join("\n\n"))
    }
}
