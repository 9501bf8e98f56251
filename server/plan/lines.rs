//! The answers about plans, as they go over the wire.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, AgentRef, PlanNode, PlanState, PlanView, PlannedNode};

use super::Drawing;
use crate::lines::OutcomeLine;
use crate::told::moment;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PlanReply {
    /// To a show of one node.
    Node(Box<PlanNodeLine>),
    /// To a show.
    Plan(PlanLine),
    /// To a graph.
    Graph(PlanGraphLine),
    /// To an add.
    Added(PlanAdded),
    /// To an update.
    Changed(PlanChanged),
    /// To an assign.
    Assigned(PlanAssigned),
    /// To a clear.
    Cleared(PlanCleared),
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanLine {
    /// Whose.
    pub path: AgentPath,
    /// Its nodes by their numbers.
    pub nodes: Vec<PlanNodeLine>,
}

/// A plan as a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanGraphLine {
    /// Whose.
    pub path: AgentPath,
    /// Its nodes; none comes before one that it comes after.
    pub nodes: Vec<GraphNodeLine>,
    /// Which comes before which.
    pub edges: Vec<(u32, u32)>,
    /// How it was asked to be drawn.
    pub drawn_as: Drawing,
}

/// A node of a plan as a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphNodeLine {
    /// Its number.
    pub node: u32,
    /// What is to be done.
    pub title: String,
    /// Todo, doing, done or dropped.
    pub status: String,
    /// Whether somebody may begin with it.
    pub ready: bool,
    /// Who does it, or did.
    pub owner: Option<AgentPath>,
    /// How many nodes lie one behind the other before it.
    pub level: usize,
}

/// A node of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanNodeLine {
    /// Its number.
    pub node: u32,
    /// What is to be done.
    pub title: String,
    /// What else there is to say of it.
    pub notes: String,
    /// Todo, doing, done or dropped.
    pub status: String,
    /// Why it was dropped.
    pub reason: Option<String>,
    /// Whether somebody may begin with it.
    pub ready: bool,
    /// Who does it, or did.
    pub owner: Option<AgentPath>,
    /// The nodes it comes after.
    pub after: Vec<u32>,
    /// Those of them that are neither done nor dropped.
    pub waits_for: Vec<u32>,
    /// How many nodes lie one behind the other before it.
    pub level: usize,
    /// Why the job's row that works on it will come to no end by itself.
    pub trouble: Option<String>,
    /// What shows that it is done.
    pub evidence: Vec<String>,
    /// The commit it came to.
    pub commit: Option<String>,
    /// When it was added.
    pub created_at: String,
    /// When it last changed.
    pub changed_at: String,
}

/// Nodes that were added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAdded {
    /// Whose plan.
    pub path: AgentPath,
    /// Their numbers.
    pub added: Vec<u32>,
}

/// A node that was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanChanged {
    /// Whose plan.
    pub path: AgentPath,
    /// The node as it is now.
    pub changed: PlanNodeLine,
    /// False: it was so before.
    pub new: bool,
}

/// A node that was given to an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAssigned {
    /// Whose plan.
    pub path: AgentPath,
    /// The node as it is now.
    pub assigned: PlanNodeLine,
    /// The message; nothing if the agent had the node already.
    pub message: Option<String>,
    /// What came of it, if that was waited for.
    pub outcome: Option<OutcomeLine>,
}

/// Nodes that were taken out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCleared {
    /// Whose plan.
    pub path: AgentPath,
    /// How many.
    pub cleared: usize,
}

/// A plan as a graph.
pub(super) fn graph_line(plan: PlanView, drawn_as: Drawing) -> PlanGraphLine {
    let PlanView { of: AgentRef { path, .. }, mut nodes } = plan;
    nodes.sort_by_key(|planned| (planned.level, planned.number));
    let edge = |planned: &PlannedNode| {
        let number = planned.number;
        planned.node.after.clone().into_iter().map(move |before| (before, number))
    };
    let edges = nodes.iter().flat_map(edge).collect();
    let line = |PlannedNode { number, node, ready, level, .. }| GraphNodeLine {
        node: number,
        status: node.state.as_str().to_owned(),
        title: node.title,
        ready,
        owner: node.owner.map(|owner| owner.path),
        level,
    };
    PlanGraphLine { path, nodes: nodes.into_iter().map(line).collect(), edges, drawn_as }
}

/// A node of a plan.
pub(crate) fn node_line(planned: PlannedNode) -> PlanNodeLine {
    let PlannedNode { number, node, ready, waits_for, level, trouble } = planned;
    let PlanNode { title, notes, state, owner, after, evidence, commit, created_at, changed_at } = node;
    let status = state.as_str().to_owned();
    let reason = match state {
        PlanState::Dropped { reason, .. } => reason,
        _ => None,
    };
    PlanNodeLine {
        node: number,
        title,
        notes,
        status,
        reason,
        ready,
        owner: owner.map(|owner| owner.path),
        after,
        waits_for,
        level,
        trouble,
        evidence,
        commit,
        created_at: moment(created_at),
        changed_at: moment(changed_at),
    }
}
