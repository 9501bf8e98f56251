//! Plans, as they are asked for and answered.

mod lines;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, AgentRef, Error, Metadata, NewPlanNode, Nickname, PlanPatch, PlanStep, PlanTask, PlanView, Runtime,
    SpawnRequest, Tools, Verb,
};

use crate::answer::accepted_line;
use crate::failure::{Code, Failure};
use crate::told::outcome_line;
use crate::wire::Follow;

use self::lines::graph_line;
pub(crate) use self::lines::node_line;
pub use self::lines::{
    GraphNodeLine, PlanAdded, PlanAssigned, PlanChanged, PlanCleared, PlanGraphLine, PlanLine, PlanNodeLine, PlanReply,
};

/// Something asked of an agent's plan. Agents are named as in other requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanRequest {
    /// What is in it.
    Show {
        /// Whose.
        path: String,
        /// Only this node.
        node: Option<u32>,
        /// Only those that are ready to be begun.
        ready: bool,
    },
    /// What comes after what.
    Graph {
        /// Whose.
        path: String,
        /// How it is to be drawn, by whoever draws it.
        drawn_as: Drawing,
    },
    /// Nodes shall be added.
    Add {
        /// Whose.
        path: String,
        /// They.
        nodes: Vec<NewNodeLine>,
    },
    /// One node shall be changed.
    Update(Box<PlanUpdate>),
    /// One node shall be given to an agent.
    Assign(Box<PlanAssign>),
    /// Nodes shall be taken out.
    Clear {
        /// Whose.
        path: String,
        /// Only those that are done or dropped.
        finished: bool,
    },
}

/// A node to be added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNodeLine {
    /// What is to be done.
    pub title: String,
    /// What else there is to say of it.
    #[serde(default)]
    pub notes: String,
    /// The nodes it comes after.
    #[serde(default)]
    pub after: Vec<u32>,
}

/// A change of one node: what is not there stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanUpdate {
    /// Whose plan.
    pub path: String,
    /// Which node.
    pub node: u32,
    /// Its title.
    pub title: Option<String>,
    /// Its notes.
    pub notes: Option<String>,
    /// The nodes it comes after, all of them.
    pub after: Option<Vec<u32>>,
    /// What happens to it.
    pub step: Option<StepWord>,
    /// Why it is dropped.
    pub reason: Option<String>,
    /// More that shows that it is done.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// The commit it came to.
    pub commit: Option<String>,
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepWord {
    /// Somebody begins with it: the agent that asks, or nobody in particular.
    Start,
    /// It is done.
    Finish,
    /// It shall not be done.
    Drop,
    /// It is to be done, as if nobody had begun.
    Reopen,
}

/// A node to be given to an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAssign {
    /// Whose plan.
    pub path: String,
    /// Which node.
    pub node: u32,
    /// Who shall do it.
    pub to: String,
    /// What else the agent is told.
    pub text: Option<String>,
    /// The agent is created if it is not there.
    pub create: bool,
    /// Its role then.
    pub role: Option<String>,
    /// What is attached to the message.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What becomes of the message.
    pub follow: Follow,
    /// For how long its outcome is waited for at most, in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawing {
    /// As lines of text.
    #[default]
    Lines,
    /// As a Mermaid flowchart.
    Mermaid,
}

impl PlanRequest {
    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        match self {
            PlanRequest::Add { .. } => false,
            PlanRequest::Assign(assign) => assign.follow == Follow::Leave,
            PlanRequest::Show { .. } | PlanRequest::Graph { .. } => true,
            PlanRequest::Update(_) | PlanRequest::Clear { .. } => true,
        }
    }

    /// What it asks of whom. Of an update the tool judges by itself: one that was given a node may speak of it.
    pub(crate) fn asked(&self) -> Vec<(Verb, String)> {
        match self {
            PlanRequest::Show { path, .. } | PlanRequest::Graph { path, .. } => vec![(Verb::Inspect, path.clone())],
            PlanRequest::Add { path, .. } | PlanRequest::Clear { path, .. } => vec![(Verb::Plan, path.clone())],
            PlanRequest::Assign(assign) => vec![(Verb::Plan, assign.path.clone())],
            PlanRequest::Update(_) => Vec::new(),
        }
    }
}

/// Carries a request of an operator out.
pub(crate) async fn answer(runtime: &Runtime, request: PlanRequest) -> Result<PlanReply, Failure> {
    let whose = async |path: &str| Ok::<_, Error>(runtime.find(path).await?.path().clone());
    Ok(match request {
        PlanRequest::Show { path, node, ready } => shown(runtime.plan(whose(&path).await?).show().await?, node, ready)?,
        PlanRequest::Graph { path, drawn_as } => {
            PlanReply::Graph(graph_line(runtime.plan(whose(&path).await?).show().await?, drawn_as))
        }
        PlanRequest::Add { path, nodes } => {
            let path = whose(&path).await?;
            let added = runtime.plan(path.clone()).add(&news(nodes)).await?;
            PlanReply::Added(PlanAdded { path, added })
        }
        PlanRequest::Update(update) => {
            let (path, node) = (whose(&update.path).await?, update.node);
            let (changed, new) = runtime.plan(path.clone()).update(node, &patch(*update, None)?).await?;
            PlanReply::Changed(PlanChanged { path, changed: node_line(changed), new })
        }
        PlanRequest::Assign(assign) => {
            let path = whose(&assign.path).await?;
            PlanReply::Assigned(self::assign(runtime, path, *assign).await?)
        }
        PlanRequest::Clear { path, finished } => {
            let path = whose(&path).await?;
            let cleared = runtime.plan(path.clone()).clear(finished).await?;
            PlanReply::Cleared(PlanCleared { path, cleared })
        }
    })
}

