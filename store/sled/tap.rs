//! What the committer hands to backups.
//!
//! ```text
//! committer: apply -> sync -> hand to each tap -> answers
//!                                  |
//!                     queue (16 batches; full: commits wait)
//!                                  v
//!                               backup
//! ```

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::backup_file::Change;
use crate::seam::Version;

/// How many batches wait for a backup before commits do.
pub(super) const TAP_QUEUE: usize = 16;
/// How long a commit waits for a backup that takes nothing, before that is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether there is room again.
const STEP: Duration = Duration::from_millis(1);

/// A batch that is durable.
#[derive(Debug)]
pub(super) struct Synced {
    /// Its last commit.
    pub(super) last: Version,
    pub(super) changes: Vec<Change>,
}

/// Those who are handed every batch.
#[derive(Debug)]
pub(super) struct Taps {
    taps: Vec<mpsc::Sender<Arc<Synced>>>,
    patience: Duration,
}

impl Default for Taps {
    fn default() -> Self {
        Taps { taps: Vec::new(), patience: PATIENCE }
    }
}

impl Taps {
    pub(super) fn add(&mut self, tap: mpsc::Sender<Arc<Synced>>) {
        self.taps.push(tap);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// Hands a batch to each, waiting for those that are full. Who has ended, or takes nothing for half a minute, gets
    /// nothing more: a batch that is missing would be worse than no backup.
    pub(super) fn hand(&mut self, synced: Synced) {
        let (synced, patience) = (Arc::new(synced), self.patience);
        self.taps.retain(|tap| handed(tap, Arc::clone(&synced), patience, || thread::sleep(STEP)));
    }
}

/// Hands a batch to one, with a `pause` between looks whether there is room.
fn handed(
    tap: &mpsc::Sender<Arc<Synced>>,
    mut synced: Arc<Synced>,
    patience: Duration,
    mut pause: impl FnMut(),
) -> bool {
    let until = Instant::now() + patience;
    loop {
        synced = match tap.try_send(synced) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(_)) if Instant::now() >= until => {
                tracing::warn!("a backup takes nothing any more, and is given up");
                return false;
            }
            Err(TrySendError::Full(synced)) => synced,
        };
        pause();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synced(last: Version) -> Synced {
        Synced { last, changes: Vec::new() }
    }

    #[test]
    fn who_has_ended_or_takes_nothing_is_handed_nothing_more() {
        let mut taps = Taps { patience: Duration::from_millis(5), ..Taps::default() };
        let (gone, _) = mpsc::channel(2);
        let (slow, mut slowly) = mpsc::channel(2);
        let (quick, mut quickly) = mpsc::channel(4);
        for tap in [gone, slow, quick] {
            taps.add(tap);
        }
        for last in 1..=4 {
            taps.hand(synced(last));
        }
        let lasts = |tap: &mut mpsc::Receiver<Arc<Synced>>| {
            std::iter::from_fn(|| tap.try_recv().ok()).map(|synced| synced.last).collect::<Vec<_>>()
        };
        assert_eq!((lasts(&mut slowly), lasts(&mut quickly)), (vec![1, 2], vec![1, 2, 3, 4]));
        assert!(slowly.is_closed() && !quickly.is_closed());
        drop(quickly);
        taps.hand(synced(5));
        assert!(taps.is_empty());
    }

    #[test]
    fn a_full_queue_is_waited_for() {
        let (tap, mut taken) = mpsc::channel::<Arc<Synced>>(1);
        let mut took = Vec::new();
        for last in 1..=3 {
            let room = || took.push(taken.try_recv().unwrap().last);
            assert!(handed(&tap, Arc::new(synced(last)), PATIENCE, room));
        }
        assert_eq!((took, taken.try_recv().unwrap().last), (vec![1, 2], 3));
    }
}
