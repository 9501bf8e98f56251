//! The raw committer: the engine by itself, given the same keys and bytes as the store, in the same batches.
//!
//! It checks nothing, frames nothing and reads nothing. What it is slower or faster than the store by is what the store,
//! the actors and the runtime cost.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use understory_store::{PAYLOAD_MAX, Version, Write};

use crate::Outcome;
use crate::tape::Taken;

/// What the store puts before each payload.
const FRAME: usize = 14;
/// What the store puts before each event.
const EVENT_HEADER: usize = 10;
/// The most writes that one sync carries, as in the store.
const DRAIN_WRITES: usize = 512;
/// The engine's cache, as in the store.
const CACHE: u64 = 64 << 20;

/// One row: its key, and its bytes or its removal.
type Row = (Vec<u8>, Option<Vec<u8>>);

/// A commit as the engine sees it.
#[derive(Clone)]
pub(crate) struct RawCommit {
    version: Version,
    rows: Vec<Row>,
    events: Vec<usize>,
}

/// Commits that share a sync.
#[derive(Default)]
pub(crate) struct Packed {
    last: Version,
    rows: Vec<Row>,
    events: Vec<(Vec<u8>, usize)>,
}

/// The engine with nothing around it.
pub(crate) struct Raw {
    db: sled::Db,
    file: File,
}

impl RawCommit {
    /// What a commit wrote.
    pub(crate) fn of(taken: &Taken) -> Self {
        let version = taken.version;
        let row = |(n, write): (u16, &Write)| match write {
            Write::Put(key, payload) => (key.as_bytes().to_vec(), Some(framed(version, payload))),
            Write::Delete(key) => (key.as_bytes().to_vec(), None),
            Write::Append(prefix, payload) => {
                (prefix.key(version, n).as_bytes().to_vec(), Some(framed(version, payload)))
            }
        };
        let rows = (0..).zip(&taken.commit.writes).map(row).collect();
        RawCommit { version, rows, events: taken.commit.events.iter().map(|event| event.len()).collect() }
    }

    /// The path of its first row.
    pub(crate) fn path(&self) -> &[u8] {
        let key = self.rows.first().map_or(&[][..], |(key, _)| &key[1..]);
        key.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// A commit for each row under this table's tag, each with the rows of the other tables and its part of the events.
    pub(crate) fn apart(&self, tag: u8) -> Vec<RawCommit> {
        let (own, others): (Vec<Row>, Vec<Row>) = self.rows.iter().cloned().partition(|(key, _)| key[0] == tag);
        let mut events = self.events.iter();
        own.into_iter()
            .map(|row| {
                let rows = std::iter::once(row).chain(others.iter().cloned()).collect();
                RawCommit { version: self.version, rows, events: events.next().copied().into_iter().collect() }
            })
            .collect()
    }
}

impl Packed {
    /// Adds a commit; its events go to the row of those before it while there is room.
    pub(crate) fn add(&mut self, commit: &RawCommit) {
        self.last = self.last.max(commit.version);
        self.rows.extend_from_slice(&commit.rows);
        for (index, event) in (0_u32..).zip(&commit.events) {
            let bytes = EVENT_HEADER + event;
            match self.events.last_mut() {
                Some((_, row)) if *row + bytes <= PAYLOAD_MAX => *row += bytes,
                _ => {
                    let key = [&[0x0e][..], &commit.version.to_be_bytes(), &index.to_be_bytes()].concat();
                    self.events.push((key, bytes));
                }
            }
        }
    }

    /// Adds a row with this record.
    pub(crate) fn put(&mut self, version: Version, key: &[u8], record: &[u8]) {
        self.last = self.last.max(version);
        // The store marks a payload that is whole with a byte.
        let payload = [&[0], record].concat();
        self.rows.push((key.to_vec(), Some(framed(version, &payload))));
    }

    /// Adds an event of so many bytes.
    pub(crate) fn tell(&mut self, version: Version, bytes: usize) {
        self.add(&RawCommit { version, rows: Vec::new(), events: vec![bytes] });
    }

    /// The last commit in it.
    pub(crate) fn last(&self) -> Version {
        self.last
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.events.is_empty()
    }

