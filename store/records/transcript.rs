//! What an agent's transcript is made of.

use serde::{Deserialize, Serialize};

use super::agent::TurnResult;
use super::id::{InboxKey, Time};
use super::message::{Message, MessageKind, Sender};
use super::usage::Usage;
use super::version::record;

/// One entry of a transcript, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A message that a turn took in hand: written by the commit that started the turn, or by which it joined. One that an
    /// interrupted turn left for the next is there with both.
    Message {
        /// The turn.
        turn: u64,
        /// The message.
        message: Message,
    },
    /// A tool call: of one that changed something, written by the commit that did.
    Tool(ToolUse),
    /// How the turn ended.
    Answer {
        /// The turn.
        turn: u64,
        /// Its kind of end.
        result: TurnResult,
        /// The answer, or what went wrong.
        content: String,
        /// When.
        at: Time,
        /// What the attempt that ended it has cost, as far as its brain said so. Nothing for a job's item, whose job counts it.
        usage: Usage,
    },
    /// What a tool call was answered.
    Result(ToolResult),
    /// Words of a conversation that no turn of the agent had: it was forked or imported.
    Said(Said),
    /// What the transcript no longer has; there is one at the most, and it is the first entry.
    Compacted(Compaction),
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The turn that called.
    pub turn: u64,
    /// Which call of the attempt at the turn it is, from 1; 0 if nobody counted.
    pub call: u32,
    /// The tool.
    pub name: String,
    /// What it was called with, as JSON text.
    pub arguments: String,
    /// When.
    pub at: Time,
}

/// The answer to a tool call. It is written with the next commit of the turn, so a crash before that loses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The turn that called.
    pub turn: u64,
    /// Which call of the attempt it is.
    pub call: u32,
    /// The tool.
    pub name: String,
    /// Whether it was carried out.
    pub done: bool,
    /// The answer, or why there is none; of a long one the beginning.
    pub content: String,
    /// How long the whole of it is.
    pub bytes: u64,
    /// When.
    pub at: Time,
}

/// Words of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whose they are.
    pub speaker: Speaker,
    /// They.
    pub text: String,
    /// When.
    pub at: Time,
}

/// Who speaks in a conversation with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speaker {
    /// The model's maker or host.
    System,
    /// Who set the model to work.
    Developer,
    /// Whom it works for.
    User,
    /// It.
    Assistant,
}

/// What was taken out of a transcript, in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compaction {
    /// How many entries.
    pub entries: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// The last of them.
    pub through: InboxKey,
    /// The last turn of which one was among them; 0 if none was of a turn.
    pub turn: u64,
    /// Whether the agent's digest tells of them: it was kept before they went.
    pub digested: bool,
    /// When the last was taken out.
    pub at: Time,
}

/// A kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// [`Entry::Message`].
    Message,
    /// [`Entry::Tool`].
    Call,
    /// [`Entry::Result`].
    Result,
    /// [`Entry::Said`].
    Said,
    /// [`Entry::Answer`].
    Answer,
    /// [`Entry::Compacted`].
    Compacted,
}

impl Entry {
    /// What it is.
    pub fn kind(&self) -> EntryKind {
        match self {
            Entry::Message { .. } => EntryKind::Message,
            Entry::Tool(_) => EntryKind::Call,
            Entry::Result(_) => EntryKind::Result,
            Entry::Said(_) => EntryKind::Said,
            Entry::Answer { .. } => EntryKind::Answer,
            Entry::Compacted(_) => EntryKind::Compacted,
        }
    }

    /// The turn it is of; 0 for a call by somebody who is at no turn. Nothing if it is of none.
    pub fn turn(&self) -> Option<u64> {
        match self {
            Entry::Message { turn, .. } | Entry::Answer { turn, .. } => Some(*turn),
            Entry::Tool(tool) => Some(tool.turn),
            Entry::Result(result) => Some(result.turn),
            Entry::Said(_) | Entry::Compacted(_) => None,
        }
    }

