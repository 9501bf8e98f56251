//! Jobs that are paused, unpaused and given other limits while they run and while they do not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use understory_paths::AgentPath;
use understory_store::JobLimits;

use super::table::{Table, number};
use super::world::{LONG, Setting, World, at, until};
use crate::brain::BrainError;
use crate::error::chain;
use crate::job::{JobRequest, LimitsChange};

/// A world whose brain `slow` works on a row for each permit.
fn slow() -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = World::setting().brain("slow", move |turn| {
        let given = given.clone();
        async move {
            tokio::select! {
                permit = given.acquire() => {
                    permit.expect("never closed").forget();
                    number(&turn)
                }
                () = turn.cancelled() => Err(BrainError::refused("cancelled")),
            }
        }
    });
    (setting, permits)
}

async fn started(world: &World, table: &Table) -> AgentPath {
    let request = JobRequest { concurrency: 4, ..table.request("slow") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    stands(world, "4 running, 0 done").await;
    job
}

/// Waits until the job stands so and nobody has anything to do.
async fn stands(world: &World, expected: &str) {
    until(async || told(world).await == expected).await;
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(told(world).await, expected);
}

async fn told(world: &World) -> String {
    let counts = world.system.job(&at("/root/job")).await.unwrap().job.counts;
    format!("{} running, {} done", counts.running, counts.done())
}

#[tokio::test(start_paused = true)]
async fn a_paused_job_starts_nothing_and_lets_what_runs_finish() {
    let (setting, permits) = slow();
    let world = setting.open().await;
    let job = started(&world, &Table::of(10)).await;
    assert!(world.system.pause_job(&job, "lunch").await.unwrap());
    permits.add_permits(100);
    stands(&world, "0 running, 4 done").await;
    let view = world.system.job(&job).await.unwrap();
    assert_eq!((view.job.state.as_str(), view.job.pause.unwrap().reason), ("running", "lunch".to_owned()));
    // Nothing wakes it but its unpausing.
    world.system.run(&job).await.unwrap();
    world.system.resume_job(&job).await.unwrap();
    stands(&world, "0 running, 4 done").await;
    assert!(world.system.unpause_job(&job).await.unwrap());
    assert!(!world.system.unpause_job(&job).await.unwrap(), "it is not paused any more");
    assert_eq!(world.job_over(&job).await.job.counts.completed, 10);
    let refused = world.system.pause_job(&job, "late").await.unwrap_err();
    assert_eq!(chain(&refused), "/root/job: the job cannot be paused: it is completed");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_lasts_over_a_shutdown_and_is_on_record_without_anybody_running_the_job() {
    let (setting, permits) = slow();
    let world = setting.open().await;
    let job = started(&world, &Table::of(10)).await;
    let backend = world.backend.clone();
    world.end().await;
    let (setting, _) = slow();
    let world = setting.over(backend.clone()).open().await;
    assert!(world.system.pause_job(&job, "lunch").await.unwrap());
    assert!(!world.system.pause_job(&job, "lunch").await.unwrap(), "it is so already");
    // There is nothing to do in what is paused.
    assert!(world.system.run_to_rest(&at("/root")).await.unwrap().is_empty());
    stands(&world, "0 running, 0 done").await;
    world.end().await;
    let (setting, _) = slow();
    drop(permits);
    let world = setting.over(backend).open().await;
    assert!(world.system.unpause_job(&job).await.unwrap());
    stands(&world, "0 running, 0 done").await;
    world.system.close(&job, LONG).await.unwrap();
    let refused = world.system.pause_job(&job, "lunch").await.unwrap_err().to_string();
    assert_eq!(refused, "/root/job is closed");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_a_paused_job() {
    let (setting, permits) = slow();
    let world = setting.open().await;
    let job = started(&world, &Table::of(10)).await;
    world.system.pause_job(&job, "lunch").await.unwrap();
    permits.add_permits(4);
    stands(&world, "0 running, 4 done").await;
    assert!(world.system.cancel_job(&job).await.unwrap());
    assert_eq!(world.job_over(&job).await.job.state.as_str(), "cancelled");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_running_job_follows_other_limits_at_once() {
    let (setting, permits) = slow();
    let world = setting.limits(|limits| limits.turns = 8).open().await;
    let job = started(&world, &Table::of(30)).await;
    let set = async |concurrency| {
        let change = LimitsChange { concurrency: Some(concurrency), ..LimitsChange::default() };
        world.system.set_job(&job, &change).await
    };
    assert!(set(6).await.unwrap());
    stands(&world, "6 running, 0 done").await;
    assert!(!set(6).await.unwrap(), "it is so already");
    // No more than there are turn slots.
    assert!(set(100).await.unwrap());
    stands(&world, "8 running, 0 done").await;
    assert_eq!(world.system.job(&job).await.unwrap().job.limits.concurrency, 8);
    assert!(set(2).await.unwrap());
    permits.add_permits(5);
    stands(&world, "3 running, 5 done").await;
    permits.add_permits(2);
    stands(&world, "2 running, 7 done").await;
    assert_eq!(chain(&set(0).await.unwrap_err()), "/root/job: a job works on one row at once at the least");
    permits.add_permits(100);
    world.job_over(&job).await;
    assert_eq!(chain(&set(3).await.unwrap_err()), "/root/job: the job cannot be given other limits: it is completed");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn limits_that_are_not_named_stay_and_nought_lifts_them() {
    let (setting, _) = slow();
    let world = setting.open().await;
    let job = started(&world, &Table::of(5)).await;
    let set = async |change: LimitsChange| {
        world.system.set_job(&job, &change).await.unwrap();
        world.system.job(&job).await.unwrap().job.limits
    };
    let all =
        LimitsChange { concurrency: Some(3), turns: Some(40), tokens: Some(50), within: Some(Duration::from_secs(60)) };
    let until = Some(world.system.clock.now().after(Duration::from_secs(60)));
    let expected = JobLimits { concurrency: 3, turns: Some(40), tokens: Some(50), until };
    assert_eq!(set(all).await, expected);
    let some = LimitsChange { tokens: Some(0), ..LimitsChange::default() };
    assert_eq!(set(some).await, JobLimits { tokens: None, ..expected });
    let rest = LimitsChange { turns: Some(0), within: Some(Duration::ZERO), ..LimitsChange::default() };
    assert_eq!(set(rest).await, JobLimits { concurrency: 3, ..JobLimits::default() });
    world.end().await;
}
