//! A subtree made of a file.
//!
//! Its top comes first, with a mark that keeps everybody out, then the rows in batches through the registrar, and in the last
//! commit the mark becomes that of a closed node. What is cut short is half there and stays shut: the next import to the path,
//! or a removal, takes it away.

use std::path::PathBuf;
use std::sync::Arc;

use understory_paths::AgentPath;
use understory_store::{
    AgentId, AgentRef, CommitError, DecodeError, Mark, PAYLOAD_MAX, ParcelReader, ParcelRow, StoreError, Table,
};

use super::{ParcelError, ParcelReport, aside};
use crate::error::Error;
use crate::goals::Estate;
use crate::lasting::Lasting;
use crate::registrar::{Import, Request};
use crate::system::System;

/// A batch has no more writes than these, unless one row alone has more.
const WRITES: usize = 400;
/// A batch has no more bytes than these, unless one row alone has more.
const BYTES: usize = 768 << 10;

/// The file's rows in batches.
struct Batches {
    reader: ParcelReader,
    /// Rows that were read and are in no batch yet, the next one last.
    ahead: Vec<ParcelRow>,
}

impl Batches {
    fn next(&mut self) -> Result<Vec<ParcelRow>, StoreError> {
        let (mut batch, mut writes, mut bytes) = (Vec::new(), 0, 0);
        loop {
            if self.ahead.is_empty() {
                let Some(mut rows) = self.reader.take()? else { return Ok(batch) };
                rows.reverse();
                self.ahead = rows;
            }
            while let Some(row) = self.ahead.last() {
                // Its parts, and where it lies may have to be cleared.
                writes += 2 + row.value.0.len() / PAYLOAD_MAX;
                bytes += row.key.as_bytes().len() + row.value.0.len();
                if !batch.is_empty() && (writes > WRITES || bytes > BYTES) {
                    return Ok(batch);
                }
                batch.extend(self.ahead.pop());
            }
        }
    }
}

impl System {
    /// Makes a subtree of a file that [`System::export`] wrote, at `to` if that is given and else where it was. It arrives
    /// closed, with the ids and the order that everything had; a resume starts it. Dropped or killed before it is done it
    /// leaves what is half there, shut, until it is imported again or removed. Says where it lies.
    ///
    /// # Errors
    /// The file is not whole, or holds what cannot lie there; something lies at the path; its parent is missing or closed;
    /// its nickname is taken; more agents or goals would be there than the host may have; or what is left of its budgets is more
    /// than is left of the nearest goal above, or that is another by the end.
    pub async fn import_subtree(
        &self,
        file: impl Into<PathBuf>,
        to: Option<AgentPath>,
    ) -> Result<(AgentPath, ParcelReport), Error> {
        let (file, place) = (file.into(), to.clone());
        let goals_max = self.limits.goals;
        let read = move || {
            let mut goals = Estate::default();
            let reader = ParcelReader::open(&file, place.as_ref(), |row| goals.meet(row, goals_max))?;
            Ok((reader, goals))
        };
        let (reader, goals) = aside(read).await?;
        let path = to.unwrap_or_else(|| reader.top().clone());
        if path.is_root() {
            return Err(ParcelError::Root.into());
        }
        let mark = self.store.peek::<Mark>(&Table::Closed.at(&path)).await?;
        if matches!(mark.map(|row| row.value), Some(Mark::Importing(_))) {
            self.remove(&path).await?;
        }
        self.goals.ready(&self.store).await?;
        let goals = Arc::new(self.goals.expect(&self.limits, &path, goals)?);
        let top = AgentRef::new(path, reader.node().id());
        let import = Arc::new(Import { top, id: AgentId::new(), goals });
        let parcel = reader.parcel();
        let mut report = ParcelReport { bytes: parcel.bytes, ..ParcelReport::default() };
        let begin = Request::Import {
            import: import.clone(),
            node: Box::new(reader.node().clone()),
            open: reader.open_below(),
            newest: parcel.newest,
        };
        self.register(begin).await?;
        let mut batches = Batches { reader, ahead: Vec::new() };
        loop {
            let (rows, left) = aside(move || batches.next().map(|rows| (rows, batches))).await?;
            batches = left;
            if rows.is_empty() {
                break;
            }
            report.count(&rows)?;
            let damaged = |error: DecodeError| {
                let place = import.top.path.to_string();
                StoreError::Damaged { place, what: error.to_string() }
            };
            let rows = rows.into_iter().map(|row| import.goals.tied(row)).collect::<Result<_, _>>().map_err(damaged)?;
            self.register_of(&import, Request::ImportRows { import: import.clone(), rows }).await?;
        }
        let (system, path) = (self.clone(), import.top.path.clone());
        // What is durable is known here, too, even if whoever asked is dropped.
        let ended = Lasting::new(async move {
            system.register_of(&import, Request::ImportEnd { import: import.clone() }).await?;
            system.inboxes.forget(&import.top.path);
            system.shelve(&import.top.path).await
        });
        ended.await?;
        Ok((path, report))
    }

    /// Has a part of an import committed, if nothing has taken its place.
    async fn register_of(&self, import: &Import, request: Request) -> Result<(), Error> {
        match self.register(request).await {
            Err(Error::Commit(CommitError::Conflict { .. })) => {
                Err(ParcelError::GivenUp { path: import.top.path.clone() }.into())
            }
            answer => answer.map(drop),
        }
    }
}
