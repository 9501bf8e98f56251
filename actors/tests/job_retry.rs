//! Rows that came to nothing and are tried again because a person asks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::Table as Rows;

use super::crashes::at_every_commit;
use super::table::{Table, number};
use super::world::{LONG, Setting, World, at, until};
use crate::Error;
use crate::brain::BrainError;
use crate::job::{JobRequest, JobSignal, Retried, RetryRequest};

const WITHIN: Duration = Duration::from_secs(600);

/// What a brain does whose rows of a number that three divides come to nothing until it is mended.
#[derive(Clone, Default)]
struct Thirds {
    mended: Arc<AtomicBool>,
    started: Arc<Mutex<Vec<u32>>>,
}

impl Thirds {
    fn setting(&self) -> Setting {
        let this = self.clone();
        World::setting().brain("thirds", move |turn| {
            let this = this.clone();
            async move {
                let row = turn.row().expect("an item's turn has a row").number;
                this.started.lock().unwrap().push(row);
                match row % 3 == 0 && !this.mended.load(Ordering::SeqCst) {
                    true => Err(BrainError::refused("a third")),
                    false => number(&turn),
                }
            }
        })
    }

    fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }

    /// The rows started since this was asked last.
    fn started(&self) -> Vec<u32> {
        let mut started = std::mem::take(&mut *self.started.lock().unwrap());
        started.sort_unstable();
        started
    }
}

fn request(table: &Table) -> JobRequest {
    JobRequest { attempts: 1, ..table.request("thirds") }
}

fn named(items: &[&str]) -> RetryRequest {
    RetryRequest { items: items.iter().map(|id| (*id).to_owned()).collect(), ..RetryRequest::default() }
}

async fn retry(world: &World, request: &RetryRequest) -> Result<Retried, Error> {
    world.system.retry_job(&at("/root/job"), request).await
}

