//! Budgets that are set where goals below have some already.

use super::*;
use crate::Budget;

fn tokens(budget: u64) -> GoalPatch {
    GoalPatch { budget: Budget::Tokens(budget), ..GoalPatch::default() }
}

#[tokio::test(start_paused = true)]
async fn what_goals_below_hold_is_taken_from_a_budget_that_comes_late() {
    let world = paying().open().await;
    world.spawn("/root/a", "pays").await;
    world.endow_paused("/root/a/b", "pays", goal("part").within(60)).await;
    world.endow("/root/a/c", None, goal("part").within(30)).await.unwrap();
    world.endow("/root/a/c/d", None, goal("part of it").within(20)).await.unwrap();
    world.assign("/root/a/b", "25").await.unwrap();
    let late = async |budget| world.system.create_goal(&at("/root/a"), goal("all").within(budget)).await;
    assert_eq!(
        late(89).await.unwrap_err().to_string(),
        "a budget of 89 tokens is not enough for /root/a: 0 are used and goals below hold 90; give it 90 or more, or lower theirs"
    );
    assert!(world.system.goal(&at("/root/a")).await.unwrap().is_none());
    late(100).await.unwrap();
    world.patch("/root/a", GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    assert_eq!(world.stands("/root/a").await, ("paused", 0, 90, Some(10)));
    assert_eq!(world.stands("/root/a/c").await.3, Some(10));
    assert!(world.endow("/root/a/e", None, goal("more").within(11)).await.is_err());
    assert!(world.patch("/root/a", tokens(89)).await.unwrap_err().to_string().contains("goals below hold 90"));
    world.patch("/root/a", tokens(95)).await.unwrap();
    world.assign("/root/a", "5").await.unwrap();
    world.system.clear_goal(&at("/root/a/b")).await.unwrap();
    let stands = world.stands("/root/a").await;
    assert_eq!(stands, ("paused", 30, 30, Some(35)), "what was used is counted above, and the rest is back");
    world.sound().await;
    let world = paying().over(world.abandon()).open().await;
    assert_eq!(world.stands("/root/a").await, stands);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_comes_between_takes_over_what_is_held_below_it() {
    let world = paying().open().await;
    world.endow("/root/x", None, goal("all").within(1_000)).await.unwrap();
    world.endow("/root/x/a", None, goal("most")).await.unwrap();
    // More of them than one commit tells.
    for n in 0..50 {
        world.endow(&format!("/root/x/a/n{n}"), None, goal("part").within(10)).await.unwrap();
    }
    assert_eq!(world.stands("/root/x").await, ("active", 0, 500, Some(500)));
    assert!(world.patch("/root/x/a", tokens(1_001)).await.is_err(), "it is more than there is");
    assert!(world.patch("/root/x/a", tokens(499)).await.is_err(), "it is less than is held");
    assert_eq!(world.stands("/root/x").await, ("active", 0, 500, Some(500)));
    world.patch("/root/x/a", tokens(600)).await.unwrap();
    assert_eq!(world.stands("/root/x").await, ("active", 0, 600, Some(400)));
    assert_eq!(world.stands("/root/x/a").await, ("active", 0, 500, Some(100)));
    world.patch("/root/x/a", GoalPatch { budget: Budget::Unlimited, ..GoalPatch::default() }).await.unwrap();
    assert_eq!(world.stands("/root/x").await, ("active", 0, 500, Some(500)), "and gives it back");
    world.sound().await;
    world.end().await;
}
