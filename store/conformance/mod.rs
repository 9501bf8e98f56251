//! What every backend must do, run on each.

mod conflicts;
mod events;
mod model;
mod numbers;
mod scans;
mod sizes;

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use crate::faulty::FaultyBackend;
use crate::memory::MemoryBackend;
use crate::seam::{Backend, Commit, Direction, Entry, Expect, Key, KeyRange, Version, Write};
use crate::sled::{SledBackend, SledOptions};

/// Which backend a test runs on.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Memory,
    Sled,
    Faulty,
}

/// A backend under test, and where it lies.
struct Subject {
    backend: Arc<dyn Backend>,
    _dir: Option<TempDir>,
}

impl Kind {
    async fn open(self) -> Subject {
        self.open_with(64 << 20).await
    }

    async fn open_with(self, events_max: u32) -> Subject {
        let memory = || MemoryBackend::with_events_max(events_max as usize);
        match self {
            Kind::Memory => Subject { backend: Arc::new(memory()), _dir: None },
            Kind::Faulty => Subject { backend: Arc::new(FaultyBackend::new(memory(), None)), _dir: None },
            Kind::Sled => {
                let dir = TempDir::new().unwrap();
                let options = SledOptions { events_max: events_max.into(), ..SledOptions::default() };
                let backend = SledBackend::open(dir.path(), options).await.unwrap();
                Subject { backend: Arc::new(backend), _dir: Some(dir) }
            }
        }
    }
}

/// Runs each named case on each backend.
macro_rules! on_every_backend {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $case() { super::$case(crate::conformance::Kind::Memory).await })*
        }
        mod sled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(crate::conformance::Kind::Sled).await })*
        }
        mod faulty {
            $(#[tokio::test] async fn $case() { super::$case(crate::conformance::Kind::Faulty).await })*
        }
    };
}
use on_every_backend;

fn key(name: impl AsRef<str>) -> Key {
    Key::new(name.as_ref().as_bytes().to_vec())
}

fn put(name: impl AsRef<str>, payload: &'static str) -> Write {
    Write::Put(key(name), payload.into())
}

fn writing(writes: Vec<Write>) -> Commit {
    Commit { writes, ..Commit::default() }
}

fn expecting(expects: Vec<Expect>, writes: Vec<Write>) -> Commit {
    Commit { expects, writes, ..Commit::default() }
}

fn telling(events: Vec<Bytes>) -> Commit {
    Commit { events, ..Commit::default() }
}

/// Reads one row as its payload and version.
async fn read(backend: &dyn Backend, name: &str) -> Option<(String, Version)> {
    let found = backend.get(vec![key(name)]).await.unwrap().rows.remove(0)?;
    assert_eq!(found.key, key(name));
    Some((String::from_utf8(found.payload.to_vec()).unwrap(), found.version))
}

async fn rows(backend: &dyn Backend, prefix: &[u8]) -> Vec<Entry> {
    backend.scan(KeyRange::prefix(prefix), None, Direction::Forward, usize::MAX).await.unwrap().rows
}
