//! A disk whose syncs wait for the test.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use understory_store::{Disk, SledBackend, SledOptions, Version};

/// The test's end: it hears of every sync and lets it go.
pub(super) struct Gate {
    entered: UnboundedReceiver<Version>,
    release: Sender<io::Result<()>>,
}

struct Held {
    entered: UnboundedSender<Version>,
    release: Mutex<Receiver<io::Result<()>>>,
}

impl Gate {
    /// Opens a store on such a disk. The gate is to be dropped first: the store waits for the sync that has begun.
    pub(super) async fn open(dir: &Path) -> (SledBackend, Gate) {
        let (entered, entering) = unbounded_channel();
        let (release, released) = channel();
        let disk = Arc::new(Held { entered, release: Mutex::new(released) });
        let backend = SledBackend::open(dir, SledOptions { disk, ..SledOptions::default() }).await.unwrap();
        (backend, Gate { entered: entering, release })
    }

    /// Waits until a sync has begun, and says for which commits.
    pub(super) async fn entered(&mut self) -> Version {
        self.entered.recv().await.unwrap()
    }

    /// Ends the sync that has begun.
    pub(super) fn release(&self, outcome: io::Result<()>) {
        self.release.send(outcome).unwrap();
    }
}

impl Disk for Held {
    fn sync(&self, file: &File, through: Version) -> io::Result<()> {
        // A test that is over no longer holds anything.
        let _ = self.entered.send(through);
        self.release.lock().unwrap().recv().unwrap_or(Ok(()))?;
        file.sync_data()
    }
}
