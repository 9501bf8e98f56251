//! Interrupts: what they end, what they leave alone, and what is on record afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use understory_store::{Backend, Commit, CommitError, MemoryBackend, MessageKind, Phase, TurnResult, Version, Wrapper};

use super::panics;
use super::world::{LONG, Setting, World, at, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::tools::ToolError;
use crate::{Error, Reach};

const BY_OPERATOR: &str = "interrupted: interrupted by the operator";

/// A world whose brains answer at once, except what is to `wait`: that they do until they are cancelled, and then each in
/// its own way.
pub(super) fn wilful() -> Setting {
    panics::hush();
    let waits = |end: fn() -> Result<Response, BrainError>| {
        move |turn: Turn| async move {
            assert_eq!(turn.attempt(), 1, "nothing is charged");
            if turn.text().contains("wait") {
                turn.cancelled().await;
                return end();
            }
            Ok(Response::text(turn.text()))
        }
    };
    World::setting()
        .brain("answers", waits(|| Ok(Response::text("an answer all the same"))))
        .brain("errs", waits(|| Err(BrainError::broken("cancelled"))))
        .brain("gives_up", waits(|| Err(BrainError::unavailable("cancelled"))))
        .brain("panics", waits(|| std::panic::panic_any(panics::BRAIN)))
        .brain("deaf", |turn: Turn| async move {
            assert_eq!(turn.attempt(), 1, "nothing is charged");
            match turn.text().contains("wait") {
                true => std::future::pending().await,
                false => Ok(Response::text(turn.text())),
            }
        })
}

/// Has an agent begin a turn that waits.
async fn waiting(world: &World, path: &str) {
    world.ask(path, "wait").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status(path).await == "running").await;
}

