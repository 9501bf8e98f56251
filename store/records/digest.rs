//! What an agent's work came to, in short: what is told of it when nobody reads its transcript any more.
//!
//! It is bounded whatever the work was: texts are cut, and of lists the first or last few are there. What came of the
//! transcript is added up entry by entry, so that one that was kept goes on with what came since, even if the entries before
//! are gone.

use serde::{Deserialize, Serialize};

use super::agent::TurnResult;
use super::goal::{Goal, GoalStatus};
use super::id::{AgentId, InboxKey, Time};
use super::transcript::Entry;
use super::usage::Usage;
use super::version::record;

/// How much of a goal's objective a digest has, in bytes.
pub const DIGEST_GOAL_MAX: usize = 600;
/// How much of why a goal stands as it does, in bytes.
pub const DIGEST_WHY_MAX: usize = 100;
/// How many of an agent's last answers a digest has.
pub const DIGEST_ANSWERS: usize = 5;
/// How much of an answer, in bytes.
pub const DIGEST_ANSWER_MAX: usize = 400;
/// How many tools a digest counts by name; calls of others are counted together.
pub const DIGEST_TOOLS: usize = 16;
/// The longest name of a tool, in bytes.
pub const DIGEST_NAME_MAX: usize = 64;
/// How many open nodes of its agent's plan a digest names.
pub const DIGEST_NODES: usize = 12;
/// How much of such a node's title, in bytes.
pub const DIGEST_TITLE_MAX: usize = 100;
/// The longest summary in bytes, without the secrets in it.
pub const SUMMARY_MAX: usize = 4 << 10;
/// How many children a digest names.
pub const DIGEST_CHILDREN: usize = 12;
/// How much of what came of a child, in bytes.
pub const DIGEST_CHILD_MAX: usize = 100;
/// How many commits a digest names.
pub const DIGEST_COMMITS: usize = 8;
/// How much of a commit's subject, in bytes.
pub const DIGEST_SUBJECT_MAX: usize = 100;

/// What an agent's work came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Whose it is: one that came to the path later has another.
    pub of: AgentId,
    /// When the newest happened of what it tells.
    pub at: Time,
    /// The word for how the agent stands.
    pub status: String,
    /// What it is to reach, or was.
    pub goal: Option<GoalInShort>,
    /// How far its plan is, if it has one.
    pub plan: Option<PlanLeft>,
    /// What its turns were.
    pub work: Work,
    /// What its turns have cost.
    pub used: Usage,
    /// Its children, in path order.
    pub children: Shortlist<Child>,
    /// What was done and used below it.
    pub below: Below,
    /// The commits that its directory got between the agent's creation and the end of its last turn, newest first. Whoever
    /// works in the same directory may have made some.
    pub commits: Shortlist<Revision>,
    /// What its brain said of all that last. Nothing else in it is told by a brain.
    pub summary: Option<Summary>,
}

/// A commit of a repository, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Its name, in full.
    pub commit: String,
    /// The first line of what it says of itself.
    pub subject: String,
}

/// What a brain said of its own work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// In which turn; nothing if at none.
    pub turn: Option<u64>,
    /// Its words. Secrets are taken out before it is stored.
    pub text: String,
    /// When.
    pub at: Time,
}

/// A goal, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalInShort {
    /// The beginning of what is to be reached.
    pub objective: String,
    /// How it stands.
    pub status: GoalStatus,
    /// Why it stands so; empty if there is nothing to say.
    pub why: String,
    /// Tokens used for it.
    pub used: u64,
    /// How many it may use.
    pub budget: Option<u64>,
}

/// How far a plan is, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLeft {
    /// How many of its nodes are done.
    pub done: u64,
    /// How many shall not be done.
    pub dropped: u64,
    /// Those that are neither: the ready ones first, then those being done, then those that wait, each in the order of their
    /// numbers.
    pub open: Shortlist<NodeLeft>,
}

/// An open node of a plan, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLeft {
    /// Its number.
    pub number: u32,
    /// The beginning of its title.
    pub title: String,
    /// The word for where it stands.
    pub status: String,
    /// Whether somebody may begin with it.
    pub ready: bool,
}

/// The first of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortlist<T> {
    /// They.
    pub first: Vec<T>,
    /// How many more there are, as far as they were counted.
    pub more: u64,
    /// Whether all were counted.
    pub counted: bool,
}

