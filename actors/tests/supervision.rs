//! Supervision over more than one agent and one process: who is told, what stays on record, what cannot loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use understory_store::{Event, MemoryBackend, MessageKind, TurnResult};

use super::panics;
use super::world::{Setting, World, at, pass, process, until};
use crate::brain::{AnyBrain, BrainError, BrainFactory, Response, Seat};
use crate::{Policy, Role, SpawnRequest};

/// A world whose role `frail` has a brain that breaks, and who is given up on at fault number `faults + 1`.
fn frail(faults: usize) -> (Setting, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let policy = Policy { faults, ..Policy::default() };
    let setting = World::setting().role("frail", Role::with_brain("frail", "").policy(policy));
    let setting = setting.brain("frail", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err(BrainError::broken("it broke")) }
    });
    (setting, calls)
}

async fn spawn_as(world: &World, path: &str, role: &str) {
    let request = SpawnRequest { role: Some(role.to_owned()), ..SpawnRequest::at(at(path)) };
    world.system.spawn(vec![request]).await.unwrap();
}

/// Who lies in an inbox, and what of them.
async fn told(world: &World, path: &str) -> Vec<String> {
    let word = |kind| match kind {
        MessageKind::Result { result: TurnResult::Errored, .. } => "errored",
        _ => "something else",
    };
    world.inbox(path).await.into_iter().map(|mail| format!("{}: {}", word(mail.kind), mail.text)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_escalation_goes_up_to_the_nearest_that_can_take_it() {
    let (setting, _) = frail(0);
    let world = setting.open().await;
    world.spawn("/root/up", "echo").await;
    spawn_as(&world, "/root/up/lost", "frail").await;
    world.system.spawn(vec![SpawnRequest::at(at("/root/up/lost/mute"))]).await.unwrap();
    spawn_as(&world, "/root/up/lost/mute/kid", "frail").await;
    spawn_as(&world, "/root/alone", "frail").await;
    // The kid's parent has no brain; the next one up does, and hears of it.
    world.assign("/root/up/lost/mute/kid", "go").await.unwrap_err();
    let first = "errored: /root/up/lost/mute/kid is faulted: brain broken: it broke";
    assert_eq!(told(&world, "/root/up/lost").await, [first]);
    assert!(told(&world, "/root/up").await.is_empty() && told(&world, "/root/up/lost/mute").await.is_empty());
    // Given up on over that very message, it is told of further up in its turn, and no longer stands in the way of others.
    world.settled("/root/up/lost").await;
    assert_eq!(world.status("/root/up/lost").await, "faulted");
    assert!(world.system.resume(&at("/root/up/lost/mute/kid")).await.unwrap());
    world.settled("/root/up/lost/mute/kid").await;
    let kid = "errored: /root/up/lost/mute/kid is faulted: brain broken: it broke";
    assert_eq!(told(&world, "/root/up").await, ["errored: /root/up/lost is faulted: brain broken: it broke", kid]);
    assert_eq!(told(&world, "/root/up/lost").await, [first], "what it was given up on over is still there");
    // Where nobody is fit the event is all there is.
    let after = world.store().last();
    world.assign("/root/alone", "go").await.unwrap_err();
    assert!(world.inbox("/root").await.is_empty());
    let news = world.store().news(after, 100).await.unwrap().told;
    let given_up = |event: &Event| matches!(event, Event::Faulted { agent, .. } if agent.path == at("/root/alone"));
    assert_eq!(news.iter().filter(|told| given_up(&told.event)).count(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_and_its_history_survive_the_process() {
    let (setting, calls) = frail(2);
    let world = setting.open().await;
    spawn_as(&world, "/root/a", "frail").await;
    // Two faults are borne; the letter goes to the dead.
    assert_eq!(world.assign("/root/a", "one").await.unwrap().result, TurnResult::Errored);
    assert_eq!((world.status("/root/a").await, calls.load(Ordering::SeqCst)), ("errored", 2));
    let backend = world.backend.clone();
    world.end().await;
    let (setting, calls) = frail(2);
    let world = setting.over(backend).open().await;
    world.assign("/root/a", "two").await.unwrap_err();
    assert_eq!((world.status("/root/a").await, calls.load(Ordering::SeqCst)), ("faulted", 1), "the third in a minute");
    let backend = world.backend.clone();
    world.end().await;
    let (setting, calls) = frail(2);
    let world = setting.over(backend).open().await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a", "three").await.unwrap();
    pass(300).await;
    assert_eq!((world.status("/root/a").await, calls.load(Ordering::SeqCst)), ("faulted", 0), "time heals nothing");
    assert_eq!(world.inbox("/root/a").await.len(), 2);
    world.end().await;
}

/// How no brain is made.
type Way = fn() -> BrainError;

/// Makes no brain, in a way of its own, and counts how often it was to.
struct Barren {
    calls: Arc<AtomicU32>,
    fails: Way,
}

impl BrainFactory for Barren {
    fn make(&self, _: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Err((self.fails)())
    }
}

/// How often a factory that always fails is called for ten messages, then after a restart of the process, then after a
/// resume; and where the agent stands each time.
async fn barren(fails: Way) -> String {
    let calls = Arc::new(AtomicU32::new(0));
    let open = |setting: Setting| {
        let factory = Arc::new(Barren { calls: calls.clone(), fails });
        setting.factory("barren", factory).role("barren", Role::with_brain("barren", "")).open()
    };
    let mut said = Vec::new();
    let mut say = async |world: &World| {
        world.settled("/root/a").await;
        let (status, dead) = (world.status("/root/a").await, world.dead("/root/a").await.len());
        let (calls, left) = (calls.swap(0, Ordering::SeqCst), world.inbox("/root/a").await.len());
        said.push(format!("{calls} calls, {status}, {left} left, {dead} dead"));
    };
    let world = open(World::setting()).await;
    spawn_as(&world, "/root/a", "barren").await;
    for n in 0..10 {
        world.ask("/root/a", &n.to_string()).await.unwrap();
    }
    say(&world).await;
    let backend = world.backend.clone();
    world.end().await;
    let world = open(World::setting().over(backend)).await;
    world.system.run(&at("/root")).await.unwrap();
    say(&world).await;
    world.system.resume(&at("/root/a")).await.unwrap();
    say(&world).await;
    world.end().await;
    said.join("; ")
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_always_fails_cannot_loop() {
    panics::hush();
    let ways: [(&str, Way); 4] = [
        ("broken", || BrainError::broken("no parts")),
        ("panic", || std::panic::panic_any(panics::BRAIN)),
        ("refused", || BrainError::refused("not for you")),
        ("unavailable", || BrainError::unavailable("nobody there")),
    ];
    let mut said = Vec::new();
    for (way, fails) in ways {
        said.push(format!("{way}: {}", barren(fails).await));
    }
    // Six faults in a minute are one too many; what asks to come back is asked nine times a message, with its pauses.
    insta::assert_snapshot!(said.join("\n"), @r"
    broken: 6 calls, faulted, 8 left, 2 dead; 0 calls, faulted, 8 left, 2 dead; 6 calls, faulted, 6 left, 4 dead
    panic: 6 calls, faulted, 8 left, 2 dead; 0 calls, faulted, 8 left, 2 dead; 6 calls, faulted, 6 left, 4 dead
    refused: 10 calls, errored, 0 left, 0 dead; 0 calls, errored, 0 left, 0 dead; 0 calls, errored, 0 left, 0 dead
    unavailable: 90 calls, errored, 0 left, 0 dead; 0 calls, errored, 0 left, 0 dead; 0 calls, errored, 0 left, 0 dead
    ");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_dead_letters_make_room() {
    let (setting, _) = frail(1000);
    let world = setting.limits(|limits| limits.dead_letters = 5).open().await;
    spawn_as(&world, "/root/a", "frail").await;
    let texts = async |world: &World| -> Vec<String> {
        let short = |letter: understory_store::DeadLetter| letter.message.text.chars().take(2).collect::<String>();
        world.dead("/root/a").await.into_iter().map(short).collect()
    };
    // Long ones: each lies in more rows than one commit may delete besides its own.
    for n in 0..7 {
        let text = format!("{n} {}", "x".repeat(250 << 10));
        assert_eq!(world.assign("/root/a", &text).await.unwrap().result, TurnResult::Errored);
    }
    assert_eq!(texts(&world).await, ["2 ", "3 ", "4 ", "5 ", "6 "]);
    let after = world.store().last();
    for n in 0..3 {
        world.send("/root/a", &format!("m{n}")).await.unwrap();
    }
    world.assign("/root/a", "go").await.unwrap();
    assert_eq!(texts(&world).await, ["6 ", "m0", "m1", "m2", "go"]);
    let news = world.store().news(after, 100).await.unwrap().told.into_iter();
    let dropped: usize = news
        .map(|told| match told.event {
            Event::DeadDropped { agent, rows } if agent.path == at("/root/a") => rows.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(dropped, 4, "each one that went is told of");
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "{:?}", verified.problems);
    // More at once than may lie there are kept together.
    for n in 0..20 {
        world.send("/root/a", &format!("{n:02}")).await.unwrap();
    }
    world.assign("/root/a", "go").await.unwrap();
    assert_eq!(texts(&world).await.len(), 21);
    world.assign("/root/a", "go").await.unwrap();
    assert_eq!(texts(&world).await, ["17", "18", "19", "go", "go"]);
    world.end().await;
}

/// Each of them lies in more rows than a commit has to spare, all together in more than one may delete.
#[tokio::test(start_paused = true)]
async fn long_dead_letters_make_room_for_many_at_once() {
    let (setting, _) = frail(1000);
    let world = setting.limits(|limits| limits.dead_letters = 20).open().await;
    spawn_as(&world, "/root/a", "frail").await;
    for _ in 0..20 {
        world.assign("/root/a", &"x".repeat(250 << 10)).await.unwrap();
    }
    for _ in 0..19 {
        world.send("/root/a", "note").await.unwrap();
    }
    world.assign("/root/a", "go").await.unwrap();
    let left = world.dead("/root/a").await;
    assert!(left.len() == 20 && left.iter().all(|letter| letter.message.text.len() < 5), "{} are left", left.len());
    let news = world.store().news(0, 1000).await.unwrap().told.into_iter();
    let dropped = news.filter_map(|told| match told.event {
        Event::DeadDropped { rows, .. } => Some(rows.len()),
        _ => None,
    });
    assert_eq!(dropped.collect::<Vec<_>>(), [3, 3, 3, 3, 3, 3, 2], "as many as a commit deletes");
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "{:?}", verified.problems);
    world.end().await;
}

/// What a process dies over is tried once more, and then no longer: it may be what the process dies of. It is no fault of the
/// agent's, which takes its next message.
#[test]
fn a_message_that_the_process_died_over_twice_is_dead() {
    let backend = MemoryBackend::new();
    for death in 1..=2 {
        process(async || {
            let world = World::setting().over(backend.clone()).brain("killer", |_| std::future::pending()).open().await;
            if death == 1 {
                world.spawn("/root/up", "echo").await;
                world.spawn("/root/up/a", "killer").await;
                world.ask("/root/up/a", "go").await.unwrap();
            }
            world.system.run(&at("/root")).await.unwrap();
            let attempt = async || world.agent("/root/up/a").await.running().map(|running| running.attempt);
            until(async || attempt().await == Some(death)).await;
            world.abandon();
        });
    }
    process(async || {
        let setting = World::setting().over(backend.clone());
        let setting = setting.brain("killer", |turn| async move { Ok(Response::text(turn.text())) });
        let world = setting.open().await;
        world.system.run(&at("/root/up/a")).await.unwrap();
        world.settled("/root/up/a").await;
        let words = "the process died in attempt 2 at this turn";
        assert_eq!(world.turns("/root/up/a").await, [(vec!["go".to_owned()], format!("errored: {words}"))]);
        let dead = world.dead("/root/up/a").await;
        assert_eq!((dead.len(), dead[0].error.as_str(), dead[0].message.text.as_str()), (1, words, "go"));
        assert_eq!(told(&world, "/root/up").await, [format!("errored: {words}")]);
        assert!(world.agent("/root/up/a").await.faults.is_empty());
        assert_eq!(world.assign("/root/up/a", "next").await.unwrap().content, "next");
        world.end().await;
    });
}
