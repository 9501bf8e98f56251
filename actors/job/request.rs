//! Starting, following and listing jobs: what a host asks.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{
    AgentId, AgentRef, BrainChoice, Draft, Event, JobLimits, JobSpec, JobState, Keep, OutputFormat, Pointer,
    RowColumns, Table, TableFormat,
};

use super::actor::JobSignal;
use super::after::{self, Source};
use super::error::JobError;
use super::export::{check_writable, default_output};
use super::fingerprint::{Command, Fingerprint};
use super::import::table_limits;
use super::place::{absolute, demand_not_input, lost};
use super::settings::{Asked, Judged, survey};
use super::spool::Kept;
use super::table::{Summary, format_of, open_file};
use super::template::{Template, UnknownColumns};
use super::view::JobView;
use crate::error::{Error, demand_length};
use crate::registrar::{Answer, Request};
use crate::role::DEFAULT_ROLE;
use crate::system::{System, node_at};
use crate::watchers::Heard;

/// A job to be started, or gone on with.
#[derive(Clone, Debug)]
pub struct JobRequest {
    /// Below which agent.
    pub owner: AgentPath,
    /// Its name there; `job_` and eight characters of its id if none is given.
    pub name: Option<String>,
    /// The table. Of one that comes from no file only the end of the name is looked at.
    pub input: PathBuf,
    /// The column that item ids come from; row numbers without one.
    pub id_column: Option<String>,
    /// What each worker is asked, with `{column}` for cells; without one it is given the row as JSON.
    pub template: Option<String>,
    /// How the table is written; as its name says without it.
    pub format: Option<TableFormat>,
    /// What works on the rows; what their role has without it.
    pub brain: Option<BrainChoice>,
    /// The workers' role.
    pub role: String,
    /// Columns in which a row says otherwise for itself.
    pub columns: RowColumns,
    /// The JSON Schema that results are held to.
    pub schema: Option<String>,
    /// How the output is written.
    pub output_format: OutputFormat,
    /// Whose transcripts are kept.
    pub keep: Keep,
    /// Where the output goes; beside the table if not said, and nowhere if that comes from no file.
    pub output: Option<PathBuf>,
    /// An output that is there already is written over.
    pub overwrite: bool,
    /// How many rows are worked on at once.
    pub concurrency: u32,
    /// Charged failures at which a row is failed.
    pub attempts: u32,
    /// How long one run may take.
    pub timeout: Duration,
    /// Runs that may be started; as many as it takes without it.
    pub turns: Option<u64>,
    /// Tokens after which no more runs are started.
    pub tokens: Option<u64>,
    /// How long after its creation the last run may start.
    pub within: Option<Duration>,
    /// Where its rows are worked on, absolute; where its owner works if nothing is said.
    pub directory: Option<PathBuf>,
    /// Another job, even if the same command was run before.
    pub fresh: bool,
    /// A template that names what is no column is refused, a row's own instruction as well; else that is told, and the name
    /// stays in the text as it is.
    pub strict: bool,
}

/// A job that was asked for.
#[derive(Clone, Debug)]
pub struct JobStarted {
    /// Which one.
    pub job: AgentRef,
    /// Whether it was there.
    pub begun: Begun,
    /// What the template names and the table has not, and then what rows' own instructions do; it stays in the text as it is.
    pub unknown_columns: Vec<UnknownColumns>,
}

/// Whether a job was there when it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new.
    New,
    /// It was there, unfinished, and goes on.
    GoesOn,
    /// It was there, finished; nothing runs.
    Finished,
    /// It was there, finished; its output is missing and is written again.
    WritesAgain,
}

impl JobRequest {
    /// A job of the defaults: 16 rows at once, 3 attempts, half an hour a run. Without a brain it is that of the role.
    pub fn new(input: impl Into<PathBuf>, brain: impl Into<Option<BrainChoice>>) -> Self {
        JobRequest {
            owner: AgentPath::root(),
            name: None,
            input: input.into(),
            id_column: None,
            template: None,
            format: None,
            brain: brain.into(),
            role: DEFAULT_ROLE.to_owned(),
            columns: RowColumns::default(),
            schema: None,
            output_format: OutputFormat::default(),
            keep: Keep::None,
            output: None,
            overwrite: false,
            concurrency: 16,
            attempts: 3,
            timeout: Duration::from_secs(1800),
            turns: None,
            tokens: None,
            within: None,
            directory: None,
            fresh: false,
            strict: false,
        }
    }

    /// The format of the table: the one that is said, or the one that its name says.
    pub(super) fn table_format(&self) -> TableFormat {
        self.format.unwrap_or_else(|| format_of(&self.input))
    }

