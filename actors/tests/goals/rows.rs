//! What the runs of a job are charged to, once each, and what a job does whose goal has nothing left.

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::Usage;

use super::*;
use crate::brain::BrainError;
use crate::job::JobRequest;
use crate::tests::crashes::{WITHIN, at_every_commit};
use crate::tests::table::Table as Rows;
use crate::tests::world::until;

/// Each row costs 10 tokens; the second says so of its first run, which fails.
fn costly() -> Setting {
    World::setting().brain("costly", |turn: Turn| async move {
        let usage = Usage { input_tokens: 10, ..Usage::default() };
        if turn.row().is_some_and(|row| (row.number, row.run) == (2, 1)) {
            turn.used(usage);
            return Err(BrainError::refused("not yet"));
        }
        Ok(Response { usage, ..Response::report("{}") })
    })
}

fn below(path: &str, rows: &Rows, concurrency: u32) -> JobRequest {
    JobRequest { owner: at(path), name: None, concurrency, ..rows.request("costly") }
}

#[tokio::test(start_paused = true)]
async fn fifty_rows_at_once_charge_the_nearest_goal_once_each_and_each_attempt() {
    let (world, rows) = (costly().open().await, Rows::of(50));
    world.endow("/root/a", None, goal("all").within(10_000)).await.unwrap();
    world.endow("/root/a/b", None, goal("part")).await.unwrap();
    world.spawn("/root/a/b/c", "echo").await;
    let job = world.system.start_job(below("/root/a/b/c", &rows, 50)).await.unwrap().job.path;
    let view = world.job_over(&job).await;
    assert_eq!((view.job.counts.completed, view.job.spent.tokens), (50, 510));
    // A goal without a budget is charged, and so is the one above that has one.
    assert_eq!((world.stands("/root/a/b").await.1, world.stands("/root/a").await.1), (510, 510));
    assert!(world.log("/root/a").await < 51, "rows that end together are charged together");
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_goal_has_nothing_left_waits_and_goes_on_when_it_is_raised() {
    let (world, rows) = (costly().open().await, Rows::of(6));
    world.endow("/root/a", None, goal("all").within(30)).await.unwrap();
    let job = world.system.start_job(below("/root/a", &rows, 1)).await.unwrap().job.path;
    let pause = async |world: &World| world.system.job(&job).await.unwrap().job.pause;
    until(async || pause(&world).await.is_some()).await;
    let told = pause(&world).await.unwrap();
    assert_eq!((told.reason.as_str(), told.goal), ("nothing is left of the budget of /root/a", Some(at("/root/a"))));
    assert_eq!(world.stands("/root/a").await.1, 30);
    // Somebody who says that it shall go on changes nothing of that.
    world.system.unpause_job(&job).await.unwrap();
    until(async || pause(&world).await.is_some()).await;
    world.patch("/root/a", GoalPatch::raise(40)).await.unwrap();
    until(async || world.stands("/root/a").await.1 == 40 && pause(&world).await.is_some()).await;
    // What is raised while nobody runs the job is found by the next who does.
    let rest = world.abandon();
    let world = costly().over(rest).open().await;
    assert!(pause(&world).await.is_some());
    world.patch("/root/a", GoalPatch::raise(1_000)).await.unwrap();
    assert!(pause(&world).await.is_none(), "it is as good as gone");
    world.system.run(&at("/root")).await.unwrap();
    let view = world.job_over(&job).await;
    assert_eq!((view.job.counts.completed, view.job.pause, view.job.spent.tokens), (6, None, 70));
    assert_eq!(world.stands("/root/a").await.1, 70);
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_cleared_under_running_rows_leaves_them_to_the_one_above() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let setting = World::setting().brain("costly", move |_: Turn| {
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            Ok(Response { usage: Usage { input_tokens: 10, ..Usage::default() }, ..Response::report("{}") })
        }
    });
    let (world, rows) = (setting.open().await, Rows::of(4));
    world.endow("/root/a", None, goal("all").within(1_000)).await.unwrap();
    world.endow("/root/a/b", None, goal("part").within(500)).await.unwrap();
    let job = world.system.start_job(below("/root/a/b", &rows, 4)).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 4).await;
    gate.add_permits(2);
    until(async || world.stands("/root/a/b").await.1 == 20).await;
    world.system.clear_goal(&at("/root/a/b")).await.unwrap();
    gate.add_permits(2);
    world.job_over(&job).await;
    assert_eq!(world.stands("/root/a").await, ("active", 40, 0, Some(960)));
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_run_has_cost_that_a_close_puts_back_is_charged() {
    let setting = World::setting().brain("costly", |turn: Turn| async move {
        turn.used(Usage { input_tokens: 10, ..Usage::default() });
        turn.cancel().cancelled().await;
        Err(BrainError::refused("cancelled"))
    });
    let (world, rows) = (setting.open().await, Rows::of(3));
    world.endow("/root/a", None, goal("all").within(1_000)).await.unwrap();
    let job = world.system.start_job(below("/root/a", &rows, 3)).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 3).await;
    world.system.close(&job, Duration::from_secs(5)).await.unwrap();
    let view = world.system.job(&job).await.unwrap();
    assert_eq!((view.job.counts.pending, view.job.spent.tokens), (3, 30));
    assert_eq!(world.stands("/root/a").await.1, 30);
    world.sound().await;
    world.end().await;
}

/// Whatever commit the process dies at, a goal has used what the job below it says that its runs have cost.
#[test]
fn rows_under_a_goal() {
    let rows = Rows::of(4);
    let commits = at_every_commit(
        async |faulty| {
            let _ = std::fs::remove_file(rows.output_path());
            let Ok(world) = costly().try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &rows)).await;
            assert!(!matches!(outcome, Ok(Err(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |left, point| {
            let world = costly().over(left).open().await;
            let job = tokio::time::timeout(WITHIN, host(&world, &rows)).await.unwrap().unwrap();
            world.check_job(&job).await;
            let spent = world.system.job(&job).await.unwrap().job.spent.tokens;
            let goal = world.goal("/root/a").await;
            assert_eq!(goal.used, spent, "{point:?}");
            // What a run has cost that the process died in nobody knows.
            assert!(spent >= 40, "{point:?}: {spent}");
            world.sound().await;
            world.end().await;
        },
    );
    assert!(commits >= 10, "{commits} commits");
}

/// A job of four rows, and two attempts at one, under a goal that is raised once.
async fn host(world: &World, rows: &Rows) -> Result<AgentPath, Error> {
    match world.endow("/root/a", None, goal("all").within(30)).await {
        Ok(()) | Err(Error::Exists { .. }) => {}
        Err(error) => return Err(error),
    }
    let job = world.system.start_job(below("/root/a", rows, 2)).await?.job.path;
    while world.system.job(&job).await?.job.unfinished() {
        if world.system.job(&job).await?.job.pause.is_some() {
            world.system.set_goal(&at("/root/a"), GoalPatch::raise(1_000)).await?;
        }
        if let Ok(finished) = tokio::time::timeout(Duration::from_secs(5), world.system.job_finished(&job)).await {
            finished?;
        }
    }
    Ok(job)
}
