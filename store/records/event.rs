//! What is told of a commit. An event announces what is durable; it decides nothing.

use serde::{Deserialize, Serialize};
use understory_paths::AgentPath;

use super::agent::TurnResult;
use super::directory::Checkout;
use super::goal::{GoalId, GoalStatus};
use super::id::{AgentRef, InboxKey};
use super::job::Counts;
use super::metadata::Metadata;
use super::version::record;

/// One event. Its id is the number of its commit and its place there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// An agent was created.
    Spawned {
        /// The agent.
        agent: AgentRef,
    },
    /// A subtree was closed.
    Closed {
        /// Its top.
        path: AgentPath,
    },
    /// A subtree's mark was taken away, or a fault cleared.
    Resumed {
        /// Its top.
        path: AgentPath,
    },
    /// A message was accepted.
    Mailed {
        /// Whom it is for.
        to: AgentRef,
        /// Whether it starts a turn.
        trigger: bool,
        /// What was attached to it.
        metadata: Metadata,
    },
    /// A turn started.
    TurnStarted {
        /// Whose.
        agent: AgentRef,
        /// Which.
        turn: u64,
        /// Which attempt at it.
        attempt: u32,
        /// What was attached to the messages it is about, the later ones over the earlier.
        metadata: Metadata,
    },
    /// A turn was taken back and runs again later.
    TurnPutOff {
        /// Whose.
        agent: AgentRef,
        /// Which.
        turn: u64,
        /// Why.
        reason: String,
    },
    /// A turn ended.
    TurnEnded {
        /// Whose.
        agent: AgentRef,
        /// Which.
        turn: u64,
        /// How.
        result: TurnResult,
        /// The inbox rows it was about.
        consumed: Vec<InboxKey>,
        /// What was attached to those.
        metadata: Metadata,
    },
    /// Supervision gave up on an agent.
    Faulted {
        /// The agent.
        agent: AgentRef,
        /// Why.
        reason: String,
    },
    /// Messages went to the dead letters.
    DeadLettered {
        /// Whose.
        agent: AgentRef,
        /// The inbox rows they were.
        rows: Vec<InboxKey>,
    },
    /// A job was created; its rows follow.
    JobCreated {
        /// The job.
        job: AgentRef,
    },
    /// A job changed: its state, or its counts.
    JobChanged {
        /// The job.
        job: AgentRef,
        /// The word for its state.
        state: String,
        /// Where its rows stand.
        counts: Counts,
    },
    /// Rows of a job started or came to an end of a run. At most 128 of both together.
    ItemsMoved {
        /// The job.
        job: AgentRef,
        /// Row and run of those started.
        started: Vec<(u32, u32)>,
        /// Those ended.
        ended: Vec<ItemEnd>,
    },
    /// A job's output was written whole.
    JobExported {
        /// The job.
        job: AgentRef,
    },
    /// A job's output could not be written; it is tried again when the job is resumed.
    JobExportFailed {
        /// The job.
        job: AgentRef,
        /// Why.
        reason: String,
    },
    /// A closed subtree was removed: nothing of it is left.
    Removed {
        /// Its top.
        node: AgentRef,
    },
    /// The oldest dead letters were dropped: there would have been too many with those that come.
    DeadDropped {
        /// Whose.
        agent: AgentRef,
        /// Where they lay.
        rows: Vec<InboxKey>,
    },
    /// A node's title or labels were changed.
    Labelled {
        /// The node.
        node: AgentRef,
    },
    /// An agent's goal was set, changed, charged or cleared.
    GoalChanged {
        /// Whose.
        agent: AgentRef,
        /// How it stands.
        goal: GoalStanding,
    },
    /// Nodes of an agent's plan were changed.
    PlanChanged {
        /// Whose plan.
        agent: AgentRef,
        /// Which of its nodes.
        nodes: Vec<u32>,
        /// What was done to them.
        what: PlanWhat,
    },
    /// The directory of an agent or job is not as it was left.
    Drifted {
        /// The agent or job.
        agent: AgentRef,
        /// How it was left.
        was: Checkout,
        /// How it is.
        is: Checkout,
        /// Whether nothing runs there until it is as it was, or accepted.
        held: bool,
    },
    /// Somebody said where an agent or job works, or accepted how its directory is.
    DirectorySet {
        /// The agent or job.
        node: AgentRef,
    },
    /// The conversation of a brain is lost on the other side: it begins a new one.
    SessionLost {
        /// Whose brain, or the item that it worked on.
        agent: AgentRef,
    },
    /// A subtree came from a file, closed.
    Imported {
        /// Its top.
        node: AgentRef,
    },
}

/// What is told of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalStanding {
    /// Which one.
    pub id: GoalId,
    /// How it stands; nothing: it was cleared.
    pub status: Option<GoalStatus>,
    /// Tokens used.
    pub used: u64,
    /// Tokens allowed.
    pub budget: Option<u64>,
    /// Why it stands so, cut to 200 characters.
    pub why: String,
}

/// What was done to nodes of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanWhat {
    /// They are new.
    Added,
    /// What they say or come after was changed.
    Edited,
    /// Somebody began with them.
    Started,
    /// They were given to an agent, which has a message about it.
    Assigned {
        /// Whom to.
        to: AgentRef,
    },
    /// They are done.
    Done,
    /// They shall not be done.
    Dropped,
    /// They are to be done as if nobody had begun.
    Reopened,
    /// They were taken out of the plan.
    Cleared,
}

/// The end of one run of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemEnd {
    /// The row.
    pub row: u32,
    /// The run.
    pub run: u32,
    /// How it ended.
    pub ending: ItemEnding,
}

/// How a run of a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemEnding {
    /// With a result.
    Completed,
    /// With a failure; the row is tried again.
    Retried,
    /// With a failure; the row is failed.
    Failed,
    /// Taken back, uncharged.
    Released,
    /// There was none: the row is skipped.
    Skipped,
}

impl PlanWhat {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            PlanWhat::Added => "added",
            PlanWhat::Edited => "edited",
            PlanWhat::Started => "started",
            PlanWhat::Assigned { .. } => "assigned",
            PlanWhat::Done => "done",
            PlanWhat::Dropped => "dropped",
            PlanWhat::Reopened => "reopened",
            PlanWhat::Cleared => "cleared",
        }
    }
}

impl Event {
    /// The node it is about.
    pub fn path(&self) -> &AgentPath {
        match self {
            Event::Closed { path } | Event::Resumed { path } => path,
            Event::Mailed { to: node, .. }
            | Event::Spawned { agent: node }
            | Event::TurnStarted { agent: node, .. }
            | Event::TurnPutOff { agent: node, .. }
            | Event::TurnEnded { agent: node, .. }
            | Event::Faulted { agent: node, .. }
            | Event::GoalChanged { agent: node, .. }
            | Event::DeadLettered { agent: node, .. }
            | Event::DeadDropped { agent: node, .. }
            | Event::PlanChanged { agent: node, .. }
            | Event::JobCreated { job: node }
            | Event::JobChanged { job: node, .. }
            | Event::ItemsMoved { job: node, .. }
            | Event::JobExportFailed { job: node, .. }
            | Event::JobExported { job: node }
            | Event::Removed { node }
            | Event::Labelled { node }
            | Event::Drifted { agent: node, .. }
            | Event::SessionLost { agent: node }
            | Event::DirectorySet { node }
            | Event::Imported { node } => &node.path,
        }
    }
}

record!(Event, V1);
