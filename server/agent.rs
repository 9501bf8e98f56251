//! Requests that an agent makes through a door: what each asks of whom, in one place, and how it is carried out with the
//! tools of the agent that makes it.
//!
//! ```text
//!   {"as": {path, token}, "verb": ...} --tools_of--> Tools --asked, may--> carried out as the tool of the same name would be
//! ```
//!
//! What an agent may not do is answered as if what it named were not there.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Node, Reach, Runtime, Target, Token, ToolError, Tools, Until, Verb, View};

use crate::answer::{accepted_line, interrupted_line, job, show};
use crate::dead::DeadRequest;
use crate::digest::digest;
use crate::directory::{self, DirRequest};
use crate::failure::{Code, Failure};
use crate::goal;
use crate::jobs;
use crate::lines::{AskedClose, AskedResume, Assigned, NodeLine, Outline, Shown, Tree, TreeLine, Waited};
use crate::listing::{ListRequest, list as list_page};
use crate::memories;
use crate::plan;
use crate::project::project;
use crate::session::{self, SessionRequest};
use crate::spawn::spawn_as;
use crate::told::settled_line;
use crate::transcript;
use crate::tree::tree;
use crate::usage::{UsageRequest, usage};
use crate::wire::{Follow, Reply, Request, Wanted};

/// Who asks, if it is not the operator: an agent, and the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The agent.
    pub path: AgentPath,
    /// Its token.
    pub token: Token,
}

/// A token that was minted, which is told this once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MintedToken {
    /// Whose it is.
    pub path: AgentPath,
    /// It.
    pub token: Token,
}

/// A tool, as a model is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolLine {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its parameters, a JSON Schema.
    pub parameters: serde_json::Value,
}

/// The tools that an agent has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolList {
    /// They.
    pub tools: Vec<ToolLine>,
}

/// Carries out a request of an agent.
///
/// # Errors
/// The token is not good, the agent may not, or the runtime refused or failed.
pub async fn answer_as(runtime: &Runtime, identity: &Identity, request: Request) -> Result<Reply, Failure> {
    let tools = runtime.system().tools_of(&identity.path, &identity.token).await?;
    let mut at = Vec::new();
    for (verb, target) in asked(&request).ok_or_else(no_verb)? {
        let target = tools.find(&target).await?;
        tools.may(verb, &target)?;
        at.push(target);
    }
    let repeats = request.repeats();
    carry_out(runtime, &tools, request, at).await.map_err(|failure| match failure.code {
        Code::Stopping => failure.unanswered(repeats),
        _ => failure,
    })
}

/// What a request asks, and of whom; nothing if no agent may ever ask it. A tool judges by itself.
fn asked(request: &Request) -> Option<Vec<(Verb, String)>> {
    let one = |verb, path: &str| Some(vec![(verb, path.to_owned())]);
    let mail = |verb, path: &str, interrupt: bool| {
        let also = interrupt.then(|| (Verb::Interrupt, path.to_owned()));
        Some(std::iter::once((verb, path.to_owned())).chain(also).collect())
    };
    match request {
        Request::Tree { path, children: _ } | Request::Show { path } => one(Verb::Look, path),
        Request::Job { path: Some(path) } => one(Verb::Inspect, path),
        // What is looked for tells what is there.
        Request::List(list) => one(Verb::Inspect, list.path.as_str()),
        Request::Label(label) => one(Verb::Label, label.path.as_str()),
        Request::Cancel { path: Some(path) } => one(Verb::Cancel, path),
        Request::JobControl(control) => {
            let verb = if control.looks() { Verb::Inspect } else { Verb::Cancel };
            control.path().and_then(|path| one(verb, path))
        }
        Request::Spawn(new) => one(Verb::Spawn, new.path.parent().as_ref().unwrap_or(&new.path).as_str()),
        Request::Send { path, interrupt, .. } => mail(Verb::Send, path, *interrupt),
        Request::Assign { path, interrupt, .. } => mail(Verb::Assign, path, *interrupt),
        Request::Wait { paths, .. } => Some(paths.iter().map(|path| (Verb::Wait, path.clone())).collect()),
        Request::Close { path } => one(Verb::Close, path),
        Request::Resume { path } => one(Verb::Resume, path),
        Request::Interrupt { path, cascade: _, dry_run: _ } => one(Verb::Interrupt, path),
        Request::Remove { path, dry_run: _ } => one(Verb::Remove, path),
        Request::Digest { path, refresh: _ } | Request::Project { path } => one(Verb::Inspect, path),
        Request::Token { path } => one(Verb::Token, path.as_str()),
        Request::Dead(DeadRequest::List { path, .. }) => one(Verb::Dead, path),
        Request::Dir(DirRequest::Show { path }) | Request::Session(SessionRequest::Show { path }) => {
            one(Verb::Inspect, path)
        }
        // What a brain tells of itself is its own.
        Request::Session(session) if session.is_own() => Some(Vec::new()),
        Request::Goal(goal) => {
            let (verb, path) = goal.asks();
            one(verb, path)
        }
        Request::Plan(plan) => Some(plan.asked()),
        Request::Transcript(transcript) => {
            let verb = if transcript.looks() { Verb::Inspect } else { Verb::Remove };
            one(verb, transcript.path())
        }
        Request::Usage(usage) => one(Verb::Inspect, &usage.path),
        Request::Memory(memory) => memory.asked(),
        Request::Tools | Request::Tool { .. } => Some(Vec::new()),
        Request::Dead(DeadRequest::Show { .. } | DeadRequest::Retry { .. } | DeadRequest::Drop { .. })
        | Request::Dir(DirRequest::Set { .. } | DirRequest::Accept { .. })
        | Request::Session(_)
        | Request::SendSubtree { .. }
        | Request::Watch(_)
        | Request::Job { path: None }
        | Request::Cancel { path: None }
        | Request::Jobs
        | Request::Roles
        | Request::Role { .. }
        | Request::Parcel(_)
        | Request::Verify => None,
    }
}

