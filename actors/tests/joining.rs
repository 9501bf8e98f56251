//! Mail that joins a running turn: only when its brain takes it, on record before the brain sees it.

use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::Semaphore;

use super::crashes::at_every_commit;
use super::world::{Setting, World, at, until};
use crate::Error;
use crate::brain::{BrainError, Response, Turn};

fn texts(messages: &[understory_store::Message]) -> String {
    messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join(" ")
}

async fn take(turn: &Turn) -> Result<String, BrainError> {
    Ok(texts(&turn.take_mail().await.map_err(|error| BrainError::refused(error.to_string()))?))
}

/// A world whose brain `open` takes mail for each permit it is given, until it is told `end`.
fn open() -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = World::setting().brain("open", move |turn: Turn| {
        let given = given.clone();
        async move {
            let mut said = vec![texts(turn.messages())];
            while !said.last().is_some_and(|said| said.ends_with("end")) {
                given.acquire().await.expect("never closed").forget();
                said.push(take(&turn).await?);
            }
            Ok(Response::text(said.join(" | ")))
        }
    });
    (setting, permits)
}

async fn taken(world: &World, permits: &Semaphore, in_hand: usize) {
    permits.add_permits(1);
    until(async || world.agent("/root/a").await.running().is_some_and(|turn| turn.in_hand.len() == in_hand)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_brain_takes_is_part_of_its_turn_and_the_rest_is_not() {
    let (setting, permits) = open();
    let world = setting.open().await;
    world.spawn("/root/a", "open").await;
    let begun = world.system.assign(super::world::letter("/root/a", "go", true)).await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    world.send("/root/a", "note").await.unwrap();
    let joined = world.system.assign(super::world::letter("/root/a", "more", true)).await.unwrap();
    taken(&world, &permits, 3).await;
    world.send("/root/a", "end").await.unwrap();
    taken(&world, &permits, 4).await;
    let (begun, joined) = (begun.outcome().await.unwrap(), joined.outcome().await.unwrap());
    assert_eq!(begun.content, "go | note more | end");
    assert_eq!(joined, begun, "an assignment's outcome is that of the turn that took it");
    world.ask("/root/a", "a second end").await.unwrap();
    world.settled("/root/a").await;
    let turns: Vec<_> = world.turns("/root/a").await.into_iter().map(|(taken, _)| taken.join(" ")).collect();
    assert_eq!(turns, ["go note more end", "a second end"]);
    assert!(world.inbox("/root/a").await.is_empty());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_joins_a_turn_whose_brain_takes_nothing() {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = World::setting().brain("deaf", move |turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text(turn.text()))
        }
    });
    let world = setting.open().await;
    world.spawn("/root/a", "deaf").await;
    world.ask("/root/a", "one").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    world.ask("/root/a", "two").await.unwrap();
    permits.add_permits(2);
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await.len(), 2);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_joins_is_bounded_with_what_the_turn_began_with() {
    let world = World::setting().brain("greedy", |turn: Turn| async move {
        let mut calls = vec![turn.messages().len()];
        while calls.last() != Some(&0) {
            calls.push(turn.take_mail().await.unwrap().len());
        }
        Ok(Response::text(format!("{calls:?}")))
    });
    let world = world.open().await;
    for (path, text, messages) in [("/root/a", "x".to_owned(), 70), ("/root/b", "x".repeat(100 << 10), 4)] {
        world.spawn(path, "greedy").await;
        world.ask(path, "go").await.unwrap();
        for _ in 0..messages {
            world.send(path, &text).await.unwrap();
        }
    }
    world.system.run(&at("/root")).await.unwrap();
    for (path, calls, left) in [("/root/a", "[1, 63, 0]", 7), ("/root/b", "[1, 2, 0]", 2)] {
        world.settled(path).await;
        assert_eq!(world.turns(path).await[0].1, format!("completed: {calls}"), "{path}");
        assert_eq!(world.inbox(path).await.len(), left, "{path}");
    }
    world.end().await;
}

