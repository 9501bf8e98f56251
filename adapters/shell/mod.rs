//! A brain that runs a program, one process per turn.
//!
//! ```text
//!  turn ──> row file ──> gate: sh, waits for a line ──> record: group, start, owner ──> the line, the text ──> worker
//!                             │ end of file: exits                │                                              │
//!                             └── the owner died ─────────────────┴── the owner died: sweep kills the group ─────┘
//! ```
//!
//! The worker is its own process group, which is killed when the worker ends, is cancelled or is dropped, so that nothing
//! it started outlives the turn. What a killed owner leaves behind is found through `<home>/run/` ([`record`]).

mod environment;
mod exit;
mod gate;
mod group;
mod mark;
mod pipes;
mod process;
mod record;
mod settings;
mod sweep;
mod worker;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{self, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use understory_actors::{AnyBrain, Brain, BrainError, BrainFactory, Response, Seat, Turn, chain};

pub use pipes::OUTPUT_MAX;
pub(crate) use settings::on_path;
pub use settings::{ShellError, ShellSettings};

use record::RunDir;

/// The variables that callers may pass on to workers from their own environment; everything else is kept from them.
pub const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TZ",
    "TMPDIR",
    "TERM",
];

/// Makes brains that run a program for each turn. The seat's settings are a [`ShellSettings`].
///
/// A worker gets the turn's text on stdin and, for a job row, the row's columns as variables. What it prints is the
/// answer; for a job row a JSON object is the report. Another exit code than 0 is a failed turn: 65 (`EX_DATAERR`) is one that is
/// of no use to try again, 75 (`EX_TEMPFAIL`) one that is tried again, and with `retry-after: SECONDS` as the last line of
/// stderr not before that, a day at the most: then the whole job pauses.
pub struct Shell {
    ground: Arc<Ground>,
}

/// What all workers of one factory share.
struct Ground {
    run: RunDir,
    allow: Vec<(OsString, OsString)>,
    /// Where workers reach the process, if they may.
    socket: Option<PathBuf>,
}

struct ShellBrain {
    ground: Arc<Ground>,
    settings: Arc<ShellSettings>,
}

impl Shell {
    /// Runs workers whose records lie in `run_dir` (`<home>/run`, made when it is missing) and that see of the caller's
    /// environment only `allow_env`; see [`ALLOWED`].
    pub fn new(run_dir: PathBuf, allow_env: Vec<(OsString, OsString)>) -> Self {
        // Workers have another working directory. A path is only not made absolute when there is no current directory,
        // and then nothing can be written below it either.
        let run_dir = path::absolute(&run_dir).unwrap_or(run_dir);
        Shell { ground: Arc::new(Ground { run: RunDir::new(run_dir), allow: allow_env, socket: None }) }
    }

    /// The same, whose workers may act as their agents: each is told where the process listens (`UNDERSTORY_SOCKET`) and
    /// given a token that is good for its turn alone (`UNDERSTORY_TOKEN`).
    ///
    /// Other processes of the same user can read a worker's environment, and open the socket without a token.
    pub fn reached_at(self, socket: PathBuf) -> Self {
        let Ground { run, allow, socket: _ } = Arc::into_inner(self.ground).expect("no brain was made yet");
        Shell { ground: Arc::new(Ground { run, allow, socket: Some(socket) }) }
    }
}

impl BrainFactory for Shell {
    fn make(&self, seat: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        let settings = ShellSettings::from_json(&seat.settings)
            .map_err(|error| BrainError::refused(format!("shell settings of {}: {}", seat.path, chain(&error))))?;
        Ok(Box::new(ShellBrain { ground: self.ground.clone(), settings: Arc::new(settings) }))
    }

    fn judge(&self, settings: &str) -> Result<(), BrainError> {
        ShellSettings::from_json(settings).map(drop).map_err(|error| BrainError::refused(chain(&error)))
    }

    /// Kills the process groups that workers of a dead owner left, and returns once they are gone.
    fn sweep(&self) -> BoxFuture<'_, Result<(), BrainError>> {
        Box::pin(sweep::sweep(&self.ground.run))
    }
}

impl Brain for ShellBrain {
    async fn turn(&mut self, turn: Turn) -> Result<Response, BrainError> {
        worker::run(&self.ground, &self.settings, &turn).await
    }
}
