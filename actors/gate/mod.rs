//! The gate: a slot per resident actor, whose lock alone decides what may enter.
//!
//! ```text
//!            absent --wake--> Parked --Begin--> Open --park--> Parked --on_stop--> absent, or a successor
//!                              ^  signals wait here               ^
//! ```
//!
//! kameo can lose what is in a mailbox while an actor starts or ends, so nothing is there then: a slot is shut before its
//! actor ends, and an incarnation opens its own in its first message. A slot also holds what must outlive an incarnation:
//! the turns under way. It carries no durable content; losing every slot in a crash costs nothing.
//!
//! One that rests is let go: its slot is taken away, and with it the only way to its actor, which ends by itself. Since all
//! that it is sent is counted in and out, nothing is lost, and it does nothing more, whoever comes after it.

mod crowd;
mod incarnation;

use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use kameo::actor::{ActorId, ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::Context;
use tokio::sync::mpsc;
use understory_paths::AgentPath;

pub(crate) use incarnation::Incarnation;

use crowd::Crowd;
use incarnation::{Arrival, Sent};

/// What lives behind a gate, one incarnation at a time.
pub(crate) trait Resident: Send + Sized + 'static {
    /// What the gate hands to an incarnation; it knows the gate.
    type Home: AsRef<Gate<Self>> + Clone + Send + Sync + 'static;
    /// What is sent to it.
    type Signal: Send + 'static;
    /// What outlives an incarnation.
    type Held: Default + Send + Sync + 'static;

    /// The signal to look for work; at most one is outstanding per slot.
    fn wake() -> Self::Signal;

    /// Whether it is what [`Gate::dismiss`] sends.
    fn is_last(signal: &Self::Signal) -> bool;

    /// Whether a signal is for the incarnation alone that it was sent to: a successor is of no use to it.
    fn is_passing(_signal: &Self::Signal) -> bool {
        false
    }

    /// Whether nothing held needs an incarnation.
    fn is_free(held: &Self::Held) -> bool;

    /// A new incarnation, before it has read anything. Cannot fail and waits for nobody.
    fn arrive(home: Self::Home, path: AgentPath, me: ActorRef<Incarnation<Self>>) -> Self;

    /// Takes up what an earlier incarnation left. The first thing it does, its gate just opened.
    fn begin(&mut self, ctx: &mut Life<Self>) -> impl Future<Output = ()> + Send;

    /// Acts on a signal.
    fn take(&mut self, signal: Self::Signal, ctx: &mut Life<Self>) -> impl Future<Output = ()> + Send;
}

/// The first message of an incarnation, which is inside before its gate is open.
const BEGIN: usize = 1;

/// What an incarnation can do about itself.
pub(crate) type Life<A> = Context<Incarnation<A>, ()>;

enum Way<A: Resident> {
    Open,
    Parked(Vec<A::Signal>),
}

struct Slot<A: Resident> {
    live: ActorRef<Incarnation<A>>,
    way: Way<A>,
    woken: bool,
    /// What its incarnation has been sent and not done with, its first message included.
    inside: usize,
    /// The gate's age when something last came for it, and its place among all that came.
    used: u64,
    touched: u64,
    held: A::Held,
    leaving: Vec<mpsc::Sender<Infallible>>,
}

/// What is left of one that was let go: nobody reaches it. Dropped, it is gone from memory.
pub(crate) struct Gone<A: Resident>(Slot<A>);

/// The slots of all resident actors of one kind.
pub(crate) struct Gate<A: Resident> {
    slots: DashMap<AgentPath, Slot<A>>,
    age: AtomicU64,
    crowd: Crowd,
}

impl<A: Resident> Gate<A> {
    pub(crate) fn new() -> Self {
        Gate::with_room_for(usize::MAX)
    }

    /// A gate that says when there are more residents than `max`.
    pub(crate) fn with_room_for(max: usize) -> Self {
        Gate { slots: DashMap::new(), age: AtomicU64::new(0), crowd: Crowd::of(max) }
    }

    /// Has the actor at `path` look for work, starting one if there is none.
    pub(crate) fn wake(&self, home: &A::Home, path: &AgentPath) {
        self.with_slot(home, path, |slot| {
            if !std::mem::replace(&mut slot.woken, true) {
                slot.enter(A::wake());
            }
        });
    }

    /// Sends to the actor at `path`, starting one if there is none.
    pub(crate) fn deliver(&self, home: &A::Home, path: &AgentPath, signal: A::Signal) {
        self.with_slot(home, path, |slot| slot.enter(signal));
    }

