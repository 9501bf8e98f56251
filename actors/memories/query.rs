//! What is asked of memories: which, in what order, from where.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use understory_paths::AgentPath;
use understory_store::{MemoryId, MemoryRank, Scope, Time};

use crate::error::Error;

/// The most memories of one page or search.
pub const MEMORIES_MAX: usize = 200;
/// The longest question that memories are searched by, in bytes.
pub(super) const ASKED_MAX: usize = 4 << 10;

/// Whose memories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryView {
    /// Those that lie at and below a path; all, for `/root`.
    Below(AgentPath),
    /// Those that an agent, or a run of a job's row, sees: its own, those for subtrees it lies in, its role's and the tree's.
    SeenBy(AgentPath),
}

/// Which memories, and in what order. What is not said holds of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryQuery {
    /// Whose.
    pub view: MemoryView,
    /// Words that they have, which fit best first; without any they are listed.
    pub text: Option<String>,
    /// Whether they have all of the words, not just any.
    pub all_words: bool,
    /// Their scopes by their words: agent, subtree, role, tree.
    pub scopes: Vec<String>,
    /// Those for this role only.
    pub role: Option<String>,
    /// Those that an agent at or below this path wrote.
    pub by: Option<AgentPath>,
    /// Tags that they have, each of them.
    pub tags: BTreeSet<String>,
    /// Those written then or later.
    pub since: Option<Time>,
    /// Those written earlier.
    pub before: Option<Time>,
    /// Those whose author had read what nobody vouches for, or had not.
    pub tainted: Option<bool>,
    /// In which order they are listed.
    pub order: MemoryOrder,
    /// Behind what a page of the list begins.
    pub after: Option<MemoryCursor>,
    /// How many, at most [`MEMORIES_MAX`].
    pub limit: usize,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryOrder {
    /// The most used first, of those the latest used or written.
    #[default]
    Rank,
    /// The newest first.
    Newest,
}

/// Where a page of a list begins. Its text is for giving back, not for reading; it stays good while memories come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryCursor {
    pub(super) order: MemoryOrder,
    pub(super) rank: MemoryRank,
}

/// What a query goes by of one memory.
pub(super) struct Traits<'a> {
    pub(super) scope: &'a Scope,
    pub(super) author: Option<&'a AgentPath>,
    pub(super) tags: &'a [Box<str>],
    pub(super) at: Time,
    pub(super) tainted: bool,
}

impl MemoryQuery {
    /// All of a view.
    pub fn of(view: MemoryView) -> Self {
        MemoryQuery {
            view,
            text: None,
            all_words: false,
            scopes: Vec::new(),
            role: None,
            by: None,
            tags: BTreeSet::new(),
            since: None,
            before: None,
            tainted: None,
            order: MemoryOrder::default(),
            after: None,
            limit: MEMORIES_MAX,
        }
    }

    /// Refuses what cannot be asked.
    pub(super) fn demand_good(&self) -> Result<(), Error> {
        let (bytes, max) = (self.text.as_ref().map_or(0, String::len), ASKED_MAX);
        if bytes > max {
            return Err(Error::TooLong { what: "question", bytes, max });
        }
        let words = ["agent", "subtree", "role", "tree"];
        if let Some(scope) = self.scopes.iter().find(|scope| !words.contains(&scope.as_str())) {
            return Err(Error::BadQuery(format!("no scope {scope:?}; there are {}", words.join(", "))));
        }
        if self.limit == 0 || self.limit > MEMORIES_MAX {
            return Err(Error::BadQuery(format!("a page has 1 to {MEMORIES_MAX} memories, not {}", self.limit)));
        }
        match (&self.after, &self.text) {
            (Some(_), Some(_)) => Err(Error::BadQuery("a search has no pages: ask for more words".to_owned())),
            (Some(after), None) if after.order != self.order => {
                Err(Error::BadQuery("the cursor is of a list in another order".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Whether it asks for something that not every memory of its view is.
    pub(super) fn narrows(&self) -> bool {
        let MemoryQuery { scopes, role, by, tags, since, before, tainted, .. } = self;
        let some = role.is_some() || by.is_some() || since.is_some() || before.is_some() || tainted.is_some();
        some || !scopes.is_empty() || !tags.is_empty()
    }

    /// Whether a memory of its view is one that it asks for.
    pub(super) fn takes(&self, of: &Traits<'_>) -> bool {
        let scope = self.scopes.is_empty() || self.scopes.iter().any(|scope| scope == of.scope.as_str());
        let role = match (&self.role, of.scope) {
            (None, _) => true,
            (Some(role), Scope::Role(name)) => role == name,
            (Some(_), _) => false,
        };
        let by = self.by.as_ref().is_none_or(|by| of.author.is_some_and(|author| by.contains(author)));
        let since = self.since.is_none_or(|since| since <= of.at) && self.before.is_none_or(|before| of.at < before);
        let tagged = self.tags.iter().all(|tag| of.tags.iter().any(|has| **has == **tag));
        scope && role && by && since && tagged && self.tainted.is_none_or(|tainted| tainted == of.tainted)
    }
}

impl MemoryOrder {
    /// Which of two is listed first.
    pub(super) fn compare(self, one: &MemoryRank, other: &MemoryRank) -> std::cmp::Ordering {
        match self {
            MemoryOrder::Rank => one.cmp(other),
            MemoryOrder::Newest => other.id.cmp(&one.id),
        }
    }
}

impl MemoryCursor {
    /// Whether a memory is listed behind this place.
    pub(super) fn precedes(&self, rank: &MemoryRank) -> bool {
        self.order.compare(&self.rank, rank).is_lt()
    }
}

impl fmt::Display for MemoryCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemoryRank { uses, last, id } = self.rank;
        match self.order {
            MemoryOrder::Rank => write!(f, "r{uses:x}.{:x}.{id}", last.0),
            MemoryOrder::Newest => write!(f, "n{id}"),
        }
    }
}

impl FromStr for MemoryCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let parsed = match text.split_at_checked(1)? {
                ("n", id) => {
                    let rank = MemoryRank { uses: 0, last: Time(0), id: id.parse().ok()? };
                    MemoryCursor { order: MemoryOrder::Newest, rank }
                }
                ("r", rest) => {
                    let mut parts = rest.splitn(3, '.');
                    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
                    let (uses, last) = (number()?, Time(number()?));
                    let id: MemoryId = parts.next()?.parse().ok()?;
                    MemoryCursor { order: MemoryOrder::Rank, rank: MemoryRank { uses, last, id } }
                }
                _ => return None,
            };
            // What parses in another spelling was not given by a list.
            (parsed.to_string() == text).then_some(parsed)
        };
        parse().ok_or_else(|| Error::BadQuery(format!("{text:?} is no cursor: take one from a page before")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_nothing_else_is_one() {
        let id = MemoryId::from_u128(7);
        for (order, uses, last) in
            [(MemoryOrder::Rank, 0, 0), (MemoryOrder::Rank, 10, u64::MAX), (MemoryOrder::Newest, 0, 0)]
        {
            let cursor = MemoryCursor { order, rank: MemoryRank { uses, last: Time(last), id } };
            assert_eq!(cursor.to_string().parse::<MemoryCursor>().unwrap(), cursor);
        }
        for bad in
            ["", "n", "nx", "r1.2", "r01.2.x", &format!("r01.2.{id}"), &format!("x{id}"), &format!("r-1.2.{id}"), "é"]
        {
            let error = bad.parse::<MemoryCursor>().unwrap_err().to_string();
            assert_eq!(error, format!("{bad:?} is no cursor: take one from a page before"));
        }
    }
}
