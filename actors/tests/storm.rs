//! Senders, passivation, kills and panics, all at once, over real agents: no accepted message is lost, taken twice or out of
//! order, and no agent takes two turns at once.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinSet;
use understory_store::{Backend, Event, MemoryBackend, SledBackend, SledOptions};

use super::lagging::Lagging;
use super::panics;
use super::world::{LONG, World, at, letter};
use crate::agent::{AgentSignal, Held};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Policy, Role, SpawnRequest, System, Until};

const AGENTS: usize = 10;
const SENDERS: usize = 4;
/// How long nothing at all is sent or taken before the storm has failed; a loaded machine is slow, but not that slow.
const PATIENCE: Duration = Duration::from_secs(100);

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
        text if text.contains("panic") && turn.attempt() == 1 => std::panic::panic_any(panics::BRAIN),
        text => Ok(Response::text(text)),
    }
}

/// Sends to agents by chance; those that were accepted, by recipient and in order.
///
/// It goes on until there was a storm, so that none of what ends an actor is missing.
async fn send(system: System, seen: Arc<Seen>, from: usize, messages: u64) -> Vec<Vec<String>> {
    let mut chance = fastrand::Rng::with_seed(seed() + from as u64);
    let mut sent = vec![Vec::new(); AGENTS];
    let mut number = 0;
    while number < messages || (!seen.was_a_storm() && number < 100 * messages) {
        number += 1;
        let to = chance.usize(..AGENTS);
        let word = if chance.u8(..20) == 0 { "panic" } else { "hello" };
        let text = format!("{from} {} {word}", sent[to].len());
        let trigger = chance.u8(..3) > 0;
        // A recipient that is behind is no fault of its own.
        while let Err(error) = system.send(letter(&path(to), &text, trigger)).await {
            assert!(matches!(error, Error::Limit { limit: "inbox", .. }), "{error}");
            tokio::task::yield_now().await;
        }
        sent[to].push(text);
    }
    sent
}

