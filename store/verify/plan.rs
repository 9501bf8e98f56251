//! Plans: their heads against the agents, and their nodes against the heads and one another.

use std::collections::BTreeMap;

use understory_paths::AgentPath;

use super::lane::{Found, Lane, Stands};
use super::report::{Report, place};
use crate::error::StoreError;
use crate::keys::{self, Table};
use crate::records::{Node, Plan, PlanGraph, PlanNode};
use crate::seam::Backend;

/// The heads of plans and their nodes.
pub(super) struct Plans<'a> {
    heads: Lane<'a>,
    nodes: Lane<'a>,
}

impl<'a> Plans<'a> {
    pub(super) fn new(backend: &'a dyn Backend) -> Self {
        Plans { heads: Lane::new(backend, Table::Plan), nodes: Lane::new(backend, Table::PlanNode) }
    }

    /// Checks the plan of one node, whose paths come in order. What is being removed need not fit.
    pub(super) async fn visit(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        removing: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let head = self.heads.only_at::<Plan>(path, report).await?;
        // Unset when one cannot be read, so that nobody knows which.
        let (mut nodes, mut sure) = (BTreeMap::new(), true);
        while let Some(found) = self.nodes.next_at(path, report).await? {
            let Found::Row(entry) = found else {
                sure = false;
                continue;
            };
            let number = keys::plan_number(&entry.key).filter(|number| keys::plan_node(path, *number) == entry.key);
            match (number, self.nodes.value::<PlanNode>(&entry, report).await?) {
                (Some(number), Stands::There(value)) => drop(nodes.insert(number, value)),
                (None, _) => report.problem(place(Table::PlanNode, &entry.key), "its key holds no number"),
                (Some(_), _) => sure = false,
            }
        }
        if sure
            && !removing
            && let Some(node) = node
        {
            check(path, node, &head, nodes, report);
        }
        Ok(())
    }

    /// What is left belongs to no node.
    pub(super) async fn end(&mut self, report: &mut Report) -> Result<(), StoreError> {
        self.heads.end(report).await?;
        self.nodes.end(report).await
    }
}

fn check(path: &AgentPath, node: &Node, head: &Stands<Plan>, nodes: BTreeMap<u32, PlanNode>, report: &mut Report) {
    let head = match head {
        Stands::There(head) => head,
        Stands::Absent if nodes.is_empty() => return,
        Stands::Absent => {
            report.at(Table::Plan, path, "it is missing, and nodes of it are there");
            return;
        }
        Stands::Damaged => return,
    };
    if !matches!(node, Node::Agent(_)) {
        report.at(Table::Plan, path, "there is no agent at its path");
    } else if head.of != node.id() {
        report.at(Table::Plan, path, "it is another's, which was removed");
    }
    for job in &head.jobs {
        if job.job.path.parent().as_ref() != Some(path) {
            report.at(Table::Plan, path, format!("its job {} does not lie below its agent", job.job.path));
        }
        for number in job.nodes.iter().filter(|number| **number != 0 && !nodes.contains_key(number)) {
            report.at(Table::Plan, path, format!("its job {} has node {number}, which is not there", job.job.path));
        }
    }
    let mut at =
        |number: u32, what: String| report.problem(place(Table::PlanNode, &keys::plan_node(path, number)), what);
    for (&number, node) in &nodes {
        if number == 0 || number >= head.next {
            at(number, format!("its plan's next node is {}", head.next));
        }
        for before in node.after.iter().filter(|before| !nodes.contains_key(before)) {
            at(number, format!("it comes after {before}, which is not there"));
        }
    }
    if let Err(round) = PlanGraph::new(nodes).levels() {
        at(round[0], "it comes after itself, by way of others or behind those that do".to_owned());
    }
}
