//! What the committer asks of the disk beside the engine: to make bytes durable, and how much room is left.

use std::fs::File;
use std::io;

use crate::seam::Version;

/// The disk under the engine's file. Outside of tests it is [`Fdatasync`].
pub trait Disk: Send + Sync + 'static {
    /// Makes everything written to `file` survive a power cut. Commits up to `through` were applied before.
    ///
    /// Called by the committer thread, once per drain; an error closes the store for writing.
    fn sync(&self, file: &File, through: Version) -> io::Result<()>;

    /// The bytes that can still be written beside `file`; more than there are when that is not known.
    ///
    /// Called before each drain is applied. An engine that finds no room itself can fail in the middle of a batch, and
    /// without room it cannot be opened again, so that commits are refused before it comes to that.
    fn free(&self, file: &File) -> u64 {
        match rustix::fs::fstatvfs(file) {
            // A file system in memory may have no size.
            Ok(found) if found.f_blocks > 0 => found.f_bavail.saturating_mul(found.f_frsize),
            Ok(_) | Err(_) => u64::MAX,
        }
    }
}

/// Asks the operating system, once per drain.
///
/// The engine's own flush only starts the writing of data on Linux: it waits neither for the file's new extents nor for
/// the device's cache, and loses acknowledged commits when the power is cut.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fdatasync;

impl Disk for Fdatasync {
    fn sync(&self, file: &File, _through: Version) -> io::Result<()> {
        file.sync_data()
    }
}