/// Carries a request of an agent out.
pub(crate) async fn answer_as(tools: &Tools, request: PlanRequest) -> Result<PlanReply, Failure> {
    Ok(match request {
        PlanRequest::Show { path, node, ready } => shown(tools.plan(&tools.find(&path).await?).await?, node, ready)?,
        PlanRequest::Graph { path, drawn_as } => {
            PlanReply::Graph(graph_line(tools.plan(&tools.find(&path).await?).await?, drawn_as))
        }
        PlanRequest::Add { path, nodes } => {
            let path = tools.find(&path).await?;
            let added = tools.plan_add(&path, &news(nodes)).await?;
            PlanReply::Added(PlanAdded { path, added })
        }
        PlanRequest::Update(update) => {
            let (path, node) = (tools.find(&update.path).await?, update.node);
            let patch = patch(*update, Some(tools.me()))?;
            let (changed, new) = tools.plan_update(&path, node, &patch).await?;
            PlanReply::Changed(PlanChanged { path, changed: node_line(changed), new })
        }
        PlanRequest::Assign(assign) => {
            let PlanAssign { path, node, to, text, create, role, metadata, follow, timeout_ms: _ } = *assign;
            if follow != Follow::Leave {
                let message = "plan assign by an agent does not wait: the outcome comes to it as a message";
                return Err(Failure::new(Code::Usage, message).hint("understory wait"));
            }
            let path = tools.find(&path).await?;
            let to = match create {
                true => tools.me().path.resolve(&to).map_err(Error::from)?,
                false => tools.find(&to).await?,
            };
            if create && to.parent().as_ref() != Some(&tools.me().path) {
                return Err(Error::NotFound { path: to }.into());
            }
            let task = PlanTask { node, to, text, metadata: Metadata::new(metadata).map_err(Error::from)? };
            let (node, accepted) = tools.plan_assign(&path, task, create.then_some(role)).await?;
            let message = accepted.map(|accepted| accepted_line(&accepted, false).message);
            PlanReply::Assigned(PlanAssigned { path, assigned: node_line(node), message, outcome: None })
        }
        PlanRequest::Clear { path, finished } => {
            let path = tools.find(&path).await?;
            let cleared = tools.plan_clear(&path, finished).await?;
            PlanReply::Cleared(PlanCleared { path, cleared })
        }
    })
}

async fn assign(runtime: &Runtime, path: AgentPath, assign: PlanAssign) -> Result<PlanAssigned, Failure> {
    let PlanAssign { path: _, node, to, text, create, role, metadata, follow, timeout_ms } = assign;
    let to = match create {
        true => AgentPath::root().resolve(&to).map_err(Error::from)?,
        false => runtime.find(&to).await?.path().clone(),
    };
    if create {
        runtime.system().plan_demand_ready(&path, node).await?;
        let at = SpawnRequest { role, nickname: Nickname::Picked, or_existing: true, ..SpawnRequest::at(to.clone()) };
        runtime.system().spawn(vec![at]).await?;
    }
    let task = PlanTask { node, to, text, metadata: Metadata::new(metadata).map_err(Error::from)? };
    let plan = runtime.plan(path.clone());
    if follow == Follow::Leave {
        let (node, accepted) = plan.give(&task).await?;
        let message = accepted.map(|accepted| accepted_line(&accepted, false).message);
        return Ok(PlanAssigned { path, assigned: node_line(node), message, outcome: None });
    }
    let (node, assignment) = plan.assign(&task).await?;
    let (mut message, mut outcome) = (None, None);
    if let Some(assignment) = assignment {
        message = Some(accepted_line(assignment.accepted(), false).message);
        if follow == Follow::Outcome {
            let within = timeout_ms.map_or(Duration::MAX, Duration::from_millis);
            outcome = assignment.outcome_within(within).await?.as_ref().map(outcome_line);
        }
    }
    Ok(PlanAssigned { path, assigned: node_line(node), message, outcome })
}

fn news(nodes: Vec<NewNodeLine>) -> Vec<NewPlanNode> {
    let new = |NewNodeLine { title, notes, after }| NewPlanNode { title, notes, after };
    nodes.into_iter().map(new).collect()
}

/// The change that is asked for, by an agent if one is named.
fn patch(update: PlanUpdate, by: Option<&AgentRef>) -> Result<PlanPatch, Failure> {
    let PlanUpdate { path: _, node: _, title, notes, after, step, reason, evidence, commit } = update;
    if reason.is_some() && step != Some(StepWord::Drop) {
        return Err(Failure::new(Code::Usage, "a reason is for what is dropped"));
    }
    let step = step.map(|step| match step {
        StepWord::Start => PlanStep::Start { owner: by.cloned() },
        StepWord::Finish => PlanStep::Finish,
        StepWord::Drop => PlanStep::Drop { reason },
        StepWord::Reopen => PlanStep::Reopen,
    });
    Ok(PlanPatch { title, notes, after, step, evidence, commit })
}

fn shown(plan: PlanView, node: Option<u32>, ready: bool) -> Result<PlanReply, Failure> {
    let PlanView { of: AgentRef { path, .. }, nodes } = plan;
    if let Some(node) = node {
        let found = nodes.into_iter().find(|planned| planned.number == node);
        let found = found.ok_or(Error::NoPlanNode { path, node })?;
        return Ok(PlanReply::Node(Box::new(node_line(found))));
    }
    let nodes = nodes.into_iter().filter(|planned| planned.ready || !ready).map(node_line).collect();
    Ok(PlanReply::Plan(PlanLine { path, nodes }))
}