    /// The columns that the template names and the table has not, unless that is refused.
    pub(super) fn demand_known(&self, headers: &[String]) -> Result<Option<UnknownColumns>, JobError> {
        let template = self.template.as_deref().map(Template::parse);
        match template.and_then(|template| template.unknown_columns(headers)) {
            Some(unknown) if self.strict => Err(unknown.into()),
            unknown => Ok(unknown),
        }
    }

    pub(super) fn demand_settings(&self) -> Result<(), Error> {
        let timeout = u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX);
        for (setting, value) in [("concurrency", self.concurrency), ("attempts", self.attempts), ("timeout", timeout)] {
            if value == 0 {
                return Err(JobError::Zero { setting }.into());
            }
        }
        self.template.as_deref().map_or(Ok(()), |template| demand_length("template", template))
    }
}

/// What is committed with the creation of a job, once its id is known.
pub(super) type Beside<'a> = &'a (dyn Fn(&AgentRef) -> Draft + Send + Sync);

/// What a request's table was found to be.
pub(super) enum Found {
    File(PathBuf, Judged),
    Kept(Kept),
}

/// A request whose files were found and whose table was read.
pub(super) struct Checked {
    /// The table's file, if it has one.
    input: Option<PathBuf>,
    format: TableFormat,
    output: Option<PathBuf>,
    summary: Summary,
    fingerprint: Fingerprint,
}

impl System {
    /// Starts a job, or goes on with the one that the same command started; runs its subtree.
    ///
    /// # Errors
    /// The table, the template or the output is no good (nothing is left of the job then), the table of an earlier same command
    /// has changed, the schema is none, a role or brain is unknown (what a row says for itself is looked at, too), or the owner
    /// is missing or closed.
    pub async fn start_job(&self, request: JobRequest) -> Result<JobStarted, Error> {
        request.demand_settings()?;
        let (system, asked) = (self.clone(), request.clone());
        let read = tokio::task::spawn_blocking(move || {
            let given = &asked.input;
            let judged = system.judge(&asked, open_file(given).map_err(JobError::from)?)?;
            system.judge_order(&asked, given)?;
            let input = std::fs::canonicalize(given).map_err(|source| lost(given, source))?;
            Ok::<_, Error>(Found::File(input, judged))
        });
        let found = read.await.map_err(|_| Error::Stopping)??;
        self.start_over(request, found).await
    }

    /// Reads the whole table of a request, and judges it and what its rows say for themselves. Blocks.
    pub(super) fn judge(&self, request: &JobRequest, reader: impl io::Read) -> Result<Judged, Error> {
        let (format, limits) = (request.table_format(), table_limits(&self.limits));
        let JobRequest { columns, role, brain, id_column, strict, .. } = request;
        let asked = Asked { headers: &[], columns, role, brain: brain.as_ref(), strict: *strict };
        survey(self, reader, (format, limits), id_column.as_deref(), asked)
    }

    /// Judges which rows of a table come after which. Blocks.
    pub(super) fn judge_order(&self, request: &JobRequest, input: &Path) -> Result<(), JobError> {
        let (format, limits, id_column) =
            (request.table_format(), table_limits(&self.limits), request.id_column.as_deref());
        match &request.columns.after {
            Some(column) => after::check(Source { input, format, limits, id_column }, column),
            None => Ok(()),
        }
    }

    /// Starts a job over a table that was judged.
    pub(super) async fn start_over(&self, request: JobRequest, found: Found) -> Result<JobStarted, Error> {
        self.compile_schema(request.schema.as_deref()).await?;
        let (input, judged, kept) = match found {
            Found::File(input, judged) => (Some(input), judged, None),
            Found::Kept(kept) => (None, kept.judged.clone(), Some(kept)),
        };
        let Judged { summary, unknown } = judged;
        let unknown_columns = request.demand_known(&summary.headers)?.into_iter().chain(unknown).collect();
        let checked = self.check(&request, input, summary).await?;
        let known = if request.fresh { None } else { self.known_job(&request, &checked).await? };
        let (job, begun) = match known {
            Some(view) => self.go_on(view).await?,
            None => match self.create_job(&request, &checked, kept, None).await? {
                Some(job) => (job, Begun::New),
                // The same command was given at the same moment.
                None => {
                    let view = self.known_job(&request, &checked).await?;
                    self.go_on(view.ok_or_else(|| Error::NotFound { path: request.owner.clone() })?).await?
                }
            },
        };
        Ok(JobStarted { job, begun, unknown_columns })
    }

    /// Goes on with a job that was started before: clears its own mark, runs its subtree, and writes an output that is
    /// missing again.
    ///
    /// # Errors
    /// There is no such job, or an ancestor is closed.
    pub async fn resume_job(&self, path: &AgentPath) -> Result<JobStarted, Error> {
        let view = self.job(path).await?;
        if view.closed.is_some() {
            self.resume(path).await?;
        }
        let (job, begun) = self.go_on(view).await?;
        Ok(JobStarted { job, begun, unknown_columns: Vec::new() })
    }

