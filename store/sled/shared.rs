//! What the committer and the readers share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use sled::{Db, Tree};
use tokio::sync::watch;

use super::batch::Built;
use super::fault::{self, Fault};
use super::open::Lock;
use super::{events, meta::Head};
use crate::error::{CommitError, StoreError};
use crate::recent::Recent;
use crate::seam::{Changes, Read, Version};

/// The bytes of recent events kept in memory, so that a listener that keeps up touches no disk.
const RECENT_BYTES: u64 = 4 << 20;

/// The engine and the lock that makes it ours. The engine is dropped first.
pub(super) struct Engine {
    pub(super) db: Db,
    pub(super) _lock: Lock,
}

/// Where the store stands, as waiters see it.
#[derive(Clone, Debug)]
struct Standing {
    /// The last durable commit.
    durable: Version,
    /// Set when the committer has ended: it decides nothing more, and has let the engine go.
    ended: Option<Ended>,
}

/// Why the committer ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    Asked,
    Faulted(Fault),
}

pub(super) struct Shared {
    pub(super) dir: PathBuf,
    /// `None` after a shutdown.
    engine: RwLock<Option<Engine>>,
    /// The last commit that may have been applied.
    applied: AtomicU64,
    /// The last commit of which events may have been dropped.
    dropped: AtomicU64,
    /// The bytes written to the engine's log since it was opened, about.
    written: AtomicU64,
    standing: watch::Sender<Standing>,
    recent: Mutex<Recent>,
}

impl Ended {
    /// Why a commit that was not answered is refused.
    pub(super) fn refusal(&self) -> CommitError {
        match self {
            Ended::Asked => CommitError::Store(StoreError::Closed),
            Ended::Faulted(fault) => fault.refusal(),
        }
    }

    /// Why what was waited for does not come.
    pub(super) fn failure(&self) -> StoreError {
        match self {
            Ended::Asked => StoreError::Closed,
            Ended::Faulted(fault) => fault.poison(),
        }
    }
}

impl Shared {
    pub(super) fn new(dir: PathBuf, engine: Engine, head: Head, events_max: u64) -> Self {
        let recent_max = usize::try_from(events_max.min(RECENT_BYTES)).unwrap_or(usize::MAX);
        Shared {
            dir,
            engine: RwLock::new(Some(engine)),
            applied: AtomicU64::new(head.last),
            dropped: AtomicU64::new(head.dropped),
            written: AtomicU64::new(0),
            standing: watch::Sender::new(Standing { durable: head.last, ended: None }),
            recent: Mutex::new(Recent::new(recent_max, head.last)),
        }
    }

    /// Runs a read on the engine, and says after which commit nothing was seen.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Tree) -> Result<T, StoreError>) -> Result<Read<T>, StoreError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = engine.as_ref() else { return Err(StoreError::Closed) };
        let rows = catch_unwind(AssertUnwindSafe(|| read(&engine.db)))
            .unwrap_or_else(|panic| Err(fault::panicked(self.dir.display().to_string(), &*panic)))?;
        // After the read: `applying` was called before anything of a later commit could be seen.
        Ok(Read { rows, through: self.applied.load(Ordering::SeqCst) })
    }

    /// The durable events after `after`, from memory when it still has them all.
    pub(super) fn recent_changes(&self, after: Version, limit: usize) -> Option<Changes> {
        let recent = self.recent();
        recent.reaches(after).then(|| recent.after(after, limit))
    }

    /// The durable events after `after`, from disk.
    pub(super) fn stored_changes(&self, after: Version, limit: usize) -> Result<Changes, StoreError> {
        let through = self.durable();
        let begin = after.max(self.dropped.load(Ordering::SeqCst));
        let mut found = self.read(|tree| events::read(tree, begin, through, limit))?.rows;
        // After the read, which may have found some rows of a trim deleted and others not yet.
        let dropped = self.dropped.load(Ordering::SeqCst);
        if after < dropped {
            found.gap = Some(dropped);
            found.changes.retain(|change| change.version > dropped);
            found.through = found.through.max(dropped);
        }
        Ok(found)
    }

    pub(super) fn durable(&self) -> Version {
        self.standing.borrow().durable
    }

    /// Resolves when commit `through` is durable, or never will be by this committer.
    pub(super) async fn wait(&self, through: Version) -> Result<(), StoreError> {
        let standing = self.standing_when(|standing| standing.durable >= through || standing.ended.is_some()).await;
        match standing.ended {
            Some(ended) if standing.durable < through => Err(ended.failure()),
            _ => Ok(()),
        }
    }

    /// Resolves when the committer has ended.
    pub(super) async fn ended(&self) -> Ended {
        self.standing_when(|standing| standing.ended.is_some()).await.ended.expect("that it has ended was waited for")
    }

    /// Why the committer has ended, if it has.
    pub(super) fn why_ended(&self) -> Option<Ended> {
        self.standing.borrow().ended.clone()
    }

    async fn standing_when(&self, reached: impl FnMut(&Standing) -> bool) -> Standing {
        let mut standing = self.standing.subscribe();
        let standing = standing.wait_for(reached).await;
        standing.expect("the sender lives as long as what is shared").clone()
    }

    /// Called before a batch is applied, so that no reader sees of it without knowing.
    pub(super) fn applying(&self, built: &Built) {
        self.applied.store(built.head.last, Ordering::SeqCst);
        self.dropped.store(built.head.dropped, Ordering::SeqCst);
    }

    pub(super) fn written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Tells of commits that are durable.
    pub(super) fn publish(&self, events: Vec<(Version, Vec<Bytes>)>, durable: Version) {
        let mut recent = self.recent();
        for (version, events) in events {
            recent.push(version, events);
        }
        // Before the events can be read, so that whoever was told of a commit finds it durable.
        self.standing.send_modify(|standing| standing.durable = durable);
    }

    /// Tells why the committer ended.
    pub(super) fn end(&self, ended: Ended) {
        if let Ended::Faulted(fault) = &ended {
            tracing::error!(dir = %self.dir.display(), ?fault, "store closed after a failed write");
        }
        self.standing.send_modify(|standing| standing.ended = Some(ended));
    }

    /// Takes the engine away from the readers.
    pub(super) fn take(&self) -> Option<Engine> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // A push that panicked would be a bug of ours; its events are also on disk.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
