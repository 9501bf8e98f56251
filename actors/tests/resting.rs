//! Commits that rest on one that is under way: two at a time, and refused together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;
use understory_store::{Backend, Commit, CommitError, Key, MemoryBackend, Version, Wrapper};

use super::table::{Table, number};
use super::world::{Setting, World, at};
use crate::brain::{Response, Turn};
use crate::job::JobRequest;
use crate::{Error, Nickname, SpawnRequest};

/// How many rows run at once.
const PLACES: usize = 12;
/// How many times others get their turn before a commit is applied, and before it is answered.
pub(super) const STEPS: usize = 25;

/// A store in memory whose commits are applied and answered late, in order, and one of them with a conflict.
pub(super) struct Slow {
    rows: MemoryBackend,
    /// Which one conflicts, from 1; none is 0.
    conflict: AtomicU64,
    pub(super) asked: AtomicU64,
    under_way: AtomicU64,
    /// The most that were under way at once.
    pub(super) most: AtomicU64,
}

impl Slow {
    pub(super) fn new() -> Arc<Slow> {
        let rows = MemoryBackend::new();
        Arc::new(Slow { rows, conflict: 0.into(), asked: 0.into(), under_way: 0.into(), most: 0.into() })
    }

    /// Counts from here on.
    pub(super) fn begin(&self, conflict: u64) {
        self.conflict.store(conflict, Ordering::SeqCst);
        self.asked.store(0, Ordering::SeqCst);
        self.most.store(0, Ordering::SeqCst);
    }
}

impl Wrapper for Slow {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        async move {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(under_way, Ordering::SeqCst);
            lag().await;
            let answer = match asked == self.conflict.load(Ordering::SeqCst) {
                true => Err(CommitError::Conflict { key: Key::new("somebody's"), found: None }),
                false => self.rows.commit(commit).await,
            };
            lag().await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            answer
        }
        .boxed()
    }
}

async fn lag() {
    a_while(STEPS).await;
}

pub(super) async fn a_while(steps: usize) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}

fn setting() -> Setting {
    let working = Arc::new(Semaphore::new(PLACES));
    World::setting().brain("number", move |turn: Turn| {
        let working = working.clone();
        async move {
            let _place = working.try_acquire().expect("no more rows run than the job has places");
            // Some are done sooner than others, so that groups meet.
            for _ in 0..turn.row().map_or(0, |row| row.number % 7 * 10) {
                tokio::task::yield_now().await;
            }
            number(&turn)
        }
    })
}

/// Runs a job of 60 rows over a store whose commit `conflict`, counted from the first group on, is refused.
async fn run(conflict: u64) -> Arc<Slow> {
    let slow = Slow::new();
    let world = setting().open_on(slow.clone()).await;
    let table = Table::of(60);
    // Its creation, and its rows.
    slow.begin(if conflict == 0 { 0 } else { conflict + 2 });
    let view = world.run_job(JobRequest { concurrency: PLACES as u32, attempts: 1, ..table.request("number") }).await;
    assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", 60), "conflict {conflict}");
    let rows: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    let expected: Vec<_> = (1..=60).map(|row| format!("{{\"row\":{row}}}")).collect();
    assert_eq!(rows, expected, "conflict {conflict}");
    world.end().await;
    slow
}

#[tokio::test(start_paused = true)]
async fn a_jobs_next_group_is_with_the_store_while_one_is_under_way() {
    let slow = run(0).await;
    assert_eq!(slow.most.load(Ordering::SeqCst), 2);
}

/// Whichever group is refused, the one that rests on it is too, and no row is lost or run twice to its end.
#[tokio::test(start_paused = true)]
async fn a_group_is_refused_with_the_one_it_rests_on() {
    let groups = run(0).await.asked.load(Ordering::SeqCst) - 3;
    assert!(groups > 8, "{groups} groups");
    for conflict in 1..=groups {
        run(conflict).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_asked_again_while_it_is_under_way_is_answered_with_it() {
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let tell = told.clone();
    let world = World::setting().brain("twice", move |turn: Turn| {
        let tell = tell.clone();
        async move {
            let again = async {
                a_while(STEPS / 2).await;
                turn.report("{\"second\":1}", false).await
            };
            let both = futures::join!(turn.report("{\"first\":1}", false), again);
            tell.lock().unwrap().push(both);
            Ok(Response::text("told"))
        }
    });
    let world = world.open_on(Slow::new()).await;
    let table = Table::of(3);
    world.run_job(JobRequest { attempts: 1, ..table.request("twice") }).await;
    let rows: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    assert_eq!(rows, ["{\"first\":1}"; 3]);
    world.end().await;
    let told = told.lock().unwrap();
    assert!(told.len() == 3 && told.iter().all(|(first, again)| first.is_ok() && again.is_ok()), "{told:?}");
}

/// Has 32 callers spawn ten children each, over a store whose commit `conflict` is refused.
async fn spawn(conflict: u64) -> Arc<Slow> {
    let slow = Slow::new();
    let world = setting().open_on(slow.clone()).await;
    slow.begin(conflict);
    let caller = async |caller: u32| {
        for child in 0..10 {
            let path = at(&format!("/root/a{caller}_{child}"));
            world.system.spawn(vec![SpawnRequest::at(path)]).await.unwrap();
            // Each at a pace of its own.
            for _ in 0..2 * caller {
                tokio::task::yield_now().await;
            }
        }
    };
    join_all((0..32).map(caller)).await;
    assert_eq!(world.count("/root").await, 320, "conflict {conflict}");
    world.end().await;
    slow
}

#[tokio::test(start_paused = true)]
async fn the_registrars_next_drain_is_with_the_store_while_one_is_under_way() {
    let slow = spawn(0).await;
    assert_eq!(slow.most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_refused_with_the_one_it_rests_on() {
    let drains = spawn(0).await.asked.load(Ordering::SeqCst);
    assert!(drains > 8, "{drains} drains");
    for conflict in 1..=drains {
        spawn(conflict).await;
    }
}

/// What waits behind a drain goes by what that leaves: nobody gets a name twice, and a child finds its parent.
#[tokio::test(start_paused = true)]
async fn a_drain_goes_by_what_the_one_before_leaves() {
    let slow = Slow::new();
    let world = setting().open_on(slow.clone()).await;
    let spawn = async |after: usize, path: &str, nickname: Option<&str>| {
        a_while(after).await;
        let nickname = nickname.map_or(Nickname::Off, |nickname| Nickname::Given(nickname.to_owned()));
        world.system.spawn(vec![SpawnRequest { nickname, ..SpawnRequest::at(at(path)) }]).await.map(drop)
    };
    let (parent, child) = futures::join!(spawn(0, "/root/p", None), spawn(STEPS / 2, "/root/p/kid", None));
    assert!(parent.is_ok() && child.is_ok(), "{parent:?} {child:?}");
    let (one, two) = futures::join!(spawn(0, "/root/a", Some("ada")), spawn(STEPS / 2, "/root/b", Some("ada")));
    assert!(one.is_ok() && matches!(two, Err(Error::NicknameTaken { .. })), "{one:?} {two:?}");
    slow.begin(0);
    let (one, two) = futures::join!(spawn(0, "/root/c", None), spawn(STEPS / 2, "/root/c", None));
    assert!(one.is_ok() && matches!(two, Err(Error::Exists { .. })), "{one:?} {two:?}");
    assert_eq!(slow.asked.load(Ordering::SeqCst), 2, "the second was refused without a try");
    world.end().await;
}
