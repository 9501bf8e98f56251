//! Many memories forgotten at once: those that nobody used for long, those past a number, or all.
//!
//! They are looked through at and below a path, and forgotten in groups that are a commit each. A memory that is used or written
//! meanwhile stays: its commit demands what was read.

use std::collections::BTreeMap;
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{CommitError, Draft, Memory, MemoryId, MemoryRank, MemoryUse, Row, Table, Version, keys};

use super::shelf::Change;
use super::{MemoryKey, Remembered};
use crate::error::Error;
use crate::lasting::Lasting;
use crate::system::{System, node_at};

/// How many memories are told one by one when many are forgotten.
pub const FORGOTTEN_SHOWN_MAX: usize = 100;
/// How many rows are read at a time.
const PAGE: usize = 256;
/// The most writes of one commit: a long memory takes three, and its uses one.
const WRITES: usize = 512;
/// The most writes that it takes to forget one.
const EACH: usize = 4;

/// Which memories are forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// Those neither used nor written for so long.
    pub idle: Option<Duration>,
    /// All but so many, the most used of those that are left.
    pub keep: Option<usize>,
    /// Only what would be forgotten is asked.
    pub dry_run: bool,
}

/// What was forgotten, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many were looked at.
    pub seen: usize,
    /// How many of them.
    pub forgotten: usize,
    /// How long their texts were together, in bytes.
    pub bytes: u64,
    /// The first of them, those that are worth most: at most [`FORGOTTEN_SHOWN_MAX`].
    pub shown: Vec<Remembered>,
}

/// A memory that may be forgotten.
struct Candidate {
    key: MemoryKey,
    rank: MemoryRank,
    version: Version,
    bytes: usize,
}

impl System {
    /// Forgets the memories at and below a path that nobody used for long, or that are past a number. With neither it forgets
    /// none.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed: what was forgotten before stays so.
    pub async fn forget_unused(&self, top: &AgentPath, unused: Unused) -> Result<Forgotten, Error> {
        let now = self.clock.now();
        let mut all = self.candidates(top).await?;
        let seen = all.len();
        let idle = |one: &Candidate| unused.idle.is_some_and(|idle| one.rank.is_unused(idle, now));
        all.sort_by_key(|one| (idle(one), one.rank));
        let fresh = all.iter().take_while(|one| !idle(one)).count();
        all.drain(..unused.keep.map_or(fresh, |keep| keep.min(fresh)));
        self.forget_all(all, seen, unused.dry_run).await
    }

    /// Forgets every memory at and below a path; the marks of those who read what nobody vouches for stay.
    ///
    /// # Errors
    /// As for [`System::forget_unused`].
    pub async fn reset_memories(&self, top: &AgentPath, dry_run: bool) -> Result<Forgotten, Error> {
        let mut all = self.candidates(top).await?;
        all.sort_by_key(|one| one.rank);
        let seen = all.len();
        self.forget_all(all, seen, dry_run).await
    }

    /// The memories at and below a path.
    async fn candidates(&self, top: &AgentPath) -> Result<Vec<Candidate>, Error> {
        if node_at(&self.store, top).await?.is_none() {
            return Err(self.missing(top).await);
        }
        let mut uses = BTreeMap::<(AgentPath, MemoryId), MemoryUse>::new();
        let mut rows = self.store.pages(Table::MemoryUse.subtree(top), PAGE);
        while let Some(page) = rows.next::<MemoryUse>().await? {
            let key = |row: Row<MemoryUse>| {
                Some(((Table::MemoryUse.path_of(&row.key)?, keys::memory_id(&row.key)?), row.value))
            };
            uses.extend(page.into_iter().filter_map(key));
        }
        let mut all = Vec::new();
        let mut rows = self.store.pages(Table::Memory.subtree(top), PAGE);
        while let Some(page) = rows.next::<Memory>().await? {
            for row in page {
                let Some(key) = MemoryKey::of(Table::Memory, &row.key) else { continue };
                let rank = row.value.rank(key.id, uses.get(&(key.place.clone(), key.id)));
                all.push(Candidate { key, rank, version: row.version, bytes: row.value.text.len() });
            }
        }
        Ok(all)
    }

    async fn forget_all(&self, all: Vec<Candidate>, seen: usize, dry_run: bool) -> Result<Forgotten, Error> {
        let mut report = Forgotten { seen, ..Forgotten::default() };
        for one in all.iter().take(FORGOTTEN_SHOWN_MAX) {
            match self.memory(&one.key).await {
                Ok(one) => report.shown.push(one),
                Err(Error::NoMemory { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for group in all.chunks(WRITES / EACH) {
            let gone = match dry_run {
                true => group.iter().map(|one| (one.key.clone(), one.bytes)).collect(),
                false => self.forget_group(group).await?,
            };
            report.forgotten += gone.len();
            report.bytes += gone.iter().map(|(_, bytes)| *bytes as u64).sum::<u64>();
        }
        report.shown.retain(|_| report.forgotten > 0);
        Ok(report)
    }

    /// Forgets those of a group that are as they were read. If one is not, each is tried by itself.
    async fn forget_group(&self, group: &[Candidate]) -> Result<Vec<(MemoryKey, usize)>, Error> {
        let gone = self.forget_together(group).await?;
        if gone.is_some() || group.len() == 1 {
            return Ok(gone.unwrap_or_default());
        }
        let mut all = Vec::new();
        for one in group.chunks(1) {
            all.extend(self.forget_together(one).await?.unwrap_or_default());
        }
        Ok(all)
    }

    async fn forget_together(&self, group: &[Candidate]) -> Result<Option<Vec<(MemoryKey, usize)>>, Error> {
        let (mut draft, mut gone) = (Draft::new(), Vec::new());
        for one in group {
            let row = self.store.peek::<Memory>(&one.key.row()).await?.filter(|row| row.version == one.version);
            let used = self.store.peek::<MemoryUse>(&one.key.uses()).await?;
            let Some(row) = row else { continue };
            if row.value.rank(one.key.id, used.as_ref().map(|used| &used.value)) != one.rank {
                continue;
            }
            draft.expect(&row);
            draft.remove(&row);
            match &used {
                Some(used) => {
                    draft.expect(used);
                    draft.remove(used);
                }
                None => draft.expect_absent(one.key.uses()),
            }
            gone.push((one.key.clone(), one.bytes));
        }
        if gone.is_empty() {
            return Ok(Some(gone));
        }
        let system = self.clone();
        let forget = async move {
            match system.store.commit(draft).await {
                Ok(_) => {
                    system.learn(gone.iter().map(|(key, _)| Change::Gone { key: key.clone() }).collect()).await;
                    Ok(Some(gone))
                }
                Err(CommitError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        Lasting::new(forget).await
    }
}
