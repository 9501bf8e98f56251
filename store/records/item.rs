//! A job item: one row of the table and the state of its worker.
//!
//! ```text
//!              start (run + 1)            complete(run)
//!   Pending -------------------> Running -----------------> Completed
//!      ^                           | | \--- fail(run), attempts or crashes used up ---> Failed
//!      |--- fail(run): failures + 1 -+ |
//!      +--- release(run): uncharged ---+
//!
//!   Pending -- skip, when a row before it came to nothing --> Skipped
//!   Failed, Skipped -- retry, when a person asks --> Pending
//! ```

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::id::{AgentId, Time};

/// One row of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which one it is.
    pub id: AgentId,
    /// Its id in the job, unique there.
    pub item_id: String,
    /// The raw cell that the id was made from.
    pub source: Source,
    /// The row as a JSON object.
    pub row: Text,
    /// How often a worker was started; a report is taken from the newest run only.
    pub run: u32,
    /// Runs that failed and were charged.
    pub failures: u32,
    /// Runs that the process died in.
    pub crashes: u32,
    /// Where it stands.
    pub state: ItemState,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The rows that must be completed before it starts, by their numbers.
    pub after: Vec<u32>,
    /// How long the run took that brought it to its end, in milliseconds.
    pub took_ms: Option<u64>,
}

/// Where an item id came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The row's number.
    Number,
    /// The id column's cell, as it is.
    Cell,
    /// The id column's cell, which another row has too.
    Duplicate(String),
}

/// A text that lies in the record, or beside it when the record would be over 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Text {
    /// Here.
    Inline(String),
    /// In the row of its own that `keys` names.
    Beside,
}

/// Where an item stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemState {
    /// It waits for a place.
    Pending {
        /// It is not started before.
        not_before: Option<Time>,
    },
    /// A worker is at it, or was when the process died.
    Running {
        /// When this run started.
        started_at: Time,
        /// When it is over whatever the worker does.
        deadline: Time,
    },
    /// A result was reported. Final.
    Completed {
        /// The result, a JSON object.
        result: Text,
        /// When it was accepted.
        at: Time,
    },
    /// It will not be tried again. Final.
    Failed {
        /// When.
        at: Time,
    },
    /// It is not tried: a row that had to be completed before was not; which, says its last error. Final.
    Skipped {
        /// When.
        at: Time,
    },
}

/// When an item is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureLimits {
    /// Charged failures at which it is failed.
    pub attempts: u32,
    /// Process deaths at which it is failed.
    pub crashes: u32,
}

impl Item {
    /// A row that was just read.
    pub fn new(id: AgentId, item_id: String, source: Source, row: Text) -> Self {
        Item {
            id,
            item_id,
            source,
            row,
            run: 0,
            failures: 0,
            crashes: 0,
            state: ItemState::Pending { not_before: None },
            last_error: None,
            after: Vec::new(),
            took_ms: None,
        }
    }

    /// Starts its next run. One that the process died in is charged a crash, never an attempt.
    ///
    /// # Errors
    /// It is final, or the process died in a run of it once too often. One that waits is started whatever it died of before:
    /// the limit may be lower now.
    pub fn start(&self, now: Time, deadline: Time, limits: FailureLimits) -> Result<Item, Refusal> {
        let crashes = match self.state {
            ItemState::Pending { .. } => self.crashes,
            ItemState::Running { .. } if self.crashes + 1 >= limits.crashes => {
                return Err(Refusal(format!("the process died in {} runs of it", self.crashes + 1)));
            }
            ItemState::Running { .. } => self.crashes + 1,
            _ => return Err(self.refuse("be started")),
        };
        let state = ItemState::Running { started_at: now, deadline };
        Ok(Item { run: self.run + 1, crashes, state, ..self.clone() })
    }

    /// Fails an item whose run the process died in once too often.
    ///
    /// # Errors
    /// It is not running.
    pub fn crash_out(&self, now: Time) -> Result<Item, Refusal> {
        if !matches!(self.state, ItemState::Running { .. }) {
            return Err(self.refuse("be failed as crashed"));
        }
        let crashes = self.crashes + 1;
        let last_error = Some(format!("crashed: the process died in {crashes} runs of this row"));
        Ok(Item { crashes, state: ItemState::Failed { at: now }, last_error, ..self.clone() })
    }

