//! Dead letters: messages that no turn will take, until somebody retries or drops them.
//!
//! A row of them is appended by its agent's actor and never rewritten. Whoever takes it away demands in the same commit that
//! it is there as read, so that of two only one does.

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, DeadLetter, Direction, Draft, Event, InboxKey, Key, Message, Node, Refusal, Row, Table, keys,
};

use crate::error::Error;
use crate::mail::Accepted;
use crate::system::{System, node_at};

/// The most dead letters of one page: each may hold 256 KiB.
pub const DEAD_PAGE_MAX: usize = 100;

/// Which dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadKey {
    /// Whose.
    pub of: AgentPath,
    /// The commit by which it came there, and its place in that.
    pub row: InboxKey,
}

/// A dead letter and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadMail {
    /// Which.
    pub key: DeadKey,
    /// What it is, and why.
    pub letter: DeadLetter,
}

impl DeadKey {
    fn key(&self) -> Key {
        Table::Dead.below(&self.of).key(self.row.sequence, self.row.n)
    }

    fn missing(&self) -> Error {
        Error::NoDeadLetter { path: self.of.clone(), row: self.row }
    }
}

impl System {
    /// Dead letters of the agents at and below `top`, in path order and the oldest of each first, beyond `after` if given; at
    /// most `limit`, and no more than [`DEAD_PAGE_MAX`].
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn dead_letters(
        &self,
        top: &AgentPath,
        after: Option<&DeadKey>,
        limit: usize,
    ) -> Result<Vec<DeadMail>, Error> {
        if node_at(&self.store, top).await?.is_none() {
            return Err(self.missing(top).await);
        }
        let (range, limit) = (Table::Dead.subtree(top), limit.min(DEAD_PAGE_MAX));
        let rows = self.store.page::<DeadLetter>(range, after.map(DeadKey::key), Direction::Forward, limit).await?;
        let mail = |row: Row<DeadLetter>| {
            let key = DeadKey { of: Table::Dead.path_of(&row.key)?, row: keys::inbox_key(&row.key)? };
            Some(DeadMail { key, letter: row.value })
        };
        Ok(rows.into_iter().filter_map(mail).collect())
    }

    /// One dead letter.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn dead_letter(&self, key: &DeadKey) -> Result<DeadLetter, Error> {
        Ok(self.dead_row(key).await?.value)
    }

    /// Puts a dead letter back into its agent's inbox as a new message, which starts a turn if it did. Runs nobody.
    ///
    /// # Errors
    /// It is not there, its agent is closed or was removed, or the inbox is full.
    pub async fn retry_dead(&self, key: &DeadKey) -> Result<Accepted, Error> {
        let row = self.dead_row(key).await?;
        let path = &key.of;
        let to = match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) => AgentRef::new(path.clone(), agent.id),
            Some(node) => return Err(Error::wrong_kind(path, &node, "take a message")),
            None => return Err(self.missing(path).await),
        };
        let message = Message { at: self.clock.now(), ..row.value.message.clone() };
        if message.to != to.id {
            let words = format!("the agent it was for was removed: {path} is another one now");
            return Err(Refusal(words).into());
        }
        self.demand_open(path).await?;
        let room = self.inboxes.reserve(&self.store, &self.limits, path, message.bytes()).await?;
        let mut draft = Draft::new();
        draft.expect_present(Table::Node.at(path));
        draft.expect_open(path);
        draft.expect(&row);
        draft.remove(&row);
        let n = draft.append(Table::Inbox.below(path), &message);
        draft.tell(&Event::Mailed { to: to.clone(), trigger: message.trigger, metadata: message.metadata.clone() });
        match self.inboxes.commit(&self.store, draft, vec![room]).await {
            Ok(sequence) => Ok(Accepted { to, row: InboxKey { sequence, n } }),
            Err(error) => Err(self.explain_dead(key, error).await),
        }
    }

    /// Deletes a dead letter.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn drop_dead(&self, key: &DeadKey) -> Result<(), Error> {
        let row = self.dead_row(key).await?;
        let mut draft = Draft::new();
        draft.expect(&row);
        draft.remove(&row);
        match self.store.commit(draft).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain_dead(key, error).await),
        }
    }

    async fn dead_row(&self, key: &DeadKey) -> Result<Row<DeadLetter>, Error> {
        match self.store.get::<DeadLetter>(&key.key()).await? {
            Some(row) => Ok(row),
            None if node_at(&self.store, &key.of).await?.is_none() => Err(self.missing(&key.of).await),
            None => Err(key.missing()),
        }
    }

    /// How a refused commit about a dead letter reads.
    async fn explain_dead(&self, dead: &DeadKey, error: CommitError) -> Error {
        let CommitError::Conflict { key, .. } = &error else { return error.into() };
        if *key == dead.key() {
            return dead.missing();
        }
        match Table::Closed.path_of(key) {
            Some(at) => Error::Closed { path: dead.of.clone(), at },
            None if *key == Table::Node.at(&dead.of) => self.missing(&dead.of).await,
            None => error.into(),
        }
    }
}
