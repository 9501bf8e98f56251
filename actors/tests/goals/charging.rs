//! What turns are charged to, once each.

use std::sync::Arc;

use tokio::sync::{Barrier, Semaphore};
use understory_store::Usage;

use super::*;
use crate::tests::world::until;

#[tokio::test(start_paused = true)]
async fn a_turn_is_charged_to_the_nearest_goal_at_or_above_it_with_its_end() {
    let world = paying().open().await;
    world.spawn("/root/free", "pays").await;
    world.endow_paused("/root/a", "pays", goal("all")).await;
    world.spawn("/root/a/b", "pays").await;
    world.endow_paused("/root/a/b/c", "pays", goal("part")).await;
    world.assign("/root/free", "1").await.unwrap();
    world.assign("/root/a", "10").await.unwrap();
    world.assign("/root/a/b", "100").await.unwrap();
    world.assign("/root/a/b/c", "1000").await.unwrap();
    world.assign("/root/a/b/c", "0").await.unwrap();
    assert_eq!((world.stands("/root/a").await.1, world.stands("/root/a/b/c").await.1), (110, 1000));
    assert_eq!(
        (world.log("/root/a").await, world.log("/root/a/b/c").await),
        (2, 1),
        "what costs nothing is not charged"
    );
    assert!(world.system.goal(&at("/root/free")).await.unwrap().is_none());
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_tools_that_end_together_charge_a_goal_once() {
    let tells = |turn: Turn| async move {
        let cost = Usage { input_tokens: 70, cached_tokens: 500, output_tokens: 30 };
        let tell = |_| {
            let turn = turn.clone();
            tokio::spawn(async move { turn.used(cost) })
        };
        futures::future::join_all((0..50).map(tell)).await;
        Ok(Response::text("done"))
    };
    let world = World::setting().brain("tells", tells).open().await;
    world.endow_paused("/root/a", "tells", goal("all").within(1000)).await;
    for used in [100, 200] {
        world.assign("/root/a", "go").await.unwrap();
        assert_eq!(world.stands("/root/a").await.1, used);
    }
    world.end().await;
}

/// They tell more than once what they cost, from several threads, and end at once, round after round.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_turns_that_end_together_charge_a_goal_once_each() {
    const AGENTS: u64 = 50;
    const ROUNDS: u64 = 6;
    let usage = |input_tokens| Usage { input_tokens, cached_tokens: 1000, ..Usage::default() };
    let together = Arc::new(Barrier::new(50));
    let tells = move |turn: Turn| {
        let together = together.clone();
        async move {
            let cost = turn.text().parse().unwrap();
            turn.used(usage(cost / 2));
            together.wait().await;
            let tell = |_| {
                let turn = turn.clone();
                tokio::spawn(async move { turn.used(usage(cost)) })
            };
            futures::future::join_all((0..8).map(tell)).await;
            together.wait().await;
            // Some say it with their answer once more.
            let said = if cost % 2 == 0 { usage(cost) } else { Usage::default() };
            Ok(Response { usage: said, ..Response::text("done") })
        }
    };
    let cost = |agent: u64, round: u64| 1 + (agent * 7 + round * 31) % 97;
    let total = (0..ROUNDS).flat_map(|round| (0..AGENTS).map(move |agent| cost(agent, round))).sum();
    let world = World::setting().brain("tells", tells).open().await;
    world.endow("/root/a", None, goal("all").within(total)).await.unwrap();
    let paths: Vec<String> = (0..AGENTS).map(|agent| format!("/root/a/n{agent}")).collect();
    for path in &paths {
        world.spawn(path, "tells").await;
    }
    let mut used = 0;
    for round in 0..ROUNDS {
        let asked = paths.iter().zip(0..).map(|(path, agent)| {
            used += cost(agent, round);
            let (world, text) = (&world, cost(agent, round).to_string());
            async move { world.assign(path, &text).await.unwrap() }
        });
        futures::future::join_all(asked).await;
        assert_eq!(world.stands("/root/a").await.1, used, "round {round}");
    }
    until(async || world.stands("/root/a").await == ("budget_limited", total, 0, Some(0))).await;
    world.sound().await;
    let backend = world.backend.clone();
    world.end().await;
    let world = World::setting().over(backend).open().await;
    assert_eq!(world.stands("/root/a").await, ("budget_limited", total, 0, Some(0)));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_agents_at_once_add_up_to_the_token() {
    a_thousand_agents(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_agents_with_a_goal_each_add_up_to_the_token_on_several_threads() {
    a_thousand_agents(1).await;
}

/// As many agents, of which every so manyth has a goal of its own, and every second of those a budget.
async fn a_thousand_agents(every: usize) {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("all").within(1_000_000)).await.unwrap();
    let cost = |n: usize| 1 + n as u64 % 97;
    let used: u64 = (0..1000).map(cost).sum();
    let born = (0..1000).map(|n| {
        let brain = BrainChoice { name: "pays".to_owned(), settings: String::new() };
        let own = goal("part");
        let own = (n % every == 0).then(|| if n % (2 * every) == 0 { own.within(500) } else { own });
        let task = Some(cost(n).to_string());
        SpawnRequest { brain: Some(brain), goal: own, task, ..SpawnRequest::at(at(&format!("/root/a/n{n}"))) }
    });
    let born: Vec<_> = born.collect();
    for batch in born.chunks(50) {
        world.system.spawn(batch.to_vec()).await.unwrap();
    }
    for n in (0..1000).step_by(every) {
        world.patch(&format!("/root/a/n{n}"), GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    }
    world.system.run_to_rest(&at("/root")).await.unwrap();
    let sum = async |world: &World| {
        let mut sum = 0;
        for view in world.system.goals_below(&at("/root/a"), None, 10_000).await.unwrap() {
            // What those without a budget used lies in the goal above, too.
            sum += if view.path != at("/root/a") && view.goal.budget.is_none() { 0 } else { view.used };
        }
        sum
    };
    assert_eq!(sum(&world).await, used);
    world.sound().await;
    let backend = world.backend.clone();
    world.end().await;
    // As the next process finds it.
    let world = paying().over(backend).open().await;
    assert_eq!(sum(&world).await, used);
    for n in (0..1000).step_by(every) {
        let path = format!("/root/a/n{n}");
        assert_eq!(world.stands(&path).await.1, cost(n), "{path}");
        world.system.clear_goal(&at(&path)).await.unwrap();
    }
    assert_eq!(world.stands("/root/a").await, ("active", used, 0, Some(1_000_000 - used)));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_is_counted_before_it_is_long() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("all")).await;
    for _ in 0..70 {
        world.assign("/root/a", "2").await.unwrap();
    }
    until(async || world.log("/root/a").await < 64).await;
    let view = world.goal("/root/a").await;
    assert!(view.goal.used() >= 128, "{}", view.goal.used());
    assert_eq!(view.used, 140);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_meant_for_a_goal_that_is_gone_is_charged_above_only() {
    let go = Arc::new(Semaphore::new(0));
    let let_on = go.clone();
    let waits = move |_: Turn| {
        let go = go.clone();
        async move {
            go.acquire().await.unwrap().forget();
            Ok(costing(30, "done"))
        }
    };
    let world = World::setting().brain("waits", waits).open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    world.endow_paused("/root/a/b", "waits", goal("first").within(50)).await;
    let b = at("/root/a/b");
    for replaced in [false, true] {
        let turns = world.agent("/root/a/b").await.turns;
        world.ask("/root/a/b", "go").await.unwrap();
        world.system.run(&b).await.unwrap();
        until(async || world.status("/root/a/b").await == "running").await;
        let used = world.stands("/root/a").await.1;
        world.system.clear_goal(&b).await.unwrap();
        if replaced {
            world.system.create_goal(&b, goal("second").within(20)).await.unwrap();
            // It is charged for what the turn uses from here on, and it has told nothing yet.
            let patch = GoalPatch::to(GoalStatus::Paused);
            world.patch("/root/a/b", patch).await.unwrap();
        }
        let_on.add_permits(1);
        until(async || world.agent("/root/a/b").await.turns > turns).await;
        if replaced {
            until(async || world.goal("/root/a/b").await.goal.status == GoalStatus::BudgetLimited).await;
            assert_eq!(world.stands("/root/a/b").await.1, 30);
        } else {
            assert_eq!(world.stands("/root/a").await, ("active", used + 30, 0, Some(70)));
            world.system.create_goal(&b, goal("again").within(50)).await.unwrap();
            world.patch("/root/a/b", GoalPatch::to(GoalStatus::Paused)).await.unwrap();
        }
    }
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_a_turn_sets_is_charged_for_what_comes_after_it() {
    let sets = |turn: Turn| async move {
        let told = |input_tokens| turn.used(Usage { input_tokens, ..Usage::default() });
        told(40);
        if turn.goal().is_none() {
            turn.create_goal("go on").await.unwrap();
        }
        told(55);
        turn.complete_goal("done").await.unwrap();
        told(60);
        Ok(Response::text("done"))
    };
    let world = World::setting().brain("sets", sets).open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    world.spawn("/root/a/b", "sets").await;
    world.assign("/root/a/b", "go").await.unwrap();
    // Of the turn that completes it, all that came after it was set.
    assert_eq!(world.stands("/root/a/b").await, ("complete", 20, 0, None));
    assert_eq!(world.stands("/root/a").await, ("active", 60, 0, Some(40)));
    world.sound().await;
    world.end().await;
}
