//! `understory job run` and `job resume`: this process runs one job to its end.

pub(crate) mod watch;

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use understory::{
    AgentPath, Begun, Event, Heard, Job, JobRequest, JobStarted, JobView, OutputFormat, OutputKind, RetryRequest,
    RowColumns, Runtime,
};
use understory_server::{
    Code, Failure, JobLimitsLine, JobLine, PauseLine, Reply, Request, WatchedJob, answer, job_line, retried_line,
    unfinished_job, watched,
};

use crate::arguments::{JobRunArguments, PlanJobArguments};
use crate::brains;
use crate::command::{Session, blocking};
use crate::door::Door;
use crate::exit;
use crate::given::Given;
use crate::owner::Owner;
use crate::plan;
use crate::progress::{Progress, Standing};
use crate::render::{self, grouped};
use crate::setting::{agent_path, read_text};

/// The table that is read from stdin.
const STDIN: &str = "-";

/// How often a job is looked at for what no event tells: its pace, and what it has spent.
const LOOK: Duration = Duration::from_secs(1);

/// Starts a job, or goes on with the one that the same command started.
pub(crate) async fn run(session: &Session, arguments: JobRunArguments) -> Result<u8, Failure> {
    let streamed = streamed(&arguments.table);
    if streamed && arguments.out.is_none() {
        let message = "a table that comes through a pipe has no place for an output beside it: add --out FILE";
        return Err(Failure::new(Code::Usage, message));
    }
    let (planned, given) = (arguments.dry_run.then_some(arguments.first), Given::of(&arguments));
    let request = request(session, arguments).await?;
    if let Some(count) = planned {
        return plan::show(session, request, streamed, count).await;
    }
    let owner = Door::own(session, "job run").await?;
    let runtime = owner.runtime.clone();
    finish(session, owner, "the same command goes on", async move {
        let (job, started) = if streamed {
            let table = request.input.clone();
            let reader = blocking(move || open(&table)).await?;
            runtime.start_job_from(request, reader).await?
        } else {
            runtime.start_job(request).await?
        };
        if let Some(unapplied) = given.unapplied(started.begun, &job.show().await?) {
            session.terminal.warn(&unapplied);
        }
        if started.begun == Begun::Finished {
            session.terminal.note("the same command was run before: --new starts another job");
        }
        Ok(started)
    })
    .await
}

/// Runs the ready nodes of a plan as the rows of a job.
pub(crate) async fn run_planned(session: &Session, arguments: PlanJobArguments) -> Result<u8, Failure> {
    let PlanJobArguments { path, name, brain, role, instruction, concurrency, attempts, timeout, out } = arguments;
    let brain = brains::choice(session, brain).await?;
    let output_format = OutputFormat {
        kind: out.as_ref().map_or(OutputKind::Csv, |out| OutputKind::of_name(&out.to_string_lossy())),
        ..OutputFormat::default()
    };
    let request = JobRequest {
        name,
        template: instruction,
        role,
        output: out,
        output_format,
        concurrency,
        attempts,
        timeout: Duration::from_secs(timeout.into()),
        ..JobRequest::new("plan.jsonl", brain)
    };
    let owner = Door::own(session, "plan job").await?;
    let runtime = owner.runtime.clone();
    finish(session, owner, "understory job resume goes on with it", async move {
        let path = runtime.find(&path).await?.path().clone();
        Ok(runtime.plan(path).job(request).await?)
    })
    .await
}

/// Goes on with a job.
pub(crate) async fn resume(session: &Session, job: Option<&str>) -> Result<u8, Failure> {
    let named = job.map(str::to_owned);
    let owner = Door::own(session, "job resume").await?;
    let runtime = owner.runtime.clone();
    finish(session, owner, "the same command goes on", async move {
        let path = match named {
            Some(path) => runtime.find(&path).await?.path().clone(),
            None => to_resume(&runtime).await?,
        };
        Ok(runtime.job(path).resume().await?)
    })
    .await
}

/// Tries rows of a job again and runs it to its end.
pub(crate) async fn retry(
    session: &Session,
    owner: Owner,
    job: Option<String>,
    request: RetryRequest,
) -> Result<u8, Failure> {
    let runtime = owner.runtime.clone();
    finish(session, owner, "what is tried again goes on", async move {
        let path = match job {
            Some(path) => runtime.find(&path).await?.path().clone(),
            None => newest(&runtime).await?,
        };
        let job = runtime.job(path.clone());
        let asked = retried_line(path, job.retry(&request).await?);
        session.terminal.note(&render::retried(&asked));
        Ok(job.resume().await?)
    })
    .await
}

