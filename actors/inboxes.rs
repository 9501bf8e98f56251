//! How full each inbox is: bounds are held here, before a message is committed.

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{Mutex, Notify};
use understory_paths::AgentPath;
use understory_store::{CommitError, Draft, Message, Row, Store, StoreError, Table, Version};

use crate::error::Error;
use crate::lasting::Lasting;
use crate::limits::Limits;

/// How many rows a count reads at a time.
const PAGE: usize = 512;
/// How many inboxes can be counted at once.
const COUNTING: usize = 64;

/// Unconsumed and reserved messages of the inboxes that were written to in this process.
///
/// Counted once, when the first message is sent, and kept true by whoever changes an inbox. What is held here may be ahead
/// of what lies there, never behind. It is ahead only when something came or went during the count; then an inbox that seems
/// full is counted again before a message is refused.
#[derive(Clone)]
pub(crate) struct Inboxes(Arc<Inner>);

struct Inner {
    loads: DashMap<AgentPath, Load>,
    /// Held while an inbox is counted, so that nobody takes half a count for the whole.
    counting: Vec<Mutex<()>>,
    hasher: RandomState,
    /// Messages that were on their way out have left, or stay.
    gone: Notify,
}

/// Messages that come to an inbox or leave it. Dropped, they did not: the commit was refused, or never made.
#[must_use = "a change is counted while it is held"]
pub(crate) struct Change {
    inboxes: Inboxes,
    of: AgentPath,
    weight: Weight,
    way: Way,
    applied: bool,
}

#[derive(Clone, Copy)]
enum Way {
    Coming,
    Going,
}

#[derive(Clone, Copy, Default)]
struct Load {
    lies: Weight,
    coming: Weight,
    going: Weight,
    /// What came to lie there since the count under way began.
    came: Weight,
    /// How often it was counted; while it never was, `lies` is not all that lies there.
    counts: u64,
    counting: bool,
    /// Something was on its way, in or out, during the last count.
    moved: bool,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    messages: u64,
    bytes: u64,
}

impl Default for Inboxes {
    fn default() -> Self {
        let counting = (0..COUNTING).map(|_| Mutex::new(())).collect();
        Inboxes(Arc::new(Inner { loads: DashMap::new(), counting, hasher: RandomState::new(), gone: Notify::new() }))
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
    ) -> Result<Change, Error> {
        self.count(store, to, 0).await?;
        let weight = Weight { messages: 1, bytes };
        let (mut waited, mut recounted) = (false, false);
        loop {
            let mut gone = pin!(self.0.gone.notified());
            gone.as_mut().enable();
            let (full, seen) = match self.take(limits, to, weight) {
                (Ok(()), _) => return Ok(self.change(to, weight, Way::Coming)),
                (Err(full), seen) => (full, seen),
            };
            if seen.going.messages > 0 && !waited {
                // The sender may have been told already that they are gone.
                waited = true;
                gone.await;
            } else if seen.moved && !recounted {
                recounted = true;
                self.count(store, to, seen.counts).await?;
            } else {
                return Err(full);
            }
        }
    }

    /// A message that is exempt from the bounds is on its way in.
    pub(crate) fn exempt(&self, to: &AgentPath, bytes: u64) -> Change {
        let weight = Weight { messages: 1, bytes };
        self.0.loads.entry(to.clone()).or_default().begin(weight, Way::Coming);
        self.change(to, weight, Way::Coming)
    }

    /// Messages are on their way out: consumed or deleted.
    pub(crate) fn leave(&self, of: &AgentPath, rows: &[Row<Message>]) -> Change {
        let weight = Weight::of(rows);
        self.0.loads.entry(of.clone()).or_default().begin(weight, Way::Going);
        self.change(of, weight, Way::Going)
    }

    /// Has what is known of the inboxes of a subtree that was removed counted anew.
    pub(crate) fn forget(&self, top: &AgentPath) {
        self.0.loads.retain(|path, load| {
            if top.contains(path) {
                load.forget();
            }
            !load.is_nothing()
        });
    }

    /// Commits what changes inboxes. It is seen to the end even if whoever asked is dropped, so that it is known what came of
    /// it.
    pub(crate) async fn commit(
        &self,
        store: &Store,
        draft: Draft,
        changes: Vec<Change>,
    ) -> Result<Version, CommitError> {
        let store = store.clone();
        let commit = async move {
            let committed = store.commit(draft).await;
            changes.into_iter().for_each(|change| change.end(committed.is_ok()));
            committed
        };
        Lasting::new(commit).await
    }

