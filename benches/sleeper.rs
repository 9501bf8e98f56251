//! Actors that do nothing but what they must: those behind the gate note that they are awake, the others that they were
//! told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};
use tokio::sync::Notify;
use understory_paths::AgentPath;

use crate::gate::{Gate, Incarnation, Life, Resident};

/// What many wakes and as many tells took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Swept {
    /// All wakes through the gate, each handled.
    pub woken: Duration,
    /// All bare tells, each handled.
    pub told: Duration,
}

/// Wakes each of these actors through the gate and waits until all have looked, then tells as many bare actors; so many
/// times over, in turns.
pub async fn sweep(paths: &[AgentPath], times: usize) -> Swept {
    let home = Home(Arc::new(Hall { gate: Gate::new(), tally: Tally::default() }));
    let gated = || paths.iter().for_each(|path| home.0.gate.wake(&home, path));
    let tally = Arc::new(Tally::default());
    let spawn = |_: &AgentPath| Bare::spawn_with_mailbox(Bare(tally.clone()), mailbox::unbounded());
    let actors: Vec<ActorRef<Bare>> = paths.iter().map(spawn).collect();
    let bare = || actors.iter().for_each(|actor| drop(actor.tell(Wake).try_send()));
    let mut swept = Swept::default();
    // The first sweep starts those behind the gate.
    for n in 0..=times {
        let woken = time(&home.0.tally, paths.len(), gated).await;
        let told = time(&tally, paths.len(), bare).await;
        if n > 0 {
            swept.woken += woken;
            swept.told += told;
        }
    }
    swept
}

/// Counts what was handled.
#[derive(Default)]
struct Tally {
    left: AtomicUsize,
    done: Notify,
}

impl Tally {
    fn expect(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }

    fn handled(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.done.notify_one();
        }
    }
}

/// The gate and the tally of those behind it.
struct Hall {
    gate: Gate<Sleeper>,
    tally: Tally,
}

#[derive(Clone)]
struct Home(Arc<Hall>);

impl AsRef<Gate<Sleeper>> for Home {
    fn as_ref(&self) -> &Gate<Sleeper> {
        &self.0.gate
    }
}

struct Wake;

/// Lives behind the gate.
struct Sleeper {
    home: Home,
    path: AgentPath,
}

impl Resident for Sleeper {
    type Home = Home;
    type Signal = Wake;
    type Held = ();

    fn wake() -> Wake {
        Wake
    }

    fn is_last(_: &Wake) -> bool {
        false
    }

    fn is_free((): &()) -> bool {
        true
    }

    fn arrive(home: Home, path: AgentPath, _: ActorRef<Incarnation<Self>>) -> Self {
        Sleeper { home, path }
    }

    async fn begin(&mut self, _: &mut Life<Self>) {}

    async fn take(&mut self, _: Wake, _: &mut Life<Self>) {
        self.home.0.gate.awake(&self.path);
        self.home.0.tally.handled();
    }
}

/// Has nothing before it.
#[derive(Actor)]
struct Bare(Arc<Tally>);

impl Message<Wake> for Bare {
    type Reply = ();

    async fn handle(&mut self, _: Wake, _: &mut Context<Self, ()>) {
        self.0.handled();
    }
}

async fn time(tally: &Tally, count: usize, send: impl Fn()) -> Duration {
    let begin = Instant::now();
    tally.expect(count);
    send();
    tally.done.notified().await;
    begin.elapsed()
}
