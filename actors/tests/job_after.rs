//! Rows that come after others: what is refused, in which order they run, and what is skipped.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use understory_paths::AgentPath;
use understory_store::{RowColumns, TableFormat};

use super::crashes::at_every_commit;
use super::table::{Table, number};
use super::world::{Setting, World, at, until};
use crate::Error;
use crate::brain::BrainError;
use crate::job::{ItemQuery, JobRequest, RetryRequest};

const WITHIN: Duration = Duration::from_secs(600);

/// Rows that a brain and its test both know of.
type Rows<T> = Arc<Mutex<T>>;

fn request(table: &Table) -> JobRequest {
    let columns = RowColumns { after: Some("after".to_owned()), ..RowColumns::default() };
    JobRequest { columns, attempts: 1, ..table.request("worker") }
}

/// A world whose brain logs the rows it is given and fails those that are `bad`.
fn setting(log: &Rows<Vec<u32>>, bad: &Rows<BTreeSet<u32>>) -> Setting {
    let (log, bad) = (log.clone(), bad.clone());
    World::setting().brain("worker", move |turn| {
        let (log, bad) = (log.clone(), bad.clone());
        async move {
            let row = turn.row().expect("an item's turn has a row").number;
            log.lock().unwrap().push(row);
            let fails = bad.lock().unwrap().contains(&row);
            if fails { Err(BrainError::refused("bad")) } else { number(&turn) }
        }
    })
}

