//! What a turn's calls leave in its transcript beside the lines of those that change something: calls that only look, what
//! every call was answered, and calls of the brain's own tools.

use understory_store::{Draft, ToolUse, TranscriptEntry};

use super::{ToolError, Tools};
use crate::error::Error;
use crate::redaction::redact;
use crate::unwritten::{beginning, told};

/// A call under way.
pub(super) struct Call {
    tools: Tools,
    /// False within another call, which has its line and its answer.
    own: bool,
}

impl Tools {
    /// Begins a call, unless one is under way with these tools.
    pub(super) fn begun(&self) -> Call {
        let unwritten = self.caller.unwritten().filter(|_| self.call.is_none() && self.caller.is_transcribed());
        let Some(unwritten) = unwritten else { return Call { tools: self.clone(), own: false } };
        let call = Some(unwritten.begin());
        Call { tools: Tools { call, ..self.clone() }, own: true }
    }

    /// See [`Turn::note_tool`](crate::Turn::note_tool).
    pub(crate) async fn note_tool(
        &self,
        name: &str,
        arguments: &str,
        answer: &Result<String, String>,
    ) -> Result<(), ToolError> {
        let (name, arguments) = (beginning(name), beginning(arguments));
        self.begun().note(name, arguments, answer);
        self.write_overflow().await
    }

    /// Writes what a turn's transcript lacks, with a commit of its own.
    pub(crate) async fn write_lines(&self) -> Result<(), ToolError> {
        let Some(unwritten) = self.caller.unwritten() else { return Ok(()) };
        if unwritten.all().is_empty() {
            return Ok(());
        }
        let call = unwritten.begin();
        Ok(self.unless_over(|| self.commit_lines(call)).await?)
    }

    async fn write_overflow(&self) -> Result<(), ToolError> {
        match self.caller.unwritten().and_then(|unwritten| unwritten.overflow()) {
            Some(call) => Ok(self.unless_over(|| self.commit_lines(call)).await?),
            None => Ok(()),
        }
    }

    async fn commit_lines(&self, call: u32) -> Result<(), Error> {
        let Some(unwritten) = self.caller.unwritten() else { return Ok(()) };
        let mut draft = Draft::new();
        self.caller.fence(&mut draft);
        for line in unwritten.join(call) {
            self.caller.write_line(&mut draft, &line);
        }
        let committed = self.system.store.commit(draft).await;
        unwritten.settle(call, committed.is_ok());
        committed.map(drop).map_err(|error| self.caller.explain(error))
    }
}

impl Call {
    pub(super) fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Notes what a call came to, in the words of its answer, and hands it on.
    pub(super) async fn over<T>(
        self,
        name: &str,
        arguments: impl FnOnce() -> String,
        answer: Result<T, ToolError>,
        words: impl FnOnce(&T) -> String,
    ) -> Result<T, ToolError> {
        if self.own {
            let told = answer.as_ref().map(words).map_err(ToString::to_string);
            self.note(name, &arguments(), &told);
            // A turn that is over has nothing more to write.
            let _ = self.tools.write_overflow().await;
        }
        answer
    }

    fn note(&self, name: &str, arguments: &str, answer: &Result<String, String>) {
        let (Some(unwritten), Some(call)) = (self.tools.caller.unwritten(), self.tools.call) else { return };
        let written = unwritten.settle(call, answer.is_ok());
        // What a tool keeps of a secret is for the tool to say; nothing of it comes to lie here.
        let redacted = |text: &String| redact(text).text;
        let answer = answer.as_ref().map(redacted).map_err(redacted);
        let entry = self.tools.entry(name, redact(beginning(arguments)).text);
        let lines = entry.map(|entry: ToolUse| told(entry, written, &answer));
        unwritten.note(lines.into_iter().flatten().collect::<Vec<TranscriptEntry>>());
    }
}
