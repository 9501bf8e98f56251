//! Tables that come from no file, kept in a folder until their rows are stored: a job reads its table twice, and again
//! after a crash.
//!
//! A table is checked while it is written, under a name of its own, so that one that is refused, or has no end, is not
//! written whole. A job's table lies under the job's id from before the job is there until its last row is stored.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::OnceCell;
use understory_store::{AgentId, JobState, KeyRange, Node, Table, TableFormat};

use super::error::JobError;
use super::request::{Beside, Found, JobRequest, JobStarted};
use super::settings::Judged;
use crate::error::Error;
use crate::system::System;

/// What the names of our files begin with: the folder may hold others.
const PREFIX: &str = "table-";
/// A table that is no job's yet.
const PART: &str = "table-part-";
/// How many unfinished jobs are looked at at a time.
const PAGE: usize = 512;

/// The folder of tables that come from no file.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    dir: Option<PathBuf>,
    /// Whether what earlier processes left was removed.
    swept: OnceCell<()>,
}

/// A table that is whole, checked and on disk; removed when dropped, unless a job takes it.
#[derive(Debug)]
pub(super) struct Kept {
    file: TempPath,
    pub(super) judged: Judged,
}

impl Spool {
    /// Of this folder, which is made when it is needed. Without one no table can be kept.
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        Spool { dir, swept: OnceCell::new() }
    }

    /// Where the table of a job lies.
    pub(super) fn place(&self, job: AgentId) -> Result<PathBuf, JobError> {
        Ok(self.dir()?.join(format!("{PREFIX}{job}")))
    }

    pub(super) fn dir(&self) -> Result<&Path, JobError> {
        self.dir.as_deref().ok_or(JobError::NoSpool)
    }
}

impl Kept {
    /// Reads a whole table, has it judged and keeps it in `dir`.
    fn read<R: Read>(
        reader: R,
        dir: &Path,
        judge: impl FnOnce(&mut Copying<R>) -> Result<Judged, Error>,
    ) -> Result<Self, Error> {
        let unkept = |source| JobError::Unkept { dir: dir.to_owned(), source: Arc::new(source) };
        make(dir).map_err(unkept)?;
        let file = tempfile::Builder::new().prefix(PART).tempfile_in(dir).map_err(unkept)?;
        let mut copying = Copying { reader, file, unwritten: None };
        let judged = judge(&mut copying);
        let Copying { file, unwritten, .. } = copying;
        match unwritten {
            Some(error) => Err(unkept(error).into()),
            None => {
                let judged = judged?;
                file.as_file().sync_all().map_err(unkept)?;
                Ok(Self { file: file.into_temp_path(), judged })
            }
        }
    }

    /// Puts the table where its job will look for it, durably.
    pub(super) fn settle(self, place: &Path) -> Result<(), JobError> {
        let dir = place.parent().unwrap_or(Path::new(""));
        let unkept = |source| JobError::Unkept { dir: dir.to_owned(), source: Arc::new(source) };
        self.file.persist(place).map_err(|error| unkept(error.error))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(unkept)
    }
}

impl System {
    /// Starts a job over a table that can be read once only, or goes on with the one that the same command started over the
    /// same bytes. The table is kept until its rows are stored.
    ///
    /// # Errors
    /// As for [`System::start_job`]; or there is no folder to keep it in, or that cannot be written to.
    pub async fn start_job_from(
        &self,
        request: JobRequest,
        reader: impl Read + Send + 'static,
    ) -> Result<JobStarted, Error> {
        let kept = self.keep_table(&request, reader).await?;
        self.start_over(request, Found::Kept(kept)).await
    }

    /// Starts a new job over rows, in one commit with what `beside` makes of it.
    pub(crate) async fn start_job_beside<T: Serialize>(
        &self,
        request: JobRequest,
        rows: impl IntoIterator<Item = T, IntoIter: Send + 'static>,
        beside: Beside<'_>,
    ) -> Result<JobStarted, Error> {
        let request = JobRequest { format: Some(TableFormat::JsonLines), fresh: true, ..request };
        let kept = self.keep_table(&request, RowText::of(rows.into_iter())).await?;
        self.start_kept(request, kept, beside).await
    }

