//! Where a conversation lies among others, and the agents that are made for them.

use std::collections::HashMap;

use understory_paths::AgentPath;
use understory_store::{AgentRef, ImportedThread, Node, Row, Table};

use super::archive::Thread;
use super::birth::segment;
use super::round::ends_all;
use super::run::{Patience, Run};
use crate::error::Error;
use crate::nickname::Nickname;
use crate::registrar::{Answer, Birth, Request};
use crate::system::{closed_at, node_at};

/// Where a conversation goes.
pub(super) enum Place {
    /// To the agent that was made for it.
    There(Box<(AgentRef, Row<Node>)>),
    /// To an agent that is to be made.
    New(AgentPath),
    /// Nowhere: its agent was removed.
    Removed,
    /// Nowhere yet: its parent is not there.
    Waits,
}

impl Run<'_> {
    /// Where a conversation goes; `named` are those of its round that come before it.
    pub(super) async fn place(
        &self,
        thread: &Thread,
        known: Option<&ImportedThread>,
        named: &HashMap<String, AgentPath>,
    ) -> Result<Place, Error> {
        let store = &self.system.store;
        if let Some(known) = known {
            let path = &known.agent.path;
            return match node_at(store, path).await?.filter(|row| row.value.id() == known.agent.id) {
                None => Ok(Place::Removed),
                Some(row) => match closed_at(store, path).await? {
                    Some(at) => Err(Error::Closed { path: path.clone(), at }),
                    None => Ok(Place::There(Box::new((known.agent.clone(), row)))),
                },
            };
        }
        let parent = match &thread.parent {
            Some(parent) => match named.get(parent) {
                Some(path) => Some(path.clone()),
                None => self.agent_of(parent).await?,
            },
            None => Some(self.top.clone()),
        };
        let parent = match (parent, &self.patience, &thread.parent) {
            (Some(parent), _, _) => parent,
            (None, Patience::Lasts, _) => return Ok(Place::Waits),
            (None, Patience::With(waiting), Some(parent)) if waiting.contains(parent) => return Ok(Place::Waits),
            (None, _, _) => self.top.clone(),
        };
        let own = segment(&thread.name);
        // Where a path would be too long, it lies below the top.
        Ok(Place::New(parent.join(&own).or_else(|_| self.top.join(&own))?))
    }

    /// Creates agents, those that can be.
    pub(super) async fn bear(&self, births: Vec<Birth>) -> Result<Vec<Result<(AgentRef, Row<Node>), Error>>, Error> {
        if self.dry || births.is_empty() {
            return Ok(Vec::new());
        }
        let mut born = Vec::with_capacity(births.len());
        match self.spawn(births.clone()).await {
            Ok(all) => born.extend(all.into_iter().map(Ok)),
            Err(error) if ends_all(&error) => return Err(error),
            Err(_) => {
                for birth in births {
                    born.push(self.bear_alone(birth).await);
                }
            }
        }
        let mut nodes = Vec::with_capacity(born.len());
        for one in born {
            nodes.push(match one {
                Ok((agent, created)) => self.adopt(agent, created).await,
                Err(error) => Err(error),
            });
        }
        Ok(nodes)
    }

    /// The agent that was made for a conversation, if it is there.
    async fn agent_of(&self, name: &str) -> Result<Option<AgentPath>, Error> {
        let Some(known) = self.ledger.thread(name).await?.value else { return Ok(None) };
        let row = node_at(&self.system.store, &known.agent.path).await?;
        // That of one who was removed stays away, and those whose parent it was lie below the top.
        let there = row.is_some_and(|row| row.value.id() == known.agent.id);
        Ok(Some(if there { known.agent.path } else { self.top.clone() }))
    }

    /// Creates one agent, without its nickname if that is another's or none.
    async fn bear_alone(&self, birth: Birth) -> Result<(AgentRef, bool), Error> {
        let alone = |birth| async { Ok::<_, Error>(self.spawn(vec![birth]).await?.remove(0)) };
        match alone(birth.clone()).await {
            Err(error) if birth.nickname != Nickname::Off && !ends_all(&error) => {
                alone(Birth { nickname: Nickname::Off, ..birth }).await
            }
            outcome => outcome,
        }
    }

    async fn spawn(&self, births: Vec<Birth>) -> Result<Vec<(AgentRef, bool)>, Error> {
        let Answer::Spawned(newborns) = self.system.register(Request::Spawn { births, by: None, tool: None }).await?
        else {
            unreachable!("the registrar answers a spawn with those it created");
        };
        Ok(newborns.into_iter().map(|newborn| (newborn.agent, newborn.created)).collect())
    }

    /// An agent for a conversation of which nothing is known yet: a new one, or one that a run made before it was cut.
    async fn adopt(&self, agent: AgentRef, created: bool) -> Result<(AgentRef, Row<Node>), Error> {
        let store = &self.system.store;
        let row = node_at(store, &agent.path).await?.filter(|row| row.value.id() == agent.id);
        let Some(row) = row else { return Err(self.system.missing(&agent.path).await) };
        let blank = matches!(&row.value, Node::Agent(agent) if agent.brain.is_none() && agent.turns == 0);
        let written = store.peek_keys(Table::Transcript.rows_of(&agent.path), None, 1).await?;
        match created || (blank && written.is_empty()) {
            true => Ok((agent, row)),
            false => Err(Error::Exists { path: agent.path }),
        }
    }
}
