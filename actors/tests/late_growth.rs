//! An output that grows slower than its job runs: the whole one is placed behind it, never before.

use std::ops::Bound;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use understory_store::{
    Backend, Direction, Entry, GrowthOrder, Key, KeyRange, MemoryBackend, OutputFormat, Read, StoreError,
    Table as Rows, Wrapper, keys,
};

use super::table::{Table, number};
use super::world::{World, at, pass, until};
use crate::job::JobRequest;

/// A store in memory that lets nobody read the records of `/root/job` from its first row on before it is told to.
struct Slow {
    rows: MemoryBackend,
    first: Key,
    gate: Arc<Semaphore>,
    /// Somebody wants to.
    reached: Arc<Semaphore>,
}

impl Wrapper for Slow {
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
        async move {
            if range.start == Bound::Included(self.first.clone()) {
                self.reached.add_permits(1);
                drop(self.gate.acquire().await);
            }
            self.rows.scan(range, from, direction, limit).await
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_output_is_placed_behind_the_one_that_grows() {
    let [gate, reached] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
    let rows = MemoryBackend::new();
    let first = Rows::Node.at(&keys::item_path(&at("/root/job"), 1).unwrap());
    let slow = Slow { rows: rows.clone(), first, gate: gate.clone(), reached: reached.clone() };
    let world = World::setting().over(rows).brain("worker", move |turn| {
        let reached = reached.clone();
        async move {
            // No row ends before the output is about to grow.
            drop(reached.acquire().await);
            number(&turn)
        }
    });
    let world = world.open_on(Arc::new(slow)).await;
    let table = Table::of(5);
    // What grows has no columns for results: so the two are told apart.
    let output_format = OutputFormat { expand: true, grows: Some(GrowthOrder::Ends), ..OutputFormat::default() };
    let job = world.system.start_job(JobRequest { output_format, ..table.request("worker") }).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.state.is_final()).await;
    // Room enough for an output that did not wait: as much work on the disk as it takes, many times over.
    for _ in 0..20 {
        let synced = tokio::task::spawn_blocking(|| tempfile::tempfile().unwrap().sync_all());
        synced.await.unwrap().unwrap();
        pass(1).await;
    }
    assert!(world.system.job(&job).await.unwrap().job.exported.is_none(), "what grows is still at it");
    gate.add_permits(1);
    world.job_over(&job).await;
    world.end().await;
    let output = std::fs::read_to_string(table.output_path()).unwrap();
    assert!(output.lines().next().unwrap().ends_with("completed_at,row"), "{output}");
    assert_eq!(output.lines().count(), 6);
}
