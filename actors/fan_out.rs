//! One message to every open agent of a subtree.
//!
//! It goes in path order and in batches of commits, as the subtree is when each is made. What refuses a batch is found by
//! sending to its agents one by one. Nothing notes how far it came: a fan-out with an id is given again instead, and
//! whoever has a message with that id gets no second one.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{AgentRef, CommitError, Draft, Event, Node, Row, Sender, Store, StoreError, Table};

use crate::error::{Error, demand_length};
use crate::mail::Letter;
use crate::system::{System, node_at};

/// How many nodes are read at a time.
const PAGE: usize = 256;
/// How many agents one commit sends to, at the most.
const BATCH: usize = 64;
/// How many bytes one commit writes, about.
const BATCH_BYTES: usize = 1 << 20;
/// How many agents are named of each kind.
const NAMED: usize = 8;

/// How a message to a subtree went.
#[derive(Clone, Debug, Default)]
pub struct FanOut {
    /// Agents whom it was delivered to, or would be.
    pub delivered: u64,
    /// Agents who had a message with its id already.
    pub known: u64,
    /// Agents whom it was not delivered to, by the reason.
    pub missed: BTreeMap<Missed, Misses>,
    /// What ended it before everybody was asked; what is counted was done nevertheless. Of the batch under way then, some or
    /// all may have it too.
    pub broken: Option<Error>,
}

/// Why an agent did not get a message to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missed {
    /// It or a node above it is closed.
    Closed,
    /// Its inbox is full.
    Full,
    /// It was removed meanwhile.
    Gone,
}

/// Agents who did not get a message, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    /// How many.
    pub agents: u64,
    /// The first few of them, in path order.
    pub first: Vec<AgentPath>,
}

/// A node on the way.
struct Seen {
    node: AgentRef,
    /// An agent, or else a job.
    agent: bool,
    /// It is closed by itself.
    marked: bool,
}

/// What became of one agent's message.
#[derive(Clone, Copy)]
enum Sent {
    Delivered,
    Known,
    Missed(Missed),
}

impl System {
    /// Leaves a message in the inbox of every open agent at and below the one it is for; jobs and their items get none. Runs
    /// nobody. With an id it may be given again, after a crash or over those whose inbox was full: nobody gets it twice.
    ///
    /// # Errors
    /// Nothing was sent: the top is not there or is closed, the text is too long, or the store failed at once. Later,
    /// [`FanOut::broken`] says why it ended early.
    pub async fn send_subtree(&self, letter: &Letter) -> Result<FanOut, Error> {
        self.fan_out(letter, true).await
    }

    /// Whom [`System::send_subtree`] would send to now. How full inboxes are is not looked at.
    ///
    /// # Errors
    /// As for [`System::send_subtree`].
    pub async fn reached_subtree(&self, letter: &Letter) -> Result<FanOut, Error> {
        self.fan_out(letter, false).await
    }

    async fn fan_out(&self, letter: &Letter, act: bool) -> Result<FanOut, Error> {
        demand_length("message", &letter.text)?;
        let Some(top) = node_at(&self.store, &letter.to).await? else { return Err(self.missing(&letter.to).await) };
        if !matches!(top.value, Node::Agent(_)) {
            return Err(Error::wrong_kind(&letter.to, &top.value, "be sent to with all below it"));
        }
        self.demand_open(&letter.to).await?;
        let mut report = FanOut::default();
        match self.fan_out_to_all(letter, act, &mut report).await {
            Err(error) if !act => return Err(error),
            ended => report.broken = ended.err(),
        }
        Ok(report)
    }

    async fn fan_out_to_all(&self, letter: &Letter, act: bool, report: &mut FanOut) -> Result<(), Error> {
        let per_batch = per_batch(letter);
        let mut pages = self.store.pages(Table::Node.subtree(&letter.to), PAGE);
        let mut shut = None;
        while let Some(rows) = pages.peek::<Node>().await? {
            let mut open = Vec::new();
            for Seen { node, agent, marked } in with_marks(&self.store, rows).await? {
                // What lies below a closed node follows it.
                let below = shut.as_ref().is_some_and(|shut: &AgentPath| shut.contains(&node.path));
                if agent && (below || marked) {
                    report.miss(Missed::Closed, &node.path);
                } else if agent {
                    open.push(node.clone());
                }
                if marked && !below {
                    shut = Some(node.path);
                }
            }
            for batch in open.chunks(per_batch) {
                self.fan_out_batch(letter, batch, act, report).await?;
            }
        }
        Ok(())
    }

