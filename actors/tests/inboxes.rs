//! How full an inbox is said to be, whatever becomes of those who fill and empty it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use understory_store::MemoryBackend;

use super::lagging::Lagging;
use super::world::{Setting, World, at, letter, until};
use crate::Error;

/// A world whose inboxes take four messages, and how often its store was scanned.
async fn small(setting: Setting) -> (World, Arc<AtomicU64>) {
    let backend = Lagging::new(MemoryBackend::new());
    let scans = backend.scans();
    (setting.limits(|limits| limits.inbox_messages = 4).open_on(Arc::new(backend)).await, scans)
}

/// Sends to `/root/a` until it is full; how many it took.
async fn fill(world: &World) -> usize {
    for sent in 0.. {
        match world.send("/root/a", "filler").await {
            Ok(()) => {}
            Err(Error::Limit { limit: "inbox", .. }) => return sent,
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("it is bounded")
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_refuses_without_looking() {
    let (world, scans) = small(World::setting()).await;
    world.spawn("/root/a", "echo").await;
    assert_eq!(fill(&world).await, 4);
    let before = scans.load(Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(fill(&world).await, 0);
    }
    assert_eq!(scans.load(Ordering::SeqCst), before, "it is known to be full");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_actor_took_gives_its_room_back() {
    let (world, scans) = small(World::setting()).await;
    world.spawn("/root/a", "echo").await;
    // One that stays, so that the count is never begun anew.
    world.send("/root/a", "first").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    for steps in 0..200 {
        world.ask("/root/a", "hello").await.unwrap();
        world.send("/root/a", "it stays").await.unwrap();
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        world.system.agents.kill(&at("/root/a"));
        world.settled("/root/a").await;
    }
    let before = scans.load(Ordering::SeqCst);
    assert_eq!(fill(&world).await, 3, "one lies there");
    assert_eq!(scans.load(Ordering::SeqCst), before, "that is known");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_gone_before_the_answer_has_sent_nonetheless() {
    let (world, scans) = small(World::setting()).await;
    world.spawn("/root/a", "echo").await;
    world.send("/root/a", "first").await.unwrap();
    for _ in 0..2 {
        // Committed, and not yet answered.
        assert!(Box::pin(world.system.send(letter("/root/a", "gone", false))).now_or_never().is_none());
    }
    until(async || world.inbox("/root/a").await.len() == 3).await;
    tokio::task::yield_now().await;
    let before = scans.load(Ordering::SeqCst);
    assert_eq!(fill(&world).await, 1);
    assert_eq!(scans.load(Ordering::SeqCst), before);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_takes_no_room() {
    let (world, scans) = small(World::setting()).await;
    world.spawn("/root/a", "echo").await;
    let with_id = |id: &str| crate::Letter { message_id: Some(id.to_owned()), ..letter("/root/a", "hello", false) };
    world.system.send(with_id("m1")).await.unwrap();
    for _ in 0..10 {
        assert!(matches!(world.system.send(with_id("m1")).await, Err(Error::AlreadyAccepted { .. })));
    }
    let before = scans.load(Ordering::SeqCst);
    assert_eq!(fill(&world).await, 3);
    assert_eq!(scans.load(Ordering::SeqCst), before);
    world.end().await;
}
