//! `remove`.

use understory_server::{Failure, Request};

use crate::command::Session;
use crate::confirm::confirm;
use crate::setting::agent_path;

/// Asks, unless nothing is removed or that was said, and removes.
pub(crate) async fn remove(session: &Session, path: &str, dry_run: bool, yes: bool) -> Result<u8, Failure> {
    let path = agent_path(path)?;
    let question = format!("remove {path} and everything below it, for good?");
    confirm(session, yes || dry_run, "remove", question, format!("{path} was not removed")).await?;
    session.done(Request::Remove { path, dry_run }).await
}