    async fn fan_out_batch(
        &self,
        letter: &Letter,
        batch: &[AgentRef],
        act: bool,
        report: &mut FanOut,
    ) -> Result<(), Error> {
        let mut left = Vec::with_capacity(batch.len());
        let seen = match &letter.message_id {
            Some(id) => {
                let keys = batch.iter().map(|to| Table::Seen.named(&to.path, id.as_bytes()));
                self.store.versions(keys.collect()).await?
            }
            None => vec![None; batch.len()],
        };
        for (to, seen) in batch.iter().zip(seen) {
            match seen {
                Some(_) => report.known += 1,
                None => left.push(to),
            }
        }
        if !act {
            report.delivered += left.len() as u64;
            return Ok(());
        }
        if !self.send_at_once(letter, &mut left, report).await? {
            for to in left {
                let sent = self.send_one(letter, to).await?;
                report.note(sent, &to.path);
            }
        }
        Ok(())
    }

    /// Sends to all of a batch in one commit; those whose inboxes are full leave it. False if the commit was refused.
    async fn send_at_once(&self, letter: &Letter, to: &mut Vec<&AgentRef>, report: &mut FanOut) -> Result<bool, Error> {
        let (mut draft, mut rooms, now) = (Draft::new(), Vec::new(), self.clock.now());
        let bytes = (letter.text.len() + letter.metadata.bytes()) as u64;
        let mut fit = Vec::with_capacity(to.len());
        for one in to.drain(..) {
            match self.inboxes.reserve(&self.store, &self.limits, &one.path, bytes).await {
                Ok(room) => rooms.push(room),
                Err(Error::Limit { .. }) => {
                    report.miss(Missed::Full, &one.path);
                    continue;
                }
                Err(error) => return Err(error),
            }
            fit.push(one);
            draft.expect_present(Table::Node.at(&one.path));
            draft.expect_open(&one.path);
            if let Some(id) = &letter.message_id {
                let _ = draft.create(Table::Seen.named(&one.path, id.as_bytes()), &now.0);
            }
            draft.append(Table::Inbox.below(&one.path), &letter.message(one.id, Sender::Operator, now));
            let (trigger, metadata) = (letter.trigger, letter.metadata.clone());
            draft.tell(&Event::Mailed { to: one.clone(), trigger, metadata });
        }
        *to = fit;
        if to.is_empty() {
            return Ok(true);
        }
        match self.inboxes.commit(&self.store, draft, rooms).await {
            Ok(_) => {
                report.delivered += to.len() as u64;
                Ok(true)
            }
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn send_one(&self, letter: &Letter, to: &AgentRef) -> Result<Sent, Error> {
        let letter = Letter { to: to.path.clone(), ..letter.clone() };
        match self.send(letter).await {
            Ok(_) => Ok(Sent::Delivered),
            Err(Error::AlreadyAccepted { .. }) => Ok(Sent::Known),
            Err(Error::Closed { .. }) => Ok(Sent::Missed(Missed::Closed)),
            Err(Error::Limit { .. }) => Ok(Sent::Missed(Missed::Full)),
            Err(
                Error::NotFound { .. } | Error::Removed { .. } | Error::WrongKind { .. } | Error::NotRunning { .. },
            ) => Ok(Sent::Missed(Missed::Gone)),
            Err(error) => Err(error),
        }
    }
}

impl FanOut {
    fn note(&mut self, sent: Sent, path: &AgentPath) {
        match sent {
            Sent::Delivered => self.delivered += 1,
            Sent::Known => self.known += 1,
            Sent::Missed(why) => self.miss(why, path),
        }
    }

    fn miss(&mut self, why: Missed, path: &AgentPath) {
        let misses = self.missed.entry(why).or_default();
        misses.agents += 1;
        if misses.first.len() < NAMED {
            misses.first.push(path.clone());
        }
    }
}

/// How many agents one commit sends to.
fn per_batch(letter: &Letter) -> usize {
    // What is attached is told of, too.
    let one = letter.text.len() + 2 * letter.metadata.bytes() + 1;
    (BATCH_BYTES / one).clamp(1, BATCH)
}

/// The agents and jobs among nodes, and which are marked.
async fn with_marks(store: &Store, rows: Vec<Row<Node>>) -> Result<Vec<Seen>, StoreError> {
    let seen = rows.into_iter().filter_map(|row| {
        let node = AgentRef::new(Table::Node.path_of(&row.key)?, row.value.id());
        match row.value {
            Node::Agent(_) => Some((node, true)),
            Node::Job(_) => Some((node, false)),
            // One is never marked.
            _ => None,
        }
    });
    let seen: Vec<(AgentRef, bool)> = seen.collect();
    let marks = store.versions(seen.iter().map(|(node, _)| Table::Closed.at(&node.path)).collect()).await?;
    let seen = seen.into_iter().zip(marks);
    Ok(seen.map(|((node, agent), mark)| Seen { node, agent, marked: mark.is_some() }).collect())
}
