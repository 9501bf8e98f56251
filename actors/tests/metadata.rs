//! What is attached to messages, and how far it goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::btree_map;
use proptest::prelude::*;
use tokio::sync::broadcast::Receiver;
use understory_store::{Event, Metadata, Told};

use super::world::{World, at, letter, process, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Letter};

fn of<const N: usize>(entries: [(&str, &str); N]) -> Metadata {
    Metadata::new(entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()).unwrap()
}

fn said(error: impl std::fmt::Display) -> BrainError {
    BrainError::refused(error.to_string())
}

fn attached(path: &str, text: &str, metadata: &Metadata) -> Letter {
    Letter { metadata: metadata.clone(), ..letter(path, text, true) }
}

/// A world whose `boss` has a kid made with the key `own` attached, and answers what it sees itself.
fn boss() -> super::world::Setting {
    World::setting().role("default", crate::Role::with_brain("echo", "")).brain("boss", |turn: Turn| async move {
        if turn.text() == "go" {
            let spawn = r#"{"name":"kid","task":"work","metadata":{"own":"kid"}}"#;
            turn.tools().map_err(said)?.call("spawn", spawn).await.map_err(said)?;
            turn.clone().attaching(&of([("own", "note")])).send("kid", "note").await.map_err(said)?;
        }
        let seen: BTreeMap<_, _> = turn.metadata().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Ok(Response::text(serde_json::to_string(&seen).unwrap()))
    })
}

/// What events said was attached, in the words of each kind, for one agent.
fn heard(events: &mut Receiver<Arc<Told>>, path: &str) -> Vec<(&'static str, Metadata)> {
    let mut heard = Vec::new();
    while let Ok(told) = events.try_recv() {
        match told.event.clone() {
            event if *event.path() != at(path) => {}
            Event::Mailed { metadata, .. } => heard.push(("mailed", metadata)),
            Event::TurnStarted { metadata, .. } => heard.push(("started", metadata)),
            Event::TurnEnded { metadata, .. } => heard.push(("ended", metadata)),
            _ => {}
        }
    }
    heard
}

