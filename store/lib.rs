//! What is kept, and where its bytes lie.
//!
//! A backend gets, scans and commits; it knows no rule. A record knows its rules and nothing of where it is kept.

mod bounds;
mod error;
mod frame;
mod memory;
mod seam;

pub use error::{CommitError, Source, StoreError};
pub use memory::MemoryBackend;
pub use seam::{
    Backend, COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, COMMIT_WRITES_MAX, Change, Changes, Commit, Direction, EVENT_MAX,
    Entry, Expect, KEY_MAX, Key, KeyRange, PAYLOAD_MAX, Prefix, Read, Version, Write,
};