async fn newest(runtime: &Runtime) -> Result<AgentPath, Failure> {
    match answer(runtime, Request::Job { path: None }).await? {
        Reply::Job(job) => Ok(job.path),
        _ => Err(Failure::new(Code::Failure, "a job was asked for, and something else came")),
    }
}

async fn to_resume(runtime: &Runtime) -> Result<AgentPath, Failure> {
    match answer(runtime, Request::Jobs).await? {
        Reply::Jobs(jobs) => Ok(unfinished_job(&jobs.jobs)?.path.clone()),
        _ => Err(Failure::new(Code::Failure, "a list of jobs was asked for, and something else came")),
    }
}

async fn request(session: &Session, arguments: JobRunArguments) -> Result<JobRequest, Failure> {
    let brain = brains::choice(session, arguments.brain).await?;
    let template = match (arguments.template, arguments.instruction) {
        (Some(file), _) => Some(session.aside(move || read_text("template", &file)).await?),
        (None, instruction) => instruction,
    };
    let schema = match arguments.schema {
        Some(file) => Some(session.aside(move || read_text("schema", &file)).await?),
        None => None,
    };
    let output_format = arguments.written.format(arguments.out.as_deref())?;
    let usual = JobRequest::new(arguments.table, brain);
    Ok(JobRequest {
        schema,
        owner: agent_path(&arguments.owner)?,
        name: arguments.name,
        id_column: arguments.id_column,
        template,
        format: arguments.format.map(Into::into),
        output_format: OutputFormat { grows: arguments.grow.map(Into::into), ..output_format },
        output: arguments.out,
        overwrite: arguments.overwrite,
        directory: arguments.dir.map(|dir| session.setting.cwd.join(dir)),
        concurrency: arguments.concurrency.unwrap_or(usual.concurrency),
        attempts: arguments.attempts.unwrap_or(usual.attempts),
        timeout: arguments.timeout.map_or(usual.timeout, |seconds| Duration::from_secs(seconds.into())),
        turns: arguments.max_turns,
        tokens: arguments.max_tokens,
        within: arguments.max_time.map(|seconds| Duration::from_secs(seconds.into())),
        keep: arguments.keep.into(),
        fresh: arguments.new,
        strict: arguments.strict,
        role: arguments.rows.role,
        columns: RowColumns {
            role: arguments.rows.role_column,
            brain: arguments.rows.brain_column,
            model: arguments.rows.model_column,
            instruction: arguments.rows.instruction_column,
            timeout: arguments.rows.timeout_column,
            attempts: arguments.rows.attempts_column,
            after: arguments.after_column,
        },
        ..usual
    })
}

