//! Events as they become durable.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};
use understory_actors::System;
use understory_store::{Told, Version};

use crate::error::Error;

/// How many commits' events are read at a time.
const NEWS: usize = 256;

/// The events of a store, from a point on, in the order of commits.
///
/// A slow reader slows nobody: it falls behind what is kept in memory and is served from the store, as long as that keeps
/// the events.
pub struct Events {
    system: System,
    live: broadcast::Receiver<Arc<Told>>,
    read: VecDeque<Heard>,
    /// The id of the last event that was heard or passed over.
    seen: EventId,
    behind: bool,
}

/// Which event: the number of its commit, and its place there. As text it is the two with a dot between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The commit.
    pub version: Version,
    /// Its place there.
    pub index: u16,
}

/// What a reader of events hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Told(Told),
    /// Events were dropped before they were read: those up to and including this commit are missing.
    Gap(Version),
    /// The reader fell behind what is kept in memory: what comes next is read from the store. Nothing is missing.
    Lagged,
}

impl EventId {
    /// Behind every event of this commit and those before it.
    pub fn after(version: Version) -> Self {
        EventId { version, index: u16::MAX }
    }
}

impl From<&Told> for EventId {
    fn from(told: &Told) -> Self {
        EventId { version: told.version, index: told.index }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.version, self.index)
    }
}

impl FromStr for EventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts =
            text.split_once('.').and_then(|(version, index)| Some((version.parse().ok()?, index.parse().ok()?)));
        let id = parts.map(|(version, index)| EventId { version, index });
        // What parses in another spelling is nothing that was printed.
        let unread = || Error::BadQuery(format!("{text:?} is no event's id: NUMBER.NUMBER"));
        id.filter(|id| id.to_string() == text).ok_or_else(unread)
    }
}

impl Events {
    pub(crate) fn new(system: &System, after: Option<EventId>) -> Self {
        let live = system.listen();
        let seen = after.unwrap_or_else(|| EventId::after(system.store().last()));
        Events { system: system.clone(), live, read: VecDeque::new(), seen, behind: true }
    }

    /// The next event that is on record now; nothing when they have all been heard.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stored(&mut self) -> Result<Option<Heard>, Error> {
        self.behind = true;
        while self.read.is_empty() && self.behind {
            self.catch_up().await?;
        }
        Ok(self.read.pop_front())
    }

    /// The next event; nothing when the runtime has stopped.
    ///
    /// # Errors
    /// The store failed.
    pub async fn next(&mut self) -> Result<Option<Heard>, Error> {
        loop {
            if let Some(heard) = self.read.pop_front() {
                return Ok(Some(heard));
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            let received = tokio::select! {
                received = self.live.recv() => received,
                () = self.system.stopped() => return Ok(None),
            };
            match received {
                Ok(told) if EventId::from(&*told) <= self.seen => {}
                Ok(told) => {
                    self.seen = EventId::from(&*told);
                    return Ok(Some(Heard::Told(Told::clone(&told))));
                }
                Err(RecvError::Lagged(_)) => {
                    self.behind = true;
                    self.read.push_back(Heard::Lagged);
                }
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// Reads from the store until there is nothing more; what comes live from then on is newer.
    async fn catch_up(&mut self) -> Result<(), Error> {
        // What is waiting in the live channel is read from the store: it would come twice otherwise.
        self.live = self.live.resubscribe();
        let EventId { version, index } = self.seen;
        let after = if index == u16::MAX { version } else { version.saturating_sub(1) };
        let mut news = self.system.store().news(after, NEWS).await?;
        news.told.retain(|told| EventId::from(told) > self.seen);
        self.behind = !news.told.is_empty();
        self.seen = news.told.last().map_or(self.seen.max(EventId::after(news.through)), EventId::from);
        self.read.extend(news.gap.map(Heard::Gap));
        self.read.extend(news.told.into_iter().map(Heard::Told));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
