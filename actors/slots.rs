//! Turn slots: how many turns run at once, and who is next.
//!
//! Waiting is fair over groups (a job, or a subtree directly below `/root`), not over waiters: a job of a million rows
//! does not keep another's single turn waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;
use understory_paths::AgentPath;

use crate::lock::Lock;

/// The slots of a process.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Lock<Queue>>);

/// The right to run one turn; given back when dropped.
pub(crate) struct Permit {
    slots: Option<Slots>,
}

struct Queue {
    free: usize,
    /// Turns that waited for something and go on: they are served before new ones, in the order they came.
    returning: VecDeque<oneshot::Sender<Permit>>,
    turn: VecDeque<AgentPath>,
    waiting: HashMap<AgentPath, VecDeque<oneshot::Sender<Permit>>>,
}

/// A place in the queue.
pub(crate) type Waiting = oneshot::Receiver<Permit>;

impl Slots {
    pub(crate) fn new(turns: usize) -> Self {
        Slots(Arc::new(Lock::new(Queue {
            free: turns,
            returning: VecDeque::new(),
            turn: VecDeque::new(),
            waiting: HashMap::new(),
        })))
    }

    /// Takes a slot at once, if one is free (then nobody waits).
    pub(crate) fn take(&self) -> Option<Permit> {
        let mut queue = self.0.lock();
        queue.free = queue.free.checked_sub(1)?;
        drop(queue);
        Some(Permit { slots: Some(self.clone()) })
    }

    /// Takes a place in the queue of `group`.
    pub(crate) fn wait(&self, group: &AgentPath) -> Waiting {
        let (give, place) = oneshot::channel();
        let mut queue = self.0.lock();
        if !queue.waiting.contains_key(group) {
            queue.turn.push_back(group.clone());
        }
        queue.waiting.entry(group.clone()).or_default().push_back(give);
        drop(queue);
        self.serve();
        place
    }

    /// Takes a place ahead of every new turn, for one that gave its slot back and goes on.
    pub(crate) fn again(&self) -> Waiting {
        let (give, place) = oneshot::channel();
        self.0.lock().returning.push_back(give);
        self.serve();
        place
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().waiting.values().map(VecDeque::len).sum()
    }

    /// Gives a slot that is free to whoever is next.
    fn serve(&self) {
        drop(self.take());
    }

    /// Gives a slot to whoever is next; it is free when nobody wants it.
    fn give_back(self) {
        let mut permit = Permit { slots: Some(self.clone()) };
        loop {
            let mut queue = self.0.lock();
            let Some(next) = queue.next() else {
                queue.free += 1;
                permit.slots = None;
                return;
            };
            drop(queue);
            match next.send(permit) {
                Ok(()) => return,
                Err(unwanted) => permit = unwanted,
            }
        }
    }
}

impl Queue {
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        if let Some(returning) = self.returning.pop_front() {
            return Some(returning);
        }
        let group = self.turn.pop_front()?;
        let waiting = self.waiting.get_mut(&group).expect("a group in turn has somebody waiting");
        let next = waiting.pop_front();
        match waiting.is_empty() {
            true => drop(self.waiting.remove(&group)),
            false => self.turn.push_back(group),
        }
        next
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(slots) = self.slots.take() {
            slots.give_back();
        }
    }
}

/// The group that a node's turns queue in: the subtree directly below `/root` that it lies in.
pub(crate) fn group(path: &AgentPath) -> AgentPath {
    let top = path.ancestors().filter(|ancestor| !ancestor.is_root()).last();
    top.unwrap_or_else(|| path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AgentPath {
        text.parse().unwrap()
    }

    #[test]
    fn slots_go_round_the_groups() {
        let slots = Slots::new(1);
        let held = slots.take().unwrap();
        let mut big: Vec<Waiting> = (0..3).map(|_| slots.wait(&path("/root/big"))).collect();
        let mut small = slots.wait(&path("/root/small"));
        drop(held);
        let first = big[0].try_recv().unwrap();
        assert!(small.try_recv().is_err());
        drop(first);
        let second = small.try_recv().expect("the small group is next, though two of the big one came before");
        assert!(big[1].try_recv().is_err());
        drop(second);
        assert!(big[1].try_recv().is_ok());
    }

    #[test]
    fn a_slot_for_somebody_gone_goes_to_the_next() {
        let slots = Slots::new(1);
        let held = slots.take().unwrap();
        drop(slots.wait(&path("/root/a")));
        let mut next = slots.wait(&path("/root/b"));
        drop(held);
        drop(next.try_recv().unwrap());
        assert!(slots.take().is_some(), "the slot came back");
    }

    #[test]
    fn who_comes_back_is_served_before_who_is_new() {
        let slots = Slots::new(1);
        let held = slots.take().unwrap();
        let mut new = slots.wait(&path("/root/a"));
        let mut back: Vec<Waiting> = (0..2).map(|_| slots.again()).collect();
        drop(held);
        assert!(new.try_recv().is_err() && back[1].try_recv().is_err());
        drop(back[0].try_recv().expect("who came back first goes on first"));
        assert!(new.try_recv().is_err());
        drop(back[1].try_recv().expect("and then the other"));
        drop(new.try_recv().expect("a new one comes last"));
        assert!(slots.again().try_recv().is_ok(), "a free slot is given at once");
    }

    #[test]
    fn a_waiter_gets_a_slot_that_is_free() {
        let slots = Slots::new(1);
        assert!(slots.wait(&path("/root/a")).try_recv().is_ok());
    }

    #[test]
    fn a_group_is_the_top_below_the_root() {
        assert_eq!(group(&path("/root/a/b/c")), path("/root/a"));
        assert_eq!(group(&path("/root/a")), path("/root/a"));
        assert_eq!(group(&path("/root")), path("/root"));
    }
}
