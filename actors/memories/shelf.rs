//! What a process knows of memories beside their rows: what lists and searches go by, read from the store when somebody asks
//! for the first time, and kept up by whoever writes.
//!
//! ```text
//!   rows --read once--> entries --what a list needs          a writer --after its commit--> entries
//!     '----read once--> words   --what a search needs                                   '--> pending --next search--> words
//! ```
//!
//! It proposes and the rows decide: an answer is made of rows, and what has none any more is forgotten here. So nothing that is
//! missed costs more than a memory that is not found until the next process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use understory_paths::AgentPath;
use understory_store::{Memory, MemoryId, MemoryRank, MemoryUse, Scope, Store, Table, Time, Version};

use super::MemoryKey;
use super::query::{MemoryCursor, MemoryQuery, MemoryView, Traits};
use super::words::{Slots, Words};
use crate::error::Error;
use crate::lock::Lock;

/// How many rows are read at a time.
const PAGE: usize = 512;
/// How many locks those share who write at one path.
const WRITERS: usize = 64;
/// How many changes wait for the next search at the most; then the words are brought up to date without one.
const PENDING_MAX: usize = 1024;

/// Held, by whoever adds a memory and by its commit, while nobody else adds one at the same place.
pub(super) type Writing = Arc<OwnedMutexGuard<()>>;

/// What became of a memory.
pub(super) enum Change {
    /// It was written, by this commit.
    Written { key: MemoryKey, memory: Memory, version: Version },
    /// It was used.
    Used { key: MemoryKey, used: MemoryUse },
    /// It is gone.
    Gone { key: MemoryKey },
}

/// What is known.
pub(crate) struct Shelf {
    state: Lock<State>,
    /// Held by whoever reads rows.
    reading: tokio::sync::Mutex<()>,
    /// What searches go by. Held only where waiting is allowed, and never while `state` is.
    words: Lock<Option<Words>>,
    writers: [Arc<tokio::sync::Mutex<()>>; WRITERS],
}

#[derive(Default)]
struct State {
    entries: Option<Entries>,
    /// What happened while the entries were read.
    meanwhile: Option<Vec<Change>>,
    /// What the words do not know yet; nothing while there are no words, and none are made.
    pending: Option<Vec<Pending>>,
    /// Whether the words are there.
    worded: bool,
}

/// What the words are to be told.
enum Pending {
    Put(u32, String),
    Take(u32),
}

/// Memories by where they lie: a subtree is one range.
#[derive(Default)]
struct Entries {
    places: BTreeMap<AgentPath, BTreeMap<MemoryId, Entry>>,
    slots: HashMap<u32, MemoryKey>,
    next: u32,
}

/// What is known of one memory.
struct Entry {
    /// What the words call it. A text that is written anew has another one.
    slot: u32,
    version: Version,
    scope: Scope,
    author: Option<AgentPath>,
    tags: Box<[Box<str>]>,
    at: Time,
    written: Time,
    tainted: bool,
    uses: u64,
    used_at: Option<Time>,
}

/// A memory that was found, before its row is read.
pub(super) struct Found {
    pub(super) key: MemoryKey,
    pub(super) rank: MemoryRank,
    pub(super) used_at: Option<Time>,
}

impl Default for Shelf {
    fn default() -> Self {
        let writers = std::array::from_fn(|_| Arc::default());
        Shelf { state: Lock::default(), reading: tokio::sync::Mutex::default(), words: Lock::default(), writers }
    }
}

impl Shelf {
    /// Waits until nobody else adds a memory at `place`: how many there are holds until this is dropped.
    pub(super) async fn writing(&self, place: &AgentPath) -> Writing {
        let sum = place.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Arc::new(self.writers[sum % WRITERS].clone().lock_owned().await)
    }

    /// How many memories lie at a path, if that is known.
    pub(super) fn count(&self, place: &AgentPath) -> Option<usize> {
        let state = self.state.lock();
        Some(state.entries.as_ref()?.places.get(place).map_or(0, BTreeMap::len))
    }

    /// Whether anything is known of memories, or being read.
    pub(super) fn is_read(&self) -> bool {
        let state = self.state.lock();
        state.entries.is_some() || state.meanwhile.is_some()
    }

