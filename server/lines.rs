//! The shapes of what is answered: what `--json` shows.
//!
//! These types are a promise to programs: a field is added, never renamed. They are converted by hand ([`super::told`]), so
//! that a change inside does not change them by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::AgentPath;

use crate::details::DetailsLine;
use crate::directory::DirectoryLine;
use crate::jobs::{JobLimitsLine, PauseLine, SpentLine};
use crate::roles::GrantLine;

/// Nodes in path order, parents first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Those that are listed.
    pub nodes: Vec<TreeLine>,
    /// There is more than one answer holds.
    pub cut: bool,
}

/// A node of a tree, in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeLine {
    /// The node.
    #[serde(flatten)]
    pub node: NodeLine,
    /// Children that are not listed; a job's items never are, and are not counted here.
    pub hidden: u64,
    /// There may be more of them: they were counted no further.
    pub uncounted: bool,
}

/// What every kind of node has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeLine {
    /// Where it lies.
    pub path: AgentPath,
    /// Agent, job or item.
    pub kind: String,
    /// The word for how it stands.
    pub status: String,
    /// What people call it.
    pub nickname: Option<String>,
    /// How many turns have ended, for an agent.
    pub turns: Option<u64>,
    /// Where its rows stand, for a job.
    pub counts: Option<Counts>,
    /// Its role, for an agent.
    pub role: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The first line of what it is about.
    pub task: Option<String>,
    /// When something last happened to it.
    pub active_at: Option<String>,
    /// For how long its turn or run has gone on.
    pub elapsed_ms: Option<u64>,
}

/// One node, with everything that is kept of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shown {
    /// An agent.
    Agent(Box<AgentLine>),
    /// A job.
    Job(Box<JobLine>),
    /// A job's item.
    Item(ItemLine),
    /// Something that the agent which asks may only look at.
    Outline(Outline),
}

/// What every agent may know of every other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// Where it lies.
    pub path: AgentPath,
    /// The word for how it stands.
    pub status: String,
    /// Its role, if it is an agent.
    pub role: Option<String>,
    /// What people call it.
    pub nickname: Option<String>,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentLine {
    /// Where it lies.
    pub path: AgentPath,
    /// Which one it is.
    pub id: String,
    /// The word for how it stands.
    pub status: String,
    /// Where the closed mark is, if there is one at or above it.
    pub closed_by: Option<AgentPath>,
    /// Why supervision gave up on it, if it did.
    pub fault: Option<String>,
    /// Its role.
    pub role: String,
    /// What its role gave it when its last turn began; nothing if that was no more than a brain.
    pub granted: Option<GrantLine>,
    /// Its brain.
    pub brain: Option<BrainLine>,
    /// What people call it.
    pub nickname: Option<String>,
    /// When it was created.
    pub created_at: String,
    /// How many turns have ended.
    pub turns: u64,
    /// The turn under way.
    pub running: Option<RunningLine>,
    /// How its last turn ended.
    pub outcome: Option<OutcomeLine>,
    /// Where it works.
    pub directory: Option<DirectoryLine>,
    /// The conversation that its brain goes on with, by the brain's name for it.
    pub session: Option<String>,
    /// The model that its brain goes on with, if that was said.
    pub model: Option<String>,
    /// The effort that its brain goes on with, if that was said.
    pub effort: Option<String>,
    /// What else is known of it.
    #[serde(flatten)]
    pub details: DetailsLine,
}

/// A brain's name and settings, these in the brain's own form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrainLine {
    /// The name.
    pub name: String,
    /// The settings.
    pub settings: String,
}

/// A turn under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningLine {
    /// Its number.
    pub turn: u64,
    /// Which attempt at it.
    pub attempt: u32,
    /// Since when.
    pub started_at: String,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeLine {
    /// Its number.
    pub turn: u64,
    /// Completed, errored or interrupted.
    pub result: String,
    /// The answer, or what went wrong.
    pub content: String,
    /// When.
    pub at: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobLine {
    /// Where it lies.
    pub path: AgentPath,
    /// Which one it is.
    pub id: String,
    /// The word for how it stands, whether it is closed or not.
    pub state: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// Where the closed mark is, if there is one at or above it.
    pub closed_by: Option<AgentPath>,
    /// Nothing is left to do: its rows are final and its output written.
    pub finished: bool,
    /// The table.
    pub input: String,
    /// The output.
    pub output: String,
    /// Rows of the table.
    pub rows: u32,
    /// Where they stand. While the table is read, those read so far.
    pub counts: Counts,
    /// The column that item ids come from.
    pub id_column: Option<String>,
    /// What each worker is asked; left out of a list of jobs.
    pub template: Option<String>,
    /// The JSON Schema that results are held to; left out of a list of jobs.
    pub schema: Option<String>,
    /// What works on the rows; what their role has without it.
    pub brain: Option<BrainLine>,
    /// The workers' role.
    pub role: String,
    /// Columns in which rows say otherwise for themselves, by what they say there.
    pub columns: BTreeMap<String, String>,
    /// Where rows are worked on; left out of a list of jobs.
    pub directory: Option<DirectoryLine>,
    /// How many rows are worked on at once.
    pub concurrency: u32,
    /// What else bounds it.
    pub limits: JobLimitsLine,
    /// What its runs have used so far.
    pub spent: SpentLine,
    /// Why it starts no rows for now, if it does not.
    pub pause: Option<PauseLine>,
    /// Charged failures at which a row is failed.
    pub attempts: u32,
    /// How long one run may take.
    pub timeout_ms: u64,
    /// When it was created.
    pub created_at: String,
    /// When its output was last written whole.
    pub exported_at: Option<String>,
    /// Its failed rows by what went wrong, the most frequent first; empty in a list of jobs.
    pub errors: Vec<ErrorLine>,
}

/// How many rows stand where.
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

impl Counts {
    /// Rows that nothing more happens to.
    pub fn done(&self) -> u32 {
        self.completed + self.failed + self.skipped
    }
}

/// Rows that failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorLine {
    /// What went wrong.
    pub error: String,
    /// In how many rows.
    pub rows: u64,
    /// The item ids of the first few.
    pub first: Vec<String>,
}

