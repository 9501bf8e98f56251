//! The verbs of one job that whoever has the store carries out.

use understory_server::{Failure, JobControl, Request};

use crate::arguments::JobItemsArguments;
use crate::command::Session;

/// `job items`.
pub(crate) async fn items(session: &Session, arguments: JobItemsArguments) -> Result<u8, Failure> {
    let JobItemsArguments { job, status, after, limit } = arguments;
    let control = JobControl::Items { path: job, status, after, limit: limit.into() };
    session.done(Request::JobControl(control)).await
}
