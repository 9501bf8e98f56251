//! A closed subtree as a file.
//!
//! Nobody acts in a closed subtree, but letters of it may be retried and labels changed. So all is read, and then looked
//! through once more: if every row has the version it had, the file is what was there when the first reading ended. A row
//! that came and went in between rests on nothing that the file has.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use understory_paths::AgentPath;
use understory_store::{
    Charge, DecodeError, Goal, Key, Mark, Node, ParcelRow, ParcelWriter, Record, StoreError, Table, Verbatim, Version,
    travels,
};

use super::{ParcelError, ParcelReport, aside};
use crate::error::Error;
use crate::system::{System, node_at};

/// How many rows are read at a time.
const PAGE: usize = 64;
/// How many versions are looked at at a time.
const STAMPS: usize = 512;
/// So many bytes of rows are written at a time.
const WRITTEN: usize = 512 << 10;
/// How often a subtree is read anew because something in it changed.
const READINGS: usize = 3;

/// The rows of a reading, in few bytes.
#[derive(Default)]
struct Stamps(DefaultHasher);

/// A reading on its way into the file.
struct Filling {
    writer: Option<ParcelWriter>,
    rows: Vec<ParcelRow>,
    bytes: usize,
    report: ParcelReport,
}

impl Stamps {
    fn note(&mut self, key: &Key, version: Version) {
        (key.as_bytes(), version).hash(&mut self.0);
    }
}

impl Filling {
    fn new(writer: ParcelWriter) -> Self {
        Filling { writer: Some(writer), rows: Vec::new(), bytes: 0, report: ParcelReport::default() }
    }

    async fn add(&mut self, row: ParcelRow) -> Result<(), Error> {
        self.bytes += row.key.as_bytes().len() + row.value.0.len();
        self.rows.push(row);
        if self.bytes >= WRITTEN { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        self.report.count(&self.rows)?;
        let (rows, mut writer) = (std::mem::take(&mut self.rows), self.writer.take().ok_or(Error::Stopping)?);
        self.writer = Some(aside(move || writer.rows(&rows).map(|()| writer)).await?);
        Ok(())
    }

    async fn finish(mut self) -> Result<ParcelReport, Error> {
        self.write().await?;
        let writer = self.writer.take().ok_or(Error::Stopping)?;
        let parcel = aside(move || writer.finish()).await?;
        Ok(ParcelReport { bytes: parcel.bytes, ..self.report })
    }
}

impl System {
    /// Writes a closed subtree, or a job that is final, with everything it keeps into a new file, as it is at one moment;
    /// tokens are not in it, nor what was removed. Nothing is changed. Taken up elsewhere by [`System::import_subtree`].
    ///
    /// # Errors
    /// Nothing lies at the path, it is open, the root, a job's item or below one; a job in it still stores its table; it was
    /// changed again and again while it was read; or the file is there already or cannot be written.
    pub async fn export(&self, path: &AgentPath, file: impl Into<PathBuf>) -> Result<ParcelReport, Error> {
        let file = file.into();
        self.demand_exportable(path).await?;
        match self.empty(path).await {
            Err(Error::Overdue { path, .. }) => return Err(ParcelError::Changing { path }.into()),
            emptied => emptied?,
        }
        for _ in 0..READINGS {
            let (file, top) = (file.clone(), path.clone());
            let mut filling = Filling::new(aside(move || ParcelWriter::create(&file, &top)).await?);
            let read = self.fill(path, &mut filling).await?;
            if read == self.stamps(path).await? {
                return filling.finish().await;
            }
        }
        Err(ParcelError::Changing { path: path.clone() }.into())
    }

    async fn demand_exportable(&self, path: &AgentPath) -> Result<(), Error> {
        if path.is_root() {
            return Err(ParcelError::Root.into());
        }
        let Some(row) = node_at(&self.store, path).await? else { return Err(self.missing(path).await) };
        if let Node::Item(_) = row.value {
            return Err(Error::wrong_kind(path, &row.value, "be exported"));
        }
        let mut closed = matches!(&row.value, Node::Job(job) if job.state.is_final());
        for at in std::iter::once(path.clone()).chain(path.ancestors()) {
            match self.store.get::<Mark>(&Table::Closed.at(&at)).await?.map(|row| row.value) {
                None => {}
                Some(Mark::Closed) => closed = true,
                Some(_) => return Err(ParcelError::Half { path: at }.into()),
            }
        }
        if !closed {
            return Err(ParcelError::Open { path: path.clone() }.into());
        }
        match self.importing(Table::Unfinished.subtree(path)).await?.is_empty() {
            true => Ok(()),
            false => Err(ParcelError::Storing { path: path.clone() }.into()),
        }
    }

