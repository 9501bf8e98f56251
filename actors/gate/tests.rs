//! The gate by itself, with an actor that does nothing but count.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::tests::panics;

const SENDERS: usize = 4;

#[derive(Clone, Copy)]
struct Mail {
    from: usize,
    number: u64,
    poison: bool,
}

enum Signal {
    Wake,
    Mail(Mail),
}

/// What would be durable: the last message of each sender, and how many were handled.
#[derive(Clone, Copy, Default)]
struct Record {
    last: [u64; SENDERS],
    handled: u64,
}

#[derive(Default)]
struct Seen {
    overlaps: AtomicU64,
    disorder: AtomicU64,
    killed: AtomicU64,
    let_go: AtomicU64,
    panicked: AtomicU64,
}

struct Yard {
    gate: Gate<Counter>,
    records: DashMap<AgentPath, Record>,
    newest: DashMap<AgentPath, ActorId>,
    seen: Seen,
}

#[derive(Clone)]
struct Home(Arc<Yard>);

impl AsRef<Gate<Counter>> for Home {
    fn as_ref(&self) -> &Gate<Counter> {
        &self.0.gate
    }
}

struct Counter {
    yard: Home,
    path: AgentPath,
    me: ActorId,
    record: Record,
}

impl Resident for Counter {
    type Home = Home;
    type Signal = Signal;
    type Held = ();

    fn wake() -> Signal {
        Signal::Wake
    }

    fn is_last(_: &Signal) -> bool {
        false
    }

    fn is_free(_: &()) -> bool {
        true
    }

    fn arrive(yard: Home, path: AgentPath, me: ActorRef<Incarnation<Self>>) -> Self {
        yard.0.newest.insert(path.clone(), me.id());
        let record = yard.0.records.get(&path).map(|record| *record).unwrap_or_default();
        Counter { yard, path, me: me.id(), record }
    }

    async fn begin(&mut self, _: &mut Life<Self>) {}

    async fn take(&mut self, signal: Signal, _: &mut Life<Self>) {
        // Whoever has a successor acts no more.
        if *self.yard.0.newest.get(&self.path).expect("it arrived") != self.me {
            self.yard.0.seen.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        let Signal::Mail(mail) = signal else { return self.yard.0.gate.awake(&self.path) };
        if mail.number != self.record.last[mail.from] + 1 {
            self.yard.0.seen.disorder.fetch_add(1, Ordering::Relaxed);
        }
        self.record.last[mail.from] = mail.number;
        self.record.handled += 1;
        // Written with no await before or after it: neither a kill nor a panic splits it from the message.
        self.yard.0.records.insert(self.path.clone(), self.record);
        if mail.poison {
            self.yard.0.seen.panicked.fetch_add(1, Ordering::Relaxed);
            std::panic::panic_any(panics::ACTOR);
        }
    }
}

/// Sends to agents by chance, in order to each.
async fn send(yard: Home, paths: Arc<[AgentPath]>, from: usize, messages: u64, poison: u64) {
    let mut chance = fastrand::Rng::with_seed(from as u64);
    let mut numbers = vec![0; paths.len()];
    for message in 1..=messages {
        let to = chance.usize(..paths.len());
        numbers[to] += 1;
        let mail = Mail { from, number: numbers[to], poison: message % poison == 0 };
        yard.0.gate.deliver(&yard, &paths[to], Signal::Mail(mail));
        if chance.u8(..) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Ends actors by chance: let go, of itself, or killed.
async fn churn(yard: Home, paths: Arc<[AgentPath]>) {
    let mut chance = fastrand::Rng::with_seed(99);
    loop {
        for _ in 0..8 {
            let path = &paths[chance.usize(..paths.len())];
            let count = |counter: &AtomicU64, ended: bool| counter.fetch_add(u64::from(ended), Ordering::Relaxed);
            match chance.u8(..3) {
                0 => drop(count(&yard.0.seen.killed, yard.0.gate.kill(path))),
                1 => drop(count(&yard.0.seen.let_go, yard.0.gate.let_go(path).is_some())),
                _ => {
                    if let Some(actor) = yard.0.gate.shut(path) {
                        let _ = actor.stop_gracefully().await;
                    }
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_out_of_order_whatever_ends_an_actor() {
    let (messages, poison) =
        if std::env::var_os("UNDERSTORY_LONG").is_some() { (250_000, 500) } else { (20_000, 2_000) };
    panics::hush();
    let yard = Home(Arc::new(Yard {
        gate: Gate::new(),
        records: DashMap::new(),
        newest: DashMap::new(),
        seen: Seen::default(),
    }));
    let paths: Arc<[AgentPath]> = (0..200).map(|n| format!("/root/a{n}").parse().unwrap()).collect();
    let churning = tokio::spawn(churn(yard.clone(), paths.clone()));
    let mut senders = JoinSet::new();
    for from in 0..SENDERS {
        senders.spawn(send(yard.clone(), paths.clone(), from, messages, poison));
    }
    senders.join_all().await;
    churning.abort();
    let handled = || yard.0.records.iter().map(|record| record.handled).sum::<u64>();
    let sent = messages * SENDERS as u64;
    // Each poison keeps its agent's mail back for a second; with nothing handled for many, nothing more will be.
    let (mut last, mut since) = (0, std::time::Instant::now());
    while handled() < sent && since.elapsed() < Duration::from_secs(10) {
        if handled() > last {
            (last, since) = (handled(), std::time::Instant::now());
        }
        tokio::task::yield_now().await;
    }
    let seen = &yard.0.seen;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((handled(), count(&seen.disorder), count(&seen.overlaps)), (sent, 0, 0));
    assert!(count(&seen.killed) > 20 && count(&seen.let_go) > 20, "it was no storm");
    assert!(count(&seen.panicked) >= sent / poison, "it was no storm");
}
