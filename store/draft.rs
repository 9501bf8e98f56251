//! A commit in the making: it remembers what was read as what it expects.

use bytes::Bytes;
use understory_paths::AgentPath;
use uuid::Uuid;

use crate::chunk::{self, Chunks, Payload};
use crate::keys::Table;
use crate::records::{Event, Record};
use crate::seam::{Commit, Entry, Expect, Key, Prefix, Version, Write};

/// A row as read, with what is needed to write over it.
#[derive(Clone, Debug)]
pub struct Row<T> {
    /// Its key.
    pub key: Key,
    /// What it holds.
    pub value: T,
    /// The commit that last wrote it.
    pub version: Version,
    pub(crate) chunks: Option<Chunks>,
}

impl<T> Row<T> {
    /// The row that a draft wrote, once its commit has a number: what a single writer holds instead of reading again.
    pub fn written(written: Written, value: T, version: Version) -> Row<T> {
        Row { key: written.key, value, version, chunks: written.chunks }
    }
}

/// A row to be deleted, of which nobody asks what it holds.
#[derive(Clone, Debug)]
pub struct Stub {
    /// Its key.
    pub key: Key,
    /// The commit that last wrote it.
    pub version: Version,
    chunks: Option<Chunks>,
}

/// What a draft wrote of a row, until the commit has a number.
#[derive(Clone, Debug)]
#[must_use = "a single writer keeps it for its next update"]
pub struct Written {
    key: Key,
    payload: Bytes,
    chunks: Option<Chunks>,
}

impl Stub {
    pub(crate) fn of(entry: Entry) -> Stub {
        let chunks = match chunk::parse(entry.key.as_bytes(), &entry.payload) {
            Some(Payload::Parts(chunks)) => Some(chunks),
            _ => None,
        };
        Stub { key: entry.key, version: entry.version, chunks }
    }

    /// How many writes it takes to delete it.
    pub fn writes(&self) -> usize {
        1 + self.chunks.as_ref().map_or(0, |chunks| chunks.keys().count())
    }
}

/// A commit in the making.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    commit: Commit,
}

impl Draft {
    /// An empty one.
    pub fn new() -> Self {
        Draft::default()
    }

    /// Demands that the row is as it was read.
    pub fn expect<T>(&mut self, row: &Row<T>) {
        self.expect_at(row.key.clone(), row.version);
    }

    /// Demands that the row was last written by this commit.
    pub fn expect_at(&mut self, key: Key, version: Version) {
        self.demand(Expect::At(key, version));
    }

    /// Demands that the row, whose value is short, holds just this, whichever commit wrote it.
    ///
    /// # Panics
    /// The value does not fit one row.
    pub fn expect_held<R: Record>(&mut self, key: Key, value: &R) {
        let payload = chunk::inline(value.encode()).expect("a row that is expected by its value fits in one");
        self.demand(Expect::Holds(key, payload));
    }

    /// Demands that there is no such row.
    pub fn expect_absent(&mut self, key: Key) {
        self.demand(Expect::Absent(key));
    }

    /// Demands that there is such a row.
    pub fn expect_present(&mut self, key: Key) {
        self.demand(Expect::Present(key));
    }

    /// Demands that neither the node nor any of its ancestors is closed.
    pub fn expect_open(&mut self, path: &AgentPath) {
        self.expect_absent(Table::Closed.at(path));
        for ancestor in path.ancestors() {
            self.expect_absent(Table::Closed.at(&ancestor));
        }
    }

    /// Writes a row that must not be there yet.
    pub fn create<R: Record>(&mut self, key: Key, value: &R) -> Written {
        self.expect_absent(key.clone());
        self.write(key, value)
    }

    /// Writes a row that is known not to be there.
    pub fn add<R: Record>(&mut self, key: Key, value: &R) {
        let _ = self.write(key, value);
    }

    /// Writes over a row that must be as it was read.
    pub fn update<R: Record>(&mut self, row: &Row<R>, value: &R) -> Written {
        self.expect(row);
        self.drop_chunks(row.chunks.as_ref());
        self.write(row.key.clone(), value)
    }