fn turn(text: &str, end: &str) -> (Vec<String>, String) {
    (vec![text.to_owned()], end.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_turn_ends_as_interrupted_whatever_its_brain_does() {
    for (brain, seconds) in [("answers", 0), ("errs", 0), ("gives_up", 0), ("panics", 0), ("deaf", 5)] {
        let world = wilful().open().await;
        world.spawn("/root/boss", "echo").await;
        world.spawn("/root/boss/kid", brain).await;
        waiting(&world, "/root/boss/kid").await;
        world.ask("/root/boss/kid", "next").await.unwrap();
        let begun = Instant::now();
        assert!(world.system.interrupt(&at("/root/boss/kid")).await.unwrap(), "{brain}");
        assert_eq!(begun.elapsed(), Duration::ZERO, "{brain}: it is not waited for");
        world.settled("/root/boss/kid").await;
        assert_eq!(begun.elapsed().as_secs(), seconds, "{brain}");
        let turns = world.turns("/root/boss/kid").await;
        assert_eq!(turns, [turn("wait", BY_OPERATOR), turn("next", "completed: next")], "{brain}");
        let kid = world.agent("/root/boss/kid").await;
        assert_eq!((&kid.phase, kid.turns, kid.faults.len()), (&Phase::IDLE, 2, 0), "{brain}");
        assert!(world.inbox("/root/boss/kid").await.is_empty(), "{brain}");
        assert!(world.dead("/root/boss/kid").await.is_empty(), "{brain}");
        world.settled("/root/boss").await;
        let told = world.turns("/root/boss").await;
        assert_eq!(told[0], turn("interrupted by the operator", "completed: interrupted by the operator"), "{brain}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_result_says_that_the_turn_was_interrupted() {
    let world = wilful().open().await;
    world.spawn("/root/boss", "deaf").await;
    world.spawn("/root/boss/kid", "answers").await;
    waiting(&world, "/root/boss").await;
    waiting(&world, "/root/boss/kid").await;
    assert_eq!(world.status("/root/boss/kid").await, "running");
    world.system.interrupt(&at("/root/boss/kid")).await.unwrap();
    world.settled("/root/boss/kid").await;
    assert_eq!(world.status("/root/boss/kid").await, "interrupted");
    let inbox = world.inbox("/root/boss").await;
    let kinds: Vec<_> = inbox.iter().skip(1).map(|message| message.kind.clone()).collect();
    assert_eq!(kinds, [MessageKind::Result { turn: 1, result: TurnResult::Interrupted }]);
    world.system.interrupt(&at("/root/boss")).await.unwrap();
    world.settled("/root/boss").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_turn_under_way_nothing_is_touched() {
    let world = wilful()
        .limits(|limits| limits.turns = 1)
        .brain("away", |_| async { Err(BrainError::unavailable("away")) })
        .open()
        .await;
    for (path, brain) in [("/root/busy", "answers"), ("/root/queued", "answers"), ("/root/off", "away")] {
        world.spawn(path, brain).await;
    }
    let interrupt = async |path: &str| world.system.interrupt(&at(path)).await;
    assert!(!interrupt("/root").await.unwrap());
    assert!(!interrupt("/root/busy").await.unwrap(), "it never had a turn");
    world.ask("/root/off", "put off").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let put_off = async || matches!(world.agent("/root/off").await.phase, Phase::Ready { not_before: Some(_), .. });
    until(put_off).await;
    assert!(!interrupt("/root/off").await.unwrap(), "it waits for its back-off");
    assert!(put_off().await);
    waiting(&world, "/root/busy").await;
    world.ask("/root/queued", "later").await.unwrap();
    pass(1).await;
    assert_eq!(world.status("/root/queued").await, "queued");
    assert!(!interrupt("/root/queued").await.unwrap(), "it waits for a slot");
    assert!(interrupt("/root/busy").await.unwrap());
    world.settled("/root/busy").await;
    world.settled("/root/queued").await;
    assert!(!interrupt("/root/busy").await.unwrap(), "it is over");
    assert_eq!(world.turns("/root/queued").await, [turn("later", "completed: later")]);
    assert!(matches!(interrupt("/root/nobody").await, Err(Error::NotFound { .. })));
    world.system.close(&at("/root/busy"), LONG).await.unwrap();
    assert!(matches!(interrupt("/root/busy").await, Err(Error::Closed { .. })));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cascade_interrupts_a_subtree_and_no_one_else() {
    let world = wilful().open().await;
    for path in ["/root/a", "/root/a/b", "/root/a/b/c", "/root/a/d", "/root/ab"] {
        world.spawn(path, "deaf").await;
    }
    let at_work = ["/root/a", "/root/a/b", "/root/a/b/c", "/root/ab"];
    for path in at_work {
        waiting(&world, path).await;
    }
    let below: Vec<_> = at_work[..3].iter().map(|path| at(path)).collect();
    assert_eq!(world.system.interruptible(&at("/root/a"), Reach::Subtree).await.unwrap(), below);
    assert_eq!(world.system.interruptible(&at("/root/a/b"), Reach::Node).await.unwrap(), below[1..2]);
    assert!(world.system.interruptible(&at("/root/a/d"), Reach::Node).await.unwrap().is_empty());
    for path in at_work {
        assert_eq!(world.status(path).await, "running", "looking ends nothing");
    }
    assert_eq!(world.system.interrupt_subtree(&at("/root/a")).await.unwrap(), below);
    for path in &at_work[..3] {
        world.settled(path).await;
        assert_eq!(world.turns(path).await[0], turn("wait", BY_OPERATOR), "{path}");
    }
    assert!(world.agent("/root/a/d").await.outcome.is_none());
    assert_eq!(world.status("/root/ab").await, "running");
    assert_eq!(world.system.interrupt_subtree(&at("/root")).await.unwrap(), [at("/root/ab")]);
    world.settled("/root/ab").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_agent_is_interrupted_without_its_children() {
    let world = wilful().open().await;
    world.spawn("/root/a", "answers").await;
    world.spawn("/root/a/b", "answers").await;
    waiting(&world, "/root/a").await;
    waiting(&world, "/root/a/b").await;
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    world.system.wait(&[at("/root/a")], crate::Until::All, Duration::from_secs(1)).await.unwrap();
    assert_eq!(world.turns("/root/a").await, [turn("wait", BY_OPERATOR)]);
    assert_eq!(world.status("/root/a/b").await, "running");
    world.system.interrupt(&at("/root/a/b")).await.unwrap();
    world.settled("/root/a").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_successor_takes_an_interrupt_over() {
    let world = wilful().open().await;
    world.spawn("/root/a", "deaf").await;
    waiting(&world, "/root/a").await;
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    assert!(world.system.agents.kill(&at("/root/a")));
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap(), "the same turn is under way");
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await, [turn("wait", BY_OPERATOR)]);
    world.end().await;
}

/// A store in memory whose commits take a while.
struct Slow(MemoryBackend);

impl Wrapper for Slow {
    fn inner(&self) -> &dyn Backend {
        &self.0
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        let later = async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            self.0.commit(commit).await
        };
        later.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_interrupted_while_it_starts_never_reaches_its_brain() {
    let backend = Arc::new(Slow(MemoryBackend::new()));
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let called = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(Response::text("called")) }
    };
    let world = World::setting().brain("called", called).open_on(backend).await;
    world.spawn("/root/a", "called").await;
    world.ask("/root/a", "one").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    // Its entry is there as soon as its start is asked for.
    until(async || world.system.interrupt(&at("/root/a")).await.unwrap()).await;
    assert!(world.agent("/root/a").await.running().is_none(), "its start is not on disk");
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await, [turn("one", BY_OPERATOR)]);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_agent_that_left_memory_takes_its_next_message() {
    let world = wilful().open().await;
    world.spawn("/root/a", "answers").await;
    waiting(&world, "/root/a").await;
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    world.settled("/root/a").await;
    let linger = u32::try_from(world.system.limits.linger.as_secs()).unwrap();
    pass(linger + 2).await;
    assert_eq!(world.system.residents(), 0);
    assert_eq!(world.status("/root/a").await, "interrupted");
    assert!(!world.system.interrupt(&at("/root/a")).await.unwrap());
    assert_eq!(world.assign("/root/a", "go").await.unwrap().content, "go");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_an_interrupt_on_record() {
    let world = wilful().open().await;
    world.spawn("/root/a", "deaf").await;
    waiting(&world, "/root/a").await;
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    let backend = world.backend.clone();
    world.end().await;
    let world = wilful().over(backend).open().await;
    assert_eq!(world.turns("/root/a").await, [turn("wait", BY_OPERATOR)]);
    world.end().await;
}

/// A close before the turn's end is on disk takes it back; it is never both.
#[tokio::test(start_paused = true)]
async fn an_interrupt_that_races_with_a_close_ends_the_turn_or_gives_it_back() {
    for (brain, first) in [("answers", true), ("answers", false), ("deaf", true), ("deaf", false)] {
        let world = wilful().open().await;
        world.spawn("/root/a", brain).await;
        waiting(&world, "/root/a").await;
        let path = at("/root/a");
        let (closed, interrupted) = match first {
            true => {
                let (interrupted, closed) =
                    tokio::join!(world.system.interrupt(&path), world.system.close(&path, LONG));
                (closed, interrupted)
            }
            false => tokio::join!(world.system.close(&path, LONG), world.system.interrupt(&path)),
        };
        assert_eq!(closed.unwrap().overdue, 0);
        assert!(matches!(interrupted, Ok(_) | Err(Error::Closed { .. })), "{interrupted:?}");
        assert_eq!(world.agent("/root/a").await.phase, Phase::IDLE);
        let (turns, inbox) = (world.turns("/root/a").await.len(), world.inbox("/root/a").await.len());
        assert_eq!(turns + inbox, 1, "{brain} {first}: {turns} turns, {inbox} messages");
        world.system.resume(&path).await.unwrap();
        if inbox == 1 {
            until(async || world.status("/root/a").await == "running").await;
            assert!(world.system.interrupt(&path).await.unwrap());
        }
        world.settled("/root/a").await;
        assert_eq!(world.turns("/root/a").await, [turn("wait", BY_OPERATOR)], "{brain} {first}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_interrupts_those_below_it_and_learns_of_nobody_else() {
    let world = wilful().brain("boss", |turn: Turn| async move {
        let mut said = Vec::new();
        for whom in turn.text().split(' ') {
            said.push(match turn.interrupt(whom, whom == "b").await {
                Ok(count) => format!("{whom} {count}"),
                Err(refused) => refused.to_string(),
            });
        }
        Ok(Response::text(said.join(", ")))
    });
    let world = world.open().await;
    world.spawn("/root/up", "deaf").await;
    world.spawn("/root/up/boss", "boss").await;
    for path in ["/root/up/boss/a", "/root/up/boss/b", "/root/up/boss/b/c", "/root/up/side"] {
        world.spawn(path, "deaf").await;
    }
    for path in ["/root/up", "/root/up/boss/a", "/root/up/boss/b", "/root/up/boss/b/c", "/root/up/side"] {
        waiting(&world, path).await;
    }
    let whom = "a b a/x /root/up/boss /root/up /root /root/up/side /root/up/nobody";
    let outcome = world.assign("/root/up/boss", whom).await.unwrap();
    let absent = ["/root/up/boss/a/x", "/root/up/boss", "/root/up", "/root", "/root/up/side", "/root/up/nobody"];
    let absent = absent.map(|path| format!("{path} does not exist"));
    assert_eq!(outcome.content, format!("a 1, b 2, {}", absent.join(", ")));
    assert_eq!(
        world.tool_calls("/root/up/boss").await,
        [
            r#"1 interrupt {"agent":"/root/up/boss/a","cascade":false}"#,
            r#"1 interrupt {"agent":"/root/up/boss/b","cascade":true}"#,
        ]
    );
    world.settled("/root/up/boss/a").await;
    let by_boss = "interrupted: interrupted by /root/up/boss";
    assert_eq!(world.turns("/root/up/boss/a").await, [turn("wait", by_boss)]);
    assert_eq!((world.status("/root/up").await, world.status("/root/up/side").await), ("running", "running"));
    world.system.interrupt_subtree(&at("/root")).await.unwrap();
    world.settled("/root").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_over_interrupts_nobody() {
    let kept: Arc<std::sync::Mutex<Option<Turn>>> = Arc::default();
    let keep = kept.clone();
    let world = wilful().brain("keeper", move |turn: Turn| {
        *keep.lock().unwrap() = Some(turn.clone());
        async move { Ok(Response::text("kept")) }
    });
    let world = world.open().await;
    world.spawn("/root/a", "keeper").await;
    world.spawn("/root/a/b", "deaf").await;
    world.assign("/root/a", "go").await.unwrap();
    waiting(&world, "/root/a/b").await;
    let turn = kept.lock().unwrap().take().unwrap();
    let refused = turn.interrupt("b", false).await.unwrap_err();
    assert!(matches!(refused, ToolError::Refused(Error::Fenced { .. })), "{refused}");
    assert_eq!(world.status("/root/a/b").await, "running");
    world.system.interrupt(&at("/root/a/b")).await.unwrap();
    world.settled("/root/a").await;
    world.end().await;
}
