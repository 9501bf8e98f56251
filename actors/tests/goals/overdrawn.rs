//! Goals that have used more than they may, or have no budget any more.

use super::*;
use crate::Budget;
use crate::tests::world::until;

fn budget(budget: Budget) -> GoalPatch {
    GoalPatch { budget, ..GoalPatch::default() }
}

#[tokio::test(start_paused = true)]
async fn what_is_used_over_a_budget_is_held_all_the_way_up() {
    let world = paying().open().await;
    for (path, tokens) in [("/root/p", 100), ("/root/p/m", 20), ("/root/p/m/k", 10)] {
        world.endow_paused(path, "pays", goal("part").within(tokens)).await;
    }
    assert_eq!(world.stands("/root/p").await, ("paused", 0, 20, Some(80)));
    world.assign("/root/p/m/k", "30").await.unwrap();
    until(async || world.goal("/root/p/m/k").await.goal.status == GoalStatus::BudgetLimited).await;
    let (m, p) = (world.goal("/root/p/m").await, world.goal("/root/p").await);
    assert_eq!((m.held, m.left, p.held, p.left), (30, Some(0), 30, Some(70)));
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_not_enough_may_be_raised_to_less_than_is_needed_and_not_lowered() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("all").within(20)).await;
    world.endow_paused("/root/a/k", "pays", goal("part").within(15)).await;
    world.assign("/root/a", "10").await.unwrap();
    assert_eq!(world.stands("/root/a").await, ("paused", 10, 15, Some(0)));
    world.patch("/root/a", budget(Budget::Tokens(22))).await.unwrap();
    let refused = world.patch("/root/a", budget(Budget::Tokens(21))).await.unwrap_err().to_string();
    assert!(refused.contains("10 are used and goals below hold 15; give it 25 or more"), "{refused}");
    assert_eq!(world.goal("/root/a").await.goal.budget, Some(22));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_used_before_a_budget_was_taken_away_is_counted_above_once() {
    let world = paying().open().await;
    world.endow_paused("/root/p", "pays", goal("all").within(100)).await;
    world.endow_paused("/root/p/a", "pays", goal("part").within(50)).await;
    world.assign("/root/p/a", "10").await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("paused", 0, 50, Some(50)));
    world.patch("/root/p/a", budget(Budget::Unlimited)).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("paused", 10, 0, Some(90)));
    world.assign("/root/p/a", "5").await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("paused", 15, 0, Some(85)));
    world.patch("/root/p/a", budget(Budget::Tokens(50))).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("paused", 15, 35, Some(50)), "what is left of a new one is held");
    world.system.clear_goal(&at("/root/p/a")).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("paused", 15, 0, Some(85)));
    world.sound().await;
    world.end().await;
}