/// The turn's own commits expect its record, which mail that joins writes.
#[tokio::test(start_paused = true)]
async fn a_turn_that_took_mail_may_still_act() {
    let world = World::setting().brain("boss", |turn: Turn| async move {
        assert_eq!(take(&turn).await?, "note");
        turn.spawn("kid", None).await.unwrap();
        turn.send("kid", "hello").await.unwrap();
        Ok(Response::text("done"))
    });
    let world = world.open().await;
    world.spawn("/root/a", "boss").await;
    world.ask("/root/a", "go").await.unwrap();
    world.send("/root/a", "note").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await[0].1, "completed: done");
    assert_eq!(texts(&world.inbox("/root/a/kid").await), "hello");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_dropped_loses_nothing() {
    let world = World::setting().brain("hasty", |turn: Turn| async move {
        // Asked, and not waited for: what joined is there when it asks again.
        let mut dropped = Box::pin(turn.take_mail());
        assert!(dropped.as_mut().now_or_never().is_none());
        drop(dropped);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        Ok(Response::text(take(&turn).await?))
    });
    let world = world.open().await;
    world.spawn("/root/a", "hasty").await;
    world.ask("/root/a", "go").await.unwrap();
    world.send("/root/a", "note").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    world.settled("/root/a").await;
    assert_eq!(
        world.turns("/root/a").await,
        [(vec!["go".to_owned(), "note".to_owned()], "completed: note".to_owned())]
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_joins_a_turn_that_is_over_or_closed() {
    let kept: Arc<std::sync::Mutex<Option<Turn>>> = Arc::default();
    let keep = kept.clone();
    let world = World::setting().brain("keeper", move |turn: Turn| {
        *keep.lock().unwrap() = Some(turn.clone());
        async move { Ok(Response::text("kept")) }
    });
    let world = world.open().await;
    world.spawn("/root/a", "keeper").await;
    world.assign("/root/a", "go").await.unwrap();
    world.send("/root/a", "late").await.unwrap();
    let turn = kept.lock().unwrap().take().unwrap();
    let refused = turn.take_mail().await.unwrap_err();
    assert!(matches!(refused, crate::tools::ToolError::Refused(Error::Fenced { .. })), "{refused}");
    assert_eq!(world.inbox("/root/a").await.len(), 1);
    world.end().await;
}

/// Whatever commit the process dies at, the turn that ends in the end was given every message once.
#[test]
fn what_joined_is_with_the_next_attempt() {
    let setting = || {
        World::setting().brain("collect", |turn: Turn| async move {
            let mut said = vec![texts(turn.messages())];
            said.push(take(&turn).await?);
            said.push(take(&turn).await?);
            Ok(Response::text(said.join(" ").trim()))
        })
    };
    let host = async |world: &World| {
        world.system.run(&at("/root")).await?;
        world.system.wait(&[at("/root/a")], crate::Until::All, super::world::LONG).await.map(drop)
    };
    let commits = at_every_commit(
        async |faulty| {
            let Ok(world) = setting().try_open_on(faulty.clone()).await else { return };
            let outcome = async {
                world.try_spawn("/root/a", "collect").await?;
                world.ask("/root/a", "go").await?;
                world.send("/root/a", "b").await?;
                world.send("/root/a", "c").await?;
                host(&world).await
            };
            let outcome = outcome.await;
            assert!(outcome.is_ok() || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let world = setting().over(rows).open().await;
            if world.system.show(&at("/root/a")).await.is_ok() {
                host(&world).await.unwrap();
                let turns = world.turns("/root/a").await;
                for (taken, end) in &turns {
                    assert_eq!(*end, format!("completed: {}", taken.join(" ")), "{point:?}: {turns:?}");
                }
                let taken = turns.into_iter().flat_map(|(taken, _)| taken).collect::<Vec<_>>().join(" ");
                assert!("go b c".starts_with(&taken), "{point:?}: {taken}");
                assert!(world.inbox("/root/a").await.is_empty(), "{point:?}");
            }
            world.end().await;
        },
    );
    assert!(commits >= 8, "{commits} commits");
}
