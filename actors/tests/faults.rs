//! What is done about a brain that fails: waited for, refused, restarted, given up on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use understory_store::{Event, MessageKind, Phase};

use super::world::{Setting, World, at, pass, until};
use crate::brain::{AnyBrain, Brain, BrainError, BrainFactory, Response, Seat, Turn};
use crate::limits::TEXT_MAX;
use crate::{Error, Policy, Restart, Role, SpawnRequest};

/// A world whose brain `script` does what its message says, a word for each call; `/root/a` has it, with this policy.
async fn scripted(policy: Policy, change: impl FnOnce(Setting) -> Setting) -> (World, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let setting =
        World::setting().role("script", Role::with_brain("script", "").policy(policy)).brain("script", move |turn| {
            let call = counted.fetch_add(1, Ordering::SeqCst) as usize;
            async move { act(&turn, call) }
        });
    let world = change(setting).open().await;
    world.spawn("/root/up", "echo").await;
    let request = SpawnRequest { role: Some("script".to_owned()), ..SpawnRequest::at(at("/root/up/a")) };
    world.system.spawn(vec![request]).await.unwrap();
    (world, calls)
}

fn act(turn: &Turn, call: usize) -> Result<Response, BrainError> {
    let text = turn.text();
    let words: Vec<&str> = text.split_whitespace().collect();
    match *words.get(call).or(words.last()).expect("a script has a word") {
        "unavailable" => Err(BrainError::unavailable("nobody there")),
        "later" => Err(BrainError::Unavailable { message: "busy".into(), retry_after: Some(Duration::from_secs(77)) }),
        "refused" => Err(BrainError::refused("I would rather not")),
        "exhausted" => Err(BrainError::exhausted("no money")),
        "broken" => Err(BrainError::broken("it broke")),
        "panic" => panic!("this brain panics"),
        "first" if turn.attempt() == 1 => Err(BrainError::broken("it broke")),
        "long" => Ok(Response::text("x".repeat(TEXT_MAX + 1))),
        "endless" => Err(BrainError::refused("x".repeat(20 << 20))),
        word => Ok(Response::text(format!("{word} in attempt {}", turn.attempt()))),
    }
}

/// Runs a script as one turn; how it ended, and what became of the message.
async fn run(script: &str) -> String {
    let (world, calls) = scripted(Policy::default(), |setting| setting).await;
    let begun = tokio::time::Instant::now();
    let outcome = match world.assign("/root/up/a", script).await {
        Ok(outcome) => format!("{}: {:.60}", outcome.result.as_str(), outcome.content),
        Err(error) => format!("error: {error}"),
    };
    let (seconds, calls) = (begun.elapsed().as_secs_f32(), calls.load(Ordering::SeqCst));
    let paused = if seconds < 0.1 { "at once".to_owned() } else { format!("after about {} s", seconds.ceil()) };
    let dead = world.dead("/root/up/a").await.len();
    world.end().await;
    format!("{script}: {outcome}; {calls} calls, {paused}, {dead} dead")
}

