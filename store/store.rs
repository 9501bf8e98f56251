//! The typed store: records in and out of a backend.
//!
//! `peek` may see what is applied but not yet synced: right for decisions, whose own commit queues behind. What leaves the
//! process is read with `get` and `page`, which wait until all they saw is durable.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::chunk::{self, Chunks, Payload};
use crate::draft::{Draft, Row, Stub};
use crate::error::{CommitError, StoreError};
use crate::pages::Pages;
use crate::records::{Event, Record};
use crate::seam::{Backend, Direction, Entry, Key, KeyRange, Read, Version};

/// How often a reader that raced with a writer of a long value begins again.
const REREADS_MAX: usize = 16;

/// Records in a backend. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
}

/// One durable event and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The commit it tells of.
    pub version: Version,
    /// Its place there.
    pub index: u16,
    /// What it tells.
    pub event: Event,
}

/// Durable events after a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Set when events were dropped: those up to and including this commit are missing.
    pub gap: Option<Version>,
    /// The events, oldest first.
    pub told: Vec<Told>,
    /// Where to ask next.
    pub through: Version,
}

impl Store {
    /// Keeps records in `backend`.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Store { backend }
    }

    /// Commits, and resolves once it is durable.
    ///
    /// # Errors
    /// An expectation did not hold, a bound was passed, or the store failed; nothing was applied, except as
    /// [`CommitError::Store`] says.
    pub async fn commit(&self, draft: Draft) -> Result<Version, CommitError> {
        self.backend.commit(draft.into_commit()).await
    }

    /// Reads a row; waits until what it saw is durable.
    ///
    /// # Errors
    /// The store failed or the row is damaged.
    pub async fn get<R: Record>(&self, key: &Key) -> Result<Option<Row<R>>, StoreError> {
        let (row, through) = self.read(key).await?;
        self.backend.durable(through).await?;
        Ok(row)
    }

    /// Reads a row, perhaps one sync ahead.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub async fn peek<R: Record>(&self, key: &Key) -> Result<Option<Row<R>>, StoreError> {
        Ok(self.read(key).await?.0)
    }

    /// Which of these rows are there, perhaps one sync ahead: their versions, in the order asked.
    ///
    /// # Errors
    /// The store failed.
    pub async fn versions(&self, keys: Vec<Key>) -> Result<Vec<Option<Version>>, StoreError> {
        let read = self.backend.get(keys).await?;
        Ok(read.rows.into_iter().map(|entry| entry.map(|entry| entry.version)).collect())
    }

    /// Reads at most `limit` rows of a range, beyond `from`; waits until what it saw is durable. There are fewer only where
    /// the range ends.
    ///
    /// # Errors
    /// The store failed or a row is damaged.
    pub async fn page<R: Record>(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row<R>>, StoreError> {
        let (rows, through) = self.filled(range, from, direction, limit).await?;
        self.backend.durable(through).await?;
        Ok(rows)
    }

    /// Reads rows of a range from its start or after `from`, perhaps one sync ahead.
    ///
    /// # Errors
    /// As for [`Store::page`].
    pub async fn peek_page<R: Record>(
        &self,
        range: KeyRange,
        from: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Row<R>>, StoreError> {
        Ok(self.filled(range, from, Direction::Forward, limit).await?.0)
    }

    /// A range in pages of `size` rows, to its end.
    pub fn pages(&self, range: KeyRange, size: usize) -> Pages<'_> {
        Pages::new(self, range, size)
    }

    /// The keys of a range's rows, perhaps one sync ahead, without reading what they hold.
    ///
    /// # Errors
    /// The store failed.
    pub async fn peek_keys(&self, range: KeyRange, from: Option<Key>, limit: usize) -> Result<Vec<Key>, StoreError> {
        self.scan_keys(range, from, Direction::Forward, limit).await
    }

    /// The keys and versions of a range's rows beyond `from`, perhaps one sync ahead.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stamps(
        &self,
        range: KeyRange,
        from: Option<Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Version)>, StoreError> {
        let read = self.backend.scan(range, from, Direction::Forward, limit).await?;
        Ok(read.rows.into_iter().map(|entry| (entry.key, entry.version)).collect())
    }

    /// What is needed to delete rows of a range, whatever they hold, perhaps one sync ahead.
    ///
    /// # Errors
    /// The store failed.
    pub async fn peek_stubs(
        &self,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Stub>, StoreError> {
        let read = self.backend.scan(range, None, direction, limit).await?;
        Ok(read.rows.into_iter().map(Stub::of).collect())
    }

    /// Durable events of commits after `after`, those of at most `limit` commits.
    ///
    /// # Errors
    /// The store failed or an event is damaged.
    pub async fn news(&self, after: Version, limit: usize) -> Result<News, StoreError> {
        let changes = self.backend.changes(after, limit).await?;
        let mut told = Vec::new();
        for change in &changes.changes {
            for (index, bytes) in (0..).zip(&change.events) {
                let place = || format!("event ({}, {index})", change.version);
                let event = Event::decode(bytes).map_err(|error| damaged(place(), &error))?;
                told.push(Told { version: change.version, index, event });
            }
        }
        Ok(News { gap: changes.gap, told, through: changes.through })
    }

    /// Resolves when commit `version`, perhaps one to come, is durable.
    ///
    /// # Errors
    /// The store failed before.
    pub async fn durable(&self, version: Version) -> Result<(), StoreError> {
        self.backend.durable(version).await
    }

    /// The last durable commit.
    pub fn last(&self) -> Version {
        self.backend.last()
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(crate) async fn scan_keys(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        let read = self.backend.scan(range, from, direction, limit).await?;
        Ok(read.rows.into_iter().map(|entry| entry.key).collect())
    }

    async fn read<R: Record>(&self, key: &Key) -> Result<(Option<Row<R>>, Version), StoreError> {
        let mut through = 0;
        for _ in 0..REREADS_MAX {
            let read = self.backend.get(vec![key.clone()]).await?;
            through = through.max(read.through);
            let Some(entry) = read.rows.into_iter().flatten().next() else {
                return Ok((None, through));
            };
            if let Some((row, seen)) = self.assemble(entry).await? {
                return Ok((Some(row), through.max(seen)));
            }
        }
        Err(StoreError::Damaged {
            place: key.to_string(),
            what: "parts of its value are missing or changed".to_owned(),
        })
    }

    /// Reads until there are `limit` rows or the range ends: of what a scan found, rows may be gone when they are put
    /// together.
    pub(crate) async fn filled<R: Record>(
        &self,
        range: KeyRange,
        mut from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> Result<(Vec<Row<R>>, Version), StoreError> {
        let (mut rows, mut through) = (Vec::new(), 0);
        loop {
            let left = limit - rows.len();
            let found = self.backend.scan(range.clone(), from, direction, left).await?;
            from = found.rows.last().filter(|_| found.rows.len() == left).map(|entry| entry.key.clone());
            let (more, seen) = self.rows(found).await?;
            through = through.max(seen);
            rows.extend(more);
            if from.is_none() || rows.len() == limit {
                return Ok((rows, through));
            }
        }
    }

    /// Puts together what a scan found; what is gone since is left out.
    async fn rows<R: Record>(&self, read: Read<Vec<Entry>>) -> Result<(Vec<Row<R>>, Version), StoreError> {
        let mut through = read.through;
        let mut rows = Vec::with_capacity(read.rows.len());
        for entry in read.rows {
            let key = entry.key.clone();
            let row = match self.assemble(entry).await? {
                Some((row, seen)) => {
                    through = through.max(seen);
                    Some(row)
                }
                // Rewritten or removed since the scan passed it: what stands there now is as good an answer.
                None => {
                    let (row, seen) = self.read(&key).await?;
                    through = through.max(seen);
                    row
                }
            };
            rows.extend(row);
        }
        Ok((rows, through))
    }

    /// Puts a row's value together; `None` when its parts are no longer those of its head.
    async fn assemble<R: Record>(&self, entry: Entry) -> Result<Option<(Row<R>, Version)>, StoreError> {
        let Entry { key, payload, version } = entry;
        let parsed = chunk::parse(key.as_bytes(), &payload);
        let (value, chunks, through) = match parsed {
            Some(Payload::Whole(value)) => (value, None, version),
            Some(Payload::Parts(chunks)) => {
                let Some((value, through)) = self.gather(&chunks).await? else { return Ok(None) };
                (value, Some(chunks), through)
            }
            None => return Err(StoreError::Damaged { place: key.to_string(), what: "no such payload".to_owned() }),
        };
        let value = R::decode(&value).map_err(|error| damaged(key.to_string(), &error))?;
        Ok(Some((Row { key, value, version, chunks }, through)))
    }

    async fn gather(&self, chunks: &Chunks) -> Result<Option<(Bytes, Version)>, StoreError> {
        let read = self.backend.get(chunks.keys().collect()).await?;
        let mut value = BytesMut::new();
        for part in read.rows {
            let Some(part) = part else { return Ok(None) };
            value.extend_from_slice(&part.payload);
        }
        let value = value.freeze();
        Ok(chunks.fits(&value).then_some((value, read.through)))
    }
}

fn damaged(place: String, error: &dyn std::error::Error) -> StoreError {
    StoreError::Damaged { place, what: error.to_string() }
}

#[cfg(test)]
mod tests;