    /// When: of a message, when it was accepted.
    pub fn at(&self) -> Time {
        match self {
            Entry::Message { message, .. } => message.at,
            Entry::Tool(tool) => tool.at,
            Entry::Result(result) => result.at,
            Entry::Said(said) => said.at,
            Entry::Answer { at, .. } => *at,
            Entry::Compacted(compaction) => compaction.at,
        }
    }

    /// What it says: of a call its arguments, of what was taken out nothing.
    pub fn text(&self) -> &str {
        match self {
            Entry::Message { message, .. } => &message.text,
            Entry::Tool(tool) => &tool.arguments,
            Entry::Result(result) => &result.content,
            Entry::Said(said) => &said.text,
            Entry::Answer { content, .. } => content,
            Entry::Compacted(_) => "",
        }
    }

    /// The tool it is about.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Entry::Tool(tool) => Some(&tool.name),
            Entry::Result(result) => Some(&result.name),
            _ => None,
        }
    }

    /// Its size: what it says, the tool's name and what is attached.
    pub fn bytes(&self) -> u64 {
        match self {
            Entry::Message { message, .. } => message.bytes(),
            entry => (entry.text().len() + entry.tool().map_or(0, str::len)) as u64,
        }
    }

    /// What it is in a conversation that somebody else goes on with: people's messages and those that set a turn to work,
    /// final answers, and words of a conversation. Results of other agents, mail that starts nothing, tool calls and turns
    /// that came to nothing are not.
    pub fn spoken(&self) -> Option<Said> {
        let said = |speaker, text: &str, at| Some(Said { speaker, text: text.to_owned(), at });
        match self {
            Entry::Message { message, .. } => {
                let heard = match (&message.kind, &message.from) {
                    (MessageKind::Said, Sender::Operator) => true,
                    (MessageKind::Said, Sender::Agent(_)) => message.trigger,
                    (MessageKind::Result { .. } | MessageKind::GoOn { .. }, _) => false,
                };
                if heard { said(Speaker::User, &message.text, message.at) } else { None }
            }
            Entry::Answer { result: TurnResult::Completed, content, at, .. } => said(Speaker::Assistant, content, *at),
            Entry::Said(words) => Some(words.clone()),
            Entry::Answer { .. } | Entry::Tool(_) | Entry::Result(_) | Entry::Compacted(_) => None,
        }
    }
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [EntryKind; 6] = [
        EntryKind::Message,
        EntryKind::Call,
        EntryKind::Result,
        EntryKind::Said,
        EntryKind::Answer,
        EntryKind::Compacted,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Message => "message",
            EntryKind::Call => "call",
            EntryKind::Result => "result",
            EntryKind::Said => "said",
            EntryKind::Answer => "answer",
            EntryKind::Compacted => "compacted",
        }
    }
}

impl Speaker {
    /// Every speaker.
    pub const ALL: [Speaker; 4] = [Speaker::System, Speaker::Developer, Speaker::User, Speaker::Assistant];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Speaker::System => "system",
            Speaker::Developer => "developer",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        }
    }
}

impl Compaction {
    /// Nothing yet, and nothing that a digest tells of.
    pub fn none(at: Time) -> Self {
        Compaction { entries: 0, bytes: 0, through: InboxKey::FIRST, turn: 0, digested: false, at }
    }

    /// The same with one entry more taken out, which lay at `row`. What that says was taken out before counts on.
    pub fn and(self, entry: &Entry, row: InboxKey) -> Compaction {
        let (entries, bytes, turn) = match entry {
            Entry::Compacted(before) => (before.entries, before.bytes, before.turn),
            entry => (1, entry.bytes(), entry.turn().unwrap_or_default()),
        };
        Compaction {
            entries: self.entries.saturating_add(entries),
            bytes: self.bytes.saturating_add(bytes),
            through: row,
            turn: self.turn.max(turn),
            digested: self.digested,
            at: self.at,
        }
    }
}

record!(Entry, V1);
