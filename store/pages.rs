//! A range read to its end, page by page, while others write in it.

use crate::draft::Row;
use crate::error::StoreError;
use crate::records::Record;
use crate::seam::{Direction, Entry, Key, KeyRange, Read, Version};
use crate::store::Store;

/// The pages of a range. Every row that is there from the first page to the last is on one of them, once.
pub struct Pages<'a> {
    store: &'a Store,
    range: KeyRange,
    direction: Direction,
    size: usize,
    /// The last key that was passed.
    from: Option<Key>,
    over: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(store: &'a Store, range: KeyRange, size: usize) -> Self {
        Pages { store, range, direction: Direction::Forward, size, from: None, over: false }
    }

    /// The same, from the end of the range to its start.
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// The next rows, perhaps one sync ahead; nothing at the end. A page whose rows were all removed meanwhile is empty.
    ///
    /// # Errors
    /// The store failed or a row is damaged.
    pub async fn peek<R: Record>(&mut self) -> Result<Option<Vec<Row<R>>>, StoreError> {
        Ok(self.read().await?.map(|(rows, _)| rows))
    }

    /// As [`Pages::peek`], and waits until what it saw is durable.
    ///
    /// # Errors
    /// As for [`Pages::peek`].
    pub async fn next<R: Record>(&mut self) -> Result<Option<Vec<Row<R>>>, StoreError> {
        let Some((rows, through)) = self.read().await? else { return Ok(None) };
        self.store.durable(through).await?;
        Ok(Some(rows))
    }

    /// The next rows' keys, perhaps one sync ahead, without reading what they hold; nothing at the end.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keys(&mut self) -> Result<Option<Vec<Key>>, StoreError> {
        Ok(self.scan().await?.map(|read| read.rows.into_iter().map(|entry| entry.key).collect()))
    }

    async fn read<R: Record>(&mut self) -> Result<Option<(Vec<Row<R>>, Version)>, StoreError> {
        match self.scan().await? {
            Some(found) => self.store.rows(found).await.map(Some),
            None => Ok(None),
        }
    }

    /// What is next in the backend. Whether that was all is seen here: of what a page found, rows may be gone when they are
    /// read.
    async fn scan(&mut self) -> Result<Option<Read<Vec<Entry>>>, StoreError> {
        if self.over {
            return Ok(None);
        }
        let (range, from) = (self.range.clone(), self.from.take());
        let found = self.store.backend().scan(range, from, self.direction, self.size).await?;
        self.over = found.rows.len() < self.size;
        self.from = found.rows.last().map(|entry| entry.key.clone());
        Ok((!found.rows.is_empty()).then_some(found))
    }
}
