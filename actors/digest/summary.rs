//! What a brain says of its own work: kept with the digest, from which it is told apart.

use understory_store::{CommitError, Draft, SUMMARY_MAX, Summary, Table, ToolUse, TranscriptEntry};

use super::Derived;
use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::error::{Error, demand_length};
use crate::redaction::redact;
use crate::system::System;

impl System {
    /// Keeps what a turn says of its agent's work, over what was said before. It is durable when this returns.
    pub(crate) async fn summarise(&self, caller: &Caller, text: &str, tool: Option<ToolUse>) -> Result<(), Error> {
        let path = &caller.me().path;
        authorise(caller, Verb::Remember, path)?;
        let (text, turn) = (cleaned(text)?, Some(caller.turn()).filter(|turn| *turn > 0));
        loop {
            let Derived { digested, kept, .. } = self.derive_digest(path).await?;
            let summary = Summary { turn, text: text.clone(), at: self.clock.now() };
            let digest = digested.digest.summarised(Some(summary));
            let mut draft = Draft::new();
            caller.fence(&mut draft);
            match &kept {
                Some(row) => drop(draft.update(row, &digest)),
                None => drop(draft.create(Table::Digest.at(path), &digest)),
            }
            if let Some(tool) = tool.clone() {
                caller.transcribe(&mut draft, &TranscriptEntry::Tool(tool));
            }
            match self.store.commit(draft).await {
                Ok(_) => return Ok(()),
                // Somebody kept one meanwhile.
                Err(CommitError::Conflict { key, .. }) if key == Table::Digest.at(path) => {}
                Err(error) => return Err(caller.explain(error)),
            }
        }
    }
}

/// A summary as it may be kept.
fn cleaned(text: &str) -> Result<String, Error> {
    demand_length("summary", text)?;
    let text = redact(text.trim()).text;
    match text.len() {
        0 => Err(Error::BadLabel { what: "summary".to_owned(), rule: "is blank" }),
        bytes if bytes > SUMMARY_MAX => Err(Error::TooLong { what: "summary", bytes, max: SUMMARY_MAX }),
        _ => Ok(text),
    }
}
