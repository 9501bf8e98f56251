//! A backend that fails where it is told to, for tests of what must hold after a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::{self, BoxFuture, Either};
use tokio::sync::watch;

use crate::error::{CommitError, StoreError};
use crate::seam::{Backend, Changes, Commit, Direction, Entry, Key, KeyRange, Read, Version};

/// Which commit fails, counted from 1 in the order in which they are asked for, refused ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// This commit is not applied.
    Before(u64),
    /// This commit is applied and durable, and its caller does not learn of it.
    After(u64),
}

/// Wraps a backend and fails one commit of it; from that moment everything fails, as if the process had died there.
///
/// What was kept is in the inner backend: take it out, or wrap it again.
#[derive(Debug)]
pub struct FaultyBackend<B> {
    inner: B,
    point: Option<FaultPoint>,
    commits: AtomicU64,
    failed: watch::Sender<bool>,
}

#[derive(Debug, thiserror::Error)]
#[error("commit {0} was told to fail")]
struct Injected(u64);

impl<B: Backend> FaultyBackend<B> {
    /// Wraps `inner` and fails it at `point`; without one it only counts.
    pub fn new(inner: B, point: Option<FaultPoint>) -> Self {
        FaultyBackend { inner, point, commits: AtomicU64::new(0), failed: watch::Sender::new(false) }
    }

    /// How many commits were asked for.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Whether the fault has struck.
    pub fn failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// What was wrapped.
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// Takes out what was wrapped.
    pub fn into_inner(self) -> B {
        self.inner
    }

    fn failure(&self) -> StoreError {
        let (FaultPoint::Before(n) | FaultPoint::After(n)) = self.point.unwrap_or(FaultPoint::Before(0));
        StoreError::Poisoned(Some(Arc::new(Injected(n))))
    }

    /// Waits for `work`, unless the fault strikes before it is done.
    async fn unless_failed<T, E: From<StoreError>>(&self, work: BoxFuture<'_, Result<T, E>>) -> Result<T, E> {
        let mut failed = self.failed.subscribe();
        // The fault is looked at first, so that nothing succeeds once it has struck.
        match future::select(failed.wait_for(|failed| *failed).boxed(), work).await {
            Either::Left(_) => Err(self.failure().into()),
            Either::Right((done, _)) => done,
        }
    }
}

impl<B: Backend> Backend for FaultyBackend<B> {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        async move {
            if self.failed() {
                return Err(self.failure().into());
            }
            let n = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
            match self.point {
                Some(FaultPoint::Before(point)) if point == n => {
                    self.failed.send_replace(true);
                    Err(self.failure().into())
                }
                Some(FaultPoint::After(point)) if point == n => {
                    // First, so that nobody in this process learns of a commit whose caller does not.
                    self.failed.send_replace(true);
                    // Refused or not, the answer is lost.
                    let _ = self.inner.commit(commit).await;
                    Err(self.failure().into())
                }
                _ => self.unless_failed(self.inner.commit(commit)).await,
            }
        }
        .boxed()
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        self.unless_failed(self.inner.get(keys)).boxed()
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        self.unless_failed(self.inner.scan(range, from, direction, limit)).boxed()
    }

    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>> {
        self.unless_failed(self.inner.durable(through)).boxed()
    }

    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.unless_failed(self.inner.changes(after, limit)).boxed()
    }

    fn last(&self) -> Version {
        self.inner.last()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::memory::MemoryBackend;
    use crate::seam::Write;

    fn put(key: &'static str) -> Commit {
        Commit { writes: vec![Write::Put(Key::new(key), "x".into())], ..Commit::default() }
    }

    async fn keys(backend: &MemoryBackend) -> Vec<String> {
        let all = backend.scan(KeyRange::prefix(b"k"), None, Direction::Forward, 9).await.unwrap();
        all.rows.iter().map(|entry| entry.key.to_string()).collect()
    }

    #[tokio::test]
    async fn fails_before_it_applies_and_everything_after() {
        let backend = FaultyBackend::new(MemoryBackend::new(), Some(FaultPoint::Before(2)));
        backend.commit(put("k1")).await.unwrap();
        assert!(!backend.failed());
        let error = backend.commit(put("k2")).await.unwrap_err();
        assert!(matches!(error, CommitError::Store(StoreError::Poisoned(Some(_)))), "{error}");
        assert!(backend.failed());
        backend.commit(put("k3")).await.unwrap_err();
        backend.get(vec![Key::new("k1")]).await.unwrap_err();
        backend.scan(KeyRange::prefix(b"k"), None, Direction::Forward, 1).await.unwrap_err();
        backend.changes(0, 1).await.unwrap_err();
        backend.durable(1).await.unwrap_err();
        assert_eq!(backend.commits(), 2);
        assert_eq!(keys(&backend.into_inner()).await, ["k1"]);
    }

    #[tokio::test]
    async fn fails_after_it_applied() {
        let backend = FaultyBackend::new(MemoryBackend::new(), Some(FaultPoint::After(2)));
        backend.commit(put("k1")).await.unwrap();
        backend.commit(put("k2")).await.unwrap_err();
        backend.commit(put("k3")).await.unwrap_err();
        assert_eq!(keys(backend.inner()).await, ["k1", "k2"]);
    }

    #[tokio::test]
    async fn who_waits_is_told_of_the_fault() {
        let backend = FaultyBackend::new(MemoryBackend::new(), Some(FaultPoint::After(1)));
        let mut waiting = backend.durable(1);
        assert!(waiting.as_mut().now_or_never().is_none());
        backend.commit(put("k1")).await.unwrap_err();
        waiting.await.unwrap_err();
    }

    #[tokio::test]
    async fn without_a_point_it_counts() {
        let backend = FaultyBackend::new(MemoryBackend::new(), None);
        backend.commit(put("k1")).await.unwrap();
        backend.commit(put("k2")).await.unwrap();
        assert_eq!(backend.commits(), 2);
    }
}
