//! The verbs of one job that whoever has the store carries out.

use understory_server::{Failure, JobControl, Request};

use crate::arguments::JobItemsArguments;
use crate::command::Session;
use crate::confirm::confirm;
use crate::render::escaped;

/// `job items`.
pub(crate) async fn items(session: &Session, arguments: JobItemsArguments) -> Result<u8, Failure> {
    let JobItemsArguments { job, status, after, limit } = arguments;
    let control = JobControl::Items { path: job, status, after, limit: limit.into() };
    session.done(Request::JobControl(control)).await
}

/// `job remove`.
pub(crate) async fn remove(session: &Session, job: String, dry_run: bool, yes: bool) -> Result<u8, Failure> {
    let shown = escaped(&job);
    let question = format!("remove {shown} and its rows for good?");
    confirm(session, yes || dry_run, "job remove", question, format!("{shown} was not removed")).await?;
    session.done(Request::JobControl(JobControl::Remove { path: job, dry_run })).await
}
