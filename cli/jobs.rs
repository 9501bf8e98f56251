//! The verbs of one job that whoever has the store carries out.

use understory::RetryRequest;
use understory_server::{Code, Failure, JobAnswer, JobControl, Reply, Request, UNSURE};

use crate::arguments::{JobBoundsArguments, JobExportArguments, JobItemsArguments, JobRetryArguments, JobSetArguments};
use crate::command::Session;
use crate::confirm::confirm;
use crate::door::Door;
use crate::job;
use crate::render::{self, escaped};

/// `job items`.
pub(crate) async fn items(session: &Session, arguments: JobItemsArguments) -> Result<u8, Failure> {
    let JobItemsArguments { job, status, after, limit } = arguments;
    let control = JobControl::Items { path: job, status, after, limit: limit.into() };
    session.done(Request::JobControl(control)).await
}

/// `job retry`: in the process that has the store, which runs the job then, or to the job's end in this one.
pub(crate) async fn retry(session: &Session, arguments: JobRetryArguments) -> Result<u8, Failure> {
    let JobRetryArguments { job, failed, skipped, item } = arguments;
    let all = !failed && !skipped && item.is_empty();
    let request = RetryRequest { failed: failed || all, skipped: skipped || all, items: item };
    match Door::open(session).await? {
        Door::Own(owner) => job::retry(session, *owner, job, request).await,
        Door::Other(mut client) => {
            let RetryRequest { failed, skipped, items } = request;
            let asked = Request::JobControl(JobControl::Retry { path: job, failed, skipped, items });
            let reply = session.signals.unless(client.ask(&asked)).await.map_err(|failure| failure.hint(UNSURE))?;
            let Reply::JobControl(JobAnswer::Retried(asked)) = reply else {
                return Err(Failure::new(Code::Failure, "a retry was asked for, and something else came"));
            };
            session.terminal.note(&render::retried(&asked));
            drop(client);
            job::watch::watch(session, Some(asked.job.to_string())).await
        }
    }
}

/// `job pause`.
pub(crate) async fn pause(session: &Session, job: Option<String>, reason: String) -> Result<u8, Failure> {
    session.done(Request::JobControl(JobControl::Pause { path: job, reason })).await
}

/// `job unpause`.
pub(crate) async fn unpause(session: &Session, job: Option<String>) -> Result<u8, Failure> {
    session.done(Request::JobControl(JobControl::Unpause { path: job })).await
}

/// `job set`.
pub(crate) async fn set(session: &Session, arguments: JobSetArguments) -> Result<u8, Failure> {
    let JobSetArguments { job, bounds } = arguments;
    let JobBoundsArguments { concurrency, max_turns: turns, max_tokens: tokens, max_time } = bounds;
    let seconds = max_time.map(u64::from);
    session.done(Request::JobControl(JobControl::Set { path: job, concurrency, turns, tokens, seconds })).await
}

/// `job export`.
pub(crate) async fn export(session: &Session, arguments: JobExportArguments) -> Result<u8, Failure> {
    let JobExportArguments { job, out, written, overwrite } = arguments;
    let format = written.format(Some(&out))?;
    // Whoever has the store may have another directory.
    let place = std::path::absolute(&out).ok().and_then(|place| place.to_str().map(str::to_owned));
    let output = place.ok_or_else(|| Failure::new(Code::Usage, "the name of the output is no text"))?;
    let control = JobControl::Export { path: job, output, format, overwrite };
    session.done(Request::JobControl(control)).await
}

/// `job remove`.
pub(crate) async fn remove(session: &Session, job: String, dry_run: bool, yes: bool) -> Result<u8, Failure> {
    let shown = escaped(&job);
    let question = format!("remove {shown} and its rows for good?");
    confirm(session, yes || dry_run, "job remove", question, format!("{shown} was not removed")).await?;
    session.done(Request::JobControl(JobControl::Remove { path: job, dry_run })).await
}
