//! Retention: what a goal further up keeps, and what comes to be needed between the look and the commit.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use understory_store::{Backend, Commit, CommitError, GoalStatus, Keep, MemoryBackend, Table, Version, Wrapper, Write};

use super::retention::{DAY, prune, texts, within};
use super::table::{Table as JobTable, number};
use super::world::{World, at};
use crate::brain::BrainError;
use crate::job::{JobRequest, RetryRequest};
use crate::{GoalPatch, Hold, NewGoal, SpawnRequest};

/// Has something done behind a prune's back: right before the commit that is the first to take entries out once it is set.
struct Raced {
    rows: MemoryBackend,
    first: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Raced {
    fn new() -> Arc<Raced> {
        Arc::new(Raced { rows: MemoryBackend::new(), first: Mutex::new(None) })
    }

    fn set(&self, first: impl Future<Output = ()> + Send + 'static) {
        *self.first.lock().unwrap() = Some(first.boxed());
    }

    fn is_over(&self) -> bool {
        self.first.lock().unwrap().is_none()
    }
}

impl Wrapper for Raced {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        // Entries come by appends: only a prune writes over one.
        let takes_out = |write: &Write| matches!(write, Write::Put(key, _) | Write::Delete(key) if Table::of(key) == Some(Table::Transcript));
        let mut first = None;
        if commit.writes.iter().any(takes_out) {
            first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        async move {
            if let Some(first) = first {
                first.await;
            }
            self.rows.commit(commit).await
        }
        .boxed()
    }
}

/// Creates an agent without a brain that has a goal which stands so: nobody goes on with it.
async fn endow(world: &World, path: &str, status: GoalStatus) {
    world.system.spawn(vec![SpawnRequest::at(at(path))]).await.unwrap();
    set(world, path, status).await;
}

async fn set(world: &World, path: &str, status: GoalStatus) {
    let objective = NewGoal::new("win").unwrap().objective;
    let patch = GoalPatch { objective: Some(objective), ..GoalPatch::to(status) };
    world.system.set_goal(&at(path), patch).await.unwrap();
}

async fn turns(world: &World, path: &str, texts: &[&str]) {
    for text in texts {
        world.assign(path, text).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_active_goal_keeps_what_came_since_it_was_set_of_all_who_work_for_it() {
    let world = World::new().await;
    world.system.spawn(vec![SpawnRequest::at(at("/root/a"))]).await.unwrap();
    for path in ["/root/a/b", "/root/a/c", "/root/a/d"] {
        world.spawn(path, "echo").await;
        turns(&world, path, &["old", "old"]).await;
    }
    tokio::time::advance(DAY).await;
    set(&world, "/root/a", GoalStatus::Active).await;
    set(&world, "/root/a/c", GoalStatus::Paused).await;
    set(&world, "/root/a/d", GoalStatus::Complete).await;
    tokio::time::advance(DAY).await;
    for path in ["/root/a/b", "/root/a/c", "/root/a/d"] {
        turns(&world, path, &["new", "last"]).await;
    }
    let report = prune(&world, &within("/root", 0)).await;
    let held = [(at("/root/a/b"), Hold::ActiveGoal), (at("/root/a/d"), Hold::ActiveGoal)];
    assert_eq!(report.held, held, "one that is paused is nearer to c, and one that is complete is nobody's any more");
    for path in ["/root/a/b", "/root/a/d"] {
        assert_eq!(texts(&world, path).await, ["4 gone", "new", "new", "last", "last"], "{path}");
    }
    assert_eq!(texts(&world, "/root/a/c").await, ["6 gone", "last", "last"]);
    world.system.set_goal(&at("/root/a"), GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!((report.entries, report.held_total), (4, 0));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_activated_meanwhile_keeps_what_was_about_to_go() {
    let raced = Raced::new();
    let world = World::setting().open_on(raced.clone()).await;
    endow(&world, "/root/a", GoalStatus::Paused).await;
    world.spawn("/root/a/b", "echo").await;
    turns(&world, "/root/a/b", &["one", "two", "three"]).await;
    let system = world.system.clone();
    raced.set(async move {
        system.set_goal(&at("/root/a"), GoalPatch::to(GoalStatus::Active)).await.unwrap();
    });
    let report = world.system.prune(&within("/root", 0)).await.unwrap();
    assert!(raced.is_over());
    assert_eq!((report.entries, report.held), (0, vec![(at("/root/a/b"), Hold::ActiveGoal)]));
    assert_eq!(texts(&world, "/root/a/b").await, ["one", "one", "two", "two", "three", "three"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_opened_again_meanwhile_keeps_the_transcripts_of_its_rows() {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let raced = Raced::new();
    let setting = World::setting().brain("worker", move |turn| {
        let held = held.clone();
        async move {
            match turn.row().map(|row| (row.number, row.run)) {
                Some((1, 1)) => Err(BrainError::refused("not yet")),
                Some((1, _)) => {
                    held.acquire().await.expect("never closed").forget();
                    number(&turn)
                }
                _ => number(&turn),
            }
        }
    });
    let (world, table) = (setting.open_on(raced.clone()).await, JobTable::of(2));
    let request = JobRequest { keep: Keep::All, attempts: 1, ..table.request("worker") };
    let job = world.run_job(request).await.path;
    let kept = async || world.store().peek_keys(Table::Transcript.beneath(&job), None, 99).await.unwrap();
    let before = kept().await;
    assert!(!before.is_empty());
    let (system, path) = (world.system.clone(), job.clone());
    raced.set(async move {
        system.retry_job(&path, &RetryRequest::all()).await.unwrap();
    });
    let report = world.system.prune(&within("/root", 0)).await.unwrap();
    assert!(raced.is_over());
    assert_eq!(report.entries, 0);
    assert!(report.held_total > 0 && report.held.iter().all(|(_, hold)| *hold == Hold::OpenJob), "{report:?}");
    let after = kept().await;
    assert!(before.iter().all(|key| after.contains(key)), "nothing has gone");
    gate.add_permits(1);
    world.job_over(&job).await;
    let report = world.system.prune(&within("/root", 0)).await.unwrap();
    assert!(report.entries > 0 && report.held_total == 0, "{report:?}");
    world.end().await;
}
