//! The tools of plans: what an agent means to do, and those below it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use understory_paths::AgentPath;
use understory_store::{Metadata, PlanNode, PlanStep};

use super::{SpawnArguments, Tool, ToolError, Tools, parse};
use crate::authority::{Verb, authorise};
use crate::error::Error;
use crate::mail::Accepted;
use crate::nickname::Nickname;
use crate::planning::{Author, NewPlanNode, PlanPatch, PlanTask, PlanView, PlannedNode};

/// The tools. A job's item has none of them: it is no agent and keeps no plan.
pub(super) const PLAN_TOOLS: [Tool; 4] = [
    Tool {
        name: "plan_show",
        description: "Show your plan, or that of an agent below you: its nodes, what each comes after, and which are ready to be \
                      begun. What is done or dropped is left out unless you ask for all. With node, that one with its notes and \
                      evidence.",
        parameters: r#"{"type":"object","properties":{"agent":{"type":"string","description":"an agent below you"},"node":{"type":"integer","minimum":1},"all":{"type":"boolean"},"from":{"type":"integer","minimum":1,"description":"next of the answer before"}},"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "plan_add",
        description: "Add nodes to your plan, which is kept and survives everything. They are numbered on from its last one, from \
                      1 in a new plan, so one may come after another that is added with it.",
        parameters: r#"{"type":"object","properties":{"nodes":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"object","properties":{"title":{"type":"string","description":"one line, at most 200 bytes"},"notes":{"type":"string","description":"at most 4096 bytes"},"after":{"type":"array","items":{"type":"integer"},"description":"numbers of the nodes it comes after"}},"required":["title"],"additionalProperties":false}},"agent":{"type":"string","description":"an agent below you, whose plan it is"}},"required":["nodes"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "plan_update",
        description: "Change a node of your plan; what you do not name stays. Say that it is done with what shows it. A node of \
                      another's plan that you were given you may say to be done.",
        parameters: r#"{"type":"object","properties":{"node":{"type":"integer","minimum":1},"title":{"type":"string"},"notes":{"type":"string"},"after":{"type":"array","items":{"type":"integer"},"description":"all the nodes it comes after"},"status":{"type":"string","enum":["todo","doing","done","dropped"]},"reason":{"type":"string","description":"why it is dropped"},"evidence":{"type":"array","items":{"type":"string"},"description":"added to what is there; each at most 1024 bytes"},"commit":{"type":"string","description":"the commit it came to"},"agent":{"type":"string","description":"whose plan it is, if not yours"}},"required":["node"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "plan_assign",
        description: "Give a ready node of your plan to an agent below you as its task, or with spawn to one created for it. Its \
                      outcome comes back to you as a message; then say what became of the node.",
        parameters: r#"{"type":"object","properties":{"node":{"type":"integer","minimum":1},"to":{"type":"string"},"message":{"type":"string","description":"beside the title and notes"},"spawn":{"type":"boolean","description":"to is the name of an agent to be created below you"},"role":{"type":"string","description":"of the one created"},"agent":{"type":"string","description":"an agent below you, whose plan it is"}},"required":["node","to"],"additionalProperties":false}"#,
        for_items: false,
    },
];

