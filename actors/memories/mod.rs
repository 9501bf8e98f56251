//! Memories: what agents note for themselves and each other, and find again.
//!
//! ```text
//!   remember --redacted--> row at the place of its scope --after the commit--> shelf: entries, words
//!   recall   --shelf proposes--> rows are read --> answered, and counted in a row beside each
//!   forget, edit, removal of the agent --> the row; the shelf hears of it, or finds it gone
//! ```
//!
//! | scope | lies at | is seen by |
//! |---|---|---|
//! | agent | its author | its author |
//! | subtree | its author | its author and all below |
//! | role | `/root` | all of that role |
//! | tree | `/root` | all |
//!
//! An agent writes for itself and its subtree, and for all unless its role forbids that or it read what nobody vouches for. It
//! changes and forgets what it or one below it wrote. Hosts and operators are not asked.

mod counting;
mod looking;
mod query;
mod shelf;
mod trust;
mod unused;
mod words;
mod writing;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use understory_paths::AgentPath;
use understory_store::{Key, Memory, MemoryId, Scope, Table, Time, keys};

pub(crate) use counting::Tally;
pub use query::{MEMORIES_MAX, MemoryCursor, MemoryOrder, MemoryQuery, MemoryView};
pub(crate) use shelf::Shelf;
pub use trust::{Marked, Shares, TAINT_MAX};
pub use unused::{FORGOTTEN_SHOWN_MAX, Forgotten, Unused};

use crate::error::Error;
use crate::limits::TEXT_MAX;
use crate::redaction::redact;

/// The longest memory in bytes, without the secrets in it. Not settable: stores agree.
pub const MEMORY_MAX: usize = 8 << 10;
/// The most tags of one memory.
pub const TAGS_MAX: usize = 16;
/// The longest tag in bytes: ASCII letters, digits and `_ . - / :`.
pub const TAG_MAX: usize = 64;

/// Which memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryKey {
    /// Where it lies.
    pub place: AgentPath,
    /// Which one it is.
    pub id: MemoryId,
}

/// Something to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it says.
    pub text: String,
    /// Who sees it.
    pub scope: Scope,
    /// What it is found by beside its words.
    pub tags: BTreeSet<String>,
}

/// A change of a memory: what it does not name stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryEdit {
    /// What it says.
    pub text: Option<String>,
    /// All its tags.
    pub tags: Option<BTreeSet<String>>,
    /// Whether somebody vouches for it, who is no agent: the mark of what nobody vouches for is taken away.
    pub trusted: bool,
}

/// What became of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which memory it is.
    pub key: MemoryKey,
    /// How many secrets were taken out of it.
    pub redacted: usize,
    /// False: the turn had noted it before, in an attempt that was cut short.
    pub new: bool,
}

/// A memory, and how often it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Which.
    pub key: MemoryKey,
    /// It.
    pub memory: Memory,
    /// How often it was recalled.
    pub uses: u64,
    /// When last.
    pub used_at: Option<Time>,
}

/// A page of memories, or what a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryPage {
    /// They.
    pub memories: Vec<Remembered>,
    /// Behind what the next page begins; nothing if this is the last, or a search.
    pub next: Option<MemoryCursor>,
}

impl MemoryKey {
    /// The key of its row.
    fn row(&self) -> Key {
        keys::memory(&self.place, self.id)
    }

    /// The key of what it was used.
    fn uses(&self) -> Key {
        keys::memory_use(&self.place, self.id)
    }

    /// The memory that the key of its row, or of what it was used, names.
    fn of(table: Table, key: &Key) -> Option<Self> {
        Some(MemoryKey { place: table.path_of(key)?, id: keys::memory_id(key)? })
    }

    fn missing(&self) -> Error {
        Error::NoMemory { key: self.clone() }
    }
}

impl fmt::Display for MemoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.place, self.id)
    }
}

impl FromStr for MemoryKey {
    type Err = Error;

    /// Reads what a list calls it: `PATH@ID`, the path absolute or below `/root`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let unread =
            || Error::BadMemory { what: format!("{text:?}"), rule: "names no memory: PATH@ID, as a list has it" };
        let (place, id) = text.split_once('@').ok_or_else(unread)?;
        Ok(MemoryKey { place: AgentPath::root().resolve(place)?, id: id.parse().map_err(|_| unread())? })
    }
}

/// What a memory is to say, as it may be kept, and how many secrets were taken out of it.
pub(crate) fn cleaned(text: &str) -> Result<(String, usize), Error> {
    let too_long = |bytes, max| Error::TooLong { what: "memory", bytes, max };
    if text.len() > TEXT_MAX {
        return Err(too_long(text.len(), MEMORY_MAX));
    }
    let redacted = redact(text.trim());
    match redacted.text.len() {
        0 => Err(Error::BadMemory { what: "memory".to_owned(), rule: "says nothing" }),
        bytes if bytes > MEMORY_MAX => Err(too_long(bytes, MEMORY_MAX)),
        _ => Ok((redacted.text, redacted.found)),
    }
}

/// Refuses tags that are none, or too many.
fn demand_tags(tags: &BTreeSet<String>) -> Result<(), Error> {
    if tags.len() > TAGS_MAX {
        return Err(Error::BadMemory {
            what: format!("{} tags", tags.len()),
            rule: "are more than the 16 of a memory",
        });
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':');
    let good = |tag: &&String| (1..=TAG_MAX).contains(&tag.len()) && tag.chars().all(plain) && redact(tag).found == 0;
    match tags.iter().find(|tag| !good(tag)) {
        None => Ok(()),
        Some(tag) => Err(Error::BadMemory {
            what: format!("tag {:?}", redact(tag).text),
            rule: "must be 1 to 64 of letters, digits, _ . - / and :, and no secret",
        }),
    }
}
