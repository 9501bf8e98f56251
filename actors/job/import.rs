//! Storing a job's rows: a blocking reader of the table, and the job's actor, which commits a batch at a time.

use std::path::{Path, PathBuf};

use tokio::sync::{mpsc, oneshot};
use understory_store::{
    AgentId, Draft, Event, Item, ItemSource, JobSpec, JobState, Node, Row as StoredRow, Table as Rows, Text, keys,
};

use super::actor::{Held, JobActor, JobSignal};
use super::after::Source;
use super::commit::WRITES_MAX;
use super::error::JobError;
use super::group::fits_inline;
use super::table::{Row, Table, TableError, TableLimits, open_file, scan};
use crate::error::Error;
use crate::limits::{Limits, TEXT_MAX};
use crate::system::System;

/// The most rows of a batch.
const BATCH_ROWS: usize = 240;
/// The most rows whose numbers differ in their paths.
const ROWS_MAX: u32 = 99_999_999;
/// A batch closes at this many bytes of rows.
const BATCH_BYTES: usize = 768 << 10;

/// Rows on their way into the store.
pub(crate) struct Batch {
    /// Each with the rows that it comes after.
    rows: Vec<(Row, Vec<u32>)>,
    stored: oneshot::Sender<()>,
}

impl JobActor {
    /// Reads the table beside the actor and has its rows come in batches. `checked`: it was just read and hashed.
    pub(super) async fn import(&mut self, checked: bool) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        let begun = |held: &mut Held| std::mem::replace(&mut held.importing, true);
        if self.stopping
            || work.job.state != JobState::Importing
            || self.system.jobs.held(&self.path, begun) == Some(true)
        {
            return Ok(());
        }
        if work.spec.rows == 0 {
            self.system.jobs.held(&self.path, |held| held.importing = false);
            let (job, row) = (work.job.import(0, 0)?, work.row.clone());
            if self.commit_job(Draft::new(), &row, job).await?.is_some() {
                self.let_kept_table_go();
            }
            self.call_flush();
            return Ok(());
        }
        let (system, path, spec, job) = (self.system.clone(), self.path.clone(), work.spec.clone(), work.job.clone());
        self.system.tasks.spawn(async move {
            let (batches, mut coming) = mpsc::channel(1);
            let limits = table_limits(&system.limits);
            let (kept, input) = (spec.input.is_empty(), input(&system, &spec, job.id));
            let read = move || read(&input?, &spec, limits, job.imported, checked, &batches);
            let reading = tokio::task::spawn_blocking(read);
            let mut stored = true;
            while let Some(rows) = coming.recv().await {
                stored = pass_on(&system, &path, rows).await.is_some();
                if !stored {
                    break;
                }
            }
            drop(coming);
            system.jobs.held(&path, |held: &mut Held| held.importing = false);
            let signal = match reading.await {
                Ok(Ok(())) => {
                    if kept && stored {
                        system.let_table_go(job.id).await;
                    }
                    JobSignal::Wake
                }
                Ok(Err(error)) => JobSignal::ImportFailed(error),
                Err(_) => JobSignal::ImportFailed(Error::Stopping),
            };
            // Without a slot the job has left; it begins here again when it is resumed.
            let _ = system.jobs.tell_resident(&path, signal);
        });
        Ok(())
    }

    /// Stores a batch in as many commits as it needs; with the last row the job runs.
    pub(super) async fn store_rows(&mut self, batch: Batch) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        // A batch that is not the next one was read for an earlier incarnation; its reader ends with it.
        let next = batch.rows.first().is_some_and(|(row, _)| row.number == work.job.imported + 1);
        if self.stopping || !next {
            return Ok(());
        }
        let mut rows = batch.rows.as_slice();
        while !rows.is_empty() {
            let Some(stored) = self.store_some(rows).await? else {
                self.stopping = true;
                return Ok(());
            };
            rows = &rows[stored..];
        }
        self.load_dependencies().await?;
        // The reader goes on when its batch is on disk; gone, it has failed and says so by itself.
        let _ = batch.stored.send(());
        Ok(())
    }

    /// Stores as many rows as a commit takes, from the first on; how many. Nothing: it was refused.
    async fn store_some(&mut self, rows: &[(Row, Vec<u32>)]) -> Result<Option<usize>, Error> {
        let Some(work) = &self.work else { return Ok(None) };
        let (mut draft, mut stored) = (Draft::new(), 0);
        for (row, after) in rows {
            if draft.writes() >= WRITES_MAX {
                break;
            }
            self.add_row(&mut draft, row, after)?;
            stored += 1;
        }
        let count = u32::try_from(stored).expect("a batch has at most 240 rows");
        let job = work.job.import(count, work.spec.rows)?;
        let state = job.state.as_str().to_owned();
        draft.tell(&Event::JobChanged { job: self.this(&job), state, counts: job.counts });
        let row: StoredRow<Node> = work.row.clone();
        Ok(self.commit_job(draft, &row, job).await?.map(|_| stored))
    }

    /// Gives the job up for good if its table is not the one it was made from. One that cannot be read now may be another
    /// time: that error stops the actor, and the job goes on here when it is resumed.
    pub(super) async fn import_failed(&mut self, error: Error) -> Result<(), Error> {
        self.settle_groups().await?;
        let Some(work) = &self.work else { return Ok(()) };
        if !is_for_good(&error, &work.spec) {
            return Err(error);
        }
        if work.job.state != JobState::Importing {
            return Ok(());
        }
        let (job, row) = (work.job.fail(&error.to_string())?.export(self.system.clock.now()), work.row.clone());
        let mut draft = Draft::new();
        let state = job.state.as_str().to_owned();
        draft.tell(&Event::JobChanged { job: self.this(&job), state, counts: job.counts });
        if self.commit_job(draft, &row, job).await?.is_some() {
            self.let_kept_table_go();
        }
        self.stopping = true;
        Ok(())
    }

    /// Has a table that came from no file removed, once nobody will read it again.
    fn let_kept_table_go(&self) {
        if let Some(work) = self.work.as_ref().filter(|work| work.spec.input.is_empty()) {
            let (system, job) = (self.system.clone(), work.job.id);
            self.system.tasks.spawn(async move { system.let_table_go(job).await });
        }
    }

    fn add_row(&self, draft: &mut Draft, row: &Row, after: &[u32]) -> Result<(), Error> {
        let path = keys::item_path(&self.path, row.number)?;
        let text = match fits_inline(&row.json) {
            true => Text::Inline(row.json.clone()),
            false => {
                let _ = draft.create(Rows::Row.at(&path), &row.json);
                Text::Beside
            }
        };
        let source = match &row.source_id {
            None => ItemSource::Number,
            Some(cell) if *cell == row.item_id => ItemSource::Cell,
            Some(cell) => ItemSource::Duplicate(cell.clone()),
        };
        let item = Item::new(AgentId::new(), row.item_id.clone(), source, text);
        let item = Item { after: after.to_vec(), ..item };
        draft.add(Rows::Node.at(&path), &Node::Item(item));
        draft.put(keys::item_id(&self.path, &row.item_id), &u64::from(row.number));
        Ok(())
    }
}