#[tokio::test(start_paused = true)]
async fn every_failure_has_its_answer() {
    fastrand::seed(7);
    let mut answers = Vec::new();
    for script in [
        "fine",
        "unavailable unavailable fine",
        "unavailable",
        "later fine",
        "refused",
        "exhausted",
        "broken fine",
        "broken",
        "panic fine",
        "panic",
        "unavailable broken fine",
        "long",
        "endless",
    ] {
        answers.push(run(script).await);
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    fine: completed: fine in attempt 1; 1 calls, at once, 0 dead
    unavailable unavailable fine: completed: fine in attempt 1; 3 calls, after about 2 s, 0 dead
    unavailable: errored: brain unavailable: nobody there; 9 calls, after about 85 s, 0 dead
    later fine: completed: fine in attempt 1; 2 calls, after about 77 s, 0 dead
    refused: errored: I would rather not; 1 calls, at once, 0 dead
    exhausted: errored: brain exhausted: no money; 1 calls, at once, 0 dead
    broken fine: completed: fine in attempt 2; 2 calls, at once, 0 dead
    broken: errored: brain broken: it broke; 2 calls, at once, 1 dead
    panic fine: completed: fine in attempt 2; 2 calls, at once, 0 dead
    panic: errored: brain broken: panicked: this brain panics; 2 calls, at once, 1 dead
    unavailable broken fine: completed: fine in attempt 2; 3 calls, after about 1 s, 0 dead
    long: errored: the answer has 262145 bytes, over the limit of 262144; 1 calls, at once, 0 dead
    endless: errored: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; 1 calls, at once, 0 dead
    "#);
}

#[tokio::test(start_paused = true)]
async fn too_many_faults_are_escalated_as_mail() {
    let policy = Policy { faults: 1, ..Policy::default() };
    let (world, calls) = scripted(policy, |setting| setting).await;
    let error = world.assign("/root/up/a", "broken").await.unwrap_err();
    assert!(matches!(error, Error::Faulted { .. }), "{error}");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(world.status("/root/up/a").await, "faulted");
    assert_eq!(world.inbox("/root/up/a").await.len(), 1, "its message stays");
    let told = world.inbox("/root/up").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].text, "/root/up/a is faulted: brain broken: it broke");
    assert!(matches!(told[0].kind, MessageKind::Result { turn: 1, .. }));
    // It takes mail and runs nothing.
    world.ask("/root/up/a", "fine").await.unwrap();
    world.settled("/root/up").await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    // A resume clears the history: two more faults, and the message is with the dead letters.
    let after = world.store().last();
    assert!(world.system.resume(&at("/root/up/a")).await.unwrap());
    let news = world.store().news(after, 1).await.unwrap().told.into_iter().map(|told| told.event).collect::<Vec<_>>();
    assert_eq!(news, [Event::Resumed { path: at("/root/up/a") }], "it is told of, though nothing was closed");
    assert!(!matches!(world.agent("/root/up/a").await.phase, Phase::Faulted { .. }));
    world.settled("/root/up/a").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_forgotten_after_its_window() {
    for (seconds, last) in [(61, "first: completed"), (30, "faulted")] {
        let policy = Policy { faults: 1, within: Duration::from_secs(60), ..Policy::default() };
        let (world, _) = scripted(policy, |setting| setting).await;
        assert_eq!(world.assign("/root/up/a", "first").await.unwrap().content, "first in attempt 2");
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let second = match world.assign("/root/up/a", "first").await {
            Ok(outcome) => format!("first: {}", outcome.result.as_str()),
            Err(_) => world.status("/root/up/a").await.to_owned(),
        };
        assert_eq!(second, last, "one fault in {seconds} s is borne");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_temporary_agent_is_not_restarted() {
    let policy = Policy { restart: Restart::Temporary, ..Policy::default() };
    let (world, calls) = scripted(policy, |setting| setting).await;
    let outcome = world.assign("/root/up/a", "broken").await.unwrap();
    assert_eq!((outcome.result.as_str(), calls.load(Ordering::SeqCst)), ("errored", 1));
    world.end().await;
}

/// A factory that panics the first time, and makes a brain that panics when it is dropped.
struct Clumsy(AtomicU32);

struct Dropper;

impl Brain for Dropper {
    async fn turn(&mut self, turn: Turn) -> Result<Response, BrainError> {
        match turn.text().as_str() {
            "break" => Err(BrainError::refused("refused")),
            "panic" if turn.attempt() == 1 => panic!("in the turn"),
            text => Ok(Response::text(text)),
        }
    }
}

impl Drop for Dropper {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in the drop");
        }
    }
}

impl BrainFactory for Clumsy {
    fn make(&self, _: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("in the factory"),
            _ => Ok(Box::new(Dropper)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_panic_of_a_brain_gets_through() {
    let world = World::setting().factory("clumsy", Arc::new(Clumsy(AtomicU32::new(0)))).open().await;
    world.spawn("/root/a", "clumsy").await;
    for text in ["hello", "panic", "again"] {
        assert_eq!(world.assign("/root/a", text).await.unwrap().content, text);
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_a_factory_says_so() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let backend = world.backend.clone();
    world.end().await;
    let mut parts = World::setting().over(backend);
    parts = parts.brain("other", |turn| async move { Ok(Response::text(turn.text())) }).without("echo");
    let world = parts.open().await;
    let outcome = world.assign("/root/a", "hello").await.unwrap();
    assert_eq!(outcome.content, "brain \"echo\" is not known; known are other");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_ends_a_turn_counts_too() {
    let policy = Policy { faults: 3, ..Policy::default() };
    let (world, _) = scripted(policy, |setting| setting).await;
    // Two faults each: the second one makes four, and three are borne.
    assert_eq!(world.assign("/root/up/a", "broken").await.unwrap().result.as_str(), "errored");
    let error = world.assign("/root/up/a", "broken").await.unwrap_err();
    assert_eq!(error.to_string(), "/root/up/a is faulted: brain broken: it broke");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_back_off_takes_one_alarm_however_often_it_is_woken() {
    let (world, calls) = scripted(Policy::default(), |setting| setting).await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/up/a", "later fine").await.unwrap();
    until(async || matches!(world.agent("/root/up/a").await.phase, Phase::Ready { not_before: Some(_), .. })).await;
    // It looks once more, and finds that it is to wait.
    pass(1).await;
    let tasks = world.system.tasks.len();
    for _ in 0..10 {
        world.system.agents.wake(&world.system, &at("/root/up/a"));
        pass(1).await;
    }
    assert_eq!((world.system.tasks.len(), calls.load(Ordering::SeqCst)), (tasks, 1));
    pass(70).await;
    assert_eq!(world.status("/root/up/a").await, "completed");
    world.end().await;
}
