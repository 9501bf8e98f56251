//! Apply, sync, acknowledge: in this order, for every commit.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use futures::FutureExt;
use futures::future::join_all;
use tempfile::TempDir;
use understory_store::{Backend, Disk, SledBackend, SledOptions, Version};

use super::held::Gate;
use super::{put, version};

/// Looks at the store from inside the sync, and notes what was synced.
#[derive(Default)]
struct Recorder {
    backend: OnceLock<Weak<SledBackend>>,
    /// The last commit of each sync that has returned.
    synced: Mutex<Vec<Version>>,
    wrong: Mutex<Vec<String>>,
}

impl Recorder {
    /// Commits up to here may be acknowledged.
    fn synced(&self) -> Version {
        self.synced.lock().unwrap().last().copied().unwrap_or(0)
    }

    fn demand(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.lock().unwrap().push(what());
        }
    }
}

impl Disk for Recorder {
    fn sync(&self, file: &File, through: Version) -> io::Result<()> {
        let backend = self.backend.get().and_then(Weak::upgrade).expect("the test holds the backend");
        let before = self.synced();
        self.demand(through > before, || format!("a sync through {through} after one through {before}"));
        self.demand(backend.last() == before, || format!("{} is durable before the sync of {through}", backend.last()));
        for commit in before + 1..=through {
            let found = backend.get(vec![super::key(format!("commit/{commit}"))]).now_or_never();
            let found = found.expect("few rows are read without waiting").unwrap();
            self.demand(found.rows[0].is_some(), || format!("{commit} is synced before it was applied"));
            self.demand(found.through >= commit, || format!("{commit} was seen with through {}", found.through));
        }
        file.sync_data()?;
        self.synced.lock().unwrap().push(through);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledgement_follows_its_sync_and_every_sync_its_apply() {
    let dir = TempDir::new().unwrap();
    let recorder = Arc::new(Recorder::default());
    let options = SledOptions { disk: recorder.clone(), ..SledOptions::default() };
    let backend = Arc::new(SledBackend::open(dir.path(), options).await.unwrap());
    recorder.backend.set(Arc::downgrade(&backend)).unwrap();
    // Asked for one after the other, so that the name can be the number.
    let (queue, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let asking = async {
        for number in 1..=600_u64 {
            let mut commit = backend.commit(put(format!("commit/{number}"), "x"));
            assert!(commit.as_mut().now_or_never().is_none());
            queue.send((number, commit)).unwrap();
            if number % 40 == 0 {
                tokio::task::yield_now().await;
            }
        }
        drop(queue);
    };
    let answering = async {
        while let Some((number, commit)) = asked.recv().await {
            assert_eq!(commit.await.unwrap(), number);
            assert!(recorder.synced() >= number, "{number} is acknowledged before its sync");
        }
    };
    futures::join!(asking, answering);
    assert_eq!(*recorder.wrong.lock().unwrap(), Vec::<String>::new());
    assert_eq!(recorder.synced(), 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_while_it_is_synced() {
    let dir = TempDir::new().unwrap();
    let (backend, mut gate) = Gate::open(dir.path()).await;
    let mut waiting = vec![backend.commit(put("a", "x")), backend.commit(put("b", "x"))];
    let mut told = put("c", "x");
    told.events = vec!["told".into()];
    waiting.push(backend.commit(told));
    for commit in &mut waiting {
        assert!(commit.as_mut().now_or_never().is_none());
    }
    let mut durable = backend.durable(3);
    assert!(durable.as_mut().now_or_never().is_none());
    // The first drain may have taken any number of the three.
    let mut through = 0;
    while through < 3 {
        through = tokio::select! {
            through = gate.entered() => through,
            _ = &mut durable => panic!("it is acknowledged without a sync"),
        };
        assert!(version(&backend, "a").await.is_some(), "what is synced was applied");
        assert!(backend.last() < through);
        assert_eq!(backend.changes(0, 9).await.unwrap().changes, []);
        assert!(waiting.last_mut().unwrap().as_mut().now_or_never().is_none());
        assert!(durable.as_mut().now_or_never().is_none());
        gate.release(Ok(()));
    }
    let versions: Vec<Version> = join_all(waiting).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(versions, [1, 2, 3]);
    durable.await.unwrap();
    assert_eq!(backend.changes(0, 9).await.unwrap().changes.len(), 1);
}
