//! What a job may use: it stops starting rows once that is used up, lets those that run finish, and says so.

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{Spent, Usage};

use super::crashes::{WITHIN, at_every_commit};
use super::table::Table;
use super::world::{Setting, World, pass, until};
use crate::Error;
use crate::brain::{BrainError, Response, Turn};
use crate::job::{JobRequest, LimitsChange};

const COST: Usage = Usage { input_tokens: 70, cached_tokens: 500, output_tokens: 30 };

/// Each row takes ten seconds and 100 tokens; the second fails at first, which costs nothing that is told.
fn setting() -> Setting {
    World::setting().brain("costly", |turn: Turn| async move {
        tokio::time::timeout(Duration::from_secs(10), std::future::pending::<()>()).await.unwrap_err();
        match turn.row().map(|row| (row.number, row.run)) {
            Some((2, 1)) => Err(BrainError::refused("not yet")),
            _ => Ok(Response { usage: COST, ..Response::report("{}") }),
        }
    })
}

fn request(table: &Table, concurrency: u32) -> JobRequest {
    JobRequest { name: None, concurrency, ..table.request("costly") }
}

/// Waits until a job has paused and nothing of it runs; what it says, how many rows are done, and what it has used.
async fn stopped(world: &World, job: &AgentPath) -> (String, u32, Spent) {
    loop {
        let found = world.system.job(job).await.unwrap().job;
        match found.pause {
            Some(pause) if found.counts.running == 0 => return (pause.reason, found.counts.done(), found.spent),
            _ => pass(1).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_stops_where_its_runs_tokens_or_time_are_used_up() {
    let table = Table::of(10);
    let turns = JobRequest { turns: Some(5), ..request(&table, 2) };
    let tokens = JobRequest { tokens: Some(250), ..request(&table, 1) };
    let time = JobRequest { within: Some(Duration::from_secs(25)), ..request(&table, 1) };
    // The second row's first run is one of them, and tells of no tokens.
    for (request, reason, done, spent) in [
        (turns, "its budget of 5 turns is used up", 4, Spent { turns: 5, tokens: 400 }),
        (tokens, "its budget of 250 tokens is used up, by 300", 3, Spent { turns: 4, tokens: 300 }),
        (time, "its time is up", 2, Spent { turns: 3, tokens: 200 }),
    ] {
        let world = setting().open().await;
        let job = world.system.start_job(request).await.unwrap().job.path;
        // The table is read by other threads, whom the paused clock does not wait for.
        until(async || world.system.job(&job).await.unwrap().job.counts.running > 0).await;
        assert_eq!(stopped(&world, &job).await, (reason.to_owned(), done, spent));
        let (turns, tokens, within) = (Some(0), Some(0), Some(Duration::ZERO));
        world.system.set_job(&job, &LimitsChange { concurrency: Some(4), ..LimitsChange::default() }).await.unwrap();
        assert_eq!(stopped(&world, &job).await, (reason.to_owned(), done, spent), "it may use no more than before");
        world.system.set_job(&job, &LimitsChange { concurrency: None, turns, tokens, within }).await.unwrap();
        let view = world.job_over(&job).await;
        assert_eq!((view.job.counts.completed, view.job.spent), (10, Spent { turns: 11, tokens: 1_000 }));
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_gets_by_with_what_it_may_use_is_not_paused() {
    let (world, table) = (setting().open().await, Table::of(3));
    let job = world.system.start_job(JobRequest { turns: Some(4), ..request(&table, 2) }).await.unwrap().job.path;
    let view = world.job_over(&job).await;
    assert_eq!((view.job.pause, view.job.spent.turns), (None, 4));
    world.end().await;
}

/// A job of four rows and three turns, raised once it has stopped.
async fn host(world: &World, table: &Table) -> Result<AgentPath, Error> {
    let job = world.system.start_job(JobRequest { turns: Some(3), ..request(table, 2) }).await?.job.path;
    let stands = async || world.system.job(&job).await.map(|view| view.job);
    while stands().await?.unfinished() {
        if stands().await?.pause.is_some() {
            world.system.set_job(&job, &LimitsChange { turns: Some(0), ..LimitsChange::default() }).await?;
        }
        // Unlike a clock that is moved, this one stands while the table is read by other threads.
        if let Ok(finished) = tokio::time::timeout(Duration::from_secs(5), world.system.job_finished(&job)).await {
            finished?;
        }
    }
    Ok(job)
}

#[test]
fn every_run_is_counted_once_whatever_commit_the_process_dies_at() {
    let table = Table::of(4);
    let commits = at_every_commit(
        async |faulty| {
            let _ = std::fs::remove_file(table.output_path());
            let Ok(world) = setting().try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &table)).await;
            assert!(!matches!(outcome, Ok(Err(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let world = setting().over(rows).open().await;
            let job = tokio::time::timeout(WITHIN, host(&world, &table)).await.unwrap().unwrap();
            world.check_job(&job).await;
            let runs: u32 = world.items(&job).await.iter().map(|view| view.item.run).sum();
            assert_eq!(world.system.job(&job).await.unwrap().job.spent.turns, u64::from(runs), "{point:?}");
            world.end().await;
        },
    );
    assert!(commits >= 10, "{commits} commits");
}
