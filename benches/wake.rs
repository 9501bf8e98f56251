//! A wake through the gate against a bare tell. The gate is compiled from the actors' own file, over an actor that does
//! nothing but what it must: note that it is awake.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn, WeakActorRef};
use kameo::error::ActorStopReason;
use kameo::mailbox;
use kameo::message::{BoxMessage, Context, Message};
use tokio::sync::Notify;
use understory::AgentPath;

use self::gate::{Arrival, Begin, Gate, Resident, undelivered};
use crate::figure::{Aim, Figure, Report, Rounds};
use crate::world::{self, rate};
use crate::{Bench, Outcome};

#[path = "../actors/gate.rs"]
#[expect(dead_code, reason = "only waking is measured")]
mod gate;

const ACTORS: usize = 1_000;
const SWEEPS: usize = 300;

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
    left: Vec<Wake>,
}

impl Resident for Sleeper {
    type Home = Home;
    type Signal = Wake;
    type Held = ();

    fn wake() -> Wake {
        Wake
    }

    fn is_free((): &()) -> bool {
        true
    }
}

impl Actor for Sleeper {
    type Args = Arrival<Self>;
    type Error = Infallible;

    async fn on_start(arrival: Arrival<Self>, me: ActorRef<Self>) -> Result<Self, Infallible> {
        let Arrival { home, path } = arrival;
        me.tell(Begin).try_send().unwrap_or_else(|_| panic!("an actor's own mailbox is open while it starts"));
        Ok(Sleeper { home, path, left: Vec::new() })
    }

    async fn on_undelivered(&mut self, _: ActorStopReason, messages: Vec<BoxMessage<Self>>) -> Result<(), Infallible> {
        self.left.extend(undelivered(messages));
        Ok(())
    }

    async fn on_stop(&mut self, me: WeakActorRef<Self>, _: ActorStopReason) -> Result<(), Infallible> {
        let left = std::mem::take(&mut self.left);
        self.home.0.gate.ended(&self.home, &self.path, me.id(), left);
        Ok(())
    }
}

impl Message<Begin> for Sleeper {
    type Reply = ();

    async fn handle(&mut self, _: Begin, ctx: &mut Context<Self, ()>) {
        self.home.0.gate.open(&self.path, ctx.actor_ref());
    }
}

impl Message<Wake> for Sleeper {
    type Reply = ();

    async fn handle(&mut self, _: Wake, _: &mut Context<Self, ()>) {
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

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rounds = (0..bench.rounds).map(|_| world::block_on(round())).collect::<Outcome<Vec<(f64, f64)>>>()?;
    let cost = |pick: fn(&(f64, f64)) -> f64| rounds.iter().map(|round| 1_000_000.0 / pick(round)).collect::<Rounds>();
    let figure = Figure::new("wake through the gate", "us each", cost(|round| round.0));
    report.figure(&figure.beside("kameo tell", cost(|round| round.1)).aim(Aim::RatioAtMost(1.5)));
    Ok(())
}

/// Wakes and tells a second.
async fn round() -> Outcome<(f64, f64)> {
    let home = Home(Arc::new(Hall { gate: Gate::new(), tally: Tally::default() }));
    let paths = (0..ACTORS).map(|n| Ok(world::member(n)?.path)).collect::<Outcome<Vec<AgentPath>>>()?;
    let gated = || paths.iter().for_each(|path| home.0.gate.wake(&home, path));
    let tally = Arc::new(Tally::default());
    let spawn = |_| Bare::spawn_with_mailbox(Bare(tally.clone()), mailbox::unbounded());
    let actors: Vec<ActorRef<Bare>> = (0..ACTORS).map(spawn).collect();
    let bare = || actors.iter().for_each(|actor| drop(actor.tell(Wake).try_send()));
    let (mut woken, mut told) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    // The first sweep starts those behind the gate.
    for sweep in 0..=SWEEPS {
        let (wakes, tells) = (time(&home.0.tally, gated).await, time(&tally, bare).await);
        if sweep > 0 {
            woken += wakes;
            told += tells;
        }
    }
    Ok((rate(ACTORS * SWEEPS, woken), rate(ACTORS * SWEEPS, told)))
}

async fn time(tally: &Tally, send: impl Fn()) -> std::time::Duration {
    let begin = Instant::now();
    tally.expect(ACTORS);
    send();
    tally.done.notified().await;
    begin.elapsed()
}