    /// Learns what became of memories. Tells whether so much waits for the next search that somebody should [`Shelf::settle`].
    pub(super) fn learn(&self, changes: Vec<Change>) -> bool {
        let mut state = self.state.lock();
        for change in changes {
            match (&mut state.meanwhile, change) {
                (Some(meanwhile), change) => meanwhile.push(change),
                (None, change) => state.apply(change),
            }
        }
        state.worded && state.pending.as_ref().is_some_and(|pending| pending.len() >= PENDING_MAX)
    }

    /// Forgets what lay at and below a path that was removed.
    pub(crate) fn forget_below(&self, top: &AgentPath) {
        let gone: Vec<Change> = {
            let state = self.state.lock();
            let entries = state.entries.iter().flat_map(|entries| entries.below(top));
            entries.map(|(place, id, _)| Change::Gone { key: MemoryKey { place: place.clone(), id } }).collect()
        };
        self.learn(gone);
    }

    /// Reads what lists go by, unless that is known.
    pub(super) async fn read(&self, store: &Store) -> Result<(), Error> {
        let _reading = self.reading.lock().await;
        if self.state.lock().entries.is_some() {
            return Ok(());
        }
        // From here on changes wait: whatever they are, the rows that are read now may have them already.
        self.state.lock().meanwhile = Some(Vec::new());
        let read = Entries::read(store).await;
        let mut state = self.state.lock();
        let meanwhile = state.meanwhile.take().unwrap_or_default();
        state.entries = Some(read?);
        meanwhile.into_iter().for_each(|change| state.apply(change));
        Ok(())
    }

    /// Reads what searches go by, unless that is known.
    pub(super) async fn read_words(&self, store: &Store) -> Result<(), Error> {
        self.read(store).await?;
        let _reading = self.reading.lock().await;
        if self.state.lock().worded {
            return Ok(());
        }
        self.state.lock().pending = Some(Vec::new());
        match self.fill_words(store).await {
            Ok(words) => {
                *self.words.lock() = Some(words);
                self.state.lock().worded = true;
                Ok(())
            }
            Err(error) => {
                self.state.lock().pending = None;
                Err(error)
            }
        }
    }

    /// The first of a list, `limit` at most, in its order.
    pub(super) fn listed(&self, query: &MemoryQuery, role: Option<&str>, limit: usize) -> Vec<Found> {
        let state = self.state.lock();
        let Some(entries) = &state.entries else { return Vec::new() };
        let behind = |rank: &MemoryRank| query.after.as_ref().is_none_or(|after| after.precedes(rank));
        let taken = entries.of(&query.view, role).filter(|(.., entry)| query.takes(&entry.traits()));
        let ranked = taken.map(|(place, id, entry)| (entry.rank(id), place, entry));
        let mut found: Vec<_> = ranked.filter(|(rank, ..)| behind(rank)).collect();
        if found.len() > limit {
            found.select_nth_unstable_by(limit, |(one, ..), (other, ..)| query.order.compare(one, other));
            found.truncate(limit);
        }
        found.sort_unstable_by(|(one, ..), (other, ..)| query.order.compare(one, other));
        found.into_iter().map(|(rank, place, entry)| entry.found(rank, place)).collect()
    }

