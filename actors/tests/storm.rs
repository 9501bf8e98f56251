//! Senders, passivation, kills and panics, all at once, over real agents: no accepted message is lost, taken twice or out of
//! order, and no agent takes two turns at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use understory_store::{Backend, MemoryBackend, SledBackend, SledOptions};

use super::lagging::Lagging;
use super::table::{Table, number};
use super::world::{World, at, letter};
use crate::agent::AgentSignal;
use crate::brain::{BrainError, Response, Turn};
use crate::{Policy, Role, SpawnRequest, System, Until};

const AGENTS: usize = 10;
const SENDERS: usize = 4;

/// How often what happened.
#[derive(Debug, Default)]
struct Seen {
    killed: AtomicU64,
    passivated: AtomicU64,
    panicked: AtomicU64,
    together: AtomicU64,
    over: AtomicBool,
}

impl Seen {
    fn was_a_storm(&self) -> bool {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        count(&self.killed) > 20 && count(&self.passivated) > 20 && count(&self.panicked) > 0
    }
}

fn path(agent: usize) -> String {
    format!("/root/a{agent}")
}

async fn act(turn: Turn, working: Arc<Mutex<HashMap<String, u32>>>, seen: Arc<Seen>) -> Result<Response, BrainError> {
    struct Working(Arc<Mutex<HashMap<String, u32>>>, String);
    impl Drop for Working {
        fn drop(&mut self) {
            *self.0.lock().unwrap().get_mut(&self.1).expect("it works") -= 1;
        }
    }
    let path = turn.path().to_string();
    let at_work = {
        let mut working = working.lock().unwrap();
        let at_work = working.entry(path.clone()).or_default();
        *at_work += 1;
        *at_work
    };
    let _working = Working(working, path);
    seen.together.fetch_add(u64::from(at_work > 1), Ordering::Relaxed);
    for _ in 0..turn.number() % 5 {
        tokio::task::yield_now().await;
    }
    match turn.text() {
        text if text.contains("panic") && turn.attempt() == 1 => panic!("a brain in a storm"),
        text => Ok(Response::text(text)),
    }
}

/// Sends to agents by chance; those that were accepted, by recipient and in order.
///
/// It goes on until there was a storm, so that none of what ends an actor is missing.
async fn send(system: System, seen: Arc<Seen>, from: usize, messages: u64) -> Vec<Vec<String>> {
    let mut chance = fastrand::Rng::with_seed(from as u64);
    let mut sent = vec![Vec::new(); AGENTS];
    let mut number = 0;
    while number < messages || (!seen.was_a_storm() && number < 100 * messages) {
        number += 1;
        let to = chance.usize(..AGENTS);
        let word = if chance.u8(..20) == 0 { "panic" } else { "hello" };
        let text = format!("{from} {} {word}", sent[to].len());
        system.send(letter(&path(to), &text, chance.u8(..3) > 0)).await.unwrap();
        sent[to].push(text);
    }
    sent
}

async fn churn(system: System, seen: Arc<Seen>, panics: u64) {
    let mut chance = fastrand::Rng::with_seed(99);
    while !seen.over.load(Ordering::Relaxed) {
        let path = at(&path(chance.usize(..AGENTS)));
        match chance.u8(..40) {
            0 if seen.panicked.load(Ordering::Relaxed) < panics => {
                let told = system.agents.tell_resident(&path, AgentSignal::Panic).is_ok();
                seen.panicked.fetch_add(u64::from(told), Ordering::Relaxed);
            }
            1..15 => {
                seen.killed.fetch_add(u64::from(system.agents.kill(&path)), Ordering::Relaxed);
            }
            _ => {
                if let Some(actor) = system.agents.shut(&path) {
                    seen.passivated.fetch_add(1, Ordering::Relaxed);
                    let _ = actor.stop_gracefully().await;
                }
            }
        }
        // So that somebody gets something done between two ends.
        for _ in 0..chance.u8(..30) {
            tokio::task::yield_now().await;
        }
    }
}