    /// Takes a result from run `run`.
    ///
    /// # Errors
    /// That run is not the one under way.
    pub fn complete(&self, run: u32, result: Text, now: Time) -> Result<Item, Refusal> {
        let took_ms = self.demand(run, now)?;
        Ok(Item { state: ItemState::Completed { result, at: now }, last_error: None, took_ms, ..self.clone() })
    }

    /// Takes a failure from run `run`: pending again after `not_before`, or failed when its attempts are used up.
    ///
    /// # Errors
    /// That run is not the one under way.
    pub fn fail(
        &self,
        run: u32,
        error: String,
        limits: FailureLimits,
        now: Time,
        not_before: Time,
    ) -> Result<Item, Refusal> {
        let took_ms = self.demand(run, now)?;
        let failures = self.failures + 1;
        let state = match failures >= limits.attempts {
            true => ItemState::Failed { at: now },
            false => ItemState::Pending { not_before: Some(not_before) },
        };
        Ok(Item { failures, state, last_error: Some(error), took_ms, ..self.clone() })
    }

    /// Puts a running item back, uncharged: its job stops for a close or a shutdown.
    ///
    /// # Errors
    /// That run is not the one under way.
    pub fn release(&self, run: u32) -> Result<Item, Refusal> {
        self.demand(run, Time(0))?;
        Ok(Item { state: ItemState::Pending { not_before: None }, ..self.clone() })
    }

    /// Gives a row up that was not started: one that comes before it came to nothing.
    ///
    /// # Errors
    /// It is running, or final.
    pub fn skip(&self, because: String, now: Time) -> Result<Item, Refusal> {
        if !matches!(self.state, ItemState::Pending { .. }) {
            return Err(self.refuse("be skipped"));
        }
        Ok(Item { state: ItemState::Skipped { at: now }, last_error: Some(because), ..self.clone() })
    }

    /// Has a row that came to nothing tried again, as if for the first time; what went wrong stays until it is completed.
    ///
    /// # Errors
    /// It is neither failed nor skipped.
    pub fn retry(&self) -> Result<Item, Refusal> {
        if !matches!(self.state, ItemState::Failed { .. } | ItemState::Skipped { .. }) {
            return Err(self.refuse("be tried again"));
        }
        let state = ItemState::Pending { not_before: None };
        Ok(Item { failures: 0, crashes: 0, state, took_ms: None, ..self.clone() })
    }

    /// The raw cell of the id column, if the id came from one.
    pub fn source_id(&self) -> Option<&str> {
        match &self.source {
            Source::Number => None,
            Source::Cell => Some(&self.item_id),
            Source::Duplicate(cell) => Some(cell),
        }
    }

    /// How long run `run` has taken, in milliseconds, if it is the one under way.
    fn demand(&self, run: u32, now: Time) -> Result<Option<u64>, Refusal> {
        match self.state {
            ItemState::Running { started_at, .. } if self.run == run => {
                Ok(u64::try_from(started_at.until(now).as_millis()).ok())
            }
            ItemState::Running { .. } => Err(Refusal(format!("run {run} is over: run {} is under way", self.run))),
            _ => Err(self.refuse(&format!("take run {run}'s end"))),
        }
    }

    fn refuse(&self, what: &str) -> Refusal {
        Refusal(format!("item {} cannot {what}: it is {} after run {}", self.item_id, self.state.as_str(), self.run))
    }
}

impl ItemState {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            ItemState::Pending { .. } => "pending",
            ItemState::Running { .. } => "running",
            ItemState::Completed { .. } => "completed",
            ItemState::Failed { .. } => "failed",
            ItemState::Skipped { .. } => "skipped",
        }
    }

    /// Whether a worker is at it.
    pub fn is_running(&self) -> bool {
        matches!(self, ItemState::Running { .. })
    }

    /// Whether nothing more happens to it.
    pub fn is_final(&self) -> bool {
        matches!(self, ItemState::Completed { .. } | ItemState::Failed { .. } | ItemState::Skipped { .. })
    }
}
