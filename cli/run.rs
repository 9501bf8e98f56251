//! `understory run`: this process runs a subtree.

use serde_json::json;
use understory_server::{Code, Failure};

use crate::ask::word;
use crate::command::Session;
use crate::door::Door;
use crate::exit;

/// Runs a subtree until a signal, or until nothing is left to do.
pub(crate) async fn until_told(session: &Session, path: &str, until_idle: bool) -> Result<u8, Failure> {
    let terminal = &session.terminal;
    let owner = Door::own(session, "run").await?;
    let (runtime, others_answered) = (owner.runtime.clone(), owner.others_answered());
    let work = async move {
        let top = runtime.find(path).await?.path().clone();
        if until_idle {
            let unwritten = runtime.run_to_rest(&top).await?;
            others_answered.await;
            return Ok((top, unwritten));
        }
        runtime.run(&top).await?;
        terminal.note(&format!("running {top}; Ctrl-C ends it"));
        runtime.system().stopped().await;
        Ok((top, Vec::new()))
    };
    let go_on = || Failure::new(Code::Interrupted, "").hint(format!("understory run {}", word(path)));
    let (path, unwritten) = owner.until_signal(work, go_on).await?;
    if terminal.json() {
        let document = json!({ "path": path, "unwritten": unwritten }).to_string();
        session.signals.unless(session.data(document)).await?;
    }
    for job in &unwritten {
        terminal.warn(&format!("the output of {job} could not be written: understory job show {job}"));
    }
    Ok(if unwritten.is_empty() { exit::OK } else { exit::FAILURE })
}
