//! Looking at jobs and their rows while others change them.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use understory_store::{Backend, Direction, Entry, Key, KeyRange, MemoryBackend, Read, StoreError, Wrapper};

use super::table::{Table, number};
use super::world::{Setting, World, at};
use crate::System;
use crate::job::JobRequest;

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