    async fn keep_table(&self, request: &JobRequest, reader: impl Read + Send + 'static) -> Result<Kept, Error> {
        request.demand_settings()?;
        let dir = self.spool.dir()?.to_owned();
        self.spool.swept.get_or_try_init(|| self.sweep_spool(dir.clone())).await?;
        let (system, asked) = (self.clone(), request.clone());
        let read = move || {
            let kept = Kept::read(reader, &dir, |reader| system.judge(&asked, reader))?;
            system.judge_order(&asked, &kept.file)?;
            Ok::<_, Error>(kept)
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| Error::Stopping)?
    }

    /// Starts a job over rows, each a JSON object once it is written, or goes on with the one that the same command started
    /// over the same rows. They are kept until they are stored.
    ///
    /// # Errors
    /// As for [`System::start_job_from`], where the line of a row is its number.
    pub async fn start_job_of<T: Serialize>(
        &self,
        request: JobRequest,
        rows: impl IntoIterator<Item = T, IntoIter: Send + 'static>,
    ) -> Result<JobStarted, Error> {
        let request = JobRequest { format: Some(TableFormat::JsonLines), ..request };
        self.start_job_from(request, RowText::of(rows.into_iter())).await
    }

    /// Removes the table of a job whose rows are stored, or will never be, if it was kept.
    pub(crate) async fn let_table_go(&self, job: AgentId) {
        let Ok(place) = self.spool.place(job) else { return };
        // What stays is removed by the next process that keeps a table.
        let _ = tokio::task::spawn_blocking(move || fs::remove_file(place)).await;
    }

    /// The jobs whose rows are not all stored, by their marks in a range of [`Table::Unfinished`].
    pub(crate) async fn importing(&self, marks: KeyRange) -> Result<Vec<AgentId>, Error> {
        let mut importing = Vec::new();
        let mut marks = self.store.pages(marks, PAGE);
        while let Some(keys) = marks.keys().await? {
            for path in keys.iter().filter_map(|key| Table::Unfinished.path_of(key)) {
                let row = self.store.get::<Node>(&Table::Node.at(&path)).await?;
                if let Some(Node::Job(job)) = row.map(|row| row.value)
                    && job.state == JobState::Importing
                {
                    importing.push(job.id);
                }
            }
        }
        Ok(importing)
    }

    /// Removes the tables that earlier processes left and no job reads.
    async fn sweep_spool(&self, dir: PathBuf) -> Result<(), Error> {
        let importing = self.importing(Table::Unfinished.all()).await?;
        let read: HashSet<_> = importing.into_iter().map(|job| format!("{PREFIX}{job}")).collect();
        let swept = tokio::task::spawn_blocking(move || sweep(&dir, &read).map_err(|error| (dir, error)));
        let swept = swept.await.map_err(|_| Error::Stopping)?;
        swept.map_err(|(dir, source)| JobError::Unkept { dir, source: Arc::new(source) }.into())
    }
}

/// Rows as the text of a table of JSON lines.
pub(super) struct RowText<I> {
    rows: I,
    number: u64,
    line: Vec<u8>,
    at: usize,
}

/// A row that JSON has no form for, such as a map whose keys are no strings.
#[derive(Debug, thiserror::Error)]
#[error("row {number} cannot be written as json")]
struct Unwritten {
    number: u64,
    #[source]
    source: serde_json::Error,
}

impl<I> RowText<I> {
    pub(super) fn of(rows: I) -> Self {
        RowText { rows, number: 0, line: Vec::new(), at: 0 }
    }
}

impl<I: Iterator<Item: Serialize>> Read for RowText<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() {
            self.line.clear();
            self.at = 0;
            let Some(row) = self.rows.next() else { return Ok(0) };
            self.number += 1;
            let number = self.number;
            let written = serde_json::to_writer(&mut self.line, &row);
            written.map_err(|source| io::Error::other(Unwritten { number, source }))?;
            self.line.push(b'\n');
        }
        let read = (&self.line[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// Writes down what is read.
struct Copying<R> {
    reader: R,
    file: NamedTempFile,
    /// Why it could not be written; the reading ends there.
    unwritten: Option<io::Error>,
}

impl<R: Read> Read for &mut Copying<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        if let Err(error) = self.file.write_all(&into[..read]) {
            self.unwritten = Some(error);
            return Err(io::ErrorKind::Other.into());
        }
        Ok(read)
    }
}

/// Makes the folder, for its owner alone.
fn make(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn sweep(dir: &Path, read: &HashSet<String>) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str()
            && name.starts_with(PREFIX)
            && !read.contains(name)
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
