//! One drain: what was read for it, what it changes, and what it expects.

use std::collections::{BTreeMap, HashMap};

use understory_paths::AgentPath;
use understory_store::{Draft, Node, Pointer, Row, Store, StoreError, Table, Time};

use super::{Answer, Request};
use crate::error::Error;
use crate::limits::Limits;

/// A drain closes at this many writes: few enough to be a part of one sync.
const WRITES_MAX: usize = 512;
/// A drain closes at this many payload bytes.
const BYTES_MAX: usize = 1 << 20;
/// How many counts are remembered between drains.
const COUNTS_MAX: usize = 100_000;

/// Open agents below each path, as last committed. The registrar alone writes them.
#[derive(Default)]
pub(super) struct Counts(HashMap<AgentPath, u64>);

impl Counts {
    pub(super) fn learn(&mut self, counts: BTreeMap<AgentPath, u64>) {
        if self.0.len() + counts.len() > COUNTS_MAX {
            self.0.clear();
        }
        self.0.extend(counts);
    }
}

/// One drain in the making.
pub(super) struct Plan<'a> {
    pub(super) store: &'a Store,
    pub(super) limits: &'a Limits,
    pub(super) now: Time,
    pub(super) draft: Draft,
    known: &'a Counts,
    counts: BTreeMap<AgentPath, u64>,
    nodes: HashMap<AgentPath, Option<Row<Node>>>,
    closed: HashMap<AgentPath, bool>,
    nicknames: HashMap<(AgentPath, String), bool>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(store: &'a Store, limits: &'a Limits, now: Time, known: &'a Counts) -> Self {
        Plan {
            store,
            limits,
            now,
            draft: Draft::new(),
            known,
            counts: BTreeMap::new(),
            nodes: HashMap::new(),
            closed: HashMap::new(),
            nicknames: HashMap::new(),
        }
    }

    /// Whether another request surely fits the same commit.
    pub(super) fn has_room(&self, request: &Request) -> bool {
        let (writes, bytes) = request.weight();
        self.draft.writes() + self.counts.len() + writes <= WRITES_MAX && self.draft.bytes() + bytes <= BYTES_MAX
    }

    /// Takes a request in, or refuses it and leaves the plan as it was.
    pub(super) async fn admit(&mut self, request: &Request) -> Result<Answer, Error> {
        match request {
            Request::Spawn { births, by, tool } => self.spawn(births, by.as_ref(), tool.as_ref()).await,
            Request::CreateJob { path, job, spec } => self.create_job(path, job, spec).await,
            Request::Close { path } => self.close(path).await,
            Request::Resume { path } => self.resume(path).await,
        }
    }

    /// The commit, and the counts as they are once it is durable.
    pub(super) fn finish(mut self) -> (Draft, BTreeMap<AgentPath, u64>) {
        for (path, count) in &self.counts {
            match count {
                0 => self.draft.delete(Table::Count.at(path)),
                _ => self.draft.put(Table::Count.at(path), count),
            }
        }
        (self.draft, self.counts)
    }

    /// What lies at `path`, as this drain leaves it.
    pub(super) async fn node(&mut self, path: &AgentPath) -> Result<Option<Row<Node>>, StoreError> {
        if let Some(node) = self.nodes.get(path) {
            return Ok(node.clone());
        }
        let row = self.store.peek::<Node>(&Table::Node.at(path)).await?;
        self.nodes.insert(path.clone(), row.clone());
        Ok(row)
    }

    /// Forgets what was read of a node that this drain writes: it is not asked for again before the commit.
    pub(super) fn written(&mut self, path: &AgentPath, row: Row<Node>) {
        self.nodes.insert(path.clone(), Some(row));
    }

    /// Whether this very node is marked closed, as this drain leaves it.
    pub(super) async fn is_closed(&mut self, path: &AgentPath) -> Result<bool, StoreError> {
        if let Some(closed) = self.closed.get(path) {
            return Ok(*closed);
        }
        let closed = self.store.versions(vec![Table::Closed.at(path)]).await?[0].is_some();
        self.closed.insert(path.clone(), closed);
        Ok(closed)
    }

    pub(super) fn mark(&mut self, path: &AgentPath, closed: bool) {
        self.closed.insert(path.clone(), closed);
        match closed {
            true => self.draft.put(Table::Closed.at(path), &()),
            false => self.draft.delete(Table::Closed.at(path)),
        }
    }

    /// Refuses when `path` or an ancestor is closed, naming the one in the way.
    pub(super) async fn demand_open(&mut self, path: &AgentPath) -> Result<(), Error> {
        for at in std::iter::once(path.clone()).chain(path.ancestors()) {
            if self.is_closed(&at).await? {
                return Err(Error::Closed { path: path.clone(), at });
            }
        }
        Ok(())
    }

    /// Open agents below `path`, as this drain leaves it.
    pub(super) async fn count(&mut self, path: &AgentPath) -> Result<u64, StoreError> {
        if let Some(count) = self.counts.get(path).or_else(|| self.known.0.get(path)) {
            return Ok(*count);
        }
        let row = self.store.peek::<u64>(&Table::Count.at(path)).await?;
        Ok(row.map_or(0, |row| row.value))
    }

    pub(super) fn set_count(&mut self, path: &AgentPath, count: u64) {
        self.counts.insert(path.clone(), count);
    }

    /// Whether a nickname is taken below `parent`, as this drain leaves it.
    pub(super) async fn has_nickname(&mut self, parent: &AgentPath, nickname: &str) -> Result<bool, StoreError> {
        let known = (parent.clone(), nickname.to_lowercase());
        if let Some(taken) = self.nicknames.get(&known) {
            return Ok(*taken);
        }
        let key = Table::Nickname.named(parent, known.1.as_bytes());
        let taken = self.store.versions(vec![key]).await?[0].is_some();
        self.nicknames.insert(known, taken);
        Ok(taken)
    }

    pub(super) fn take_nickname(&mut self, parent: &AgentPath, nickname: &str, path: &AgentPath) {
        let known = (parent.clone(), nickname.to_lowercase());
        self.draft.put(Table::Nickname.named(parent, known.1.as_bytes()), &Pointer(path.clone()));
        self.nicknames.insert(known, true);
    }
}
