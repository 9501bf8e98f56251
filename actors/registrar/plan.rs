//! One drain: what was read for it, what it changes, and what it expects.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use understory_paths::AgentPath;
use understory_store::{Draft, Key, Mark, Node, Pointer, Row, Store, StoreError, Table, Time};

use super::bounds::{Bounds, Known};
use super::naming::Places;
use super::{Answer, Request};
use crate::error::Error;
use crate::goals::{Arrival, Book, Claim};
use crate::limits::Limits;
use crate::role::Roles;

/// A drain closes at this many writes: few enough to be a part of one sync.
pub(super) const WRITES_MAX: usize = 512;
/// A drain closes at this many payload bytes.
const BYTES_MAX: usize = 1 << 20;
/// How many counts are remembered between drains.
const COUNTS_MAX: usize = 100_000;

/// What the registrar knows as last committed, which it alone writes.
#[derive(Default)]
pub(super) struct Counts {
    /// Open agents below each path.
    open: HashMap<AgentPath, u64>,
    pub(super) places: Places,
    pub(super) bounds: Known,
    /// It is known that there is no tombstone in the store.
    no_tombstones: bool,
}

impl Counts {
    pub(super) fn new(no_tombstones: bool) -> Self {
        Counts { no_tombstones, ..Counts::default() }
    }

    /// A drain was committed.
    pub(super) fn learn(&mut self, left: Left, now: Time) {
        let Left { counts, places, bounds, removed, goals, arrivals, .. } = left;
        goals.into_iter().for_each(Claim::keep);
        arrivals.into_iter().for_each(Arrival::keep);
        if self.open.len() + counts.len() > COUNTS_MAX {
            self.open.clear();
        }
        self.open.extend(counts);
        self.places.learn(places);
        self.bounds.learn(bounds, now);
        if let Some(Some(_)) = removed {
            // Who comes to a path below it has nothing of what was there.
            self.forget();
        }
    }

    /// A drain was refused: what is known may have been ahead of the store.
    pub(super) fn forget(&mut self) {
        self.open.clear();
        self.places = Places::default();
        self.bounds.forget();
        self.no_tombstones = false;
    }
}

/// What a drain leaves behind, by where it lies: what those that are made before it is durable go by.
#[derive(Default)]
pub(super) struct Left {
    pub(super) counts: BTreeMap<AgentPath, u64>,
    pub(super) bounds: Bounds,
    pub(super) nodes: HashMap<AgentPath, Option<Row<Node>>>,
    closed: HashMap<AgentPath, Option<Mark>>,
    nicknames: HashMap<(AgentPath, String), bool>,
    pub(super) places: Places,
    /// The goals of those it creates.
    pub(super) goals: Vec<Claim>,
    /// Those of subtrees that are imported.
    pub(super) arrivals: Vec<Arrival>,
    /// The jobs that commands have made, by the keys of their fingerprints.
    commands: HashMap<Key, AgentPath>,
    /// Open agents below `/root` before it.
    open: u64,
    /// It deletes a part of a subtree; with the top of it, if that goes, too.
    removed: Option<Option<AgentPath>>,
}

/// One drain in the making.
pub(super) struct Plan<'a> {
    pub(super) store: &'a Store,
    pub(super) limits: &'a Limits,
    pub(super) roles: &'a Roles,
    pub(super) goals: &'a Arc<Book>,
    pub(super) now: Time,
    pub(super) draft: Draft,
    pub(super) known: &'a Counts,
    pub(super) before: Option<&'a Left>,
    pub(super) left: Left,
}

impl Left {
    /// It was committed.
    pub(super) fn keep_goals(self) {
        self.goals.into_iter().for_each(Claim::keep);
        self.arrivals.into_iter().for_each(Arrival::keep);
    }

    /// Whether a commit that rests on the count below `/root` as this drain leaves it is refused when the drain is.
    pub(super) fn bears(&self) -> bool {
        // What is deleted is known by the store alone.
        self.removed.is_none()
            && self.counts.get(&AgentPath::root()).is_some_and(|open| *open != self.open && *open > 0)
    }
}

