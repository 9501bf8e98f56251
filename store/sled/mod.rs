//! A store in a directory, kept by sled.
//!
//! Rows of all tables lie in one tree. One thread writes ([`committer`]); reads go to the engine from wherever they are.

mod backup;
mod backup_file;
mod batch;
mod beside;
mod committer;
mod compact;
mod disk;
mod events;
mod fault;
mod making;
mod meta;
mod open;
mod restore;
mod scan;
mod shared;
mod tap;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot};

pub use backup::Backup;
pub use compact::Compacted;
pub use disk::{Disk, Fdatasync};
pub use restore::Restored;

use self::committer::{Committer, Message, QUEUE, Request};
use self::scan::INLINE_ROWS;
use self::shared::{Ended, Shared};
use self::tap::Taps;
use crate::bounds;
use crate::error::{CommitError, StoreError};
use crate::seam::{Backend, Changes, Commit, Direction, Entry, Key, KeyRange, Read, Version};

const READING: &str = "read on another thread";

/// How a store is opened.
#[derive(Clone)]
pub struct SledOptions {
    /// The engine's page cache in bytes. It bounds pages, not the process: expect a small multiple.
    pub cache: u64,
    /// The bytes of events kept. Older ones are dropped, and a listener that still wanted them is told of a gap.
    pub events_max: u64,
    /// The engine writes what makes opening fast only when it is opened: a shutdown opens it once more when more than so many
    /// bytes were written since. By default 256 MiB, which may take seconds to read.
    pub settle_after: u64,
    /// What makes writes durable, and knows the room left.
    pub disk: Arc<dyn Disk>,
}

/// Rows in a directory that one process has open.
///
/// Dropping it decides what waits, ends the committer and closes the engine, which may take a second; a process that is
/// about to exit anyway may leave that out once its last commit was acknowledged.
pub struct SledBackend {
    shared: Arc<Shared>,
    cache: u64,
    settle_after: u64,
    /// Held while the engine is closed.
    closing: Arc<Mutex<()>>,
    /// Taken only by the drop.
    queue: Option<mpsc::Sender<Message>>,
    committer: Option<JoinHandle<()>>,
}

impl Default for SledOptions {
    fn default() -> Self {
        SledOptions { cache: 64 << 20, events_max: 64 << 20, settle_after: 256 << 20, disk: Arc::new(Fdatasync) }
    }
}

impl fmt::Debug for SledOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SledOptions { cache, events_max, settle_after, disk: _ } = self;
        f.debug_struct("SledOptions")
            .field("cache", cache)
            .field("events_max", events_max)
            .field("settle_after", settle_after)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SledBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledBackend").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl SledBackend {
    /// Opens the store in `dir`, or creates it.
    ///
    /// It works on a thread of its own. A store that was not shut down takes as long as its log since it was last opened
    /// is to read, seconds after hundreds of megabytes: who shows progress puts a timer beside this future.
    pub async fn open(dir: impl Into<PathBuf>, options: SledOptions) -> Result<Self, StoreError> {
        let dir = dir.into();
        let (answer, answered) = oneshot::channel();
        spawn("store-open", move || {
            // A caller that no longer waits lets the store go again.
            let _ = answer.send(SledBackend::open_here(&dir, options));
        })?;
        // A panic outside of the engine is a bug, and has been printed by its thread.
        answered.await.unwrap_or(Err(StoreError::Poisoned(None)))
    }

    /// Decides what waits, takes no more commits, closes the engine and lets the directory go.
    ///
    /// After much was written it opens the engine once more, so that the next open is fast. Reads fail from here on.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        // It fails when the committer has ended already.
        let _ = self.queue().send(Message::Stop).await;
        let ended = self.shared.ended().await;
        let settle = matches!(ended, Ended::Asked) && self.wants_settling();
        let (shared, cache) = (Arc::clone(&self.shared), self.cache);
        // Whoever asks second waits for the first, be it that nobody else does any more.
        let closing = Arc::clone(&self.closing).lock_owned().await;
        blocking("close the store", move || {
            let shut = shut(&shared, settle.then_some(cache));
            drop(closing);
            shut
        })
        .await
    }

    /// Whether so much was written that a shutdown opens the engine once more, so that the next open is fast.
    pub fn wants_settling(&self) -> bool {
        self.shared.bytes_written() > self.settle_after
    }

    fn open_here(dir: &Path, options: SledOptions) -> Result<Self, StoreError> {
        let SledOptions { cache, events_max, settle_after, disk } = options;
        let open::Opened { engine, head, file } = open::open(dir, cache)?;
        let db = engine.db.clone();
        let shared = Arc::new(Shared::new(dir.to_owned(), engine, head, events_max));
        let (queue, received) = mpsc::channel(QUEUE);
        let committer = Committer {
            shared: Arc::clone(&shared),
            db,
            file,
            disk,
            events_max,
            head,
            queue: received,
            held: None,
            taps: Taps::default(),
        };
        let committer = spawn("store-committer", move || committer.run())?;
        let (queue, committer) = (Some(queue), Some(committer));
        Ok(SledBackend { shared, cache, settle_after, closing: Arc::default(), queue, committer })
    }

    fn queue(&self) -> &mpsc::Sender<Message> {
        self.queue.as_ref().expect("the queue is taken only by the drop")
    }
}

