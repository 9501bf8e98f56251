//! One table's rows, met beside the nodes they belong to.

use bytes::BytesMut;
use understory_paths::AgentPath;

use super::cursor::{Cursor, Step};
use super::report::{Report, place};
use crate::chunk::{self, Payload};
use crate::error::StoreError;
use crate::keys::Table;
use crate::records::Record;
use crate::seam::{Backend, Entry, Key};

/// The rows of a table, in path order.
pub(super) struct Lane<'a> {
    backend: &'a dyn Backend,
    table: Table,
    rows: Cursor<'a>,
    ahead: Option<(AgentPath, Found)>,
}

/// What a lookup or a lane came to.
pub(super) enum Found {
    /// A row.
    Row(Entry),
    /// A row that cannot be read, which is on the list.
    Damaged,
}

/// What stands at a key.
pub(super) enum Stands<R> {
    /// Nothing.
    Absent,
    /// A row that cannot be read, which is on the list or will be.
    Damaged,
    /// This.
    There(R),
}

impl<R> Stands<R> {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Stands::Absent)
    }
}

impl<'a> Lane<'a> {
    pub(super) fn new(backend: &'a dyn Backend, table: Table) -> Self {
        Lane { backend, table, rows: Cursor::new(backend, table.all()), ahead: None }
    }

    /// The next row of whatever path.
    pub(super) async fn next(&mut self, report: &mut Report) -> Result<Option<(AgentPath, Found)>, StoreError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while let Some(step) = self.rows.next().await? {
            report.row();
            let path = self.table.path_of(step.key());
            let found = match step {
                Step::Row(entry) => Found::Row(entry),
                Step::Damaged(key, what) => {
                    report.problem(place(self.table, &key), what);
                    Found::Damaged
                }
            };
            match (path, found) {
                (Some(path), found) => return Ok(Some((path, found))),
                (None, Found::Row(entry)) => report.problem(place(self.table, &entry.key), "its key holds no path"),
                (None, Found::Damaged) => {}
            }
        }
        Ok(None)
    }

    /// The next row of `path`, which is asked for in path order: rows of paths before it belong to no node.
    pub(super) async fn next_at(&mut self, path: &AgentPath, report: &mut Report) -> Result<Option<Found>, StoreError> {
        while let Some((at, found)) = self.next(report).await? {
            if at == *path {
                return Ok(Some(found));
            }
            if at > *path {
                self.ahead = Some((at, found));
                return Ok(None);
            }
            self.orphan(&found, report);
        }
        Ok(None)
    }

    /// The one row of `path` in a table that has no more than one of each path.
    pub(super) async fn only_at<R: Record>(
        &mut self,
        path: &AgentPath,
        report: &mut Report,
    ) -> Result<Stands<R>, StoreError> {
        let mut stands = Stands::Absent;
        while let Some(found) = self.next_at(path, report).await? {
            match found {
                Found::Damaged => stands = Stands::Damaged,
                Found::Row(entry) if entry.key == self.table.at(path) => stands = self.value(&entry, report).await?,
                Found::Row(entry) => {
                    report.problem(place(self.table, &entry.key), "its key has something behind the path")
                }
            }
        }
        Ok(stands)
    }

    /// What a row holds. One that does not decode is put on the list.
    pub(super) async fn value<R: Record>(&self, entry: &Entry, report: &mut Report) -> Result<Stands<R>, StoreError> {
        match read(self.backend, entry).await? {
            Ok(value) => Ok(Stands::There(value)),
            Err(what) => {
                report.problem(place(self.table, &entry.key), what);
                Ok(Stands::Damaged)
            }
        }
    }

    /// What is left belongs to no node.
    pub(super) async fn end(&mut self, report: &mut Report) -> Result<(), StoreError> {
        while let Some((_, found)) = self.next(report).await? {
            self.orphan(&found, report);
        }
        Ok(())
    }

    fn orphan(&self, found: &Found, report: &mut Report) {
        if let Found::Row(entry) = found {
            report.problem(place(self.table, &entry.key), "it belongs to no node");
        }
    }
}

/// Looks a row up. What is wrong with it is told where its own table is read.
pub(super) async fn look_up<R: Record>(backend: &dyn Backend, key: Key) -> Result<Stands<R>, StoreError> {
    let rows = match backend.get(vec![key]).await {
        Ok(read) => read.rows,
        Err(StoreError::Damaged { .. }) => return Ok(Stands::Damaged),
        Err(error) => return Err(error),
    };
    match rows.into_iter().flatten().next() {
        None => Ok(Stands::Absent),
        Some(entry) => Ok(read(backend, &entry).await?.map_or(Stands::Damaged, Stands::There)),
    }
}

/// A row's value, put together from its parts; or what is wrong with it.
async fn read<R: Record>(backend: &dyn Backend, entry: &Entry) -> Result<Result<R, String>, StoreError> {
    let value = match chunk::parse(entry.key.as_bytes(), &entry.payload) {
        None => return Ok(Err("no such payload".to_owned())),
        Some(Payload::Whole(value)) => value,
        Some(Payload::Parts(parts)) => {
            let mut value = BytesMut::new();
            for (n, key) in parts.keys().enumerate() {
                match backend.get(vec![key]).await.map(|read| read.rows.into_iter().flatten().next()) {
                    Ok(Some(part)) => value.extend_from_slice(&part.payload),
                    Ok(None) => return Ok(Err(format!("part {n} of its value is missing"))),
                    Err(StoreError::Damaged { .. }) => return Ok(Err(format!("part {n} of its value is damaged"))),
                    Err(error) => return Err(error),
                }
            }
            if !parts.fits(&value) {
                return Ok(Err("the parts of its value are not those that were cut".to_owned()));
            }
            value.freeze()
        }
    };
    Ok(R::decode(&value).map_err(|error| error.to_string()))
}