    /// Sends to the actor at `path` if there is one; else gives the signal back.
    pub(crate) fn tell_resident(&self, path: &AgentPath, signal: A::Signal) -> Result<(), A::Signal> {
        match self.slots.get_mut(path) {
            Some(mut slot) => {
                slot.enter(signal);
                Ok(())
            }
            None => Err(signal),
        }
    }

    /// Sends a last signal to the actor at `path`, if there is one; `gone` is dropped when its slot is.
    pub(crate) fn dismiss(&self, path: &AgentPath, signal: A::Signal, gone: mpsc::Sender<Infallible>) {
        if let Some(mut slot) = self.slots.get_mut(path) {
            slot.leaving.push(gone);
            slot.enter(signal);
        }
    }

    /// Opens the gate of the incarnation `me` and lets in what waited, in order. Called from its first message.
    pub(crate) fn open(&self, path: &AgentPath, me: &ActorRef<Incarnation<A>>) {
        let Some(mut slot) = self.slots.get_mut(path) else { return };
        if slot.live.id() != me.id() {
            return;
        }
        if let Way::Parked(waiting) = std::mem::replace(&mut slot.way, Way::Open) {
            for signal in waiting {
                slot.enter(signal);
            }
        }
    }

    /// Notes that the actor is about to look for work: what comes after this wakes it again.
    pub(crate) fn awake(&self, path: &AgentPath) {
        if let Some(mut slot) = self.slots.get_mut(path) {
            slot.woken = false;
        }
    }

    /// Shuts the gate of the incarnation `me`: from here on nothing reaches its mailbox.
    pub(crate) fn park(&self, path: &AgentPath, me: ActorId) {
        if let Some(mut slot) = self.slots.get_mut(path)
            && slot.live.id() == me
        {
            slot.shut();
        }
    }

    /// Shuts the gate of `path` if it stands open, and gives back its actor to be ended.
    pub(crate) fn shut(&self, path: &AgentPath) -> Option<ActorRef<Incarnation<A>>> {
        let mut slot = self.slots.get_mut(path)?;
        slot.shut().then(|| slot.live.clone())
    }

    /// Lets the actor at `path` go if it rests: it is told nothing, and ends because nobody knows it any more. What comes for
    /// the path from now on has another.
    pub(crate) fn let_go(&self, path: &AgentPath) -> Option<Gone<A>> {
        self.let_go_if(path, |_| true)
    }

    fn let_go_if(&self, path: &AgentPath, leaves: impl FnOnce(&Slot<A>) -> bool) -> Option<Gone<A>> {
        // Dropped behind the lock: what a brain does at its end is its own.
        let (_, slot) = self.slots.remove_if(path, |_, slot| slot.rests() && leaves(slot))?;
        self.crowd.population.fetch_sub(1, Ordering::Relaxed);
        Some(Gone(slot))
    }

    /// Notes that the incarnation `me` is done with something it was sent.
    fn done(&self, path: &AgentPath, me: ActorId) {
        let Some(mut slot) = self.slots.get_mut(path).filter(|slot| slot.live.id() == me) else { return };
        slot.inside -= 1;
        let rests = slot.rests();
        drop(slot);
        if rests {
            self.rested(path);
        }
    }

    /// Ends the actor at `path` without asking it; what is held goes to a successor.
    pub(crate) fn kill(&self, path: &AgentPath) -> bool {
        self.shut(path).inspect(ActorRef::kill).is_some()
    }

