//! Retention: the oldest entries of transcripts are taken out, by their age or to keep a subtree within so many bytes.
//!
//! ```text
//!   [compacted] a b c d e f g     --a commit of at most so many writes-->     [compacted: .. + c] d e f g
//!    '---- goes ----'  '- stays
//! ```
//!
//! What goes is always the beginning of a transcript. The last entry that goes makes room for the record of what went, in the
//! same commit, so that a transcript says at any moment what it lacks. Asking again goes on; nothing else is known of it.
//!
//! The agent's digest is kept before that, with all that goes, so that it is told of ever after. The commit that takes entries out
//! rests on what says that nobody needs them: a goal that is activated and a job that is opened again meanwhile make it void.

use std::collections::BTreeMap;
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{
    CommitError, Compaction, Digest, Draft, InboxKey, Mark, Node, Row, Table, Time, TranscriptEntry, Version, keys,
};

use super::needs::{Hold, Needs};
use crate::error::Error;
use crate::system::{System, half_at, node_at};

/// How many transcripts a report names that were left alone.
pub const PRUNE_NAMED_MAX: usize = 100;

/// How many entries are read at a time: each may hold 256 KiB.
const PAGE: usize = 64;
/// From how many writes on a commit is full; one entry more may be 65.
const WRITES_MAX: usize = 448;
/// How many stretches of commits the sizes of entries are added up in.
const STRETCHES: usize = 4096;

/// What is to be taken out of the transcripts of a subtree. Of the two that are given, either is enough for an entry to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneRequest {
    /// The top.
    pub top: AgentPath,
    /// Entries older than this.
    pub older_than: Option<Duration>,
    /// The oldest entries of all, until those that are left have no more bytes than this together.
    pub keep_bytes: Option<u64>,
    /// Only what would go is asked.
    pub dry_run: bool,
}

/// What was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Transcripts that lack more than before.
    pub transcripts: u64,
    /// Entries taken out.
    pub entries: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// Transcripts that were left alone though there was something to take out, the first 100 of them, and why.
    pub held: Vec<(AgentPath, Hold)>,
    /// How many those are.
    pub held_total: u64,
}

/// What goes.
#[derive(Clone, Copy)]
struct Cut {
    /// Nothing that is newer: it came while it was pruned.
    through: Version,
    /// What is from before this moment.
    before: Option<Time>,
    /// What was written before this commit.
    below: Version,
}

/// How much the commits of a stretch wrote, for as many stretches as there is room for.
#[derive(Default)]
struct Sizes {
    width: u32,
    stretches: BTreeMap<Version, u64>,
}