impl Drop for SledBackend {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(committer) = self.committer.take() {
            // Its panics are caught; joining it lets the directory go with this handle.
            let _ = committer.join();
        }
    }
}

impl Backend for SledBackend {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        async move {
            let size = bounds::measure(&commit)?;
            let (answer, answered) = oneshot::channel();
            let request = Request { commit, size, answer };
            // Neither sent nor answered is a commit whose committer has ended, or is about to.
            if self.queue().send(Message::Commit(request)).await.is_ok()
                && let Ok(answer) = answered.await
            {
                return answer;
            }
            Err(self.shared.ended().await.refusal())
        }
        .boxed()
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        async move {
            if keys.len() <= INLINE_ROWS {
                return self.shared.read(|tree| scan::get(tree, keys));
            }
            let shared = Arc::clone(&self.shared);
            blocking(READING, move || shared.read(|tree| scan::get(tree, keys))).await
        }
        .boxed()
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        async move {
            let range = range.resumed(from, direction);
            let first = limit.min(INLINE_ROWS);
            let mut found = self.shared.read(|tree| scan::scan(tree, &range, direction, first))?;
            // Few ranges hold more than a handful of rows, whatever the limit: only those pay for another thread.
            if first < limit && found.rows.len() == first {
                let range = range.resumed(found.rows.last().map(|entry| entry.key.clone()), direction);
                let shared = Arc::clone(&self.shared);
                let rest = move || shared.read(|tree| scan::scan(tree, &range, direction, limit - first));
                let rest = blocking(READING, rest).await?;
                found.rows.extend(rest.rows);
                found.through = rest.through;
            }
            Ok(found)
        }
        .boxed()
    }

    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>> {
        self.shared.wait(through).boxed()
    }

    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        async move {
            if let Some(changes) = self.shared.recent_changes(after, limit) {
                return Ok(changes);
            }
            let shared = Arc::clone(&self.shared);
            blocking(READING, move || shared.stored_changes(after, limit)).await
        }
        .boxed()
    }

    fn last(&self) -> Version {
        self.shared.durable()
    }
}

/// Closes the engine, opens and closes it once more if it is to be settled with such a cache, and lets the directory go.
fn shut(shared: &Shared, settle: Option<u64>) -> Result<(), StoreError> {
    let Some(engine) = shared.take() else { return Ok(()) };
    let shared::Engine { db, _lock } = engine;
    drop(db);
    if let Some(cache) = settle {
        drop(open::engine(&shared.dir, cache)?);
    }
    Ok(())
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, StoreError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| StoreError::Io { doing: format!("start thread {name}"), source: Arc::new(error) })
}

async fn blocking<T: Send + 'static>(
    doing: &'static str,
    run: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Io { doing: doing.to_owned(), source: Arc::new(error) }),
    }
}
