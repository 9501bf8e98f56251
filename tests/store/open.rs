//! Opening, leaving and opening again.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bytes::Bytes;
use futures::{FutureExt, future};
use tempfile::TempDir;
use understory_store::{Backend, Commit, CommitError, SledBackend, SledOptions, StoreError};

use super::{put, version};

async fn open(dir: &Path) -> Result<SledBackend, StoreError> {
    SledBackend::open(dir, SledOptions::default()).await
}

#[tokio::test]
async fn what_was_committed_is_there_again() {
    let root = TempDir::new().unwrap();
    let dir = root.path().join("deep/store");
    for round in 0..3_u64 {
        let backend = open(&dir).await.unwrap();
        assert_eq!(backend.last(), round * 10);
        for n in round * 10 + 1..=round * 10 + 10 {
            let commit = Commit { events: vec![format!("event {n}").into()], ..put(format!("k{n}"), "x") };
            assert_eq!(backend.commit(commit).await.unwrap(), n);
        }
        for n in 1..=round * 10 + 10 {
            assert_eq!(version(&backend, format!("k{n}")).await, Some(n));
        }
        let told = backend.changes(0, usize::MAX).await.unwrap();
        let events: Vec<Bytes> = told.changes.into_iter().flat_map(|change| change.events).collect();
        let expected: Vec<Bytes> = (1..=round * 10 + 10).map(|n| format!("event {n}").into()).collect();
        assert_eq!((told.gap, events, told.through), (None, expected, round * 10 + 10));
        if round == 0 {
            backend.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_dropped_part_of_the_events_stays_dropped() {
    let root = TempDir::new().unwrap();
    let options = || SledOptions { events_max: 10_000, ..SledOptions::default() };
    let backend = SledBackend::open(root.path(), options()).await.unwrap();
    for n in 1..=50 {
        let commit = Commit { events: vec![vec![n; 1000].into()], ..Commit::default() };
        backend.commit(commit).await.unwrap();
    }
    let before = backend.changes(0, usize::MAX).await.unwrap();
    assert!(before.gap.is_some_and(|gap| (35..=45).contains(&gap)), "{:?}", before.gap);
    drop(backend);
    let backend = SledBackend::open(root.path(), options()).await.unwrap();
    // Memory may have kept less than the disk.
    let after = backend.changes(0, usize::MAX).await.unwrap();
    assert!(after.gap <= before.gap);
    assert_eq!(after.changes[after.changes.len() - before.changes.len()..], before.changes[..]);
    assert_eq!(after.changes.first().unwrap().version, after.gap.unwrap() + 1);
}

#[tokio::test]
async fn a_store_has_one_owner() {
    let root = TempDir::new().unwrap();
    let backend = open(root.path()).await.unwrap();
    match open(root.path()).await {
        Err(StoreError::InUse { dir, pid }) => {
            assert_eq!((dir.as_ref(), pid), (root.path().to_str().unwrap(), Some(std::process::id())));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(backend.commit(put("a", "x")).await.unwrap(), 1);
    drop(backend);
    assert_eq!(open(root.path()).await.unwrap().last(), 1);
}

/// A child process has, until it begins its program, every file that its parent has open, and with it every lock.
#[tokio::test]
async fn a_store_is_opened_again_while_processes_are_started() {
    let root = TempDir::new().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let over = over.clone();
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    assert!(Command::new("/bin/sh").args(["-c", ":"]).status().unwrap().success());
                }
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for _ in 0..40 {
        outcomes.push(open(root.path()).await.map(drop));
    }
    over.store(true, Ordering::SeqCst);
    for thread in starting {
        thread.join().unwrap();
    }
    assert!(outcomes.iter().all(Result::is_ok), "{:?}", outcomes.iter().find(|outcome| outcome.is_err()));
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_taken() {
    let root = TempDir::new().unwrap();
    let backend = open(root.path()).await.unwrap();
    let waiting = backend.commit(put("a", "x"));
    let (waited, shut) = futures::join!(waiting, backend.shutdown());
    assert_eq!((waited.unwrap(), shut.unwrap()), (1, ()));
    backend.shutdown().await.unwrap();
    let refused = backend.commit(put("b", "x")).await.unwrap_err();
    assert!(matches!(refused, CommitError::Store(StoreError::Closed)), "{refused:?}");
    assert!(matches!(backend.durable(2).await, Err(StoreError::Closed)));
    assert!(matches!(backend.get(vec![super::key("a")]).await, Err(StoreError::Closed)));
    backend.durable(1).await.unwrap();
    // The handle is still held, the directory is not.
    assert_eq!(version(&open(root.path()).await.unwrap(), "a").await, Some(1));
}

#[tokio::test]
async fn whoever_shuts_down_finds_the_directory_free() {
    let root = TempDir::new().unwrap();
    let options = SledOptions { settle_after: 0, ..SledOptions::default() };
    let backend = SledBackend::open(root.path(), options).await.unwrap();
    backend.commit(put("a", "x")).await.unwrap();
    let (first, second) = (Box::pin(backend.shutdown()), Box::pin(backend.shutdown()));
    let (shut, late) = future::select(first, second).await.factor_first();
    shut.unwrap();
    assert_eq!(version(&open(root.path()).await.unwrap(), "a").await, Some(1));
    late.await.unwrap();
    // Nor does it matter that the one who began it no longer waits.
    let backend = open(root.path()).await.unwrap();
    let mut first = Box::pin(backend.shutdown().fuse());
    while !matches!(backend.commit(Commit::default()).await, Err(CommitError::Store(StoreError::Closed))) {
        let _ = first.as_mut().now_or_never();
    }
    // It has begun to close the engine when it is dropped.
    let _ = first.as_mut().now_or_never();
    drop(first);
    backend.shutdown().await.unwrap();
    drop(open(root.path()).await.unwrap());
}

#[tokio::test]
async fn a_shutdown_after_much_was_written_makes_the_next_open_fast() {
    for (settle_after, settled) in [(1 << 20, false), (50_000, true)] {
        let root = TempDir::new().unwrap();
        let options = SledOptions { settle_after, ..SledOptions::default() };
        let backend = SledBackend::open(root.path(), options).await.unwrap();
        let at_open = snapshot(root.path());
        for n in 0..100 {
            backend.commit(put(format!("k{n}"), vec![7; 1000])).await.unwrap();
        }
        assert_eq!(backend.wants_settling(), settled);
        backend.shutdown().await.unwrap();
        let left = snapshot(root.path());
        assert_eq!(left != at_open, settled, "{at_open:?} {left:?}");
        // What lies behind the snapshot is read at the next open, which then leaves another.
        assert_eq!(version(&open(root.path()).await.unwrap(), "k99").await, Some(100));
        assert_eq!(snapshot(root.path()) == left, settled, "{left:?}");
    }
}

#[tokio::test]
async fn half_a_snapshot_is_removed() {
    let root = TempDir::new().unwrap();
    let backend = open(root.path()).await.unwrap();
    backend.commit(put("a", "x")).await.unwrap();
    drop(backend);
    let half = root.path().join("snap.00000000000012AB.generating");
    fs::write(&half, "half").unwrap();
    assert_eq!(version(&open(root.path()).await.unwrap(), "a").await, Some(1));
    assert!(!half.exists());
}

#[tokio::test]
async fn a_damaged_engine_is_an_error() {
    let root = TempDir::new().unwrap();
    let backend = open(root.path()).await.unwrap();
    for n in 0..200 {
        backend.commit(put(format!("k{n}"), vec![7; 1000])).await.unwrap();
    }
    drop(backend);
    // Once more, so that a snapshot covers what is damaged next.
    drop(open(root.path()).await.unwrap());
    let snapshot = snapshot(root.path()).unwrap();
    flip(&snapshot, fs::metadata(&snapshot).unwrap().len() / 2);
    let error = open(root.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn an_engine_that_lost_its_rows_is_damage() {
    let root = TempDir::new().unwrap();
    drop(open(root.path()).await.unwrap());
    for entry in fs::read_dir(root.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "db" || name.starts_with("snap.") {
            fs::remove_file(path).unwrap();
        }
    }
    let error = open(root.path()).await.unwrap_err();
    assert!(error.to_string().ends_with("its rows are gone, though it was created"), "{error}");
}

#[tokio::test]
async fn a_creation_that_was_cut_is_begun_again() {
    let root = TempDir::new().unwrap();
    let backend = open(root.path()).await.unwrap();
    backend.commit(put("a", "x")).await.unwrap();
    drop(backend);
    fs::remove_file(root.path().join("understory")).unwrap();
    assert_eq!(version(&open(root.path()).await.unwrap(), "a").await, Some(1));
    assert!(root.path().join("understory").exists());
}

/// The engine's snapshot, whose name says up to where it goes.
fn snapshot(dir: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap."))
}

fn flip(path: &Path, at: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 0x10]).unwrap();
}
