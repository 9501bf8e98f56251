//! Budgets: taken from above, returned, raised, and what no turn starts past.

use std::sync::atomic::Ordering;

use understory_store::{GoalStatus, MessageKind};

use super::*;
use crate::Budget;
use crate::tests::resting::Slow;
use crate::tests::world::until;

fn tokens(budget: u64) -> GoalPatch {
    GoalPatch { budget: Budget::Tokens(budget), ..GoalPatch::default() }
}

#[tokio::test(start_paused = true)]
async fn a_budget_given_at_spawn_is_taken_from_the_nearest_above_in_one_commit() {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    world.spawn("/root/a/plain", "pays").await;
    let before = world.store().last();
    world.endow("/root/a/plain/b", None, goal("part").within(60)).await.unwrap();
    assert_eq!(world.store().last(), before + 1);
    assert_eq!(world.stands("/root/a").await, ("active", 0, 60, Some(40)));
    assert_eq!(world.stands("/root/a/plain/b").await, ("active", 0, 0, Some(60)));
    let error = world.endow("/root/a/c", None, goal("more").within(41)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "limit goal_budget of 40 is reached at /root/a: ask for no more than that is left of its goal's budget, or raise that"
    );
    assert!(world.system.show(&at("/root/a/c")).await.is_err(), "nobody was created");
    assert_eq!(world.stands("/root/a").await, ("active", 0, 60, Some(40)));
    world.endow("/root/a/plain/b/deep", None, goal("part of it").within(60)).await.unwrap();
    assert_eq!(world.stands("/root/a").await, ("active", 0, 60, Some(40)), "it is from the nearest");
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_goes_back_and_what_was_used_is_counted_above() {
    for way in ["complete", "clear", "replace", "remove", "unlimited"] {
        let world = paying().open().await;
        world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
        world.endow_paused("/root/a/b", "pays", goal("part").within(60)).await;
        world.assign("/root/a/b", "25").await.unwrap();
        assert_eq!(world.stands("/root/a").await, ("active", 0, 60, Some(40)), "{way}");
        let b = at("/root/a/b");
        let (used, held) = match way {
            "complete" => {
                world.patch("/root/a/b", GoalPatch::to(GoalStatus::Complete)).await.unwrap();
                (0, 25)
            }
            "clear" => {
                world.system.clear_goal(&b).await.unwrap();
                (25, 0)
            }
            "replace" => {
                world.patch("/root/a/b", GoalPatch::to(GoalStatus::Complete)).await.unwrap();
                world.system.create_goal(&b, goal("another").within(10)).await.unwrap();
                assert_eq!(world.stands("/root/a/b").await, ("active", 0, 0, Some(10)));
                (25, 10)
            }
            "remove" => {
                world.system.close(&b, std::time::Duration::from_secs(9)).await.unwrap();
                world.system.remove(&b).await.unwrap();
                (25, 0)
            }
            _ => {
                world
                    .patch("/root/a/b", GoalPatch { budget: Budget::Unlimited, ..GoalPatch::default() })
                    .await
                    .unwrap();
                assert_eq!(world.stands("/root/a/b").await, ("paused", 25, 0, None));
                world.assign("/root/a/b", "5").await.unwrap();
                (30, 0)
            }
        };
        assert_eq!(world.stands("/root/a").await, ("active", used, held, Some(100 - used - held)), "{way}");
        world.sound().await;
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_turn_starts_past_a_budget_and_raising_it_goes_on_in_one_act() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("all").within(100)).await;
    world.spawn("/root/a/b", "pays").await;
    world.assign("/root/a/b", "30").await.unwrap();
    // A turn under way goes past it.
    world.assign("/root/a", "75").await.unwrap();
    until(async || world.goal("/root/a").await.goal.status == GoalStatus::BudgetLimited).await;
    assert_eq!(world.stands("/root/a").await, ("budget_limited", 105, 0, Some(0)));
    assert_eq!(world.log("/root/a").await, 0, "the crossing is counted at once");
    world.ask("/root/a/b", "1").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let rest = world.system.run_to_rest(&at("/root")).await.unwrap();
    assert!(rest.is_empty());
    assert_eq!(world.inbox("/root/a/b").await.len(), 1, "it was not started");
    assert_eq!(world.goal("/root/a").await.spent, Some(at("/root/a")));
    // More alone activates nothing, but turns that were asked for start.
    world.patch("/root/a", tokens(110)).await.unwrap();
    until(async || world.inbox("/root/a/b").await.is_empty()).await;
    world.settled("/root/a/b").await;
    assert_eq!(world.stands("/root/a").await, ("budget_limited", 106, 0, Some(4)));
    // Without anything to do it goes on by itself, until it comes to the same thrice.
    world.patch("/root/a", GoalPatch::raise(500)).await.unwrap();
    world.system.run_to_rest(&at("/root")).await.unwrap();
    assert_eq!(world.stands("/root/a").await.0, "blocked");
    assert!(world.agent("/root/a").await.turns > 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_told_once_that_its_budget_is_used_up() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("all").within(10)).await;
    world.assign("/root/a", "10").await.unwrap();
    until(async || world.goal("/root/a").await.goal.status == GoalStatus::BudgetLimited).await;
    let told = world.inbox("/root/a").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].text.starts_with("The budget of your goal is used up: 10 of 10 tokens."), "{}", told[0].text);
    assert_eq!((told[0].trigger, &told[0].kind), (false, &MessageKind::Said));
    world.patch("/root/a", tokens(20)).await.unwrap();
    world.assign("/root/a", "10").await.unwrap();
    until(async || world.goal("/root/a").await.goal.status == GoalStatus::BudgetLimited).await;
    assert_eq!(world.inbox("/root/a").await.len(), 0, "the first was taken, and there is no second");
    let objective = Some(goal("all of it").objective);
    world.patch("/root/a", GoalPatch { objective, ..GoalPatch::default() }).await.unwrap();
    assert_eq!(world.inbox("/root/a").await.len(), 0, "nor when something else of it is changed");
    world.patch("/root/a", GoalPatch::raise(40)).await.unwrap();
    world.patch("/root/a", GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    for _ in 0..2 {
        world.assign("/root/a", "10").await.unwrap();
    }
    until(async || world.goal("/root/a").await.goal.status == GoalStatus::BudgetLimited).await;
    assert_eq!(world.inbox("/root/a").await.len(), 0, "nor after it was paused in between");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_without_a_budget_counts_against_the_nearest_above_that_has_one() {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    world.endow_paused("/root/a/b", "pays", goal("part")).await;
    world.spawn("/root/a/b/c", "pays").await;
    world.assign("/root/a/b/c", "30").await.unwrap();
    assert_eq!(world.stands("/root/a/b").await, ("paused", 30, 0, None));
    assert_eq!(world.stands("/root/a").await, ("active", 30, 0, Some(70)));
    // With a budget of its own it holds only what is not counted there yet.
    world.patch("/root/a/b", tokens(50)).await.unwrap();
    assert_eq!(world.stands("/root/a/b").await, ("paused", 30, 0, Some(20)));
    assert_eq!(world.stands("/root/a").await, ("active", 30, 20, Some(50)));
    world.assign("/root/a/b/c", "25").await.unwrap();
    until(async || world.goal("/root/a/b").await.goal.status == GoalStatus::BudgetLimited).await;
    assert_eq!(
        world.stands("/root/a").await,
        ("active", 30, 25, Some(45)),
        "what it overshoots is not there for others"
    );
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_most_a_goal_may_have_holds_when_it_is_set_changed_and_cleared() {
    let world = paying().limits(|limits| limits.goal_budget = Some(100)).open().await;
    let refused = "limit goal_budget of 100 is reached at /root/a: ask for less";
    let error = world.endow("/root/a", None, goal("all").within(101)).await.unwrap_err();
    assert_eq!(error.to_string(), refused);
    world.endow("/root/a", None, goal("all")).await.unwrap();
    assert_eq!(world.goal("/root/a").await.goal.budget, Some(100));
    assert_eq!(world.patch("/root/a", tokens(101)).await.unwrap_err().to_string(), refused);
    world.patch("/root/a", tokens(50)).await.unwrap();
    let unlimited = GoalPatch { budget: Budget::Unlimited, ..GoalPatch::default() };
    world.patch("/root/a", unlimited).await.unwrap();
    assert_eq!(world.goal("/root/a").await.goal.budget, Some(100));
    world.endow("/root/a/b", None, goal("part")).await.unwrap();
    assert_eq!(world.goal("/root/a/b").await.goal.budget, None, "the one above bounds it");
    let zero = world.patch("/root/a", tokens(0)).await.unwrap_err().to_string();
    assert_eq!(zero, "a goal of /root/a cannot have a budget of 0 tokens: pause it, or clear it");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_goals_than_the_limit() {
    let world = paying().limits(|limits| limits.goals = 1).open().await;
    world.endow("/root/a", None, goal("x")).await.unwrap();
    let error = world.endow("/root/b", None, goal("x")).await.unwrap_err();
    assert_eq!(error.to_string(), "limit goals of 1 is reached at /root: clear goals that are complete");
    world.spawn("/root/b", "pays").await;
    assert!(world.system.create_goal(&at("/root/b"), goal("x")).await.is_err());
    world.system.clear_goal(&at("/root/a")).await.unwrap();
    world.system.create_goal(&at("/root/b"), goal("x")).await.unwrap();
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn of_many_who_take_from_one_budget_at_once_as_many_get_it_as_it_has() {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    let paths: Vec<String> = (0..40).map(|n| format!("/root/a/n{n}")).collect();
    let asked = paths.iter().map(|path| world.endow(path, None, goal("part").within(7)));
    let given = futures::future::join_all(asked).await;
    assert_eq!(given.iter().filter(|given| given.is_ok()).count(), 14);
    assert_eq!(world.stands("/root/a").await, ("active", 0, 98, Some(2)));
    world.sound().await;
    world.end().await;
}

/// What the refused commit had claimed is free again for the one that follows it.
#[tokio::test(start_paused = true)]
async fn a_budget_is_taken_once_though_the_commit_that_takes_it_is_made_again() {
    let slow = Slow::new();
    let world = paying().limits(|limits| limits.goals = 2).open_on(slow.clone()).await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    slow.begin(1);
    world.endow("/root/a/b", None, goal("part").within(60)).await.unwrap();
    assert_eq!(slow.asked.load(Ordering::SeqCst), 2);
    assert_eq!(world.stands("/root/a").await, ("active", 0, 60, Some(40)));
    world.sound().await;
    world.end().await;
}
