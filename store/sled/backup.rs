//! Writing a backup beside those who commit.
//!
//! ```text
//! committer --S--> tap ............................ --last--> closed
//! scan            |rows, each one sync ahead at most|
//! file        h S  r r r r r r r r r r r r r r r r r  b b b b  t last
//! ```
//!
//! A scan is not of one moment. Every batch that it may have met in part is in the file behind it, so that what comes of both
//! is the store as commit `last` left it: a row that the scan saw early is written again, and one that it saw late, too.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sled::{IVec, Tree};
use tokio::sync::{mpsc, oneshot};

use super::backup_file::{self, BackupWriter};
use super::committer::Message;
use super::fault;
use super::shared::Shared;
use super::tap::{Synced, TAP_QUEUE};
use super::{SledBackend, spawn};
use crate::error::StoreError;
use crate::frame;
use crate::seam::Version;

/// How many rows are read at a time; between two such looks the queue is emptied.
const ROWS: usize = 512;
/// How much of the batches is gathered before it is written.
const BUFFER: usize = 256 << 10;

/// A backup that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The commit up to which, and no further, the file holds all.
    pub last: Version,
    /// The rows that a scan found, the backend's own among them.
    pub rows: u64,
    /// The batches that were committed meanwhile.
    pub batches: u64,
    /// The bytes of the file.
    pub bytes: u64,
}

/// Set when nobody waits for the backup any more.
#[derive(Default)]
struct Abandoned(Arc<AtomicBool>);

/// A backup that is being written.
struct Writing<'a> {
    shared: &'a Shared,
    tap: mpsc::Receiver<Arc<Synced>>,
    /// The last commit of which this has the batch, or that was there before.
    last: Version,
    /// No row that was read is of a later commit.
    seen: Version,
    batches: BufWriter<File>,
    record: Vec<u8>,
    out: BackupWriter,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl SledBackend {
    /// Writes the whole store as of one commit into a new file, while others go on to commit.
    ///
    /// They wait while more than 16 batches of theirs are still to be written; a disk that takes nothing for half a minute
    /// ends the backup, not them. What is committed meanwhile lies beside the file until all rows were read. Dropped before it
    /// is done, it leaves nothing behind; a killed process leaves a part that the next backup to the same name removes.
    ///
    /// # Errors
    /// The file is there already or cannot be written, a row is damaged, or the store is shut down or fails meanwhile.
    pub async fn backup(&self, file: impl Into<PathBuf>) -> Result<Backup, StoreError> {
        let file = file.into();
        let abandoned = Abandoned::default();
        let (begin, begun) = oneshot::channel();
        let (tap, tapped) = mpsc::channel(TAP_QUEUE);
        // It fails when the committer has ended, and then nothing is answered either.
        let _ = self.queue().send(Message::Tap { tap, begun: begin }).await;
        let Ok(first) = begun.await else { return Err(self.shared.ended().await.failure()) };
        let (answer, answered) = oneshot::channel();
        let (shared, given_up) = (Arc::clone(&self.shared), Arc::clone(&abandoned.0));
        spawn("store-backup", move || {
            // Nobody waits for one that was abandoned.
            let _ = answer.send(write(&shared, &file, first, tapped, &given_up));
        })?;
        // A panic is a bug, and has been printed by its thread.
        answered.await.unwrap_or(Err(StoreError::Poisoned(None)))
    }
}

fn write(
    shared: &Shared,
    file: &Path,
    first: Version,
    tap: mpsc::Receiver<Arc<Synced>>,
    abandoned: &AtomicBool,
) -> Result<Backup, StoreError> {
    let out = BackupWriter::create(file, first)?;
    let batches = BufWriter::with_capacity(BUFFER, out.file.side()?);
    let mut writing = Writing { shared, tap, last: first, seen: first, batches, record: Vec::new(), out };
    let mut from = IVec::default();
    while let Some(next) = writing.rows(&from)? {
        from = next;
        if abandoned.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
    }
    writing.finish(abandoned)
}

impl Writing<'_> {
    /// Writes the rows from `from` on, and says where the next begin, if there may be more.
    fn rows(&mut self, from: &IVec) -> Result<Option<IVec>, StoreError> {
        let found = self.shared.read(|tree| raw_rows(tree, from, ROWS))?;
        self.seen = self.seen.max(found.through);
        if !found.rows.is_empty() {
            self.out.rows(&found.rows)?;
        }
        while let Ok(synced) = self.tap.try_recv() {
            self.batch(&synced)?;
        }
        let last = found.rows.last().filter(|_| found.rows.len() == ROWS);
        Ok(last.map(|(key, _)| [key, &[0][..]].concat().into()))
    }

    /// Waits for what the scan has met, lets the committer go, and writes the batches behind the rows.
    fn finish(mut self, abandoned: &AtomicBool) -> Result<Backup, StoreError> {
        while self.last < self.seen {
            match self.tap.blocking_recv() {
                Some(synced) => self.batch(&synced)?,
                None => return Err(self.cut_off()),
            }
        }
        self.tap.close();
        while let Some(synced) = self.tap.blocking_recv() {
            self.batch(&synced)?;
        }
        let Writing { batches, mut record, mut out, last, .. } = self;
        copy(batches, &mut record, &mut out)?;
        if abandoned.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        let (tail, bytes) = out.finish(last)?;
        Ok(Backup { last: tail.last, rows: tail.rows, batches: tail.batches, bytes })
    }

    fn batch(&mut self, synced: &Synced) -> Result<(), StoreError> {
        backup_file::batch(&mut self.record, synced.last, &synced.changes);
        let length = u32::try_from(self.record.len()).expect("a batch is a record");
        let written = self.batches.write_all(&length.to_be_bytes()).and_then(|()| self.batches.write_all(&self.record));
        written.map_err(|error| self.out.file.failed(error))?;
        self.last = synced.last;
        Ok(())
    }

    /// Why the committer hands over nothing more.
    fn cut_off(&self) -> StoreError {
        match self.shared.why_ended() {
            Some(ended) => ended.failure(),
            None => {
                self.out.file.failed(io::Error::new(io::ErrorKind::TimedOut, "commits were waiting for it too long"))
            }
        }
    }
}

/// Reads rows in their frames, the backend's own too, from a key on. One that is damaged is named.
pub(super) fn raw_rows(tree: &Tree, from: &IVec, limit: usize) -> Result<Vec<(IVec, IVec)>, StoreError> {
    let mut rows = Vec::with_capacity(limit);
    for row in tree.range(from.clone()..).take(limit) {
        let (key, value) = row.map_err(|error| fault::reading(from, error))?;
        frame::decode(&key, &value)?;
        rows.push((key, value));
    }
    Ok(rows)
}

fn copy(batches: BufWriter<File>, record: &mut Vec<u8>, out: &mut BackupWriter) -> Result<(), StoreError> {
    let failed = |out: &BackupWriter, error| out.file.failed(error);
    let mut batches = batches.into_inner().map_err(|error| failed(out, error.into_error()))?;
    let end = batches.stream_position().and_then(|end| batches.rewind().map(|()| end));
    let mut left = end.map_err(|error| failed(out, error))?;
    let mut batches = BufReader::with_capacity(BUFFER, batches);
    while left > 0 {
        let mut length = [0; 4];
        let read = batches.read_exact(&mut length).and_then(|()| {
            record.resize(u32::from_be_bytes(length) as usize, 0);
            batches.read_exact(record)
        });
        read.map_err(|error| failed(out, error))?;
        out.batch(record)?;
        left -= 4 + record.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
