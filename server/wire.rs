//! What goes over the control socket: one JSON document a line. The process says hello, the client asks, and each request has
//! an answer; a watch has many.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::AgentPath;

use crate::agent::{Identity, MintedToken, ToolList};
use crate::dead::{DeadReply, DeadRequest};
use crate::digest::DigestLine;
use crate::directory::{DirLine, DirRequest};
use crate::failure::Failure;
use crate::fan_out::AskedSubtree;
use crate::goal::{GoalReply, GoalRequest};
use crate::jobs::{JobAnswer, JobControl};
use crate::label::{CardLine, LabelRequest};
use crate::lines::{
    Accepted, AskedCancel, AskedClose, AskedInterrupt, AskedResume, Assigned, JobLine, Jobs, Shown, Spawned, Tree,
    VerifiedLine, Waited,
};
use crate::listing::{ListPage, ListRequest};
use crate::memories::{MemoryReply, MemoryRequest};
use crate::parcel::{ParcelReply, ParcelRequest};
use crate::plan::{PlanReply, PlanRequest};
use crate::project::ProjectLine;
use crate::remove::AskedRemove;
use crate::roles::{RoleLine, Roles};
use crate::session::{SessionLine, SessionRequest};
use crate::spawn::NewAgentLine;
use crate::transcript::{TranscriptReply, TranscriptRequest};
use crate::usage::{UsageRequest, UsageTable};
use crate::watching::{WatchLine, WatchRequest, WatchedLine};

/// Something asked of the process that owns the store. What is there already is named as people name it: by an absolute path,
/// one below `/root`, or a nickname below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What lies at and below a path, with many children of one node folded.
    Tree {
        /// The top.
        path: String,
        /// How many children of one node are listed.
        children: usize,
    },
    /// One node.
    Show {
        /// Which.
        path: String,
    },
    /// A subtree as a project: what is done, what remains, what is in the way.
    Project {
        /// Its top.
        path: String,
    },
    /// Nodes, by what holds of them, in pages.
    List(Box<ListRequest>),
    /// A title and labels shall be changed.
    Label(LabelRequest),
    /// Events, as they happen. The one request that is answered by many lines: each event has one of its own, and the end
    /// another.
    Watch(WatchRequest),
    /// Every job.
    Jobs,
    /// One job, with its failed rows by what went wrong.
    Job {
        /// Which; the newest if none is named.
        path: Option<String>,
    },
    /// A job shall start no more rows.
    Cancel {
        /// Which; the unfinished one if none is named.
        path: Option<String>,
    },
    /// Something else asked of one job.
    JobControl(JobControl),
    /// An agent shall be created.
    Spawn(Box<NewAgentLine>),
    /// A message that starts no turn.
    Send {
        /// To whom.
        path: String,
        /// What it says.
        text: String,
        /// Whether the turn under way ends.
        #[serde(default)]
        interrupt: bool,
        /// What is attached to it.
        #[serde(default)]
        metadata: BTreeMap<String, String>,
    },
    /// A message to every open agent of a subtree, which starts no turn.
    SendSubtree {
        /// The top.
        path: String,
        /// What it says.
        text: String,
        /// What is attached to it.
        #[serde(default)]
        metadata: BTreeMap<String, String>,
        /// Whoever has a message with this id gets no second one.
        id: Option<String>,
        /// Only whom it would reach is asked.
        dry_run: bool,
    },
    /// A message that starts a turn.
    Assign {
        /// To whom.
        path: String,
        /// What it says.
        text: String,
        /// Whether the turn under way ends.
        #[serde(default)]
        interrupt: bool,
        /// What is attached to it.
        #[serde(default)]
        metadata: BTreeMap<String, String>,
        /// What becomes of it.
        follow: Follow,
        /// For how long its outcome is waited for at most, in milliseconds. The message stays in any case.
        #[serde(default)]
        timeout_ms: Option<u64>,
    },
    /// Agents shall be run until they are settled.
    Wait {
        /// Which.
        paths: Vec<String>,
        /// How many of them.
        wanted: Wanted,
        /// The number of a turn, if only the outcome of a newer one will do.
        #[serde(default)]
        after: Option<u64>,
        /// For how long at most, in milliseconds.
        timeout_ms: Option<u64>,
    },
    /// A subtree shall be closed.
    Close {
        /// Its top.
        path: String,
    },
    /// A closed mark or a fault shall be taken away.
    Resume {
        /// Where.
        path: String,
    },
    /// The roles of this process.
    Roles,
    /// One of its roles.
    Role {
        /// Which.
        name: String,
    },
    /// A turn shall end.
    Interrupt {
        /// Whose.
        path: String,
        /// Those of all agents below it, too.
        cascade: bool,
        /// Say only which.
        dry_run: bool,
    },
    /// What is closed shall be removed.
    Remove {
        /// Its top.
        path: String,
        /// Only what that would come to is asked.
        dry_run: bool,
    },
    /// What an agent's work came to.
    Digest {
        /// Whose.
        path: String,
        /// It is kept, too.
        #[serde(default)]
        refresh: bool,
    },
    /// Something about dead letters.
    Dead(DeadRequest),
    /// Something about the directory that is worked in.
    Dir(DirRequest),
    /// Something about the conversation of a brain.
    Session(SessionRequest),
    /// Something about goals.
    Goal(GoalRequest),
    /// Something about an agent's plan.
    Plan(PlanRequest),
    /// Something about transcripts.
    Transcript(TranscriptRequest),
    /// What work has cost.
    Usage(UsageRequest),
    /// Something about memories.
    Memory(MemoryRequest),
    /// An agent shall be given a token.
    Token {
        /// Which.
        path: AgentPath,
    },
    /// The tools of the agent that asks.
    Tools,
    /// One of them shall be called.
    Tool {
        /// Which.
        name: String,
        /// With what, as its parameters say.
        arguments: serde_json::Value,
    },
    /// The whole store shall be read, to see whether it fits together.
    Verify,
    /// Something about files that carry what is kept.
    Parcel(ParcelRequest),
}

