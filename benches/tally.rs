//! Counts what many do, for one who waits until all have done it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many are still to come.
pub(crate) struct Tally {
    left: AtomicUsize,
    done: Notify,
}

impl Tally {
    /// One that so many are expected by.
    pub(crate) fn of(count: usize) -> Arc<Tally> {
        Arc::new(Tally { left: AtomicUsize::new(count), done: Notify::new() })
    }

    /// One has come; more than are expected must not.
    pub(crate) fn count(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.done.notify_one();
        }
    }

    /// Resolves once all have come, for one waiter.
    pub(crate) async fn done(&self) {
        self.done.notified().await;
    }
}
