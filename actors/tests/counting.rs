//! A store in memory that counts what is read of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use understory_store::{Backend, Direction, Entry, Key, KeyRange, MemoryBackend, Read, StoreError, Wrapper};

/// It, and how much was read; a clone is the same one.
#[derive(Clone, Default)]
pub(crate) struct Counting {
    store: MemoryBackend,
    reads: Arc<AtomicUsize>,
    rows: Arc<AtomicUsize>,
}

impl Counting {
    /// How often something was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// How many rows were asked for by their keys or found by a scan, each scan itself counted as one.
    pub(crate) fn rows(&self) -> usize {
        self.rows.load(Ordering::SeqCst)
    }
}

impl Wrapper for Counting {
    fn inner(&self) -> &dyn Backend {
        &self.store
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.rows.fetch_add(keys.len(), Ordering::SeqCst);
        self.store.get(keys)
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        async move {
            let found = self.store.scan(range, from, direction, limit).await?;
            self.rows.fetch_add(found.rows.len() + 1, Ordering::SeqCst);
            Ok(found)
        }
        .boxed()
    }
}
