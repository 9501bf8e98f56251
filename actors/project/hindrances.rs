//! What is in the way of a project: some of each kind, so that many of one hide none of another.

use std::collections::BTreeMap;

use understory_paths::AgentPath;

/// How many hindrances of one kind a project names.
pub const PROJECT_HINDRANCES_MAX: usize = 10;

/// How much of a text a hindrance says, in characters.
const WORDS: usize = 200;

/// What is in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hindrances {
    /// The first of each kind, at most [`PROJECT_HINDRANCES_MAX`], in path order.
    pub first: Vec<Hindrance>,
    /// How many more there are of a kind.
    pub more: BTreeMap<HindranceKind, u64>,
}

/// One thing that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// Whose way.
    pub path: AgentPath,
    /// What kind it is.
    pub kind: HindranceKind,
    /// What it is, in words.
    pub words: String,
}

/// What kind of thing is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HindranceKind {
    /// Nothing is left of the budget of a goal, so that no turn starts.
    Budget,
    /// A goal is blocked or paused, or a quota is used up, so that nobody goes on with it.
    Goal,
    /// A directory is not as it was left, and its role says that nothing runs there then.
    Drift,
    /// What works on a node of a plan will come to no end by itself.
    Plan,
    /// Supervision has given up on an agent.
    Faulted,
    /// The last turn of an agent failed.
    Errored,
    /// A job is paused or closed, or failed.
    Job,
    /// Rows of a job failed.
    Rows,
    /// A message waits that would start a turn, and none starts: its agent is closed, or a budget is used up.
    Held,
    /// An agent has messages that no turn will take.
    Dead,
}

impl HindranceKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            HindranceKind::Budget => "budget",
            HindranceKind::Goal => "goal",
            HindranceKind::Drift => "drift",
            HindranceKind::Plan => "plan",
            HindranceKind::Faulted => "faulted",
            HindranceKind::Errored => "errored",
            HindranceKind::Job => "job",
            HindranceKind::Rows => "rows",
            HindranceKind::Held => "held",
            HindranceKind::Dead => "dead",
        }
    }
}

impl Hindrances {
    pub(super) fn note(&mut self, path: &AgentPath, kind: HindranceKind, words: &str) {
        if self.first.iter().filter(|known| known.kind == kind).count() == PROJECT_HINDRANCES_MAX {
            *self.more.entry(kind).or_default() += 1;
            return;
        }
        let words = words.chars().take(WORDS).collect();
        self.first.push(Hindrance { path: path.clone(), kind, words });
    }

    /// The same in path order, and of one path the more telling kinds first.
    pub(super) fn sorted(mut self) -> Self {
        self.first.sort_by(|a, b| (&a.path, a.kind).cmp(&(&b.path, b.kind)));
        self
    }
}
