//! How full each inbox is: bounds are held here, before a message is committed.

use std::hash::{BuildHasher, RandomState};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::Mutex;
use understory_paths::AgentPath;
use understory_store::{Message, Store, StoreError, Table};

use crate::error::Error;
use crate::limits::Limits;

/// How many rows a count reads at a time.
const PAGE: usize = 512;
/// How many inboxes can be counted at once.
const COUNTING: usize = 64;

/// Unconsumed and reserved messages of the inboxes that were written to in this process.
///
/// What is held here may be ahead of what lies there, never behind: a message is counted before it is committed, and one
/// whose fate nobody learnt of stays counted. An inbox that seems full is counted again before a message is refused.
pub(crate) struct Inboxes {
    loads: DashMap<AgentPath, Load>,
    /// Held while an inbox is counted, so that nobody takes half a count for the whole.
    counting: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// Room for one message. Dropped, it counts as taken, because its commit may have been applied.
pub(crate) struct Room<'a> {
    inboxes: &'a Inboxes,
    of: AgentPath,
    bytes: u64,
    refused: bool,
}

#[derive(Clone, Copy, Default)]
struct Load {
    lies: Weight,
    /// What came to lie there since the count under way began.
    came: Weight,
    reserved: Weight,
    /// How often it was counted; while it never was, `lies` is not all that lies there.
    counts: u64,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    messages: u64,
    bytes: u64,
}

impl Default for Inboxes {
    fn default() -> Self {
        let counting = (0..COUNTING).map(|_| Mutex::new(())).collect();
        Inboxes { loads: DashMap::new(), counting, hasher: RandomState::new() }
    }
}

impl Inboxes {
    /// Reserves room for a message of `bytes`, or says that the inbox is full.
    pub(crate) async fn reserve(
        &self,
        store: &Store,
        limits: &Limits,
        to: &AgentPath,
        bytes: u64,
    ) -> Result<Room<'_>, Error> {
        self.count(store, to, 0).await?;
        let (Err(_), counts) = self.take(limits, to, bytes) else { return Ok(self.room(to, bytes)) };
        self.count(store, to, counts).await?;
        let (taken, _) = self.take(limits, to, bytes);
        taken.map(|()| self.room(to, bytes))
    }

    /// Counts a message that is exempt from the bounds.
    pub(crate) fn add_exempt(&self, to: &AgentPath, bytes: u64) {
        if let Some(mut load) = self.loads.get_mut(to) {
            load.come(bytes);
        }
    }

    /// Gives room back: messages were consumed or deleted.
    pub(crate) fn give_back(&self, of: &AgentPath, messages: u64, bytes: u64) {
        if let Entry::Occupied(mut entry) = self.loads.entry(of.clone()) {
            entry.get_mut().lies.take(messages, bytes);
            if entry.get().is_nothing() {
                entry.remove();
            }
        }
    }

    fn room(&self, of: &AgentPath, bytes: u64) -> Room<'_> {
        Room { inboxes: self, of: of.clone(), bytes, refused: false }
    }

    /// Takes room if there is some; and how often the inbox had been counted then.
    fn take(&self, limits: &Limits, to: &AgentPath, bytes: u64) -> (Result<(), Error>, u64) {
        let mut load = self.loads.entry(to.clone()).or_default();
        let messages = load.lies.messages + load.reserved.messages;
        let full = |limit, value| Error::Limit {
            limit,
            value,
            holder: to.clone(),
            remedy: "wait until it has taken some of its messages",
        };
        let taken = if messages >= limits.inbox_messages {
            Err(full("inbox", limits.inbox_messages))
        } else if load.lies.bytes + load.reserved.bytes + bytes > limits.inbox_bytes {
            Err(full("inbox_bytes", limits.inbox_bytes))
        } else {
            load.reserved.add(1, bytes);
            Ok(())
        };
        (taken, load.counts)
    }

    /// Counts what lies in the inbox, if that was done `before` times at the most.
    async fn count(&self, store: &Store, to: &AgentPath, before: u64) -> Result<(), StoreError> {
        let counted = || self.loads.get(to).is_some_and(|load| load.counts > before);
        if counted() {
            return Ok(());
        }
        let stripe = usize::try_from(self.hasher.hash_one(to) % COUNTING as u64).expect("there are few");
        let _counting = self.counting[stripe].lock().await;
        if counted() {
            return Ok(());
        }
        self.loads.entry(to.clone()).or_default().came = Weight::default();
        let (mut found, mut from) = (Weight::default(), None);
        loop {
            let rows = store.peek_page::<Message>(Table::Inbox.rows_of(to), from, PAGE).await?;
            found.add(rows.len() as u64, rows.iter().map(|row| row.value.text.len() as u64).sum());
            match rows.last() {
                Some(last) if rows.len() == PAGE => from = Some(last.key.clone()),
                _ => break,
            }
        }
        let mut load = self.loads.entry(to.clone()).or_default();
        // The scan may have found what came meanwhile, or may not.
        found.add(load.came.messages, load.came.bytes);
        load.lies = found;
        load.counts = load.counts.max(before) + 1;
        Ok(())
    }
}

impl Room<'_> {
    /// Gives it back: the message was not accepted.
    pub(crate) fn refuse(mut self) {
        self.refused = true;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.inboxes.loads.entry(self.of.clone()) {
            let load = entry.get_mut();
            load.reserved.take(1, self.bytes);
            if !self.refused {
                load.come(self.bytes);
            } else if load.is_nothing() {
                entry.remove();
            }
        }
    }
}

impl Load {
    fn come(&mut self, bytes: u64) {
        self.lies.add(1, bytes);
        self.came.add(1, bytes);
    }

    fn is_nothing(&self) -> bool {
        self.counts > 0 && self.lies.messages + self.reserved.messages == 0
    }
}

impl Weight {
    fn add(&mut self, messages: u64, bytes: u64) {
        self.messages += messages;
        self.bytes += bytes;
    }

    fn take(&mut self, messages: u64, bytes: u64) {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