impl System {
    /// Takes the oldest entries out of the transcripts at and below `top`, as asked. What stays in any case: the entries of
    /// an agent's last turn and of one under way, those since the nearest goal at or above it was set while that is active, whole
    /// transcripts of whom somebody waits for, and of rows of a job that is not finished. What goes is in the agent's digest from
    /// before on.
    ///
    /// # Errors
    /// Nothing lies at the path, nothing was asked, or the store failed: what was taken out by then is.
    pub async fn prune(&self, request: &PruneRequest) -> Result<PruneReport, Error> {
        let PruneRequest { top, older_than, keep_bytes, dry_run } = request;
        if node_at(&self.store, top).await?.is_none() {
            return Err(self.missing(top).await);
        }
        if older_than.is_none() && keep_bytes.is_none() {
            return Err(Error::BadQuery("an age or a size says which entries go".to_owned()));
        }
        let through = self.store.last();
        let now = self.clock.now();
        let before =
            older_than.map(|age| Time(now.0.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))));
        let below = match keep_bytes {
            Some(bytes) => self.sizes_below(top).await?.cut(*bytes),
            None => 0,
        };
        let (cut, mut report, mut range) =
            (Cut { through, before, below }, PruneReport::default(), Table::Transcript.subtree(top));
        while let Some(key) = self.store.peek_keys(range.clone(), None, 1).await?.pop() {
            let Some(path) = Table::Transcript.path_of(&key) else { break };
            self.prune_one(&path, cut, *dry_run, &mut report).await?;
            range.start = std::ops::Bound::Included(Table::Transcript.behind_rows(&path));
        }
        Ok(report)
    }

    /// How much lies in the transcripts of a subtree, by when it was written.
    async fn sizes_below(&self, top: &AgentPath) -> Result<Sizes, Error> {
        let mut sizes = Sizes::default();
        let mut pages = self.store.pages(Table::Transcript.subtree(top), PAGE);
        while let Some(rows) = pages.peek::<TranscriptEntry>().await? {
            for row in rows {
                // What is gone has no size.
                if let (Some(place), false) =
                    (keys::inbox_key(&row.key), matches!(row.value, TranscriptEntry::Compacted(_)))
                {
                    sizes.add(place.sequence, row.value.bytes());
                }
            }
        }
        Ok(sizes)
    }

    async fn prune_one(
        &self,
        path: &AgentPath,
        cut: Cut,
        dry_run: bool,
        report: &mut PruneReport,
    ) -> Result<(), Error> {
        let (mut from, mut pruned) = (None, false);
        loop {
            let range = Table::Transcript.rows_of(path);
            let mut rows = self.store.peek_page::<TranscriptEntry>(range, from.clone(), PAGE).await?;
            let last_turn = self.turns_that_stay(path).await?;
            let gone = rows.iter().take_while(|row| cut.takes(row, last_turn)).count();
            rows.truncate(gone);
            if is_nothing(&rows) || self.is_coming(path).await? {
                break;
            }
            let needs = self.needs_of(path).await?;
            let free = rows.iter().take_while(|row| !needs.keep(row)).count();
            rows.truncate(free);
            if is_nothing(&rows) {
                report.hold(path, needs.hold.unwrap_or(Hold::ActiveGoal));
                break;
            }
            let gone = match dry_run {
                true => rows.len(),
                false => match self.take_out(path, &rows, &needs).await? {
                    Some(gone) => gone,
                    // Somebody else has taken something out.
                    None => continue,
                },
            };
            pruned |= report.count(&rows[..gone]);
            if dry_run {
                from = rows.last().map(|row| row.key.clone());
            }
        }
        report.transcripts += u64::from(pruned);
        Ok(())
    }

    /// Takes as many of these entries, the first of their transcript, out of it as a commit has room for; tells how many.
    /// Nothing if one of them has gone meanwhile.
    async fn take_out(
        &self,
        path: &AgentPath,
        rows: &[Row<TranscriptEntry>],
        needs: &Needs,
    ) -> Result<Option<usize>, Error> {
        let Some(through) = rows.last().and_then(|last| keys::inbox_key(&last.key)) else { return Ok(Some(0)) };
        let digested = self.digest_through(path, through).await?;
        let (mut draft, mut compaction) = (Draft::new(), Compaction { digested, ..Compaction::none(self.clock.now()) });
        needs.expect(&mut draft);
        for (index, row) in rows.iter().enumerate() {
            let Some(place) = keys::inbox_key(&row.key) else { return Ok(Some(index)) };
            compaction = compaction.and(&row.value, place);
            let last = index + 1 == rows.len() || draft.writes() >= WRITES_MAX;
            if !last {
                draft.expect(row);
                draft.remove(row);
                continue;
            }
            let _ = draft.update(row, &TranscriptEntry::Compacted(compaction));
            return match self.store.commit(draft).await {
                Ok(_) => Ok(Some(index + 1)),
                Err(CommitError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            };
        }
        Ok(Some(0))
    }

    /// Whether it comes with an import that has not ended: no digest is kept of it yet.
    async fn is_coming(&self, path: &AgentPath) -> Result<bool, Error> {
        Ok(matches!(half_at(&self.store, path).await?, Some((_, Mark::Importing(_)))))
    }

    /// From which turn on everything stays: the last one that ended, or the one under way.
    async fn turns_that_stay(&self, path: &AgentPath) -> Result<u64, Error> {
        Ok(match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent.turns.max(1),
            _ => u64::MAX,
        })
    }

    /// Has an agent's digest kept with all its transcript has up to `through`. False if there is no agent to have one.
    async fn digest_through(&self, path: &AgentPath, through: InboxKey) -> Result<bool, Error> {
        loop {
            let of = match node_at(&self.store, path).await?.map(|row| row.value) {
                Some(Node::Agent(agent)) => agent.id,
                _ => return Ok(false),
            };
            match self.expect_no_removal(path, &mut Draft::new()).await {
                Ok(()) => {}
                // Its transcript goes in any case, and no digest is kept any more.
                Err(Error::BeingRemoved { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
            let kept = self.store.peek::<Digest>(&Table::Digest.at(path)).await?.map(|row| row.value);
            if kept.is_some_and(|digest| digest.of == of && digest.work.through >= through) {
                return Ok(true);
            }
            match self.refresh_digest(path).await {
                // Where somebody else was faster, that is looked at.
                Ok(_) => {}
                Err(Error::NotFound { .. } | Error::Removed { .. } | Error::WrongKind { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Cut {
    fn takes(&self, row: &Row<TranscriptEntry>, last_turn: u64) -> bool {
        let Some(place) = keys::inbox_key(&row.key) else { return false };
        if let TranscriptEntry::Compacted(_) = row.value {
            return true;
        }
        let old = self.before.is_some_and(|before| row.value.at() < before) || place.sequence < self.below;
        old && place.sequence <= self.through && row.value.turn().is_none_or(|turn| turn < last_turn)
    }
}

impl PruneReport {
    fn hold(&mut self, path: &AgentPath, hold: Hold) {
        self.held_total += 1;
        if self.held.len() < PRUNE_NAMED_MAX {
            self.held.push((path.clone(), hold));
        }
    }

    /// Counts what went; false if that is nothing.
    fn count(&mut self, rows: &[Row<TranscriptEntry>]) -> bool {
        let entries = rows.iter().filter(|row| !matches!(row.value, TranscriptEntry::Compacted(_)));
        let (count, bytes) = entries.fold((0, 0), |(count, bytes), row| (count + 1, bytes + row.value.bytes()));
        self.entries += count;
        self.bytes += bytes;
        count > 0
    }
}

/// Whether nothing would be gone with these rows: there are none, or what they say is what went before.
fn is_nothing(rows: &[Row<TranscriptEntry>]) -> bool {
    match rows {
        [] => true,
        [one] => matches!(one.value, TranscriptEntry::Compacted(_)),
        _ => false,
    }
}

impl Sizes {
    fn add(&mut self, sequence: Version, bytes: u64) {
        *self.stretches.entry(sequence >> self.width).or_default() += bytes;
        while self.stretches.len() > STRETCHES {
            self.width += 1;
            for (stretch, bytes) in std::mem::take(&mut self.stretches) {
                *self.stretches.entry(stretch >> 1).or_default() += bytes;
            }
        }
    }

    /// The commit before which everything goes so that no more than so many bytes are left.
    fn cut(&self, keep: u64) -> Version {
        let mut left = 0u64;
        for (stretch, bytes) in self.stretches.iter().rev() {
            left = left.saturating_add(*bytes);
            if left > keep {
                return (stretch + 1) << self.width;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use understory_store::{TurnResult, Usage};

    use super::*;

    fn row(sequence: Version, value: TranscriptEntry) -> Row<TranscriptEntry> {
        let key = Table::Transcript.below(&AgentPath::root()).key(sequence, 0);
        Row::written(Draft::new().create(key, &value), value, sequence)
    }

    #[test]
    fn what_goes_is_older_by_its_commit_or_its_time_and_of_an_earlier_turn() {
        let cut = Cut { through: 20, before: Some(Time(50)), below: 10 };
        let answer = |turn, at| {
            let (result, content, usage) = (TurnResult::Completed, String::new(), Usage::default());
            TranscriptEntry::Answer { turn, result, content, at: Time(at), usage }
        };
        let goes = |sequence, turn, at| cut.takes(&row(sequence, answer(turn, at)), 3);
        assert_eq!([goes(9, 2, 50), goes(10, 2, 50)], [true, false], "by its commit");
        assert_eq!([goes(20, 2, 49), goes(20, 2, 50), goes(21, 2, 49)], [true, false, false], "by its time");
        assert_eq!([goes(1, 2, 1), goes(1, 3, 1)], [true, false], "by its turn");
        assert!(cut.takes(&row(21, TranscriptEntry::Compacted(Compaction::none(Time(99)))), 0));
    }

    #[test]
    fn what_is_left_is_within_the_bytes_and_as_much_as_a_stretch_below() {
        let mut sizes = Sizes::default();
        for sequence in 1..=100 {
            sizes.add(sequence, 10);
        }
        let check = |keep, expected| assert_eq!(sizes.cut(keep), expected, "{keep}");
        check(1000, 0);
        check(999, 2);
        check(500, 51);
        check(505, 51);
        check(0, 101);
        let mut sizes = Sizes::default();
        for sequence in 1..=100_000 {
            sizes.add(sequence, 1);
        }
        assert!(sizes.stretches.len() <= STRETCHES, "{}", sizes.stretches.len());
        let cut = sizes.cut(50_000);
        assert!((50_001..50_001 + (1 << sizes.width)).contains(&cut), "{cut}, {}", sizes.width);
    }
}