async fn churn(system: System, seen: Arc<Seen>, panics: u64) {
    let mut chance = fastrand::Rng::with_seed(seed() + 99);
    while !seen.over.load(Ordering::Relaxed) {
        let path = at(&path(chance.usize(..AGENTS)));
        match chance.u8(..40) {
            0 if seen.panicked.load(Ordering::Relaxed) < panics => {
                let told = system.agents.tell_resident(&path, AgentSignal::Panic(panics::ACTOR)).is_ok();
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

async fn storm(backend: Arc<dyn Backend>, messages: u64, panics: u64, residents: usize) {
    panics::hush();
    let (seen, working) = (Arc::new(Seen::default()), Arc::default());
    let see = seen.clone();
    // Every fault is the first: nobody is put off or given up on.
    let policy = Policy { faults: usize::MAX, within: Duration::ZERO, ..Policy::default() };
    let world = World::setting()
        .role("storm", Role::with_brain("storm", "").policy(policy))
        .brain("storm", move |turn| act(turn, Arc::clone(&working), see.clone()))
        .limits(|limits| (limits.turns, limits.residents) = (4, residents));
    let world = world.open_on(backend).await;
    let request = |agent| SpawnRequest { role: Some("storm".to_owned()), ..SpawnRequest::at(at(&path(agent))) };
    world.system.spawn((0..AGENTS).map(request).collect()).await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let sent = tokio::select! {
        sent = rage(&world, &seen, messages, panics) => sent,
        () = silence(&world.system) => panic!("nobody does anything, seed {}: {seen:?}{}", seed(), scene(&world).await),
    };
    for (agent, path) in (0..AGENTS).map(|agent| (agent, path(agent))) {
        let mut taken: Vec<String> = world.turns(&path).await.into_iter().flat_map(|(taken, _)| taken).collect();
        // What came behind the last trigger lies there still.
        taken.extend(world.inbox(&path).await.into_iter().map(|message| message.text));
        for (from, sent) in sent.iter().enumerate() {
            let mine: Vec<_> = taken.iter().filter(|text| text.starts_with(&format!("{from} "))).collect();
            compare(&format!("sender {from} to {path}, seed {}", seed()), &sent[agent], &mine);
        }
    }
    assert_eq!(seen.together.load(Ordering::Relaxed), 0, "two turns of one agent at once");
    assert!(seen.was_a_storm(), "{seen:?}");
    let departed = world.system.agents.departed();
    assert_eq!(departed > 20, residents < AGENTS, "{departed} left for others");
    world.end().await;
}

/// Everything at once, until the last message is taken: what is woken by nobody else is what a kill could lose. Gives back
/// what each sender sent to each agent.
async fn rage(world: &World, seen: &Arc<Seen>, messages: u64, panics: u64) -> Vec<Vec<Vec<String>>> {
    let mut churning = JoinSet::new();
    churning.spawn(churn(world.system.clone(), seen.clone(), panics));
    let send = |from| tokio::spawn(send(world.system.clone(), seen.clone(), from, messages));
    let sent = join_all((0..SENDERS).map(send)).await.into_iter().map(Result::unwrap).collect();
    let paths: Vec<_> = (0..AGENTS).map(|agent| at(&path(agent))).collect();
    let settled = world.system.wait(&paths, Until::All, LONG).await.unwrap();
    assert_eq!(settled.len(), AGENTS);
    seen.over.store(true, Ordering::Relaxed);
    churning.join_all().await;
    sent
}

/// Ends when nothing was sent or taken for a long while, whatever else happens.
async fn silence(system: &System) {
    let mut events = system.listen();
    let mut moves = async || loop {
        match events.recv().await {
            Ok(told) if !matches!(told.event, Event::Mailed { .. } | Event::TurnEnded { .. }) => {}
            _ => return,
        }
    };
    while tokio::time::timeout(PATIENCE, moves()).await.is_ok() {}
}

/// How everybody stands.
async fn scene(world: &World) -> String {
    let mut scene = String::new();
    for path in (0..AGENTS).map(path) {
        let (agent, inbox) = (world.agent(&path).await, world.inbox(&path).await);
        let triggers = inbox.iter().filter(|message| message.trigger).count();
        let slot = world.system.agents.describe(&at(&path), Held::describe);
        let phase = &agent.phase;
        write!(scene, "\n{path}: {} messages, {triggers} triggers; {slot}; {phase:?}", inbox.len()).unwrap();
    }
    scene
}

/// Fails with what is missing, doubled or out of place, in few words.
fn compare(whose: &str, sent: &[String], taken: &[&String]) {
    if sent.iter().eq(taken.iter().copied()) {
        return;
    }
    let few = |texts: Vec<&String>| format!("{} {:?}", texts.len(), texts.iter().take(5).collect::<Vec<_>>());
    let mut times: HashMap<&String, u32> = HashMap::new();
    taken.iter().for_each(|text| *times.entry(text).or_default() += 1);
    let lost = few(sent.iter().filter(|text| !times.contains_key(text)).collect());
    let twice = few(sent.iter().filter(|text| times.get(text).is_some_and(|times| *times > 1)).collect());
    let place = sent.iter().zip(taken).position(|(sent, taken)| sent != *taken);
    panic!("{whose}: {} sent, {} taken, lost {lost}, twice {twice}, differ at {place:?}", sent.len(), taken.len());
}

/// Whether the storms are to be long.
pub(crate) fn long() -> bool {
    std::env::var_os("UNDERSTORY_LONG").is_some()
}

/// What chance begins from; `UNDERSTORY_SEED` sets another.
pub(super) fn seed() -> u64 {
    std::env::var("UNDERSTORY_SEED").map_or(0, |seed| seed.parse().expect("a seed is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_in_memory() {
    let (messages, panics) = if long() { (20_000, 100) } else { (400, 5) };
    // In memory a read is done at once; here an actor can be ended in the middle of one.
    storm(Arc::new(Lagging::new(MemoryBackend::new())), messages, panics, AGENTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_with_room_for_three() {
    let (messages, panics) = if long() { (20_000, 100) } else { (400, 5) };
    storm(Arc::new(Lagging::new(MemoryBackend::new())), messages, panics, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_on_disk() {
    let directory = tempfile::TempDir::new().unwrap();
    let backend = Arc::new(SledBackend::open(directory.path(), SledOptions::default()).await.unwrap());
    let (messages, panics) = if long() { (3_000, 50) } else { (60, 3) };
    storm(backend.clone(), messages, panics, AGENTS).await;
    backend.shutdown().await.unwrap();
}
