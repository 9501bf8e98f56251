//! Transcripts, as they are asked for and answered.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, Compaction, EntryKind, Error, InboxKey, PlacedEntry, PruneReport, PruneRequest, Runtime, Sender,
    TranscriptEntry, TranscriptPage, TranscriptPart, TranscriptQuery,
};

use crate::failure::{Code, Failure};
use crate::import::import;
use crate::told::moment;
use crate::usage::UsageLine;

/// Something asked of transcripts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptRequest {
    /// Entries of one, a page at a time.
    Page(EntriesRequest),
    /// Entries shall be added to one of an agent that has done nothing.
    Import {
        /// Whose.
        path: String,
        /// Its last entry; nothing if it has none.
        after: Option<String>,
        /// They: no more than 256, of 1 MiB together.
        entries: Vec<TranscriptLine>,
    },
    /// The oldest entries of a subtree shall go.
    Prune {
        /// The top, as in other requests.
        path: String,
        /// Those older than this, in milliseconds.
        older_than_ms: Option<u64>,
        /// So many as it takes for the others to have no more bytes than this.
        keep_bytes: Option<u64>,
        /// Only what would go is asked.
        dry_run: bool,
    },
}

/// Which entries are asked for. What is not named is no matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntriesRequest {
    /// Whose, as a path or a nickname.
    pub path: String,
    /// The entry behind which the page begins; `0.0` is before the first.
    pub after: Option<String>,
    /// The entry before which it ends. The newest, if neither is given.
    pub before: Option<String>,
    /// How many, no more than 500.
    pub limit: usize,
    /// Of which kinds.
    #[serde(default)]
    pub kinds: Vec<EntryWord>,
    /// Of which turn.
    pub turn: Option<u64>,
    /// Not older than this, in milliseconds.
    pub within_ms: Option<u64>,
    /// A part of what it says, whatever its case.
    pub text: Option<String>,
}

/// A kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryWord {
    /// A message that a turn took.
    Message,
    /// A tool call.
    Call,
    /// What one was answered.
    Result,
    /// Words that were forked or imported.
    Said,
    /// How a turn ended.
    Answer,
    /// What is gone.
    Compacted,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TranscriptReply {
    /// To a page.
    Page(EntriesPage),
    /// To an import.
    Imported(ImportedLine),
    /// To a prune.
    Pruned(PrunedLine),
}

/// A page of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntriesPage {
    /// Whose.
    pub path: AgentPath,
    /// They, the oldest first.
    pub entries: Vec<TranscriptLine>,
    /// What older ones are asked for before; nothing if there are none.
    pub older: Option<String>,
    /// What newer ones are asked for after, those that will come included.
    pub newer: String,
    /// Whether there is more in the direction that was read.
    pub more: bool,
}

/// An entry of a transcript. What its kind does not have is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptLine {
    /// Where it lies: what a page is asked for before or after.
    pub entry: String,
    /// What it is: `message`, `call`, `result`, `said`, `answer` or `compacted`.
    pub kind: String,
    /// Of which turn; of what is gone the last one.
    pub turn: Option<u64>,
    /// When; of a message, when it was accepted.
    pub at: String,
    /// Its size.
    pub bytes: u64,
    /// Of a message its sender, `operator` or a path; of words whose they are.
    pub from: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// Which call of the turn's attempt.
    pub call: Option<u32>,
    /// Of an answer `completed`, `errored` or `interrupted`; of a result `done` or `refused`.
    pub result: Option<String>,
    /// What it says.
    pub text: String,
    /// Of an answer, what it has cost, if that is known.
    pub usage: Option<UsageLine>,
    /// How many entries are gone.
    pub entries: Option<u64>,
    /// Whether the agent's digest tells of what is gone.
    pub digested: Option<bool>,
}

/// What was added to a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedLine {
    /// Whose.
    pub path: AgentPath,
    /// Its last entry now.
    pub last: Option<String>,
}

/// What was taken out of transcripts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrunedLine {
    /// The top.
    pub path: AgentPath,
    /// Out of how many transcripts.
    pub transcripts: u64,
    /// How many entries.
    pub entries: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// Transcripts that were left alone, the first 100.
    pub held: Vec<HeldLine>,
    /// How many those are.
    pub held_total: u64,
    /// Nothing was taken out: it is what would be.
    pub dry_run: bool,
}

/// A transcript that was left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldLine {
    /// Whose.
    pub path: AgentPath,
    /// Why.
    pub why: String,
}

impl TranscriptRequest {
    /// Whom it is about.
    pub(crate) fn path(&self) -> &str {
        match self {
            TranscriptRequest::Page(page) => &page.path,
            TranscriptRequest::Import { path, .. } | TranscriptRequest::Prune { path, .. } => path,
        }
    }

    /// The same about this one.
    pub(crate) fn of(mut self, whose: &AgentPath) -> Self {
        match &mut self {
            TranscriptRequest::Page(EntriesRequest { path, .. })
            | TranscriptRequest::Import { path, .. }
            | TranscriptRequest::Prune { path, .. } => {
                *path = whose.to_string();
            }
        }
        self
    }

    /// Whether it only looks.
    pub(crate) fn looks(&self) -> bool {
        matches!(self, TranscriptRequest::Page(_))
    }

    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        !matches!(self, TranscriptRequest::Import { .. })
    }
}

