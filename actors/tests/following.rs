//! Results as they land: every end once, from wherever one goes on.

use std::sync::Arc;

use tokio::sync::Semaphore;
use understory_store::{GrowthOrder, MemoryBackend, OutputFormat};

use super::table::{Line, Table, number};
use super::world::{LONG, Setting, World, at, process, until};
use crate::Error;
use crate::brain::{BrainError, Response};
use crate::job::{JobRequest, ResultCursor, Results, RetryRequest, RowResult};

/// A brain `gated` whose row 3 never succeeds, whose row 5 has a long result, and some of whose rows wait for a permit each.
fn gated(setting: Setting, waits: fn(u32) -> bool) -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = setting.brain("gated", move |turn| {
        let given = given.clone();
        async move {
            let row = turn.row().expect("an item's turn has a row").number;
            if waits(row) {
                tokio::select! {
                    permit = given.acquire() => permit.expect("never closed").forget(),
                    () = turn.cancelled() => return Err(BrainError::refused("cancelled")),
                }
            }
            match row {
                3 => Err(BrainError::refused("never")),
                5 => Ok(Response::report(format!("{{\"row\":5,\"pad\":\"{}\"}}", "x".repeat(9000)))),
                _ => number(&turn),
            }
        }
    });
    (setting, permits)
}

fn request(table: &Table) -> JobRequest {
    JobRequest { concurrency: 4, attempts: 1, ..table.request("gated") }
}

async fn next(results: &mut Results) -> Option<RowResult> {
    tokio::time::timeout(LONG, results.next()).await.expect("results come").unwrap()
}

/// Takes so many.
async fn some(results: &mut Results, count: usize) -> Vec<RowResult> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(next(results).await.expect("there are more"));
    }
    taken
}

async fn rest(results: &mut Results) -> Vec<RowResult> {
    let mut taken = Vec::new();
    while let Some(result) = next(results).await {
        taken.push(result);
    }
    taken
}

fn numbers(results: &[RowResult]) -> Vec<u32> {
    results.iter().map(|result| result.number).collect()
}

fn sorted(results: &[RowResult]) -> Vec<u32> {
    let mut numbers = numbers(results);
    numbers.sort_unstable();
    numbers
}

/// Follows a job of twelve rows, in the middle of which one begins to look, and again from behind every row given.
async fn every_end_is_given_once(world: Setting) {
    let (setting, permits) = gated(world, |row| row > 5);
    let world = setting.open().await;
    let table = Table::of(12);
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    let mut early = world.system.job_results(&job, None);
    let mut seen = some(&mut early, 5).await;
    assert_eq!(sorted(&seen), [1, 2, 3, 4, 5]);
    let mut late = world.system.job_results(&job, None);
    assert_eq!(numbers(&some(&mut late, 5).await), [1, 2, 3, 4, 5], "what is there comes by its number");
    permits.add_permits(1);
    seen.extend(some(&mut early, 1).await);
    let unseen = world.system.job_results(&job, None);
    permits.add_permits(6);
    seen.extend(rest(&mut early).await);
    assert_eq!(sorted(&seen), (1..=12).collect::<Vec<_>>());
    assert_eq!(sorted(&rest(&mut late).await), (6..=12).collect::<Vec<_>>());
    world.job_over(&job).await;
    for mut results in [unseen, world.system.job_results(&job, None)] {
        assert_eq!(sorted(&rest(&mut results).await), (1..=12).collect::<Vec<_>>());
    }
    for (given, result) in (1..).zip(&seen) {
        let cursor: ResultCursor = result.cursor.to_string().parse().unwrap();
        assert_eq!(cursor, result.cursor);
        let mut missing = numbers(&rest(&mut world.system.job_results(&job, Some(cursor))).await);
        missing.extend(numbers(&seen[..given]));
        missing.sort_unstable();
        assert_eq!(missing, (1..=12).collect::<Vec<_>>(), "after {given} from {cursor}");
    }
    let of = |number: u32| seen.iter().find(|result| result.number == number).unwrap();
    assert_eq!((of(3).item.state.as_str(), of(3).result.as_deref()), ("failed", None));
    assert_eq!((of(4).result.as_deref(), of(4).row.as_str()), (Some("{\"row\":4}"), "{\"id\":\"a4\",\"n\":\"4\"}"));
    assert!(of(5).result.as_ref().unwrap().len() > 9000, "what lies beside the record is all there");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn results_come_once_each_as_they_land() {
    every_end_is_given_once(World::setting()).await;
}

#[tokio::test(start_paused = true)]
async fn results_come_once_each_though_every_event_is_dropped() {
    every_end_is_given_once(World::setting().over(MemoryBackend::with_events_max(0))).await;
}

#[tokio::test(start_paused = true)]
async fn results_end_with_a_cancelled_job_and_not_with_a_closed_one() {
    let (setting, permits) = gated(World::setting(), |row| row > 5);
    let world = setting.open().await;
    let table = Table::of(12);
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    let mut results = world.system.job_results(&job, None);
    some(&mut results, 5).await;
    world.system.close(&job, LONG).await.unwrap();
    let error = tokio::time::timeout(LONG, results.next()).await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Closed { at, .. } if *at == job), "{error}");
    world.system.resume_job(&job).await.unwrap();
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 4).await;
    world.system.cancel_job(&job).await.unwrap();
    permits.add_permits(4);
    assert_eq!(sorted(&rest(&mut results).await), [6, 7, 8, 9], "what runs may finish, and nothing else ends");
    world.job_over(&job).await;
    let error = world.system.job_results(&at("/root/none"), None).next().await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    world.end().await;
}

