//! What is kept of each thing, and the rules by which it changes: pure methods from a state and an event to the next
//! state or a refusal.

mod agent;
mod brain_settings;
mod card;
mod charge;
mod credential;
mod digest;
mod directory;
mod drive;
mod event;
mod goal;
mod grant;
mod id;
mod import;
mod item;
mod job;
mod mark;
mod memory;
mod message;
mod metadata;
mod plan;
mod session;
mod transcript;
mod usage;
mod version;

pub use agent::{Agent, BrainChoice, Creation, Outcome, Phase, Running, TurnResult};
pub use brain_settings::BrainSettings;
pub use card::Card;
pub use charge::{Charge, Share};
pub use credential::Credential;
pub use digest::{
    Answered, Below, Child, DIGEST_ANSWER_MAX, DIGEST_ANSWERS, DIGEST_CHILD_MAX, DIGEST_CHILDREN, DIGEST_COMMITS,
    DIGEST_GOAL_MAX, DIGEST_NAME_MAX, DIGEST_NODES, DIGEST_SUBJECT_MAX, DIGEST_TITLE_MAX, DIGEST_TOOLS, DIGEST_WHY_MAX,
    Digest, GoalInShort, NodeLeft, PlanLeft, Revision, SUMMARY_MAX, Shortlist, Summary, Work, in_short,
};
pub use directory::{Checkout, Directory, Drift, Drifted};
pub use drive::{Drive, Halt, Stamina, Stride};
pub use event::{Event, GoalStanding, ItemEnd, ItemEnding, PlanWhat};
pub use goal::{Goal, GoalId, GoalRef, GoalStatus, OBJECTIVE_MAX, Objective, ObjectiveError};
pub use grant::Grant;
pub use id::{AgentId, AgentRef, InboxKey, Time};
pub use import::{ImportRuns, ImportState, ImportedFile, ImportedThread, Taken as FileTaken};

pub use item::{FailureLimits, Item, ItemState, Source, Text};
pub use job::{
    Counts, GrowthOrder, Job, JobLimits, JobSpec, JobState, Keep, OutputFormat, OutputKind, Pause, RowColumns, Spent,
    TableFormat,
};
pub use mark::{Burial, Mark, Tombstone};
pub use memory::{Memory, MemoryId, MemoryRank, MemoryUse, Scope, Taint};
pub use message::{DeadLetter, Message, MessageKind, Sender};
pub use metadata::{
    METADATA_ENTRIES_MAX, METADATA_KEY_MAX, METADATA_MAX, METADATA_RESERVED, METADATA_VALUE_MAX, Metadata,
    MetadataError,
};
pub use plan::{Plan, PlanGraph, PlanJob, PlanNode, PlanState, PlanStep};
pub use session::Session;
pub use transcript::{Compaction, Entry as TranscriptEntry, EntryKind, Said, Speaker, ToolResult, ToolUse};
pub use usage::Usage;
pub use version::{DecodeError, Record};

use understory_paths::AgentPath;

/// A node of the tree: what lies at a path.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Node {
    /// Someone who takes messages.
    Agent(Agent),
    /// A table of items, one worker each.
    Job(Job),
    /// One row of a job.
    Item(Item),
}

impl Node {
    /// Its id.
    pub fn id(&self) -> AgentId {
        match self {
            Node::Agent(agent) => agent.id,
            Node::Job(job) => job.id,
            Node::Item(item) => item.id,
        }
    }

    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Agent(_) => "agent",
            Node::Job(_) => "job",
            Node::Item(_) => "item",
        }
    }

    /// What it is, as a sentence says it.
    pub fn noun(&self) -> &'static str {
        match self {
            Node::Agent(_) => "an agent",
            Node::Job(_) => "a job",
            Node::Item(_) => "a job's item",
        }
    }
}

/// A refusal of a rule: what was asked does not fit what is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// A name that several rows may be looked up by, pointing at a node.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pointer(pub AgentPath);

version::record!(Node, V1);
version::record!(Pointer, V1);

#[cfg(test)]
mod tests;
