//! Who calls a tool: a turn, and what proves that it is still the one under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, Draft, Keep, Key, Node, Store, StoreError, Table, TranscriptEntry, Version,
};

use crate::credential::Footing;
use crate::error::Error;
use crate::system::node_at;
use crate::unwritten::Unwritten;

/// A turn of an agent or a run of a job item, as the runtime knows it; never made from what a brain says.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    me: AgentRef,
    turn: u64,
    attempt: u32,
    /// The commit that last wrote its record, as far as is known here: mail that joins a turn writes it too.
    version: Arc<AtomicU64>,
    run: Option<ItemRun>,
    /// Whether it has a transcript.
    transcribed: bool,
    /// The nearest isolated agent at or above it, beside whose subtree it sends to those above only.
    within: Option<AgentPath>,
    /// For whoever has a minted token and is at no turn: `version` is then the token's.
    footing: Option<Arc<Footing>>,
    /// What its transcript lacks; whoever is at no turn has no later commit for that.
    unwritten: Option<Arc<Unwritten>>,
}

/// The run of a job item that a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemRun {
    pub(crate) job: AgentPath,
    pub(crate) row: u32,
    pub(crate) run: u32,
}

impl Caller {
    /// An attempt at turn `turn` of an agent, started by commit `version`.
    pub(crate) fn agent(me: AgentRef, turn: u64, attempt: u32, version: Version) -> Self {
        let (version, transcribed) = (Arc::new(version.into()), true);
        let unwritten = Some(Arc::default());
        Caller { me, turn, attempt, version, run: None, transcribed, within: None, footing: None, unwritten }
    }

    /// A run of a job item, started by commit `version`. What it creates belongs to all runs of the item. It has a transcript
    /// if its job keeps some.
    pub(crate) fn item(me: AgentRef, run: ItemRun, version: Version, keep: Keep) -> Self {
        let (attempt, transcribed) = (run.run, keep != Keep::None);
        let (version, run) = (Arc::new(version.into()), Some(run));
        let unwritten = Some(Arc::default());
        Caller { me, turn: 0, attempt, version, run, transcribed, within: None, footing: None, unwritten }
    }

    /// Whoever has the token of an agent that commit `version` wrote. What it creates belongs to no turn.
    pub(crate) fn holder(me: AgentRef, version: Version, footing: Footing) -> Self {
        let (version, footing) = (Arc::new(version.into()), Some(Arc::new(footing)));
        Caller {
            me,
            turn: 0,
            attempt: 0,
            version,
            run: None,
            transcribed: true,
            within: None,
            footing,
            unwritten: None,
        }
    }

    /// The same, whose transcript lacks this.
    pub(crate) fn noting(mut self, unwritten: Arc<Unwritten>) -> Self {
        self.unwritten = Some(unwritten);
        self
    }

    /// The same below or at an isolated agent.
    pub(crate) fn kept_within(mut self, isolated: Option<AgentPath>) -> Self {
        self.within = isolated;
        self
    }

    /// Whether no isolation lies between it and one that is neither above nor below it.
    pub(crate) fn reaches(&self, target: &AgentPath) -> bool {
        self.within.as_ref().is_none_or(|isolated| isolated.contains(target))
    }

    pub(crate) fn me(&self) -> &AgentRef {
        &self.me
    }

    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The commit that started it, or that mail joined it by.
    pub(crate) fn version(&self) -> Version {
        self.version.load(Ordering::Relaxed)
    }

    /// Which run of which row it is, for a job item.
    pub(crate) fn run(&self) -> Option<&ItemRun> {
        self.run.as_ref()
    }

    /// Has a commit demand that this turn is still under way, or the token good, and nothing above it closed.
    pub(crate) fn fence(&self, draft: &mut Draft) {
        match &self.footing {
            None => draft.expect_at(Table::Node.at(&self.me.path), self.version()),
            Some(footing) => {
                draft.expect_at(Table::Credential.at(&self.me.path), self.version());
                footing.demand(draft);
            }
        }
        draft.expect_open(&self.me.path);
    }

    /// Whether what it does is kept in a transcript.
    pub(crate) fn is_transcribed(&self) -> bool {
        self.transcribed
    }

    /// What its transcript lacks.
    pub(crate) fn unwritten(&self) -> Option<&Unwritten> {
        self.unwritten.as_deref()
    }

    /// Adds an entry to its transcript; before a counted call, the lines that wait for a commit.
    pub(crate) fn transcribe(&self, draft: &mut Draft, entry: &TranscriptEntry) {
        if let (Some(unwritten), TranscriptEntry::Tool(tool)) = (&self.unwritten, entry)
            && tool.call > 0
        {
            unwritten.join(tool.call).iter().for_each(|line| self.write_line(draft, line));
        }
        self.write_line(draft, entry);
    }

    /// How many writes and payload bytes the lines make that wait for a commit.
    pub(crate) fn weight(&self) -> (usize, usize) {
        self.unwritten().map_or((0, 0), Unwritten::weight)
    }

    /// Adds just this entry to its transcript.
    pub(crate) fn write_line(&self, draft: &mut Draft, entry: &TranscriptEntry) {
        draft.append(Table::Transcript.below(&self.me.path), entry);
    }

    /// Looks whether the turn is still under way although a commit of it was refused: mail may have joined it meanwhile. If
    /// so, the next commit expects the record as it is now.
    pub(crate) async fn renew(&self, store: &Store) -> Result<bool, StoreError> {
        let Some(row) = node_at(store, &self.me.path).await? else { return Ok(false) };
        let mine = match &row.value {
            Node::Agent(agent) if self.run.is_none() && self.footing.is_none() && agent.id == self.me.id => {
                agent.running().is_some_and(|running| (running.turn, running.attempt) == (self.turn, self.attempt))
            }
            _ => false,
        };
        Ok(mine && self.version.swap(row.version, Ordering::Relaxed) != row.version)
    }

    /// How a refused commit of this caller reads to it.
    pub(crate) fn explain(&self, error: CommitError) -> Error {
        let mine = |key: &Key| *key == Table::Credential.at(&self.me.path);
        match &error {
            CommitError::Conflict { key, .. }
                if self.footing.as_ref().is_some_and(|footing| mine(key) || footing.has(key)) =>
            {
                Error::BadToken { path: self.me.path.clone() }
            }
            CommitError::Conflict { key, .. } if *key == Table::Node.at(&self.me.path) => {
                Error::Fenced { path: self.me.path.clone(), id: self.me.id }
            }
            CommitError::Conflict { key, .. } => match Table::Closed.path_of(key) {
                Some(at) => Error::Closed { path: self.me.path.clone(), at },
                None => error.into(),
            },
            _ => error.into(),
        }
    }
}
