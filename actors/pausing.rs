//! A turn's slot while the turn waits for something: given back, and taken again ahead of new turns.
//!
//! ```text
//!   entry --owns--> TurnSlot == Held --give_back--> Away --take_again--> Held
//!                      '------------- the entry is gone -------------> Over
//! ```
//!
//! The slot belongs to the turn's entry, whose end gives it back whatever the turn's task does. What the tools of the turn
//! have of it is the right to go without for a while.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use understory_paths::AgentPath;
use understory_store::Time;

use crate::lock::Lock;
use crate::slots::{Permit, Slots};

/// What a turn waits for that has given its slot back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For what.
    pub on: Awaited,
    /// Since when.
    pub since: Time,
}

/// What a turn may wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A message to itself.
    Mail,
    /// Other agents.
    Agents {
        /// Those it named.
        paths: Vec<AgentPath>,
        /// How many of them are enough.
        wanted: usize,
    },
}

/// The slot of one turn, as its entry has it; given back when dropped.
pub(crate) struct TurnSlot(Arc<Shared>);

/// The slot of one turn, as its tools have it.
#[derive(Clone)]
pub(crate) struct Pauses(Arc<Shared>);

/// How many waits there may be at once.
pub(crate) struct WaitRoom(Arc<Semaphore>);

/// One of them, over when dropped.
pub(crate) type Wait = OwnedSemaphorePermit;

struct Shared {
    place: Lock<Place>,
    /// Held by whoever takes the slot again: of two waits that end together one does.
    returning: Mutex<()>,
}

enum Place {
    Held(#[expect(dead_code, reason = "held to be given back")] Permit),
    /// Given back: the turn waits for this, or comes back.
    Away(Waits),
    /// The turn has ended, or its report was taken: it needs no slot any more.
    Over,
}

impl TurnSlot {
    pub(crate) fn new(permit: Permit) -> Self {
        TurnSlot(Arc::new(Shared { place: Lock::new(Place::Held(permit)), returning: Mutex::new(()) }))
    }

    /// What the turn's tools are given of it.
    pub(crate) fn pauses(&self) -> Pauses {
        Pauses(self.0.clone())
    }

    /// What the turn waits for, if it does.
    pub(crate) fn waits(&self) -> Option<Waits> {
        match &*self.0.place.lock() {
            Place::Away(waits) => Some(waits.clone()),
            Place::Held(_) | Place::Over => None,
        }
    }
}

impl Drop for TurnSlot {
    fn drop(&mut self) {
        self.0.turn_to(Place::Over);
    }
}

impl Pauses {
    /// Those of whoever is at no turn, and needs no slot.
    pub(crate) fn none() -> Self {
        Pauses(Arc::new(Shared { place: Lock::new(Place::Over), returning: Mutex::new(()) }))
    }

    /// Gives the slot back, if the turn has one, until what it waits for has come.
    pub(crate) fn give_back(&self, waits: Waits) {
        self.0.turn_to(Place::Away(waits));
    }

    /// Takes a slot ahead of new turns, unless the turn has one or is over.
    pub(crate) async fn take_again(&self, slots: &Slots) {
        let _returning = self.0.returning.lock().await;
        if self.0.is_away()
            && let Ok(permit) = slots.again().await
        {
            self.0.fill(permit);
        }
    }
}

impl Shared {
    fn is_away(&self) -> bool {
        matches!(*self.place.lock(), Place::Away(_))
    }

    /// Gives back the permit that is there, if any. What is over stays so.
    fn turn_to(&self, next: Place) {
        let mut place = self.place.lock();
        if matches!(*place, Place::Over) {
            return;
        }
        let before = std::mem::replace(&mut *place, next);
        drop(place);
        drop(before);
    }

    /// Puts a permit in its place; one that is not wanted any more is given back.
    fn fill(&self, permit: Permit) {
        let mut place = self.place.lock();
        if matches!(*place, Place::Away(_)) {
            *place = Place::Held(permit);
        }
    }
}

impl WaitRoom {
    pub(crate) fn new(max: usize) -> Self {
        WaitRoom(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }

    /// Begins a wait, if there are not too many.
    pub(crate) fn begin(&self) -> Option<Wait> {
        self.0.clone().try_acquire_owned().ok()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn under_way(&self, max: usize) -> usize {
        max - self.0.available_permits()
    }
}
