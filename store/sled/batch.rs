//! One batch: which commits of a drain hold, and what they write.

use std::collections::HashMap;

use bytes::Bytes;
use sled::{Batch, IVec, Tree};

use super::backup_file::Change;
use super::events::{self, Packing};
use super::fault;
use super::meta::{HEAD_KEY, Head};
use crate::error::{CommitError, StoreError};
use crate::frame;
use crate::seam::{Commit, Expect, Key, Version, Write};

/// A batch as it grows.
pub(super) struct Building<'a> {
    tree: &'a Tree,
    batch: Batch,
    head: Head,
    events: Packing,
    /// What commits of this batch made of rows, for those that are checked after them.
    overlay: HashMap<IVec, Option<(Version, Bytes)>>,
    frame: Vec<u8>,
    bytes: u64,
    /// What is written, where somebody wants it.
    changes: Option<Vec<Change>>,
}

/// A batch that can be applied.
pub(super) struct Built {
    pub(super) batch: Batch,
    pub(super) head: Head,
    /// The bytes of its keys and values.
    pub(super) bytes: u64,
    /// What it writes, in order, where somebody wants it.
    pub(super) changes: Option<Vec<Change>>,
}

impl<'a> Building<'a> {
    /// Begins behind `head`; `kept` says whether somebody wants to see what is written.
    pub(super) fn new(tree: &'a Tree, head: Head, kept: bool) -> Self {
        Building {
            tree,
            batch: Batch::default(),
            head,
            events: Packing::default(),
            overlay: HashMap::new(),
            frame: Vec::new(),
            bytes: 0,
            changes: kept.then(Vec::new),
        }
    }

    /// Adds a commit if it holds. `checked_after` says whether a commit with expectations follows it.
    pub(super) fn add(&mut self, commit: &Commit, checked_after: bool) -> Result<Version, CommitError> {
        for expect in &commit.expects {
            self.check(expect)?;
        }
        self.head.last = self.head.last.max(commit.above) + 1;
        let version = self.head.last;
        for (n, write) in (0..).zip(&commit.writes) {
            match write {
                Write::Put(key, payload) => self.put(key, payload, checked_after),
                Write::Append(prefix, payload) => self.put(&prefix.key(version, n), payload, checked_after),
                Write::Delete(key) => {
                    let key = IVec::from(key.as_bytes());
                    if checked_after {
                        self.overlay.insert(key.clone(), None);
                    }
                    self.remove(key);
                }
            }
        }
        for (index, event) in (0..).zip(&commit.events) {
            self.events.push(version, index, event);
        }
        Ok(version)
    }

    /// The last commit that was added, or the one before the batch.
    pub(super) fn last(&self) -> Version {
        self.head.last
    }

    /// Adds the events, deletes those over the budget, and says where the commits stand.
    pub(super) fn finish(mut self, events_max: u64) -> Result<Built, StoreError> {
        let events = std::mem::take(&mut self.events);
        for key in events::trim(self.tree, &mut self.head, events_max, events.rows())? {
            self.remove(key);
        }
        for (key, row) in events.rows() {
            self.head.event_bytes += row.len() as u64;
            self.insert(IVec::from(key), row);
        }
        let head = self.head;
        self.insert(IVec::from(HEAD_KEY), &head.encode());
        Ok(Built { batch: self.batch, head, bytes: self.bytes, changes: self.changes })
    }

    fn check(&self, expect: &Expect) -> Result<(), CommitError> {
        let key = expect.key();
        let stored = match self.overlay.get(key.as_bytes()) {
            Some(row) => return judge(expect, row.as_ref().map(|(version, payload)| (*version, &**payload))),
            None => self.tree.get(key.as_bytes()).map_err(|error| fault::reading(key.as_bytes(), error))?,
        };
        let row = stored.as_deref().map(|value| frame::decode(key.as_bytes(), value)).transpose()?;
        judge(expect, row.map(|row| (row.version, row.payload)))
    }

    fn put(&mut self, key: &Key, payload: &Bytes, checked_after: bool) {
        let key = IVec::from(key.as_bytes());
        if checked_after {
            self.overlay.insert(key.clone(), Some((self.head.last, payload.clone())));
        }
        self.insert(key, payload);
    }

    fn insert(&mut self, key: IVec, payload: &[u8]) {
        let value = IVec::from(frame::encode(&mut self.frame, &key, self.head.last, payload));
        self.bytes += (key.len() + value.len()) as u64;
        if let Some(changes) = &mut self.changes {
            changes.push((key.clone(), Some(value.clone())));
        }
        self.batch.insert(key, value);
    }

    fn remove(&mut self, key: IVec) {
        self.bytes += key.len() as u64;
        if let Some(changes) = &mut self.changes {
            changes.push((key.clone(), None));
        }
        self.batch.remove(key);
    }
}

fn judge(expect: &Expect, found: Option<(Version, &[u8])>) -> Result<(), CommitError> {
    match expect.holds(found) {
        true => Ok(()),
        false => Err(CommitError::Conflict { key: expect.key().clone(), found: found.map(|(version, _)| version) }),
    }
}