/// What a table of this system is held to. The number of a row has eight digits in its path, whatever the limit is.
pub(super) fn table_limits(limits: &Limits) -> TableLimits {
    TableLimits { columns: limits.columns, rows: limits.rows.min(ROWS_MAX), row_bytes: TEXT_MAX }
}

/// Whether it is no use to read the table another time: it is not the one any more. A kept one that is gone does not come back.
fn is_for_good(error: &Error, spec: &JobSpec) -> bool {
    match error {
        Error::Job(JobError::Table(TableError::NotFound { .. })) => spec.input.is_empty(),
        Error::Job(JobError::Table(TableError::Open { .. } | TableError::Read { .. })) => false,
        Error::Job(JobError::Table(_) | JobError::Dependency { .. } | JobError::Changed { .. }) => true,
        _ => false,
    }
}

/// Where the table of a job lies.
fn input(system: &System, spec: &JobSpec, job: AgentId) -> Result<PathBuf, JobError> {
    if spec.input.is_empty() { system.spool.place(job) } else { Ok(PathBuf::from(&spec.input)) }
}

/// Hands a batch to the actor and waits until it is on disk. Nothing: the job has left.
async fn pass_on(system: &System, path: &understory_paths::AgentPath, rows: Vec<(Row, Vec<u32>)>) -> Option<()> {
    let (stored, done) = oneshot::channel();
    system.jobs.tell_resident(path, JobSignal::Rows(Batch { rows, stored })).ok()?;
    done.await.ok()
}

