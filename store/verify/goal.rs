//! Goals, with the logs of what was used for them and how far their agents went by themselves.

use understory_paths::AgentPath;

use super::index::{each, next};
use super::lane::{Lane, Stands};
use super::report::Report;
use crate::error::StoreError;
use crate::keys::Table;
use crate::records::{Charge, Drive, Goal, Node};
use crate::seam::Backend;

/// The tables of goals.
pub(super) struct Goals<'a> {
    goals: Lane<'a>,
    charges: Lane<'a>,
    drives: Lane<'a>,
}

impl<'a> Goals<'a> {
    pub(super) fn new(backend: &'a dyn Backend) -> Self {
        let lane = |table| Lane::new(backend, table);
        Goals { goals: lane(Table::Goal), charges: lane(Table::Charge), drives: lane(Table::Drive) }
    }

    /// Checks what lies at one node, whose paths come in order. What is being removed need not fit.
    pub(super) async fn visit(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        removing: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let goal = self.goals.only_at::<Goal>(path, report).await?;
        let drive = self.drives.only_at::<Drive>(path, report).await?;
        let charged = next::<Charge>(&mut self.charges, path, report).await?.is_some();
        each::<Charge>(&mut self.charges, path, report).await?;
        let Some(node) = node.filter(|_| !removing) else { return Ok(()) };
        if charged && goal.is_absent() {
            report.at(Table::Charge, path, "there is no goal at its path");
        }
        if !drive.is_absent() && !matches!(node, Node::Agent(_)) {
            report.at(Table::Drive, path, "there is no agent at its path");
        }
        let Stands::There(goal) = goal else { return Ok(()) };
        match node {
            Node::Agent(agent) if agent.id == goal.of => {}
            Node::Agent(_) => report.at(Table::Goal, path, "it is another's, which was removed"),
            _ => report.at(Table::Goal, path, "there is no agent at its path"),
        }
        Self::source(path, &goal, report);
        Ok(())
    }

    /// What is left belongs to no node.
    pub(super) async fn end(&mut self, report: &mut Report) -> Result<(), StoreError> {
        self.goals.end(report).await?;
        self.charges.end(report).await?;
        self.drives.end(report).await
    }

    /// A budget is taken from above; what is counted there already is no more than was used.
    fn source(path: &AgentPath, goal: &Goal, report: &mut Report) {
        if goal.shared > goal.used() {
            let (shared, used) = (goal.shared, goal.used());
            report.at(
                Table::Goal,
                path,
                format!("the goal above counts {shared} of its tokens, and it has used {used}"),
            );
        }
        let Some(source) = &goal.source else { return };
        if source.path == *path || !source.path.contains(path) {
            report.at(Table::Goal, path, format!("its budget is from {}, which is not above it", source.path));
            return;
        }
        if goal.budget.is_none() {
            report.at(Table::Goal, path, "it has no budget, and says from where it is");
        }
    }
}