/// A job's item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemLine {
    /// Where it lies.
    pub path: AgentPath,
    /// Which one it is.
    pub id: String,
    /// The word for how it stands.
    pub status: String,
    /// Its id in the job.
    pub item_id: String,
    /// How often a worker was started.
    pub runs: u32,
    /// Runs that failed and were charged.
    pub failures: u32,
    /// Runs that the process died in.
    pub crashes: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The row as a JSON object.
    pub row: String,
    /// The result as a JSON object, if there is one.
    pub result: Option<String>,
    /// The last entries of its transcript, the oldest first; if its job keeps some.
    pub kept: Vec<EntryLine>,
}

/// An entry of an item's transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryLine {
    /// Of which run.
    pub run: u64,
    /// When.
    pub at: String,
    /// What it is: `message`, `tool`, `result` of one, or how the run ended.
    pub what: String,
    /// What was said, called, answered, or went wrong.
    pub text: String,
}

/// Every job, in path order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jobs {
    /// They.
    pub jobs: Vec<JobLine>,
}

/// A cancel that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedCancel {
    /// The job.
    pub path: AgentPath,
    /// False: it was being cancelled already.
    pub new: bool,
    /// How it stands now.
    pub state: String,
}

/// An agent that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spawned {
    /// Where it lies.
    pub path: AgentPath,
    /// Which one it is.
    pub id: String,
    /// What people call it.
    pub nickname: Option<String>,
    /// False: it was there already, and the task was not sent.
    pub created: bool,
    /// How the task's turn ended, if that was waited for.
    pub outcome: Option<OutcomeLine>,
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// Whom it is for.
    pub path: AgentPath,
    /// Its place in the inbox.
    pub message: String,
    /// A turn was interrupted for it.
    pub interrupted: bool,
}

/// A message that starts a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assigned {
    /// The message.
    #[serde(flatten)]
    pub accepted: Accepted,
    /// How its turn ended, if that was waited for.
    pub outcome: Option<OutcomeLine>,
}

/// Agents that are settled, in the order they became so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waited {
    /// They.
    pub settled: Vec<SettledLine>,
    /// False: the deadline came before as many as asked were settled.
    pub complete: bool,
}

/// A settled agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettledLine {
    /// Which.
    pub path: AgentPath,
    /// How it stands.
    #[serde(flatten)]
    pub standing: StandingLine,
}

/// How a settled agent stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum StandingLine {
    /// Its last turn ended like this; nothing if it never had one.
    Rests {
        /// How.
        outcome: Option<OutcomeLine>,
    },
    /// It or an ancestor is closed.
    Closed {
        /// Where the mark is.
        closed_by: AgentPath,
    },
    /// It was removed, by itself or with what it lay below.
    Removed {
        /// What was removed.
        removed: AgentPath,
    },
    /// Supervision gave up on it.
    Faulted {
        /// Why.
        reason: String,
    },
    /// A message waits that would start a turn, and none starts: nothing is left of a goal's budget.
    Held {
        /// Whose goal.
        held_by: AgentPath,
    },
    /// What came of it is not for the agent that waits.
    Reserved {
        /// The word for how it stands.
        status: String,
        /// The number of its last turn.
        turn: Option<u64>,
    },
}

/// A close that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedClose {
    /// The top.
    pub path: AgentPath,
    /// False: it was closed already.
    pub new: bool,
    /// Agents and jobs that were at work and ended in time.
    pub stopped: usize,
    /// Those that were killed.
    pub overdue: usize,
}

/// A resume that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedResume {
    /// Where.
    pub path: AgentPath,
    /// False: there was no mark and no fault.
    pub new: bool,
}

/// An interrupt that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedInterrupt {
    /// The top.
    pub path: AgentPath,
    /// How many turns were under way: they end now, or would.
    pub interrupted: usize,
    /// The first 100 of those whose they were, parents first.
    pub paths: Vec<AgentPath>,
    /// Nothing was done.
    pub dry_run: bool,
}

/// What a store was found to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedLine {
    /// Nothing is wrong.
    pub sound: bool,
    /// Rows read.
    pub rows: u64,
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Items of jobs.
    pub items: u64,
    /// The first problems, in the order they were met.
    pub problems: Vec<ProblemLine>,
    /// How many problems there are.
    pub problems_total: u64,
}

/// Something in a store that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemLine {
    /// The row, as its table and path.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}
