//! `remove`.

use understory_server::{Failure, Request};

use crate::command::Session;
use crate::confirm::confirm;
use crate::render::escaped;

/// Asks, unless nothing is removed or that was said, and removes.
pub(crate) async fn remove(session: &Session, path: &str, dry_run: bool, yes: bool) -> Result<u8, Failure> {
    let shown = escaped(path);
    let question = format!("remove {shown} and everything below it, for good?");
    confirm(session, yes || dry_run, "remove", question, format!("{shown} was not removed")).await?;
    session.done(Request::Remove { path: path.to_owned(), dry_run }).await
}
