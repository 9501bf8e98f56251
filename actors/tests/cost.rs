//! What turns cost: told while they run or with the answer, and put on record with their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use understory_store::{Table, TranscriptEntry, Usage};

use super::world::{World, at, until};
use crate::brain::{BrainError, Response, Turn};

const COST: Usage = Usage { input_tokens: 70, cached_tokens: 500, output_tokens: 30 };

/// What each turn that ended has cost.
async fn answers(world: &World, path: &str) -> Vec<Usage> {
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, path).await.into_iter();
    let costs = entries.filter_map(|entry| match entry {
        TranscriptEntry::Answer { usage, .. } => Some(usage),
        _ => None,
    });
    costs.collect()
}

#[tokio::test(start_paused = true)]
async fn fifty_tools_that_tell_what_a_turn_has_cost_charge_it_once() {
    let tell = |turn: Turn| async move {
        let tools = (0..50).map(|_| {
            let turn = turn.clone();
            tokio::spawn(async move { turn.used(COST) })
        });
        futures::future::join_all(tools).await;
        Ok(Response::text("done"))
    };
    let world = World::setting().brain("tells", tell).open().await;
    world.spawn("/root/a", "tells").await;
    world.assign("/root/a", "1").await.unwrap();
    assert_eq!(world.agent("/root/a").await.used, COST);
    world.assign("/root/a", "2").await.unwrap();
    assert_eq!(world.agent("/root/a").await.used, COST.plus(COST));
    assert_eq!(answers(&world, "/root/a").await, [COST, COST]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_has_the_last_word() {
    let answer = |turn: Turn| async move {
        turn.used(Usage { input_tokens: 1, ..Usage::default() });
        Ok(Response { usage: COST, ..Response::text("done") })
    };
    let world = World::setting().brain("answers", answer).open().await;
    world.spawn("/root/a", "answers").await;
    world.assign("/root/a", "1").await.unwrap();
    assert_eq!(world.agent("/root/a").await.used, COST);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_to_nothing_has_its_price() {
    let turns = Arc::new(AtomicU32::new(0));
    let asked = turns.clone();
    let fail = move |turn: Turn| {
        let turns = asked.clone();
        async move {
            turn.used(COST);
            match turns.fetch_add(1, Ordering::Relaxed) {
                0 => Err(BrainError::unavailable("busy")),
                1 => panic!("as it was told"),
                2 => Err(BrainError::refused("no")),
                _ => {
                    turn.cancelled().await;
                    Ok(Response::default())
                }
            }
        }
    };
    let world = World::setting().brain("fails", fail).open().await;
    world.spawn("/root/a", "fails").await;
    // Put off, put off as a fault, and errored: three attempts at one turn.
    assert_eq!(world.assign("/root/a", "1").await.unwrap().content, "no");
    let used = async || world.agent("/root/a").await.used.output_tokens;
    assert_eq!(used().await, 90);
    // Interrupted.
    world.ask("/root/a", "2").await.unwrap();
    until(async || turns.load(Ordering::Relaxed) == 4).await;
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    world.settled("/root/a").await;
    assert_eq!(used().await, 120);
    // Taken back for a close.
    world.ask("/root/a", "3").await.unwrap();
    until(async || turns.load(Ordering::Relaxed) == 5).await;
    world.system.close(&at("/root/a"), Duration::from_secs(60)).await.unwrap();
    assert_eq!(used().await, 150);
    world.end().await;
}
