//! What a close of many costs: who lies idle leaves without a look at the store, and the deepest are told first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::counting::Counting;
use super::world::{LONG, World, at, until};
use crate::brain::{BrainError, Response};

/// How many reads it takes to close so many agents that have had a turn.
async fn reads_of_a_close(agents: usize) -> usize {
    let store = Counting::default();
    let world = World::setting().open_on(Arc::new(store.clone())).await;
    world.spawn("/root/a", "echo").await;
    world.system.run(&at("/root")).await.unwrap();
    for n in 0..agents {
        world.spawn(&format!("/root/a/b{n}"), "echo").await;
        world.assign(&format!("/root/a/b{n}"), "once").await.unwrap();
    }
    // What they answered has come to the one above them.
    until(async || world.turns("/root/a").await.len() == agents).await;
    world.settled("/root/a").await;
    let before = store.reads();
    let closed = world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert_eq!(closed.stopped, agents + 1);
    let reads = store.reads() - before;
    world.end().await;
    reads
}

#[tokio::test(start_paused = true)]
async fn who_lies_idle_is_closed_without_a_look() {
    assert_eq!(reads_of_a_close(20).await, reads_of_a_close(1).await);
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_at_work_though_resumed_goes_on() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let world = World::setting().brain("torn", move |turn| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            if call == 0 {
                turn.cancelled().await;
                return Err(BrainError::refused("torn"));
            }
            Ok(Response::text(format!("call {call}")))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "torn").await;
    world.system.run(&at("/root")).await.unwrap();
    world.ask("/root/a", "once").await.unwrap();
    until(async || calls.load(Ordering::SeqCst) == 1).await;
    // The stop of a close that was resumed before it came to this: there is no mark any more, and nobody else wakes it.
    world.system.dismiss(&at("/root/a"), LONG).await;
    // Not waited for by a wait, which would wake it.
    until(async || !world.turns("/root/a").await.is_empty()).await;
    assert_eq!(world.turns("/root/a").await, [(vec!["once".to_owned()], "completed: call 1".to_owned())]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn residents_come_deepest_first_and_only_those_below() {
    let world = World::new().await;
    for path in ["/root/a", "/root/b", "/root/a/b", "/root/a/b/c", "/root/ab", "/root/a/c"] {
        world.spawn(path, "echo").await;
        world.assign(path, "once").await.unwrap();
    }
    let found = world.system.agents.residents(&at("/root/a"));
    let depths: Vec<usize> = found.iter().map(understory_paths::AgentPath::depth).collect();
    assert_eq!(depths, [3, 2, 2, 1]);
    assert!(found.iter().all(|path| at("/root/a").contains(path)), "{found:?}");
    world.end().await;
}
