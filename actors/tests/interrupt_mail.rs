//! A message and an interrupt as one act: the message is on disk first, and no interrupted turn takes it along.

use std::sync::Mutex;

use futures::FutureExt;
use understory_store::Phase;

use super::crashes::at_every_commit;
use super::interrupt::wilful;
use super::world::{LONG, Setting, World, at, letter, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Letter, Until};

const INTERRUPTED: &str = "interrupted: interrupted by the operator";

async fn waiting(world: &World, path: &str) {
    world.ask(path, "wait").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status(path).await == "running").await;
}

fn turn(taken: &[&str], end: &str) -> (Vec<String>, String) {
    (taken.iter().map(|text| (*text).to_owned()).collect(), end.to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_next_turn_begins_with_the_message() {
    for brain in ["answers", "panics", "deaf"] {
        let world = wilful().open().await;
        world.spawn("/root/a", brain).await;
        waiting(&world, "/root/a").await;
        let (assigned, interrupted) = world.system.assign_interrupting(letter("/root/a", "go", true)).await.unwrap();
        assert!(interrupted, "{brain}");
        assert_eq!(assigned.outcome().await.unwrap().content, "go", "{brain}");
        assert_eq!(world.turns("/root/a").await, [turn(&["wait"], INTERRUPTED), turn(&["go"], "completed: go")]);
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_note_that_interrupts_is_read_with_the_next_turn() {
    let world = wilful().open().await;
    world.spawn("/root/a", "answers").await;
    waiting(&world, "/root/a").await;
    assert!(world.system.send_interrupting(letter("/root/a", "note", false)).await.unwrap().1);
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await.len(), 1, "a note starts no turn");
    world.assign("/root/a", "go").await.unwrap();
    assert_eq!(world.turns("/root/a").await[1], turn(&["note", "go"], "completed: note\n\ngo"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_turn_that_the_message_starts_is_not_interrupted_by_it() {
    let world = wilful().open().await;
    world.spawn("/root/a", "answers").await;
    world.system.run(&at("/root")).await.unwrap();
    let (assigned, interrupted) = world.system.assign_interrupting(letter("/root/a", "go", true)).await.unwrap();
    assert!(!interrupted);
    assert_eq!(assigned.outcome().await.unwrap().content, "go");
    // The same when that turn is under way before whoever sent it has come to the interrupt.
    let (accepted, _) = world.system.mail(&letter("/root/a", "wait", true), None, None).await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    assert!(!world.system.make_room(&accepted, None));
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await[1], turn(&["wait"], INTERRUPTED));
    world.end().await;
}

/// The brain `open` takes mail when it is told that it may, and then waits until it is cancelled; then it takes mail again.
fn open() -> (Setting, std::sync::Arc<tokio::sync::Semaphore>) {
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let given = permits.clone();
    let take = async |turn: &Turn| turn.take_mail().await.map_err(|error| BrainError::refused(error.to_string()));
    let setting = wilful().brain("open", move |turn: Turn| {
        let given = given.clone();
        async move {
            if turn.text().starts_with("wait") {
                given.acquire().await.expect("never closed").forget();
                take(&turn).await?;
                turn.cancelled().await;
                given.acquire().await.expect("never closed").forget();
                take(&turn).await?;
            }
            Ok(Response::text(turn.text()))
        }
    });
    (setting, permits)
}

/// The message may join the turn between its own commit and the interrupt.
#[tokio::test(start_paused = true)]
async fn what_has_joined_by_then_is_not_consumed_with_the_interrupted_turn() {
    let (setting, permits) = open();
    let world = setting.open().await;
    world.spawn("/root/a", "open").await;
    waiting(&world, "/root/a").await;
    world.send("/root/a", "before").await.unwrap();
    let (accepted, _) = world.system.mail(&letter("/root/a", "go", true), None, None).await.unwrap();
    world.send("/root/a", "behind").await.unwrap();
    permits.add_permits(1);
    let in_hand = async || world.agent("/root/a").await.running().map_or(0, |running| running.in_hand.len());
    until(async || in_hand().await == 4).await;
    assert!(world.system.make_room(&accepted, None));
    // Whatever else interrupts it.
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    permits.add_permits(1);
    world.settled("/root/a").await;
    // What it left was its own, too, while it ran.
    let turns = [turn(&["wait", "before", "go", "behind"], INTERRUPTED), turn(&["go"], "completed: go")];
    assert_eq!(world.turns("/root/a").await, turns);
    let left: Vec<_> = world.inbox("/root/a").await.into_iter().map(|message| message.text).collect();
    assert_eq!(left, ["behind"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_joins_a_turn_that_is_interrupted() {
    let (setting, permits) = open();
    let world = setting.open().await;
    world.spawn("/root/a", "open").await;
    waiting(&world, "/root/a").await;
    permits.add_permits(1);
    until(async || permits.available_permits() == 0).await;
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    world.ask("/root/a", "go").await.unwrap();
    permits.add_permits(1);
    world.settled("/root/a").await;
    assert_eq!(world.turns("/root/a").await, [turn(&["wait"], INTERRUPTED), turn(&["go"], "completed: go")]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_interrupts_nothing() {
    let world = wilful().limits(|limits| limits.inbox_messages = 2).open().await;
    world.spawn("/root/a", "answers").await;
    waiting(&world, "/root/a").await;
    world.send("/root/a", "full").await.unwrap();
    let refused = world.system.send_interrupting(letter("/root/a", "no room", false)).await;
    assert!(matches!(refused, Err(Error::Limit { .. })), "{refused:?}");
    pass(1).await;
    assert_eq!(world.status("/root/a").await, "running");
    world.system.interrupt(&at("/root/a")).await.unwrap();
    world.settled("/root/a").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_done_whole_though_whoever_asked_is_gone() {
    let world = wilful().open().await;
    world.spawn("/root/a", "answers").await;
    waiting(&world, "/root/a").await;
    let mut dropped = Box::pin(world.system.assign_interrupting(letter("/root/a", "go", true)));
    assert!(dropped.as_mut().now_or_never().is_none());
    drop(dropped);
    until(async || world.turns("/root/a").await.len() == 2).await;
    assert_eq!(world.turns("/root/a").await, [turn(&["wait"], INTERRUPTED), turn(&["go"], "completed: go")]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_interrupts_with_a_message_only_those_below_it() {
    let world = wilful().brain("boss", |turn: Turn| async move {
        let mut said = Vec::new();
        if turn.text() == "go" {
            for (tool, to) in [("assign", "kid"), ("send", "/root/side"), ("assign", "/root/side")] {
                let arguments = format!(r#"{{"to":"{to}","message":"do","interrupt":true}}"#);
                let answer = turn.tools().expect("it has tools").call(tool, &arguments).await;
                said.push(answer.unwrap_or_else(|refused| refused.to_string()));
            }
        }
        Ok(Response::text(said.join(", ")))
    });
    let world = world.open().await;
    for (path, brain) in [("/root/boss", "boss"), ("/root/boss/kid", "deaf"), ("/root/side", "deaf")] {
        world.spawn(path, brain).await;
    }
    waiting(&world, "/root/boss/kid").await;
    waiting(&world, "/root/side").await;
    let outcome = world.assign("/root/boss", "go").await.unwrap();
    let absent = "/root/side does not exist";
    assert_eq!(outcome.content, format!("{{\"accepted\":true}}, {absent}, {absent}"));
    world.settled("/root/boss/kid").await;
    let by_boss = "interrupted: interrupted by /root/boss";
    assert_eq!(world.turns("/root/boss/kid").await, [turn(&["wait"], by_boss), turn(&["do"], "completed: do")]);
    let line = r#"1 assign {"to":"/root/boss/kid","message":"do","interrupt":true}"#;
    assert_eq!(world.tool_calls("/root/boss").await, [line]);
    assert_eq!((world.status("/root/side").await, world.inbox("/root/side").await.len()), ("running", 1));
    world.system.interrupt(&at("/root/side")).await.unwrap();
    world.settled("/root").await;
    world.end().await;
}

/// The turn that waits does so in the first process only: there it is interrupted, or dies with it.
fn mortal(first: bool) -> Setting {
    World::setting().brain("mortal", move |turn: Turn| async move {
        if first && turn.text() == "wait" {
            turn.cancelled().await;
        }
        Ok(Response::text(turn.text()))
    })
}

async fn redirect(world: &World, accepted: &Mutex<Vec<&'static str>>) -> Result<(), Error> {
    world.try_spawn("/root/a", "mortal").await?;
    world.ask("/root/a", "wait").await?;
    accepted.lock().unwrap().push("wait");
    world.system.run(&at("/root")).await?;
    until(async || {
        world.system.interruptible(&at("/root/a"), crate::Reach::Node).await.is_ok_and(|one| one.len() == 1)
    })
    .await;
    let go = Letter { message_id: Some("go".to_owned()), ..letter("/root/a", "go", true) };
    let (assigned, _) = world.system.assign_interrupting(go).await?;
    accepted.lock().unwrap().push("go");
    assigned.outcome().await.map(drop)
}

#[test]
fn a_crash_at_any_commit_loses_neither_the_message_nor_the_turn() {
    let accepted = Mutex::new(Vec::new());
    let commits = at_every_commit(
        async |faulty| {
            accepted.lock().unwrap().clear();
            let Ok(world) = mortal(true).try_open_on(faulty.clone()).await else { return };
            let failed = async { until(async || faulty.failed()).await };
            let outcome = tokio::select! {
                outcome = redirect(&world, &accepted) => Some(outcome),
                () = failed => None,
            };
            assert!(matches!(outcome, Some(Ok(()))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let world = mortal(false).over(rows).open().await;
            if world.system.show(&at("/root/a")).await.is_ok() {
                world.system.run(&at("/root")).await.unwrap();
                world.system.wait(&[at("/root/a")], Until::All, LONG).await.unwrap();
                let turns = world.turns("/root/a").await;
                let taken: Vec<_> = turns.iter().map(|(taken, _)| taken.join(" ")).collect();
                let accepted = accepted.lock().unwrap().clone();
                assert!(taken.starts_with(&accepted.iter().map(ToString::to_string).collect::<Vec<_>>()), "{point:?}");
                assert!(["wait", "go"].starts_with(&taken.iter().map(String::as_str).collect::<Vec<_>>()), "{point:?}");
                for (taken, end) in &turns {
                    let whole = *end == format!("completed: {}", taken.join(" "));
                    assert!(whole || (taken[0] == "wait" && end == INTERRUPTED), "{point:?}: {turns:?}");
                }
                assert_eq!(world.agent("/root/a").await.phase, Phase::IDLE, "{point:?}");
                assert!(world.inbox("/root/a").await.is_empty(), "{point:?}");
                assert!(world.dead("/root/a").await.is_empty(), "{point:?}");
            }
            world.end().await;
        },
    );
    assert!(commits >= 7, "{commits} commits");
}
