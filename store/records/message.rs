//! A message, while it waits and when it could not be delivered.

use serde::{Deserialize, Serialize};

use super::agent::TurnResult;
use super::goal::GoalId;
use super::id::{AgentId, AgentRef, Time};
use super::metadata::Metadata;
use super::version::record;

/// A row of an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whom it is for: an agent that came to the path later never gets it.
    pub to: AgentId,
    /// Who sent it.
    pub from: Sender,
    /// What it is.
    pub kind: MessageKind,
    /// Whether it starts a turn.
    pub trigger: bool,
    /// What it says, at most 256 KiB.
    pub text: String,
    /// When it was accepted.
    pub at: Time,
    /// The caller's own id for it, if it gave one: a second message with it is not accepted.
    pub message_id: Option<String>,
    /// What its client attached to it, and what came with the turn that sent it.
    pub metadata: Metadata,
}

/// Who sent a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sender {
    /// The host or a person.
    Operator,
    /// An agent or job item.
    Agent(AgentRef),
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// Somebody's words.
    Said,
    /// How a turn of an agent below ended.
    Result {
        /// That turn.
        turn: u64,
        /// Its kind of end.
        result: TurnResult,
    },
    /// What an agent says to itself, to go on with its goal.
    GoOn {
        /// That goal.
        goal: GoalId,
    },
}

/// A message that no turn will take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The message.
    pub message: Message,
    /// Why.
    pub error: String,
    /// Since when.
    pub at: Time,
}

impl Message {
    /// What it weighs in an inbox.
    pub fn bytes(&self) -> u64 {
        (self.text.len() + self.metadata.bytes()) as u64
    }
}

record!(Message, V1);
record!(DeadLetter, V1);
