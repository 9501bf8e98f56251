//! A sync that fails: whoever waits is told, nothing more is taken, and what was acknowledged is there afterwards.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use tempfile::TempDir;
use understory_store::{Backend, CommitError, Disk, SledBackend, SledOptions, StoreError, Version};

use super::{put, version};

/// Fails one sync, by an error or a panic.
struct Failing {
    at: u64,
    panics: bool,
    syncs: AtomicU64,
}

impl Disk for Failing {
    fn sync(&self, file: &File, _through: Version) -> io::Result<()> {
        if self.syncs.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            assert!(!self.panics, "the disk is on fire");
            return Err(io::Error::other("the disk is on fire"));
        }
        file.sync_data()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_closes_the_store_for_writing() {
    for panics in [false, true] {
        for at in 1..=4 {
            check(at, panics).await;
        }
    }
}

async fn check(at: u64, panics: bool) {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(Failing { at, panics, syncs: AtomicU64::new(0) });
    let options = SledOptions { disk: disk.clone(), ..SledOptions::default() };
    let backend = SledBackend::open(dir.path(), options).await.unwrap();
    for n in 1..at {
        assert_eq!(backend.commit(put(format!("k{n}"), "x")).await.unwrap(), n);
    }
    let mut waiting = backend.durable(at);
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_poisoned(&backend.commit(put("failing", "x")).await.unwrap_err(), panics);
    assert_poisoned(&waiting.await.unwrap_err().into(), panics);
    assert_poisoned(&backend.commit(put("later", "x")).await.unwrap_err(), panics);
    assert_eq!(disk.syncs.load(Ordering::SeqCst), at, "a sync is not tried again");
    assert_eq!(backend.last(), at - 1);
    backend.durable(at - 1).await.unwrap();
    for n in 1..at {
        assert_eq!(version(&backend, format!("k{n}")).await, Some(n), "reads go on");
    }
    drop(backend);
    let backend = SledBackend::open(dir.path(), SledOptions::default()).await.unwrap();
    for n in 1..at {
        assert_eq!(version(&backend, format!("k{n}")).await, Some(n));
    }
    assert_eq!(version(&backend, "later").await, None);
    // What failed may be there or not, but the numbers agree.
    let last = backend.last();
    assert_eq!(version(&backend, "failing").await, (last == at).then_some(at));
    assert_eq!(backend.commit(put("next", "x")).await.unwrap(), last + 1);
}

#[track_caller]
fn assert_poisoned(error: &CommitError, panicked: bool) {
    let CommitError::Store(StoreError::Poisoned(Some(source))) = error else { panic!("{error:?}") };
    let expected = if panicked { "engine panicked: the disk is on fire" } else { "the disk is on fire" };
    assert_eq!(source.to_string(), expected);
}
