//! Removal: a mark for good, then batches from the end of the subtree, its top with its mark and names in the last.
//!
//! ```text
//!   closed --Remove--> removing --RemoveBatch--> ... --RemoveBatch--> a tombstone
//! ```
//!
//! A batch reads what is left and deletes as much as a drain takes, so that nothing else is known of how far it came. From
//! the end of the path order nothing is reached before what lies below it.

use understory_paths::AgentPath;
use understory_store::{
    AgentId, AgentRef, Burial, Direction, Draft, Event, JobSpec, Mark, Node, Pointer, Row, StoreError, Stub, Table,
    Time, Tombstone, keys,
};

use super::Answer;
use super::plan::{Plan, WRITES_MAX};
use crate::error::Error;

/// How many nodes a batch looks at.
const NODES: usize = 256;
/// How many writes a batch keeps for what is kept of the top in other places.
const APART: usize = 24;
/// How many tombstones one removal sweeps: more than it makes.
const SWEPT: usize = 8;
/// How many jobs are looked through at a time for another of the same command.
const JOBS: usize = 256;

/// Deletes in the making, as many as a drain takes.
struct Batch {
    draft: Draft,
    left: usize,
}

impl Batch {
    fn takes(&mut self, stub: &Stub) -> bool {
        // One that is larger than a batch is one of its own.
        let fits = stub.writes() <= self.left || self.draft.is_empty();
        if fits {
            self.left = self.left.saturating_sub(stub.writes());
            self.draft.discard(stub);
        }
        fits
    }
}

