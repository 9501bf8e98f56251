//! A store that takes no more commits: who waits is told, and when there is room again everything goes on.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use understory_store::{Backend, Commit, CommitError, MemoryBackend, Version, Wrapper};

use super::table::{Table, number};
use super::world::{LONG, World, at, pass};
use crate::brain::Response;
use crate::{Error, Until};

/// A store in memory on a disk that is full while the flag is up.
struct Disk {
    rows: MemoryBackend,
    full: Arc<AtomicBool>,
    refused: Arc<AtomicU32>,
}

impl Wrapper for Disk {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        match self.full.load(Ordering::SeqCst) {
            true => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                futures::future::ready(Err(CommitError::StorageFull)).boxed()
            }
            false => self.rows.commit(commit),
        }
    }
}

/// A disk as a test sees it.
struct Room {
    full: Arc<AtomicBool>,
    refused: Arc<AtomicU32>,
    /// The attempts that brains were called in.
    attempts: Arc<Mutex<Vec<u32>>>,
}

/// A world whose brain `last` fills the disk when it is asked something with `fill` in it.
async fn world() -> (World, Room) {
    let room = Room { full: Arc::default(), refused: Arc::default(), attempts: Arc::default() };
    let (flag, attempts) = (room.full.clone(), room.attempts.clone());
    let setting = World::setting().brain("last", move |turn| {
        let (flag, attempts) = (flag.clone(), attempts.clone());
        async move {
            attempts.lock().unwrap().push(turn.attempt());
            if turn.text().contains("fill") || turn.row().is_some_and(|row| row.number == 5 && row.run == 1) {
                flag.store(true, Ordering::SeqCst);
            }
            match turn.row() {
                Some(_) => number(&turn),
                None => Ok(Response::text("done")),
            }
        }
    });
    let disk = Disk { rows: MemoryBackend::new(), full: room.full.clone(), refused: room.refused.clone() };
    (setting.limits(|limits| limits.turns = 1).open_on(Arc::new(disk)).await, room)
}

fn is_full<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Commit(CommitError::StorageFull))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_job_is_told_and_the_job_goes_on_when_there_is_room() {
    let (world, room) = world().await;
    let table = Table::of(20);
    let started = world.system.start_job(table.request("last")).await.unwrap();
    is_full(&tokio::time::timeout(LONG, world.system.job_finished(&started.job.path)).await.unwrap());
    // Who asks only now is told too.
    is_full(&tokio::time::timeout(LONG, world.system.run_to_rest(&at("/root"))).await.unwrap());
    is_full(&tokio::time::timeout(LONG, world.system.job_finished(&started.job.path)).await.unwrap());
    room.full.store(false, Ordering::SeqCst);
    let view = world.run_job(table.request("last")).await;
    assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", 20));
    // Nobody died: what a run came to while the disk was full is taken, and no row is charged.
    let items = world.items(&view.path).await;
    assert!(
        items.iter().all(|view| (view.item.run, view.item.crashes) == (1, 0)),
        "{}",
        world.item_words(&view.path).await
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_is_told_and_its_answer_is_kept_until_there_is_room() {
    let (world, room) = world().await;
    world.spawn("/root/ada", "last").await;
    is_full(&tokio::time::timeout(LONG, world.assign("/root/ada", "fill it")).await.unwrap());
    // Who asks only now is told too.
    let ada = [at("/root/ada")];
    is_full(&tokio::time::timeout(LONG, world.system.wait(&ada, Until::All, LONG)).await.unwrap());
    assert_eq!(world.status("/root/ada").await, "running");
    assert!(!world.system.interrupt(&at("/root/ada")).await.unwrap(), "its brain has answered");
    room.full.store(false, Ordering::SeqCst);
    // Nobody wakes it.
    pass(31).await;
    assert_eq!(world.status("/root/ada").await, "completed");
    assert_eq!(*room.attempts.lock().unwrap(), [1], "it is not run again for want of room");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_finds_no_room_starts_by_itself_when_there_is_some_and_is_not_charged() {
    let (world, room) = world().await;
    world.spawn("/root/ada", "last").await;
    world.ask("/root/ada", "hello").await.unwrap();
    room.full.store(true, Ordering::SeqCst);
    world.system.run(&at("/root")).await.unwrap();
    pass(300).await;
    // After 1, 2, 4, 8 and 16 s, and then every 30 s, each up to a quarter sooner.
    let refused = room.refused.load(Ordering::SeqCst);
    assert!((14..=19).contains(&refused), "tried {refused} times in 300 s");
    assert!(world.system.slots.take().is_some(), "its turn slot is free meanwhile");
    room.full.store(false, Ordering::SeqCst);
    pass(31).await;
    assert_eq!(world.status("/root/ada").await, "completed");
    assert_eq!(*room.attempts.lock().unwrap(), [1]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_room() {
    let (world, room) = world().await;
    world.spawn("/root/ada", "last").await;
    is_full(&tokio::time::timeout(LONG, world.assign("/root/ada", "fill it")).await.unwrap());
    assert!(room.full.load(Ordering::SeqCst));
    let begun = tokio::time::Instant::now();
    world.end().await;
    assert_eq!(begun.elapsed().as_secs(), 0);
}
