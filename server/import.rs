//! Entries of a transcript that are handed in.

use understory::{
    AgentPath, InboxKey, PlacedEntry, Runtime, Said, Speaker, TEXT_MAX, Time, ToolResult, ToolUse, TranscriptEntry,
};

use crate::failure::{Code, Failure};
use crate::transcript::{TranscriptLine, line};

impl TranscriptLine {
    /// What it is in another transcript: messages and answers are words of a conversation there, calls and results are of no
    /// turn. Nothing of what only says that something is gone.
    ///
    /// # Errors
    /// It is no entry, in words.
    pub fn taken_in(self) -> Result<Option<TranscriptLine>, String> {
        let nowhere = InboxKey { sequence: 0, n: 0 };
        let Some(entry) = entry(self.clone())? else { return Ok(None) };
        // As it will be read: what a file leaves out and an entry has must not make two of one.
        let read = line(PlacedEntry { row: nowhere, entry });
        Ok(Some(TranscriptLine { entry: self.entry, at: self.at, ..read }))
    }

    /// Whether both are the same entry, wherever they lie.
    pub fn is(&self, other: &TranscriptLine) -> bool {
        let parts = |line: &TranscriptLine| {
            let TranscriptLine { kind, turn, from, tool, call, result, text, .. } = line.clone();
            (kind, turn, from, tool, call, result, text)
        };
        parts(self) == parts(other)
    }
}

/// Adds entries behind `after`; tells the place of the last one.
pub(crate) async fn import(
    runtime: &Runtime,
    into: &AgentPath,
    after: Option<InboxKey>,
    lines: Vec<TranscriptLine>,
) -> Result<Option<InboxKey>, Failure> {
    let mut entries = Vec::with_capacity(lines.len());
    for line in lines {
        entries.extend(entry(line).map_err(|words| Failure::new(Code::InvalidText, words))?);
    }
    Ok(runtime.system().import_entries(into, after, &entries).await?)
}

fn entry(line: TranscriptLine) -> Result<Option<TranscriptEntry>, String> {
    let at: jiff::Timestamp = line.at.parse().map_err(|_| format!("{:?} is no time", line.at))?;
    let at = Time(u64::try_from(at.as_millisecond()).unwrap_or_default());
    let TranscriptLine { kind, from, tool, call, result, text, bytes, .. } = line;
    let (text, tool) = (beginning(text), tool.map(beginning));
    let said = |speaker, text| Ok(Some(TranscriptEntry::Said(Said { speaker, text, at })));
    let (turn, call) = (0, call.unwrap_or_default());
    match kind.as_str() {
        "message" => said(Speaker::User, text),
        "said" => {
            let from = from.unwrap_or_default();
            let speaker = Speaker::ALL.into_iter().find(|speaker| speaker.as_str() == from);
            said(speaker.ok_or_else(|| format!("{from:?} is none of system, developer, user and assistant"))?, text)
        }
        "answer" if result.as_deref() == Some("completed") => said(Speaker::Assistant, text),
        "answer" => said(Speaker::System, text),
        "call" => {
            let name = tool.ok_or("a call without a tool")?;
            Ok(Some(TranscriptEntry::Tool(ToolUse { turn, call, name, arguments: text, at })))
        }
        "result" => {
            let (name, done) = (tool.ok_or("a result without a tool")?, result.as_deref() == Some("done"));
            Ok(Some(TranscriptEntry::Result(ToolResult { turn, call, name, done, content: text, bytes, at })))
        }
        "compacted" => Ok(None),
        other => Err(format!("{other:?} is no kind of entry")),
    }
}

/// As much as an entry may have of it.
fn beginning(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    text
}