impl From<EntryWord> for EntryKind {
    fn from(word: EntryWord) -> EntryKind {
        match word {
            EntryWord::Message => EntryKind::Message,
            EntryWord::Call => EntryKind::Call,
            EntryWord::Result => EntryKind::Result,
            EntryWord::Said => EntryKind::Said,
            EntryWord::Answer => EntryKind::Answer,
            EntryWord::Compacted => EntryKind::Compacted,
        }
    }
}

pub(crate) async fn answer(runtime: &Runtime, request: TranscriptRequest) -> Result<TranscriptReply, Failure> {
    let path = runtime.find(request.path()).await?.path().clone();
    Ok(match request {
        TranscriptRequest::Page(request) => {
            let page = runtime.system().transcript(&query(&path, request)?).await?;
            TranscriptReply::Page(page_line(path, page))
        }
        TranscriptRequest::Import { path: _, after, entries } => {
            let after = after.as_deref().map(place).transpose()?;
            let last = import(runtime, &path, after, entries).await?.map(name);
            TranscriptReply::Imported(ImportedLine { path, last })
        }
        TranscriptRequest::Prune { path: _, older_than_ms, keep_bytes, dry_run } => {
            let older_than = older_than_ms.map(Duration::from_millis);
            let request = PruneRequest { top: path.clone(), older_than, keep_bytes, dry_run };
            let report = runtime.system().prune(&request).await?;
            TranscriptReply::Pruned(pruned_line(path, report, dry_run))
        }
    })
}

fn query(of: &AgentPath, request: EntriesRequest) -> Result<TranscriptQuery, Failure> {
    let EntriesRequest { path: _, after, before, limit, kinds, turn, within_ms, text } = request;
    let part = match (after, before) {
        (None, None) => TranscriptPart::Last,
        (Some(after), None) => TranscriptPart::After(place(&after)?),
        (None, Some(before)) => TranscriptPart::Before(place(&before)?),
        (Some(_), Some(_)) => {
            return Err(Error::BadQuery("a page begins after an entry or ends before one, not both".to_owned()).into());
        }
    };
    let within = within_ms.map(Duration::from_millis);
    let kinds = kinds.into_iter().map(EntryKind::from).collect();
    Ok(TranscriptQuery { part, limit, kinds, turn, within, text, ..TranscriptQuery::of(of.clone()) })
}

fn place(text: &str) -> Result<InboxKey, Failure> {
    let unread = || {
        let message = format!("{text:?} names no entry");
        Failure::new(Code::Usage, message).hint("a page shows what its entries are called: NUMBER.NUMBER")
    };
    let (sequence, n) = text.split_once('.').ok_or_else(unread)?;
    Ok(InboxKey { sequence: sequence.parse().map_err(|_| unread())?, n: n.parse().map_err(|_| unread())? })
}

fn name(row: InboxKey) -> String {
    format!("{}.{}", row.sequence, row.n)
}

fn page_line(path: AgentPath, page: TranscriptPage) -> EntriesPage {
    let TranscriptPage { entries, older, newer, more } = page;
    EntriesPage {
        path,
        entries: entries.into_iter().map(line).collect(),
        older: older.map(name),
        newer: name(newer),
        more,
    }
}

/// An entry as it goes over the wire.
pub(crate) fn line(placed: PlacedEntry) -> TranscriptLine {
    let PlacedEntry { row, entry } = placed;
    let plain = TranscriptLine {
        entry: name(row),
        kind: entry.kind().as_str().to_owned(),
        turn: entry.turn(),
        at: moment(entry.at()),
        bytes: entry.bytes(),
        from: None,
        tool: entry.tool().map(str::to_owned),
        call: None,
        result: None,
        text: entry.text().to_owned(),
        usage: None,
        entries: None,
        digested: None,
    };
    match entry {
        TranscriptEntry::Message { message, .. } => {
            let from = match message.from {
                Sender::Operator => "operator".to_owned(),
                Sender::Agent(agent) => agent.path.to_string(),
            };
            TranscriptLine { from: Some(from), ..plain }
        }
        TranscriptEntry::Tool(tool) => TranscriptLine { call: Some(tool.call), ..plain },
        TranscriptEntry::Result(result) => {
            let word = if result.done { "done" } else { "refused" };
            TranscriptLine { call: Some(result.call), result: Some(word.to_owned()), bytes: result.bytes, ..plain }
        }
        TranscriptEntry::Answer { result, usage, .. } => {
            let usage = (!usage.is_nothing()).then(|| UsageLine::of(usage));
            TranscriptLine { result: Some(result.as_str().to_owned()), usage, ..plain }
        }
        TranscriptEntry::Said(said) => TranscriptLine { from: Some(said.speaker.as_str().to_owned()), ..plain },
        TranscriptEntry::Compacted(Compaction { entries, bytes, turn, digested, .. }) => {
            let turn = Some(turn).filter(|turn| *turn > 0);
            TranscriptLine { entries: Some(entries), bytes, turn, digested: Some(digested), ..plain }
        }
    }
}

fn pruned_line(path: AgentPath, report: PruneReport, dry_run: bool) -> PrunedLine {
    let PruneReport { transcripts, entries, bytes, held, held_total } = report;
    let held = held.into_iter().map(|(path, hold)| HeldLine { path, why: hold.as_str().to_owned() }).collect();
    PrunedLine { path, transcripts, entries, bytes, held, held_total, dry_run }
}
