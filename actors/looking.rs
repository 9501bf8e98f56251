//! Looking at the tree: what is there and how it stands, as far as it is durable; and of a turn that waits, for what.

mod beside;
mod cursor;
mod query;
mod stretch;
mod task;
mod views;

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{Agent, Card, Direction, ItemState, Job, Node, Phase, Table, Time};

pub use beside::{CHILDREN_COUNTED_MAX, PendingMail};
pub use cursor::Cursor;
pub use query::{Kind, LIST_MAX, Listing, Order, Part, Query, STATUSES};

use crate::error::Error;
use crate::pausing::Waits;
use crate::system::System;

/// A node and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Where it lies.
    pub path: AgentPath,
    /// Its record.
    pub node: Node,
    /// The closed mark at or above it, the nearest.
    pub closed: Option<AgentPath>,
    /// Whether a message that starts a turn waits for it.
    pub queued: bool,
    /// Whether it is an item that will not be started: its job is cancelled.
    pub called_off: bool,
    /// What its turn waits for, if that has given its slot back for it. Only the process that runs it knows.
    pub waits: Option<Waits>,
    /// Its title and labels.
    pub card: Card,
    /// The first line of what it is about: of the message that started its turn, or would start the next, or started the
    /// last. Cut to 120 characters.
    pub task: Option<String>,
    /// When it was looked at.
    pub at: Time,
}

impl View {
    /// The word for how it stands: the first that holds of closed, faulted, waiting, running, queued, how its last turn
    /// ended, idle.
    pub fn status(&self) -> &'static str {
        if self.closed.is_some() {
            return "closed";
        }
        match &self.node {
            Node::Agent(agent) => agent_status(agent, self.queued, self.waits.is_some()),
            Node::Job(job) => job.state.as_str(),
            Node::Item(item) if item.state.is_running() && self.waits.is_some() => "waiting",
            Node::Item(_) if self.called_off => "cancelled",
            Node::Item(item) => item.state.as_str(),
            _ => "unknown",
        }
    }

    /// The agent's record, if it is one.
    pub fn agent(&self) -> Option<&Agent> {
        match &self.node {
            Node::Agent(agent) => Some(agent),
            _ => None,
        }
    }

    /// The job's record, if it is one.
    pub fn job(&self) -> Option<&Job> {
        match &self.node {
            Node::Job(job) => Some(job),
            _ => None,
        }
    }

    /// When it was created; nobody keeps that of a job's item.
    pub fn created(&self) -> Option<Time> {
        created(&self.node)
    }

    /// When something last happened to it that its record tells: it was created, a turn or run of it began or ended, it
    /// faulted, its output was written.
    pub fn active(&self) -> Option<Time> {
        active(&self.node)
    }

    /// For how long the turn or run under way has gone on.
    pub fn elapsed(&self) -> Option<Duration> {
        let started_at = match &self.node {
            Node::Agent(agent) => agent.running()?.started_at,
            Node::Item(item) => match item.state {
                ItemState::Running { started_at, .. } => started_at,
                _ => return None,
            },
            _ => return None,
        };
        Some(started_at.until(self.at))
    }
}

impl System {
    /// One node.
    ///
    /// # Errors
    /// Nothing lies there, or the store failed.
    pub async fn show(&self, path: &AgentPath) -> Result<View, Error> {
        let row = self.store.get::<Node>(&Table::Node.at(path)).await?;
        let Some(row) = row else { return Err(self.missing(path).await) };
        let mut view = self.views(vec![row]).await?.pop().expect("a node has a view");
        self.tell_task(&mut view).await?;
        Ok(view)
    }

    /// At most `limit` nodes at and below `top` in path order, which is parents first; beyond `after`, if given. Nothing is
    /// left out, and the views tell no task: a [`Query`] is for people.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, top: &AgentPath, after: Option<&AgentPath>, limit: usize) -> Result<Vec<View>, Error> {
        let from = after.map(|path| Table::Node.at(path));
        let rows = self.store.page::<Node>(Table::Node.subtree(top), from, Direction::Forward, limit).await?;
        self.views(rows).await
    }
}

fn agent_status(agent: &Agent, queued: bool, waits: bool) -> &'static str {
    match &agent.phase {
        Phase::Faulted { .. } => "faulted",
        Phase::Running(_) if waits => "waiting",
        Phase::Running(_) => "running",
        Phase::Ready { .. } if queued && agent.brain.is_some() => "queued",
        Phase::Ready { .. } => agent.outcome.as_ref().map_or("idle", |outcome| outcome.result.as_str()),
    }
}

fn created(node: &Node) -> Option<Time> {
    match node {
        Node::Agent(agent) => Some(agent.created_at),
        Node::Job(job) => Some(job.created_at),
        _ => None,
    }
}

fn active(node: &Node) -> Option<Time> {
    match node {
        Node::Agent(agent) => {
            let phase = match &agent.phase {
                Phase::Running(running) => Some(running.started_at),
                Phase::Faulted { at, .. } => Some(*at),
                Phase::Ready { .. } => None,
            };
            let ended = agent.outcome.as_ref().map(|outcome| outcome.at);
            [Some(agent.created_at), phase, ended, agent.faults.last().copied()].into_iter().flatten().max()
        }
        Node::Job(job) => job.exported.into_iter().chain([job.created_at]).max(),
        Node::Item(item) => match item.state {
            ItemState::Running { started_at, .. } => Some(started_at),
            ItemState::Completed { at, .. } | ItemState::Failed { at } | ItemState::Skipped { at } => Some(at),
            ItemState::Pending { .. } => None,
        },
        _ => None,
    }
}
