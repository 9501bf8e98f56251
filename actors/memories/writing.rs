//! Memories written, written anew and forgotten, one by one.

use std::collections::BTreeSet;

use understory_paths::AgentPath;
use understory_store::{
    AgentId, AgentRef, CommitError, Direction, Draft, Memory, MemoryId, MemoryUse, Node, Row, Scope, Table, ToolUse,
    TranscriptEntry, Version,
};

use super::shelf::{Change, Writing};
use super::{MemoryEdit, MemoryKey, Note, Noted, cleaned, demand_tags};
use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::error::Error;
use crate::lasting::Lasting;
use crate::system::{System, node_at};

/// How many memories at a path are counted by their keys each time; where there are more, the shelf is read.
const COUNTED_MAX: usize = 1024;
/// How many memories of its place, the newest, a turn that is run again looks through for what it noted before.
const LOOKED_BACK: usize = 256;

/// By whom a memory is written, and what is known of him.
struct Written<'a> {
    caller: &'a Caller,
    /// The commit that his directory is at, as far as he knows.
    commit: Option<String>,
    tainted: bool,
}

impl System {
    /// Writes a memory for a host or operator: at `at`, for the scopes `agent` and `subtree`; at `/root` for the others. Secrets
    /// are taken out of it first.
    ///
    /// # Errors
    /// Nothing lies at the path or it is being removed, the role is not known, the text or a tag is no good, or there are too many
    /// memories.
    pub async fn note(&self, at: &AgentPath, note: Note) -> Result<Noted, Error> {
        let (note, redacted) = self.judged(note)?;
        let place = note.scope.place(at);
        let writing = self.shelf.writing(&place).await;
        loop {
            let Some(node) = self.store.get::<Node>(&Table::Node.at(&place)).await? else {
                return Err(self.missing(&place).await);
            };
            self.demand_room(&place).await?;
            let mut draft = Draft::new();
            expect_node(&mut draft, &node, &place);
            self.expect_no_removal(&place, &mut draft).await?;
            let (key, memory) = self.fresh(&place, node.value.id(), &note, None);
            let _ = draft.create(key.row(), &memory);
            match self.keep(draft, &key, Some(memory), Some(&writing)).await {
                Ok(_) => return Ok(Noted { key, redacted, new: true }),
                // A turn, a close, a removal: whatever it was, it is seen now.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes a memory of a turn. One that the turn noted before, in an attempt that was cut short, is the answer again.
    pub(crate) async fn remember(&self, caller: &Caller, note: Note, tool: Option<ToolUse>) -> Result<Noted, Error> {
        let me = caller.me();
        authorise(caller, Verb::Remember, &me.path)?;
        let (note, redacted) = self.judged(note)?;
        let place = note.scope.place(&me.path);
        let writing = self.shelf.writing(&place).await;
        loop {
            if let Some(key) = self.noted_before(caller, &place, &note).await? {
                return Ok(Noted { key, redacted, new: false });
            }
            let trust = self.trust_of(caller).await?;
            trust.demand_may_write(caller, &note.scope)?;
            self.demand_room(&place).await?;
            let mut draft = Draft::new();
            caller.fence(&mut draft);
            trust.expect(&mut draft);
            let of = self.owner(&place, me, &mut draft).await?;
            let commit = self.directory(&me.path).await?.and_then(|known| known.commit().map(str::to_owned));
            let written = Written { caller, commit, tainted: trust.is_tainted() };
            let (key, memory) = self.fresh(&place, of, &note, Some(written));
            let _ = draft.create(key.row(), &memory);
            transcribe(&mut draft, caller, tool.clone());
            match self.keep(draft, &key, Some(memory), Some(&writing)).await {
                Ok(_) => return Ok(Noted { key, redacted, new: true }),
                // A mark came or went.
                Err(CommitError::Conflict { key, .. }) if Table::Taint.path_of(&key).is_some() => {}
                Err(error) => return Err(caller.explain(error)),
            }
        }
    }

    /// Writes a memory anew for a host or operator. Its uses stay.
    ///
    /// # Errors
    /// It is not there or is being removed, or the text or a tag is no good.
    pub async fn edit_memory(&self, key: &MemoryKey, edit: &MemoryEdit) -> Result<Noted, Error> {
        self.rewrite(key, edit, None, None).await
    }

    /// Writes a memory anew that the caller, or one below it, wrote.
    pub(crate) async fn edit_memory_for(
        &self,
        caller: &Caller,
        key: &MemoryKey,
        edit: &MemoryEdit,
        tool: Option<ToolUse>,
    ) -> Result<Noted, Error> {
        self.rewrite(key, edit, Some(caller), tool).await
    }

    /// Forgets a memory.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn forget_memory(&self, key: &MemoryKey) -> Result<(), Error> {
        loop {
            let row = self.memory_row(key).await?;
            let mut draft = Draft::new();
            forget(&mut draft, &row, key);
            match self.keep(draft, key, None, None).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Forgets a memory that the caller, or one below it, wrote.
    pub(crate) async fn forget_memory_for(
        &self,
        caller: &Caller,
        key: &MemoryKey,
        tool: Option<ToolUse>,
    ) -> Result<(), Error> {
        loop {
            let row = self.own_memory(caller, key).await?;
            let mut draft = Draft::new();
            caller.fence(&mut draft);
            forget(&mut draft, &row, key);
            transcribe(&mut draft, caller, tool.clone());
            match self.keep(draft, key, None, None).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { key: at, .. }) if at == row.key => {}
                Err(error) => return Err(caller.explain(error)),
            }
        }
    }

    /// The row of a memory.
    pub(super) async fn memory_row(&self, key: &MemoryKey) -> Result<Row<Memory>, Error> {
        match self.store.get::<Memory>(&key.row()).await? {
            Some(row) => Ok(row),
            None => {
                self.shelf.learn(vec![Change::Gone { key: key.clone() }]);
                Err(key.missing())
            }
        }
    }

    /// Commits, and has the shelf know what became of a memory, even if whoever asked is gone by then.
    async fn keep(
        &self,
        draft: Draft,
        key: &MemoryKey,
        memory: Option<Memory>,
        writing: Option<&Writing>,
    ) -> Result<Version, CommitError> {
        let (system, key, writing) = (self.clone(), key.clone(), writing.cloned());
        let keep = async move {
            let _writing = writing;
            let version = system.store.commit(draft).await?;
            let change = match memory {
                Some(memory) => Change::Written { key, memory, version },
                None => Change::Gone { key },
            };
            system.learn(vec![change]).await;
            Ok(version)
        };
        Lasting::new(keep).await
    }

    /// Has the shelf know what became of memories.
    pub(super) async fn learn(&self, changes: Vec<Change>) {
        if self.shelf.learn(changes) {
            let system = self.clone();
            // What fails here is made again by the next search.
            let _ = tokio::task::spawn_blocking(move || system.shelf.settle()).await;
        }
    }

    /// Has the shelf know the memories at and below a path, which came there without it.
    pub(crate) async fn shelve(&self, top: &AgentPath) -> Result<(), Error> {
        if !self.shelf.is_read() {
            return Ok(());
        }
        let mut rows = self.store.pages(Table::Memory.subtree(top), LOOKED_BACK);
        while let Some(page) = rows.peek::<Memory>().await? {
            let change = |row: Row<Memory>| {
                let key = MemoryKey::of(Table::Memory, &row.key)?;
                Some(Change::Written { key, memory: row.value, version: row.version })
            };
            self.learn(page.into_iter().filter_map(change).collect()).await;
        }
        let mut rows = self.store.pages(Table::MemoryUse.subtree(top), LOOKED_BACK);
        while let Some(page) = rows.peek::<MemoryUse>().await? {
            let change = |row: Row<MemoryUse>| {
                let key = MemoryKey::of(Table::MemoryUse, &row.key)?;
                Some(Change::Used { key, used: row.value })
            };
            self.learn(page.into_iter().filter_map(change).collect()).await;
        }
        Ok(())
    }

    async fn rewrite(
        &self,
        key: &MemoryKey,
        edit: &MemoryEdit,
        caller: Option<&Caller>,
        tool: Option<ToolUse>,
    ) -> Result<Noted, Error> {
        let cleaned = edit.text.as_deref().map(cleaned).transpose()?;
        let (text, redacted) = cleaned.map_or((None, 0), |(text, found)| (Some(text), found));
        edit.tags.as_ref().map_or(Ok(()), demand_tags)?;
        loop {
            let mut draft = Draft::new();
            let (row, tainted) = match caller {
                None => {
                    self.expect_no_removal(&key.place, &mut draft).await?;
                    (self.memory_row(key).await?, false)
                }
                Some(caller) => {
                    let row = self.own_memory(caller, key).await?;
                    let trust = self.trust_of(caller).await?;
                    trust.demand_may_write(caller, &row.value.scope)?;
                    caller.fence(&mut draft);
                    trust.expect(&mut draft);
                    transcribe(&mut draft, caller, tool.clone());
                    self.expect_place(&key.place, &mut draft);
                    (row, trust.is_tainted())
                }
            };
            let text = text.clone().unwrap_or_else(|| row.value.text.clone());
            let tags: BTreeSet<String> = edit.tags.clone().unwrap_or_else(|| row.value.tags.clone());
            let mut next = row.value.edit(text, tags, tainted, self.clock.now());
            next.tainted &= !(edit.trusted && caller.is_none());
            let _ = draft.update(&row, &next);
            match self.keep(draft, key, Some(next), None).await {
                Ok(_) => return Ok(Noted { key: key.clone(), redacted, new: false }),
                Err(CommitError::Conflict { key: at, .. })
                    if caller.is_none() || at == row.key || Table::Taint.path_of(&at).is_some() => {}
                Err(error) => {
                    return Err(match caller {
                        Some(caller) => caller.explain(error),
                        None => error.into(),
                    });
                }
            }
        }
    }

    /// A memory that the caller may change. Of another's it is told nothing.
    async fn own_memory(&self, caller: &Caller, key: &MemoryKey) -> Result<Row<Memory>, Error> {
        let row = self.store.peek::<Memory>(&key.row()).await?;
        row.filter(|row| row.value.is_of(&key.place, caller.me())).ok_or_else(|| key.missing())
    }

    fn judged(&self, note: Note) -> Result<(Note, usize), Error> {
        let (text, redacted) = cleaned(&note.text)?;
        demand_tags(&note.tags)?;
        if let Scope::Role(name) = &note.scope {
            self.role(name)?;
        }
        Ok((Note { text, ..note }, redacted))
    }

    async fn demand_room(&self, place: &AgentPath) -> Result<(), Error> {
        let max = usize::try_from(self.limits.memories).unwrap_or(usize::MAX);
        if self.shelf.count(place).is_some_and(|count| count < max) {
            return Ok(());
        }
        let keys = self.store.peek_keys(Table::Memory.rows_of(place), None, max).await?;
        if keys.len() > COUNTED_MAX {
            // From now on they are counted without a look at them.
            let system = self.clone();
            Lasting::new(async move { system.shelf.read(&system.store).await }).await?;
        }
        if keys.len() < max {
            return Ok(());
        }
        let (value, holder) = (self.limits.memories, place.clone());
        let remedy = "forget some, or those that were not used for long (`understory memory forget --unused DAYS`)";
        Err(Error::Limit { limit: "memories", value, holder, remedy })
    }

    /// What a turn that is run again noted of this at its place before.
    async fn noted_before(&self, caller: &Caller, place: &AgentPath, note: &Note) -> Result<Option<MemoryKey>, Error> {
        if caller.attempt() < 2 {
            return Ok(None);
        }
        let range = Table::Memory.rows_of(place);
        let rows = self.store.page::<Memory>(range, None, Direction::Backward, LOOKED_BACK).await?;
        let same = |row: &&Row<Memory>| {
            let Memory { scope, text, author, turn, .. } = &row.value;
            let mine = author.as_ref() == Some(caller.me());
            // A job's row has one run after the other.
            let same_turn = caller.run().is_some() || *turn == Some(caller.turn());
            mine && same_turn && (scope, text) == (&note.scope, &note.text)
        };
        Ok(rows.iter().find(same).and_then(|row| MemoryKey::of(Table::Memory, &row.key)))
    }

    /// Whose place it is that a turn writes at.
    async fn owner(&self, place: &AgentPath, me: &AgentRef, draft: &mut Draft) -> Result<AgentId, Error> {
        if *place == me.path {
            return Ok(me.id);
        }
        let Some(node) = node_at(&self.store, place).await? else { return Err(self.missing(place).await) };
        self.expect_place(place, draft);
        Ok(node.value.id())
    }

    /// Demands that somebody is at a place that is the caller's own, above it, or below it: a removal there begins with a mark,
    /// behind which nothing is written.
    fn expect_place(&self, place: &AgentPath, draft: &mut Draft) {
        draft.expect_present(Table::Node.at(place));
        draft.expect_open(place);
    }

    fn fresh(&self, place: &AgentPath, of: AgentId, note: &Note, by: Option<Written<'_>>) -> (MemoryKey, Memory) {
        let Note { text, scope, tags } = note.clone();
        let turn = |caller: &Caller| caller.run().map_or(caller.turn(), |run| run.run.into());
        let memory = Memory {
            of,
            scope,
            text,
            tags,
            author: by.as_ref().map(|by| by.caller.me().clone()),
            turn: by.as_ref().map(|by| turn(by.caller)).filter(|turn| *turn > 0),
            tainted: by.as_ref().is_some_and(|by| by.tainted),
            commit: by.and_then(|by| by.commit),
            at: self.clock.now(),
            edited_at: None,
        };
        (MemoryKey { place: place.clone(), id: MemoryId::new() }, memory)
    }
}

fn forget(draft: &mut Draft, row: &Row<Memory>, key: &MemoryKey) {
    draft.expect(row);
    draft.remove(row);
    draft.delete(key.uses());
}

/// The root is never removed, and its record may change all the time.
fn expect_node(draft: &mut Draft, node: &Row<Node>, place: &AgentPath) {
    if *place == AgentPath::root() { draft.expect_present(node.key.clone()) } else { draft.expect(node) }
}

fn transcribe(draft: &mut Draft, caller: &Caller, tool: Option<ToolUse>) {
    if let Some(tool) = tool {
        caller.transcribe(draft, &TranscriptEntry::Tool(tool));
    }
}
