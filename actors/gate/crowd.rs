//! How many are resident, and who leaves when there are too many: whoever was used least recently and has nothing to do.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kameo::actor::ActorRef;
use tokio::sync::Notify;
use understory_paths::AgentPath;

use super::{Gate, Incarnation, Resident};

/// The part of the bound that leaves at once besides what is over it, so that not every arrival looks through all.
const SPARE_PART: usize = 16;

/// How many residents there are, and may be.
pub(super) struct Crowd {
    max: usize,
    pub(super) population: AtomicUsize,
    touches: AtomicU64,
    over: Notify,
    #[cfg(test)]
    departed: AtomicU64,
}

impl Crowd {
    pub(super) fn of(max: usize) -> Self {
        Crowd {
            max,
            population: AtomicUsize::new(0),
            touches: AtomicU64::new(0),
            over: Notify::new(),
            #[cfg(test)]
            departed: AtomicU64::new(0),
        }
    }

    /// Something comes for a resident; which in the order of all that came.
    pub(super) fn touch(&self) -> u64 {
        self.touches.fetch_add(1, Ordering::Relaxed)
    }

    /// There is one more.
    pub(super) fn arrive(&self) {
        if self.population.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.over.notify_one();
        }
    }
}

impl<A: Resident> Gate<A> {
    /// Resolves when one has come for whom there is no room.
    pub(crate) async fn crowded(&self) {
        self.crowd.over.notified().await;
    }

    /// Shuts the gates of those that are to leave, if there are too many residents, and gives back their actors to be ended.
    /// Nobody who is at work leaves, so they may be too few.
    pub(crate) fn make_room(&self) -> Option<Vec<ActorRef<Incarnation<A>>>> {
        let Crowd { max, population, .. } = &self.crowd;
        if population.load(Ordering::Relaxed) <= *max {
            return None;
        }
        let (mut departing, mut idle) = (0, Vec::<(u64, AgentPath)>::new());
        for slot in &self.slots {
            departing += usize::from(slot.departs);
            if slot.is_idle() {
                idle.push((slot.touched, slot.key().clone()));
            }
        }
        let excess = population.load(Ordering::Relaxed).saturating_sub(departing).saturating_sub(*max);
        if excess == 0 {
            return None;
        }
        let leaving = (excess + max / SPARE_PART).min(idle.len());
        if leaving < idle.len() {
            idle.select_nth_unstable(leaving);
        }
        idle.truncate(leaving);
        Some(idle.into_iter().filter_map(|(touched, path)| self.depart(&path, touched)).collect())
    }

    /// Shuts a gate unless something came meanwhile.
    fn depart(&self, path: &AgentPath, touched: u64) -> Option<ActorRef<Incarnation<A>>> {
        let mut slot = self.slots.get_mut(path)?;
        if slot.touched != touched || !slot.is_idle() {
            return None;
        }
        slot.departs = slot.shut();
        #[cfg(test)]
        self.crowd.departed.fetch_add(1, Ordering::Relaxed);
        Some(slot.live.clone())
    }

    /// How many are counted as resident.
    #[cfg(test)]
    pub(crate) fn population(&self) -> usize {
        self.crowd.population.load(Ordering::Relaxed)
    }

    /// How many have left so that there was room.
    #[cfg(test)]
    pub(crate) fn departed(&self) -> u64 {
        self.crowd.departed.load(Ordering::Relaxed)
    }
}
