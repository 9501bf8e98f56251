//! A store that takes no more commits: who waits is told, and when there is room again everything goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use understory_store::{Backend, Commit, CommitError, MemoryBackend, Version, Wrapper};

use super::table::{Table, number};
use super::world::{LONG, World, at};
use crate::brain::Response;
use crate::{Error, Until};

/// A store in memory on a disk that is full while the flag is up.
struct Disk {
    rows: MemoryBackend,
    full: Arc<AtomicBool>,
}

impl Wrapper for Disk {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        match self.full.load(Ordering::SeqCst) {
            true => futures::future::ready(Err(CommitError::StorageFull)).boxed(),
            false => self.rows.commit(commit),
        }
    }
}

/// A world whose brain `last` fills the disk with what it is asked when that has `fill` in it.
async fn world() -> (World, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let flag = full.clone();
    let setting = World::setting().brain("last", move |turn| {
        let flag = flag.clone();
        async move {
            if turn.text().contains("fill") || turn.row().is_some_and(|row| row.number == 5 && row.run == 1) {
                flag.store(true, Ordering::SeqCst);
            }
            match turn.row() {
                Some(_) => number(&turn),
                None => Ok(Response::text("done")),
            }
        }
    });
    let disk = Disk { rows: MemoryBackend::new(), full: full.clone() };
    (setting.open_on(Arc::new(disk)).await, full)
}

fn is_full<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Commit(CommitError::StorageFull))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_job_is_told_and_the_job_goes_on_when_there_is_room() {
    let (world, full) = world().await;
    let table = Table::of(20);
    let started = world.system.start_job(table.request("last")).await.unwrap();
    is_full(&tokio::time::timeout(LONG, world.system.job_finished(&started.job.path)).await.unwrap());
    // Who asks only now is told too.
    is_full(&tokio::time::timeout(LONG, world.system.run_to_rest(&at("/root"))).await.unwrap());
    is_full(&tokio::time::timeout(LONG, world.system.job_finished(&started.job.path)).await.unwrap());
    full.store(false, Ordering::SeqCst);
    let view = world.run_job(table.request("last")).await;
    assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", 20));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_is_told_and_the_turn_runs_again_when_there_is_room() {
    let (world, full) = world().await;
    world.spawn("/root/ada", "last").await;
    is_full(&tokio::time::timeout(LONG, world.assign("/root/ada", "fill it")).await.unwrap());
    let ada = [at("/root/ada")];
    let wait = async || {
        let wait = world.system.wait(&ada, Until::All, LONG);
        tokio::time::timeout(LONG, wait).await.unwrap()
    };
    is_full(&wait().await);
    full.store(false, Ordering::SeqCst);
    // The turn that comes fills it again, and is charged: after the second time it is given up.
    is_full(&wait().await);
    full.store(false, Ordering::SeqCst);
    assert_eq!(wait().await.unwrap().len(), 1);
    assert_eq!(world.status("/root/ada").await, "errored");
    world.end().await;
}
