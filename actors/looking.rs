//! Looking at the tree: what is there and how it stands, as far as it is durable.

use std::collections::HashSet;

use understory_paths::AgentPath;
use understory_store::{Agent, Direction, Job, Key, KeyRange, Message, Node, Phase, Row, Table};

use crate::error::Error;
use crate::system::{System, closed_at};

/// How many marks and messages of a page's range are looked at.
const MARKS_MAX: usize = 4096;

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
}

impl View {
    /// The word for how it stands: the first that holds of closed, faulted, running, queued, how its last turn ended, idle.
    pub fn status(&self) -> &'static str {
        if self.closed.is_some() {
            return "closed";
        }
        match &self.node {
            Node::Agent(agent) => agent_status(agent, self.queued),
            Node::Job(job) => job.state.as_str(),
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
}

fn agent_status(agent: &Agent, queued: bool) -> &'static str {
    match &agent.phase {
        Phase::Faulted { .. } => "faulted",
        Phase::Running(_) => "running",
        Phase::Ready { .. } if queued && agent.brain.is_some() => "queued",
        Phase::Ready { .. } => agent.outcome.as_ref().map_or("idle", |outcome| outcome.result.as_str()),
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
        let closed = closed_at(&self.store, path).await?;
        let queued = crate::waiting::has_trigger(&self.store, path).await?;
        Ok(View { path: path.clone(), node: row.value, closed, queued })
    }

    /// At most `limit` nodes at and below `top` in path order, which is parents first; beyond `after`, if given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, top: &AgentPath, after: Option<&AgentPath>, limit: usize) -> Result<Vec<View>, Error> {
        let from = after.map(|path| Table::Node.at(path));
        let rows = self.store.page::<Node>(Table::Node.subtree(top), from, Direction::Forward, limit).await?;
        self.views(rows).await
    }

    async fn views(&self, rows: Vec<Row<Node>>) -> Result<Vec<View>, Error> {
        let paths: Vec<AgentPath> = rows.iter().filter_map(|row| Table::Node.path_of(&row.key)).collect();
        let (Some(first), Some(last)) = (paths.first(), paths.last()) else { return Ok(Vec::new()) };
        let above = closed_at(&self.store, first).await?;
        let closed = self.marks_between(Table::Closed, first, last).await?;
        let queued = self.triggers_between(first, last).await?;
        let nearest = |path: &AgentPath| {
            let inside = std::iter::once(path.clone()).chain(path.ancestors()).find(|path| closed.contains(path));
            inside.or_else(|| above.clone().filter(|mark| mark.contains(path)))
        };
        let view = |(path, row): (AgentPath, Row<Node>)| {
            let (closed, queued) = (nearest(&path), queued.contains(&path));
            View { path, node: row.value, closed, queued }
        };
        Ok(paths.into_iter().zip(rows).map(view).collect())
    }

    async fn marks_between(
        &self,
        table: Table,
        first: &AgentPath,
        last: &AgentPath,
    ) -> Result<HashSet<AgentPath>, Error> {
        let keys = self.store.peek_keys(span(table, first, last), None, MARKS_MAX).await?;
        Ok(keys.iter().filter_map(|key| table.path_of(key)).collect())
    }

    async fn triggers_between(&self, first: &AgentPath, last: &AgentPath) -> Result<HashSet<AgentPath>, Error> {
        let range = span(Table::Inbox, first, last);
        let rows = self.store.peek_page::<Message>(range, None, MARKS_MAX).await?;
        let triggers = rows.iter().filter(|row| row.value.trigger);
        Ok(triggers.filter_map(|row| Table::Inbox.path_of(&row.key)).collect())
    }
}

/// The rows of `table` that belong to paths from `first` to `last`.
fn span(table: Table, first: &AgentPath, last: &AgentPath) -> KeyRange {
    let mut end = table.at(last).as_bytes().to_vec();
    end.push(1);
    KeyRange::between(table.at(first), Key::new(end))
}