    /// Waits until a job is final and its output written.
    ///
    /// # Errors
    /// It is closed, its output cannot be written, there is no such job, the store takes nothing more, or the runtime stops.
    pub async fn job_finished(&self, path: &AgentPath) -> Result<JobView, Error> {
        let mut watch = self.watchers.watch(path);
        // If it stopped over an error before anybody listened, it stops again.
        if self.active.contains(path) && self.job(path).await?.job.unfinished() {
            self.jobs.wake(self, path);
        }
        loop {
            let view = self.job(path).await?;
            if !view.job.unfinished() {
                return Ok(view);
            }
            if let Some(at) = view.closed {
                return Err(Error::Closed { path: path.clone(), at });
            }
            match watch.next().await.ok_or(Error::Stopping)? {
                Heard::Failed(error) => return Err(error),
                Heard::Told(told) => {
                    if let Event::JobExportFailed { reason, .. } = &told.event {
                        let output = PathBuf::from(view.spec.output);
                        return Err(JobError::Unwritten { output, reason: reason.clone() }.into());
                    }
                }
                Heard::Gap => {}
            }
        }
    }

    /// Has a job start no more rows; those running may finish. False if it was being cancelled already.
    ///
    /// # Errors
    /// There is no such job, it is final, or it is closed.
    pub async fn cancel_job(&self, path: &AgentPath) -> Result<bool, Error> {
        self.job(path).await?;
        let (reply, answer) = oneshot::channel();
        self.jobs.deliver(self, path, JobSignal::Cancel { reason: "cancelled by request".to_owned(), reply });
        answer.await.map_err(|_| Error::Stopping)?.map_err(|error| error.of_job(path))
    }

