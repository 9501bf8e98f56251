//! Close, resume and shutdown while turns run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Semaphore;
use understory_store::{MemoryBackend, Phase};

use super::lagging::Lagging;
use super::panics;
use super::world::{LONG, Setting, World, at, pass, until};
use crate::agent::AgentSignal;
use crate::brain::{BrainError, Response};

/// The brains `wall`, which never ends; `calls` counts its turns, and `attempts` what each was told of attempts.
fn wall() -> (Setting, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let setting = World::setting().brain("wall", move |turn| {
        let before = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_eq!(turn.attempt(), 1, "a turn that was taken back is not charged");
            match (turn.text().as_str(), before) {
                ("once", 1..) => Ok(Response::text("done")),
                _ => std::future::pending().await,
            }
        }
    });
    (setting, calls)
}

/// A world where `/root/a` is at its turn over `task` before a wall, and the calls of its brain. A cancelled one has 5 s.
async fn at_work(task: &str) -> (World, Arc<AtomicU32>) {
    let (setting, calls) = wall();
    let world = setting.limits(|limits| limits.grace = Duration::from_secs(5)).open().await;
    world.spawn("/root/a", "wall").await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a", task).await.unwrap();
    until(async || calls.load(Ordering::SeqCst) == 1).await;
    (world, calls)
}