    async fn fill(&self, path: &AgentPath, filling: &mut Filling) -> Result<u64, Error> {
        self.goals.ready(&self.store).await?;
        let (mut stamps, mut counted) = (Stamps::default(), BTreeSet::new());
        let mark = Table::Closed.at(path);
        for table in tables() {
            let mut rows = self.store.pages(table.subtree(path), PAGE);
            while let Some(page) = rows.next::<Verbatim>().await? {
                for row in page.into_iter().filter(|row| row.key != mark) {
                    if table == Table::Closed && !matches!(Mark::decode(&row.value.0), Ok(Mark::Closed)) {
                        let path = table.path_of(&row.key).unwrap_or_else(|| path.clone());
                        return Err(ParcelError::Half { path }.into());
                    }
                    stamps.note(&row.key, row.version);
                    let row = ParcelRow { key: row.key, value: row.value };
                    if let Some(row) = self.cut_loose(path, row, &mut counted).await? {
                        filling.add(row).await?;
                    }
                }
            }
        }
        Ok(stamps.0.finish())
    }

    /// The row as it goes into the file: a goal with a budget has what lies in its log in it, and what it and those below used
    /// of that is counted above already, by the next one that has a budget; one from a goal outside of the subtree is from none.
    /// `counted` are the goals of which that is so.
    async fn cut_loose(
        &self,
        top: &AgentPath,
        row: ParcelRow,
        counted: &mut BTreeSet<AgentPath>,
    ) -> Result<Option<ParcelRow>, Error> {
        let damaged = |error: DecodeError| StoreError::Damaged { place: row.key.to_string(), what: error.to_string() };
        let table = Table::of(&row.key).filter(|table| matches!(table, Table::Goal | Table::Charge));
        let Some((table, path)) = table.and_then(|table| Some((table, table.path_of(&row.key)?))) else {
            return Ok(Some(row));
        };
        if table == Table::Charge {
            let mut charge = Charge::decode(&row.value.0).map_err(damaged)?;
            charge.source = charge.source.filter(|source| top.contains(&source.path));
            let value = Verbatim(charge.encode());
            return Ok((!counted.contains(&path)).then_some(ParcelRow { value, ..row }));
        }
        let goal = Goal::decode(&row.value.0).map_err(damaged)?;
        if goal.budget.is_none() {
            return Ok(Some(row));
        }
        let (mut log, mut charges) = (Vec::new(), self.store.pages(Table::Charge.rows_of(&path), STAMPS));
        while let Some(page) = charges.next::<Charge>().await? {
            log.extend(page.into_iter().map(|row| row.value));
        }
        let source = goal.source.clone().filter(|_| self.goals.is_from_within(&path, top));
        let goal = Goal { source, ..goal.cut_loose(&log, self.goals.used_below(&path)) };
        counted.insert(path);
        Ok(Some(ParcelRow { value: Verbatim(goal.encode()), ..row }))
    }

    async fn stamps(&self, path: &AgentPath) -> Result<u64, StoreError> {
        let mut stamps = Stamps::default();
        let mark = Table::Closed.at(path);
        for table in tables() {
            let (range, mut from) = (table.subtree(path), None);
            loop {
                let found = self.store.stamps(range.clone(), from, STAMPS).await?;
                found.iter().filter(|(key, _)| *key != mark).for_each(|(key, version)| stamps.note(key, *version));
                from = found.last().filter(|_| found.len() == STAMPS).map(|(key, _)| key.clone());
                if from.is_none() {
                    break;
                }
            }
        }
        Ok(stamps.0.finish())
    }
}

/// The tables whose rows travel, in the order of their keys.
fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Table::ALL.into_iter().filter(|table| travels(*table)).collect();
    tables.sort_by_key(|table| *table as u8);
    tables
}
