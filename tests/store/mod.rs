//! The store on sled: what must hold when the process is killed, the power is cut, the disk is full or a sync fails.

#![cfg(test)]

mod backup;
mod damaged;
mod drain;
mod full;
mod held;
mod kill;
mod ledger;
mod open;
mod order;
mod power;
mod sync;
pub(crate) mod volume;
mod writer;

use std::env;
use std::io::{self, Write as _};

use understory_store::{Backend, Commit, Entry, Key, Version, Write};

/// Whether the tests may take minutes.
fn long() -> bool {
    env::var_os("UNDERSTORY_LONG").is_some_and(|value| value == "1")
}

/// Says on stderr why a test proves nothing here.
pub(crate) fn skip(test: &str, reason: &str) {
    writeln!(io::stderr(), "skipped {test}: {reason}").unwrap();
}

fn key(name: impl AsRef<str>) -> Key {
    Key::new(name.as_ref().as_bytes().to_vec())
}

fn put(name: impl AsRef<str>, payload: impl Into<Vec<u8>>) -> Commit {
    Commit { writes: vec![Write::Put(key(name), payload.into().into())], ..Commit::default() }
}

async fn read(backend: &impl Backend, name: impl AsRef<str>) -> Option<Entry> {
    backend.get(vec![key(name)]).await.unwrap().rows.remove(0)
}

async fn version(backend: &impl Backend, name: impl AsRef<str>) -> Option<Version> {
    read(backend, name).await.map(|entry| entry.version)
}
