//! The one call that makes written bytes durable.

use std::fs::File;
use std::io;

use crate::seam::Version;

/// What makes the engine's file durable. Outside of tests it is [`Fdatasync`].
pub trait Disk: Send + Sync + 'static {
    /// Makes everything written to `file` survive a power cut. Commits up to `through` were applied before.
    ///
    /// Called by the committer thread, once per drain; an error closes the store for writing.
    fn sync(&self, file: &File, through: Version) -> io::Result<()>;
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
