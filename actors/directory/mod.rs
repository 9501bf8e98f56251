//! Directories that agents and jobs work in: how they stand, and who looks.
//!
//! What lies outside of the store may change behind everybody's back: another branch, another commit, a directory that is
//! gone. It is looked at when an agent or job is given a directory, as a turn ends, and before the next one begins or rows
//! start. This room runs no program for that: a [`Surveyor`] does.

mod places;
mod surveys;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use understory_store::{Checkout, Drift, Revision, Shortlist};

pub(crate) use places::Place;
pub(crate) use surveys::Surveys;

/// The longest path of a directory in bytes.
pub const DIRECTORY_MAX: usize = 2 << 10;

/// For how long it is gone by one look.
const FRESH: Duration = Duration::from_secs(1);

/// What a role has done about a directory that is not as it was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDrift {
    /// Nothing: it is not even looked at before a turn.
    Ignore,
    /// It is told: by an event, and to the brain.
    #[default]
    Warn,
    /// Besides, nothing runs there until it is as it was left, or somebody accepts it as it is.
    Block,
}

/// Looks at directories. One is asked by many at once, and of one directory never twice at a time.
pub trait Surveyor: Send + Sync + 'static {
    /// Tells how a directory stands; nothing if that cannot be told now. It is dropped after five seconds.
    fn survey(&self, directory: Arc<Path>) -> BoxFuture<'_, Option<Checkout>>;

    /// Tells the commits from behind `from`, or from the first, to `to`, newest first:
    /// [`DIGEST_COMMITS`](crate::DIGEST_COMMITS) of them, and how many more there are. Nothing if that cannot be told. It is
    /// dropped after five seconds.
    fn revisions(
        &self,
        _directory: Arc<Path>,
        _from: Option<String>,
        _to: String,
    ) -> BoxFuture<'_, Option<Shortlist<Revision>>> {
        Box::pin(async { None })
    }

    /// Tells the name of a directory that has no links in it.
    ///
    /// # Errors
    /// It is not there, no directory, or not to be read.
    fn locate(&self, directory: PathBuf) -> BoxFuture<'_, io::Result<PathBuf>> {
        Box::pin(async move {
            let found = spawn_blocking(move || {
                let found = directory.canonicalize()?;
                if found.is_dir() { Ok(found) } else { Err(io::ErrorKind::NotADirectory.into()) }
            });
            found.await.map_err(io::Error::other)?
        })
    }
}

/// A surveyor that knows of no repositories: it tells only whether a directory is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRepositories;

/// What a look at a directory came to.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which one.
    directory: Arc<Path>,
    /// How it stood; nothing if that could not be told.
    found: Option<Checkout>,
    at: Instant,
}

/// Where a turn runs, or a run of a job's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// The directory.
    pub(crate) directory: Arc<Path>,
    /// How it differs from how it was left.
    pub(crate) drift: Option<Drift>,
}

impl Seen {
    /// What was found just now.
    pub(crate) fn now(directory: Arc<Path>, found: Option<Checkout>) -> Self {
        Seen { directory, found, at: Instant::now() }
    }

    /// What was found there; nothing if the look was at another one.
    pub(crate) fn of(&self, directory: &Path) -> Option<&Option<Checkout>> {
        (*self.directory == *directory).then_some(&self.found)
    }

    /// The same, if that is not a second ago.
    pub(crate) fn fresh(&self, directory: &Path) -> Option<&Option<Checkout>> {
        self.of(directory).filter(|_| self.at.elapsed() < FRESH)
    }
}

impl Site {
    /// What a brain is told of a drift.
    pub(crate) fn words(&self) -> Option<String> {
        let drift = self.drift.as_ref()?;
        Some(format!("Your directory {} is not as it was left: {drift}.", self.directory.display()))
    }
}

impl OnDrift {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            OnDrift::Ignore => "ignore",
            OnDrift::Warn => "warn",
            OnDrift::Block => "block",
        }
    }
}

impl Surveyor for NoRepositories {
    fn survey(&self, directory: Arc<Path>) -> BoxFuture<'_, Option<Checkout>> {
        Box::pin(async move {
            let found = spawn_blocking(move || directory.is_dir()).await.ok()?;
            Some(if found { Checkout::Plain } else { Checkout::Gone })
        })
    }
}