#[tokio::test(start_paused = true)]
async fn a_close_takes_a_running_turn_back_and_a_resume_runs_it_again() {
    let (setting, calls) = wall();
    let world = setting.open().await;
    world.spawn("/root/a", "wall").await;
    world.spawn("/root/a/b", "wall").await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a/b", "once").await.unwrap();
    until(async || calls.load(Ordering::SeqCst) == 1).await;
    assert_eq!(world.status("/root/a/b").await, "running");
    let closed = world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert_eq!((closed.marked, closed.overdue), (true, 0));
    assert_eq!(world.system.residents(), 0);
    assert_eq!(world.agent("/root/a/b").await.phase, Phase::IDLE, "taken back, not charged");
    assert_eq!(world.inbox("/root/a/b").await.len(), 1, "its message stays");
    assert!(world.system.resume(&at("/root/a")).await.unwrap());
    world.settled("/root/a/b").await;
    assert_eq!(world.turns("/root/a/b").await, [(vec!["once".to_owned()], "completed: done".to_owned())]);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_brain_that_never_returns_is_dropped_within_its_grace() {
    let (world, _) = at_work("never").await;
    let begun = tokio::time::Instant::now();
    world.system.close(&at("/root/a"), Duration::from_secs(20)).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(world.system.slots.take().map(drop), Some(()), "its turn slot is free");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_whose_caller_is_gone_still_stops_who_is_at_work() {
    let (world, _) = at_work("never").await;
    let path = at("/root/a");
    assert!(world.system.close(&path, LONG).now_or_never().is_none(), "it was begun, and dropped");
    pass(6).await;
    assert_eq!(world.system.residents(), 0);
    assert_eq!(world.status("/root/a").await, "closed");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_that_does_not_wait_is_finished_behind_it() {
    let (world, calls) = at_work("once").await;
    let closed = world.system.close(&at("/root/a"), Duration::from_secs(1)).await.unwrap();
    assert_eq!(closed.overdue, 1, "the turn is still in its grace");
    // Resumed before the old turn has ended: it runs again when that has, never beside it.
    world.system.resume(&at("/root/a")).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    world.settled("/root/a").await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(world.turns("/root/a").await.len(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_resume_while_the_close_is_under_way_is_not_lost() {
    let (world, _) = at_work("once").await;
    let path = at("/root/a");
    let resume = async {
        until(async || world.status("/root/a").await == "closed").await;
        world.system.resume(&path).await.unwrap();
    };
    let (closed, ()) = futures::join!(world.system.close(&path, LONG), resume);
    closed.unwrap();
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await, [(vec!["once".to_owned()], "completed: done".to_owned())]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_agent_refuses_what_its_turn_still_does() {
    let gate = Arc::new(Semaphore::new(0));
    let (given, said) = (gate.clone(), Arc::new(std::sync::Mutex::new(String::new())));
    let heard = said.clone();
    let world = World::setting().brain("late", move |turn| {
        let (given, heard) = (given.clone(), heard.clone());
        async move {
            given.acquire().await.expect("never closed").forget();
            let mut words = Vec::new();
            for refused in [
                turn.send("/root/b", "late").await.unwrap_err(),
                turn.spawn("kid", None).await.unwrap_err(),
                turn.report("{}", false).await.unwrap_err(),
            ] {
                words.push(refused.to_string());
            }
            *heard.lock().unwrap() = words.join("\n");
            Ok(Response::text("late"))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "late").await;
    world.spawn("/root/b", "echo").await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a", "go").await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    let path = at("/root/a");
    let mut closing = Box::pin(world.system.close(&path, LONG));
    assert!((&mut closing).now_or_never().is_none());
    until(async || world.status("/root/a").await == "closed").await;
    gate.add_permits(1);
    closing.await.unwrap();
    insta::assert_snapshot!(said.lock().unwrap().clone(), @r#"
    /root/a is closed
    /root/a is closed
    no tool "report"
    "#);
    assert!(world.turns("/root/a").await.is_empty(), "its answer was not taken");
    assert_eq!(world.inbox("/root/a").await.len(), 1);
    assert_eq!(world.agent("/root/a").await.phase, Phase::IDLE);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_turns_back_and_the_next_process_runs_them() {
    let (setting, calls) = wall();
    let world = setting.limits(|limits| limits.turns = 2).open().await;
    let paths = ["/root/a", "/root/b", "/root/c", "/root/d"];
    for path in paths {
        world.spawn(path, "wall").await;
    }
    world.system.run(&at("/root")).await.unwrap();
    for path in paths {
        world.ask(path, "never").await.unwrap();
        world.ask(path, "more").await.unwrap();
    }
    until(async || calls.load(Ordering::SeqCst) == 2).await;
    let backend = world.backend.clone();
    world.end().await;
    let world = World::setting().brain("wall", |turn| async move {
        assert_eq!(turn.attempt(), 1, "a shutdown charges nothing");
        Ok(Response::text(turn.text()))
    });
    let world = world.over(backend).open().await;
    assert_eq!(world.system.residents(), 0, "opening activates nobody");
    for path in paths {
        assert_eq!(world.status(path).await, "queued");
        world.settled(path).await;
        let taken: Vec<_> = world.turns(path).await.into_iter().flat_map(|(taken, _)| taken).collect();
        assert_eq!(taken, ["never", "more"]);
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_while_it_stops() {
    let (setting, calls) = wall();
    let world = setting.limits(|limits| limits.grace = Duration::from_secs(5)).open().await;
    world.spawn("/root/a", "wall").await;
    world.spawn("/root/b", "wall").await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a", "never").await.unwrap();
    until(async || calls.load(Ordering::SeqCst) == 1).await;
    let system = world.system.clone();
    let mut ending = Box::pin(world.end());
    assert!((&mut ending).now_or_never().is_none());
    let late = system.assign(super::world::letter("/root/b", "late", true)).await;
    assert_eq!(late.map(drop).unwrap_err().to_string(), "the runtime is stopping");
    ending.await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn turns_queue_for_slots_and_go_round() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = order.clone();
    let world = World::setting().limits(|limits| limits.turns = 1).brain("seen", move |turn| {
        seen.lock().unwrap().push(turn.path().to_string());
        async move {
            tokio::task::yield_now().await;
            Ok::<_, BrainError>(Response::text(turn.text()))
        }
    });
    let world = world.open().await;
    world.spawn("/root/big", "echo").await;
    let mut paths: Vec<String> = (0..6).map(|kid| format!("/root/big/k{kid}")).collect();
    paths.push("/root/small".to_owned());
    for path in &paths {
        world.spawn(path, "seen").await;
        world.ask(path, "one").await.unwrap();
        world.ask(path, "two").await.unwrap();
    }
    world.system.run(&at("/root")).await.unwrap();
    for path in &paths {
        world.settled(path).await;
    }
    let order = order.lock().unwrap().clone();
    assert_eq!(order.len(), 14);
    let last = order.iter().rposition(|path| path == "/root/small").unwrap();
    assert!(last <= 5, "the small subtree waits for one turn of the big one each time: {order:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_panics_before_it_hears_that_it_is_to_leave_is_waited_for() {
    panics::hush();
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.assign("/root/a", "hello").await.unwrap();
    let told = world.system.agents.tell_resident(&at("/root/a"), AgentSignal::Panic(panics::ACTOR));
    assert!(told.is_ok(), "it lingers");
    // What tells it to leave comes behind what it panics over, and goes to its successor.
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_given_a_turn_slot_as_everybody_leaves_leaves_too() {
    // Whether the slot or the end is heard of first is chance.
    for _ in 0..32 {
        let (setting, calls) = wall();
        let setting = setting.limits(|limits| limits.turns = 1);
        let world = setting.open_on(Arc::new(Lagging::everywhere(MemoryBackend::new()))).await;
        let slot = world.system.slots.take().expect("nobody runs yet");
        world.spawn("/root/a", "wall").await;
        world.system.run(&at("/root")).await.unwrap();
        world.ask("/root/a", "never").await.unwrap();
        until(async || world.system.slots.waiting() == 1).await;
        world.system.agents.shut(&at("/root/a")).expect("it waits").stop_gracefully().await.unwrap();
        until(async || world.system.residents() == 0).await;
        drop(slot);
        world.end().await;
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_run_again_does_not_resume_a_child_that_was_closed_meanwhile() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let setting = World::setting().brain("twice", move |turn| {
        let before = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            let child = turn.spawn("kid", None).await.map_err(|error| BrainError::refused(error.to_string()))?;
            match before {
                0 => Err(BrainError::Unavailable { message: "later".into(), retry_after: Some(LONG / 2) }),
                _ => Ok(Response::text(child.to_string())),
            }
        }
    });
    let world = setting.open().await;
    world.spawn("/root/a", "twice").await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a", "go").await.unwrap();
    until(async || matches!(world.agent("/root/a").await.phase, Phase::Ready { not_before: Some(_), .. })).await;
    world.system.close(&at("/root/a/kid"), LONG).await.unwrap();
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await, [(vec!["go".to_owned()], "completed: /root/a/kid".to_owned())]);
    assert_eq!(world.status("/root/a/kid").await, "closed");
    world.end().await;
}
