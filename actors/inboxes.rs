//! How full each inbox is: bounds are held here, before a message is committed.

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use understory_paths::AgentPath;
use understory_store::{Message, Store, StoreError, Table};

use crate::error::Error;
use crate::limits::Limits;

/// How many rows a seeding scan reads at a time.
const PAGE: usize = 512;

/// Unconsumed and reserved messages of the inboxes that were written to in this process.
#[derive(Default)]
pub(crate) struct Inboxes(DashMap<AgentPath, Load>);

#[derive(Clone, Copy, Default)]
struct Load {
    messages: u64,
    bytes: u64,
    seeding: bool,
}

impl Inboxes {
    /// Reserves room for a message of `bytes`, or says that the inbox is full.
    pub(crate) async fn reserve(
        &self,
        store: &Store,
        limits: &Limits,
        to: &AgentPath,
        bytes: u64,
    ) -> Result<(), Error> {
        self.seed(store, to, false).await?;
        if self.fits(limits, to, bytes) {
            return Ok(());
        }
        // What is counted may be ahead of what is there, never behind by more than was consumed meanwhile: count again.
        self.seed(store, to, true).await?;
        match self.fits(limits, to, bytes) {
            true => Ok(()),
            false => Err(Error::Limit {
                limit: "inbox",
                value: limits.inbox_messages,
                holder: to.clone(),
                remedy: "wait until it has taken some of its messages",
            }),
        }
    }

    /// Counts a message that is exempt from the bounds.
    pub(crate) fn add_exempt(&self, to: &AgentPath, bytes: u64) {
        if let Some(mut load) = self.0.get_mut(to) {
            load.messages += 1;
            load.bytes += bytes;
        }
    }

    /// Gives room back: the message was refused, consumed or deleted.
    pub(crate) fn give_back(&self, of: &AgentPath, messages: u64, bytes: u64) {
        if let Entry::Occupied(mut entry) = self.0.entry(of.clone()) {
            let load = entry.get_mut();
            load.messages = load.messages.saturating_sub(messages);
            load.bytes = load.bytes.saturating_sub(bytes);
            if load.messages == 0 && !load.seeding {
                entry.remove();
            }
        }
    }

    fn fits(&self, limits: &Limits, to: &AgentPath, bytes: u64) -> bool {
        let mut load = self.0.entry(to.clone()).or_default();
        let fits = load.messages < limits.inbox_messages && load.bytes + bytes <= limits.inbox_bytes;
        if fits {
            load.messages += 1;
            load.bytes += bytes;
        }
        fits
    }

    /// Counts what lies in the inbox, if that was not done or `again`.
    async fn seed(&self, store: &Store, to: &AgentPath, again: bool) -> Result<(), StoreError> {
        match self.0.entry(to.clone()) {
            Entry::Occupied(_) if !again => return Ok(()),
            Entry::Occupied(mut entry) => *entry.get_mut() = Load { seeding: true, ..Load::default() },
            Entry::Vacant(entry) => drop(entry.insert(Load { seeding: true, ..Load::default() })),
        }
        let (mut found, mut from) = (Load::default(), None);
        loop {
            let rows = store.peek_page::<Message>(Table::Inbox.rows_of(to), from, PAGE).await?;
            found.messages += rows.len() as u64;
            found.bytes += rows.iter().map(|row| row.value.text.len() as u64).sum::<u64>();
            match rows.last() {
                Some(last) if rows.len() == PAGE => from = Some(last.key.clone()),
                _ => break,
            }
        }
        let mut load = self.0.entry(to.clone()).or_default();
        load.messages += found.messages;
        load.bytes += found.bytes;
        load.seeding = false;
        Ok(())
    }
}
