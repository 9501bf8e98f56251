//! Parts of long values against the heads that name them: none may be left over. That none is missing is seen where the
//! heads are read.

use super::cursor::{Cursor, Step};
use super::report::Report;
use crate::chunk::{self, Payload};
use crate::error::StoreError;
use crate::keys::Table;
use crate::seam::{Backend, Direction, Entry, Key, KeyRange};

/// What follows the owner's key in a part's key: a zero, the name of the value and the part's number.
const SUFFIX: usize = 19;
/// How many rows of an owner are read at a time.
const PAGE: usize = 256;

/// Counts the parts of each owner, and those that its heads name.
pub(super) async fn check(backend: &dyn Backend, report: &mut Report) -> Result<(), StoreError> {
    let mut parts = Cursor::new(backend, Table::Chunk.all());
    let mut counted: Option<(Vec<u8>, u64)> = None;
    while let Some(step) = parts.next().await? {
        report.row();
        let owner = owner(step.key());
        if let Step::Damaged(key, what) = &step {
            report.problem(format!("chunk {key}"), what.as_str());
        }
        match (owner, &mut counted) {
            (None, _) => report.problem(format!("chunk {}", step.key()), "its key names no row"),
            (Some(owner), Some((last, count))) if owner == last => *count += 1,
            (Some(owner), _) => {
                if let Some((last, count)) = counted.replace((owner.to_vec(), 1)) {
                    compare(backend, &last, count, report).await?;
                }
            }
        }
    }
    match counted {
        Some((last, count)) => compare(backend, &last, count, report).await,
        None => Ok(()),
    }
}

/// The key, or the prefix of keys, of the row that a part belongs to.
fn owner(part: &Key) -> Option<&[u8]> {
    let key = part.as_bytes();
    let owner = key.get(1..key.len().checked_sub(SUFFIX)?)?;
    let known = |tag: &u8| Table::ALL.iter().any(|table| *table as u8 == *tag);
    (owner.first().is_some_and(known) && key[1 + owner.len()] == 0).then_some(owner)
}

async fn compare(backend: &dyn Backend, owner: &[u8], found: u64, report: &mut Report) -> Result<(), StoreError> {
    let Some(named) = named(backend, owner).await? else { return Ok(()) };
    if found > named {
        let place = format!("chunk {}", owner.escape_ascii());
        report.problem(place, format!("{found} parts lie here, and rows name {named}"));
    }
    Ok(())
}

/// How many parts the heads at and under `owner` name; nothing if some of them cannot be read.
async fn named(backend: &dyn Backend, owner: &[u8]) -> Result<Option<u64>, StoreError> {
    let mut named = 0;
    let below = [owner, &[0]].concat();
    let mut rows = match backend.get(vec![Key::new(owner.to_vec())]).await {
        Ok(read) => read.rows.into_iter().flatten().collect::<Vec<Entry>>(),
        Err(StoreError::Damaged { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut from = None;
    loop {
        named += rows.iter().map(|row| parts_of(row, owner)).sum::<u64>();
        match backend.scan(KeyRange::prefix(&below), from, Direction::Forward, PAGE).await {
            Ok(read) => rows = read.rows,
            Err(StoreError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let Some(last) = rows.last() else { return Ok(Some(named)) };
        from = Some(last.key.clone());
    }
}

fn parts_of(row: &Entry, owner: &[u8]) -> u64 {
    match chunk::parse(row.key.as_bytes(), &row.payload) {
        Some(Payload::Parts(parts)) if parts.keys().all(|key| self::owner(&key) == Some(owner)) => {
            parts.keys().count() as u64
        }
        _ => 0,
    }
}
