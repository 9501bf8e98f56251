//! What a verification found.

use std::fmt::Write;

use understory_paths::AgentPath;

use crate::keys::Table;
use crate::seam::Key;

/// How many problems are listed; more are counted.
const PROBLEMS_MAX: usize = 100;

/// What a store was found to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows read, without those of events.
    pub rows: u64,
    /// Nodes among them: agents, jobs and items.
    pub nodes: u64,
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Items of jobs.
    pub items: u64,
    /// The first 100 problems, in the order they were met.
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub problems_total: u64,
}

/// Something in a store that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The row, as its table and path.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems_total == 0
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report(Verified);

impl Report {
    pub(super) fn row(&mut self) {
        self.0.rows += 1;
    }

    pub(super) fn agent(&mut self) {
        self.0.nodes += 1;
        self.0.agents += 1;
    }

    pub(super) fn job(&mut self) {
        self.0.nodes += 1;
        self.0.jobs += 1;
    }

    pub(super) fn item(&mut self) {
        self.0.nodes += 1;
        self.0.items += 1;
    }

    pub(super) fn problem(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.problems_total += 1;
        if self.0.problems.len() < PROBLEMS_MAX {
            self.0.problems.push(Problem { place: place.into(), what: what.into() });
        }
    }

    /// A problem of the row of `table` at `path`.
    pub(super) fn at(&mut self, table: Table, path: &AgentPath, what: impl Into<String>) {
        self.problem(format!("{}{path}", word(table)), what);
    }

    pub(super) fn finish(self) -> Verified {
        self.0
    }
}

/// A key as its table and path, with what follows the path.
pub(super) fn place(table: Table, key: &Key) -> String {
    let rest = key.as_bytes().get(1..).unwrap_or_default();
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let mut text = format!("{}{}", word(table), parts.next().unwrap_or_default().escape_ascii());
    if let Some(name) = parts.next() {
        // Writing to a string does not fail.
        let _ = write!(text, " {}", name.escape_ascii());
    }
    text
}

fn word(table: Table) -> &'static str {
    match table {
        Table::Node => "node",
        Table::Closed => "closed",
        Table::Count => "count",
        Table::Inbox => "inbox",
        Table::Transcript => "transcript",
        Table::Spec => "spec",
        Table::Row => "row",
        Table::Result => "result",
        Table::ItemId => "item_id",
        Table::Unfinished => "unfinished",
        Table::Fingerprint => "fingerprint",
        Table::Dead => "dead",
        Table::Nickname => "nickname",
        Table::Chunk => "chunk",
        Table::Seen => "seen",
        Table::Tombstone => "tombstone",
        Table::Burial => "burial",
        Table::Grant => "grant",
        Table::Card => "card",
        Table::Credential => "credential",
        Table::Reopened => "reopened",
        Table::Session => "session",
        Table::Directory => "directory",
        Table::BrainSettings => "brain_settings",
        Table::Memory => "memory",
        Table::MemoryUse => "memory_use",
        Table::Taint => "taint",
        Table::Goal => "goal",
        Table::Charge => "charge",
        Table::Drive => "drive",
        Table::Plan => "plan",
        Table::PlanNode => "plan_node",
        Table::ImportState => "import",
        Table::Digest => "digest",
    }
}
