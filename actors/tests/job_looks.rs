//! Looking at jobs and their rows while others change them.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use understory_store::{Backend, Direction, Entry, Key, KeyRange, MemoryBackend, Read, StoreError, Wrapper};

use super::table::{Table, number};
use super::world::{Setting, World, at};
use crate::brain::BrainError;
use crate::job::{ITEMS_MAX, ItemQuery, ItemStatus, JobRequest};
use crate::{Error, Role, System};

/// Has a job removed behind a scan's back: right after the scan that is next once it is set.
struct Raced {
    rows: MemoryBackend,
    next: Mutex<Option<System>>,
}

impl Wrapper for Raced {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        let system = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let read = self.rows.scan(range, from, direction, limit).await;
            if let Some(system) = system {
                system.remove(&at("/root/b")).await.unwrap();
            }
            read
        }
        .boxed()
    }
}

fn setting() -> Setting {
    World::setting().brain("worker", |turn| async move { number(&turn) })
}

fn named(table: &Table, name: &str) -> JobRequest {
    JobRequest { name: Some(name.to_owned()), fresh: true, ..table.request("worker") }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_removed_meanwhile_is_left_out_of_the_list() {
    let raced = Arc::new(Raced { rows: MemoryBackend::new(), next: Mutex::new(None) });
    let world = setting().open_on(raced.clone()).await;
    for name in ["a", "b", "c", "d"] {
        world.run_job(named(&Table::of(1), name)).await;
    }
    let listed = async |after: Option<&str>, limit: usize| {
        *raced.next.lock().unwrap() = Some(world.system.clone());
        let after = after.map(at);
        let views = world.system.jobs(&at("/root"), after.as_ref(), limit).await.unwrap();
        views.iter().map(|view| view.path.to_string()).collect::<Vec<_>>()
    };
    // A short page says that there are no more, so it is filled up with what comes next.
    assert_eq!(listed(None, 3).await, ["/root/a", "/root/c", "/root/d"]);
    world.end().await;
}

/// The rows of a page, and what the next one is asked for after.
async fn page(world: &World, status: &[&str], after: u32, limit: usize) -> String {
    let status = status.iter().map(|word| word.parse().unwrap()).collect();
    let page = world.system.query_items(&at("/root/job"), &ItemQuery { status, after, limit }).await.unwrap();
    let rows: Vec<String> = page.items.iter().map(|view| format!("{} {}", view.number, view.status)).collect();
    format!("{}; next {:?}", rows.join(", "), page.next)
}

#[tokio::test(start_paused = true)]
async fn rows_are_listed_by_how_they_stand_a_page_at_a_time() {
    let world = World::setting().role("default", Role::with_brain("echo", "")).brain("worker", |turn| async move {
        match turn.row().expect("an item's turn has a row").number {
            // What lies below an item is no item.
            2 => turn.spawn("kid", None).await.map(drop).map_err(|error| BrainError::refused(error.to_string()))?,
            row if row % 2 == 1 => return Err(BrainError::refused("odd")),
            8 => turn.report("{}", true).await.map(drop).unwrap(),
            _ => {}
        }
        number(&turn)
    });
    let world = world.open().await;
    let table = Table::of(10);
    world.run_job(JobRequest { concurrency: 1, attempts: 1, ..table.request("worker") }).await;
    assert_eq!(page(&world, &[], 0, 3).await, "1 failed, 2 completed, 3 failed; next Some(3)");
    assert_eq!(page(&world, &[], 2, 3).await, "3 failed, 4 completed, 5 failed; next Some(5)");
    assert_eq!(page(&world, &[], 8, 3).await, "9 cancelled, 10 cancelled; next None");
    assert_eq!(page(&world, &["failed"], 0, 2).await, "1 failed, 3 failed; next Some(3)");
    assert_eq!(page(&world, &["failed"], 3, 2).await, "5 failed, 7 failed; next None");
    assert_eq!(page(&world, &["failed", "cancelled"], 5, 9).await, "7 failed, 9 cancelled, 10 cancelled; next None");
    assert_eq!(page(&world, &["pending", "running", "skipped", "waiting"], 0, 9).await, "; next None");
    assert_eq!(page(&world, &[], 10, 9).await, "; next None");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_of_rows_is_bounded_and_goes_on_behind_what_was_read_at_a_time() {
    let world = setting().open().await;
    let rows = ITEMS_MAX as u32 + 100;
    let table = Table::of(rows);
    world.run_job(table.request("worker")).await;
    let query = ItemQuery { limit: usize::MAX, ..ItemQuery::default() };
    let page = world.system.query_items(&at("/root/job"), &query).await.unwrap();
    assert_eq!((page.items.len(), page.next), (ITEMS_MAX, Some(ITEMS_MAX as u32)));
    let query = ItemQuery { after: page.next.unwrap(), ..query };
    let page = world.system.query_items(&at("/root/job"), &query).await.unwrap();
    let numbers: Vec<u32> = page.items.iter().map(|view| view.number).collect();
    assert_eq!((numbers, page.next), ((ITEMS_MAX as u32 + 1..=rows).collect(), None));
    world.end().await;
}

#[test]
fn a_status_is_one_of_the_seven_words() {
    for status in ItemStatus::ALL {
        assert_eq!(status.as_str().parse::<ItemStatus>().unwrap(), status);
    }
    match "done".parse::<ItemStatus>() {
        Err(Error::BadQuery(message)) => assert_eq!(
            message,
            "no row is ever \"done\": it is one of pending, waiting, running, completed, failed, cancelled, skipped"
        ),
        other => panic!("{other:?}"),
    }
}
