//! Asking before something is done that cannot be taken back easily.

use understory_server::{Code, Failure};

use crate::command::Session;

/// Goes on if that was said on the command line or is said now. `verb` acts, and `undone` tells that it did not.
pub(crate) async fn confirm(
    session: &Session,
    yes: bool,
    verb: &str,
    question: String,
    undone: String,
) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let terminal = session.terminal.clone();
    match session.aside(move || Ok(terminal.confirm(&question))).await? {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Code::Failure, undone)),
        None => {
            let message = format!("{verb} asks before it acts, and there is no terminal to ask on");
            Err(Failure::new(Code::Usage, message).hint("--yes does it without asking"))
        }
    }
}