fn place() -> (Rows<Vec<u32>>, Rows<BTreeSet<u32>>) {
    Default::default()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_waited_for_is_refused_before_the_job_starts() {
    let (log, bad) = place();
    let world = setting(&log, &bad).open().await;
    let check = async |rows: &str, expected: &str| {
        let table = Table::text(&format!("id,after\n{rows}"));
        let refused = world.system.start_job(request(&table)).await.unwrap_err();
        assert_eq!(refused.to_string(), expected, "{rows}");
    };
    check("a,\nb,a; c\n", "line 3: no row has the id \"c\", which \"b\" comes after").await;
    check("a,\nb,b\n", "line 3: \"b\" comes after itself").await;
    check("a,b\nb,a\n", "line 2: rows wait for each other: \"a\" after \"b\" after \"a\"").await;
    let tail = "t,a\na,c\nb,a\nc,b\nd,\n";
    check(tail, "line 3: rows wait for each other: \"a\" after \"c\" after \"b\" after \"a\"").await;
    let ids: String = (1..=65).map(|n| format!("i{n};")).collect();
    let rows: String = (1..=65).map(|n| format!("i{n},\n")).collect();
    check(&format!("{rows}z,{ids}\n"), "line 67: \"z\" comes after 65 rows, the limit is 64").await;
    let mut ring: String = (2..=30).map(|n| format!("r{n},r{}\n", n - 1)).collect();
    ring.push_str("r1,r30\n");
    let refused = world.system.start_job(request(&Table::text(&format!("id,after\n{ring}")))).await.unwrap_err();
    assert!(refused.to_string().ends_with(" after 20 more after \"r2\""), "{refused}");
    let table = Table::text("id,n\na,1\n");
    let refused = world.system.start_job(request(&table)).await.unwrap_err().to_string();
    assert_eq!(refused, "line 1: after column \"after\" is not in the table, which has \"id\", \"n\"");
    assert!(world.system.jobs(&at("/root"), None, 9).await.unwrap().is_empty());
    assert!(log.lock().unwrap().is_empty());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_starts_when_those_before_it_are_completed_wherever_they_lie() {
    let (log, bad) = place();
    let world = setting(&log, &bad).open().await;
    let table = Table::text("id,after\na,c\nb,a;c\nc,d\nd,\ne, b ; ;d \n");
    let view = world.run_job(JobRequest { concurrency: 1, ..request(&table) }).await;
    assert_eq!(view.job.counts.completed, 5);
    assert_eq!(*log.lock().unwrap(), [4, 3, 1, 2, 5]);
    let items = world.items(&view.path).await;
    assert_eq!(
        items.iter().map(|view| view.item.after.clone()).collect::<Vec<_>>(),
        [vec![3], vec![1, 3], vec![4], vec![], vec![2, 4]]
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_json_row_names_those_before_it_in_an_array() {
    let (log, bad) = place();
    let world = setting(&log, &bad).open().await;
    let table = Table::text("{\"id\":1,\"after\":[\"x;y\",2]}\n{\"id\":2,\"after\":null}\n{\"id\":\"x;y\"}\n");
    let lines = JobRequest { format: Some(TableFormat::JsonLines), concurrency: 1, ..request(&table) };
    world.run_job(lines.clone()).await;
    assert_eq!(*log.lock().unwrap(), [2, 3, 1]);
    table.rewrite("{\"id\":1,\"after\":{}}\n");
    let refused = world.system.start_job(JobRequest { fresh: true, ..lines }).await.unwrap_err().to_string();
    assert!(refused.starts_with("line 1: column \"after\" is neither a text"), "{refused}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn ready_rows_fill_all_places_and_others_read_as_waiting() {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let world = World::setting().brain("worker", move |turn| {
        let given = given.clone();
        async move {
            if turn.row().expect("an item's turn has a row").number == 1 {
                given.acquire().await.expect("never closed").forget();
            }
            number(&turn)
        }
    });
    let world = world.open().await;
    // 400 rows behind the first, more than are looked at in one go, and then 40 behind nobody.
    let mut text = "id,after\na1,\n".to_owned();
    (2..=401).for_each(|n| writeln!(text, "a{n},a1").expect("a string takes everything"));
    (402..=441).for_each(|n| writeln!(text, "a{n},").expect("a string takes everything"));
    let table = Table::text(&text);
    let job = world.system.start_job(JobRequest { concurrency: 4, ..request(&table) }).await.unwrap().job.path;
    let counts = async || world.system.job(&job).await.unwrap().job.counts;
    until(async || counts().await.completed == 40).await;
    world.check_job(&job).await;
    let query = ItemQuery { status: vec!["waiting".parse().unwrap()], after: 0, limit: 1000 };
    assert_eq!(world.system.query_items(&job, &query).await.unwrap().items.len(), 400);
    assert_eq!(world.system.items(&job, 2, 1).await.unwrap()[0].status, "waiting");
    permits.add_permits(1);
    assert_eq!(world.job_over(&job).await.job.counts.completed, 441);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn rows_behind_one_that_came_to_nothing_are_skipped_and_tried_again_with_it() {
    let (log, bad) = place();
    bad.lock().unwrap().insert(1);
    let world = setting(&log, &bad).open().await;
    let table = Table::text("id,after\na,\nb,a\nc,b;d\nd,\ne,d\n");
    let job = world.run_job(request(&table)).await.path;
    insta::assert_snapshot!(world.item_words(&job).await, @r#"
    a: failed run 1 failed 1 (bad)
    b: skipped run 0 ("a", row 1, which comes before it, failed: bad)
    c: skipped run 0 ("b", row 2, which comes before it, was skipped)
    d: completed run 1
    e: completed run 1
    "#);
    assert_eq!(table.output().iter().filter(|line| line.status == "skipped").count(), 2);
    // Tried again alone, a row behind one that failed is skipped once more.
    let skipped = RetryRequest { skipped: true, ..RetryRequest::default() };
    assert_eq!(world.system.retry_job(&job, &skipped).await.unwrap().rows, 2);
    assert_eq!(world.job_over(&job).await.job.counts.skipped, 2);
    bad.lock().unwrap().clear();
    log.lock().unwrap().clear();
    assert_eq!(world.system.retry_job(&job, &RetryRequest::all()).await.unwrap().rows, 3);
    let view = world.job_over(&job).await;
    assert_eq!((view.job.counts.completed, log.lock().unwrap().clone()), (5, vec![1, 2, 3]));
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn more_rows_than_a_commit_takes_are_skipped() {
    let (log, bad) = place();
    bad.lock().unwrap().insert(1000);
    let world = setting(&log, &bad).open().await;
    let mut text = "id,after\n".to_owned();
    (1..1000).for_each(|n| writeln!(text, "a{n},a{}", n + 1).expect("a string takes everything"));
    text.push_str("a1000,\n");
    let view = world.run_job(request(&Table::text(&text))).await;
    assert_eq!((view.job.counts.skipped, view.job.counts.failed), (999, 1));
    assert_eq!(*log.lock().unwrap(), [1000]);
    world.end().await;
}

async fn host(world: &World, table: &Table) -> Result<AgentPath, Error> {
    let job = world.system.start_job(JobRequest { concurrency: 2, ..request(table) }).await?.job.path;
    world.system.job_finished(&job).await?;
    Ok(job)
}

#[test]
fn what_waits_and_what_is_skipped_survive_a_crash_at_every_commit() {
    let (log, bad) = place();
    bad.lock().unwrap().insert(3);
    let table = Table::text("id,after\na,d\nb,a\nc,\nd,\ne,c\nf,e;a\ng,f\nh,b\n");
    let commits = at_every_commit(
        async |faulty| {
            let _ = std::fs::remove_file(table.output_path());
            let Ok(world) = setting(&log, &bad).try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &table)).await;
            assert!(matches!(outcome, Ok(Ok(_))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let world = setting(&log, &bad).over(rows).open().await;
            if world.system.job(&at("/root/job")).await.is_ok() {
                world.check_job(&at("/root/job")).await;
            }
            log.lock().unwrap().clear();
            let job = tokio::time::timeout(WITHIN, host(&world, &table)).await.unwrap().unwrap();
            world.check_job(&job).await;
            let words: Vec<_> = world.items(&job).await.iter().map(|view| view.status).collect();
            let expected =
                ["completed", "completed", "failed", "completed", "skipped", "skipped", "skipped", "completed"];
            assert_eq!(words, expected, "{point:?}");
            let started = log.lock().unwrap().clone();
            assert!(!started.iter().any(|row| [5, 6, 7].contains(row)), "{point:?}: {started:?}");
            assert_eq!(table.output().len(), 8, "{point:?}");
            world.end().await;
        },
    );
    assert!(commits >= 10, "{commits} commits");
}