/// The first line of a connection, from the process that has the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Its version.
    pub understory: String,
    /// Its number.
    pub pid: u32,
}

/// What becomes of a message that starts a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// Its turn is run and its outcome waited for.
    Outcome,
    /// Its turn is run.
    Run,
    /// It lies there until somebody runs the agent.
    Leave,
}

/// How many of several agents are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The first.
    Any,
    /// All.
    All,
    /// This many.
    Count(usize),
}

/// The answer to a request that was carried out. One variant for each shape, not for each verb.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To a tree.
    Tree(Tree),
    /// To a show.
    Shown(Shown),
    /// To a project.
    Project(Box<ProjectLine>),
    /// To a list.
    Listed(ListPage),
    /// To a label.
    Labelled(CardLine),
    /// The end of a watch.
    Watched(WatchedLine),
    /// To a list of jobs.
    Jobs(Jobs),
    /// To a look at one job.
    Job(JobLine),
    /// To a cancel.
    Cancelled(AskedCancel),
    /// To something else asked of one job.
    JobControl(JobAnswer),
    /// To a spawn.
    Spawned(Spawned),
    /// To a send.
    Accepted(Accepted),
    /// To a send to a subtree.
    SentToSubtree(AskedSubtree),
    /// To an assign.
    Assigned(Assigned),
    /// To a wait.
    Waited(Waited),
    /// To a close.
    Closed(AskedClose),
    /// To a resume.
    Resumed(AskedResume),
    /// To a list of roles.
    Roles(Roles),
    /// To a look at one role.
    Role(Box<RoleLine>),
    /// To an interrupt.
    Interrupted(AskedInterrupt),
    /// To a remove.
    Removed(AskedRemove),
    /// To a digest.
    Digest(Box<DigestLine>),
    /// To something about dead letters.
    Dead(DeadReply),
    /// To something about a directory.
    Dir(DirLine),
    /// To something about a conversation.
    Session(SessionLine),
    /// To something about goals.
    Goal(GoalReply),
    /// To something about a plan.
    Plan(PlanReply),
    /// To something about transcripts.
    Transcript(TranscriptReply),
    /// To what work has cost.
    Usage(UsageTable),
    /// To something about memories.
    Memory(MemoryReply),
    /// To a token.
    Token(MintedToken),
    /// To a list of tools.
    Tools(ToolList),
    /// To a call of a tool.
    Tool(serde_json::Value),
    /// To a verify.
    Verified(VerifiedLine),
    /// To something about files that carry what is kept.
    Parcel(ParcelReply),
}

impl Request {
    /// Whether asking twice comes to the same as asking once.
    pub fn repeats(&self) -> bool {
        if let Request::Dead(dead) = self {
            return dead.repeats();
        }
        if let Request::Dir(dir) = self {
            return dir.repeats();
        }
        if let Request::Session(session) = self {
            return session.repeats();
        }
        if let Request::Goal(goal) = self {
            return goal.repeats();
        }
        if let Request::Plan(plan) = self {
            return plan.repeats();
        }
        if let Request::Transcript(transcript) = self {
            return transcript.repeats();
        }
        if let Request::Memory(memory) = self {
            return memory.repeats();
        }
        if let Request::JobControl(control) = self {
            return control.repeats();
        }
        if let Request::Parcel(parcel) = self {
            return parcel.repeats();
        }
        if let Request::SendSubtree { id, dry_run, .. } = self {
            return *dry_run || id.is_some();
        }
        // A second interrupt may end the next turn.
        let once = matches!(self, Request::Interrupt { dry_run: false, .. });
        !once
            && !matches!(self, Request::Spawn(_) | Request::Send { .. } | Request::Assign { .. })
            && !matches!(self, Request::Tool { .. })
    }
}

impl Hello {
    pub(crate) fn mine() -> Self {
        Hello { understory: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() }
    }
}

/// Under which name a request says who asks.
pub(crate) const AS: &str = "as";

/// A request as it goes over the wire.
#[derive(Serialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<&'a Identity>,
    #[serde(flatten)]
    pub(crate) request: &'a Request,
}

/// A line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// One of many, behind which others come.
    More(WatchLine),
    Ok(Reply),
    Error(Failure),
}
