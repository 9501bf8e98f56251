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

/// An agent that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The agent.
    pub path: AgentPath,
    /// The number of a turn, if only a newer one than that will do. An agent that settles without one is waited for further,
    /// unless it is closed, faulted or removed.
    pub after: Option<u64>,
}

/// What a turn's wait came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// Those that are settled, in the order they became so.
    pub settled: Vec<Settled>,
    /// Those that are not.
    pub pending: Vec<AgentPath>,
    /// Whether as many are settled as were asked for; false if the deadline came first.
    pub complete: bool,
    /// What the deadline was, which may be later than asked.
    pub within: Duration,
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
    /// It was removed, by itself or with what it lay below.
    Removed {
        /// What was removed.
        at: AgentPath,
    },
    /// Supervision gave up on it.
    Faulted {
        /// Why.
        reason: String,
    },
    /// A message waits that would start a turn, and none starts: nothing is left of a goal's budget. With more it goes on.
    Held {
        /// Whose goal.
        goal: AgentPath,
    },
    /// What came of it is not for whoever waits.
    Reserved {
        /// The word for how it stands.
        status: &'static str,
        /// The number of its last turn.
        turn: Option<u64>,
    },
}

impl From<AgentPath> for Target {
    fn from(path: AgentPath) -> Self {
        Target { path, after: None }
    }
}

impl From<&AgentPath> for Target {
    fn from(path: &AgentPath) -> Self {
        path.clone().into()
    }
}

impl Standing {
    /// As much of it as those are told who may not inspect the agent.
    pub(crate) fn reserved(self) -> Standing {
        let rests =
            |outcome: &Outcome| Standing::Reserved { status: outcome.result.as_str(), turn: Some(outcome.turn) };
        match self {
            Standing::Rests(Some(outcome)) => rests(&outcome),
            Standing::Faulted { .. } => Standing::Reserved { status: "faulted", turn: None },
            rest => rest,
        }
    }
}

impl Until {
    /// How many that is of `all`.
    pub(crate) fn of(self, all: usize) -> usize {
        match self {
            Until::Any => all.min(1),
            Until::All => all,
            Until::Count(count) => all.min(count),
        }
    }
}

impl System {
    /// Runs the agents' subtrees and waits until as many of them as asked are settled. Gives back those that are, in the
    /// order they became so; fewer than asked when the deadline came first.
    ///
    /// # Errors
    /// One of the paths does not exist or is not an agent, the runtime stops, or the store failed.
    pub async fn wait(&self, paths: &[AgentPath], until: Until, within: Duration) -> Result<Vec<Settled>, Error> {
        self.wait_for(&paths.iter().map(Target::from).collect::<Vec<_>>(), until, within).await
    }

    /// As [`System::wait`], for outcomes of newer turns than are known already: who was told of turn 3 asks for what comes
    /// after 3, and misses nothing that ended before it asked.
    ///
    /// # Errors
    /// As for [`System::wait`].
    pub async fn wait_for(&self, targets: &[Target], until: Until, within: Duration) -> Result<Vec<Settled>, Error> {
        for target in targets {
            match self.run(&target.path).await {
                // That is how it stands.
                Err(Error::Removed { .. }) => {}
                run => run?,
            }
        }
        self.settled_within(targets, until, within).await
    }

    /// Waits for as many targets as asked; those that are settled at the deadline.
    pub(crate) async fn settled_within(
        &self,
        targets: &[Target],
        until: Until,
        within: Duration,
    ) -> Result<Vec<Settled>, Error> {
        let wanted = until.of(targets.len());
        let mut settling: FuturesUnordered<_> = targets.iter().map(|target| self.settle(target)).collect();
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

    /// Those that are settled now.
    pub(crate) async fn settled_now(&self, targets: &[Target]) -> Result<Vec<Settled>, Error> {
        let mut settled = Vec::new();
        for target in targets {
            let standing = self.standing(target).await?;
            settled.extend(standing.map(|standing| Settled { path: target.path.clone(), standing }));
        }
        Ok(settled)
    }

    async fn settle(&self, target: &Target) -> Result<Settled, Error> {
        let path = &target.path;
        // Listening begins before the look, so nothing falls in between.
        let mut watch: Watch = self.watchers.watch(path);
        let mut woken = !self.active.contains(path);
        loop {
            if let Some(standing) = self.standing(target).await? {
                return Ok(Settled { path: path.clone(), standing });
            }
            // If it stopped over an error before anybody listened, it stops again.
            if !std::mem::replace(&mut woken, true) {
                self.agents.wake(self, path);
            }
            match watch.next().await.ok_or(Error::Stopping)? {
                // It is held, which is how it stands.
                Heard::Failed(Error::Spent { .. }) | Heard::Told(_) | Heard::Gap => {}
                Heard::Failed(error) => return Err(error),
            }
        }
    }

    /// How a target stands if it is settled.
    async fn standing(&self, target: &Target) -> Result<Option<Standing>, Error> {
        let Target { path, after } = target;
        let row = self.store.get::<Node>(&Table::Node.at(path)).await?;
        let agent = match row.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent,
            Some(node) => {
                return Err(Error::wrong_kind(path, &node, "be waited for"));
            }
            None => match self.missing(path).await {
                Error::Removed { at, .. } => return Ok(Some(Standing::Removed { at })),
                missing => return Err(missing),
            },
        };
        if let Some(at) = closed_at(&self.store, path).await? {
            return Ok(Some(Standing::Closed { at }));
        }
        let newest = agent.outcome.as_ref().map(|outcome| outcome.turn);
        self.goals.ready(&self.store).await?;
        let held = self.goals.spent_for(path).map(|goal| Standing::Held { goal });
        Ok(match agent.phase {
            Phase::Faulted { reason, .. } => Some(Standing::Faulted { reason }),
            Phase::Running(_) => None,
            Phase::Ready { .. } if agent.brain.is_some() && has_trigger(&self.store, path).await? => held,
            Phase::Ready { .. } if self.goes_on_here(path, agent.id).await? => held,
            Phase::Ready { .. } if after.is_some_and(|after| newest.is_none_or(|newest| newest <= after)) => None,
            Phase::Ready { .. } => Some(Standing::Rests(agent.outcome)),
        })
    }
}

/// Whether a message that starts a turn lies in an inbox.
pub(crate) async fn has_trigger(store: &Store, path: &AgentPath) -> Result<bool, Error> {
    let mut messages = store.pages(Table::Inbox.rows_of(path), PAGE);
    while let Some(rows) = messages.peek::<Message>().await? {
        if rows.iter().any(|row| row.value.trigger) {
            return Ok(true);
        }
    }
    Ok(false)
}
