//! Files that carry rows from one store to another: backups and subtrees.
//!
//! ```text
//! "understory backup 1\n"               what it is, and the number of its layout
//! (tag:u8 length:u32be bytes)*          records, whose tags are the layout's
//! "."                                   the end
//! sha256:32 bytes                       of everything before it
//! ```
//!
//! One is written beside its place under a name of its own, synced and then put there: what has the name is whole. Whoever
//! reads one checks it to its end before taking anything from it.

mod place;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use place::{exchange, sync_parent};
pub(crate) use read::Reader;
pub(crate) use write::Writer;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::StoreError;

/// The number of the layout that this build writes, and the newest that it reads.
const LAYOUT: u32 = 1;
/// The longest first line, in bytes.
const LINE_MAX: usize = 64;
/// The tag behind which only the hash comes.
const END: u8 = b'.';
/// The length of the hash, in bytes.
const HASH: usize = 32;
/// The longest record, in bytes: a batch of the largest commit with all its events, and keys.
pub(crate) const RECORD_MAX: usize = 64 << 20;

/// What an error of the operating system at `path` means.
pub(crate) fn failed(doing: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::Io { doing: format!("{doing} {}", path.display()), source: Arc::new(error) }
}

fn first_line(kind: &str) -> String {
    format!("understory {kind} {LAYOUT}\n")
}