    /// Writes over a row that must be as another commit of the same writer leaves it, which is not answered yet: if that one
    /// is refused, so is this.
    pub fn update_written<R: Record>(&mut self, written: &Written, value: &R) -> Written {
        self.demand(Expect::Holds(written.key.clone(), written.payload.clone()));
        self.drop_chunks(written.chunks.as_ref());
        self.write(written.key.clone(), value)
    }

    /// Writes a row whose value is short, whatever was there.
    ///
    /// # Panics
    /// The value does not fit one row: what might lie in chunks is written over by [`Draft::update`] only.
    pub fn put<R: Record>(&mut self, key: Key, value: &R) {
        let payload = chunk::inline(value.encode()).expect("a row that is put blindly fits in one");
        self.commit.writes.push(Write::Put(key, payload));
    }

    /// Adds a row under `prefix` and says at which place of the commit, of which its key is made ([`Prefix::key`]).
    pub fn append<R: Record>(&mut self, prefix: Prefix, value: &R) -> u16 {
        let (payload, _) = self.cut(prefix.as_bytes(), value.encode());
        let place = u16::try_from(self.commit.writes.len()).unwrap_or(u16::MAX);
        self.commit.writes.push(Write::Append(prefix, payload));
        place
    }

    /// Removes a row as it was read, without demanding it.
    pub fn remove<T>(&mut self, row: &Row<T>) {
        self.drop_chunks(row.chunks.as_ref());
        self.commit.writes.push(Write::Delete(row.key.clone()));
    }

    /// Removes a row that must be as it was seen.
    pub fn discard(&mut self, stub: &Stub) {
        self.expect_at(stub.key.clone(), stub.version);
        self.drop_chunks(stub.chunks.as_ref());
        self.commit.writes.push(Write::Delete(stub.key.clone()));
    }

    /// Has its commit, and all that follow, have numbers greater than this one.
    pub fn number_above(&mut self, version: Version) {
        self.commit.above = self.commit.above.max(version);
    }

    /// Takes in what another draft demands, writes and tells.
    pub fn absorb(&mut self, other: Draft) {
        self.commit.expects.extend(other.commit.expects);
        self.commit.writes.extend(other.commit.writes);
        self.commit.events.extend(other.commit.events);
        self.number_above(other.commit.above);
    }

    /// Removes a row whose value is short.
    pub fn delete(&mut self, key: Key) {
        self.commit.writes.push(Write::Delete(key));
    }

    /// Tells of it.
    pub fn tell(&mut self, event: &Event) {
        self.commit.events.push(Bytes::from(event.encode()));
    }

    /// Whether a commit of it would change and tell nothing.
    pub fn is_empty(&self) -> bool {
        self.commit.writes.is_empty() && self.commit.events.is_empty()
    }

    /// How many writes it has so far.
    pub fn writes(&self) -> usize {
        self.commit.writes.len()
    }

    /// How many payload bytes it has so far.
    pub fn bytes(&self) -> usize {
        let payload = |write: &Write| match write {
            Write::Put(_, payload) | Write::Append(_, payload) => payload.len(),
            Write::Delete(_) => 0,
        };
        self.commit.writes.iter().map(payload).sum()
    }

    pub(crate) fn into_commit(self) -> Commit {
        self.commit
    }

    fn demand(&mut self, expect: Expect) {
        self.commit.expects.push(expect);
    }

    fn write<R: Record>(&mut self, key: Key, value: &R) -> Written {
        let (payload, chunks) = self.cut(key.as_bytes(), value.encode());
        self.commit.writes.push(Write::Put(key.clone(), payload.clone()));
        Written { key, payload, chunks }
    }

    /// Puts a value over one row into rows of their own and returns the head that names them.
    fn cut(&mut self, owner: &[u8], value: Vec<u8>) -> (Bytes, Option<Chunks>) {
        match chunk::inline(value) {
            Ok(payload) => (payload, None),
            Err(value) => {
                let chunks = Chunks::of(owner, Uuid::now_v7(), &value);
                for (key, part) in chunks.keys().zip(value.chunks(chunk::CHUNK)) {
                    self.commit.writes.push(Write::Put(key, Bytes::copy_from_slice(part)));
                }
                (chunks.head(), Some(chunks))
            }
        }
    }

    fn drop_chunks(&mut self, chunks: Option<&Chunks>) {
        for key in chunks.iter().flat_map(|chunks| chunks.keys()) {
            self.commit.writes.push(Write::Delete(key));
        }
    }
}
