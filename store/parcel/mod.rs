//! A subtree as a file: what its nodes keep, and nothing of the store it comes from.
//!
//! ```text
//! s  path                               its top
//! v  row*                               rows, by table and then by key; values whole, however they are cut in a store
//! t  rows:u64be newest:u64be            how many; the highest commit whose number is in a key
//!
//! row = key_length:u16be value_length:u32be key value
//! ```
//!
//! Neither versions nor the commits of a store are in it, nor times, so that what is taken from one store, put into another
//! at the same path and taken from there is the same bytes.

mod moving;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::ParcelReader;
pub use write::ParcelWriter;

use understory_paths::AgentPath;

use crate::keys::Table;
use crate::records::{DecodeError, Record};
use crate::seam::{COMMIT_ABOVE_MAX, Key, Version};

const KIND: &str = "subtree";
const TOP: u8 = b's';
const ROWS: u8 = b'v';
const TAIL: u8 = b't';

/// What a parcel holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    /// Its rows.
    pub rows: u64,
    /// The highest commit whose number is in a key: a store that takes the rows goes on behind it.
    pub newest: Version,
    /// The bytes of the file.
    pub bytes: u64,
}

/// A value as it is, whatever record it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verbatim(pub Vec<u8>);

/// A row of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelRow {
    /// Its key, at the path where the subtree was.
    pub key: Key,
    /// Its value, whole.
    pub value: Verbatim,
}

impl Record for Verbatim {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Verbatim(bytes.to_vec()))
    }
}

/// Whether the rows of a table go where their subtree goes. Whoever adds a table decides here.
pub fn travels(table: Table) -> bool {
    match table {
        // Parts of long values are in the values.
        Table::Chunk => false,
        // What is known of removed nodes is the store's.
        Table::Tombstone | Table::Burial => false,
        // Tokens stay where they were minted, with what ends them.
        Table::Credential | Table::Reopened => false,
        Table::Node | Table::Closed | Table::Count | Table::Grant | Table::Card | Table::Nickname => true,
        Table::Inbox | Table::Transcript | Table::Dead | Table::Seen | Table::Session | Table::Digest => true,
        Table::Spec | Table::Row | Table::Result | Table::ItemId | Table::Unfinished | Table::Fingerprint => true,
        Table::Goal | Table::Charge | Table::Drive | Table::Plan | Table::PlanNode => true,
        // What a directory is called may be another one elsewhere: whoever goes on there is told that it is not as it was left.
        Table::Directory | Table::BrainSettings => true,
        // An agent that read what nobody vouches for did so wherever it lies.
        Table::Memory | Table::MemoryUse | Table::Taint => true,
        // A conversation that was imported is added to, not imported again.
        Table::ImportState => true,
    }
}

/// The commit whose number the key of an appended row ends with.
fn sequence(key: &Key, path: &AgentPath) -> Option<Version> {
    let tail = key.as_bytes().get(1 + path.as_str().len()..)?;
    let (sequence, n) = tail.strip_prefix(&[0])?.split_first_chunk()?;
    // A name may be as long, but is no such number: its first two bytes would have to be zeros.
    Some(Version::from_be_bytes(*sequence)).filter(|sequence| n.len() == 2 && *sequence <= COMMIT_ABOVE_MAX)
}
