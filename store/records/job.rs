//! A job: what it was asked for, and where it stands.

use serde::{Deserialize, Serialize};
use understory_paths::AgentPath;

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
    /// What may be changed while it runs.
    pub limits: JobLimits,
    /// Present: no more rows are started until it is gone; those running may finish.
    pub pause: Option<Pause>,
    /// What its runs have used so far.
    pub spent: Spent,
}

/// What a job may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLimits {
    /// How many rows are worked on at once.
    pub concurrency: u32,
    /// Runs that may be started.
    pub turns: Option<u64>,
    /// Tokens after which no more runs are started.
    pub tokens: Option<u64>,
    /// When no more runs are started.
    pub until: Option<Time>,
}

/// Why a job starts no rows for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why, for people.
    pub reason: String,
    /// When it goes on by itself; only when somebody says so without one.
    pub until: Option<Time>,
    /// What it may use is used up: it goes on when somebody says that it may use more.
    pub used_up: bool,
    /// The goal of whose budget nothing is left: it goes on by itself once something is.
    pub goal: Option<AgentPath>,
}

impl Pause {
    /// Whether somebody asked for it, and not what was used up.
    pub fn is_by_hand(&self) -> bool {
        self.until.is_none() && !self.used_up && self.goal.is_none()
    }
}

/// What runs have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Runs started.
    pub turns: u64,
    /// Tokens, where brains say how many: uncached input and output.
    pub tokens: u64,
}

/// What a job was asked for; never rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The table's file, absolute; empty when the rows came from the host.
    pub input: String,
    /// How its rows are written there.
    pub format: TableFormat,
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
    /// What works on the rows; what their role has without it.
    pub brain: Option<BrainChoice>,
    /// The workers' role.
    pub role: String,
    /// Columns in which a row says otherwise for itself.
    pub columns: RowColumns,
    /// The JSON Schema that results are held to.
    pub schema: Option<String>,
    /// Where the output goes, absolute.
    pub output: String,
    /// How the output is written.
    pub output_format: OutputFormat,
    /// Whose transcripts are kept.
    pub keep: Keep,
    /// Charged failures at which a row is failed.
    pub attempts: u32,
    /// How long one run may take, in milliseconds.
    pub timeout_ms: u64,
    /// What makes another command the same command.
    pub fingerprint: [u8; 32],
}

/// How the rows of a table are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    #[default]
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// A JSON object a line.
    JsonLines,
    /// One JSON array of objects.
    JsonArray,
}

/// The columns, by their names, in which a row says for itself what the job says for all; an empty cell says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowColumns {
    /// The workers' role.
    pub role: Option<String>,
    /// What works on it.
    pub brain: Option<String>,
    /// The model, which the brain's settings get as `model`.
    pub model: Option<String>,
    /// What the worker is asked, a template of its own.
    pub instruction: Option<String>,
    /// How long one run may take, in seconds.
    pub timeout: Option<String>,
    /// Charged failures at which it is failed.
    pub attempts: Option<String>,
    /// The ids of the items that must be completed before it starts.
    pub after: Option<String>,
}

impl RowColumns {
    /// Each setting that has a column, and which.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let RowColumns { role, brain, model, instruction, timeout, attempts, after } = self;
        let named = [
            ("role", role),
            ("brain", brain),
            ("model", model),
            ("instruction", instruction),
            ("timeout", timeout),
            ("attempts", attempts),
            ("after", after),
        ];
        named.into_iter().filter_map(|(setting, column)| Some((setting, column.as_deref()?)))
    }
}

/// How an output is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFormat {
    /// As what.
    pub kind: OutputKind,
    /// Whether the keys of results are columns of their own.
    pub expand: bool,
    /// Whether cells that a spreadsheet would take for a formula are guarded with an apostrophe.
    pub guard: bool,
    /// In which order it grows while the job runs; it appears at the end without one.
    pub grows: Option<GrowthOrder>,
}

/// What an output is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputKind {
    /// Comma-separated values with a header.
    #[default]
    Csv,
    /// A JSON object a line.
    JsonLines,
}

/// In which order an output grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrowthOrder {
    /// As the table has its rows.
    Rows,
    /// As rows come to their ends.
    Ends,
}

/// Whose transcripts are kept when their rows have come to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// Nobody's.
    #[default]
    None,
    /// Those of rows that failed.
    Failed,
    /// Everybody's.
    All,
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
    /// Every row is completed, failed or skipped. Final.
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
    /// Never tried, because of a row that had to be completed before.
    pub skipped: u32,
}

