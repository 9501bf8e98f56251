//! Backends that stand before another and do one thing otherwise: what tests and measurements put between.

use futures::future::BoxFuture;

use crate::error::{CommitError, StoreError};
use crate::seam::{Backend, Changes, Commit, Direction, Entry, Key, KeyRange, Read, Version};

/// Passes everything on to the backend behind it, but for what is written anew. Whatever is one is a [`Backend`].
pub trait Wrapper: Send + Sync + 'static {
    /// The backend behind it.
    fn inner(&self) -> &dyn Backend;

    /// As [`Backend::commit`].
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        self.inner().commit(commit)
    }

    /// As [`Backend::get`].
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        self.inner().get(keys)
    }

    /// As [`Backend::scan`].
    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        self.inner().scan(range, from, direction, limit)
    }

    /// As [`Backend::durable`].
    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner().durable(through)
    }

    /// As [`Backend::changes`].
    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.inner().changes(after, limit)
    }
}

impl<W: Wrapper> Backend for W {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        Wrapper::commit(self, commit)
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        Wrapper::get(self, keys)
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        Wrapper::scan(self, range, from, direction, limit)
    }

    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>> {
        Wrapper::durable(self, through)
    }

    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Wrapper::changes(self, after, limit)
    }

    fn last(&self) -> Version {
        self.inner().last()
    }
}
