//! The disk is full: commits are refused, reads go on, and nothing acknowledged is lost.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use understory_store::{Backend, Commit, CommitError, Disk, SledBackend, SledOptions, StoreError, Version, Write};

use super::volume::Volume;
use super::{key, long, put, skip, version};

/// More commits than fit on any disk of these tests.
const FULL_AFTER: u64 = 5000;

/// Has room for so many drains.
struct Short {
    drains: AtomicU64,
}

/// Has so many bytes left.
struct Room(AtomicU64);

/// Does not look how much room is left, as if others took it after the look.
struct Blind;

impl Disk for Short {
    fn sync(&self, file: &File, _through: Version) -> io::Result<()> {
        file.sync_data()
    }

    fn free(&self, _file: &File) -> u64 {
        match self.drains.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => u64::MAX,
            Err(_) => 0,
        }
    }
}

impl Disk for Room {
    fn sync(&self, file: &File, _through: Version) -> io::Result<()> {
        file.sync_data()
    }

    fn free(&self, _file: &File) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Disk for Blind {
    fn sync(&self, file: &File, _through: Version) -> io::Result<()> {
        file.sync_data()
    }

    fn free(&self, _file: &File) -> u64 {
        u64::MAX
    }
}

/// 8 MiB, a 32nd of the file, and four times what is to be written.
#[tokio::test]
async fn a_commit_is_refused_that_would_not_leave_the_room_to_open_the_store() {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(Room(AtomicU64::new(u64::MAX)));
    let options = SledOptions { disk: disk.clone(), ..SledOptions::default() };
    let backend = SledBackend::open(dir.path(), options).await.unwrap();
    let payloads = [4 << 10; 64];
    let commit = || Commit {
        writes: (0..).zip(payloads).map(|(n, size)| Write::Put(key(format!("k{n}")), vec![7; size].into())).collect(),
        ..Commit::default()
    };
    backend.commit(commit()).await.unwrap();
    let file = std::fs::metadata(dir.path().join("db")).unwrap().len();
    let least = (8 << 20) + file / 32 + 4 * payloads.iter().sum::<usize>() as u64;
    disk.0.store(least, Ordering::SeqCst);
    assert!(matches!(backend.commit(commit()).await.unwrap_err(), CommitError::StorageFull));
    // Each row has its key and 17 bytes more, and the head of all commits is written too.
    disk.0.store(least + 4 * 64 * 32, Ordering::SeqCst);
    assert_eq!(backend.commit(commit()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_room_refuses_at_every_write() {
    for room in 0..6 {
        let dir = TempDir::new().unwrap();
        let disk = Arc::new(Short { drains: AtomicU64::new(room) });
        let options = SledOptions { disk: disk.clone(), ..SledOptions::default() };
        let backend = SledBackend::open(dir.path(), options).await.unwrap();
        assert_eq!(fill(&backend).await, room);
        assert_kept(&backend, room).await;
        // Nothing was applied, so it goes on as soon as there is room.
        disk.drains.store(1, Ordering::SeqCst);
        assert_eq!(backend.commit(put("again", "x")).await.unwrap(), room + 1);
        fill(&backend).await;
        drop(backend);
        let backend = SledBackend::open(dir.path(), SledOptions::default()).await.unwrap();
        assert_kept(&backend, room).await;
        assert_eq!((backend.last(), version(&backend, "again").await), (room + 1, Some(room + 1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_is_opened_again() {
    for kilobytes in [9_000, 9_400, 10_300, 12_000] {
        let volume = match Volume::tmpfs(kilobytes) {
            Ok(volume) => volume,
            Err(reason) => return skip("a_full_disk_refuses_and_is_opened_again", &reason),
        };
        let dir = volume.path().join("store");
        let mut kept = 0;
        for _ in 0..3 {
            // Without more room: the reserve is there for this.
            let backend = SledBackend::open(&dir, SledOptions::default()).await.unwrap();
            assert_eq!(backend.last(), kept);
            assert_kept(&backend, kept).await;
            kept += fill(&backend).await;
            assert_kept(&backend, kept).await;
        }
        volume.grow(64 << 10);
        let backend = SledBackend::open(&dir, SledOptions::default()).await.unwrap();
        assert_eq!(backend.commit(put("next", "x")).await.unwrap(), kept + 1);
        assert!(kept > 10, "{kept} commits into {kilobytes} kB prove little");
    }
}

/// The engine itself finds no room, somewhere within a batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_without_room_loses_nothing_it_acknowledged() {
    let step = if long() { 3 } else { 97 };
    for kilobytes in (700..2_400).step_by(step) {
        let volume = match Volume::tmpfs(kilobytes) {
            Ok(volume) => volume,
            Err(reason) => return skip("an_engine_without_room_loses_nothing_it_acknowledged", &reason),
        };
        let dir = volume.path().join("store");
        let backend = SledBackend::open(&dir, SledOptions { disk: Arc::new(Blind), ..SledOptions::default() }).await;
        let backend = backend.unwrap();
        let kept = fill(&backend).await;
        let mut read = 0;
        for n in 0..kept {
            match backend.get(vec![key(format!("k{n}"))]).await {
                Ok(found) => {
                    assert_eq!(found.rows[0].as_ref().unwrap().version, n + 1);
                    read += 1;
                }
                // The page was to be split, for which there is no room.
                Err(error) => assert!(matches!(error, StoreError::Io { .. }), "{error:?}"),
            }
        }
        assert!(read > kept / 2, "of {kept} rows only {read} can be read");
        drop(backend);
        volume.grow(64 << 10);
        let backend = SledBackend::open(&dir, SledOptions::default()).await.unwrap();
        assert_kept(&backend, kept).await;
        assert_eq!(version(&backend, "refused").await, None);
        let last = backend.last();
        assert!(last == kept || last == kept + 1, "{last} after {kept}");
        assert_eq!(backend.commit(put("next", "x")).await.unwrap(), last + 1);
    }
}

/// Commits until there is no room, and says how many were acknowledged.
async fn fill(backend: &SledBackend) -> Version {
    let first = backend.last();
    let mut last = first;
    while last < first + FULL_AFTER {
        match backend.commit(put(format!("k{last}"), vec![7; 3000])).await {
            Ok(version) => {
                last += 1;
                assert_eq!(version, last);
            }
            Err(CommitError::StorageFull) => return refused(backend, last).await - first,
            Err(error) => panic!("after {last}: {error:?}"),
        }
    }
    panic!("the disk is never full");
}

async fn refused(backend: &SledBackend, last: Version) -> Version {
    let refused = backend.commit(put("refused", vec![7; 3000])).await.unwrap_err();
    assert!(matches!(refused, CommitError::StorageFull), "{refused:?}");
    assert_eq!(backend.last(), last);
    last
}

async fn assert_kept(backend: &SledBackend, kept: Version) {
    for n in 0..kept {
        assert_eq!(version(backend, format!("k{n}")).await, Some(n + 1));
    }
}
