//! What was acknowledged, and whether the store still has it, and nothing by half.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use understory_store::{Backend, Direction, Entry, KeyRange, SledBackend, SledOptions, Version};

use super::writer::{Mark, QUEUED, TASKS};

/// The acknowledgements of all writers that had a store.
#[derive(Default)]
pub(super) struct Ledger {
    acknowledged: BTreeMap<Mark, Version>,
}

/// What the store has, by the writers' marks.
struct Found {
    rows: BTreeMap<Mark, Entry>,
    last: Version,
}

impl Ledger {
    pub(super) fn note(&mut self, acknowledged: impl IntoIterator<Item = (Mark, Version)>) {
        self.acknowledged.extend(acknowledged);
    }

    pub(super) fn len(&self) -> usize {
        self.acknowledged.len()
    }

    /// Opens the store and says what is wrong with it.
    pub(super) async fn check(&self, dir: &Path) -> Result<(), String> {
        let backend = SledBackend::open(dir, SledOptions::default()).await.map_err(|error| format!("{error:?}"))?;
        let found = Found { rows: rows(&backend, "row").await?, last: backend.last() };
        for (mark, version) in &self.acknowledged {
            let row = found.rows.get(mark).ok_or_else(|| format!("{mark:?}, acknowledged as {version}, is lost"))?;
            demand(row.version == *version, || format!("{mark:?} is {} instead of {version}", row.version))?;
        }
        found.is_whole(&backend).await
    }
}

impl Found {
    /// Every commit there is was applied whole, and their numbers have no hole.
    async fn is_whole(&self, backend: &SledBackend) -> Result<(), String> {
        let versions: BTreeSet<Version> = self.rows.values().map(|row| row.version).collect();
        demand(versions.iter().copied().eq(1..=self.last), || format!("{versions:?} are not 1 to {}", self.last))?;
        let twins = rows(backend, "twin").await?;
        demand(twins.keys().eq(self.rows.keys()), || "the twins are others than the rows".to_owned())?;
        for (mark, row) in &self.rows {
            demand(row.payload == mark.payload(), || format!("{mark:?} has another payload"))?;
            demand(twins[mark].payload == mark.payload(), || format!("the twin of {mark:?} has another payload"))?;
            demand(twins[mark].version == row.version, || format!("the twin of {mark:?} is of another commit"))?;
        }
        self.has_its_queue(backend).await?;
        self.has_its_logs(backend).await?;
        self.has_its_events(backend).await
    }

    async fn has_its_queue(&self, backend: &SledBackend) -> Result<(), String> {
        let queued: BTreeSet<Mark> = rows(backend, "queue").await?.into_keys().collect();
        let is_queued = |mark: &Mark| !self.rows.contains_key(&Mark { number: mark.number + QUEUED, ..*mark });
        let expected: BTreeSet<Mark> = self.rows.keys().filter(|mark| is_queued(mark)).copied().collect();
        demand(queued == expected, || format!("{queued:?} are queued instead of {expected:?}"))
    }

    async fn has_its_logs(&self, backend: &SledBackend) -> Result<(), String> {
        for task in 0..TASKS {
            let mine = self.rows.iter().filter(|(mark, _)| mark.task == task);
            let mut mine: Vec<(Version, String)> = mine.map(|(mark, row)| (row.version, mark.name("row"))).collect();
            mine.sort();
            let log = scan(backend, &format!("log/{task}")).await?;
            let log: Vec<(Version, String)> = log.iter().map(|entry| (entry.version, text(&entry.payload))).collect();
            demand(log == mine, || format!("the log of {task} is {log:?} instead of {mine:?}"))?;
            let last = scan(backend, &format!("last/{task}")).await?;
            let last: Vec<(Version, String)> = last.iter().map(|entry| (entry.version, text(&entry.payload))).collect();
            demand(last.last() == mine.last(), || format!("the last of {task} is {last:?}"))?;
        }
        Ok(())
    }

    async fn has_its_events(&self, backend: &SledBackend) -> Result<(), String> {
        let told = backend.changes(0, usize::MAX).await.map_err(|error| error.to_string())?;
        let told: BTreeMap<Version, String> =
            told.changes.iter().map(|change| (change.version, text(&change.events[0]))).collect();
        let expected = self.rows.iter().map(|(mark, row)| (row.version, mark.name("row"))).collect();
        demand(told == expected, || format!("{told:?} were told instead of {expected:?}"))
    }
}

async fn rows(backend: &SledBackend, table: &str) -> Result<BTreeMap<Mark, Entry>, String> {
    let entries = scan(backend, &format!("{table}/")).await?;
    Ok(entries.into_iter().map(|entry| (Mark::parse(&text(entry.key.as_bytes())), entry)).collect())
}

async fn scan(backend: &SledBackend, prefix: &str) -> Result<Vec<Entry>, String> {
    let range = KeyRange::prefix(prefix.as_bytes());
    let found = backend.scan(range, None, Direction::Forward, usize::MAX).await;
    found.map(|found| found.rows).map_err(|error| error.to_string())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