    /// Those that fit what is asked best, `limit` at most, the best first. Waits for others that search.
    pub(super) fn searched(&self, query: &MemoryQuery, role: Option<&str>, limit: usize) -> Result<Vec<Found>, Error> {
        let asked = query.text.as_deref().unwrap_or_default();
        let all = query.view == MemoryView::Below(AgentPath::root()) && !query.narrows();
        let within = (!all).then(|| Arc::new(self.slots_of(query, role)));
        self.settle()?;
        let hits = match &*self.words.lock() {
            Some(words) => words.search(asked, query.all_words, within, limit).map_err(broken)?,
            None => Vec::new(),
        };
        let state = self.state.lock();
        let Some(entries) = &state.entries else { return Ok(Vec::new()) };
        let found = |(score, slot): &(f32, u32)| {
            let key = entries.slots.get(slot)?;
            let entry = entries.places.get(&key.place)?.get(&key.id)?;
            Some((*score, entry.found(entry.rank(key.id), &key.place)))
        };
        let mut found: Vec<(f32, Found)> = hits.iter().filter_map(found).collect();
        found.sort_by(|(one, a), (other, b)| other.total_cmp(one).then_with(|| a.rank.cmp(&b.rank)));
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    /// Brings the words up to date. Waits for others that search.
    pub(super) fn settle(&self) -> Result<(), Error> {
        let mut words = self.words.lock();
        let Some(known) = words.as_mut() else { return Ok(()) };
        let pending = self.state.lock().pending.as_mut().map(std::mem::take).unwrap_or_default();
        let told = pending.iter().try_for_each(|pending| match pending {
            Pending::Put(slot, text) => known.put(*slot, text),
            Pending::Take(slot) => {
                known.take_out(*slot);
                Ok(())
            }
        });
        if let Err(error) = told.and_then(|()| known.settle()) {
            // Made again by the next search.
            *words = None;
            let mut state = self.state.lock();
            (state.pending, state.worded) = (None, false);
            return Err(broken(error));
        }
        Ok(())
    }

    /// How many memories are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.state.lock().entries.as_ref().map_or(0, |entries| entries.places.values().map(BTreeMap::len).sum())
    }

    fn slots_of(&self, query: &MemoryQuery, role: Option<&str>) -> Slots {
        let (state, mut slots) = (self.state.lock(), Slots::default());
        for (.., entry) in state.entries.iter().flat_map(|entries| entries.of(&query.view, role)) {
            if query.takes(&entry.traits()) {
                slots.add(entry.slot);
            }
        }
        slots
    }

    /// Reads all texts. What is written meanwhile is pending.
    async fn fill_words(&self, store: &Store) -> Result<Words, Error> {
        let mut words = Words::new().map_err(broken)?;
        let mut rows = store.pages(Table::Memory.all(), PAGE);
        while let Some(page) = rows.peek::<Memory>().await? {
            let texts: Vec<(u32, String)> = {
                let state = self.state.lock();
                let slot = |key: &MemoryKey, version| {
                    let entry = state.entries.as_ref()?.places.get(&key.place)?.get(&key.id)?;
                    (entry.version == version).then_some(entry.slot)
                };
                let text = |row: understory_store::Row<Memory>| {
                    let key = MemoryKey::of(Table::Memory, &row.key)?;
                    Some((slot(&key, row.version)?, row.value.text))
                };
                page.into_iter().filter_map(text).collect()
            };
            let put = move || {
                texts.iter().try_for_each(|(slot, text)| words.put(*slot, text)).map_err(broken)?;
                Ok::<_, Error>(words)
            };
            words = tokio::task::spawn_blocking(put).await.map_err(|_| Error::Stopping)??;
        }
        Ok(words)
    }
}

impl State {
    fn apply(&mut self, change: Change) {
        let Some(entries) = &mut self.entries else { return };
        let mut tell = |pending| {
            if let Some(all) = &mut self.pending {
                all.push(pending);
            }
        };
        match change {
            Change::Written { key, memory, version } => {
                if entries.get(&key).is_some_and(|entry| entry.version >= version) {
                    return;
                }
                let (slot, before) = entries.put(&key, &memory, version);
                before.into_iter().for_each(|slot| tell(Pending::Take(slot)));
                tell(Pending::Put(slot, memory.text));
            }
            Change::Used { key, used } => {
                if let Some(entry) = entries.get_mut(&key) {
                    (entry.uses, entry.used_at) = (used.uses, Some(used.used_at));
                }
            }
            Change::Gone { key } => entries.take(&key).into_iter().for_each(|slot| tell(Pending::Take(slot))),
        }
    }
}

