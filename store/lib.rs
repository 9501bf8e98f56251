//! What is kept, and where its bytes lie.
//!
//! A backend gets, scans and commits; it knows no rule. A record knows its rules and nothing of where it is kept.

mod archive;
mod bounds;
mod chunk;
#[cfg(test)]
mod conformance;
mod draft;
mod error;
mod faulty;
mod frame;
pub mod keys;
mod memory;
mod pages;
mod parcel;
mod recent;
mod records;
mod seam;
mod sled;
mod store;
mod verify;
mod wrapper;

pub use self::sled::{Backup, Compacted, Disk, Fdatasync, Restored, SledBackend, SledOptions};
pub use draft::{Draft, Row, Stub, Written};
pub use error::{CommitError, Source, StoreError};
pub use faulty::{FaultPoint, FaultyBackend};
pub use keys::Table;
pub use memory::MemoryBackend;
pub use pages::Pages;
pub use parcel::{Parcel, ParcelReader, ParcelRow, ParcelWriter, Verbatim, travels};
pub use records::{
    Agent, AgentId, AgentRef, Answered, Below, BrainChoice, BrainSettings, Burial, Card, Charge, Checkout, Child,
    Compaction, Counts, Creation, Credential, DIGEST_ANSWER_MAX, DIGEST_ANSWERS, DIGEST_CHILD_MAX, DIGEST_CHILDREN,
    DIGEST_COMMITS, DIGEST_GOAL_MAX, DIGEST_NAME_MAX, DIGEST_NODES, DIGEST_SUBJECT_MAX, DIGEST_TITLE_MAX, DIGEST_TOOLS,
    DIGEST_WHY_MAX, DeadLetter, DecodeError, Digest, Directory, Drift, Drifted, Drive, EntryKind, Event, FailureLimits,
    FileTaken, Goal, GoalId, GoalInShort, GoalRef, GoalStanding, GoalStatus, Grant, GrowthOrder, Halt, ImportRuns,
    ImportState, ImportedFile, ImportedThread, InboxKey, Item, ItemEnd, ItemEnding, ItemState, Job, JobLimits, JobSpec,
    JobState, Keep, METADATA_ENTRIES_MAX, METADATA_KEY_MAX, METADATA_MAX, METADATA_RESERVED, METADATA_VALUE_MAX, Mark,
    Memory, MemoryId, MemoryRank, MemoryUse, Message, MessageKind, Metadata, MetadataError, Node, NodeLeft,
    OBJECTIVE_MAX, Objective, ObjectiveError, Outcome, OutputFormat, OutputKind, Pause, Phase, Plan, PlanGraph,
    PlanJob, PlanLeft, PlanNode, PlanState, PlanStep, PlanWhat, Pointer, Record, Refusal, Revision, RowColumns,
    Running, SUMMARY_MAX, Said, Scope, Sender, Session, Share, Shortlist, Source as ItemSource, Speaker, Spent,
    Stamina, Stride, Summary, TableFormat, Taint, Text, Time, Tombstone, ToolResult, ToolUse, TranscriptEntry,
    TurnResult, Usage, Work, in_short,
};
pub use seam::{
    Backend, COMMIT_ABOVE_MAX, COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, COMMIT_EXPECTS_MAX, COMMIT_WRITES_MAX, Change,
    Changes, Commit, Direction, EVENT_MAX, Entry, Expect, KEY_MAX, Key, KeyRange, PAYLOAD_MAX, Prefix, Read, Version,
    Write,
};
pub use store::{News, Store, Told};
pub use verify::{Problem, Verified};
pub use wrapper::Wrapper;
