//! Events as they become durable.

use std::collections::VecDeque;
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
    seen: (Version, u16),
    behind: bool,
}

/// What a reader of events hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Told(Told),
    /// Events were dropped before they were read: those up to and including this commit are missing.
    Gap(Version),
}

impl Events {
    pub(crate) fn new(system: &System, after: Option<Version>) -> Self {
        let live = system.listen();
        let seen = (after.unwrap_or_else(|| system.store().last()), u16::MAX);
        Events { system: system.clone(), live, read: VecDeque::new(), seen, behind: true }
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
                Ok(told) if id(&told) <= self.seen => {}
                Ok(told) => {
                    self.seen = id(&told);
                    return Ok(Some(Heard::Told(Told::clone(&told))));
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// Reads from the store until there is nothing more; what comes live from then on is newer.
    async fn catch_up(&mut self) -> Result<(), Error> {
        // What is waiting in the live channel is read from the store: it would come twice otherwise.
        self.live = self.live.resubscribe();
        let (version, index) = self.seen;
        let after = if index == u16::MAX { version } else { version - 1 };
        let mut news = self.system.store().news(after, NEWS).await?;
        news.told.retain(|told| id(told) > self.seen);
        self.behind = !news.told.is_empty();
        self.seen = news.told.last().map_or(self.seen.max((news.through, u16::MAX)), id);
        self.read.extend(news.gap.map(Heard::Gap));
        self.read.extend(news.told.into_iter().map(Heard::Told));
        Ok(())
    }
}

fn id(told: &Told) -> (Version, u16) {
    (told.version, told.index)
}
