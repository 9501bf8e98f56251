//! A store that remembers what it was asked to write, so that a baseline can write the same.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use understory_store::{Backend, Commit, CommitError, Disk, Fdatasync, SledBackend, SledOptions, Version, Wrapper};

use crate::Outcome;
use crate::raw::{Packed, Raw, RawCommit};

/// A store on disk with a tape running.
pub(crate) struct Tape {
    store: SledBackend,
    taken: Mutex<Vec<Taken>>,
    syncs: Arc<Syncs>,
}

/// A commit that was acknowledged.
pub(crate) struct Taken {
    pub(crate) version: Version,
    pub(crate) commit: Commit,
    pub(crate) asked: Instant,
    pub(crate) acknowledged: Instant,
}

/// How far the store was synced by each sync: which commits shared one.
#[derive(Default)]
struct Syncs(Mutex<Vec<Version>>);

/// All that was taken.
pub(crate) struct Reel {
    /// In the order of commits.
    pub(crate) taken: Vec<Taken>,
    syncs: Vec<Version>,
}

impl Disk for Syncs {
    fn sync(&self, file: &File, through: Version) -> io::Result<()> {
        Fdatasync.sync(file, through)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(through);
        Ok(())
    }
}

impl Tape {
    /// Opens the store in `dir`.
    pub(crate) async fn open(dir: &Path) -> Outcome<Arc<Tape>> {
        let syncs = Arc::new(Syncs::default());
        let options = SledOptions { disk: syncs.clone(), ..SledOptions::default() };
        let store = SledBackend::open(dir, options).await?;
        Ok(Arc::new(Tape { store, taken: Mutex::default(), syncs }))
    }

    /// Closes the store and hands out what was taken.
    pub(crate) async fn end(&self) -> Outcome<Reel> {
        self.store.shutdown().await?;
        let mut taken = std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner));
        taken.sort_by_key(|taken| taken.version);
        let syncs = std::mem::take(&mut *self.syncs.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Reel { taken, syncs })
    }
}

impl Reel {
    /// The commits after `begin`, packed as the store synced them.
    pub(crate) fn packed(&self, begin: Version) -> Vec<Packed> {
        let mut taken = self.taken.iter().filter(|taken| taken.version > begin).peekable();
        let mut packed = Vec::new();
        for through in &self.syncs {
            let mut batch = Packed::default();
            while let Some(next) = taken.next_if(|taken| taken.version <= *through) {
                batch.add(&RawCommit::of(next));
            }
            if !batch.is_empty() {
                packed.push(batch);
            }
        }
        packed
    }

    /// Has the engine by itself, in `dir`, write all of it as the store synced it, and says how long what came after `begin` took.
    pub(crate) fn replay(&self, dir: &Path, begin: Version) -> Outcome<Duration> {
        let engine = Raw::open(dir)?;
        let (whole, timed) = (self.packed(0), self.packed(begin));
        engine.replay(&whole[..whole.len() - timed.len()])?;
        engine.replay(&timed)
    }

    /// The commits after `begin`, dealt out to so many callers.
    pub(crate) fn dealt(&self, begin: Version, callers: usize) -> Vec<VecDeque<RawCommit>> {
        let mut lanes = vec![VecDeque::new(); callers];
        for (n, taken) in self.taken.iter().filter(|taken| taken.version > begin).enumerate() {
            lanes[n % callers].push_back(RawCommit::of(taken));
        }
        lanes
    }

    /// For how long some commit after `begin` and up to `end` was under way.
    pub(crate) fn in_store(&self, begin: Version, end: Version) -> Duration {
        let span = self.taken.iter().filter(|taken| taken.version > begin && taken.version <= end);
        let (mut busy, mut until) = (Duration::ZERO, None);
        // They are asked for in the order of their versions, and may overlap.
        for taken in span {
            let from = until.map_or(taken.asked, |until| taken.asked.max(until));
            busy += taken.acknowledged.saturating_duration_since(from);
            until = until.max(Some(taken.acknowledged));
        }
        busy
    }

    /// The last commit before the first that `is` holds for.
    pub(crate) fn before(&self, is: impl Fn(&Taken) -> bool) -> Version {
        self.taken.iter().find(|taken| is(taken)).map_or(0, |taken| taken.version - 1)
    }
}

impl Wrapper for Tape {
    fn inner(&self) -> &dyn Backend {
        &self.store
    }

    fn commit(&self, commit: Commit) -> Pin<Box<dyn Future<Output = Result<Version, CommitError>> + Send + '_>> {
        Box::pin(async move {
            let (copy, asked) = (commit.clone(), Instant::now());
            let version = self.store.commit(commit).await?;
            let taken = Taken { version, commit: copy, asked, acknowledged: Instant::now() };
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
            Ok(version)
        })
    }
}
