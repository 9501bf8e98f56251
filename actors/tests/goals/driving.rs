//! Agents that go on by themselves, and what stops them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use understory_store::{GoalStatus, TurnResult};

use super::*;
use crate::brain::BrainError;
use crate::tests::world::until;

/// A brain that answers a number, another one each time, and completes its goal with the `last`.
fn counting(last: u32) -> Setting {
    let turns = Arc::new(AtomicU32::new(0));
    World::setting().brain("counts", move |turn: Turn| {
        let n = turns.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            if n == last {
                turn.complete_goal("counted").await.unwrap();
            }
            Ok(costing(1, &n.to_string()))
        }
    })
}

async fn rest(world: &World) {
    let root = at("/root");
    let rest = world.system.run_to_rest(&root);
    tokio::time::timeout(Duration::from_secs(100_000), rest).await.expect("it comes to rest").unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_with_a_goal_goes_on_by_itself_until_it_says_that_it_is_reached() {
    let world = counting(5).open().await;
    world.endow("/root/a", Some("counts"), goal("count to five")).await.unwrap();
    assert_eq!(world.system.residents(), 0, "opening and setting start nothing");
    let begun = tokio::time::Instant::now();
    rest(&world).await;
    assert_eq!((world.agent("/root/a").await.turns, world.stands("/root/a").await.0), (5, "complete"));
    assert!(begun.elapsed() >= Duration::from_secs(4), "a second lies between two turns");
    assert_eq!(world.goal("/root/a").await.goal.why, "counted");
    assert_eq!(world.stands("/root/a").await.1, 5);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_set_while_its_agent_idles_has_it_go_on() {
    let world = counting(3).open().await;
    world.spawn("/root/a", "counts").await;
    world.system.run(&at("/root")).await.unwrap();
    world.system.create_goal(&at("/root/a"), goal("count")).await.unwrap();
    until_status(&world, GoalStatus::Complete).await;
    until(async || world.agent("/root/a").await.turns == 3).await;
    world.end().await;
}

async fn until_status(world: &World, status: GoalStatus) {
    let done = async {
        while world.goal("/root/a").await.goal.status != status {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(100_000), done).await.expect("it comes to stand so");
}

#[tokio::test(start_paused = true)]
async fn a_brain_is_told_of_its_goal_each_turn_as_data() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let notes = seen.clone();
    let world = World::setting().brain("reads", move |turn: Turn| {
        let seen = seen.clone();
        async move {
            let goal = turn.goal().expect("it has one");
            let line = (turn.text(), goal.goal.objective.as_str().to_owned(), goal.used, goal.left);
            seen.lock().unwrap().push(line);
            turn.block_goal("enough").await.unwrap();
            Ok(costing(7, "seen"))
        }
    });
    let world = world.open().await;
    world.endow("/root/a", Some("reads"), goal("a <b> & c").within(20)).await.unwrap();
    rest(&world).await;
    world.assign("/root/a", "a question").await.unwrap();
    let seen = notes.lock().unwrap().clone();
    assert!(seen[0].0.contains("<goal>\na &lt;b&gt; &amp; c\n</goal>"), "{}", seen[0].0);
    assert!(seen[0].0.contains("0 of 20 tokens used, 20 left"), "{}", seen[0].0);
    assert_eq!((seen[0].1.as_str(), seen[0].2, seen[0].3), ("a <b> & c", 0, Some(20)));
    assert_eq!((seen[1].0.as_str(), seen[1].2, seen[1].3), ("a question", 7, Some(13)));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_stops_an_agent_says_why() {
    let fails =
        |error: fn() -> BrainError| World::setting().brain("b", move |_| async move { Err::<Response, _>(error()) });
    let same = || World::setting().brain("b", |_| async { Ok(Response::text("still here")) });
    let tired = || {
        let turns = Arc::new(AtomicU32::new(0));
        let other = move |_: Turn| {
            let n = turns.fetch_add(1, Ordering::Relaxed);
            async move { Ok(Response::text(n.to_string())) }
        };
        World::setting().limits(|limits| limits.goal_turns = 4).brain("b", other)
    };
    for (setting, status, why, turns) in [
        (
            fails(|| BrainError::exhausted("come back on monday")),
            "usage_limited",
            "brain exhausted: come back on monday",
            1,
        ),
        (fails(|| BrainError::refused("no")), "blocked", "a turn failed: no", 1),
        (same(), "blocked", "3 turns in a row came to the same answer and used no tool", 3),
        (tired(), "blocked", "4 turns by itself since it was activated, as many as the limit allows", 4),
    ] {
        let world = setting.open().await;
        world.endow("/root/a", Some("b"), goal("go on")).await.unwrap();
        rest(&world).await;
        let view = world.goal("/root/a").await;
        assert_eq!((view.goal.status.as_str(), view.goal.why.as_str()), (status, why));
        assert_eq!(world.agent("/root/a").await.turns, turns, "{why}");
        // Activated, it begins anew.
        world.patch("/root/a", GoalPatch::to(GoalStatus::Active)).await.unwrap();
        rest(&world).await;
        assert!(world.agent("/root/a").await.turns > turns, "{why}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_pauses_a_goal_and_one_with_a_message_does_not() {
    let (began, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (begins, goes) = (began.clone(), go.clone());
    let world = World::setting().brain("waits", move |turn: Turn| {
        let (began, go) = (begins.clone(), goes.clone());
        async move {
            began.add_permits(1);
            tokio::select! {
                () = turn.cancelled() => {}
                permit = go.acquire() => permit.unwrap().forget(),
            }
            Ok(Response::text(turn.text()))
        }
    });
    let world = world.open().await;
    world.endow("/root/a", Some("waits"), goal("wait")).await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    began.acquire().await.unwrap().forget();
    let assigned =
        world.system.assign_interrupting(crate::tests::world::letter("/root/a", "this first", true)).await.unwrap();
    drop(assigned);
    began.acquire().await.unwrap().forget();
    assert_eq!(world.stands("/root/a").await.0, "active");
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    until(async || world.goal("/root/a").await.goal.status == GoalStatus::Paused).await;
    assert_eq!(world.goal("/root/a").await.goal.why, "interrupted by the operator");
    assert_eq!(world.agent("/root/a").await.outcome.unwrap().result, TurnResult::Interrupted);
    assert_eq!(world.system.interruptible(&at("/root/a"), crate::Reach::Node).await.unwrap(), []);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn while_others_work_below_it_an_agent_waits_twice_as_long_each_time() {
    let (go, turns) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
    let (goes, counted) = (go.clone(), turns.clone());
    let world = World::setting()
        .brain("waits", move |turn: Turn| {
            let go = goes.clone();
            async move {
                tokio::select! {
                    () = turn.cancelled() => {}
                    permit = go.acquire() => permit.unwrap().forget(),
                }
                Ok(Response::text("done"))
            }
        })
        .brain("counts", move |_| {
            let n = counted.fetch_add(1, Ordering::Relaxed);
            async move { Ok(costing(1, &n.to_string())) }
        })
        .limits(|limits| limits.linger = Duration::from_secs(1000));
    let world = world.open().await;
    world.endow("/root/a", Some("counts"), goal("go on")).await.unwrap();
    world.spawn("/root/a/b", "waits").await;
    world.ask("/root/a/b", "work").await.unwrap();
    world.system.run(&at("/root/a/b")).await.unwrap();
    until(async || world.status("/root/a/b").await == "running").await;
    world.system.run(&at("/root")).await.unwrap();
    let looks = world.system.goals.clone();
    crate::tests::world::pass(40).await;
    assert_eq!(turns.load(Ordering::Relaxed), 0, "the one below is at work");
    // At 0, 1, 3, 7, 15 and 31 s.
    let wait = || looks.lose_patience(&at("/root/a"), Duration::from_secs(1), Duration::from_secs(300)).as_secs();
    assert_eq!([wait(), wait(), wait(), wait(), wait()], [64, 128, 256, 300, 300]);
    go.add_permits(1);
    until(async || world.goal("/root/a").await.used > 0).await;
    assert_eq!(wait(), 1, "it has done something since");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn time_counts_while_a_goal_is_active_in_a_process_that_runs_it() {
    let world = World::setting().brain("b", |_| async { Ok(Response::text("x")) });
    let world = world.limits(|limits| limits.goal_gap = Duration::from_secs(1000)).open().await;
    world.endow("/root/a", Some("b"), goal("go on")).await.unwrap();
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(world.goal("/root/a").await.seconds, 0, "nobody runs it");
    world.system.run(&at("/root")).await.unwrap();
    tokio::time::advance(Duration::from_millis(70_500)).await;
    assert_eq!(world.goal("/root/a").await.seconds, 70);
    let backend = world.backend.clone();
    world.end().await;
    tokio::time::advance(Duration::from_secs(500)).await;
    let world = World::setting().brain("b", |_| async { Ok(Response::text("x")) }).over(backend);
    let world = world.limits(|limits| limits.goal_gap = Duration::from_secs(1000)).open().await;
    let found = world.goal("/root/a").await.seconds;
    assert!((70..=72).contains(&found), "{found}");
    world.system.run(&at("/root")).await.unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    world.patch("/root/a", GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    tokio::time::advance(Duration::from_secs(500)).await;
    assert_eq!(world.goal("/root/a").await.seconds, found + 10, "paused, it counts no further");
    world.patch("/root/a", GoalPatch::to(GoalStatus::Active)).await.unwrap();
    assert_eq!(world.goal("/root/a").await.seconds, found + 10, "nor does what passed meanwhile when it goes on");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn time_before_a_goal_was_activated_does_not_count() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("later")).await;
    world.system.run(&at("/root")).await.unwrap();
    tokio::time::advance(Duration::from_secs(50)).await;
    world.patch("/root/a", GoalPatch::to(GoalStatus::Active)).await.unwrap();
    assert_eq!(world.goal("/root/a").await.seconds, 0);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_told_of_the_end_and_of_no_step_on_the_way() {
    let world = counting(4).open().await;
    world.spawn("/root/up", "echo").await;
    world.endow("/root/up/a", Some("counts"), goal("count to four")).await.unwrap();
    let settled = world.settled("/root/up/a").await;
    assert!(matches!(settled.standing, crate::Standing::Rests(Some(outcome)) if outcome.content == "4"));
    rest(&world).await;
    let told: Vec<_> = world.turns("/root/up").await.into_iter().flat_map(|(taken, _)| taken).collect();
    assert_eq!(told, ["4"]);
    world.end().await;
}