impl<'a> Plan<'a> {
    /// A drain that goes by what `before` leaves, which is not durable yet, and then by the store.
    pub(super) fn new(
        store: &'a Store,
        (limits, roles, goals): (&'a Limits, &'a Roles, &'a Arc<Book>),
        now: Time,
        known: &'a Counts,
        before: Option<&'a Left>,
    ) -> Self {
        Plan { store, limits, roles, goals, now, draft: Draft::new(), known, before, left: Left::default() }
    }

    /// Whether another request surely fits the same commit.
    pub(super) fn has_room(&self, request: &Request) -> bool {
        if self.left.removed.is_some() {
            return false;
        }
        let (writes, bytes) = request.weight();
        self.draft.writes() + self.left.counts.len() + writes <= WRITES_MAX && self.draft.bytes() + bytes <= BYTES_MAX
    }

    /// Takes a request in, or refuses it and leaves the plan as it was.
    pub(super) async fn admit(&mut self, request: &Request) -> Result<Answer, Error> {
        match request {
            Request::Spawn { births, by, tool } => self.spawn(births, by.as_ref(), tool.as_ref()).await,
            Request::CreateJob { path, job, spec, limits, fresh, beside } => {
                let answer = self.create_job(path, job, spec, *limits, *fresh).await?;
                if let (Answer::Done(true), Some(beside)) = (&answer, beside) {
                    self.draft.absorb((**beside).clone());
                }
                Ok(answer)
            }
            Request::Close { path, by } => {
                let answer = self.close(path).await?;
                self.witness(by.as_ref());
                Ok(answer)
            }
            Request::Resume { path, bounded, by } => {
                let answer = self.resume(path, *bounded).await?;
                self.witness(by.as_ref());
                Ok(answer)
            }
            Request::Remove { path, mark } => self.remove(path, *mark).await,
            Request::RemoveBatch { top } => self.remove_batch(top).await,
            Request::Import { import, node, open, newest } => self.import(import, node, *open, *newest).await,
            Request::ImportRows { import, rows } => self.import_rows(import, rows).await,
            Request::ImportEnd { import } => self.import_end(import).await,
        }
    }

    /// The commit, and what it leaves. It rests on the drain before, if that is under way.
    pub(super) async fn finish(mut self) -> Result<(Draft, Left), StoreError> {
        let root = AgentPath::root();
        if let Some(open) = self.before.and_then(|before| before.counts.get(&root)) {
            self.draft.expect_held(Table::Count.at(&root), open);
            self.left.open = *open;
        } else if self.left.counts.contains_key(&root) {
            self.left.open = self.open_at(&root).await?;
        }
        for (path, count) in &self.left.counts {
            match count {
                0 => self.draft.delete(Table::Count.at(path)),
                _ => self.draft.put(Table::Count.at(path), count),
            }
        }
        Ok((self.draft, self.left))
    }

    /// What lies at `path`, as this drain leaves it.
    pub(super) async fn node(&mut self, path: &AgentPath) -> Result<Option<Row<Node>>, StoreError> {
        let before = self.before.and_then(|before| before.nodes.get(path));
        if let Some(node) = self.left.nodes.get(path).or(before) {
            return Ok(node.clone());
        }
        let row = self.store.peek::<Node>(&Table::Node.at(path)).await?;
        self.left.nodes.insert(path.clone(), row.clone());
        Ok(row)
    }

    /// Forgets what was read of a node that this drain writes: it is not asked for again before the commit.
    pub(super) fn written(&mut self, path: &AgentPath, row: Row<Node>) {
        self.left.nodes.insert(path.clone(), Some(row));
    }

    /// Whether this very node is marked closed, as this drain leaves it.
    pub(super) async fn is_closed(&mut self, path: &AgentPath) -> Result<bool, StoreError> {
        Ok(self.mark_at(path).await?.is_some())
    }

    /// The mark of this very node, as this drain leaves it.
    pub(super) async fn mark_at(&mut self, path: &AgentPath) -> Result<Option<Mark>, StoreError> {
        let before = self.before.and_then(|before| before.closed.get(path));
        if let Some(mark) = self.left.closed.get(path).or(before) {
            return Ok(*mark);
        }
        let mark = self.store.peek::<Mark>(&Table::Closed.at(path)).await?.map(|row| row.value);
        self.left.closed.insert(path.clone(), mark);
        Ok(mark)
    }

    pub(super) fn mark(&mut self, path: &AgentPath, mark: Option<Mark>) {
        self.left.closed.insert(path.clone(), mark);
        match mark {
            Some(mark) => self.draft.put(Table::Closed.at(path), &mark),
            None => self.draft.delete(Table::Closed.at(path)),
        }
    }

    /// Notes that a part of a subtree is deleted, up to its `top` perhaps: nothing else is in the commit behind it, and
    /// nothing rests on it.
    pub(super) fn note_removal(&mut self, top: Option<&AgentPath>) {
        self.left.removed = Some(top.cloned());
    }

    pub(super) fn may_have_tombstones(&self) -> bool {
        !self.known.no_tombstones
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
        match self.left.counts.get(path) {
            Some(count) => Ok(*count),
            None => self.open_at(path).await,
        }
    }

    /// Open agents below `path`, as the drain before leaves it.
    async fn open_at(&self, path: &AgentPath) -> Result<u64, StoreError> {
        let before = self.before.and_then(|before| before.counts.get(path));
        if let Some(count) = before.or_else(|| self.known.open.get(path)) {
            return Ok(*count);
        }
        let row = self.store.peek::<u64>(&Table::Count.at(path)).await?;
        Ok(row.map_or(0, |row| row.value))
    }

    pub(super) fn set_count(&mut self, path: &AgentPath, count: u64) {
        self.left.counts.insert(path.clone(), count);
    }

    /// Whether a nickname is taken below `parent`, as this drain leaves it.
    pub(super) async fn has_nickname(&mut self, parent: &AgentPath, nickname: &str) -> Result<bool, StoreError> {
        let known = (parent.clone(), nickname.to_lowercase());
        let before = self.before.and_then(|before| before.nicknames.get(&known));
        if let Some(taken) = self.left.nicknames.get(&known).or(before) {
            return Ok(*taken);
        }
        let key = Table::Nickname.named(parent, known.1.as_bytes());
        let taken = self.store.versions(vec![key]).await?[0].is_some();
        self.left.nicknames.insert(known, taken);
        Ok(taken)
    }

    /// The job that a command has made, if it is still there, as this drain leaves it.
    pub(super) async fn made_by(&mut self, command: &Key) -> Result<Option<AgentPath>, StoreError> {
        let before = self.before.and_then(|before| before.commands.get(command));
        let path = match self.left.commands.get(command).or(before) {
            Some(path) => Some(path.clone()),
            None => self.store.peek::<Pointer>(command).await?.map(|row| row.value.0),
        };
        let Some(path) = path else { return Ok(None) };
        Ok(self.node(&path).await?.map(|_| path))
    }

    pub(super) fn note_command(&mut self, command: Key, path: &AgentPath) {
        self.draft.put(command.clone(), &Pointer(path.clone()));
        self.left.commands.insert(command, path.clone());
    }

    pub(super) fn free_nickname(&mut self, parent: &AgentPath, nickname: &str) {
        let known = (parent.clone(), nickname.to_lowercase());
        self.draft.delete(Table::Nickname.named(parent, known.1.as_bytes()));
        self.left.nicknames.insert(known, false);
    }

    pub(super) fn take_nickname(&mut self, parent: &AgentPath, nickname: &str, path: &AgentPath) {
        let known = (parent.clone(), nickname.to_lowercase());
        self.draft.put(Table::Nickname.named(parent, known.1.as_bytes()), &Pointer(path.clone()));
        self.left.nicknames.insert(known, true);
    }
}
