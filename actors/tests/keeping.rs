//! The transcripts of rows: nobody's, those of rows that failed, or everybody's.

use std::sync::Arc;
use std::time::Duration;

use understory_store::{FaultyBackend, Keep, MemoryBackend, Table as Rows, TranscriptEntry};

use super::crashes::{WITHIN, at_every_commit};
use super::table::Table;
use super::world::{Setting, World, at};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Error, Role};

/// Each run creates a helper; the second row never succeeds, the first does with its second run.
fn setting() -> Setting {
    World::setting().role("default", Role::with_brain("echo", "")).brain("worker", |turn: Turn| async move {
        let row = turn.row().expect("an item's turn has a row");
        let (number, run) = (row.number, row.run);
        turn.spawn("kid", None).await.map_err(|error| BrainError::refused(error.to_string()))?;
        match (number, run) {
            (2, _) | (1, 1) => Err(BrainError::refused(format!("not run {run}"))),
            _ => Ok(Response::report(format!("{{\"row\":{number}}}"))),
        }
    })
}

fn request(table: &Table, keep: Keep) -> JobRequest {
    JobRequest { keep, template: Some("do {n}".to_owned()), attempts: 2, name: None, ..table.request("worker") }
}

async fn host(world: &World, table: &Table, keep: Keep) -> Result<(), Error> {
    let job = world.system.start_job(request(table, keep)).await?.job.path;
    world.system.job_finished(&job).await?;
    Ok(())
}

/// What is kept of a row, an entry a word or two.
async fn kept(world: &World, item: &str) -> Vec<String> {
    let told = |entry| match entry {
        TranscriptEntry::Message { turn, message } => format!("{turn} asked {}", message.text),
        TranscriptEntry::Tool(tool) => format!("{} {}", tool.turn, tool.name),
        TranscriptEntry::Result(result) => format!("{} {} is {}", result.turn, result.name, result.done),
        TranscriptEntry::Answer { turn, result, content, .. } => format!("{turn} {} {content}", result.as_str()),
        other => format!("{other:?}"),
    };
    world.rows::<TranscriptEntry>(Rows::Transcript, item).await.into_iter().map(told).collect()
}

/// A helper that an earlier run made is there already: the second call changes nothing.
const FAILED: [&str; 8] = [
    "1 asked do 2",
    "1 spawn",
    "1 spawn is true",
    "1 errored not run 1",
    "2 asked do 2",
    "2 spawn",
    "2 spawn is true",
    "2 errored not run 2",
];

#[tokio::test(start_paused = true)]
async fn as_much_is_kept_as_was_asked_for() {
    let retried = [
        "1 asked do 1",
        "1 spawn",
        "1 spawn is true",
        "1 errored not run 1",
        "2 asked do 1",
        "2 spawn",
        "2 spawn is true",
        "2 completed {\"row\":1}",
    ];
    let done = ["1 asked do 3", "1 spawn", "1 spawn is true", "1 completed {\"row\":3}"];
    for (keep, expected) in [
        (Keep::None, [&[] as &[&str], &[], &[]]),
        (Keep::Failed, [&[], &FAILED, &[]]),
        (Keep::All, [&retried, &FAILED, &done]),
    ] {
        let (world, table) = (setting().open().await, Table::of(3));
        let request = JobRequest { name: Some("job".to_owned()), ..request(&table, keep) };
        world.run_job(request).await;
        for (number, expected) in (1..).zip(expected) {
            let item = format!("/root/job/r0000000{number}");
            assert_eq!(kept(&world, &item).await, expected, "{keep:?}, row {number}");
        }
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn mail_that_a_run_takes_is_kept_before_it_is_given() {
    let world = World::setting().brain("worker", |turn: Turn| async move {
        let mut told = Vec::new();
        while told.is_empty() {
            told = turn.take_mail().await.map_err(|error| BrainError::refused(error.to_string()))?;
            tokio::task::yield_now().await;
        }
        Ok(Response::report("{}"))
    });
    let (world, table) = (world.open().await, Table::of(1));
    let request = JobRequest { keep: Keep::All, ..table.request("worker") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    super::world::until(async || world.send("/root/job/r00000001", "more").await.is_ok()).await;
    world.job_over(&job).await;
    let kept = kept(&world, "/root/job/r00000001").await;
    assert_eq!(kept[1..], ["1 asked more", "1 completed {}"], "{}", kept[0]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_of_many_rows_goes_in_few_commits() {
    const ROWS: u32 = 32;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let world = World::setting().brain("worker", move |_| {
        let held = held.clone();
        async move {
            held.acquire().await.expect("never closed").forget();
            Ok(Response::report("{}"))
        }
    });
    let (world, table) = (world.open().await, Table::of(ROWS));
    let request = JobRequest { concurrency: ROWS, name: None, ..request(&table, Keep::Failed) };
    let job = world.system.start_job(request).await.unwrap().job.path;
    let asked = async || {
        let kept = world.store().peek_keys(Rows::Transcript.beneath(&job), None, 99).await.unwrap();
        kept.len() == ROWS as usize
    };
    super::world::until(asked).await;
    let before = world.store().last();
    gate.add_permits(ROWS as usize);
    world.job_over(&job).await;
    let commits = world.store().last() - before;
    assert!(commits < u64::from(ROWS) / 2, "{commits} commits for {ROWS} rows");
    assert!(world.store().peek_keys(Rows::Transcript.beneath(&job), None, 9).await.unwrap().is_empty());
    world.end().await;
}

#[test]
fn what_is_kept_survives_a_crash_at_every_commit() {
    for keep in [Keep::Failed, Keep::All] {
        let table = Table::of(3);
        let commits = at_every_commit(
            async |faulty: Arc<FaultyBackend<MemoryBackend>>| {
                let _ = std::fs::remove_file(table.output_path());
                let Ok(world) = setting().try_open_on(faulty.clone()).await else { return };
                let outcome = tokio::time::timeout(WITHIN, host(&world, &table, keep)).await;
                assert!(matches!(outcome, Ok(Ok(()))) || faulty.failed(), "{outcome:?}");
                world.abandon();
            },
            async |rows, point| {
                let world = setting().over(rows).open().await;
                tokio::time::timeout(WITHIN, host(&world, &table, keep)).await.unwrap().unwrap();
                let job = world.system.jobs(&at("/root"), None, 9).await.unwrap().remove(0);
                for view in world.items(&job.path).await {
                    let item = format!("{}/r{:08}", job.path, view.number);
                    let kept = kept(&world, &item).await;
                    let ends = kept.iter().filter(|entry| entry.contains(" errored ")).count();
                    match (keep, view.status) {
                        (Keep::Failed, "completed") => assert_eq!(kept, [""; 0], "{point:?}"),
                        (_, "failed") => assert_eq!(ends, view.item.failures as usize, "{point:?}: {kept:?}"),
                        (_, status) => {
                            assert_eq!(status, "completed", "{point:?}");
                            let last = kept.last().unwrap();
                            assert!(last.contains(" completed "), "{point:?}: {kept:?}");
                        }
                    }
                }
                let _ = world.system.shutdown(Duration::from_secs(1)).await;
                world.abandon();
            },
        );
        assert!(commits >= 10, "{commits} commits");
    }
}
