//! Who is told of events as they become durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use understory_paths::AgentPath;
use understory_store::Told;

use crate::error::Error;
use crate::lock::Lock;

/// What a watch hears.
#[derive(Clone)]
pub(crate) enum Heard {
    /// Something happened.
    Told(Arc<Told>),
    /// Events were dropped before they were dispatched: whoever waits looks at what is there now.
    Gap,
    /// What acts for the node has stopped over an error, the store's most likely: nothing happens there before it is woken
    /// again, or the disk has room.
    Failed(Error),
}

type Ears = HashMap<AgentPath, Vec<(u64, mpsc::UnboundedSender<Heard>)>>;

/// Ears by the path they listen to.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    ears: Lock<Ears>,
    next: AtomicU64,
}

/// The events of one node from here on, those of its ancestors' closing and resuming with them. Costs nothing while nothing
/// happens there.
pub(crate) struct Watch {
    watchers: Watchers,
    path: AgentPath,
    number: u64,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Watchers {
    /// Listens to a node.
    pub(crate) fn watch(&self, path: &AgentPath) -> Watch {
        let (ear, heard) = mpsc::unbounded_channel();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.ears.lock().entry(path.clone()).or_default().push((number, ear));
        Watch { watchers: self.clone(), path: path.clone(), number, heard }
    }

    /// Whether somebody listens to a node.
    pub(crate) fn listens(&self, path: &AgentPath) -> bool {
        self.0.ears.lock().contains_key(path)
    }

    /// Tells those who listen to this event's node; with `below`, also those who listen to what lies below it.
    pub(crate) fn tell(&self, told: &Arc<Told>, below: bool) {
        let ears = self.0.ears.lock();
        let path = told.event.path();
        let tell = |listening: &Vec<(u64, mpsc::UnboundedSender<Heard>)>| {
            for (_, ear) in listening {
                // One that hung up is about to be taken off the list.
                let _ = ear.send(Heard::Told(told.clone()));
            }
        };
        match below {
            true => ears.iter().filter(|(ear, _)| path.contains(ear)).for_each(|(_, listening)| tell(listening)),
            false => ears.get(path).into_iter().for_each(tell),
        }
    }

    /// Tells everybody that events were dropped.
    pub(crate) fn tell_gap(&self) {
        for (_, ear) in self.0.ears.lock().values().flatten() {
            let _ = ear.send(Heard::Gap);
        }
    }

    /// Tells those who listen to a node that nothing more will happen there.
    pub(crate) fn fail(&self, path: &AgentPath, error: &Error) {
        for (_, ear) in self.0.ears.lock().get(path).into_iter().flatten() {
            let _ = ear.send(Heard::Failed(error.clone()));
        }
    }

    /// Ends every watch: the process stops.
    pub(crate) fn end(&self) {
        self.0.ears.lock().clear();
    }
}

impl Watch {
    /// What comes next; `None` when the process stops.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut ears = self.watchers.0.ears.lock();
        if let Some(listening) = ears.get_mut(&self.path) {
            listening.retain(|(number, _)| *number != self.number);
            if listening.is_empty() {
                ears.remove(&self.path);
            }
        }
    }
}