impl Entries {
    async fn read(store: &Store) -> Result<Self, Error> {
        let mut entries = Entries::default();
        let mut rows = store.pages(Table::Memory.all(), PAGE);
        while let Some(page) = rows.peek::<Memory>().await? {
            for row in page {
                if let Some(key) = MemoryKey::of(Table::Memory, &row.key) {
                    entries.put(&key, &row.value, row.version);
                }
            }
        }
        let mut rows = store.pages(Table::MemoryUse.all(), PAGE);
        while let Some(page) = rows.peek::<MemoryUse>().await? {
            for row in page {
                let key = MemoryKey::of(Table::MemoryUse, &row.key);
                if let Some(entry) = key.and_then(|key| entries.get_mut(&key)) {
                    (entry.uses, entry.used_at) = (row.value.uses, Some(row.value.used_at));
                }
            }
        }
        Ok(entries)
    }

    fn get(&self, key: &MemoryKey) -> Option<&Entry> {
        self.places.get(&key.place)?.get(&key.id)
    }

    fn get_mut(&mut self, key: &MemoryKey) -> Option<&mut Entry> {
        self.places.get_mut(&key.place)?.get_mut(&key.id)
    }

    /// Puts a memory in; gives back its slot, and the one it had before.
    fn put(&mut self, key: &MemoryKey, memory: &Memory, version: Version) -> (u32, Option<u32>) {
        let (slot, before) = (self.next, self.take_entry(key));
        self.next += 1;
        let entry = Entry {
            slot,
            version,
            scope: memory.scope.clone(),
            author: memory.author.as_ref().map(|author| author.path.clone()),
            tags: memory.tags.iter().map(|tag| tag.as_str().into()).collect(),
            at: memory.at,
            written: memory.written_at(),
            tainted: memory.tainted,
            uses: before.as_ref().map_or(0, |before| before.uses),
            used_at: before.as_ref().and_then(|before| before.used_at),
        };
        self.slots.insert(slot, key.clone());
        self.places.entry(key.place.clone()).or_default().insert(key.id, entry);
        (slot, before.map(|before| before.slot))
    }

    fn take(&mut self, key: &MemoryKey) -> Option<u32> {
        self.take_entry(key).map(|entry| entry.slot)
    }

    fn take_entry(&mut self, key: &MemoryKey) -> Option<Entry> {
        let place = self.places.get_mut(&key.place)?;
        let entry = place.remove(&key.id);
        if place.is_empty() {
            self.places.remove(&key.place);
        }
        if let Some(entry) = &entry {
            self.slots.remove(&entry.slot);
        }
        entry
    }

    fn of<'a>(
        &'a self,
        view: &'a MemoryView,
        role: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = (&'a AgentPath, MemoryId, &'a Entry)> + 'a> {
        match view {
            MemoryView::Below(top) => Box::new(self.below(top)),
            MemoryView::SeenBy(who) => {
                let places = std::iter::once(who.clone()).chain(who.ancestors());
                let places = places.filter_map(|place| self.places.get_key_value(&place));
                let all = places.flat_map(|(place, all)| all.iter().map(move |(id, entry)| (place, *id, entry)));
                Box::new(all.filter(move |(place, _, entry)| entry.scope.reaches(place, who, role)))
            }
        }
    }

    fn below<'a>(&'a self, top: &'a AgentPath) -> impl Iterator<Item = (&'a AgentPath, MemoryId, &'a Entry)> + 'a {
        let places = self.places.range::<AgentPath, _>(top..).take_while(move |(place, _)| top.contains(place));
        places.flat_map(|(place, all)| all.iter().map(move |(id, entry)| (place, *id, entry)))
    }
}

impl Entry {
    fn rank(&self, id: MemoryId) -> MemoryRank {
        MemoryRank { uses: self.uses, last: self.used_at.unwrap_or(self.written), id }
    }

    fn traits(&self) -> Traits<'_> {
        let Entry { scope, author, tags, at, tainted, .. } = self;
        Traits { scope, author: author.as_ref(), tags, at: *at, tainted: *tainted }
    }

    fn found(&self, rank: MemoryRank, place: &AgentPath) -> Found {
        Found { key: MemoryKey { place: place.clone(), id: rank.id }, rank, used_at: self.used_at }
    }
}

impl Found {
    /// The place behind it in a list.
    pub(super) fn cursor(&self, query: &MemoryQuery) -> MemoryCursor {
        MemoryCursor { order: query.order, rank: self.rank }
    }
}

fn broken(error: tantivy::TantivyError) -> Error {
    Error::Index(Arc::new(error))
}