async fn goes_everywhere(sent: Metadata) {
    let world = boss().open().await;
    let mut events = world.system.listen();
    world.spawn("/root/boss", "boss").await;
    let outcome = world.system.assign(attached("/root/boss", "go", &sent)).await.unwrap().outcome().await.unwrap();
    let seen: BTreeMap<String, String> = serde_json::from_str(&outcome.content).unwrap();
    assert_eq!(Metadata::new(seen).unwrap(), sent, "what the brain saw");
    world.settled("/root/boss/kid").await;
    let entries = world.transcript("/root/boss/kid").await;
    let kid = of([("own", "kid")]).over(&sent);
    assert_eq!(entries.first(), Some(&("work".to_owned(), kid.clone())), "the child's first message");
    let note = of([("own", "note")]).over(&sent);
    // The note may have come after that turn began.
    let rest = world.inbox("/root/boss/kid").await.into_iter().map(|message| (message.text, message.metadata));
    assert_eq!(entries.into_iter().chain(rest).nth(1), Some(("note".to_owned(), note)), "what the turn sent");
    until(async || world.turns("/root/boss").await.len() == 2).await;
    let to_boss = world.transcript("/root/boss").await;
    assert_eq!(to_boss, [("go".to_owned(), sent.clone()), ("work".to_owned(), kid.clone())], "the child's result");
    let heard = heard(&mut events, "/root/boss");
    let [of_go, of_result] = [sent, kid];
    let expected = [("mailed", &of_go), ("started", &of_go), ("ended", &of_go)];
    let more = [("mailed", &of_result), ("started", &of_result), ("ended", &of_result)];
    let mut expected: Vec<_> = expected.into_iter().chain(more).map(|(word, map)| (word, map.clone())).collect();
    // The result may have come while the first turn was at its end.
    let mut heard = heard;
    let order = |entry: &(&'static str, Metadata)| (entry.0, entry.1 == of_result);
    expected.sort_by_key(order);
    heard.sort_by_key(order);
    assert_eq!(heard, expected);
    world.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_comes_through_store_brain_child_and_event(entries in btree_map("[a-z0-9_.-]{1,20}", ".{0,60}", 0..6)) {
        if let Ok(sent) = Metadata::new(entries) {
            process(async || goes_everywhere(sent).await);
        }
    }

    #[test]
    fn a_reserved_key_comes_in_by_no_tool(key in "understory[a-z_.]{0,9}", tool in prop_oneof!["spawn", "send", "assign"]) {
        process(async || reserved(&key, &tool).await);
    }
}

async fn reserved(key: &str, tool: &str) {
    let call = match tool {
        "spawn" => serde_json::json!({ "name": "kid", "task": "work", "metadata": { key: "x" } }),
        _ => serde_json::json!({ "to": "mate", "message": "hello", "metadata": { key: "x" } }),
    };
    let (tool, call) = (tool.to_owned(), call.to_string());
    let world = World::setting().brain("boss", move |turn: Turn| {
        let (tool, call) = (tool.clone(), call.clone());
        async move { turn.tools().map_err(said)?.call(&tool, &call).await.map(Response::text).map_err(said) }
    });
    let world = world.open().await;
    world.spawn("/root/boss", "boss").await;
    world.spawn("/root/boss/mate", "echo").await;
    let outcome = world.assign("/root/boss", "go").await.unwrap();
    let refused = format!("metadata key {key:?} is reserved: choose one that does not begin with understory");
    assert!(outcome.content.ends_with(&refused), "{}", outcome.content);
    assert!(world.tool_calls("/root/boss").await.is_empty() && world.inbox("/root/boss/mate").await.is_empty());
    assert!(matches!(world.system.show(&at("/root/boss/kid")).await, Err(Error::NotFound { .. })));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_joins_a_turn_brings_its_own() {
    let world = World::setting().brain("boss", |turn: Turn| async move {
        turn.wait_for_mail(None).await.map_err(said)?;
        let joined = turn.take_mail().await.map_err(said)?;
        turn.send("mate", "go on").await.map_err(said)?;
        let seen: Vec<_> = turn.metadata().iter().map(|(key, value)| format!("{key}={value}")).collect();
        Ok(Response::text(format!("{}: {}", joined.len(), seen.join(" "))))
    });
    let world = world.open().await;
    world.spawn("/root/boss", "boss").await;
    world.spawn("/root/boss/mate", "echo").await;
    let first = of([("a", "1"), ("b", "1")]);
    let assignment = world.system.assign(attached("/root/boss", "go", &first)).await.unwrap();
    until(async || world.status("/root/boss").await == "running").await;
    let joins = Letter { trigger: false, ..attached("/root/boss", "more", &of([("b", "2")])) };
    world.system.send(joins).await.unwrap();
    assert_eq!(assignment.outcome().await.unwrap().content, "1: a=1 b=2");
    assert_eq!(world.inbox("/root/boss/mate").await[0].metadata, of([("a", "1"), ("b", "2")]));
    world.end().await;
}

#[test]
fn a_turn_that_runs_again_tells_of_it_again() {
    let sent = of([("trace", "7")]);
    let stuck = || World::setting().brain("boss", |_| std::future::pending());
    let rows = process(async || {
        let world = stuck().open().await;
        world.spawn("/root/boss", "boss").await;
        world.system.send(attached("/root/boss", "go", &sent)).await.unwrap();
        world.system.run(&at("/root")).await.unwrap();
        until(async || world.status("/root/boss").await == "running").await;
        world.abandon()
    });
    process(async || {
        let world = boss().over(rows).open().await;
        let mut events = world.system.listen();
        world.settled("/root/boss").await;
        let heard = heard(&mut events, "/root/boss");
        assert_eq!(heard[..2], [("started", sent.clone()), ("ended", sent.clone())]);
        world.end().await;
    });
}

#[tokio::test]
async fn it_takes_room_in_an_inbox() {
    let world = World::setting().limits(|limits| limits.inbox_bytes = 10).open().await;
    world.spawn("/root/a", "echo").await;
    let key = of([("k", "1234")]);
    world.system.send(Letter { metadata: key.clone(), ..letter("/root/a", "hello", false) }).await.unwrap();
    let full = world.system.send(Letter { metadata: of([]), ..letter("/root/a", "x", false) }).await;
    assert!(matches!(full, Err(Error::Limit { limit: "inbox_bytes", .. })), "{full:?}");
    world.end().await;
}