/// How many nodes one answer has: some 40 KB at the most.
const NODES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowArguments {
    agent: Option<String>,
    node: Option<u32>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    from: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AddArguments {
    nodes: Vec<AddedNode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AddedNode {
    title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    notes: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    after: Vec<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Todo,
    Doing,
    Done,
    Dropped,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateArguments {
    node: u32,
    title: Option<String>,
    notes: Option<String>,
    after: Option<Vec<u32>>,
    status: Option<Status>,
    reason: Option<String>,
    #[serde(default)]
    evidence: Vec<String>,
    commit: Option<String>,
    agent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignArguments {
    node: u32,
    to: String,
    message: Option<String>,
    #[serde(default)]
    spawn: bool,
    role: Option<String>,
    agent: Option<String>,
}

/// Whether a tool is one of these.
pub(super) fn is_of_plans(tool: &str) -> bool {
    PLAN_TOOLS.iter().any(|one| one.name == tool)
}

impl Tools {
    /// One of these tools as a model calls it.
    pub(super) async fn call_plan(&self, name: &str, arguments: &str) -> Result<String, ToolError> {
        match name {
            "plan_show" => self.call_plan_show(parse(arguments)?).await,
            "plan_add" => {
                let AddArguments { nodes, agent } = parse(arguments)?;
                let new = |AddedNode { title, notes, after }| NewPlanNode { title, notes, after };
                let nodes: Vec<NewPlanNode> = nodes.into_iter().map(new).collect();
                let added = self.plan_add(&self.planner(agent).await?, &nodes).await?;
                Ok(json!({ "added": added }).to_string())
            }
            "plan_update" => {
                let UpdateArguments { node, title, notes, after, status, reason, evidence, commit, agent } =
                    parse(arguments)?;
                if reason.is_some() && !matches!(status, Some(Status::Dropped)) {
                    return Err(ToolError::Arguments("a reason is for what is dropped".to_owned()));
                }
                let step = status.map(|status| match status {
                    Status::Todo => PlanStep::Reopen,
                    Status::Doing => PlanStep::Start { owner: Some(self.caller.me().clone()) },
                    Status::Done => PlanStep::Finish,
                    Status::Dropped => PlanStep::Drop { reason },
                });
                let patch = PlanPatch { title, notes, after, step, evidence, commit };
                let (node, changed) = self.plan_update(&self.planner(agent).await?, node, &patch).await?;
                Ok(json!({ "node": whole(&node), "changed": changed }).to_string())
            }
            _ => {
                let AssignArguments { node, to, message, spawn, role, agent } = parse(arguments)?;
                if role.is_some() && !spawn {
                    return Err(ToolError::Arguments("a role is for one that is created".to_owned()));
                }
                let holder = self.planner(agent).await?;
                let to = match spawn {
                    true => self.me().path.join(&to).map_err(Error::from)?,
                    false => self.find(&to).await?,
                };
                let task = PlanTask { node, to, text: message, metadata: Metadata::default() };
                let (node, accepted) = self.plan_assign(&holder, task, spawn.then_some(role)).await?;
                Ok(json!({ "node": brief(&node), "accepted": accepted.is_some() }).to_string())
            }
        }
    }

    /// The plan of this agent or one below it.
    ///
    /// # Errors
    /// There is no such agent, or the role hides the tool.
    pub async fn plan(&self, of: &AgentPath) -> Result<PlanView, ToolError> {
        self.demand("plan_show")?;
        authorise(&self.caller, Verb::Inspect, of)?;
        Ok(self.system.plan(of).await?)
    }

    /// See [`Turn::plan_add`](crate::Turn::plan_add); for a plan of an agent below this one, too.
    ///
    /// # Errors
    /// As there.
    pub async fn plan_add(&self, of: &AgentPath, nodes: &[NewPlanNode]) -> Result<Vec<u32>, ToolError> {
        self.demand("plan_add")?;
        authorise(&self.caller, Verb::Plan, of)?;
        let added = |node: &NewPlanNode| {
            let NewPlanNode { title, notes, after } = node.clone();
            AddedNode { title, notes, after }
        };
        let arguments = AddArguments { nodes: nodes.iter().map(added).collect(), agent: self.other(of) };
        let tool = self.entry("plan_add", json!(arguments).to_string());
        let author = Author { caller: &self.caller, tool, owner_only: false };
        Ok(self.unless_over(|| self.system.plan_add_by(of, nodes, Some(&author))).await?)
    }

    /// See [`Turn::plan_update`](crate::Turn::plan_update); for a plan of an agent below this one, too, and for a node of one
    /// above it that it was given, of which it says no more than that it is done.
    ///
    /// # Errors
    /// As there.
    pub async fn plan_update(
        &self,
        of: &AgentPath,
        node: u32,
        patch: &PlanPatch,
    ) -> Result<(PlannedNode, bool), ToolError> {
        self.demand("plan_update")?;
        let allowed = authorise(&self.caller, Verb::Plan, of);
        let owner_only = allowed.is_err();
        if owner_only && !(of.contains(&self.me().path) && says_done(patch)) {
            allowed?;
        }
        let tool = self.entry("plan_update", said(node, patch, self.other(of).as_deref()));
        let author = Author { caller: &self.caller, tool, owner_only };
        Ok(self.unless_over(|| self.system.plan_update_by(of, node, patch, Some(&author))).await?)
    }

    /// See [`Turn::plan_assign`](crate::Turn::plan_assign); for a plan of an agent below this one, too. With `create`, whom it
    /// is given to is created first, of this role.
    ///
    /// # Errors
    /// As there, and as for a spawn.
    pub async fn plan_assign(
        &self,
        of: &AgentPath,
        task: PlanTask,
        create: Option<Option<String>>,
    ) -> Result<(PlannedNode, Option<Accepted>), ToolError> {
        self.demand("plan_assign")?;
        authorise(&self.caller, Verb::Plan, of)?;
        authorise(&self.caller, Verb::Assign, &task.to)?;
        if let Some(role) = create {
            let spawn = SpawnArguments { name: task.to.name().to_owned(), role, ..SpawnArguments::default() };
            let arguments = json!({ "name": spawn.name, "role": spawn.role }).to_string();
            self.demand("spawn")?;
            self.system.plan_demand_ready(of, task.node).await?;
            self.create_called(spawn, Nickname::Picked, &arguments).await?;
        }
        let PlanTask { node, to, text, metadata } = task;
        let said = metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let metadata = self.handed_on(Some(said))?;
        let arguments = json!({ "node": node, "to": to, "message": text, "agent": self.other(of) }).to_string();
        let (task, tool) = (PlanTask { node, to, text, metadata }, self.entry("plan_assign", arguments));
        let give = || self.system.plan_give_by(of, &task, Some(&self.caller), tool.clone());
        let (node, posted) = self.unless_over(give).await?;
        Ok((node, posted.map(|(accepted, _)| accepted)))
    }

    /// Takes all nodes out of the plan of this agent or one below it, or only those that are over. See
    /// [`System::plan_clear`](crate::System::plan_clear).
    ///
    /// # Errors
    /// As there.
    pub async fn plan_clear(&self, of: &AgentPath, finished: bool) -> Result<usize, ToolError> {
        authorise(&self.caller, Verb::Plan, of)?;
        let author = Author { caller: &self.caller, tool: None, owner_only: false };
        Ok(self.unless_over(|| self.system.plan_clear_by(of, finished, Some(&author))).await?)
    }

    async fn call_plan_show(&self, arguments: ShowArguments) -> Result<String, ToolError> {
        let ShowArguments { agent, node, all, from } = arguments;
        let plan = self.plan(&self.planner(agent).await?).await?;
        if let Some(number) = node {
            let found = plan.nodes.iter().find(|node| node.number == number);
            let missing = || Error::NoPlanNode { path: plan.of.path.clone(), node: number };
            return Ok(json!({ "node": whole(found.ok_or_else(missing)?) }).to_string());
        }
        let asked = |node: &&PlannedNode| node.number >= from && (all || !node.node.state.is_over());
        let mut nodes: Vec<&PlannedNode> = plan.nodes.iter().filter(asked).collect();
        let next = nodes.get(NODES).map(|node| node.number);
        nodes.truncate(NODES);
        let over = plan.nodes.iter().filter(|node| node.node.state.is_over()).count();
        let nodes: Vec<_> = nodes.into_iter().map(brief).collect();
        Ok(json!({ "nodes": nodes, "total": plan.nodes.len(), "over": over, "next": next }).to_string())
    }

    /// Whose plan a call means.
    async fn planner(&self, agent: Option<String>) -> Result<AgentPath, Error> {
        match agent {
            Some(agent) => self.find(&agent).await,
            None => Ok(self.me().path.clone()),
        }
    }

    fn other(&self, of: &AgentPath) -> Option<String> {
        (*of != self.me().path).then(|| of.to_string())
    }
}

/// Whether a change says no more than whoever was given a node may say of it.
fn says_done(patch: &PlanPatch) -> bool {
    let PlanPatch { title, notes, after, step, evidence: _, commit: _ } = patch;
    let may = matches!(step, None | Some(PlanStep::Finish));
    title.is_none() && notes.is_none() && after.is_none() && may
}

/// A change as the transcript has it.
fn said(node: u32, patch: &PlanPatch, agent: Option<&str>) -> String {
    let PlanPatch { title, notes, after, step, evidence, commit } = patch;
    let status = step.as_ref().map(|step| match step {
        PlanStep::Start { .. } => "doing",
        PlanStep::Finish => "done",
        PlanStep::Drop { .. } => "dropped",
        PlanStep::Reopen => "todo",
    });
    let reason = match step {
        Some(PlanStep::Drop { reason }) => reason.as_deref(),
        _ => None,
    };
    let mut said = json!({
        "node": node,
        "title": title,
        "notes": notes,
        "after": after,
        "status": status,
        "reason": reason,
        "evidence": evidence,
        "commit": commit,
        "agent": agent,
    });
    if let Some(fields) = said.as_object_mut() {
        fields.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|values| !values.is_empty()));
    }
    said.to_string()
}

fn brief(planned: &PlannedNode) -> serde_json::Value {
    let PlannedNode { number, node, ready, waits_for, level: _, trouble } = planned;
    json!({
        "node": number,
        "title": node.title,
        "status": node.state.as_str(),
        "ready": ready,
        "owner": node.owner.as_ref().map(|owner| owner.path.as_str()),
        "after": node.after,
        "waits_for": waits_for,
        "trouble": trouble,
    })
}

fn whole(planned: &PlannedNode) -> serde_json::Value {
    let mut shown = brief(planned);
    let PlanNode { notes, evidence, commit, .. } = &planned.node;
    shown["notes"] = json!(notes);
    shown["evidence"] = json!(evidence);
    shown["commit"] = json!(commit);
    shown
}
