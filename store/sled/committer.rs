//! The one thread that writes.
//!
//! ```text
//! commit futures -> queue (4096) -> drain -> check -> apply -> flush -> sync -> taps -> answers
//! ```
//!
//! No timer: while one drain is synced, the next one gathers in the queue. Whatever fails between apply and sync ends the
//! thread; what waits is then refused for the reason that was left behind.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sled::Db;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Building, Built};
use super::disk::Disk;
use super::fault::Fault;
use super::meta::Head;
use super::shared::{Ended, Shared};
use super::tap::{Synced, Taps};
use crate::bounds::Size;
use crate::error::CommitError;
use crate::seam::{Commit, Version};

/// How many commits wait before their callers do.
pub(super) const QUEUE: usize = 4096;
/// A drain takes no more writes than these, unless one commit alone has more. One without writes counts as one.
const DRAIN_WRITES: usize = 512;
/// A drain takes no more bytes than these, unless one commit alone has more.
const DRAIN_BYTES: usize = 1 << 20;

/// The room that is left free on the disk: some segments of the engine's file ...
const RESERVE: u64 = 8 << 20;
/// ... what it writes when it is opened, which is smaller than this part of its file ...
const SNAPSHOT_PART: u64 = 32;
/// ... and what it writes for each byte of a batch, at most about.
const WRITTEN_PER_BYTE: u64 = 4;

/// What the committer is sent.
pub(super) enum Message {
    /// A commit to decide.
    Commit(Request),
    /// Hand every batch from here on to a backup, and say up to which commit there is none.
    Tap { tap: mpsc::Sender<Arc<Synced>>, begun: oneshot::Sender<Version> },
    /// Decide what waits, take nothing more, and end.
    Stop,
}

/// A commit and who waits for it.
pub(super) struct Request {
    pub(super) commit: Commit,
    pub(super) size: Size,
    pub(super) answer: oneshot::Sender<Result<Version, CommitError>>,
}

/// The committer's own state.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) db: Db,
    pub(super) file: File,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) events_max: u64,
    pub(super) head: Head,
    pub(super) queue: mpsc::Receiver<Message>,
    /// The commit that was too large for the drain before.
    pub(super) held: Option<Request>,
    pub(super) taps: Taps,
}

impl Committer {
    /// Decides commits until the queue is closed or a write fails, lets the engine go, and leaves behind why it ended.
    pub(super) fn run(self) {
        let shared = Arc::clone(&self.shared);
        let ended = match catch_unwind(AssertUnwindSafe(|| self.decide_all())) {
            Ok(Ok(())) => Ended::Asked,
            Ok(Err(fault)) => Ended::Faulted(fault),
            Err(panic) => Ended::Faulted(Fault::panic(&*panic)),
        };
        shared.end(ended);
    }

    fn decide_all(mut self) -> Result<(), Fault> {
        while let Some(drain) = self.drain() {
            let answers = self.decide(&drain)?;
            self.publish(drain, answers);
        }
        Ok(())
    }

    /// Takes what waits, at least one commit, up to the bounds of a drain.
    fn drain(&mut self) -> Option<Vec<Request>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.receive()?,
        };
        let mut size = first.size;
        let mut drain = vec![first];
        while let Some(next) = self.received() {
            size.writes += next.size.writes;
            size.bytes += next.size.bytes;
            if size.writes > DRAIN_WRITES || size.bytes > DRAIN_BYTES {
                self.held = Some(next);
                break;
            }
            drain.push(next);
        }
        Some(drain)
    }

    fn receive(&mut self) -> Option<Request> {
        loop {
            let message = self.queue.blocking_recv()?;
            if let Some(request) = self.heed(message) {
                return Some(request);
            }
        }
    }

    fn received(&mut self) -> Option<Request> {
        loop {
            let message = self.queue.try_recv().ok()?;
            if let Some(request) = self.heed(message) {
                return Some(request);
            }
        }
    }

    /// Returns a commit that is asked for, and does anything else at once: what was applied is durable then, and handed over.
    fn heed(&mut self, message: Message) -> Option<Request> {
        match message {
            Message::Commit(request) => return Some(request),
            Message::Tap { tap, begun } => {
                self.taps.add(tap);
                // A backup that is gone by now is noticed with the next batch.
                let _ = begun.send(self.head.last);
            }
            Message::Stop => self.queue.close(),
        }
        None
    }

    /// Applies and syncs what holds of a drain. Refusals are answered with the rest, when what they rest on is durable.
    fn decide(&mut self, drain: &[Request]) -> Result<Vec<Result<Version, CommitError>>, Fault> {
        let mut building = Building::new(&self.db, self.head, !self.taps.is_empty());
        let last_checked = drain.iter().rposition(|request| !request.commit.expects.is_empty()).unwrap_or(0);
        let answers = (0..).zip(drain).map(|(at, request)| building.add(&request.commit, at < last_checked)).collect();
        if building.last() > self.head.last {
            let built = building.finish(self.events_max).map_err(|error| Fault::Failed(Arc::new(error)))?;
            if !self.fits(&built)? {
                return Ok(drain.iter().map(|_| Err(CommitError::StorageFull)).collect());
            }
            self.shared.applying(&built);
            self.db.apply_batch(built.batch)?;
            let flushed = self.db.flush()?;
            self.disk.sync(&self.file, built.head.last)?;
            self.shared.written(built.bytes.max(flushed as u64));
            self.head = built.head;
            if let Some(changes) = built.changes {
                self.taps.hand(Synced { last: built.head.last, changes });
            }
        }
        Ok(answers)
    }

    /// Whether a batch leaves the room that the engine needs to be opened again and to tidy up.
    fn fits(&self, built: &Built) -> Result<bool, Fault> {
        Ok(fits(&*self.disk, &self.file, built.bytes)?)
    }

    fn publish(&self, drain: Vec<Request>, answers: Vec<Result<Version, CommitError>>) {
        let mut events = Vec::new();
        let mut waiting = Vec::with_capacity(drain.len());
        for (request, answer) in drain.into_iter().zip(answers) {
            if let Ok(version) = answer {
                events.push((version, request.commit.events));
            }
            waiting.push((request.answer, answer));
        }
        if !events.is_empty() {
            self.shared.publish(events, self.head.last);
        }
        for (waiting, answer) in waiting {
            // Who dropped the future does not want to know.
            let _ = waiting.send(answer);
        }
    }
}

/// Whether a batch of so many bytes leaves the room on the disk that an engine with such a file needs.
pub(super) fn fits(disk: &dyn Disk, file: &File, bytes: u64) -> io::Result<bool> {
    let snapshot = file.metadata()?.len() / SNAPSHOT_PART;
    Ok(disk.free(file) >= RESERVE + snapshot + WRITTEN_PER_BYTE * bytes)
}