    /// How many rows it writes: its own, those of events, and the head.
    pub(crate) fn writes(&self) -> usize {
        self.rows.len() + self.events.len() + 1
    }

    fn batch(&self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for (key, value) in &self.rows {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        for (key, bytes) in &self.events {
            batch.insert(key.as_slice(), framed(self.last, &vec![0x5a; *bytes]));
        }
        batch.insert(&[0, b'h'], framed(self.last, &[0x5a; 24]));
        batch
    }
}

impl Raw {
    /// Opens the engine as the store does.
    pub(crate) fn open(dir: &Path) -> Outcome<Raw> {
        let db = sled::Config::new().path(dir).cache_capacity(CACHE).open()?;
        let file = File::options().read(true).write(true).open(dir.join("db"))?;
        Ok(Raw { db, file })
    }

    /// Writes what shares a sync, and syncs it.
    pub(crate) fn commit(&self, packed: &Packed) -> Outcome<()> {
        self.db.apply_batch(packed.batch())?;
        self.db.flush()?;
        self.file.sync_data()?;
        Ok(())
    }

    /// Writes one after the other, and says how long it took.
    pub(crate) fn replay(&self, packed: &[Packed]) -> Outcome<Duration> {
        let begin = Instant::now();
        packed.iter().try_for_each(|packed| self.commit(packed))?;
        Ok(begin.elapsed())
    }

    /// Reads so many rows from a key on, and says how many there were.
    pub(crate) fn scan(&self, from: &[u8], limit: usize) -> Outcome<usize> {
        let mut rows = Vec::with_capacity(limit);
        for row in self.db.range(from..).take(limit) {
            let (key, value) = row?;
            rows.push((key.to_vec(), value.to_vec()));
        }
        Ok(rows.len())
    }

    /// Has as many callers as there are lanes commit at once, each the commits of its lane one after the other. What waits
    /// when a sync has ended shares the next. Says how long it took, and how long each commit did.
    pub(crate) async fn live(self, lanes: Vec<VecDeque<RawCommit>>) -> Outcome<(Duration, Vec<Duration>)> {
        let (queue, waiting) = mpsc::unbounded_channel();
        let committer = thread::spawn(move || self.serve(waiting));
        let begin = Instant::now();
        let mut callers = JoinSet::new();
        for lane in lanes {
            let queue = queue.clone();
            callers.spawn(async move {
                let mut latencies = Vec::with_capacity(lane.len());
                for commit in lane {
                    let begin = Instant::now();
                    let (done, durable) = oneshot::channel();
                    // Neither sent nor answered when the committer has failed, which says why itself.
                    if queue.send((commit, done)).is_err() || durable.await.is_err() {
                        break;
                    }
                    latencies.push(begin.elapsed());
                }
                latencies
            });
        }
        drop(queue);
        let mut latencies = Vec::new();
        while let Some(caller) = callers.join_next().await {
            latencies.extend(caller?);
        }
        let took = begin.elapsed();
        committer.join().map_err(|_| "the raw committer panicked")??;
        latencies.sort_unstable();
        Ok((took, latencies))
    }

    fn serve(&self, mut waiting: mpsc::UnboundedReceiver<(RawCommit, oneshot::Sender<()>)>) -> Outcome<()> {
        while let Some(first) = waiting.blocking_recv() {
            let (mut packed, mut callers) = (Packed::default(), Vec::new());
            let mut next = Some(first);
            while let Some((commit, done)) = next {
                packed.add(&commit);
                callers.push(done);
                next = if packed.writes() < DRAIN_WRITES { waiting.try_recv().ok() } else { None };
            }
            self.commit(&packed)?;
            for done in callers {
                // A caller that is gone has failed already.
                let _ = done.send(());
            }
        }
        Ok(())
    }
}

/// A payload as the store keeps it: as many bytes, another version each time.
fn framed(version: Version, payload: &[u8]) -> Vec<u8> {
    let mut value = vec![0; FRAME];
    value[2..10].copy_from_slice(&version.to_be_bytes());
    value.extend_from_slice(payload);
    value
}
