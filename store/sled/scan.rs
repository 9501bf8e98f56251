//! Reading rows from the engine.

use std::ops::Bound;

use bytes::Bytes;
use sled::Tree;

use super::fault;
use crate::error::StoreError;
use crate::frame;
use crate::seam::{Direction, EVENTS_TABLE, Entry, Key, KeyRange, META_TABLE, reserved};

/// How many rows are read on the thread that asks; more are left to another.
pub(super) const INLINE_ROWS: usize = 64;

/// Where callers' rows lie: between the backend's own tables, and after them.
static VISIBLE: [(&[u8], Option<&[u8]>); 2] = [(&[META_TABLE + 1], Some(&[EVENTS_TABLE])), (&[EVENTS_TABLE + 1], None)];

/// Reads rows by key.
pub(super) fn get(tree: &Tree, keys: Vec<Key>) -> Result<Vec<Option<Entry>>, StoreError> {
    keys.into_iter().map(|key| if reserved(key.as_bytes()) { Ok(None) } else { row(tree, key) }).collect()
}

/// Reads at most `limit` rows of `range`.
pub(super) fn scan(
    tree: &Tree,
    range: &KeyRange,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    let mut parts = VISIBLE.map(|(start, end)| clamp(range, start, end));
    if direction == Direction::Backward {
        parts.reverse();
    }
    for part in parts {
        if part.crosses() {
            continue;
        }
        let mut rows = tree.range::<&[u8], _>((borrowed(&part.start), borrowed(&part.end)));
        while found.len() < limit {
            let row = match direction {
                Direction::Forward => rows.next(),
                Direction::Backward => rows.next_back(),
            };
            let Some(row) = row else { break };
            let (key, value) = row.map_err(|error| fault::reading(edge(&part, direction), error))?;
            found.push(entry(Key::new(Bytes::copy_from_slice(&key)), &value)?);
        }
    }
    Ok(found)
}

fn row(tree: &Tree, key: Key) -> Result<Option<Entry>, StoreError> {
    match tree.get(key.as_bytes()).map_err(|error| fault::reading(key.as_bytes(), error))? {
        Some(value) => entry(key, &value).map(Some),
        None => Ok(None),
    }
}

fn entry(key: Key, value: &[u8]) -> Result<Entry, StoreError> {
    let framed = frame::decode(key.as_bytes(), value)?;
    Ok(Entry { payload: Bytes::copy_from_slice(framed.payload), version: framed.version, key })
}

fn clamp(range: &KeyRange, start: &'static [u8], end: Option<&'static [u8]>) -> KeyRange {
    let start = match &range.start {
        Bound::Included(key) | Bound::Excluded(key) if key.as_bytes() >= start => range.start.clone(),
        _ => Bound::Included(Key::new(start)),
    };
    let end = match (&range.end, end) {
        (Bound::Included(key) | Bound::Excluded(key), Some(end)) if key.as_bytes() < end => range.end.clone(),
        (_, Some(end)) => Bound::Excluded(Key::new(end)),
        (_, None) => range.end.clone(),
    };
    KeyRange { start, end }
}

fn borrowed(bound: &Bound<Key>) -> Bound<&[u8]> {
    bound.as_ref().map(Key::as_bytes)
}

/// The key to name when a scan fails: the engine does not say where it was.
fn edge(range: &KeyRange, direction: Direction) -> &[u8] {
    let bound = match direction {
        Direction::Forward => &range.start,
        Direction::Backward => &range.end,
    };
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => key.as_bytes(),
        Bound::Unbounded => &[],
    }
}
