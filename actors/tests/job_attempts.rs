//! What is done about a run without a result: the class of the error decides.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tokio::time::timeout;

use super::table::{Table, number};
use super::world::{Setting, World, at, process, until};
use crate::brain::BrainError;
use crate::job::JobRequest;

/// The rows that workers were called for, with the second in which they were.
type Calls = Arc<Mutex<Vec<(u32, u64)>>>;

/// A world in which the first run of row 1 ends with this error, and every other run with a result.
fn failing_first(error: BrainError) -> (Setting, Calls) {
    let (calls, start) = (Calls::default(), tokio::time::Instant::now());
    let seen = calls.clone();
    let setting = World::setting().brain("worker", move |turn| {
        let (row, error) = (turn.row().expect("a row").number, error.clone());
        seen.lock().unwrap().push((row, start.elapsed().as_secs()));
        async move { if row == 1 && turn.number() == 1 { Err(error) } else { number(&turn) } }
    });
    (setting, calls)
}

fn come_back(seconds: u64) -> BrainError {
    BrainError::Unavailable { message: "429".to_owned(), retry_after: Some(Duration::from_secs(seconds)) }
}

/// A rate limit is nobody's failure: no row is charged, and none starts until the brain may be asked again.
#[tokio::test(start_paused = true)]
async fn a_job_pauses_for_as_long_as_its_brain_has_to_be_let_alone() {
    for (error, reason, seconds) in [
        (come_back(100), "brain unavailable: 429", 100),
        (come_back(0), "brain unavailable: 429", 1),
        (BrainError::exhausted("no credit"), "brain exhausted: no credit", 600),
    ] {
        let (setting, calls) = failing_first(error);
        let world = setting.open().await;
        let table = Table::of(3);
        let job = at("/root/job");
        world.system.start_job(JobRequest { concurrency: 1, ..table.request("worker") }).await.unwrap();
        until(async || world.system.job(&job).await.unwrap().job.pause.is_some()).await;
        let paused = world.system.job(&job).await.unwrap().job;
        assert_eq!(paused.pause.as_ref().unwrap().reason, reason);
        assert_eq!((paused.counts.pending, paused.counts.running), (3, 0), "{reason}");
        let view = world.job_over(&job).await;
        assert_eq!(view.job.pause, None);
        let words = world.item_words(&job).await;
        assert_eq!(words, "a1: completed run 2\na2: completed run 1\na3: completed run 1", "{reason}");
        let calls = calls.lock().unwrap().clone();
        let begun = calls[0].1;
        let later: Vec<_> = calls.iter().map(|(row, at)| (*row, at - begun)).collect();
        assert_eq!(later, [(1, 0), (1, seconds), (2, seconds), (3, seconds)], "{reason}");
        world.end().await;
    }
}

/// Those at work when a job pauses finish, and what they bring is taken.
#[tokio::test(start_paused = true)]
async fn what_runs_when_a_job_pauses_finishes() {
    let setting = World::setting().brain("worker", |turn| async move {
        match (turn.row().expect("a row").number, turn.number()) {
            (1, 1) => {
                let _ = timeout(Duration::from_millis(100), turn.cancelled()).await;
                Err(come_back(1000))
            }
            // Its back-off rings while the job is paused.
            (2, 1) => Err(BrainError::refused("not yet")),
            (3, 1) => {
                let _ = timeout(Duration::from_secs(5), turn.cancelled()).await;
                number(&turn)
            }
            _ => number(&turn),
        }
    });
    let world = setting.open().await;
    let begun = tokio::time::Instant::now();
    world.run_job(JobRequest { concurrency: 3, ..Table::of(3).request("worker") }).await;
    assert_eq!(begun.elapsed().as_secs(), 1000);
    let words = world.item_words(&at("/root/job")).await;
    assert_eq!(words, "a1: completed run 2\na2: completed run 2 failed 1\na3: completed run 1");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_not_tried_again() {
    let (setting, calls) = failing_first(BrainError::bad_input("no such page"));
    let world = setting.open().await;
    let table = Table::of(2);
    world.run_job(JobRequest { attempts: 9, ..table.request("worker") }).await;
    let words = world.item_words(&at("/root/job")).await;
    assert_eq!(words, "a1: failed run 1 failed 1 (bad input: no such page)\na2: completed run 1");
    assert_eq!(calls.lock().unwrap().len(), 2);
    // Nor is an instruction that is too long with the row's cells in it.
    let template = Some("{id}".repeat(60_000));
    let long = Table::text(&format!("id\n{}\n", "x".repeat(5)));
    let name = Some("long".to_owned());
    world.run_job(JobRequest { attempts: 9, template, name, ..long.request("worker") }).await;
    let words = world.item_words(&at("/root/long")).await;
    assert_eq!(words, "xxxxx: failed run 1 failed 1 (instruction has 300000 bytes, over the limit of 262144)");
    world.end().await;
}

/// A pause is on record: a later process does not ask before its end.
#[test]
fn a_later_process_waits_for_the_end_of_the_pause() {
    let table = Table::of(1);
    let rows = process(async || {
        let world = failing_first(come_back(5000)).0.open().await;
        world.system.start_job(table.request("worker")).await.unwrap();
        until(async || world.system.job(&at("/root/job")).await.unwrap().job.pause.is_some()).await;
        world.abandon()
    });
    process(async || {
        let (setting, calls) = failing_first(come_back(1));
        let world = setting.over(rows).open().await;
        world.system.resume_job(&at("/root/job")).await.unwrap();
        world.job_over(&at("/root/job")).await;
        let begun = calls.lock().unwrap()[0].1;
        assert!((4990..=5000).contains(&begun), "{begun}");
        world.end().await;
    });
}

/// An actor that goes round and round keeps the paused clock from going on, and the scenario from ending.
#[test]
fn a_row_whose_delay_is_over_while_no_place_is_free_waits_for_one_and_nothing_else() {
    let (over, ended) = mpsc::channel();
    thread::spawn(move || {
        process(async || {
            let world = World::setting().brain("worker", |turn| async move {
                match turn.row().map(|row| (row.number, row.run)) {
                    Some((1, 1)) => Err(BrainError::refused("not yet")),
                    Some((2, _)) => {
                        timeout(Duration::from_secs(1_200), std::future::pending::<()>()).await.unwrap_err();
                        number(&turn)
                    }
                    _ => number(&turn),
                }
            });
            let (world, table) = (world.open().await, Table::of(2));
            let job = JobRequest { concurrency: 1, ..table.request("worker") };
            let job = world.system.start_job(job).await.unwrap().job.path;
            world.job_over(&job).await;
            assert_eq!(world.item_words(&job).await, "a1: completed run 2 failed 1\na2: completed run 1");
            world.end().await;
        });
        over.send(())
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("the job goes round and round");
}
