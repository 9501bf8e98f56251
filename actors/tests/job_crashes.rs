//! The process dies at each commit of a job's life in turn, before and after it applied; the same command goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{GrowthOrder, OutputFormat};

use super::crashes::at_every_commit;
use super::table::{Table, number};
use super::world::{Setting, World};
use crate::brain::{BrainError, Response};
use crate::job::JobRequest;
use crate::{Error, Role};

const WITHIN: Duration = Duration::from_secs(600);
/// Rows, and how many of them are worked on at once.
const FEW: (usize, u32) = (20, 4);
const MANY: (usize, u32) = (1_000, 64);

/// What workers did in one process: rows started, and rows whose report was acknowledged.
#[derive(Default)]
struct Log {
    started: Vec<u32>,
    told: BTreeSet<u32>,
}

/// Row 3 never succeeds, row 4 succeeds the second time, row 5 has a helper and reports by tool, row 6 has a long result;
/// row 7 is long itself, row 9 is told to come back later; with `stop`, the eighth cancels the job.
fn setting(log: &Arc<Mutex<Log>>, stop: bool) -> Setting {
    let log = log.clone();
    World::setting().role("default", Role::with_brain("echo", "")).brain("worker", move |turn| {
        let log = log.clone();
        let row = turn.row().expect("an item's turn has a row").number;
        log.lock().unwrap().started.push(row);
        async move {
            match row {
                3 => Err(BrainError::refused("never")),
                4 if turn.number() == 1 => Err(BrainError::refused("not yet")),
                5 => {
                    turn.spawn("kid", Some("help")).await.map_err(|error| BrainError::refused(error.to_string()))?;
                    if turn.report("{\"row\":5}", false).await.is_ok() {
                        log.lock().unwrap().told.insert(row);
                    }
                    Ok(Response::text("reported"))
                }
                6 => Ok(Response::report(format!("{{\"row\":6,\"pad\":\"{}\"}}", "x".repeat(9000)))),
                8 if stop => {
                    if turn.report("{\"row\":8}", true).await.is_ok() {
                        log.lock().unwrap().told.insert(row);
                    }
                    Ok(Response::text("stopped"))
                }
                9 if turn.number() == 1 => {
                    let (message, retry_after) = ("slow down".to_owned(), Some(Duration::from_secs(7)));
                    Err(BrainError::Unavailable { message, retry_after })
                }
                _ => number(&turn),
            }
        }
    })
}

fn table(rows: usize) -> Table {
    let mut text = "id,pad\n".to_owned();
    for row in 1..=rows {
        let pad = if row == 7 { "y".repeat(9000) } else { String::new() };
        text.push_str(&format!("a{row},{pad}\n"));
    }
    Table::text(&text)
}

async fn host(world: &World, table: &Table, concurrency: u32, grows: Option<GrowthOrder>) -> Result<AgentPath, Error> {
    let output_format = OutputFormat { grows, ..OutputFormat::default() };
    let request = JobRequest { name: None, concurrency, output_format, ..table.request("worker") };
    let job = world.system.start_job(request).await?.job.path;
    world.system.job_finished(&job).await?;
    Ok(job)
}

fn job_survives((count, concurrency): (usize, u32), stop: bool, grows: Option<GrowthOrder>) {
    let (log, table) = (Arc::new(Mutex::new(Log::default())), table(count));
    let commits = at_every_commit(
        async |faulty| {
            *log.lock().unwrap() = Log::default();
            // A file of an earlier round is not this one's output.
            let _ = std::fs::remove_file(table.output_path());
            let Ok(world) = setting(&log, stop).try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &table, concurrency, grows)).await;
            assert!(matches!(outcome, Ok(Ok(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let told = std::mem::take(&mut log.lock().unwrap().told);
            log.lock().unwrap().started.clear();
            let world = setting(&log, stop).over(rows).open().await;
            let mut done = BTreeSet::new();
            let jobs = world.system.jobs(&AgentPath::root(), None, 9).await.unwrap();
            assert!(jobs.len() <= 1, "{point:?}");
            for job in &jobs {
                world.check_job(&job.path).await;
                let items = world.items(&job.path).await;
                done.extend(items.iter().filter(|view| view.item.state.is_final()).map(|view| view.number));
            }
            assert!(told.is_subset(&done), "{point:?}: told {told:?}, done {done:?}");
            let job = tokio::time::timeout(WITHIN, host(&world, &table, concurrency, grows)).await.unwrap().unwrap();
            assert_eq!(world.system.jobs(&AgentPath::root(), None, 9).await.unwrap().len(), 1, "{point:?}");
            let started: BTreeSet<u32> = log.lock().unwrap().started.iter().copied().collect();
            assert!(started.is_disjoint(&done), "{point:?}: {started:?} were final: {done:?}");
            check(&world, &job, &table, count, stop).await;
            world.end().await;
        },
    );
    assert!(commits >= 10, "{commits} commits");
}

async fn check(world: &World, job: &AgentPath, table: &Table, count: usize, stop: bool) {
    world.check_job(job).await;
    let job_view = world.system.job(job).await.unwrap().job;
    assert_eq!(job_view.state.as_str(), if stop { "cancelled" } else { "completed" });
    let (items, output) = (world.items(job).await, table.output());
    assert_eq!((items.len(), output.len()), (count, count));
    for (view, line) in items.iter().zip(&output) {
        let row = view.number;
        assert_eq!((&line.item_id, line.status.as_str()), (&format!("a{row}"), view.status));
        assert!(view.item.crashes <= 1, "row {row}");
        let expected = match row {
            3 if stop => view.status,
            3 => "failed",
            _ if stop && view.status == "cancelled" => "cancelled",
            // Failed in the middle of a cancel, it is not tried again.
            4 if stop => view.status,
            _ => "completed",
        };
        assert_eq!(view.status, expected, "row {row}");
        if view.status == "completed" {
            assert!(line.result.starts_with(&format!("{{\"row\":{row}")), "row {row}: {:.40}", line.result);
        }
        let failures = match row {
            3 if !stop => 3,
            4 if !stop => view.item.failures.min(1),
            9 => 0,
            _ => view.item.failures,
        };
        assert_eq!(view.item.failures, failures, "row {row}");
    }
    assert_eq!(world.count("/root").await, 0, "helpers are closed");
}

#[test]
fn a_job_survives_a_crash_at_every_commit() {
    job_survives(FEW, false, None);
}

#[test]
fn a_job_of_a_thousand_rows_survives_a_crash_at_every_commit() {
    job_survives(MANY, false, None);
}

#[test]
fn a_cancelled_job_survives_a_crash_at_every_commit() {
    job_survives(FEW, true, None);
}

#[test]
fn a_job_whose_output_grows_survives_a_crash_at_every_commit() {
    job_survives(FEW, false, Some(GrowthOrder::Ends));
}