/// Whether a table can be read only once, and a job reads it twice. What is not there is found when it is opened.
fn streamed(table: &Path) -> bool {
    table == Path::new(STDIN) || fs::metadata(table).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Opens a table that can be read only once; waits for the other end of a pipe.
pub(crate) fn open(table: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if table == Path::new(STDIN) {
        return Ok(Box::new(io::stdin()));
    }
    let unread = |error| Failure::new(Code::Failure, format!("failed to open table {}: {error}", table.display()));
    Ok(Box::new(File::open(table).map_err(unread)?))
}

/// Follows a job to its end, prints what came of it, and ends the process's part in order.
async fn finish(
    session: &Session,
    owner: Owner,
    go_on: &str,
    start: impl Future<Output = Result<JobStarted, Failure>>,
) -> Result<u8, Failure> {
    let terminal = &session.terminal;
    let progress = Arc::new(Progress::new(terminal, terminal.every()));
    let (runtime, followed) = (owner.runtime.clone(), progress.clone());
    let work = async move {
        let started = start.await?;
        let job = runtime.job(started.job.path.clone());
        announce(session, &started, &job.show().await?);
        followed.asked(started.begun);
        let view = follow(&runtime, &job, &followed).await;
        followed.end();
        if view.is_err() {
            match stands(&job).await {
                Ok(line) => followed.ended(Standing::from(&line), &[]),
                Err(_) => followed.cut(),
            }
        }
        // Said before the store is let go, which may take a while when much was written.
        sum_up(session, &followed, watched(&job, &view?).await?).await
    };
    let stopped = || {
        progress.end();
        progress.cut();
        let failure = Failure::new(Code::Interrupted, progress.standing().unwrap_or_default());
        match progress.job() {
            Some(job) => failure.hint(format!("{go_on}, and so does: understory job resume {job}")),
            None => failure.hint(go_on),
        }
    };
    owner.until_signal(work, stopped).await
}

fn announce(session: &Session, started: &JobStarted, view: &JobView) {
    let terminal = &session.terminal;
    for unknown in &started.unknown_columns {
        terminal.warn(&unknown.to_string());
    }
    if terminal.json() {
        return;
    }
    let path = &view.path;
    let (done, rows) = (grouped(view.job.counts.done().into()), render::rows(view.spec.rows.into()));
    match started.begun {
        Begun::New => terminal.note(&format!("job {path}: {rows}")),
        Begun::GoesOn => terminal.note(&format!("job {path} goes on: {done} of {rows} are done")),
        Begun::WritesAgain => {
            terminal.note(&format!("job {path} is finished; its output is missing and is written again"));
        }
        Begun::Finished => terminal.note(&format!("job {path} is finished: nothing runs")),
    }
}

/// Shows the job's progress until it is final and its output written.
async fn follow(runtime: &Runtime, job: &Job, progress: &Progress) -> Result<JobView, Failure> {
    // Listening begins before the look, so that nothing falls in between.
    let mut events = runtime.events(None);
    let line = stands(job).await?;
    progress.begin(Standing::from(&line), !line.finished);
    let mut look = tokio::time::interval(LOOK);
    let finished = job.finished();
    tokio::pin!(finished);
    at_work(&line)?;
    loop {
        tokio::select! {
            view = &mut finished => return Ok(view?),
            _ = look.tick() => progress.stands(Standing::from(&stands(job).await?)),
            heard = events.next() => match heard? {
                Some(Heard::Told(told)) => {
                    if let Event::JobChanged { job: changed, state, counts } = &told.event
                        && changed.path == *job.path()
                    {
                        progress.moved(state, *counts);
                        if counts.running == 0 && counts.pending > 0 {
                            at_work(&stands(job).await?)?;
                        }
                    }
                }
                Some(Heard::Lagged) => {}
                Some(Heard::Gap(_)) => {
                    let line = stands(job).await?;
                    progress.stands(Standing::from(&line));
                    at_work(&line)?;
                }
                // The runtime stops: what waits for the job says so.
                None => return Ok(finished.await?),
            },
        }
    }
}

/// A job as it stands, without a look at its rows.
async fn stands(job: &Job) -> Result<JobLine, Failure> {
    Ok(job_line(&job.show().await?, Vec::new()))
}

/// Tells what came of a job that is finished; its exit code.
async fn sum_up(session: &Session, progress: &Progress, watched: WatchedJob) -> Result<u8, Failure> {
    let WatchedJob { job, slowest } = watched;
    progress.ended(Standing::from(&job), &slowest);
    let code = judge(&job);
    if session.terminal.json() {
        session.data(render::document(&Reply::Job(job))).await?;
    } else {
        session.terminal.note(&render::summary(&job, &slowest));
    }
    code
}

/// Nobody waits for a job of which nothing runs until a person says so.
fn at_work(job: &JobLine) -> Result<(), Failure> {
    match &job.pause {
        Some(PauseLine { reason, until: None, used_up, goal }) if job.state == "running" && job.counts.running == 0 => {
            let path = &job.path;
            let failure = Failure::new(Code::Failure, format!("{path} is paused: {}", render::escaped(reason)));
            let first = match (goal, used_up) {
                (Some(goal), _) => format!("understory goal raise {goal} --budget N"),
                (None, true) => format!("understory job set {path} {}", raises(job)),
                (None, false) => format!("understory job unpause {path}"),
            };
            Err(failure.hint(format!("{first}, and then understory job resume {path}")))
        }
        _ => Ok(()),
    }
}

/// What `job set` is told so that a job goes on that has used up what it may use.
fn raises(job: &JobLine) -> &'static str {
    match job.limits {
        JobLimitsLine { tokens: Some(tokens), .. } if job.spent.tokens >= tokens => "--max-tokens N",
        JobLimitsLine { turns: Some(turns), .. } if job.spent.turns >= turns => "--max-turns N",
        _ => "--max-time SECONDS",
    }
}

/// The exit code of a job that is finished.
fn judge(job: &JobLine) -> Result<u8, Failure> {
    match job.state.as_str() {
        "failed" => {
            let reason = job.reason.as_deref().unwrap_or_default();
            Err(Failure::new(Code::Failure, format!("{} failed: {reason}", job.path)))
        }
        "cancelled" => Ok(exit::FAILURE),
        _ if job.counts.failed + job.counts.skipped > 0 => Ok(exit::FAILED_ROWS),
        _ => Ok(exit::OK),
    }
}
