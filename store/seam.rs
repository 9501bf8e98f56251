//! The seam between the rules and the bytes: what every backend offers, and nothing an engine would show through.

use std::fmt;
use std::ops::Bound;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::error::{CommitError, StoreError};

/// The number of a commit, counted up from 1, with gaps where [`Commit::above`] leaves some; a row's version is the number of
/// the commit that last wrote it.
pub type Version = u64;

/// The longest key, in bytes: a path, a table's tag, an item id and a sequence number fit.
pub const KEY_MAX: usize = 768;
/// The longest payload of one row, in bytes. `Store` cuts longer ones into chunks.
pub const PAYLOAD_MAX: usize = 4096;
/// The longest event, in bytes; a commit's events are packed into rows of at most [`PAYLOAD_MAX`]. The end of a turn that had
/// 64 messages in hand with 2 KiB attached to them fits.
pub const EVENT_MAX: usize = 3840;
/// The most writes in one commit.
pub const COMMIT_WRITES_MAX: usize = 1024;
/// The most events in one commit.
pub const COMMIT_EVENTS_MAX: usize = 4096;
/// The most expectations in one commit: of 512 writes, each with a fence of its own over 31 marks, as the registrar's
/// largest drain may come to have. Each is looked up before anything is written.
pub const COMMIT_EXPECTS_MAX: usize = 16_384;
/// The most bytes in one commit: those of payloads, written or expected, and of events.
pub const COMMIT_BYTES_MAX: usize = 4 << 20;

/// The highest number that a commit may leave behind, so that there are always more.
pub const COMMIT_ABOVE_MAX: Version = 1 << 48;

/// The first byte of the keys under which a backend keeps what it must know itself.
pub(crate) const META_TABLE: u8 = 0x00;
/// The first byte of the keys under which a backend keeps events.
pub(crate) const EVENTS_TABLE: u8 = 0x0e;

/// Whether a key is no caller's: empty, or in a table of the backend's own. No commit may name it, no read finds it.
pub(crate) fn reserved(key: &[u8]) -> bool {
    matches!(key.first(), None | Some(&(META_TABLE | EVENTS_TABLE)))
}

/// A row's key. Keys compare bytewise, and a scan goes in that order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

impl Key {
    /// Takes bytes as a key. A key over [`KEY_MAX`] is refused by the commit that names it.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Key(bytes.into())
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Where an append goes: the row's key is these bytes, a zero, the commit's number and the write's place in it, so that
/// rows appended under one prefix stand in commit order.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Bytes);

impl Prefix {
    /// How much longer an appended row's key is than its prefix.
    pub(crate) const SUFFIX: usize = 11;

    /// Takes bytes as a prefix.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Prefix(bytes.into())
    }

    /// The prefix's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key that an append of commit `sequence` gets, as that commit's `n`-th write counted from 0.
    pub fn key(&self, sequence: Version, n: u16) -> Key {
        let mut key = Vec::with_capacity(self.0.len() + Prefix::SUFFIX);
        key.extend_from_slice(&self.0);
        key.push(0);
        key.extend_from_slice(&sequence.to_be_bytes());
        key.extend_from_slice(&n.to_be_bytes());
        Key::new(key)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it begins.
    pub start: Bound<Key>,
    /// Where it ends.
    pub end: Bound<Key>,
}

impl KeyRange {
    /// Every key from `start` up to, without, `end`.
    pub fn between(start: Key, end: Key) -> Self {
        KeyRange { start: Bound::Included(start), end: Bound::Excluded(end) }
    }

    /// Every key that begins with `prefix`, which must not be empty nor all `ff`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut end = prefix.to_vec();
        while end.last() == Some(&0xff) {
            end.pop();
        }
        *end.last_mut().expect("no table's prefix is empty or all ff") += 1;
        KeyRange::between(Key::new(prefix.to_vec()), Key::new(end))
    }

    /// What a scan that has come to `from` has still to read.
    pub(crate) fn resumed(self, from: Option<Key>, direction: Direction) -> Self {
        let Some(from) = from else { return self };
        let KeyRange { start, end } = self;
        match direction {
            Direction::Forward if precedes_start(&from, &start) => KeyRange { start, end },
            Direction::Forward => KeyRange { start: Bound::Excluded(from), end },
            Direction::Backward if exceeds_end(&from, &end) => KeyRange { start, end },
            Direction::Backward => KeyRange { start, end: Bound::Excluded(from) },
        }
    }

