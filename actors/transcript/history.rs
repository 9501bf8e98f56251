//! What an agent's transcript is as a conversation: the brain's context, its own or a child's.
//!
//! Both are the same reading from the newest entry on, within bounds: what is over them, the oldest, is left out and counted.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use understory_paths::AgentPath;
use understory_store::{Compaction, EntryKind, InboxKey, Row, Said, Speaker, Table, Time, TranscriptEntry, TurnResult};

use super::{PAGE, TRANSCRIPT_SEARCHED_MAX};
use crate::error::Error;
use crate::system::System;
use crate::tools::{ToolError, Tools};

/// The most bytes of a conversation that a child begins with; the oldest are left out.
pub const FORK_BYTES_MAX: u64 = 1 << 20;
/// The most entries of it: with the lines that wait they fit the commit that creates the child.
pub const FORK_ENTRIES_MAX: usize = 192;
/// The most bytes of a history that a turn asks for.
pub const HISTORY_BYTES_MAX: u64 = 16 << 20;

/// How much of its parent's conversation a child begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fork {
    /// Nothing.
    #[default]
    None,
    /// All of it.
    All,
    /// From the so many-th last turn on that somebody's words began.
    Last(u32),
}

impl FromStr for Fork {
    type Err = Error;

    fn from_str(text: &str) -> Result<Fork, Error> {
        match text {
            "none" => Ok(Fork::None),
            "all" => Ok(Fork::All),
            number => match number.parse() {
                Ok(turns @ 1..) => Ok(Fork::Last(turns)),
                _ => Err(Error::BadQuery(format!("a fork is none, all or a number of turns, not {text:?}"))),
            },
        }
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fork::None => f.write_str("none"),
            Fork::All => f.write_str("all"),
            Fork::Last(turns) => write!(f, "{turns}"),
        }
    }
}

/// A conversation, the oldest words first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// They.
    pub said: Vec<Said>,
    /// What there was before them: by the transcript's own account, and what the bounds left out.
    pub left_out: Compaction,
}

/// What is read of a transcript as a conversation.
struct Bounds {
    /// Only turns before this one.
    before: Option<u64>,
    bytes: u64,
    entries: usize,
    turns: Option<u32>,
}

/// A conversation in the making, the newest words first.
struct Listening {
    bounds: Bounds,
    said: Vec<Said>,
    bytes: u64,
    /// Turns begun by somebody's words, and the last that was counted.
    turns: u32,
    turn: Option<u64>,
    /// Messages heard: those that an interrupted turn left for the next are there twice.
    seen: HashSet<(Time, String)>,
    interrupted: Option<u64>,
    left_out: Compaction,
    /// A bound was reached: everything older is left out.
    full: bool,
}

impl System {
    /// What a child of `parent` begins with.
    pub(crate) async fn forked(&self, parent: &AgentPath, fork: Fork) -> Result<Vec<TranscriptEntry>, Error> {
        let turns = match fork {
            Fork::None => return Ok(Vec::new()),
            Fork::All => None,
            Fork::Last(turns) => Some(turns),
        };
        self.demand_transcript(parent).await?;
        let bounds = Bounds { before: None, bytes: FORK_BYTES_MAX, entries: FORK_ENTRIES_MAX, turns };
        let History { mut said, left_out } = self.conversation(parent, bounds).await?;
        if turns.is_some() {
            let first = said.iter().position(|said| said.speaker == Speaker::User).unwrap_or(said.len());
            said.drain(..first);
        }
        let left_out = (turns.is_none() && left_out.entries > 0).then_some(TranscriptEntry::Compacted(left_out));
        Ok(left_out.into_iter().chain(said.into_iter().map(TranscriptEntry::Said)).collect())
    }

    async fn conversation(&self, of: &AgentPath, bounds: Bounds) -> Result<History, Error> {
        let mut listening = Listening::new(bounds, self.clock.now());
        let mut pages = self.store.pages(Table::Transcript.rows_of(of), PAGE).backward();
        let mut searched = 0;
        while searched < TRANSCRIPT_SEARCHED_MAX
            && !listening.is_done()
            && let Some(rows) = pages.next::<TranscriptEntry>().await?
        {
            searched += rows.len();
            rows.into_iter().for_each(|row| listening.hear(row));
        }
        Ok(listening.history())
    }
}

impl Tools {
    /// See [`Turn::history`](crate::Turn::history).
    pub(crate) async fn history(&self, bytes: u64) -> Result<History, ToolError> {
        let bytes = bytes.min(HISTORY_BYTES_MAX);
        let turn = self.caller().run().map_or(self.caller().turn(), |run| run.run.into());
        let before = (turn > 0).then_some(turn);
        let bounds = Bounds { before, bytes, entries: usize::MAX, turns: None };
        Ok(self.system().conversation(&self.me().path, bounds).await?)
    }
}

impl Listening {
    fn new(bounds: Bounds, now: Time) -> Self {
        let (said, seen, left_out) = (Vec::new(), HashSet::new(), Compaction::none(now));
        Listening { bounds, said, bytes: 0, turns: 0, turn: None, seen, interrupted: None, left_out, full: false }
    }

    /// Whether nothing older matters.
    fn is_done(&self) -> bool {
        self.full && self.bounds.turns.is_some()
    }

    fn hear(&mut self, row: Row<TranscriptEntry>) {
        let entry = row.value;
        if let TranscriptEntry::Compacted(_) = &entry {
            self.left_out = self.left_out.clone().and(&entry, InboxKey::FIRST);
            return;
        }
        if let TranscriptEntry::Answer { turn, result: TurnResult::Interrupted, .. } = &entry {
            self.interrupted = Some(*turn);
        }
        let running = self.bounds.before.is_some_and(|before| entry.turn().is_some_and(|turn| turn >= before));
        let Some(said) = entry.spoken().filter(|_| !running) else { return };
        if entry.kind() == EntryKind::Message {
            let known = !self.seen.insert((said.at, said.text.clone()));
            if known && entry.turn() == self.interrupted {
                return;
            }
        }
        let bytes = self.bytes + said.text.len() as u64;
        self.full = self.full || bytes > self.bounds.bytes || self.said.len() >= self.bounds.entries;
        self.full = self.full || self.is_before_turns(&said, entry.turn());
        if self.full {
            self.left_out = self.left_out.clone().and(&TranscriptEntry::Said(said), InboxKey::FIRST);
            return;
        }
        self.bytes = bytes;
        self.said.push(said);
    }

    /// Counts a turn, and says whether it is one too many.
    fn is_before_turns(&mut self, said: &Said, turn: Option<u64>) -> bool {
        let begins = said.speaker == Speaker::User && (turn.is_none() || turn != self.turn);
        if begins {
            self.turn = turn;
            self.turns = self.turns.saturating_add(1);
        }
        self.bounds.turns.is_some_and(|turns| self.turns > turns)
    }

    fn history(mut self) -> History {
        self.said.reverse();
        History { said: self.said, left_out: self.left_out }
    }
}
