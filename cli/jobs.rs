//! The verbs of one job that whoever has the store carries out.

use understory::RetryRequest;
use understory_server::{Failure, JobControl, Request, UNSURE};

use crate::arguments::{JobItemsArguments, JobRetryArguments};
use crate::command::Session;
use crate::confirm::confirm;
use crate::door::Door;
use crate::render::escaped;
use crate::{exit, job};

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
        door @ Door::Other(_) => {
            let RetryRequest { failed, skipped, items } = request;
            let control = JobControl::Retry { path: job, failed, skipped, items };
            door.ask(session, Request::JobControl(control), UNSURE).await?;
            Ok(exit::OK)
        }
    }
}

/// `job remove`.
pub(crate) async fn remove(session: &Session, job: String, dry_run: bool, yes: bool) -> Result<u8, Failure> {
    let shown = escaped(&job);
    let question = format!("remove {shown} and its rows for good?");
    confirm(session, yes || dry_run, "job remove", question, format!("{shown} was not removed")).await?;
    session.done(Request::JobControl(JobControl::Remove { path: job, dry_run })).await
}