/// Carries out what an agent may; `at` are those whom the request names, in its order.
async fn carry_out(runtime: &Runtime, tools: &Tools, request: Request, at: Vec<AgentPath>) -> Result<Reply, Failure> {
    let named = |at: Vec<AgentPath>| at.into_iter().next().ok_or_else(no_verb);
    Ok(match request {
        Request::Tree { children, .. } => Reply::Tree(outlined(tools, tree(runtime, &named(at)?, children).await?)),
        Request::Show { .. } => Reply::Shown(seen(runtime, tools, named(at)?).await?),
        Request::List(list) => {
            let path = named(at)?.to_string();
            Reply::Listed(list_page(runtime, ListRequest { path, ..*list }).await?)
        }
        Request::Job { .. } => Reply::Job(job(runtime, named(at)?).await?),
        Request::Transcript(request) if request.looks() => {
            Reply::Transcript(transcript::answer(runtime, request.of(&named(at)?)).await?)
        }
        Request::Usage(request) => {
            let path = named(at)?.to_string();
            Reply::Usage(usage(runtime, UsageRequest { path, ..request }).await?)
        }
        Request::JobControl(control) if control.looks() => {
            Reply::JobControl(jobs::answer(runtime, control.of(&named(at)?)).await?)
        }
        Request::Dir(DirRequest::Show { .. }) => Reply::Dir(directory::show(runtime, named(at)?).await?),
        Request::Session(SessionRequest::Show { .. }) => Reply::Session(session::show(runtime, named(at)?).await?),
        Request::Session(request) => Reply::Session(session::answer_as(runtime, tools, request).await?),
        Request::Spawn(new) => {
            left(new.follow, "spawn")?;
            Reply::Spawned(spawn_as(tools, *new).await?)
        }
        Request::Send { text, interrupt, metadata, .. } => {
            let (accepted, interrupted) = tools.post(&named(at)?, text, false, interrupt, metadata).await?;
            Reply::Accepted(accepted_line(&accepted, interrupted))
        }
        Request::Assign { text, interrupt, metadata, follow, .. } => {
            left(follow, "assign")?;
            let (accepted, interrupted) = tools.post(&named(at)?, text, true, interrupt, metadata).await?;
            Reply::Assigned(Assigned { accepted: accepted_line(&accepted, interrupted), outcome: None })
        }
        Request::Wait { wanted, after, timeout_ms, .. } => {
            let targets = at.into_iter().map(|path| Target { path, after }).collect();
            Reply::Waited(wait(tools, targets, wanted, timeout_ms).await?)
        }
        Request::Close { .. } => {
            let path = named(at)?;
            let report = tools.close(path.as_str()).await?;
            Reply::Closed(AskedClose { path, new: report.marked, stopped: report.stopped, overdue: report.overdue })
        }
        Request::Resume { .. } => {
            let path = named(at)?;
            let new = tools.resume(path.as_str()).await?;
            Reply::Resumed(AskedResume { path, new })
        }
        Request::Goal(request) => Reply::Goal(goal::answer_as(runtime, tools, named(at)?, request).await?),
        Request::Interrupt { cascade, dry_run, .. } => interrupt(runtime, tools, named(at)?, cascade, dry_run).await?,
        Request::Plan(request) => Reply::Plan(plan::answer_as(tools, request).await?),
        Request::Project { .. } => Reply::Project(Box::new(project(runtime, named(at)?).await?)),
        Request::Digest { refresh, .. } => Reply::Digest(Box::new(digest(runtime, named(at)?, refresh).await?)),
        Request::Memory(request) => {
            Reply::Memory(memories::answer_as(runtime, tools, request, at.into_iter().next()).await?)
        }
        Request::Tools => Reply::Tools(ToolList { tools: tools.list().map(tool_line).collect() }),
        Request::Tool { name, arguments } => {
            let answer = tools.call(&name, &arguments.to_string()).await?;
            // A tool answers with a document; one that is none is a text.
            Reply::Tool(serde_json::from_str(&answer).unwrap_or(serde_json::Value::String(answer)))
        }
        Request::Cancel { .. }
        | Request::SendSubtree { .. }
        | Request::Watch(_)
        | Request::Label(_)
        | Request::Remove { .. }
        | Request::Token { .. }
        | Request::Dead(_)
        | Request::Dir(_)
        | Request::Transcript(_)
        | Request::JobControl(_)
        | Request::Jobs
        | Request::Roles
        | Request::Role { .. }
        | Request::Parcel(_)
        | Request::Verify => return Err(no_verb()),
    })
}

