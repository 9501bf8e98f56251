//! How many are resident, and who leaves when there are too many: whoever was used least recently and has nothing to do.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use understory_paths::AgentPath;

use super::{Gate, Resident};

/// The part of the bound that leaves at once besides what is over it, so that not every arrival looks through all.
const SPARE_PART: usize = 16;

/// How many residents there are, and may be.
pub(super) struct Crowd {
    max: usize,
    pub(super) population: AtomicUsize,
    touches: AtomicU64,
    over: Notify,
    /// Too few rested when there was no room: whoever comes to rest from then on leaves, until there is.
    short: AtomicBool,
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
            short: AtomicBool::new(false),
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
        if self.population.fetch_add(1, Ordering::Relaxed) >= self.max && !self.short.load(Ordering::Relaxed) {
            self.over.notify_one();
        }
    }

    /// Whether one that comes to rest has to leave.
    fn is_short(&self) -> bool {
        if !self.short.load(Ordering::Relaxed) {
            return false;
        }
        let over = self.population.load(Ordering::Relaxed) > self.max;
        self.short.store(over, Ordering::Relaxed);
        over
    }
}

impl<A: Resident> Gate<A> {
    /// Resolves when one has come for whom there is no room.
    pub(crate) async fn crowded(&self) {
        self.crowd.over.notified().await;
    }

    /// Lets those go that were used least recently, if there are too many residents. Nobody who is at work leaves, so they may
    /// be too few; then those who come to rest leave next.
    pub(crate) fn make_room(&self) {
        let Crowd { max, population, short, .. } = &self.crowd;
        let excess = population.load(Ordering::Relaxed).saturating_sub(*max);
        if excess == 0 {
            return;
        }
        let resting = self.slots.iter().filter(|slot| slot.rests());
        let mut idle: Vec<(u64, AgentPath)> = resting.map(|slot| (slot.touched, slot.key().clone())).collect();
        let leaving = (excess + max / SPARE_PART).min(idle.len());
        if leaving < idle.len() {
            idle.select_nth_unstable(leaving);
        }
        idle.truncate(leaving);
        // Unless something came meanwhile.
        let unused =
            |(touched, path): &&(u64, AgentPath)| self.let_go_if(path, |slot| slot.touched == *touched).is_some();
        let left = idle.iter().filter(unused).count();
        #[cfg(test)]
        self.crowd.departed.fetch_add(left as u64, Ordering::Relaxed);
        short.store(left < excess, Ordering::Relaxed);
    }

    /// Whoever has come to rest goes, if there is no room.
    pub(super) fn rested(&self, path: &AgentPath) {
        if self.crowd.is_short() && self.let_go(path).is_some() {
            #[cfg(test)]
            self.crowd.departed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many have left so that there was room.
    #[cfg(test)]
    pub(crate) fn departed(&self) -> u64 {
        self.crowd.departed.load(Ordering::Relaxed)
    }

    /// How many are counted as resident.
    #[cfg(test)]
    pub(crate) fn population(&self) -> usize {
        self.crowd.population.load(Ordering::Relaxed)
    }
}
