//! Waiting for agents: a question about state, asked again whenever something happened there.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use understory_paths::AgentPath;
use understory_store::{Message, Node, Outcome, Phase, Store, Table};

use crate::error::Error;
use crate::system::{System, closed_at};
use crate::watchers::{Heard, Watch};

/// How many inbox rows a look for a trigger reads at a time.
const PAGE: usize = 64;

/// How many of several agents are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The first that is settled.
    Any,
    /// All of them.
    All,
    /// This many.
    Count(usize),
}

/// An agent at which nothing runs and no message that would start a turn lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The agent.
    pub path: AgentPath,
    /// How it stands.
    pub standing: Standing,
}

/// How a settled agent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its last turn ended like this; nothing if it never had one.
    Rests(Option<Outcome>),
    /// It or an ancestor is closed.
    Closed {
        /// Where the mark is.
        at: AgentPath,
    },
    /// Supervision gave up on it.
    Faulted {
        /// Why.
        reason: String,
    },
}

impl System {
    /// Runs the agents' subtrees and waits until as many of them as asked are settled. Gives back those that are, in the
    /// order they became so; fewer than asked when the deadline came first.
    ///
    /// # Errors
    /// One of the paths does not exist or is not an agent, the runtime stops, or the store failed.
    pub async fn wait(&self, paths: &[AgentPath], until: Until, within: Duration) -> Result<Vec<Settled>, Error> {
        let wanted = match until {
            Until::Any => 1,
            Until::All => paths.len(),
            Until::Count(count) => count,
        };
        for path in paths {
            self.run(path).await?;
        }
        let mut settling: FuturesUnordered<_> = paths.iter().map(|path| self.settle(path)).collect();
        let mut settled = Vec::new();
        let gather = async {
            while settled.len() < wanted
                && let Some(next) = settling.next().await
            {
                settled.push(next?);
            }
            Ok::<(), Error>(())
        };
        match tokio::time::timeout(within, gather).await {
            Ok(gathered) => gathered.map(|()| settled),
            Err(_) => Ok(settled),
        }
    }

    async fn settle(&self, path: &AgentPath) -> Result<Settled, Error> {
        // Listening begins before the look, so nothing falls in between.
        let mut watch: Watch = self.watchers.watch(path);
        let mut woken = !self.active.contains(path);
        loop {
            if let Some(standing) = self.standing(path).await? {
                return Ok(Settled { path: path.clone(), standing });
            }
            // If it stopped over an error before anybody listened, it stops again.
            if !std::mem::replace(&mut woken, true) {
                self.agents.wake(self, path);
            }
            if let Heard::Failed(error) = watch.next().await.ok_or(Error::Stopping)? {
                return Err(error);
            }
        }
    }

    /// How an agent stands if it is settled.
    async fn standing(&self, path: &AgentPath) -> Result<Option<Standing>, Error> {
        let row = self.store.get::<Node>(&Table::Node.at(path)).await?;
        let agent = match row.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent,
            Some(node) => {
                return Err(Error::wrong_kind(path, &node, "be waited for"));
            }
            None => return Err(Error::NotFound { path: path.clone() }),
        };
        if let Some(at) = closed_at(&self.store, path).await? {
            return Ok(Some(Standing::Closed { at }));
        }
        Ok(match agent.phase {
            Phase::Faulted { reason, .. } => Some(Standing::Faulted { reason }),
            Phase::Running(_) => None,
            Phase::Ready { .. } if agent.brain.is_some() && has_trigger(&self.store, path).await? => None,
            Phase::Ready { .. } => Some(Standing::Rests(agent.outcome)),
        })
    }
}

/// Whether a message that starts a turn lies in an inbox.
pub(crate) async fn has_trigger(store: &Store, path: &AgentPath) -> Result<bool, Error> {
    let (range, mut from) = (Table::Inbox.rows_of(path), None);
    loop {
        let rows = store.peek_page::<Message>(range.clone(), from, PAGE).await?;
        if rows.iter().any(|row| row.value.trigger) {
            return Ok(true);
        }
        match rows.last() {
            Some(last) if rows.len() == PAGE => from = Some(last.key.clone()),
            _ => return Ok(false),
        }
    }
}
