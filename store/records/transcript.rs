//! What an agent's transcript is made of.

use serde::{Deserialize, Serialize};

use super::agent::TurnResult;
use super::id::Time;
use super::message::Message;
use super::usage::Usage;
use super::version::record;

/// One entry of a transcript, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A message a turn took in hand.
    Message {
        /// The turn.
        turn: u64,
        /// The message.
        message: Message,
    },
    /// A tool call that changed something.
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
}

/// A tool call, written by the commit that carried it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The turn that called.
    pub turn: u64,
    /// The tool.
    pub name: String,
    /// What it was called with, as JSON text.
    pub arguments: String,
    /// When.
    pub at: Time,
}

record!(Entry, V1);