    /// Finds where a request's output goes, and what makes it the same as another.
    pub(super) async fn check(
        &self,
        request: &JobRequest,
        input: Option<PathBuf>,
        summary: Summary,
    ) -> Result<Checked, Error> {
        let format = request.table_format();
        let output = request.output.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let output = output.map(|output| absolute(&output)).transpose()?;
            for path in input.iter().chain(&output) {
                // The job keeps it as text, and opens it again by that.
                path.to_str().ok_or_else(|| JobError::NotText { path: path.clone() })?;
            }
            output.iter().zip(&input).try_for_each(|(output, input)| demand_not_input(output, input))?;
            Ok::<_, JobError>((input, output))
        });
        let (input, output) = looked.await.map_err(|_| Error::Stopping)??;
        // Rows that come again are the same table; a file is, as long as it has not changed.
        let content = || PathBuf::from(format!("sha256:{}", Fingerprint(summary.sha256)));
        let place = input.clone().unwrap_or_else(content);
        let JobRequest { columns, schema, output_format, keep, role, .. } = request;
        let more = (format, columns, schema, output_format, keep, role);
        let mut more = serde_json::to_string(&more).unwrap_or_default();
        if let Some(directory) = &request.directory {
            more.push_str(&directory.to_string_lossy());
        }
        let (brain, settings) = request.brain.as_ref().map_or(("", None), |brain| (&brain.name, Some(&brain.settings)));
        let fingerprint = Fingerprint::of(&Command {
            input: &place,
            id_column: request.id_column.as_deref(),
            brain,
            settings: settings.map_or(&[], std::slice::from_ref),
            template: request.template.as_deref(),
            output: output.as_deref().unwrap_or(Path::new("")),
            more: &more,
        });
        Ok(Checked { input, format, output, summary, fingerprint })
    }

    /// The job that the same command started, if its table is still the same.
    pub(super) async fn known_job(&self, request: &JobRequest, checked: &Checked) -> Result<Option<JobView>, Error> {
        let key = Table::Fingerprint.named(&request.owner, &checked.fingerprint.0);
        let Some(pointer) = self.store.peek::<Pointer>(&key).await? else { return Ok(None) };
        let path = pointer.value.0;
        if node_at(&self.store, &path).await?.is_none() {
            return Ok(None);
        }
        let view = self.job(&path).await?;
        if view.spec.sha256 != checked.summary.sha256 || view.spec.bytes != checked.summary.bytes {
            return Err(JobError::InputChanged { input: view.spec.input, job: path }.into());
        }
        Ok(Some(view))
    }

    async fn go_on(&self, view: JobView) -> Result<(AgentRef, Begun), Error> {
        let JobView { path, job, spec, .. } = view;
        let this = AgentRef::new(path.clone(), job.id);
        let gone = {
            let output = PathBuf::from(&spec.output);
            !spec.output.is_empty()
                && !matches!(job.state, JobState::Failed { .. })
                && tokio::task::spawn_blocking(move || !output.exists()).await.map_err(|_| Error::Stopping)?
        };
        if !job.unfinished() && !gone {
            return Ok((this, Begun::Finished));
        }
        self.demand_open(&path).await?;
        let finished = !job.unfinished();
        if finished {
            let (reply, answer) = oneshot::channel();
            self.jobs.deliver(self, &path, JobSignal::ExportAgain(reply));
            answer.await.map_err(|_| Error::Stopping)??;
        }
        self.run(&path).await?;
        self.jobs.wake(self, &path);
        Ok((this, if finished { Begun::WritesAgain } else { Begun::GoesOn }))
    }

    /// Starts a new job over a table that is kept, in one commit with what `beside` makes of it.
    pub(super) async fn start_kept(
        &self,
        request: JobRequest,
        kept: Kept,
        beside: Beside<'_>,
    ) -> Result<JobStarted, Error> {
        self.compile_schema(request.schema.as_deref()).await?;
        let Judged { summary, unknown } = kept.judged.clone();
        let unknown_columns = request.demand_known(&summary.headers)?.into_iter().chain(unknown).collect();
        let checked = self.check(&request, None, summary).await?;
        let job = self.create_job(&request, &checked, Some(kept), Some(beside)).await?;
        let job = job.ok_or_else(|| Error::NotFound { path: request.owner.clone() })?;
        Ok(JobStarted { job, begun: Begun::New, unknown_columns })
    }

    /// Creates the job. Nothing: the same command has made one meanwhile.
    async fn create_job(
        &self,
        request: &JobRequest,
        checked: &Checked,
        kept: Option<Kept>,
        beside: Option<Beside<'_>>,
    ) -> Result<Option<AgentRef>, Error> {
        let Checked { input, format, output, summary, fingerprint } = checked;
        let ground = match &request.directory {
            Some(directory) => Some(self.place(directory).await?),
            None => self.inherited(&request.owner).await?,
        };
        let id = AgentId::new();
        let name = request.name.clone().unwrap_or_else(|| format!("job_{}", id.short()));
        let path = request.owner.join(&name)?;
        let near = |input: &PathBuf| default_output(input, &id.short(), request.output_format.kind);
        let output = output.clone().or_else(|| input.as_ref().map(near));
        if let Some(output) = &output {
            self.demand_free(output.clone(), None, (!request.fresh).then_some(*fingerprint)).await?;
        }
        let (place, overwrite) = (kept.as_ref().map(|_| self.spool.place(id)).transpose()?, request.overwrite);
        let (checked_output, settled) = (output.clone(), place.clone());
        let ready = tokio::task::spawn_blocking(move || {
            checked_output.map_or(Ok(()), |output| check_writable(&output, overwrite))?;
            kept.zip(settled).map_or(Ok(()), |(kept, place)| kept.settle(&place))
        });
        ready.await.map_err(|_| Error::Stopping)??;
        let spec = JobSpec {
            input: text(input.as_deref()),
            format: *format,
            bytes: summary.bytes,
            sha256: summary.sha256,
            rows: summary.rows,
            headers: summary.headers.clone(),
            id_column: request.id_column.clone(),
            template: request.template.clone(),
            brain: request.brain.clone(),
            role: request.role.clone(),
            columns: request.columns.clone(),
            schema: request.schema.clone(),
            output: text(output.as_deref()),
            output_format: request.output_format,
            keep: request.keep,
            attempts: request.attempts,
            timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
            fingerprint: fingerprint.0,
        };
        let job = AgentRef::new(path.clone(), id);
        let concurrency = request.concurrency.min(u32::try_from(self.limits.turns).unwrap_or(u32::MAX));
        let until = request.within.map(|within| self.clock.now().after(within));
        let limits = JobLimits { concurrency, turns: request.turns, tokens: request.tokens, until };
        let (spec, fresh) = (Box::new(spec), request.fresh);
        let mut beside = beside.map(|beside| beside(&job));
        if let Some(ground) = ground {
            let row = ground.record(id, self.clock.now());
            let _ = beside.get_or_insert_default().create(Table::Directory.at(&path), &row);
        }
        let beside = beside.map(Box::new);
        let create = Request::CreateJob { path: path.clone(), job: job.clone(), spec, limits, fresh, beside };
        match self.register(create).await {
            // The job may be there all the same, and the next process reads its table.
            Err(error @ (Error::Store(_) | Error::Stopping)) => Err(error),
            refused @ (Ok(Answer::Done(false)) | Err(_)) => {
                if place.is_some() {
                    self.let_table_go(id).await;
                }
                refused.map(|_| None)
            }
            Ok(_) => {
                self.jobs.deliver(self, &path, JobSignal::Import);
                self.run(&path).await?;
                Ok(Some(job))
            }
        }
    }
}

/// A path as a job keeps it, which it was found to be fit for; empty for none.
fn text(path: Option<&Path>) -> String {
    path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}
