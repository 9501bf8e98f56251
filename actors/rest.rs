//! Whether anything is left to do in a subtree.

use std::collections::BTreeSet;

use understory_paths::AgentPath;
use understory_store::{Direction, Message, Node, Phase, Table};

use crate::error::Error;
use crate::system::{System, closed_at};

/// How many rows are read at a time.
const PAGE: usize = 256;

impl System {
    /// A node at or below `top` that has something left to do if it is run: a job that is not finished, or an agent for
    /// which a message that starts a turn waits or is in hand. Jobs in `but` are passed over. Nothing if all rests.
    ///
    /// # Errors
    /// The store failed.
    pub async fn busy(&self, top: &AgentPath, but: &BTreeSet<AgentPath>) -> Result<Option<AgentPath>, Error> {
        if let Some(job) = self.unfinished_job(top, but).await? {
            return Ok(Some(job));
        }
        self.asked_agent(top).await
    }

    async fn unfinished_job(&self, top: &AgentPath, but: &BTreeSet<AgentPath>) -> Result<Option<AgentPath>, Error> {
        let (range, mut from) = (Table::Unfinished.subtree(top), None);
        loop {
            let keys = self.store.peek_keys(range.clone(), from.take(), PAGE).await?;
            for path in keys.iter().filter_map(|key| Table::Unfinished.path_of(key)) {
                // Read anew, and durable: the mark may be one commit behind the job.
                let row = self.store.get::<Node>(&Table::Node.at(&path)).await?;
                let unfinished = matches!(row.map(|row| row.value), Some(Node::Job(job)) if job.unfinished());
                if unfinished && !but.contains(&path) && closed_at(&self.store, &path).await?.is_none() {
                    return Ok(Some(path));
                }
            }
            match keys.last() {
                Some(last) if keys.len() == PAGE => from = Some(last.clone()),
                _ => return Ok(None),
            }
        }
    }

    async fn asked_agent(&self, top: &AgentPath) -> Result<Option<AgentPath>, Error> {
        let (range, mut from) = (Table::Inbox.subtree(top), None);
        loop {
            let rows = self.store.page::<Message>(range.clone(), from.take(), Direction::Forward, PAGE).await?;
            let mut looked: Option<AgentPath> = None;
            for row in rows.iter().filter(|row| row.value.trigger) {
                let Some(path) = Table::Inbox.path_of(&row.key).filter(|path| looked.as_ref() != Some(path)) else {
                    continue;
                };
                if self.takes_turns(&path).await? {
                    return Ok(Some(path));
                }
                looked = Some(path);
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE => from = Some(last.key.clone()),
                _ => return Ok(None),
            }
        }
    }

    async fn takes_turns(&self, path: &AgentPath) -> Result<bool, Error> {
        let row = self.store.get::<Node>(&Table::Node.at(path)).await?;
        let able = match row.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent.brain.is_some() && !matches!(agent.phase, Phase::Faulted { .. }),
            _ => false,
        };
        Ok(able && closed_at(&self.store, path).await?.is_none())
    }
}