#[tokio::test(start_paused = true)]
async fn failed_rows_of_a_job_that_is_over_are_tried_again_and_no_others() {
    let thirds = Thirds::default();
    let world = thirds.setting().open().await;
    let table = Table::of(7);
    let job = world.run_job(request(&table)).await.path;
    thirds.started();
    // Still not mended: what went wrong is kept meanwhile, and the row is as new otherwise.
    assert_eq!(retry(&world, &RetryRequest::all()).await.unwrap(), Retried { rows: 2, ..Retried::default() });
    world.job_over(&job).await;
    assert_eq!(thirds.started(), [3, 6]);
    assert!(world.item_words(&job).await.contains("a3: failed run 2 failed 1 (a third)"));
    thirds.mend();
    retry(&world, &RetryRequest { failed: true, ..RetryRequest::default() }).await.unwrap();
    let view = world.job_over(&job).await;
    assert_eq!((thirds.started(), view.job.state.as_str()), (vec![3, 6], "completed"));
    assert!(world.item_words(&job).await.contains("a3: completed run 3\na4: completed run 1\n"));
    let output = table.output();
    assert!(output.iter().all(|line| line.status == "completed" && line.error.is_empty()), "{output:?}");
    assert_eq!(output.iter().map(|line| line.attempts).collect::<Vec<_>>(), [1, 1, 3, 1, 1, 3, 1]);
    // Asked again, there is nothing to do, and the job stays finished.
    assert_eq!(retry(&world, &RetryRequest::all()).await.unwrap(), Retried::default());
    assert!(!world.system.job(&job).await.unwrap().job.unfinished());
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn rows_are_tried_again_by_id() {
    let thirds = Thirds::default();
    let world = thirds.setting().open().await;
    let job = world.run_job(request(&Table::of(9))).await.path;
    thirds.started();
    thirds.mend();
    assert_eq!(retry(&world, &named(&["a6", "a1"])).await.unwrap(), Retried { rows: 1, left: 1, ..Retried::default() });
    world.job_over(&job).await;
    assert_eq!(thirds.started(), [6]);
    let refused = async |request: RetryRequest| retry(&world, &request).await.unwrap_err().to_string();
    assert_eq!(refused(named(&["a3", "b"])).await, "/root/job has no row \"b\"");
    assert_eq!(refused(RetryRequest::default()).await, "no row is asked for: those failed, those skipped, or by id");
    assert_eq!(refused(RetryRequest { skipped: true, ..named(&["c"]) }).await, "/root/job has no row \"c\"");
    world.system.close(&job, LONG).await.unwrap();
    assert_eq!(refused(named(&["a3"])).await, "/root/job is closed");
    assert!(thirds.started().is_empty());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_tried_again_has_no_conversation_to_go_on_with() {
    let world = World::setting().brain("talks", |turn| async move {
        let goes_on = turn.session().map(str::to_owned);
        turn.keep_session("mine").await.map_err(|error| BrainError::refused(error.to_string()))?;
        match (turn.number(), goes_on) {
            (2, None) => number(&turn),
            (run, session) => Err(BrainError::refused(format!("run {run}, {session:?}"))),
        }
    });
    let world = world.open().await;
    let job = world.run_job(JobRequest { attempts: 1, ..Table::of(1).request("talks") }).await.path;
    retry(&world, &RetryRequest::all()).await.unwrap();
    world.job_over(&job).await;
    assert_eq!(world.item_words(&job).await, "a1: completed run 2");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn more_rows_than_a_commit_takes_are_tried_again() {
    let thirds = Thirds::default();
    let world = thirds.setting().open().await;
    let job = world.run_job(request(&Table::of(2000))).await.path;
    thirds.mend();
    assert_eq!(retry(&world, &RetryRequest::all()).await.unwrap().rows, 666);
    assert_eq!(world.job_over(&job).await.job.counts.completed, 2000);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_is_tried_again_while_others_run() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let world = World::setting().brain("slow", move |turn| {
        let held = held.clone();
        async move {
            let row = turn.row().expect("an item's turn has a row").number;
            match row {
                2 if turn.number() == 1 => return Err(BrainError::refused("once")),
                2 => {}
                _ => drop(held.acquire().await.expect("never closed")),
            }
            number(&turn)
        }
    });
    let world = world.open().await;
    let table = Table::of(30);
    let request = JobRequest { attempts: 1, concurrency: 4, ..table.request("slow") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    let counts = async || world.system.job(&job).await.unwrap().job.counts;
    until(async || counts().await.failed == 1 && counts().await.running == 4).await;
    assert_eq!(retry(&world, &RetryRequest::all()).await.unwrap().rows, 1);
    gate.add_permits(1);
    let view = world.job_over(&job).await;
    assert_eq!((view.job.counts.completed, view.job.counts.failed), (30, 0));
    // Nobody was started twice by what the actor read again.
    let items = world.items(&job).await;
    assert_eq!(items.iter().filter(|view| view.item.run > 1).map(|view| view.number).collect::<Vec<_>>(), [2]);
    assert_eq!(table.output().len(), 30);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_goes_on_with_what_the_cancel_left() {
    let world = World::setting().brain("stops", |turn| async move {
        let row = turn.row().expect("an item's turn has a row").number;
        match (row, turn.number()) {
            (1, 1) => Err(BrainError::refused("once")),
            (2, _) => turn.report("{}", true).await.map(drop).map_err(|error| BrainError::refused(error.to_string())),
            _ => Ok(()),
        }?;
        number(&turn)
    });
    let world = world.open().await;
    let table = Table::of(5);
    let request = JobRequest { attempts: 1, concurrency: 1, ..table.request("stops") };
    let job = world.run_job(request).await.path;
    assert_eq!(world.system.job(&job).await.unwrap().job.counts.pending, 3);
    assert_eq!(retry(&world, &RetryRequest::all()).await.unwrap().rows, 1);
    let view = world.job_over(&job).await;
    assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", 5));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_without_a_failed_row_goes_on() {
    for (asked, left) in [(RetryRequest::all(), 0), (named(&["a1", "a4"]), 1)] {
        let world = World::setting().brain("stops", |turn| async move {
            if turn.row().expect("an item's turn has a row").number == 2 {
                turn.report("{}", true).await.map_err(|error| BrainError::refused(error.to_string()))?;
            }
            number(&turn)
        });
        let world = world.open().await;
        let table = Table::of(5);
        let job = world.run_job(JobRequest { concurrency: 1, ..table.request("stops") }).await.path;
        assert_eq!(world.system.job(&job).await.unwrap().job.counts.pending, 3);
        // A row that is completed has nothing go on.
        retry(&world, &named(&["a1"])).await.unwrap();
        assert_eq!(world.system.job(&job).await.unwrap().job.state.as_str(), "cancelled");
        let retried = retry(&world, &asked).await.unwrap();
        assert_eq!(retried, Retried { rows: 0, cancelled: 3, left }, "{asked:?}");
        let view = world.job_over(&job).await;
        assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", 5), "{asked:?}");
        assert_eq!(table.output().len(), 5);
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rows_tried_again_while_the_output_is_written_are_in_the_output() {
    let thirds = Thirds::default();
    let world = thirds.setting().open().await;
    let table = Table::of(3000);
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    let stands = async || world.system.job(&job).await.unwrap().job;
    until(async || stands().await.state.is_final()).await;
    assert!(stands().await.unfinished(), "the output is not written yet");
    thirds.mend();
    retry(&world, &RetryRequest::all()).await.unwrap();
    world.job_over(&job).await;
    let output = table.output();
    assert_eq!(output.iter().filter(|line| line.status == "completed").count(), 3000);
    world.end().await;
}

/// What tells the actor that the output is there may come behind what had it try rows again.
#[tokio::test(start_paused = true)]
async fn an_output_that_a_retry_overtook_is_written_again() {
    let (gate, table) = (Arc::new(tokio::sync::Semaphore::new(0)), Table::of(2));
    let held = gate.clone();
    let world = World::setting().brain("slow", move |turn| {
        let held = held.clone();
        async move {
            held.acquire().await.expect("never closed").forget();
            number(&turn)
        }
    });
    let world = world.open().await;
    let job = world.system.start_job(table.request("slow")).await.unwrap().job.path;
    let stands = async || world.system.job(&job).await.unwrap().job;
    until(async || stands().await.counts.running == 2).await;
    world.system.jobs.deliver(&world.system, &job, JobSignal::Exported(Ok(())));
    // It is taken before a report is: the mailbox is in order.
    gate.add_permits(1);
    until(async || stands().await.counts.completed == 1).await;
    assert_eq!(stands().await.exported, None);
    gate.add_permits(1);
    world.job_over(&job).await;
    assert_eq!(table.output().len(), 2);
    world.end().await;
}

async fn host(world: &World, table: &Table, thirds: &Thirds) -> Result<AgentPath, Error> {
    let request = JobRequest { concurrency: 2, ..request(table) };
    let job = world.system.start_job(request).await?.job.path;
    world.system.job_finished(&job).await?;
    thirds.mend();
    world.system.retry_job(&job, &RetryRequest::all()).await?;
    world.system.resume_job(&job).await?;
    world.system.job_finished(&job).await?;
    Ok(job)
}

#[test]
fn a_retry_survives_a_crash_at_every_commit() {
    let (thirds, table) = (Thirds::default(), Table::of(10));
    let commits = at_every_commit(
        async |faulty| {
            thirds.mended.store(false, Ordering::SeqCst);
            let _ = std::fs::remove_file(table.output_path());
            let Ok(world) = thirds.setting().try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &table, &thirds)).await;
            assert!(matches!(outcome, Ok(Ok(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            thirds.started();
            let world = thirds.setting().over(rows).open().await;
            let mut done = BTreeSet::new();
            if let Ok(view) = world.system.job(&at("/root/job")).await {
                let mark = world.store().get::<()>(&Rows::Unfinished.at(&view.path)).await.unwrap();
                assert_eq!(mark.is_some(), view.job.unfinished(), "{point:?}");
                world.check_job(&at("/root/job")).await;
                let items = world.items(&at("/root/job")).await;
                done.extend(items.iter().filter(|view| view.status == "completed").map(|view| view.number));
            }
            let job = tokio::time::timeout(WITHIN, host(&world, &table, &thirds)).await.unwrap().unwrap();
            let started: BTreeSet<u32> = thirds.started().into_iter().collect();
            assert!(started.is_disjoint(&done), "{point:?}: {started:?} had results: {done:?}");
            world.check_job(&job).await;
            let view = world.system.job(&job).await.unwrap();
            assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", 10), "{point:?}");
            assert!(world.items(&job).await.iter().all(|view| view.item.run <= 3), "{point:?}");
            let output = table.output();
            assert_eq!(output.iter().filter(|line| line.status == "completed").count(), 10, "{point:?}");
            let verified = world.store().verify().await.unwrap();
            assert!(verified.is_sound(), "{point:?}: {:?}", verified.problems);
            world.end().await;
        },
    );
    assert!(commits >= 10, "{commits} commits");
}
