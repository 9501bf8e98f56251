//! A job's output, written beside its actor: every row as it stands, in row order.

use std::path::{Path, PathBuf};

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Item, ItemState, Job, JobSpec, Node, OutputFormat, OutputKind, Row, Table, Text, keys,
};

use super::JobError;
use super::export::{Export, ExportRow, Keys, Layout, check_writable};
use super::finish::standing;
use super::place::{absolute, demand_not_input};
use super::run::{missing, row_text};
use super::table::row_cells;
use super::view::JobView;
use crate::error::Error;
use crate::system::System;

/// How many items are read at a time.
const PAGE: usize = 512;
/// Lines are handed to the writer once they have this many bytes.
pub(super) const LINES_BYTES: usize = 1 << 20;

/// A row of the output on its way to the blocking writer.
pub(super) struct Line {
    cells: Vec<String>,
    row: String,
    number: u32,
    item: Item,
    status: &'static str,
    result: Option<String>,
}

impl System {
    /// Writes the output of a job as it stands now to another place, whole or not at all, in any format: rows that are not
    /// final stand there as they are. How many rows it has.
    ///
    /// # Errors
    /// There is no such job, or the place cannot be written: it is there already, unless it may be overwritten, it is the
    /// table of the job, or where this job or an unfinished one writes its output.
    pub async fn export_job(
        &self,
        path: &AgentPath,
        output: &Path,
        format: OutputFormat,
        overwrite: bool,
    ) -> Result<u32, Error> {
        let view = self.job(path).await?;
        let (place, input) = (output.to_owned(), PathBuf::from(&view.spec.input));
        let output = blocking(move || {
            let place = absolute(&place)?;
            demand_not_input(&place, &input)?;
            check_writable(&place, overwrite)?;
            Ok::<_, JobError>(place)
        });
        let output = output.await?;
        self.demand_free(output.clone(), Some(&view), None).await?;
        let JobView { job, spec, .. } = view;
        let text = output.to_str().ok_or_else(|| JobError::NotText { path: output.clone() })?.to_owned();
        let spec = JobSpec { output: text, output_format: format, ..spec };
        write_output(self, path, &job, &spec).await
    }
}

/// Writes every row of a job to the output that its spec names, in row order. How many there are.
pub(super) async fn write_output(system: &System, path: &AgentPath, job: &Job, spec: &JobSpec) -> Result<u32, Error> {
    let output = PathBuf::from(&spec.output);
    let layout = layout(system, path, spec).await?;
    let mut export = blocking(move || Export::create(Path::new(&output), &layout)).await?;
    let (job_id, mut written) = (job.id.to_string(), 0);
    let mut items = system.store.pages(Table::Node.beneath(path), PAGE);
    while let Some(rows) = items.next::<Node>().await? {
        let mut rows = rows.into_iter().filter_map(|row| item_of(path, row)).peekable();
        while rows.peek().is_some() {
            let (mut lines, mut bytes) = (Vec::new(), 0);
            while bytes < LINES_BYTES
                && let Some((me, number, item)) = rows.next()
            {
                let line = line(system, job, spec, &me, number, item).await?;
                bytes += line.bytes();
                lines.push(line);
                written += 1;
            }
            let id = job_id.clone();
            let write = move || lines.iter().try_for_each(|line| export.row(&line.as_row(&id))).map(|()| export);
            export = blocking(write).await?;
        }
    }
    blocking(move || export.finish()).await?;
    Ok(written)
}

/// What an output of this job is made of beside its rows. Where results have columns of their own, this reads them all.
async fn layout(system: &System, path: &AgentPath, spec: &JobSpec) -> Result<Layout, Error> {
    let mut keys = Keys::default();
    if spec.output_format.expand && spec.output_format.kind == OutputKind::Csv {
        let mut items = system.store.pages(Table::Node.beneath(path), PAGE);
        while let Some(rows) = items.next::<Node>().await? {
            for (me, _, item) in rows.into_iter().filter_map(|row| item_of(path, row)) {
                if let Some(result) = result_text(system, &me, &item).await? {
                    keys.meet(&result);
                }
            }
        }
    }
    Ok(Layout { headers: spec.headers.clone(), format: spec.output_format, keys: keys.into_found() })
}

/// The item of a record and its number; nothing for what lies below one.
pub(super) fn item_of(job: &AgentPath, row: Row<Node>) -> Option<(AgentRef, u32, Item)> {
    let path = Table::Node.path_of(&row.key).filter(|path| path.parent().as_ref() == Some(job))?;
    let number = keys::item_number(&path)?;
    match row.value {
        Node::Item(item) => Some((AgentRef::new(path, item.id), number, item)),
        _ => None,
    }
}

/// The line of an item.
pub(super) async fn line(
    system: &System,
    job: &Job,
    spec: &JobSpec,
    me: &AgentRef,
    number: u32,
    item: Item,
) -> Result<Line, Error> {
    let row = row_text(&system.store, me, &item).await?;
    let result = result_text(system, me, &item).await?;
    let cells = match spec.output_format.kind {
        OutputKind::Csv => row_cells(&spec.headers, &row).map_err(JobError::from)?,
        OutputKind::JsonLines => Vec::new(),
    };
    Ok(Line { cells, row, number, status: standing(job, &item.state), item, result })
}

/// What was reported of an item, wherever it lies.
pub(super) async fn result_text(system: &System, me: &AgentRef, item: &Item) -> Result<Option<String>, Error> {
    match &item.state {
        ItemState::Completed { result: Text::Inline(result), .. } => Ok(Some(result.clone())),
        ItemState::Completed { result: Text::Beside, .. } => {
            let row = system.store.get::<String>(&Table::Result.at(&me.path)).await?;
            Ok(Some(row.ok_or_else(|| missing(me, "result"))?.value))
        }
        _ => Ok(None),
    }
}

impl Line {
    /// How many bytes its texts have.
    pub(super) fn bytes(&self) -> usize {
        self.row.len() + self.cells.iter().map(String::len).sum::<usize>() + self.result.as_ref().map_or(0, String::len)
    }

    /// The line as the writer takes it.
    pub(super) fn as_row<'a>(&'a self, job_id: &'a str) -> ExportRow<'a> {
        let (reported_at, completed_at) = match self.item.state {
            ItemState::Completed { at, .. } => (Some(at.0), Some(at.0)),
            ItemState::Failed { at } | ItemState::Skipped { at } => (None, Some(at.0)),
            _ => (None, None),
        };
        ExportRow {
            cells: &self.cells,
            row_json: &self.row,
            job_id,
            item_id: &self.item.item_id,
            row_index: self.number - 1,
            source_id: self.item.source_id(),
            status: self.status,
            attempt_count: self.item.run,
            last_error: self.item.last_error.as_deref(),
            result_json: self.result.as_deref(),
            reported_at,
            completed_at,
        }
    }
}

/// Runs file work where blocking is allowed.
pub(super) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Error>
where
    T: Send + 'static,
    E: Into<JobError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Error::Job(error.into())),
        Err(_) => Err(Error::Stopping),
    }
}