/// Reads the table from the first row that is not stored. One that is not the table the job was made from is refused.
fn read(
    input: &Path,
    spec: &JobSpec,
    limits: TableLimits,
    stored: u32,
    checked: bool,
    batches: &mpsc::Sender<Vec<(Row, Vec<u32>)>>,
) -> Result<(), Error> {
    let id_column = spec.id_column.as_deref();
    let changed = || Error::from(JobError::Changed { input: input.display().to_string() });
    if !checked {
        let file = open_file(input).map_err(JobError::from)?;
        let summary = scan(file, spec.format, limits, id_column).map_err(JobError::from)?;
        if summary.sha256 != spec.sha256 {
            return Err(changed());
        }
    }
    let ids = match &spec.columns.after {
        Some(column) => Some((Source { input, format: spec.format, limits, id_column }.ids()?.0, column)),
        None => None,
    };
    let file = open_file(input).map_err(JobError::from)?;
    let mut table = Table::open(file, spec.format, limits, id_column).map_err(JobError::from)?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for row in table.by_ref() {
        let row = row.map_err(JobError::from)?;
        if row.number > spec.rows {
            return Err(changed());
        }
        if row.number <= stored {
            continue;
        }
        let after = ids.as_ref().map_or_else(|| Ok(Vec::new()), |(ids, column)| ids.after(&row, column))?;
        // The last rows wait until the table is known to be the one: with them the job runs.
        if batch.len() == BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            if batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        bytes += row.json.len();
        batch.push((row, after));
    }
    if table.summary().is_none_or(|summary| summary.sha256 != spec.sha256) {
        return Err(changed());
    }
    // Refused when the job has left meanwhile.
    let _ = (!batch.is_empty()).then(|| batches.blocking_send(batch));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use understory_store::{Keep, OutputFormat, RowColumns, TableFormat};

    use super::*;

    fn spec(input: &Path, rows: u32) -> JobSpec {
        JobSpec {
            input: input.display().to_string(),
            format: TableFormat::Csv,
            bytes: 0,
            sha256: [0; 32],
            rows,
            headers: vec!["id".to_owned()],
            id_column: Some("id".to_owned()),
            template: None,
            brain: None,
            role: String::new(),
            columns: RowColumns::default(),
            schema: None,
            output: String::new(),
            output_format: OutputFormat::default(),
            keep: Keep::None,
            attempts: 1,
            timeout_ms: 1,
            fingerprint: [0; 32],
        }
    }

    #[test]
    fn a_job_has_no_more_rows_than_their_numbers_tell_apart() {
        let rows = table_limits(&Limits { rows: u32::MAX, ..Limits::default() }).rows;
        let path = |number| keys::item_path(&understory_paths::AgentPath::root(), number).unwrap();
        assert_eq!(keys::item_number(&path(rows)), Some(rows));
        assert_eq!(keys::item_number(&path(rows + 1)), None);
    }

    #[test]
    fn the_last_rows_are_stored_once_the_table_is_known_to_be_the_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut text = "id\n".to_owned();
        (1..=BATCH_ROWS).for_each(|row| writeln!(text, "a{row}").unwrap());
        std::fs::write(file.path(), text).unwrap();
        let (batches, mut coming) = mpsc::channel(9);
        let spec = spec(file.path(), u32::try_from(BATCH_ROWS).unwrap());
        let error = read(file.path(), &spec, table_limits(&Limits::default()), 0, true, &batches).unwrap_err();
        assert!(error.to_string().ends_with("has changed since the job was started"), "{error}");
        assert!(coming.try_recv().is_err(), "rows of another table are stored");
    }
}
