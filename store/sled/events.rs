//! Events on disk.
//!
//! The events of one batch are packed into as few rows as hold them, each under the id of its first event:
//!
//! ```text
//! 0e version:u64be index:u32be  ->  (version:u64be length:u16be bytes)*
//! ```
//!
//! A row may hold events of several commits, and a commit's events may fill several rows.

use sled::{IVec, Tree};

use super::fault;
use super::meta::Head;
use crate::error::StoreError;
use crate::frame;
use crate::seam::{Change, Changes, EVENTS_TABLE, PAYLOAD_MAX, Version};

const ENTRY_HEADER: usize = 10;
/// A trim goes this part of the budget below it, so that not every batch has to look for old rows.
const TRIM_PART: u64 = 16;
/// A batch deletes at most so many rows of events beyond twice those it writes, so that none takes long.
const TRIM_ROWS: usize = 64;

/// A row to be written: its key and its payload without a frame.
type Row = ([u8; 13], Vec<u8>);

/// The rows of one batch's events.
#[derive(Debug, Default)]
pub(super) struct Packing {
    rows: Vec<Row>,
}

impl Packing {
    /// Adds event `index` of commit `version`. Events come in the order of their ids.
    pub(super) fn push(&mut self, version: Version, index: u32, event: &[u8]) {
        let room = match self.rows.last() {
            Some((_, row)) => row.len() + ENTRY_HEADER + event.len() <= PAYLOAD_MAX,
            None => false,
        };
        if !room {
            self.rows.push((key(version, index), Vec::with_capacity(ENTRY_HEADER + event.len())));
        }
        let (_, row) = self.rows.last_mut().expect("a row was just pushed if there was none with room");
        let length = u16::try_from(event.len()).expect("an event is at most EVENT_MAX bytes");
        row.extend_from_slice(&version.to_be_bytes());
        row.extend_from_slice(&length.to_be_bytes());
        row.extend_from_slice(event);
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Chooses the oldest rows for deletion when the events of `head` are over the budget, and takes them off it. `new` are the
/// rows that come with the same batch.
///
/// A row that cannot be read is deleted like any other: what it told is lost, and the store goes on.
pub(super) fn trim(tree: &Tree, head: &mut Head, bytes_max: u64, new: &[Row]) -> Result<Vec<IVec>, StoreError> {
    let mut trimmed = Vec::new();
    if head.event_bytes <= bytes_max {
        return Ok(trimmed);
    }
    let enough = bytes_max - bytes_max / TRIM_PART;
    // The rows chosen last cannot be read: what they told goes up to the next row that can, whose checksum is for its key too.
    let mut unread = false;
    for row in tree.range(key(head.dropped, 0)..table_end()) {
        let (key, value) = row.map_err(|error| fault::reading(&[EVENTS_TABLE], error))?;
        let told = last_told(&key, &value);
        if unread && told.is_ok() {
            head.dropped = before(&key);
            unread = false;
        }
        if !unread && (head.event_bytes <= enough || trimmed.len() >= TRIM_ROWS + 2 * new.len()) {
            return Ok(trimmed);
        }
        match told {
            Ok(last) => head.dropped = last,
            Err(error) => {
                tracing::warn!(%error, "events that cannot be read are dropped");
                unread = true;
            }
        }
        head.event_bytes = head.event_bytes.saturating_sub(frame::payload_length(&value) as u64);
        trimmed.push(key);
    }
    if unread {
        head.dropped = new.first().map_or(head.last, |(key, _)| before(key));
    }
    Ok(trimmed)
}

/// Reads the events of at most `limit` commits after `after` and up to `through`. The gap is left to the caller.
pub(super) fn read(tree: &Tree, after: Version, through: Version, limit: usize) -> Result<Changes, StoreError> {
    let mut changes: Vec<Change> = Vec::new();
    // The row before may end with the first events that are asked for.
    let first = tree.get_lt(key(after.saturating_add(1), 1)).map_err(|error| fault::reading(&[EVENTS_TABLE], error))?;
    let start = match first {
        Some((key, _)) if key[0] == EVENTS_TABLE => key,
        _ => IVec::from(&[EVENTS_TABLE]),
    };
    for row in tree.range(start..IVec::from(&table_end())) {
        let (key, value) = row.map_err(|error| fault::reading(&[EVENTS_TABLE], error))?;
        for event in entries(&key, frame::decode(&key, &value)?.payload) {
            let (version, event) = event?;
            if version <= after {
                continue;
            }
            if version > through {
                return Ok(Changes { gap: None, changes, through });
            }
            let event = event.to_vec().into();
            let changes_full = changes.len() >= limit;
            match changes.last_mut() {
                Some(change) if change.version == version => change.events.push(event),
                last if changes_full => {
                    let looked_at = last.map_or(after, |change| change.version);
                    return Ok(Changes { gap: None, changes, through: looked_at });
                }
                _ => changes.push(Change { version, events: vec![event] }),
            }
        }
    }
    Ok(Changes { gap: None, changes, through })
}

/// The last commit that a row tells of.
fn last_told(key: &[u8], value: &[u8]) -> Result<Version, StoreError> {
    let payload = frame::decode(key, value)?.payload;
    entries(key, payload).try_fold(0, |_, event| event.map(|(version, _)| version))
}

/// The last commit whose events may lie in the rows before the one with this key.
fn before(key: &[u8]) -> Version {
    let (version, index) = key[1..].split_at(8);
    let version = Version::from_be_bytes(version.try_into().expect("eight bytes were split off"));
    if index.iter().all(|byte| *byte == 0) { version - 1 } else { version }
}

fn entries<'a>(key: &'a [u8], mut row: &'a [u8]) -> impl Iterator<Item = Result<(Version, &'a [u8]), StoreError>> {
    std::iter::from_fn(move || {
        if row.is_empty() {
            return None;
        }
        let entry = split(row);
        row = entry.map_or(&[], |(_, _, rest)| rest);
        Some(entry.map(|(version, event, _)| (version, event)).ok_or_else(|| StoreError::Damaged {
            place: key.escape_ascii().to_string(),
            what: "it ends within an event".to_owned(),
        }))
    })
}

fn split(row: &[u8]) -> Option<(Version, &[u8], &[u8])> {
    let (version, row) = row.split_first_chunk()?;
    let (length, row) = row.split_first_chunk()?;
    let (event, rest) = row.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((Version::from_be_bytes(*version), event, rest))
}

fn key(version: Version, index: u32) -> [u8; 13] {
    let mut key = [EVENTS_TABLE; 13];
    key[1..9].copy_from_slice(&version.to_be_bytes());
    key[9..].copy_from_slice(&index.to_be_bytes());
    key
}

fn table_end() -> [u8; 13] {
    let mut end = [0; 13];
    end[0] = EVENTS_TABLE + 1;
    end
}
