//! A backend that answers late: what in memory happens at once takes as many steps here as on a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use understory_store::{
    Backend, Changes, Direction, Entry, Key, KeyRange, MemoryBackend, Read, StoreError, Version, Wrapper,
};

/// How many times others get their turn before an answer.
const STEPS: usize = 50;

/// A store in memory that answers late.
pub(crate) struct Lagging {
    rows: MemoryBackend,
    in_gets: bool,
    scans: Arc<AtomicU64>,
}

impl Lagging {
    /// Over these rows. It lags in scans and changes.
    pub(crate) fn new(rows: MemoryBackend) -> Self {
        Lagging { rows, in_gets: false, scans: Arc::default() }
    }

    /// It lags in gets, too.
    pub(crate) fn everywhere(rows: MemoryBackend) -> Self {
        Lagging { rows, in_gets: true, scans: Arc::default() }
    }

    /// How often it is scanned.
    pub(crate) fn scans(&self) -> Arc<AtomicU64> {
        self.scans.clone()
    }
}

async fn lag() {
    for _ in 0..STEPS {
        tokio::task::yield_now().await;
    }
}

impl Wrapper for Lagging {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        async move {
            if self.in_gets {
                lag().await;
            }
            self.rows.get(keys).await
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
        self.scans.fetch_add(1, Ordering::SeqCst);
        async move {
            lag().await;
            let read = self.rows.scan(range, from, direction, limit).await;
            lag().await;
            read
        }
        .boxed()
    }

    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        async move {
            lag().await;
            self.rows.changes(after, limit).await
        }
        .boxed()
    }
}