    fn change(&self, of: &AgentPath, weight: Weight, way: Way) -> Change {
        Change { inboxes: self.clone(), of: of.clone(), weight, way, applied: false }
    }

    /// Takes room if there is some; and what was known of the inbox.
    fn take(&self, limits: &Limits, to: &AgentPath, weight: Weight) -> (Result<(), Error>, Load) {
        let mut load = self.0.loads.entry(to.clone()).or_default();
        let seen = *load;
        let full = |limit, value| Error::Limit {
            limit,
            value,
            holder: to.clone(),
            remedy: "wait until it has taken some of its messages",
        };
        let taken = if seen.lies.messages + seen.coming.messages >= limits.inbox_messages {
            Err(full("inbox", limits.inbox_messages))
        } else if seen.lies.bytes + seen.coming.bytes + weight.bytes > limits.inbox_bytes {
            Err(full("inbox_bytes", limits.inbox_bytes))
        } else {
            load.begin(weight, Way::Coming);
            Ok(())
        };
        (taken, seen)
    }

    /// Counts what lies in the inbox, if that was done `before` times at the most.
    async fn count(&self, store: &Store, to: &AgentPath, before: u64) -> Result<(), StoreError> {
        let counted = || self.0.loads.get(to).is_some_and(|load| load.counts > before);
        if counted() {
            return Ok(());
        }
        let stripe = usize::try_from(self.0.hasher.hash_one(to) % COUNTING as u64).expect("there are few");
        let _counting = self.0.counting[stripe].lock().await;
        if counted() {
            return Ok(());
        }
        self.0.loads.entry(to.clone()).or_default().begin_count();
        let mut found = Weight::default();
        let mut messages = store.pages(Table::Inbox.rows_of(to), PAGE);
        while let Some(rows) = messages.peek::<Message>().await? {
            found.add(Weight::of(&rows));
        }
        self.0.loads.entry(to.clone()).or_default().end_count(found, before);
        Ok(())
    }
}

impl Change {
    fn end(mut self, applied: bool) {
        self.applied = applied;
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.inboxes.0.loads.entry(self.of.clone()) {
            entry.get_mut().end(self.weight, self.way, self.applied);
            if entry.get().is_nothing() {
                entry.remove();
            }
        }
        if matches!(self.way, Way::Going) {
            self.inboxes.0.gone.notify_waiters();
        }
    }
}

impl Load {
    fn begin(&mut self, weight: Weight, way: Way) {
        self.moved |= self.counting;
        match way {
            Way::Coming => self.coming.add(weight),
            Way::Going => self.going.add(weight),
        }
    }

    fn end(&mut self, weight: Weight, way: Way, applied: bool) {
        match way {
            Way::Coming => self.coming.take(weight),
            Way::Going => self.going.take(weight),
        }
        match way {
            _ if !applied => {}
            Way::Coming => {
                self.lies.add(weight);
                self.came.add(weight);
            }
            Way::Going => self.lies.take(weight),
        }
    }

    fn begin_count(&mut self) {
        (self.counting, self.came) = (true, Weight::default());
        self.moved = self.coming.messages + self.going.messages > 0;
    }

    fn end_count(&mut self, found: Weight, before: u64) {
        self.lies = found;
        // The scan may have seen what came meanwhile and what is about to go, or may not.
        self.lies.add(self.came);
        self.lies.add(self.going);
        self.counting = false;
        self.counts = self.counts.max(before) + 1;
    }

    fn forget(&mut self) {
        (self.lies, self.counts) = (Weight::default(), 0);
        // The count under way may have met what is gone.
        self.moved |= self.counting;
    }

    /// Whether nothing is lost if it is forgotten: the next message has it counted.
    fn is_nothing(&self) -> bool {
        let on_the_way = self.counting || self.coming.messages + self.going.messages > 0;
        !on_the_way && (self.counts == 0 || self.lies.messages == 0)
    }
}

impl Weight {
    fn of(rows: &[Row<Message>]) -> Weight {
        Weight { messages: rows.len() as u64, bytes: rows.iter().map(|row| row.value.bytes()).sum() }
    }

    fn add(&mut self, other: Weight) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }

    fn take(&mut self, other: Weight) {
        self.messages = self.messages.saturating_sub(other.messages);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}
