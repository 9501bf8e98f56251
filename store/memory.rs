//! The in-memory backend, and the strictest: what it takes, every backend takes.
//!
//! It has no thread and no clock. A commit is durable the moment it is applied, and its future still yields once before
//! it answers, so that nobody can rest on a commit that never waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::bounds;
use crate::error::{CommitError, StoreError};
use crate::recent::Recent;
use crate::seam::{Backend, Changes, Commit, Direction, Entry, Expect, Key, KeyRange, Read, Version, Write};

/// The bytes of events kept, unless told otherwise.
const EVENTS_MAX: usize = 64 << 20;

/// Rows in memory, shared by its clones: a clone taken before the original is dropped is the store opened again.
#[derive(Clone, Debug)]
pub struct MemoryBackend {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rows: Mutex<Rows>,
    last: watch::Sender<Version>,
}

#[derive(Debug)]
struct Rows {
    rows: BTreeMap<Key, Row>,
    last: Version,
    events: Recent,
}

#[derive(Clone, Debug)]
struct Row {
    payload: Bytes,
    version: Version,
}

impl MemoryBackend {
    /// Starts an empty store.
    pub fn new() -> Self {
        MemoryBackend::with_events_max(EVENTS_MAX)
    }

    /// Starts an empty store that keeps about so many bytes of events.
    pub fn with_events_max(bytes_max: usize) -> Self {
        let events = Recent::new(bytes_max, 0);
        let rows = Mutex::new(Rows { rows: BTreeMap::new(), last: 0, events });
        MemoryBackend { shared: Arc::new(Shared { rows, last: watch::Sender::new(0) }) }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing panics between two writes of one commit, so that a poisoned lock guards whole commits too.
        self.shared.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        MemoryBackend::new()
    }
}

impl Backend for MemoryBackend {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        async move {
            bounds::measure(&commit)?;
            let result = {
                let mut rows = self.rows();
                let result = rows.commit(commit);
                if let Ok(version) = result {
                    // Under the lock, so that the watch never goes back.
                    self.shared.last.send_replace(version);
                }
                result
            };
            tokio::task::yield_now().await;
            result
        }
        .boxed()
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        async move {
            let rows = self.rows();
            let found = keys.into_iter().map(|key| rows.rows.get(&key).map(|row| row.entry(&key))).collect();
            Ok(Read { rows: found, through: rows.last })
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
            let rows = self.rows();
            let found = if range.crosses() { Vec::new() } else { rows.scan(range, direction, limit) };
            Ok(Read { rows: found, through: rows.last })
        }
        .boxed()
    }

    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let mut last = self.shared.last.subscribe();
            last.wait_for(|last| *last >= through).await.expect("the sender lives as long as the backend");
            Ok(())
        }
        .boxed()
    }

    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        async move {
            let rows = self.rows();
            Ok(rows.events.after(after, limit))
        }
        .boxed()
    }

    fn last(&self) -> Version {
        *self.shared.last.borrow()
    }
}

impl Rows {
    fn commit(&mut self, commit: Commit) -> Result<Version, CommitError> {
        self.check(&commit.expects)?;
        self.last = self.last.max(commit.above) + 1;
        let version = self.last;
        for (n, write) in (0..).zip(commit.writes) {
            match write {
                Write::Put(key, payload) => drop(self.rows.insert(key, Row { payload, version })),
                Write::Delete(key) => drop(self.rows.remove(&key)),
                Write::Append(prefix, payload) => {
                    drop(self.rows.insert(prefix.key(version, n), Row { payload, version }));
                }
            }
        }
        self.events.push(version, commit.events);
        Ok(version)
    }

    fn check(&self, expects: &[Expect]) -> Result<(), CommitError> {
        for expect in expects {
            let found = self.rows.get(expect.key());
            if !expect.holds(found.map(|row| (row.version, &*row.payload))) {
                let found = found.map(|row| row.version);
                return Err(CommitError::Conflict { key: expect.key().clone(), found });
            }
        }
        Ok(())
    }

    fn scan(&self, range: KeyRange, direction: Direction, limit: usize) -> Vec<Entry> {
        let rows = self.rows.range((range.start, range.end)).map(|(key, row)| row.entry(key));
        match direction {
            Direction::Forward => rows.take(limit).collect(),
            Direction::Backward => rows.rev().take(limit).collect(),
        }
    }
}

impl Row {
    fn entry(&self, key: &Key) -> Entry {
        Entry { key: key.clone(), payload: self.payload.clone(), version: self.version }
    }
}
