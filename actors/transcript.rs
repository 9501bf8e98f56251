//! Reading a transcript: a page at a time in both directions, from a place that a cursor names.
//!
//! An entry's place is the commit that wrote it and its number there, so it never changes, and none comes between two that
//! were seen.

mod history;
mod import;
mod needs;
mod prune;

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{Direction, EntryKind, InboxKey, Node, Row, Table, Time, TranscriptEntry, keys};

pub use history::{FORK_BYTES_MAX, FORK_ENTRIES_MAX, Fork, HISTORY_BYTES_MAX, History};
pub use import::{IMPORT_BYTES_MAX, IMPORT_ENTRIES_MAX};
pub use needs::Hold;
pub use prune::{PRUNE_NAMED_MAX, PruneReport, PruneRequest};

use crate::error::Error;
use crate::system::{System, node_at};

/// The most entries of one page.
pub const TRANSCRIPT_PAGE_MAX: usize = 500;
/// From how many bytes on a page is full, whatever its entries are; one entry may hold 256 KiB.
pub const TRANSCRIPT_PAGE_BYTES: u64 = 1 << 20;
/// How many entries a page looks through at the most; what it has not come to is behind its cursor.
pub const TRANSCRIPT_SEARCHED_MAX: usize = 100_000;

/// How many entries are read at a time.
const PAGE: usize = 32;

/// Which entries are asked for. One is if everything asked for holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptQuery {
    /// Whose.
    pub of: AgentPath,
    /// Which page.
    pub part: TranscriptPart,
    /// How many, from 1 to [`TRANSCRIPT_PAGE_MAX`].
    pub limit: usize,
    /// Of which kinds; of all if none is named.
    pub kinds: Vec<EntryKind>,
    /// Of which turn; of a job's item, of which run.
    pub turn: Option<u64>,
    /// Not older than this.
    pub within: Option<Duration>,
    /// A part of what it says, or of the tool's name, whatever its case.
    pub text: Option<String>,
}

/// Which page of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptPart {
    /// The oldest.
    First,
    /// The newest.
    Last,
    /// Those behind this place, the next ones first.
    After(InboxKey),
    /// Those before this place, the nearest ones.
    Before(InboxKey),
}

/// A page of a transcript, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptPage {
    /// The entries.
    pub entries: Vec<PlacedEntry>,
    /// What the page of older ones is asked for before; nothing if it is known that there are none.
    pub older: Option<InboxKey>,
    /// What newer ones are asked for after: those there are, and those that come.
    pub newer: InboxKey,
    /// Whether there is more in the direction that was read.
    pub more: bool,
}

/// An entry and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEntry {
    /// The commit that wrote it, and its place in that.
    pub row: InboxKey,
    /// It.
    pub entry: TranscriptEntry,
}

impl TranscriptQuery {
    /// The newest entries of an agent or a job's item.
    pub fn of(of: AgentPath) -> Self {
        let (part, limit) = (TranscriptPart::Last, TRANSCRIPT_PAGE_MAX);
        TranscriptQuery { of, part, limit, kinds: Vec::new(), turn: None, within: None, text: None }
    }

    fn wants(&self, entry: &TranscriptEntry, now: Time) -> bool {
        let has = |text: &str| {
            let said = [Some(entry.text()), entry.tool()];
            said.into_iter().flatten().any(|said| said.to_lowercase().contains(text))
        };
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind()))
            && self.turn.is_none_or(|turn| entry.turn() == Some(turn))
            && self.within.is_none_or(|within| entry.at().until(now) <= within)
            && self.text.as_deref().is_none_or(has)
    }
}

impl System {
    /// A page of the transcript of an agent, or of a job's item whose job keeps some.
    ///
    /// # Errors
    /// Nothing lies at the path, it is a job, or the store failed.
    pub async fn transcript(&self, query: &TranscriptQuery) -> Result<TranscriptPage, Error> {
        self.demand_transcript(&query.of).await?;
        let query = TranscriptQuery { text: query.text.as_ref().map(|text| text.to_lowercase()), ..query.clone() };
        let key = |row: InboxKey| Table::Transcript.below(&query.of).key(row.sequence, row.n);
        let (mut from, direction) = match query.part {
            TranscriptPart::First => (None, Direction::Forward),
            TranscriptPart::After(row) => (Some(key(row)), Direction::Forward),
            TranscriptPart::Last => (None, Direction::Backward),
            TranscriptPart::Before(row) => (Some(key(row)), Direction::Backward),
        };
        let mut reading = Reading::new(&query, self.clock.now());
        while reading.goes_on() {
            let range = Table::Transcript.rows_of(&query.of);
            let rows = self.store.page::<TranscriptEntry>(range, from, direction, PAGE).await?;
            reading.over = rows.len() < PAGE;
            from = rows.last().map(|row| row.key.clone());
            rows.into_iter().for_each(|row| reading.take(row));
        }
        Ok(reading.page(direction))
    }

    /// Refuses what has no transcript.
    pub(crate) async fn demand_transcript(&self, path: &AgentPath) -> Result<Node, Error> {
        match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(node @ Node::Job(_)) => Err(Error::wrong_kind(path, &node, "have a transcript")),
            Some(node) => Ok(node),
            None => Err(self.missing(path).await),
        }
    }
}

/// A page in the making, in the order of reading.
struct Reading<'a> {
    query: &'a TranscriptQuery,
    now: Time,
    limit: usize,
    entries: Vec<PlacedEntry>,
    bytes: u64,
    searched: usize,
    /// The first entry that was looked at, and the last.
    first: Option<InboxKey>,
    last: Option<InboxKey>,
    /// What was read ends where the transcript does.
    over: bool,
    /// The page was full before what was read was at its end.
    cut: bool,
}

impl<'a> Reading<'a> {
    fn new(query: &'a TranscriptQuery, now: Time) -> Self {
        let limit = query.limit.clamp(1, TRANSCRIPT_PAGE_MAX);
        let entries = Vec::new();
        Reading { query, now, limit, entries, bytes: 0, searched: 0, first: None, last: None, over: false, cut: false }
    }

    fn is_full(&self) -> bool {
        let enough = self.entries.len() >= self.limit || self.bytes >= TRANSCRIPT_PAGE_BYTES;
        enough || self.searched >= TRANSCRIPT_SEARCHED_MAX
    }

    fn goes_on(&self) -> bool {
        !self.over && !self.is_full()
    }

    fn take(&mut self, row: Row<TranscriptEntry>) {
        if self.is_full() {
            self.cut = true;
            return;
        }
        let Some(place) = keys::inbox_key(&row.key) else { return };
        self.searched += 1;
        self.first = self.first.or(Some(place));
        self.last = Some(place);
        if self.query.wants(&row.value, self.now) {
            self.bytes += row.value.bytes();
            self.entries.push(PlacedEntry { row: place, entry: row.value });
        }
    }

    fn page(mut self, direction: Direction) -> TranscriptPage {
        let more = self.cut || !self.over;
        let (older, newer) = match self.query.part {
            TranscriptPart::First => (None, self.last.unwrap_or(InboxKey::FIRST)),
            TranscriptPart::After(row) => {
                (self.first.or(Some(InboxKey::after(row.sequence))), self.last.unwrap_or(row))
            }
            TranscriptPart::Last | TranscriptPart::Before(_) => {
                (self.last.filter(|_| more), self.first.unwrap_or(InboxKey::FIRST))
            }
        };
        if direction == Direction::Backward {
            self.entries.reverse();
        }
        TranscriptPage { entries: self.entries, older, newer, more }
    }
}