    /// Ends the incarnation `me` wholly, `cut` short or not: with nothing left the slot goes, else a successor gets what is
    /// left. The last act of `on_stop`.
    pub(crate) fn ended(
        &self,
        home: &A::Home,
        path: &AgentPath,
        me: ActorId,
        mut left: Vec<A::Signal>,
        cut: Option<Duration>,
    ) {
        let Entry::Occupied(mut entry) = self.slots.entry(path.clone()) else { return };
        let slot = entry.get_mut();
        if slot.live.id() != me {
            return;
        }
        if let Way::Parked(waiting) = &mut slot.way {
            left.append(waiting);
        }
        left.retain(|signal| !A::is_passing(signal));
        // It may have been looking for work, and what it was woken for is still there.
        left.extend(cut.map(|_| A::wake()));
        if left.is_empty() && A::is_free(&slot.held) {
            entry.remove();
            self.crowd.population.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let told_to_leave = left.iter().any(A::is_last);
        slot.live = start(home, path, cut.unwrap_or_default());
        slot.way = Way::Parked(left);
        slot.inside = BEGIN;
        // The next one is not theirs who waited for this one to leave, unless it is the one that will hear of it.
        if !told_to_leave {
            slot.leaving.clear();
        }
    }

    /// Looks at or changes what the slot of `path` holds, if there is a slot.
    pub(crate) fn held<R>(&self, path: &AgentPath, look: impl FnOnce(&mut A::Held) -> R) -> Option<R> {
        self.slots.get_mut(path).map(|mut slot| look(&mut slot.held))
    }

    /// The paths of residents at and below `top`, deepest first.
    pub(crate) fn residents(&self, top: &AgentPath) -> Vec<AgentPath> {
        // By level, not sorted: of many thousands, comparing them is what a close would spend its time with.
        let mut levels: Vec<Vec<AgentPath>> = Vec::new();
        for slot in self.slots.iter().filter(|slot| top.contains(slot.key())) {
            let depth = slot.key().depth();
            levels.resize_with(levels.len().max(depth + 1), Vec::new);
            levels[depth].push(slot.key().clone());
        }
        levels.into_iter().rev().flatten().collect()
    }

    /// How many actors are resident.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Moves the gate's age on by one and lets those go that nothing came for since `spans` ages ago and that rest.
    pub(crate) fn grow_old(&self, spans: u64) {
        let age = self.age.fetch_add(1, Ordering::Relaxed) + 1;
        let is_old = |slot: &Slot<A>| slot.used + spans <= age;
        let old = self.slots.iter().filter(|slot| is_old(slot) && slot.rests()).map(|slot| slot.key().clone());
        let old: Vec<AgentPath> = old.collect();
        for path in &old {
            drop(self.let_go_if(path, is_old));
        }
    }

    /// How a slot stands, for a test that fails.
    #[cfg(test)]
    pub(crate) fn describe(&self, path: &AgentPath, held: impl FnOnce(&A::Held) -> String) -> String {
        let Some(slot) = self.slots.get(path) else { return "no slot".to_owned() };
        let way = match &slot.way {
            Way::Open => "open".to_owned(),
            Way::Parked(waiting) => format!("parked, {} wait", waiting.len()),
        };
        let (alive, woken) = (slot.live.is_alive(), slot.woken);
        format!("{way}, alive {alive}, woken {woken}, {}", held(&slot.held))
    }

    fn with_slot(&self, home: &A::Home, path: &AgentPath, send: impl FnOnce(&mut Slot<A>)) {
        let age = self.age.load(Ordering::Relaxed);
        let touched = self.crowd.touch();
        if let Some(mut slot) = self.slots.get_mut(path) {
            (slot.used, slot.touched) = (age, touched);
            return send(&mut slot);
        }
        let mut slot = self.slots.entry(path.clone()).or_insert_with(|| {
            self.crowd.arrive();
            Slot {
                live: start(home, path, Duration::ZERO),
                way: Way::Parked(Vec::new()),
                woken: false,
                inside: BEGIN,
                used: age,
                touched,
                held: A::Held::default(),
                leaving: Vec::new(),
            }
        });
        (slot.used, slot.touched) = (age, touched);
        send(&mut slot);
    }
}

impl<A: Resident> Slot<A> {
    fn enter(&mut self, signal: A::Signal) {
        match &mut self.way {
            Way::Open => {
                self.inside += 1;
                let sent = self.live.tell(Sent(signal)).try_send();
                sent.unwrap_or_else(|_| panic!("an open gate leads to a live mailbox"));
            }
            Way::Parked(waiting) => waiting.push(signal),
        }
    }

    /// Whether its incarnation does nothing, has nothing to do, and is told of nothing but through the gate.
    fn rests(&self) -> bool {
        self.inside == 0 && matches!(self.way, Way::Open) && A::is_free(&self.held)
    }

    fn shut(&mut self) -> bool {
        let open = matches!(self.way, Way::Open);
        if open {
            self.way = Way::Parked(Vec::new());
        }
        open
    }
}

/// Starts an incarnation, after a pause if there is one to be. Called under the slot's lock, so it only prepares and
/// spawns.
fn start<A: Resident>(home: &A::Home, path: &AgentPath, pause: Duration) -> ActorRef<Incarnation<A>> {
    let prepared = Incarnation::<A>::prepare_with_mailbox(mailbox::unbounded());
    let live = prepared.actor_ref().clone();
    let arrival = Arrival { home: home.clone(), path: path.clone() };
    if pause.is_zero() {
        prepared.spawn(arrival);
    } else {
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            prepared.spawn(arrival);
        });
    }
    live
}

#[cfg(test)]
mod steps;
#[cfg(test)]
mod tests;