async fn storm(backend: Arc<dyn Backend>, messages: u64, panics: u64) {
    let (seen, working) = (Arc::new(Seen::default()), Arc::default());
    let see = seen.clone();
    // Every fault is the first: nobody is put off or given up on.
    let policy = Policy { faults: usize::MAX, within: Duration::ZERO, ..Policy::default() };
    let world = World::setting()
        .role("storm", Role::with_brain("storm", "").policy(policy))
        .brain("storm", move |turn| act(turn, Arc::clone(&working), see.clone()))
        .limits(|limits| limits.turns = 4);
    let world = world.open_on(backend).await;
    let request = |agent| SpawnRequest { role: Some("storm".to_owned()), ..SpawnRequest::at(at(&path(agent))) };
    world.system.spawn((0..AGENTS).map(request).collect()).await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let churning = tokio::spawn(churn(world.system.clone(), seen.clone(), panics));
    let mut senders = JoinSet::new();
    for from in 0..SENDERS {
        senders.spawn(send(world.system.clone(), seen.clone(), from, messages));
    }
    let sent = senders.join_all().await;
    let paths: Vec<_> = (0..AGENTS).map(|agent| at(&path(agent))).collect();
    let settled = world.system.wait(&paths, Until::All, Duration::from_secs(100)).await.unwrap();
    // Until the last message is taken: what is woken by nobody else is what a kill could lose.
    seen.over.store(true, Ordering::Relaxed);
    churning.await.unwrap();
    assert_eq!(settled.len(), AGENTS, "somebody has mail and does not take it");
    for (agent, path) in (0..AGENTS).map(|agent| (agent, path(agent))) {
        let mut taken: Vec<String> = world.turns(&path).await.into_iter().flat_map(|(taken, _)| taken).collect();
        // Messages of a turn that was cut too often are taken, and with the dead letters.
        taken.extend(world.inbox(&path).await.into_iter().map(|message| message.text));
        for from in 0..SENDERS {
            let mine: Vec<_> = taken.iter().filter(|text| text.starts_with(&format!("{from} "))).collect();
            let accepted =
                sent.iter().find(|sent| sent.iter().flatten().any(|text| text.starts_with(&format!("{from} "))));
            assert_eq!(mine, accepted.unwrap()[agent].iter().collect::<Vec<_>>(), "sender {from} to {path}");
        }
    }
    assert_eq!(seen.together.load(Ordering::Relaxed), 0, "two turns of one agent at once");
    assert!(seen.was_a_storm(), "{seen:?}");
    world.end().await;
}

fn long() -> bool {
    std::env::var_os("UNDERSTORY_LONG").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_in_memory() {
    let (messages, panics) = if long() { (20_000, 100) } else { (400, 5) };
    // In memory a read is done at once; here an actor can be ended in the middle of one.
    storm(Arc::new(Lagging(MemoryBackend::new())), messages, panics).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_on_disk() {
    let directory = tempfile::TempDir::new().unwrap();
    let backend = Arc::new(SledBackend::open(directory.path(), SledOptions::default()).await.unwrap());
    let (messages, panics) = if long() { (3_000, 50) } else { (60, 3) };
    storm(backend.clone(), messages, panics).await;
    backend.shutdown().await.unwrap();
}

/// The same over a job: its actor is killed all the time, and no row is lost, run by two workers at once or charged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_a_job() {
    let working: Arc<Mutex<HashMap<u32, u32>>> = Arc::default();
    let (count, together) = (working.clone(), Arc::new(AtomicU64::new(0)));
    let seen = together.clone();
    let world = World::setting().brain("number", move |turn| {
        let (count, seen) = (count.clone(), seen.clone());
        async move {
            let row = turn.row().expect("a row").number;
            let at_work = {
                let mut count = count.lock().unwrap();
                let at_work = count.entry(row).or_default();
                *at_work += 1;
                *at_work
            };
            seen.fetch_add(u64::from(at_work > 1), Ordering::Relaxed);
            for _ in 0..row % 40 {
                tokio::task::yield_now().await;
            }
            let by_tool = row.is_multiple_of(3) && turn.report(&format!("{{\"row\":{row}}}"), false).await.is_ok();
            *count.lock().unwrap().get_mut(&row).expect("it works") -= 1;
            if by_tool { Ok(Response::text("reported")) } else { number(&turn) }
        }
    });
    let world = world.open_on(Arc::new(Lagging(MemoryBackend::new()))).await;
    let rows = if long() { 20_000 } else { 600 };
    let table = Table::of(rows);
    let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
    let (system, path, over) = (world.system.clone(), job.clone(), Arc::new(AtomicBool::new(false)));
    let ended = over.clone();
    let killing = tokio::spawn(async move {
        let (mut chance, mut killed) = (fastrand::Rng::with_seed(5), 0);
        while !ended.load(Ordering::Relaxed) {
            killed += u64::from(system.jobs.kill(&path));
            for _ in 0..chance.u16(..800) {
                tokio::task::yield_now().await;
            }
        }
        killed
    });
    let view = world.job_over(&job).await;
    over.store(true, Ordering::Relaxed);
    assert!(killing.await.unwrap() > 10, "it was no storm");
    assert_eq!((view.job.counts.completed, together.load(Ordering::Relaxed)), (rows, 0));
    let charged = |view: &crate::job::ItemView| view.item.failures + view.item.crashes;
    assert_eq!(world.items(&job).await.iter().map(charged).sum::<u32>(), 0, "{}", world.item_words(&job).await);
    for (at, line) in (1..).zip(table.output()) {
        assert_eq!(line.result, format!("{{\"row\":{at}}}"));
    }
    world.end().await;
}
