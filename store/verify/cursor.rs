//! A way through a range of rows that does not end at a damaged one.

use std::collections::VecDeque;
use std::ops::Bound;

use crate::error::StoreError;
use crate::seam::{Backend, Direction, Entry, KEY_MAX, Key, KeyRange};

/// How many rows are read at a time.
const PAGE: usize = 256;

/// The rows of a range, in order.
pub(super) struct Cursor<'a> {
    backend: &'a dyn Backend,
    left: KeyRange,
    page: VecDeque<Entry>,
    limit: usize,
    ended: bool,
}

/// The next thing on the way.
pub(super) enum Step {
    /// A row whose checksum holds.
    Row(Entry),
    /// A row, or several, that cannot be read; the key is that of the last.
    Damaged(Key, String),
}

/// Damage that reading came to.
struct Damage {
    /// The row it is in; nothing where the engine cannot tell, and names where it was asked to begin instead.
    place: Option<String>,
    what: String,
}

impl Step {
    pub(super) fn key(&self) -> &Key {
        match self {
            Step::Row(entry) => &entry.key,
            Step::Damaged(key, _) => key,
        }
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(backend: &'a dyn Backend, range: KeyRange) -> Self {
        let ended = range.crosses();
        Cursor { backend, left: range, page: VecDeque::new(), limit: PAGE, ended }
    }

    /// The next row or damage; nothing at the end of the range.
    pub(super) async fn next(&mut self) -> Result<Option<Step>, StoreError> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                return Ok(Some(Step::Row(entry)));
            }
            if self.ended {
                return Ok(None);
            }
            match self.read(self.left.start.clone(), self.limit).await {
                Ok(rows) => {
                    self.ended = rows.len() < self.limit;
                    self.left.start = rows.last().map_or(Bound::Unbounded, |last| Bound::Excluded(last.key.clone()));
                    self.page = rows.into();
                }
                // A page fails as a whole: up to the damage rows are read one by one.
                Err(StoreError::Damaged { .. }) if self.limit > 1 => self.limit = 1,
                Err(StoreError::Damaged { place, what }) => {
                    return self.pass(Damage::new(self, place, what)).await.map(Some);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Finds the first key from which reading goes on, and goes on there.
    ///
    /// The seam does not say where damage ends, but reading from some key meets the same damage or does not: so the first
    /// key that does not is found byte by byte.
    async fn pass(&mut self, damage: Damage) -> Result<Step, StoreError> {
        let mut key = Vec::new();
        while key.len() <= KEY_MAX {
            key.push(0);
            if !self.meets(&key, &damage).await? {
                break;
            }
            self.choose_last(&mut key, &damage).await?;
            let beyond = [key.as_slice(), &[0xff; KEY_MAX]].concat();
            if self.meets(&beyond, &damage).await? {
                // Nothing that begins so is behind the damage: it is the next byte up, with nothing after it.
                let last = key.last_mut().expect("a byte was pushed");
                *last = last.saturating_add(1);
                break;
            }
        }
        self.ended = key.len() > KEY_MAX;
        self.limit = PAGE;
        self.left.start = Bound::Included(Key::new(key.clone()));
        // What lies just behind a row is its key and a zero.
        if key.last() == Some(&0) {
            key.pop();
        }
        Ok(Step::Damaged(Key::new(key), damage.what))
    }

    /// Makes the key's last byte the largest from which the damage is still met.
    async fn choose_last(&self, key: &mut [u8], damage: &Damage) -> Result<(), StoreError> {
        let last = key.len() - 1;
        let (mut low, mut high) = (0, 0x100_u16);
        while high - low > 1 {
            let middle = low.midpoint(high);
            key[last] = u8::try_from(middle).expect("below 256");
            match self.meets(key, damage).await? {
                true => low = middle,
                false => high = middle,
            }
        }
        key[last] = u8::try_from(low).expect("below 256");
        Ok(())
    }

    /// Whether reading from `key` comes to this damage first.
    async fn meets(&self, key: &[u8], damage: &Damage) -> Result<bool, StoreError> {
        let asked = Key::new(key.to_vec());
        if self.precedes(&asked) {
            return Ok(true);
        }
        match self.read(Bound::Included(asked.clone()), 1).await {
            Ok(_) => Ok(false),
            Err(StoreError::Damaged { place, what }) => Ok(damage.is(&place, &what, &asked)),
            Err(error) => Err(error),
        }
    }

    fn precedes(&self, key: &Key) -> bool {
        match &self.left.start {
            Bound::Included(start) => key < start,
            Bound::Excluded(start) => key <= start,
            Bound::Unbounded => false,
        }
    }

    async fn read(&self, start: Bound<Key>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let range = KeyRange { start, end: self.left.end.clone() };
        if range.crosses() {
            return Ok(Vec::new());
        }
        Ok(self.backend.scan(range, None, Direction::Forward, limit).await?.rows)
    }
}

impl Damage {
    fn new(met_by: &Cursor<'_>, place: String, what: String) -> Self {
        let asked = match &met_by.left.start {
            Bound::Included(start) | Bound::Excluded(start) => Some(start.to_string()),
            Bound::Unbounded => None,
        };
        Damage { place: (asked.as_ref() != Some(&place)).then_some(place), what }
    }

    /// Whether reading from `asked` came to the same.
    fn is(&self, place: &str, what: &str, asked: &Key) -> bool {
        what == self.what && self.place.as_ref().map_or(place == asked.to_string(), |known| place == known)
    }
}
