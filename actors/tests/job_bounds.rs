//! What a job commits stays within the bounds of a commit, however large the texts of its rows are and however many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use understory_store::{Keep, Table as Rows, TranscriptEntry};

use super::table::{Table, number};
use super::world::{LONG, World, until};
use crate::Role;
use crate::brain::{BrainError, Response, Turn};
use crate::job::{JobRequest, RetryRequest};
use crate::limits::TEXT_MAX;

const ITEM: &str = "/root/job/r00000001";
/// How many of the longest texts do not fit one commit.
const MANY: usize = 17;

/// A table whose rows are almost as long as a record takes; the last cell of each is `pad`.
fn table(rows: u32, pad: &str) -> Table {
    let lines: String = (1..=rows).map(|row| format!("a{row},{pad}\n")).collect();
    Table::text(&format!("id,pad\n{lines}"))
}

fn said(error: impl std::fmt::Display) -> BrainError {
    BrainError::refused(error.to_string())
}

fn long_error() -> BrainError {
    BrainError::refused("e".repeat(4000))
}

/// Sends the one row of a job that runs as much mail as one commit does not delete.
async fn write_much(world: &World) {
    let text = "m".repeat(TEXT_MAX - 1);
    until(async || world.send(ITEM, "first").await.is_ok()).await;
    for _ in 0..MANY {
        world.send(ITEM, &text).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_transcript_that_is_not_kept_goes_in_several_commits() {
    let world = World::setting().brain("reads", |turn: Turn| async move {
        let mut told = 0;
        while told <= MANY {
            told += turn.take_mail().await.map_err(said)?.len();
            tokio::task::yield_now().await;
        }
        number(&turn)
    });
    let (world, table) = (world.open().await, Table::of(1));
    let request = JobRequest { keep: Keep::Failed, ..table.request("reads") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    write_much(&world).await;
    assert_eq!(world.job_over(&job).await.job.counts.completed, 1);
    until(async || world.rows::<TranscriptEntry>(Rows::Transcript, ITEM).await.is_empty()).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn much_mail_that_nobody_took_goes_in_several_commits() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let world = World::setting().brain("deaf", move |turn: Turn| {
        let held = held.clone();
        async move {
            held.acquire().await.expect("never closed").forget();
            number(&turn)
        }
    });
    let (world, table) = (world.open().await, Table::of(1));
    let job = world.system.start_job(table.request("deaf")).await.unwrap().job.path;
    write_much(&world).await;
    gate.add_permits(1);
    assert_eq!(world.job_over(&job).await.job.counts.completed, 1);
    until(async || world.inbox(ITEM).await.is_empty()).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn rows_of_long_records_are_tried_again() {
    let world = World::setting().brain("once", |turn: Turn| async move {
        match turn.number() {
            1 => Err(long_error()),
            _ => number(&turn),
        }
    });
    let (world, table) = (world.open().await, table(240, &"p".repeat(2900)));
    let request = JobRequest { attempts: 1, concurrency: 64, ..table.request("once") };
    let job = world.run_job(request).await.path;
    assert_eq!(world.system.job(&job).await.unwrap().job.counts.failed, 240);
    assert_eq!(world.system.retry_job(&job, &RetryRequest::all()).await.unwrap().rows, 240);
    assert_eq!(world.job_over(&job).await.job.counts.completed, 240);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn running_rows_of_long_records_are_taken_back() {
    const ROWS: u32 = 250;
    let again = Arc::new(AtomicU32::new(0));
    let count = again.clone();
    let world = World::setting().brain("twice", move |turn: Turn| {
        let count = count.clone();
        async move {
            if turn.number() > 1 {
                count.fetch_add(1, Ordering::SeqCst);
                turn.cancelled().await;
            }
            Err::<Response, _>(long_error())
        }
    });
    let (world, table) = (world.open().await, table(ROWS, &"p".repeat(2900)));
    let request = JobRequest { attempts: 3, concurrency: ROWS, ..table.request("twice") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    while again.load(Ordering::SeqCst) < ROWS {
        super::world::pass(1).await;
    }
    world.system.close(&job, LONG).await.unwrap();
    world.check_job(&job).await;
    assert_eq!(world.system.job(&job).await.unwrap().job.counts.pending, ROWS);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn rows_of_long_ids_are_stored() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) });
    let world = world.open().await;
    let lines: String = (1..=240).map(|row| format!("{row}{}\n", "i".repeat(4090))).collect();
    let table = Table::text(&format!("id\n{lines}"));
    assert_eq!(world.run_job(table.request("number")).await.job.counts.completed, 240);
    world.end().await;
}

/// A host may say that a row is given up with the first death, or with fewer than it has had.
#[tokio::test(start_paused = true)]
async fn a_row_that_waits_is_started_however_few_deaths_are_allowed() {
    let world =
        World::setting().limits(|limits| limits.row_crashes = 0).brain("number", |turn| async move { number(&turn) });
    let world = world.open().await;
    let table = Table::of(3);
    assert_eq!(world.run_job(table.request("number")).await.job.counts.completed, 3);
    assert_eq!(world.status("/root/job").await, "completed");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_helper_with_many_below_it_hides_no_other() {
    const BELOW: usize = 1100;
    let world = World::setting()
        .role("default", Role::with_brain("parent", ""))
        .limits(|limits| (limits.children, limits.spawns_per_minute) = (2000, 10_000))
        .brain("parent", move |turn: Turn| async move {
            for child in 0..BELOW {
                turn.spawn(&format!("k{child}"), None).await.map_err(said)?;
            }
            Ok(Response::text("spawned"))
        })
        .brain("boss", move |turn: Turn| async move {
            turn.spawn("a", Some("go")).await.map_err(said)?;
            turn.spawn("b", None).await.map_err(said)?;
            while turn.take_mail().await.map_err(said)?.is_empty() {
                tokio::task::yield_now().await;
            }
            number(&turn)
        });
    let (world, table) = (world.open().await, Table::of(1));
    let job = world.run_job(table.request("boss")).await.path;
    assert_eq!(world.system.job(&job).await.unwrap().job.counts.completed, 1);
    until(async || world.count(ITEM).await == 0).await;
    world.end().await;
}
