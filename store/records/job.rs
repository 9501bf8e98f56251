//! A job: what it was asked for, and where it stands.

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::agent::BrainChoice;
use super::id::{AgentId, Time};
use super::item::ItemState;
use super::version::record;

/// Where a job stands. Rewritten with every group of rows, so it holds nothing that does not change; see [`JobSpec`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which one it is.
    pub id: AgentId,
    /// When it was created.
    pub created_at: Time,
    /// Where it stands.
    pub state: JobState,
    /// Rows stored so far.
    pub imported: u32,
    /// The first row that is not final: all before it are.
    pub cursor: u32,
    /// How many rows stand where.
    pub counts: Counts,
    /// When its output was last written whole.
    pub exported: Option<Time>,
}

/// What a job was asked for; never rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The table's file, absolute; empty when the rows came from the host.
    pub input: String,
    /// The table's size in bytes.
    pub bytes: u64,
    /// The table's SHA-256.
    pub sha256: [u8; 32],
    /// How many rows it has.
    pub rows: u32,
    /// Its columns.
    pub headers: Vec<String>,
    /// The column that item ids come from.
    pub id_column: Option<String>,
    /// What each worker is asked, with `{column}` for cells; without one it is given the row.
    pub template: Option<String>,
    /// What works on the rows.
    pub brain: BrainChoice,
    /// The workers' role.
    pub role: String,
    /// Where the output goes, absolute.
    pub output: String,
    /// How many rows are worked on at once.
    pub concurrency: u32,
    /// Charged failures at which a row is failed.
    pub attempts: u32,
    /// How long one run may take, in milliseconds.
    pub timeout_ms: u64,
    /// What makes another command the same command.
    pub fingerprint: [u8; 32],
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// Its rows are being stored.
    Importing,
    /// Its rows are worked on.
    Running,
    /// No more rows are started; those running may finish.
    Cancelling {
        /// Why.
        reason: String,
    },
    /// Every row is completed or failed. Final.
    Completed,
    /// It could not be carried out. Final.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was cancelled and no row runs. Final.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// How many rows of a job stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Waiting for a place.
    pub pending: u32,
    /// With a worker.
    pub running: u32,
    /// With a result.
    pub completed: u32,
    /// Not tried again.
    pub failed: u32,
}

impl Counts {
    /// All rows.
    pub fn total(&self) -> u32 {
        self.pending + self.running + self.completed + self.failed
    }

    /// Rows that nothing more happens to.
    pub fn done(&self) -> u32 {
        self.completed + self.failed
    }

    /// Moves one row from where it stood to where it stands.
    pub fn shift(&mut self, from: &ItemState, to: &ItemState) {
        let left = self.of(from);
        debug_assert!(*left > 0, "a row that stood somewhere was counted there");
        *left = left.saturating_sub(1);
        *self.of(to) += 1;
    }

    fn of(&mut self, state: &ItemState) -> &mut u32 {
        match state {
            ItemState::Pending { .. } => &mut self.pending,
            ItemState::Running { .. } => &mut self.running,
            ItemState::Completed { .. } => &mut self.completed,
            ItemState::Failed { .. } => &mut self.failed,
        }
    }
}

impl Job {
    /// A job whose rows are still to be stored.
    pub fn new(id: AgentId, now: Time) -> Job {
        let counts = Counts::default();
        Job { id, created_at: now, state: JobState::Importing, imported: 0, cursor: 1, counts, exported: None }
    }

    /// Takes the next `rows` rows as stored; with the last of `of` it runs.
    ///
    /// # Errors
    /// It is not importing.
    pub fn import(&self, rows: u32, of: u32) -> Result<Job, Refusal> {
        if self.state != JobState::Importing {
            return Err(self.refuse("take rows"));
        }
        let mut next = self.clone();
        next.imported += rows;
        next.counts.pending += rows;
        if next.imported == of {
            next.state = JobState::Running;
        }
        Ok(next.settle())
    }

    /// Takes new counts; in the same step a job whose last row became final gets its final state.
    pub fn count(&self, counts: Counts, cursor: u32) -> Job {
        Job { counts, cursor, ..self.clone() }.settle()
    }

    /// Starts no more rows; those running may finish.
    ///
    /// # Errors
    /// It is final already, or its rows are still being stored.
    pub fn cancel(&self, reason: &str) -> Result<Job, Refusal> {
        if self.state.is_final() || self.state == JobState::Importing {
            return Err(self.refuse("be cancelled"));
        }
        Ok(Job { state: JobState::Cancelling { reason: reason.to_owned() }, ..self.clone() }.settle())
    }

    /// Gives the job up.
    ///
    /// # Errors
    /// It is final already.
    pub fn fail(&self, reason: &str) -> Result<Job, Refusal> {
        if self.state.is_final() {
            return Err(self.refuse("be failed"));
        }
        Ok(Job { state: JobState::Failed { reason: reason.to_owned() }, ..self.clone() })
    }

    /// Notes that the output was written whole.
    pub fn export(&self, now: Time) -> Job {
        Job { exported: Some(now), ..self.clone() }
    }

    /// Whether somebody still has something to do for it: rows, or the output.
    pub fn unfinished(&self) -> bool {
        !self.state.is_final() || self.exported.is_none()
    }

    fn settle(mut self) -> Job {
        self.state = match self.state {
            JobState::Running if self.counts.pending + self.counts.running == 0 => JobState::Completed,
            JobState::Cancelling { reason } if self.counts.running == 0 => JobState::Cancelled { reason },
            state => state,
        };
        self
    }

    fn refuse(&self, what: &str) -> Refusal {
        Refusal(format!("the job cannot {what}: it is {}", self.state.as_str()))
    }
}

impl JobState {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            JobState::Importing => "importing",
            JobState::Running => "running",
            JobState::Cancelling { .. } => "cancelling",
            JobState::Completed => "completed",
            JobState::Failed { .. } => "failed",
            JobState::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether no row is worked on any more.
    pub fn is_final(&self) -> bool {
        matches!(self, JobState::Completed | JobState::Failed { .. } | JobState::Cancelled { .. })
    }

    /// Why, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            JobState::Cancelling { reason } | JobState::Failed { reason } | JobState::Cancelled { reason } => {
                Some(reason)
            }
            _ => None,
        }
    }
}

record!(JobSpec, V1);