/// What was done in turns, as far as the transcript tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The last entry that is in it.
    pub through: InboxKey,
    /// When that was.
    pub at: Time,
    /// Turns that were answered.
    pub completed: u64,
    /// Turns that failed for good.
    pub errored: u64,
    /// Turns that somebody stopped.
    pub interrupted: u64,
    /// The last answers, oldest first.
    pub answers: Vec<Answered>,
    /// How often each tool was called, in the order of the first calls.
    pub tools: Vec<(String, u64)>,
    /// Calls of tools that came when there were so many names already.
    pub other_calls: u64,
}

/// How a turn ended, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Its number.
    pub turn: u64,
    /// Its kind of end.
    pub result: TurnResult,
    /// The beginning of the answer, or of what went wrong.
    pub text: String,
    /// When.
    pub at: Time,
}

/// A child of an agent, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The last part of its path.
    pub name: String,
    /// The word for how it stands.
    pub status: String,
    /// The beginning of its last answer; of a job where its rows stand. Empty if there is nothing to tell.
    pub outcome: String,
}

/// What was done and used by all below an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Turns that ended, and runs of rows that started.
    pub turns: u64,
    /// What both have cost.
    pub tokens: u64,
    /// Whether that is all: of very many only the first were looked at.
    pub all: bool,
}

impl Digest {
    /// The same with what the brain said last.
    pub fn summarised(self, summary: Option<Summary>) -> Digest {
        let said = summary.as_ref().map_or(self.at, |summary| summary.at);
        Digest { at: self.at.max(said), summary, ..self }
    }
}

impl From<&Goal> for GoalInShort {
    fn from(goal: &Goal) -> Self {
        GoalInShort {
            objective: in_short(goal.objective.as_str(), DIGEST_GOAL_MAX),
            status: goal.status,
            why: in_short(&goal.why, DIGEST_WHY_MAX),
            used: goal.used(),
            budget: goal.budget,
        }
    }
}

impl PlanLeft {
    /// How many nodes are neither done nor dropped.
    pub fn open_total(&self) -> u64 {
        self.open.first.len() as u64 + self.open.more
    }
}

impl<T> Default for Shortlist<T> {
    fn default() -> Self {
        Shortlist { first: Vec::new(), more: 0, counted: true }
    }
}

impl Default for Work {
    fn default() -> Self {
        Work {
            through: InboxKey::FIRST,
            at: Time::default(),
            completed: 0,
            errored: 0,
            interrupted: 0,
            answers: Vec::new(),
            tools: Vec::new(),
            other_calls: 0,
        }
    }
}

impl Work {
    /// The same with the entry at `row`, which comes behind all that are in it.
    pub fn and(mut self, entry: &Entry, row: InboxKey) -> Work {
        self.through = row;
        match entry {
            Entry::Tool(tool) => {
                self.at = self.at.max(tool.at);
                self.count(&tool.name);
            }
            Entry::Answer { turn, result, content, at, .. } => {
                self.at = self.at.max(*at);
                let text = in_short(content, DIGEST_ANSWER_MAX);
                self.end(Answered { turn: *turn, result: *result, text, at: *at });
            }
            _ => {}
        }
        self
    }

    /// How many turns it has.
    pub fn turns(&self) -> u64 {
        self.completed + self.errored + self.interrupted
    }

    fn end(&mut self, answered: Answered) {
        match answered.result {
            TurnResult::Completed => self.completed += 1,
            TurnResult::Errored => self.errored += 1,
            TurnResult::Interrupted => self.interrupted += 1,
        }
        if self.answers.len() == DIGEST_ANSWERS {
            self.answers.remove(0);
        }
        self.answers.push(answered);
    }

    fn count(&mut self, name: &str) {
        let name = in_short(name, DIGEST_NAME_MAX);
        match self.tools.iter().position(|(known, _)| *known == name) {
            Some(at) => self.tools[at].1 += 1,
            None if self.tools.len() < DIGEST_TOOLS => self.tools.push((name, 1)),
            None => self.other_calls += 1,
        }
    }
}

/// A text in one line of at most `max` bytes: blanks and control characters are one space each, and what is cut ends with `…`.
pub fn in_short(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut blank = false;
    for c in text.trim().chars() {
        if c.is_whitespace() || c.is_control() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) && !line.is_empty() {
            line.push(' ');
        }
        line.push(c);
        // A little more than fits is enough to know that it does not.
        if line.len() > max {
            break;
        }
    }
    if line.len() <= max {
        return line;
    }
    let room = max.saturating_sub('…'.len_utf8());
    let end = (0..=room).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    line.truncate(end);
    if max >= '…'.len_utf8() {
        line.push('…');
    }
    line
}

record!(Digest, V1);
