//! What every backend refuses before it looks at a row.

use crate::error::CommitError;
use crate::seam::{
    COMMIT_ABOVE_MAX, COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, COMMIT_EXPECTS_MAX, COMMIT_WRITES_MAX, Commit, EVENT_MAX,
    Expect, KEY_MAX, PAYLOAD_MAX, Prefix, Write, reserved,
};

/// As a length, which it is on the machines that this runs on.
const ABOVE_MAX: usize = COMMIT_ABOVE_MAX as usize;

/// How much of a drain a commit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// At least one, so that a drain has a last commit, whatever they hold.
    pub(crate) writes: usize,
    pub(crate) bytes: usize,
}

/// Measures a commit, or refuses it for the first bound it breaks.
///
/// # Panics
/// On a key that is empty or lies in a table of the backend's own: no caller's key does.
pub(crate) fn measure(commit: &Commit) -> Result<Size, CommitError> {
    within("the most expectations in a commit", COMMIT_EXPECTS_MAX, commit.expects.len())?;
    within("the most writes in a commit", COMMIT_WRITES_MAX, commit.writes.len())?;
    within("the most events in a commit", COMMIT_EVENTS_MAX, commit.events.len())?;
    let above = usize::try_from(commit.above).unwrap_or(usize::MAX);
    within("the highest number that a commit leaves behind", ABOVE_MAX, above)?;
    let mut bytes = 0;
    for expect in &commit.expects {
        key(expect.key().as_bytes(), 0)?;
        if let Expect::Holds(_, payload) = expect {
            within("the longest payload in bytes", PAYLOAD_MAX, payload.len())?;
            bytes += payload.len();
        }
    }
    for write in &commit.writes {
        let payload = match write {
            Write::Put(at, payload) => {
                key(at.as_bytes(), 0)?;
                payload.len()
            }
            Write::Delete(at) => {
                key(at.as_bytes(), 0)?;
                0
            }
            Write::Append(prefix, payload) => {
                key(prefix.as_bytes(), Prefix::SUFFIX)?;
                payload.len()
            }
        };
        within("the longest payload in bytes", PAYLOAD_MAX, payload)?;
        bytes += payload;
    }
    for event in &commit.events {
        within("the longest event in bytes", EVENT_MAX, event.len())?;
        bytes += event.len();
    }
    within("the most bytes in a commit", COMMIT_BYTES_MAX, bytes)?;
    Ok(Size { writes: commit.writes.len().max(1), bytes })
}

fn key(bytes: &[u8], suffix: usize) -> Result<(), CommitError> {
    assert!(!reserved(bytes), "key {} is the backend's own", bytes.escape_ascii());
    within("the longest key in bytes", KEY_MAX, bytes.len() + suffix)
}

fn within(limit: &'static str, value: usize, found: usize) -> Result<(), CommitError> {
    if found > value { Err(CommitError::TooLarge { limit, value, found }) } else { Ok(()) }
}