    /// Whether its bounds cross, which a map's `range` would not take.
    pub(crate) fn crosses(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
                start >= end
            }
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        }
    }
}

fn precedes_start(from: &Key, start: &Bound<Key>) -> bool {
    match start {
        Bound::Included(start) | Bound::Excluded(start) => from < start,
        Bound::Unbounded => false,
    }
}

fn exceeds_end(from: &Key, end: &Bound<Key>) -> bool {
    match end {
        Bound::Included(end) | Bound::Excluded(end) => from > end,
        Bound::Unbounded => false,
    }
}

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Forward,
    /// From the largest key down.
    Backward,
}

/// What a commit demands of a row; if one demand does not hold, nothing of the commit is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No row has this key.
    Absent(Key),
    /// Some row has this key.
    Present(Key),
    /// The row was last written by this commit.
    At(Key, Version),
    /// The row holds this payload, whichever commit wrote it: what a writer can demand that has the row's last commit still
    /// under way, and so does not know its version.
    Holds(Key, Bytes),
}

impl Expect {
    /// The row it speaks of.
    pub fn key(&self) -> &Key {
        match self {
            Expect::Absent(key) | Expect::Present(key) | Expect::At(key, _) | Expect::Holds(key, _) => key,
        }
    }

    /// Whether it holds for a row that was found with this version and payload.
    pub fn holds(&self, found: Option<(Version, &[u8])>) -> bool {
        match self {
            Expect::Absent(_) => found.is_none(),
            Expect::Present(_) => found.is_some(),
            Expect::At(_, version) => found.is_some_and(|(found, _)| found == *version),
            Expect::Holds(_, payload) => found.is_some_and(|(_, found)| found == payload),
        }
    }
}

/// What a commit does to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes the row, whether it was there or not.
    Put(Key, Bytes),
    /// Removes the row, if it is there.
    Delete(Key),
    /// Adds a row under a key made of the prefix and the commit's own number ([`Prefix::key`]).
    Append(Prefix, Bytes),
}

/// Writes that become durable together or not at all, and the events that tell of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// What must hold. Checked in order; a conflict names the first that did not.
    pub expects: Vec<Expect>,
    /// What is written, in order: a later write to the same key wins.
    pub writes: Vec<Write>,
    /// What is told, in order; event *n* has the id `(version, n)`.
    pub events: Vec<Bytes>,
    /// Its number is greater than this one, and so are those of all that follow: rows that bring such numbers in their keys
    /// from elsewhere lie before what is appended from here on. At most [`COMMIT_ABOVE_MAX`]; usually 0.
    pub above: Version,
}

/// A row as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// What was put or appended.
    pub payload: Bytes,
    /// The commit that last wrote it.
    pub version: Version,
}

/// What a read found. It may be one sync ahead of what is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<T> {
    /// What was found.
    pub rows: T,
    /// No commit after this one can have been seen; what leaves the process waits for [`Backend::durable`] of it.
    pub through: Version,
}

/// One durable commit's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub version: Version,
    /// Its events, in order.
    pub events: Vec<Bytes>,
}

/// Durable events after a point, in commit order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Set when events after the asked point were dropped: they are missing up to and including this commit.
    pub gap: Option<Version>,
    /// The commits that have events, oldest first.
    pub changes: Vec<Change>,
    /// Where to ask next: every commit up to here was looked at.
    pub through: Version,
}

/// Where rows are kept. It gets, scans and commits; it knows no rule.
pub trait Backend: Send + Sync + 'static {
    /// Applies a commit whole and resolves once it is durable, or refuses it whole.
    ///
    /// A dropped future does not take the commit back. Keys that are empty or begin with `00` or `0e` are the backend's own:
    /// a commit that names one is a bug and panics.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>>;

    /// Reads rows by key, in the order asked; `None` where there is none. May be one sync ahead.
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>>;

    /// Reads at most `limit` rows of `range`. Going forward it begins after `from`, going backward before it.
    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>>;

    /// Resolves when commit `through` is durable, which may be one that is still to come.
    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Durable events of commits after `after`, those of at most `limit` commits.
    fn changes(&self, after: Version, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>>;

    /// The last durable commit.
    fn last(&self) -> Version;
}
