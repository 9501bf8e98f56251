//! Drains: what gathers during a sync is decided together, within the bounds.

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tempfile::TempDir;
use tokio::task::unconstrained;
use understory_store::{
    Backend, Change, Commit, CommitError, Expect, SledBackend, SledOptions, StoreError, Version, Write,
};

use super::held::Gate;
use super::{key, put, read, version};

type Answer<'a> = BoxFuture<'a, Result<Version, CommitError>>;

/// Lets these commits gather behind one that is being synced, and says through which commits the syncs after it go.
async fn gathered(backend: &SledBackend, gate: &mut Gate, commits: Vec<Commit>) -> (Vec<Answered>, Vec<Version>) {
    let mut first = backend.commit(Commit::default());
    assert!(first.as_mut().now_or_never().is_none());
    let begun = gate.entered().await;
    let mut waiting: Vec<Answer<'_>> = commits.into_iter().map(|commit| backend.commit(commit)).collect();
    for commit in &mut waiting {
        // However many there are, this task does not give way before they all wait.
        assert!(unconstrained(commit).now_or_never().is_none());
    }
    gate.release(Ok(()));
    assert_eq!(first.await.unwrap(), begun);
    let answers = join_all(waiting);
    tokio::pin!(answers);
    let mut syncs = Vec::new();
    loop {
        tokio::select! {
            biased;
            through = gate.entered() => {
                syncs.push(through);
                gate.release(Ok(()));
            }
            answers = &mut answers => return (answers, syncs),
        }
    }
}

type Answered = Result<Version, CommitError>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_one_drain_see_each_other() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let taking = |name: &str| Commit { expects: vec![Expect::Absent(key("seat"))], ..put("seat", name) };
    let freeing = |version| Commit {
        expects: vec![Expect::At(key("seat"), version)],
        writes: vec![Write::Delete(key("seat"))],
        ..Commit::default()
    };
    let commits = vec![taking("one"), taking("two"), freeing(1), freeing(2), freeing(2), taking("three")];
    let (answers, syncs) = gathered(&backend, &mut gate, commits).await;
    let conflict = |answer: &Answered| match answer {
        Err(CommitError::Conflict { key: at, found }) if *at == key("seat") => *found,
        other => panic!("{other:?}"),
    };
    assert_eq!(*answers[0].as_ref().unwrap(), 2);
    assert_eq!(conflict(&answers[1]), Some(2));
    assert_eq!(conflict(&answers[2]), Some(2));
    assert_eq!(*answers[3].as_ref().unwrap(), 3);
    assert_eq!(conflict(&answers[4]), None);
    assert_eq!(*answers[5].as_ref().unwrap(), 4);
    assert_eq!(syncs, [4], "one drain, one sync");
    let seat = read(&backend, "seat").await.unwrap();
    assert_eq!((&seat.payload[..], seat.version), (&b"three"[..], 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_closes_at_512_writes() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let of = |writes: usize| Commit { writes: vec![Write::Delete(key("x")); writes], ..Commit::default() };
    let commits = vec![of(256), of(256), of(1), of(511), of(1), of(1024), of(1), of(0)];
    let (_, syncs) = gathered(&backend, &mut gate, commits).await;
    assert_eq!(syncs, [3, 5, 6, 7, 9]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_closes_at_512_commits() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let (_, syncs) = gathered(&backend, &mut gate, vec![Commit::default(); 600]).await;
    assert_eq!(syncs, [513, 601]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_closes_at_a_megabyte() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let of = |pages: usize| {
        let put = |n| Write::Put(key(format!("x/{n}")), vec![7; 4096].into());
        Commit { writes: (0..pages).map(put).collect(), ..Commit::default() }
    };
    let commits = vec![of(128), of(128), of(1), of(1), of(400), of(1)];
    let (_, syncs) = gathered(&backend, &mut gate, commits).await;
    assert_eq!(syncs, [3, 5, 6, 7]);
    assert_eq!(version(&backend, "x/399").await, Some(6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_waits_for_what_it_rests_on() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let mut first = backend.commit(put("a", "x"));
    assert!(first.as_mut().now_or_never().is_none());
    gate.entered().await;
    let mut second = backend.commit(put("b", "x"));
    assert!(second.as_mut().now_or_never().is_none());
    let mut refused = backend.commit(Commit { expects: vec![Expect::Absent(key("b"))], ..Commit::default() });
    assert!(refused.as_mut().now_or_never().is_none());
    gate.release(Ok(()));
    gate.entered().await;
    assert!(refused.as_mut().now_or_never().is_none(), "b is not durable yet");
    gate.release(Ok(()));
    assert!(matches!(refused.await.unwrap_err(), CommitError::Conflict { found: Some(2), .. }));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (1, 2));
    // Nothing of this drain is to be written, so nothing is synced.
    let alone = backend.commit(Commit { expects: vec![Expect::Absent(key("b"))], ..Commit::default() });
    assert!(matches!(alone.await.unwrap_err(), CommitError::Conflict { found: Some(2), .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_drain_are_told_apart() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let telling = |n: u8| {
        let events = (0..n % 4).map(|index| vec![index; usize::from(n) * 10].into()).collect();
        Commit { events, ..Commit::default() }
    };
    let (_, syncs) = gathered(&backend, &mut gate, (2..=40).map(telling).collect()).await;
    assert_eq!(syncs, [40]);
    drop(gate);
    drop(backend);
    // Nothing is in memory after opening it again.
    let backend = SledBackend::open(dir.path(), SledOptions::default()).await.unwrap();
    for after in 0..=40 {
        let told = backend.changes(after.into(), 3).await.unwrap();
        let expected: Vec<Change> = (after + 1..=40)
            .filter(|n| *n > 1 && n % 4 > 0)
            .take(3)
            .map(|n| Change { version: n.into(), events: telling(n).events })
            .collect();
        assert_eq!((told.gap, &told.changes), (None, &expected), "after {after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_decides_what_waits() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let mut first = backend.commit(put("a", "x"));
    assert!(first.as_mut().now_or_never().is_none());
    gate.entered().await;
    let shutdown = backend.shutdown();
    tokio::pin!(shutdown);
    assert!(shutdown.as_mut().now_or_never().is_none());
    let mut second = backend.commit(put("b", "x"));
    assert!(second.as_mut().now_or_never().is_none());
    gate.release(Ok(()));
    gate.release(Ok(()));
    shutdown.await.unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (1, 2));
    let refused = backend.commit(put("c", "x")).await.unwrap_err();
    assert!(matches!(refused, CommitError::Store(StoreError::Closed)), "{refused:?}");
}
