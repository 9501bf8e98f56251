//! Memories looked for: listed, searched, shown, recalled.

use understory_paths::AgentPath;
use understory_store::{MemoryUse, Row, Table};

use super::query::{MEMORIES_MAX, MemoryQuery, MemoryView};
use super::shelf::Found;
use super::{MemoryKey, MemoryPage, Remembered};
use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::error::Error;
use crate::lasting::Lasting;
use crate::system::{System, node_at};

/// How many of each kind are looked at for what is relevant.
const RELEVANT: usize = 50;

impl System {
    /// The memories that a query asks for. Looking is no use: see [`Turn::recall`](crate::Turn::recall).
    ///
    /// The first list in a process reads all memories, the first search all their texts.
    ///
    /// # Errors
    /// Nothing lies at the path it names, it cannot be asked so, or the store failed.
    pub async fn memories(&self, query: &MemoryQuery) -> Result<MemoryPage, Error> {
        query.demand_good()?;
        let role = match &query.view {
            MemoryView::SeenBy(who) => {
                self.demand_there(who).await?;
                self.role_at(who).await?
            }
            MemoryView::Below(top) => {
                self.demand_there(top).await?;
                None
            }
        };
        match query.text {
            Some(_) => self.search(query, role).await,
            None => self.list_memories(query, role).await,
        }
    }

    /// One memory.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn memory(&self, key: &MemoryKey) -> Result<Remembered, Error> {
        let memory = self.memory_row(key).await?.value;
        let used = self.store.get::<MemoryUse>(&key.uses()).await?.map(|row: Row<MemoryUse>| row.value);
        let (uses, used_at) = used.map_or((0, None), |used| (used.uses, Some(used.used_at)));
        Ok(Remembered { key: key.clone(), memory, uses, used_at })
    }

    /// What an agent sees that has to do with `query`, the best first, and behind that what it sees anyway, the most used first:
    /// as much as has no more than `budget` bytes of text together. It is for telling a brain, and no use.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn relevant_memories(
        &self,
        agent: &AgentPath,
        query: &str,
        budget: usize,
    ) -> Result<Vec<Remembered>, Error> {
        let seen = MemoryQuery { limit: RELEVANT, ..MemoryQuery::of(MemoryView::SeenBy(agent.clone())) };
        // Where nothing was ever noted nothing is read for it, and for who sees none not the words of all the others.
        if self.store.peek_keys(Table::Memory.all(), None, 1).await?.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.memories(&seen).await?.memories;
        if listed.is_empty() {
            return Ok(listed);
        }
        let asked = &query[..query.floor_char_boundary(super::query::ASKED_MAX)];
        let mut all = self.memories(&MemoryQuery { text: Some(asked.to_owned()), ..seen }).await?.memories;
        let others: Vec<_> = listed.into_iter().filter(|other| all.iter().all(|one| one.key != other.key)).collect();
        all.extend(others);
        let mut left = budget;
        all.retain(|one| {
            let fits = one.memory.text.len() <= left;
            left -= if fits { one.memory.text.len() } else { 0 };
            fits
        });
        Ok(all)
    }

    /// What a turn asks for of what it sees. Those that it was not told before are counted as used, by one commit.
    pub(crate) async fn recall(
        &self,
        caller: &Caller,
        query: &MemoryQuery,
        bytes: usize,
        told: impl Fn(&MemoryKey) -> bool,
    ) -> Result<MemoryPage, Error> {
        let me = caller.me();
        authorise(caller, Verb::Remember, &me.path)?;
        let mut page =
            self.memories(&MemoryQuery { view: MemoryView::SeenBy(me.path.clone()), ..query.clone() }).await?;
        page.cut(query, bytes);
        let new = page.memories.iter().map(|one| &one.key).filter(|key| !told(key)).cloned().collect();
        let turn = caller.run().map_or(caller.turn(), |run| run.run.into());
        self.count_uses(new, me.id, Some(turn).filter(|turn| *turn > 0)).await?;
        Ok(page)
    }

    /// One memory, for who sees it or stands above where it lies. Of another's nothing is told.
    pub(crate) async fn memory_for(&self, caller: &Caller, key: &MemoryKey) -> Result<Remembered, Error> {
        let me = &caller.me().path;
        let (one, role) = (self.memory(key).await?, self.role_at(me).await?);
        let sees = one.memory.scope.reaches(&key.place, me, role.as_deref());
        if sees || one.memory.is_of(&key.place, caller.me()) { Ok(one) } else { Err(key.missing()) }
    }

    async fn list_memories(&self, query: &MemoryQuery, role: Option<String>) -> Result<MemoryPage, Error> {
        let system = self.clone();
        Lasting::new(async move { system.shelf.read(&system.store).await }).await?;
        let (system, asked) = (self.clone(), query.clone());
        let list = move || system.shelf.listed(&asked, role.as_deref(), asked.limit + 1);
        let mut found = tokio::task::spawn_blocking(list).await.map_err(|_| Error::Stopping)?;
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|last| last.cursor(query));
        Ok(MemoryPage { memories: self.read_found(found).await?, next })
    }

    async fn search(&self, query: &MemoryQuery, role: Option<String>) -> Result<MemoryPage, Error> {
        let system = self.clone();
        Lasting::new(async move { system.shelf.read_words(&system.store).await }).await?;
        let (system, asked) = (self.clone(), query.clone());
        let search = move || system.shelf.searched(&asked, role.as_deref(), asked.limit);
        let found = tokio::task::spawn_blocking(search).await.map_err(|_| Error::Stopping)??;
        Ok(MemoryPage { memories: self.read_found(found).await?, next: None })
    }

    /// The rows of what was found. What is not there any more is forgotten.
    async fn read_found(&self, found: Vec<Found>) -> Result<Vec<Remembered>, Error> {
        debug_assert!(found.len() <= MEMORIES_MAX, "a page is bounded");
        let mut memories = Vec::with_capacity(found.len());
        for Found { key, rank, used_at } in found {
            match self.memory_row(&key).await {
                Ok(row) => memories.push(Remembered { key, memory: row.value, uses: rank.uses, used_at }),
                Err(Error::NoMemory { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(memories)
    }

    async fn demand_there(&self, path: &AgentPath) -> Result<(), Error> {
        match node_at(&self.store, path).await? {
            Some(_) => Ok(()),
            None => Err(self.missing(path).await),
        }
    }
}

impl MemoryPage {
    /// Leaves out what is over so many bytes of text, but the first; the next page begins there.
    fn cut(&mut self, query: &MemoryQuery, bytes: usize) {
        let mut left = bytes;
        let fit = self.memories.iter().take_while(|one| {
            let text = one.memory.text.len();
            let fits = text <= left;
            left = left.saturating_sub(text);
            fits
        });
        let fit = fit.count().max(1);
        if fit < self.memories.len() {
            self.memories.truncate(fit);
            let last = self.memories.last().filter(|_| query.text.is_none());
            self.next = last.map(|last| last.cursor(query));
        }
    }
}

impl Remembered {
    fn cursor(&self, query: &MemoryQuery) -> super::MemoryCursor {
        let rank = understory_store::MemoryRank {
            uses: self.uses,
            last: self.used_at.unwrap_or(self.memory.written_at()),
            id: self.key.id,
        };
        super::MemoryCursor { order: query.order, rank }
    }
}