impl Plan<'_> {
    /// Says whether a subtree may be removed, and with `mark` has that begin.
    pub(super) async fn remove(&mut self, path: &AgentPath, mark: bool) -> Result<Answer, Error> {
        let row = self.closable(path, "be removed").await?;
        let node = AgentRef::new(path.clone(), row.value.id());
        self.demand_no_item_above(path).await?;
        match self.mark_at(path).await? {
            Some(Mark::Removing) => return Ok(Answer::Removing(node)),
            Some(Mark::Closed | Mark::Importing(_)) => {}
            None => {
                let done = matches!(&row.value, Node::Job(job) if job.state.is_final());
                if !done && !self.is_closed_above(path).await? {
                    return Err(Error::Open { path: path.clone() });
                }
                if mark {
                    let open = self.weight_of(path, &row.value).await?;
                    self.shift_counts(path, open, false).await?;
                    self.note_standing(path, &row.value, false);
                    self.draft.tell(&Event::Closed { path: path.clone() });
                }
            }
        }
        if mark {
            self.draft.expect_present(Table::Node.at(path));
            self.mark(path, Some(Mark::Removing));
        }
        Ok(Answer::Removing(node))
    }

    /// Deletes what a drain takes of a subtree that is being removed; the answer is whether nothing is left of it.
    pub(super) async fn remove_batch(&mut self, top: &AgentRef) -> Result<Answer, Error> {
        let path = &top.path;
        let Some(row) = self.node(path).await?.filter(|row| row.value.id() == top.id) else {
            return Ok(Answer::Done(true));
        };
        if self.mark_at(path).await? != Some(Mark::Removing) {
            return Err(Error::Open { path: path.clone() });
        }
        let nodes = self.store.peek_stubs(Table::Node.subtree(path), Direction::Backward, NODES).await?;
        let mut batch = Batch { draft: Draft::new(), left: WRITES_MAX - APART };
        let done = self.fill(&mut batch, path, &nodes).await?;
        self.draft.expect_held(Table::Closed.at(path), &Mark::Removing);
        self.draft.absorb(batch.draft);
        if done {
            self.bury(top, &row).await?;
        }
        self.note_removal(done.then_some(path));
        Ok(Answer::Done(done))
    }

    /// Takes the tombstone at a path away: something is created there.
    pub(super) async fn unearth(&mut self, path: &AgentPath) -> Result<(), StoreError> {
        if self.may_have_tombstones() {
            let stone = Table::Tombstone.at(path);
            if self.store.versions(vec![stone.clone()]).await?[0].is_some() {
                self.draft.delete(stone);
            }
        }
        Ok(())
    }

    /// Nothing lies at `path`: it never did, or it was removed.
    pub(super) async fn missing(&self, path: &AgentPath) -> Result<Error, StoreError> {
        crate::removal::missing(self.store, self.limits, self.now, path).await
    }

    /// Takes what lies beside the nodes, then the nodes. Whether the top was reached, too.
    async fn fill(&self, batch: &mut Batch, top: &AgentPath, nodes: &[Stub]) -> Result<bool, StoreError> {
        let path_of = |stub: &Stub| Table::Node.path_of(&stub.key).unwrap_or_else(|| top.clone());
        let (Some(last), Some(first)) = (nodes.first().map(path_of), nodes.last().map(path_of)) else {
            return Ok(false);
        };
        let own = [Table::Closed.at(top), Table::Spec.at(top)];
        for table in Table::ALL.into_iter().filter(lies_beside) {
            let rows = self.store.peek_stubs(table.span(&first, &last), Direction::Forward, batch.left + 2).await?;
            for row in rows.iter().filter(|row| !own.contains(&row.key)) {
                if !batch.takes(row) {
                    return Ok(false);
                }
            }
        }
        let top_key = Table::Node.at(top);
        for node in nodes {
            if node.key == top_key {
                let spec = self.store.peek_stubs(Table::Spec.span(top, top), Direction::Forward, 1).await?;
                let all = spec.iter().chain([node]);
                let fits = all.clone().map(Stub::writes).sum::<usize>() <= batch.left;
                return Ok(fits && all.into_iter().all(|row| batch.takes(row)));
            }
            if !batch.takes(node) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// What goes with the top: its mark and its names; what stays is a tombstone.
    async fn bury(&mut self, top: &AgentRef, row: &Row<Node>) -> Result<(), Error> {
        let path = &top.path;
        self.mark(path, None);
        if let Some(parent) = path.parent() {
            match &row.value {
                Node::Agent(agent) => {
                    if let Some(nickname) = &agent.nickname {
                        self.free_nickname(&parent, nickname);
                    }
                }
                Node::Job(_) => self.hand_on_command(&parent, path).await?,
                _ => {}
            }
        }
        self.draft.put(Table::Tombstone.at(path), &Tombstone { id: top.id, at: self.now });
        let newest = self.store.peek_stubs(Table::Burial.all(), Direction::Backward, 1).await?;
        let number = newest.first().and_then(|stub| keys::burial_number(&stub.key)).map_or(0, |number| number + 1);
        self.draft.add(keys::burial(number), &Burial { node: top.clone(), at: self.now });
        self.sweep(number).await?;
        self.draft.tell(&Event::Removed { node: top.clone() });
        Ok(())
    }

    /// Deletes tombstones that are too old, or the oldest of too many. `newest` is the number of the burial being made.
    async fn sweep(&mut self, newest: u64) -> Result<(), StoreError> {
        let burials = self.store.peek_page::<Burial>(Table::Burial.all(), None, SWEPT).await?;
        for row in burials {
            let number = keys::burial_number(&row.key).unwrap_or_default();
            let (Burial { node, at }, max) = (&row.value, self.limits.tombstones);
            if newest - number < max && !is_past(self.limits, *at, self.now) {
                break;
            }
            self.draft.delete(row.key.clone());
            let stone = self.store.peek::<Tombstone>(&Table::Tombstone.at(&node.path)).await?;
            if stone.is_some_and(|stone| stone.value.id == node.id) {
                self.draft.delete(Table::Tombstone.at(&node.path));
            }
        }
        Ok(())
    }

    /// Has the command that made a job lead to the newest other job of it, if there is one.
    async fn hand_on_command(&mut self, owner: &AgentPath, job: &AgentPath) -> Result<(), Error> {
        let Some(spec) = self.store.peek::<JobSpec>(&Table::Spec.at(job)).await? else { return Ok(()) };
        let command = Table::Fingerprint.named(owner, &spec.value.fingerprint);
        let leads = self.store.peek::<Pointer>(&command).await?;
        if leads.is_none_or(|leads| leads.value.0 != *job) {
            return Ok(());
        }
        let mut heir = None::<(AgentId, AgentPath)>;
        let mut jobs = self.store.pages(Table::Spec.beneath(owner), JOBS);
        while let Some(specs) = jobs.peek::<JobSpec>().await? {
            for other in &specs {
                let Some(path) = Table::Spec.path_of(&other.key) else { continue };
                let same = other.value.fingerprint == spec.value.fingerprint && path.parent().as_ref() == Some(owner);
                if same
                    && path != *job
                    && let Some(row) = self.node(&path).await?
                    && heir.as_ref().is_none_or(|(id, _)| *id < row.value.id())
                {
                    heir = Some((row.value.id(), path));
                }
            }
        }
        match heir {
            Some((_, path)) => self.note_command(command, &path),
            None => self.draft.delete(command),
        }
        Ok(())
    }

    async fn is_closed_above(&mut self, path: &AgentPath) -> Result<bool, StoreError> {
        for at in path.ancestors() {
            if self.is_closed(&at).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses what lies below a job's item: it is its run's.
    async fn demand_no_item_above(&mut self, path: &AgentPath) -> Result<(), Error> {
        for at in path.ancestors() {
            if keys::item_number(&at).is_some() && matches!(self.node(&at).await?, Some(row) if is_item(&row)) {
                return Err(Error::WrongKind {
                    path: path.clone(),
                    found: "an agent below a job's item",
                    verb: "be removed",
                });
            }
        }
        Ok(())
    }
}

/// Whether what was removed `at` is not spoken of any more.
pub(crate) fn is_past(limits: &crate::limits::Limits, at: Time, now: Time) -> bool {
    at.after(limits.tombstone_life) <= now
}

fn is_item(row: &Row<Node>) -> bool {
    matches!(row.value, Node::Item(_))
}

/// Whether what belongs to a node lies in the table, beside its record; its long values' parts go with them.
fn lies_beside(table: &Table) -> bool {
    !matches!(table, Table::Node | Table::Chunk | Table::Tombstone | Table::Burial)
}