impl OutputKind {
    /// What a file is by the end of its name; CSV if that says nothing.
    pub fn of_name(name: &str) -> OutputKind {
        match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
            Some("jsonl" | "ndjson") => OutputKind::JsonLines,
            _ => OutputKind::Csv,
        }
    }

    /// The end of the name of a file of this kind.
    pub fn extension(self) -> &'static str {
        match self {
            OutputKind::Csv => "csv",
            OutputKind::JsonLines => "jsonl",
        }
    }
}

impl Counts {
    /// All rows.
    pub fn total(&self) -> u32 {
        self.pending + self.running + self.done()
    }

    /// Rows that nothing more happens to.
    pub fn done(&self) -> u32 {
        self.completed + self.failed + self.skipped
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
            ItemState::Skipped { .. } => &mut self.skipped,
        }
    }
}

impl Job {
    /// A job whose rows are still to be stored.
    pub fn new(id: AgentId, now: Time, limits: JobLimits) -> Job {
        Job {
            id,
            created_at: now,
            state: JobState::Importing,
            imported: 0,
            cursor: 1,
            counts: Counts::default(),
            exported: None,
            limits,
            pause: None,
            spent: Spent::default(),
        }
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

    /// Says what it may use from now on. A pause because that was used up ends with it: if it still is, there will be another.
    ///
    /// # Errors
    /// It is final or being cancelled, or no row could be worked on.
    pub fn set(&self, limits: JobLimits) -> Result<Job, Refusal> {
        if self.state.is_final() || matches!(self.state, JobState::Cancelling { .. }) {
            return Err(self.refuse("be given other limits"));
        }
        if limits.concurrency == 0 {
            return Err(Refusal("a job works on one row at once at the least".to_owned()));
        }
        let pause = self.pause.clone().filter(|pause| !pause.used_up || limits == self.limits);
        Ok(Job { limits, pause, ..self.clone() })
    }

    /// Takes new counts, in which rows that came to nothing wait again: a job that is final runs, and its output is to be
    /// written once more. What a cancel left waits again, too.
    ///
    /// # Errors
    /// Its rows are not all stored, or it is being cancelled.
    pub fn reopen(&self, counts: Counts, cursor: u32) -> Result<Job, Refusal> {
        match self.state {
            JobState::Running | JobState::Completed | JobState::Cancelled { .. } => {
                let next = Job { state: JobState::Running, counts, cursor, exported: None, ..self.clone() };
                Ok(next.settle())
            }
            _ => Err(self.refuse("try rows again")),
        }
    }

    /// Starts no more rows; those running may finish.
    ///
    /// # Errors
    /// It is final already, or its rows are still being stored.
    pub fn cancel(&self, reason: &str) -> Result<Job, Refusal> {
        if self.state.is_final() || self.state == JobState::Importing {
            return Err(self.refuse("be cancelled"));
        }
        Ok(Job { state: JobState::Cancelling { reason: reason.to_owned() }, pause: None, ..self.clone() }.settle())
    }

    /// Starts no more rows for now; those running may finish.
    ///
    /// Of two pauses the one that lasts longer stands; of two that end only when somebody says so, the newer.
    ///
    /// # Errors
    /// It is final, or starts no more rows anyway.
    pub fn pause(&self, pause: Pause) -> Result<Job, Refusal> {
        if self.state.is_final() || matches!(self.state, JobState::Cancelling { .. }) {
            return Err(self.refuse("be paused"));
        }
        let stands = self.pause.as_ref().is_some_and(|standing| match (standing.until, pause.until) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(standing), Some(until)) => standing >= until,
        });
        let pause = if stands { self.pause.clone() } else { Some(pause) };
        Ok(Job { pause, ..self.clone() })
    }

    /// Starts rows again.
    ///
    /// # Errors
    /// It is not paused.
    pub fn unpause(&self) -> Result<Job, Refusal> {
        match self.pause {
            Some(_) => Ok(Job { pause: None, ..self.clone() }),
            None => Err(Refusal("the job cannot go on: it is not paused".to_owned())),
        }
    }

    /// What keeps it from starting rows at `now`: a pause is over at its end, whether or not that was noted.
    pub fn paused_at(&self, now: Time) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| pause.until.is_none_or(|until| now < until))
    }

    /// Gives the job up.
    ///
    /// # Errors
    /// It is final already.
    pub fn fail(&self, reason: &str) -> Result<Job, Refusal> {
        if self.state.is_final() {
            return Err(self.refuse("be failed"));
        }
        Ok(Job { state: JobState::Failed { reason: reason.to_owned() }, ..self.clone() }.settle())
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
        if self.state.is_final() {
            self.pause = None;
        }
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
