//! A range read to its end, page by page, while others write in it.

use crate::draft::Row;
use crate::error::StoreError;
use crate::records::Record;
use crate::seam::{Direction, Key, KeyRange, Version};
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

    /// The next rows, perhaps one sync ahead; nothing at the end.
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
        if self.over {
            return Ok(None);
        }
        let keys = self.store.scan_keys(self.range.clone(), self.from.clone(), self.direction, self.size).await?;
        self.pass(keys.len(), keys.last());
        Ok((!keys.is_empty()).then_some(keys))
    }

    async fn read<R: Record>(&mut self) -> Result<Option<(Vec<Row<R>>, Version)>, StoreError> {
        if self.over {
            return Ok(None);
        }
        let (range, from) = (self.range.clone(), self.from.clone());
        let (rows, through) = self.store.filled(range, from, self.direction, self.size).await?;
        self.pass(rows.len(), rows.last().map(|row| &row.key));
        Ok((!rows.is_empty()).then_some((rows, through)))
    }

    /// Notes how much a page had and where it ended.
    fn pass(&mut self, count: usize, last: Option<&Key>) {
        self.over = count < self.size;
        self.from = last.cloned();
    }
}
