//! Who waits for an agent that no turn starts for is told so.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::*;
use crate::Standing;
use crate::tests::world::until;

#[tokio::test(start_paused = true)]
async fn a_wait_for_who_is_held_by_a_budget_says_by_whose() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("all").within(100)).await;
    world.spawn("/root/a/b", "pays").await;
    world.assign("/root/a/b", "100").await.unwrap();
    assert!(matches!(world.settled("/root/a/b").await.standing, Standing::Rests(Some(_))), "nothing is asked of it");
    world.ask("/root/a/b", "1").await.unwrap();
    assert_eq!(world.settled("/root/a/b").await.standing, Standing::Held { goal: at("/root/a") });
    world.patch("/root/a", GoalPatch { status: None, ..GoalPatch::raise(200) }).await.unwrap();
    assert!(matches!(world.settled("/root/a/b").await.standing, Standing::Rests(Some(outcome)) if outcome.turn == 2));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_as_soon_as_a_budget_is_used_up() {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let setting = World::setting().limits(|limits| limits.turns = 1).brain("slow", move |_: Turn| {
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            Ok(costing(100, "done"))
        }
    });
    let world = setting.open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    world.spawn("/root/a/b", "slow").await;
    world.spawn("/root/a/c", "slow").await;
    world.ask("/root/a/b", "first").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/a/b").await == "running").await;
    world.ask("/root/a/c", "second").await.unwrap();
    {
        let mut waiting = std::pin::pin!(world.settled("/root/a/c"));
        // It waits for the slot.
        assert!(futures::poll!(&mut waiting).is_pending());
        gate.add_permits(1);
        assert_eq!(waiting.await.standing, Standing::Held { goal: at("/root/a") });
    }
    world.end().await;
}
