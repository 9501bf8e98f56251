//! What lies beside a store while another is made of it or for it.
//!
//! ```text
//! store              the store, or nothing while one is restored
//! store.restoring    what a restore has made so far
//! store.compacting   what a compaction has made so far; after the exchange, the old store
//! ```
//!
//! Who works on one of the latter holds the lock that is in it. What nobody has locked was left by a killed process, and is
//! never the only one of its rows: it goes when the store is opened, or the next is made.

use std::fs;
use std::path::{Path, PathBuf};

use super::fault;
use super::open;
use crate::error::StoreError;

/// Behind the store's name, while it is restored.
pub(super) const RESTORING: &str = ".restoring";
/// Behind the store's name, while it is compacted.
pub(super) const COMPACTING: &str = ".compacting";

/// A place beside the store in `dir`.
pub(super) fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    dir.with_file_name(name)
}

/// Removes what nobody works on.
///
/// # Errors
/// Somebody works on it, or it cannot be removed.
pub(super) fn clear(place: &Path) -> Result<(), StoreError> {
    if place.symlink_metadata().is_err() {
        return Ok(());
    }
    let _lock = open::lock(place)?;
    fs::remove_dir_all(place).map_err(|error| fault::io_error("clear away", place, error))
}

/// Removes whatever nobody works on beside the store in `dir`, whose lock the caller holds.
pub(super) fn clear_all(dir: &Path) {
    for suffix in [RESTORING, COMPACTING] {
        let place = beside(dir, suffix);
        match clear(&place) {
            Ok(()) | Err(StoreError::InUse { .. }) => {}
            // It takes room, and nothing else.
            Err(error) => tracing::warn!(%error, "what a killed process left beside the store stays"),
        }
    }
}
