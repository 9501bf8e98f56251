//! The process dies at each commit of a job that is paused, given other limits and unpaused: it stands as before the
//! change or as after it, and every row comes to its end once.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use understory_paths::AgentPath;

use super::crashes::{WITHIN, at_every_commit};
use super::table::{Table, number};
use super::world::{Setting, World, at};
use crate::Error;
use crate::job::{JobRequest, LimitsChange};

const ROWS: u32 = 6;
/// How the job stands after each step that was answered: whether it is paused, and how many rows it works on at once.
const STANDS: [(bool, u32); 5] = [(false, 2), (false, 2), (true, 2), (true, 1), (false, 1)];

/// Rows whose workers were called.
type Started = Arc<Mutex<Vec<u32>>>;

/// Each row takes ten seconds, which go by only when everybody else is at rest.
fn setting(started: &Started) -> Setting {
    let started = started.clone();
    World::setting().brain("slow", move |turn| {
        started.lock().unwrap().push(turn.row().expect("an item's turn has a row").number);
        async move {
            tokio::time::timeout(Duration::from_secs(10), std::future::pending::<()>()).await.unwrap_err();
            number(&turn)
        }
    })
}

fn request(table: &Table) -> JobRequest {
    JobRequest { concurrency: 2, ..table.request("slow") }
}

fn one_at_once() -> LimitsChange {
    LimitsChange { concurrency: Some(1), ..LimitsChange::default() }
}

/// Starts the job, changes it while two rows run, and waits for its end; counts the steps that were answered.
async fn host(world: &World, table: &Table, steps: &Cell<usize>) -> Result<AgentPath, Error> {
    let answered = || steps.set(steps.get() + 1);
    let job = world.system.start_job(request(table)).await?.job.path;
    answered();
    while world.system.job(&job).await?.job.counts.running < 2 {
        tokio::task::yield_now().await;
    }
    assert!(world.system.pause_job(&job, "lunch").await?);
    answered();
    assert!(world.system.set_job(&job, &one_at_once()).await?);
    answered();
    assert!(world.system.unpause_job(&job).await?);
    answered();
    world.system.job_finished(&job).await?;
    Ok(job)
}

/// Goes on with whatever a dead process left, paused or not.
async fn go_on(world: &World, table: &Table) -> AgentPath {
    let job = at("/root/job");
    match world.system.job(&job).await {
        Ok(view) if view.job.unfinished() => {
            world.system.resume_job(&job).await.unwrap();
            if view.job.pause.is_some() {
                assert!(world.system.unpause_job(&job).await.unwrap());
            }
        }
        Ok(_) => {}
        Err(_) => drop(world.system.start_job(request(table)).await.unwrap()),
    }
    world.job_over(&job).await;
    job
}

#[test]
fn a_job_that_is_changed_survives_a_crash_at_every_commit() {
    let (started, table, steps) = (Started::default(), Table::of(ROWS), Cell::new(0));
    let seen = Cell::new(BTreeSet::new());
    let commits = at_every_commit(
        async |faulty| {
            steps.set(0);
            let _ = std::fs::remove_file(table.output_path());
            let Ok(world) = setting(&started).try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &table, &steps)).await;
            assert!(matches!(outcome, Ok(Ok(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            started.lock().unwrap().clear();
            let world = setting(&started).over(rows).open().await;
            let mut done = BTreeSet::new();
            if let Ok(view) = world.system.job(&at("/root/job")).await {
                world.check_job(&view.path).await;
                let stands = (view.job.pause.is_some(), view.job.limits.concurrency);
                let may = &STANDS[steps.get()..STANDS.len().min(steps.get() + 2)];
                assert!(may.contains(&stands), "{point:?}: {stands:?} after step {}", steps.get());
                let mut all = seen.take();
                all.insert((steps.get(), stands));
                seen.set(all);
                let items = world.items(&view.path).await;
                done.extend(items.iter().filter(|view| view.item.state.is_final()).map(|view| view.number));
            }
            let job = go_on(&world, &table).await;
            let begun: BTreeSet<u32> = started.lock().unwrap().iter().copied().collect();
            assert!(begun.is_disjoint(&done), "{point:?}: {begun:?} were final: {done:?}");
            let items = world.items(&job).await;
            assert!(items.iter().all(|view| view.status == "completed" && view.item.failures == 0), "{point:?}");
            let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
            assert_eq!(results, (1..=ROWS).map(|row| format!("{{\"row\":{row}}}")).collect::<Vec<_>>(), "{point:?}");
            world.end().await;
        },
    );
    assert!(commits >= 8, "{commits} commits");
    let seen = seen.take();
    for step in 1..4 {
        for stands in [STANDS[step], STANDS[step + 1]] {
            assert!(seen.contains(&(step, stands)), "no crash left step {step} as {stands:?}: {seen:?}");
        }
    }
}
