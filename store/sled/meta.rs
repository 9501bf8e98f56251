//! The backend's own rows: which schema the store has, and where its commits stand.

use sled::Tree;

use super::fault;
use crate::error::StoreError;
use crate::frame;
use crate::seam::{META_TABLE, Version};

/// The store's layout that this build writes, and the newest that it reads.
pub(super) const SCHEMA: u32 = 1;

pub(super) const SCHEMA_KEY: &[u8] = &[META_TABLE, b's'];
pub(super) const HEAD_KEY: &[u8] = &[META_TABLE, b'h'];

/// Where the commits stand. Written with every batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The last commit.
    pub(super) last: Version,
    /// The last commit of which events were dropped.
    pub(super) dropped: Version,
    /// The bytes of events kept.
    pub(super) event_bytes: u64,
}

impl Head {
    pub(super) fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.last.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.dropped.to_be_bytes());
        bytes[16..].copy_from_slice(&self.event_bytes.to_be_bytes());
        bytes
    }

    fn decode(bytes: [u8; 24]) -> Self {
        let number = |at: usize| {
            let eight = bytes[at..at + 8].try_into().expect("a slice of eight bytes is eight bytes");
            u64::from_be_bytes(eight)
        };
        Head { last: number(0), dropped: number(8), event_bytes: number(16) }
    }
}

/// Reads the schema, if the store has one.
pub(super) fn schema(tree: &Tree) -> Result<Option<u32>, StoreError> {
    Ok(row(tree, SCHEMA_KEY)?.map(u32::from_be_bytes))
}

/// Reads where the commits stand, if the store says so.
pub(super) fn head(tree: &Tree) -> Result<Option<Head>, StoreError> {
    Ok(row(tree, HEAD_KEY)?.map(Head::decode))
}

fn row<const LENGTH: usize>(tree: &Tree, key: &[u8]) -> Result<Option<[u8; LENGTH]>, StoreError> {
    let Some(value) = tree.get(key).map_err(|error| fault::reading(key, error))? else { return Ok(None) };
    let payload = frame::decode(key, &value)?.payload;
    let bytes = payload.try_into().map_err(|_| StoreError::Damaged {
        place: key.escape_ascii().to_string(),
        what: format!("it has {} bytes instead of {LENGTH}", payload.len()),
    })?;
    Ok(Some(bytes))
}