/// One node, or as much of it as the agent may see.
async fn seen(runtime: &Runtime, tools: &Tools, path: AgentPath) -> Result<Shown, Failure> {
    Ok(match tools.may(Verb::Inspect, &path) {
        Ok(()) => show(runtime, path).await?,
        Err(_) => Shown::Outline(outline(&runtime.agent(path).show().await?)),
    })
}

async fn interrupt(
    runtime: &Runtime,
    tools: &Tools,
    path: AgentPath,
    cascade: bool,
    dry_run: bool,
) -> Result<Reply, Failure> {
    let reach = if cascade { Reach::Subtree } else { Reach::Node };
    let paths = match dry_run {
        true => runtime.system().interruptible(&path, reach).await?,
        false => tools.interrupt_all(path.as_str(), cascade).await?,
    };
    Ok(Reply::Interrupted(interrupted_line(path, paths, dry_run)))
}

pub(crate) fn no_verb() -> Failure {
    Failure::new(Code::NotFound, "an agent has no such verb")
}

/// An agent is told of outcomes by messages.
fn left(follow: Follow, verb: &str) -> Result<(), Failure> {
    match follow {
        Follow::Leave => Ok(()),
        Follow::Outcome | Follow::Run => {
            let message = format!("{verb} by an agent does not wait: the outcome comes to it as a message");
            Err(Failure::new(Code::Usage, message).hint("understory wait"))
        }
    }
}

async fn wait(tools: &Tools, targets: Vec<Target>, wanted: Wanted, timeout_ms: Option<u64>) -> Result<Waited, Failure> {
    let until = match wanted {
        Wanted::Any => Until::Any,
        Wanted::All => Until::All,
        Wanted::Count(count) => Until::Count(count),
    };
    let waited = tools.wait(targets, until, timeout_ms.map(Duration::from_millis)).await?;
    Ok(Waited { complete: waited.complete, settled: waited.settled.into_iter().map(settled_line).collect() })
}

/// A tree in which of those that the agent may only look at no more is told than that.
fn outlined(tools: &Tools, tree: Tree) -> Tree {
    let line = |line: TreeLine| match tools.may(Verb::Inspect, &line.node.path) {
        Ok(()) => line,
        Err(_) => {
            let NodeLine { path, kind, status, nickname, role, .. } = line.node;
            let (labels, title, task) = (BTreeMap::new(), None, None);
            let (turns, counts, active_at, elapsed_ms) = (None, None, None, None);
            let node = NodeLine {
                path,
                kind,
                status,
                nickname,
                turns,
                counts,
                role,
                title,
                labels,
                task,
                active_at,
                elapsed_ms,
            };
            TreeLine { node, ..line }
        }
    };
    Tree { nodes: tree.nodes.into_iter().map(line).collect(), ..tree }
}

fn outline(view: &View) -> Outline {
    let agent = view.agent();
    let role = match &view.node {
        Node::Agent(agent) => Some(agent.role.clone()),
        _ => None,
    };
    Outline {
        path: view.path.clone(),
        status: view.status().to_owned(),
        role,
        nickname: agent.and_then(|agent| agent.nickname.clone()),
    }
}

fn tool_line(tool: &'static understory::Tool) -> ToolLine {
    let parameters = serde_json::from_str(tool.parameters).unwrap_or_default();
    ToolLine { name: tool.name.to_owned(), description: tool.description.to_owned(), parameters }
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        match error {
            ToolError::Refused(error) => error.into(),
            ToolError::Unknown(_) => Failure::new(Code::NotFound, error.to_string()),
            ToolError::Arguments(_) => Failure::new(Code::Usage, error.to_string()),
            error => Failure::new(Code::Conflict, error.to_string()),
        }
    }
}