#[test]
fn a_cursor_is_what_was_printed() {
    for text in ["7", "12.4294967295", "12.3.40.9"] {
        assert_eq!(text.parse::<ResultCursor>().unwrap().to_string(), text);
    }
    for text in ["", "x", "1.2.3", "1.4294967296", "01.2", "+1", "1.2.3.4.5", "1.2 ", "-1.2"] {
        let error = text.parse::<ResultCursor>().unwrap_err();
        assert_eq!(error.to_string(), format!("{text:?} is no place among results"));
    }
}

/// The ids in the output as it is now, in its order; nothing while there is none.
fn grown(table: &Table) -> Vec<String> {
    match table.output_path().exists() {
        true => table.output().into_iter().map(|line| line.item_id).collect(),
        false => Vec::new(),
    }
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("a{number}")).collect()
}

fn growing(table: &Table, grows: GrowthOrder) -> JobRequest {
    let output_format = OutputFormat { grows: Some(grows), ..OutputFormat::default() };
    JobRequest { output_format, ..request(table) }
}

#[tokio::test(start_paused = true)]
async fn an_output_grows_as_rows_come_to_their_ends() {
    let (setting, permits) = gated(World::setting(), |row| row > 5);
    let world = setting.open().await;
    let table = Table::of(12);
    std::fs::write(table.output_path(), "id,item_id,status,attempt_count,last_error,result_json\n").unwrap();
    let job = world.system.start_job(growing(&table, GrowthOrder::Ends)).await.unwrap().job.path;
    until(async || grown(&table).len() == 5).await;
    permits.add_permits(1);
    until(async || grown(&table).len() == 6).await;
    let before = std::fs::read_to_string(table.output_path()).unwrap();
    permits.add_permits(6);
    world.job_over(&job).await;
    assert_eq!(grown(&table), ids(1..=12), "at the end it is in row order");
    let after = std::fs::read_to_string(table.output_path()).unwrap();
    assert!(before.lines().all(|line| after.lines().any(|whole| whole == line)), "{before}\n{after}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_output_grows_in_row_order() {
    let (setting, permits) = gated(World::setting(), |row| row == 2 || row == 12);
    let world = setting.open().await;
    let table = Table::of(12);
    let job = world.system.start_job(growing(&table, GrowthOrder::Rows)).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.counts.done() == 10).await;
    until(async || grown(&table) == ids(1..=1)).await;
    permits.add_permits(1);
    until(async || grown(&table).len() == 11).await;
    assert_eq!(grown(&table), ids(1..=11));
    permits.add_permits(1);
    world.job_over(&job).await;
    assert_eq!(grown(&table), ids(1..=12));
    world.end().await;
}

#[test]
fn an_output_that_a_dead_process_left_grows_again_from_its_beginning() {
    for order in [GrowthOrder::Rows, GrowthOrder::Ends] {
        let table = Table::of(12);
        let request = || JobRequest { concurrency: 1, ..growing(&table, order) };
        let (setting, _permits) = gated(World::setting(), |row| row > 5);
        let rows = process(async || {
            let world = setting.open().await;
            world.system.start_job(request()).await.unwrap();
            until(async || grown(&table).len() == 5).await;
            world.abandon()
        });
        process(async || {
            let (setting, permits) = gated(World::setting().over(rows), |row| row > 5);
            let world = setting.open().await;
            let job = world.system.start_job(request()).await.unwrap().job.path;
            permits.add_permits(1);
            until(async || grown(&table).len() == 6).await;
            let mut seen = grown(&table);
            seen.truncate(5);
            assert_eq!(seen, ids(1..=5), "what was done comes first, by its number");
            permits.add_permits(6);
            world.job_over(&job).await;
            assert_eq!(grown(&table), ids(1..=12));
            world.end().await;
        });
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_that_cannot_grow_stops_no_row() {
    let (setting, permits) = gated(World::setting(), |row| row > 5);
    let world = setting.open().await;
    let table = Table::of(12);
    let job = world.system.start_job(growing(&table, GrowthOrder::Ends)).await.unwrap().job.path;
    until(async || grown(&table).len() == 5).await;
    world.system.close(&job, LONG).await.unwrap();
    std::fs::remove_file(table.output_path()).unwrap();
    std::fs::create_dir(table.output_path()).unwrap();
    world.system.resume_job(&job).await.unwrap();
    permits.add_permits(7);
    let error = tokio::time::timeout(LONG, world.system.job_finished(&job)).await.unwrap().unwrap_err();
    assert!(error.to_string().contains(": failed to write output "), "{error}");
    assert_eq!(world.system.job(&job).await.unwrap().job.counts.done(), 12);
    std::fs::remove_dir(table.output_path()).unwrap();
    world.system.resume_job(&job).await.unwrap();
    world.job_over(&job).await;
    assert_eq!(grown(&table), ids(1..=12));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_tried_again_comes_to_another_end() {
    let (setting, permits) = gated(World::setting(), |row| row == 12);
    let world = setting.open().await;
    let table = Table::of(12);
    let job = world.system.start_job(growing(&table, GrowthOrder::Ends)).await.unwrap().job.path;
    let mut results = world.system.job_results(&job, None);
    some(&mut results, 11).await;
    until(async || grown(&table).len() == 11).await;
    world.system.retry_job(&job, &RetryRequest::all()).await.unwrap();
    let again = some(&mut results, 1).await.remove(0);
    assert_eq!((again.number, again.item.run), (3, 2));
    let attempts = |line: &Line| line.attempts == if line.item_id == "a3" { 2 } else { 1 };
    until(async || grown(&table).len() == 11 && table.output().iter().all(attempts)).await;
    permits.add_permits(1);
    assert_eq!(numbers(&rest(&mut results).await), [12]);
    world.job_over(&job).await;
    assert_eq!(grown(&table), ids(1..=12));
    world.end().await;
}
