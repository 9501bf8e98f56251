//! Messages: accepted once, in order, within bounds, and answered to whoever waits.

use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Semaphore;
use understory_store::{MemoryBackend, MessageKind, Sender, TurnResult};

use super::lagging::Lagging;
use super::world::{LONG, Setting, World, at, letter};
use crate::brain::{BrainError, Response};
use crate::{Error, Letter};

/// A world whose brain `slow` answers a turn for each permit it is given.
fn slow() -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = World::setting().brain("slow", move |turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text(turn.text()))
        }
    });
    (setting, permits)
}

#[tokio::test(start_paused = true)]
async fn an_assignment_gets_the_outcome_of_its_own_turn() {
    let (setting, permits) = slow();
    let world = setting.open().await;
    world.spawn("/root/a", "slow").await;
    let first = world.system.assign(letter("/root/a", "one", true)).await.unwrap();
    let second = world.system.assign(letter("/root/a", "two", true)).await.unwrap();
    permits.add_permits(2);
    let newest = second.outcome().await.unwrap();
    assert_eq!((newest.turn, newest.content.as_str()), (2, "two"));
    let older = first.outcome().await.unwrap();
    assert_eq!((older.turn, older.content.as_str()), (1, "one"), "a newer turn has ended since");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_takes_what_came_before_its_trigger() {
    let (setting, permits) = slow();
    let world = setting.open().await;
    world.spawn("/root/a", "slow").await;
    world.send("/root/a", "a").await.unwrap();
    world.send("/root/a", "b").await.unwrap();
    world.ask("/root/a", "c").await.unwrap();
    world.send("/root/a", "d").await.unwrap();
    world.ask("/root/a", "e").await.unwrap();
    world.send("/root/a", "f").await.unwrap();
    permits.add_permits(9);
    world.settled("/root/a").await;
    let turns: Vec<_> = world.turns("/root/a").await.into_iter().map(|(taken, _)| taken.join(" ")).collect();
    assert_eq!(turns, ["a b c", "d e"]);
    let left: Vec<_> = world.inbox("/root/a").await.into_iter().map(|message| message.text).collect();
    assert_eq!(left, ["f"], "what starts no turn waits for one");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_hand_is_bounded_in_messages_and_bytes() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.spawn("/root/b", "echo").await;
    for number in 0..70 {
        world.send("/root/a", &number.to_string()).await.unwrap();
    }
    world.ask("/root/a", "go").await.unwrap();
    let big = "x".repeat(100 << 10);
    for _ in 0..3 {
        world.send("/root/b", &big).await.unwrap();
    }
    world.ask("/root/b", "go").await.unwrap();
    for (path, hands) in [("/root/a", [64, 7]), ("/root/b", [2, 2])] {
        world.settled(path).await;
        let turns: Vec<_> = world.turns(path).await.iter().map(|(taken, _)| taken.len()).collect();
        assert_eq!(turns, hands, "{path}");
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_each_sender_keep_their_order() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.system.run(&at("/root/a")).await.unwrap();
    let send = |sender: u32| {
        let world = &world;
        async move {
            for number in 0..40 {
                world.system.send(letter("/root/a", &format!("{sender} {number}"), number % 3 == 0)).await.unwrap();
                if number % 7 == sender {
                    tokio::task::yield_now().await;
                }
            }
            world.ask("/root/a", &format!("{sender} 40")).await.unwrap();
        }
    };
    join_all((0..4).map(send)).await;
    world.settled("/root/a").await;
    let taken: Vec<String> = world.turns("/root/a").await.into_iter().flat_map(|(taken, _)| taken).collect();
    for sender in 0..4 {
        let prefix = format!("{sender} ");
        let mine: Vec<u32> =
            taken.iter().filter_map(|text| text.strip_prefix(&prefix)).map(|n| n.parse().unwrap()).collect();
        assert_eq!(mine, (0..=40).collect::<Vec<_>>(), "sender {sender}");
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_id_is_accepted_once() {
    let world = World::new().await;
    for path in ["/root/a", "/root/b"] {
        world.spawn(path, "echo").await;
    }
    let with_id = |path: &str| Letter { message_id: Some("m1".to_owned()), ..letter(path, "hello", true) };
    world.system.send(with_id("/root/a")).await.unwrap();
    world.settled("/root/a").await;
    let again = world.system.send(with_id("/root/a")).await.unwrap_err();
    assert_eq!(again.to_string(), "message \"m1\" was accepted already");
    world.system.send(with_id("/root/b")).await.expect("an id is the recipient's");
    world.settled("/root/b").await;
    assert_eq!(world.turns("/root/a").await.len(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_accepted_is_refused_in_words() {
    let world = World::new().await;
    for path in ["/root/a", "/root/a/shut"] {
        world.spawn(path, "echo").await;
    }
    world.system.close(&at("/root/a/shut"), LONG).await.unwrap();
    let mut answers = Vec::new();
    let long = "x".repeat((256 << 10) + 1);
    for (path, text) in [("/root/none", "hello"), ("/root/a/shut", "hello"), ("/root/a", &long)] {
        answers.push(world.ask(path, text).await.unwrap_err().to_string());
    }
    answers.push(world.assign("/root", "hello").await.unwrap_err().to_string());
    insta::assert_snapshot!(answers.join("\n"), @r#"
    /root/none does not exist
    /root/a/shut is closed
    message has 262145 bytes, over the limit of 262144
    /root is an agent without a brain, which cannot be asked to take a turn
    "#);
    world.ask("/root/a", &long[1..]).await.expect("the limit itself is allowed");
    assert_eq!(world.inbox("/root/a").await.len(), 1);
    world.settled("/root/a").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_refuses_and_takes_again_when_some_are_gone() {
    for (limit, texts) in [("inbox", ["a", "b", "c"]), ("inbox_bytes", ["aaaa", "bbbb", "ccc"])] {
        let (setting, permits) = slow();
        let setting = setting.limits(|limits| match limit {
            "inbox" => limits.inbox_messages = 2,
            _ => limits.inbox_bytes = 10,
        });
        let world = setting.open().await;
        world.spawn("/root/a", "slow").await;
        let [one, two, three] = texts;
        world.ask("/root/a", one).await.unwrap();
        world.ask("/root/a", two).await.unwrap();
        let full = world.ask("/root/a", three).await.unwrap_err();
        assert!(matches!(full, Error::Limit { limit: found, .. } if found == limit), "{limit}: {full}");
        permits.add_permits(2);
        world.settled("/root/a").await;
        world.ask("/root/a", three).await.unwrap();
        permits.add_permits(1);
        world.settled("/root/a").await;
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_inbox_takes_no_more_than_it_holds_however_many_send_at_once() {
    let full = World::setting().limits(|limits| limits.inbox_messages = 10).open().await;
    full.spawn("/root/a", "echo").await;
    for _ in 0..8 {
        full.send("/root/a", "old").await.unwrap();
    }
    // A new process does not know yet how full it is.
    let setting = World::setting().limits(|limits| limits.inbox_messages = 10);
    let backend = full.abandon();
    let world = setting.over(backend.clone()).open_on(Arc::new(Lagging::new(backend))).await;
    let sent = join_all((0..40).map(|_| world.send("/root/a", "new"))).await;
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 2);
    assert_eq!(world.inbox("/root/a").await.len(), 10);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_goes_to_the_nearest_ancestor_that_takes_it() {
    let world = World::setting()
        .limits(|limits| limits.inbox_messages = 1)
        .brain("faulty", |_| async { Err(BrainError::broken("it broke")) })
        .open()
        .await;
    world.spawn("/root/a", "echo").await;
    world.system.spawn(vec![crate::SpawnRequest::at(at("/root/a/deaf"))]).await.unwrap();
    let kid = world.spawn("/root/a/deaf/kid", "echo").await;
    // Full, and still no result is refused; nobody runs `/root/a`, so it lies there.
    world.send("/root/a", "full").await.unwrap();
    for text in ["one", "two"] {
        world.assign("/root/a/deaf/kid", text).await.unwrap();
    }
    let results: Vec<_> = world.inbox("/root/a").await.into_iter().skip(1).collect();
    assert_eq!(results.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let result = TurnResult::Completed;
    assert!(results.iter().all(|message| message.trigger && message.from == Sender::Agent(kid.clone())));
    assert_eq!(results[1].kind, MessageKind::Result { turn: 2, result });
    assert_eq!(world.status("/root/a").await, "queued");
    // Once it is run, what lies there starts its turns.
    world.settled("/root/a").await;
    let turns: Vec<_> = world.turns("/root/a").await.into_iter().map(|(taken, _)| taken.join(" ")).collect();
    assert_eq!(turns, ["full one", "two"]);
    assert!(world.inbox("/root").await.is_empty(), "an agent without a brain gets none");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_wakes_who_asked() {
    let world = World::setting()
        .brain("boss", |turn| async move {
            if turn.text() == "go" {
                for name in ["one", "two"] {
                    turn.spawn(name, Some(name)).await.map_err(|error| BrainError::refused(error.to_string()))?;
                }
            }
            Ok(Response::text(turn.text()))
        })
        .role("default", crate::Role::with_brain("echo", ""))
        .open()
        .await;
    world.spawn("/root/boss", "boss").await;
    world.assign("/root/boss", "go").await.unwrap();
    world.system.wait(&[at("/root/boss/one"), at("/root/boss/two")], crate::Until::All, LONG).await.unwrap();
    world.settled("/root/boss").await;
    let mut heard: Vec<_> = world.turns("/root/boss").await.into_iter().flat_map(|(taken, _)| taken).collect();
    heard.sort();
    assert_eq!(heard, ["go", "one", "two"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_hears_only_what_came_after_it() {
    let backend = MemoryBackend::new();
    let world = World::setting().over(backend.clone()).open_on(Arc::new(Lagging::new(backend))).await;
    world.spawn("/root/a", "echo").await;
    // The dispatcher tells of these only when the message was accepted.
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.resume(&at("/root/a")).await.unwrap();
    assert_eq!(world.assign("/root/a", "hello").await.unwrap().content, "hello");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_to_a_faulted_agent_says_so() {
    let policy = crate::Policy { faults: 0, ..crate::Policy::default() };
    let world = World::setting()
        .role("brittle", crate::Role::with_brain("broken", "").policy(policy))
        .brain("broken", |_| async { Err(BrainError::broken("it broke")) })
        .open()
        .await;
    let request = crate::SpawnRequest { role: Some("brittle".to_owned()), ..crate::SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![request]).await.unwrap();
    let first = world.assign("/root/a", "one").await.unwrap_err();
    let later = world.assign("/root/a", "two").await.unwrap_err();
    for error in [first, later] {
        assert_eq!(error.to_string(), "/root/a is faulted: brain broken: it broke");
    }
    assert_eq!(world.inbox("/root/a").await.len(), 2, "a faulted agent takes mail");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_of_events_that_were_dropped() {
    // This store keeps no event at all: every commit is a gap to the dispatcher.
    let backend = MemoryBackend::with_events_max(0);
    let (setting, permits) = slow();
    let world = setting.over(backend).open().await;
    world.spawn("/root/a", "slow").await;
    let (one, two) = (letter("/root/a", "one", true), letter("/root/a", "two", true));
    let (one, two) = (world.system.assign(one).await.unwrap(), world.system.assign(two).await.unwrap());
    permits.add_permits(2);
    assert_eq!(world.settled("/root/a").await.path, at("/root/a"));
    assert_eq!(two.outcome().await.unwrap().content, "two");
    assert_eq!(one.outcome().await.unwrap().content, "one");
    let third = world.system.assign(letter("/root/a", "three", true)).await.unwrap();
    let path = at("/root/a");
    let (ended, closed) = futures::join!(third.outcome(), world.system.close(&path, LONG));
    assert!(matches!(ended, Err(Error::Closed { .. })), "{ended:?}");
    assert_eq!(closed.unwrap().overdue, 0);
    world.end().await;
}
