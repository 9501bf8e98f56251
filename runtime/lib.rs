//! Understory: a durable actor runtime for swarms of agents.
//!
//! Every agent has a path (`/root/ada/pages`), a record and an inbox on disk; a message that was accepted survives a crash,
//! a turn that was cut runs again, a job reports every row once. An agent lives in memory only while there is something for
//! it to do.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), understory::Error> {
//! use understory::{Response, Role, Runtime, Seat, brain_fn};
//!
//! let echo = |_: &Seat| Ok(brain_fn(|turn| async move { Ok(Response::text(turn.text().to_uppercase())) }));
//! let runtime = Runtime::builder().brain("echo", echo).role("default", Role::with_brain("echo", "")).in_memory().await?;
//! let ada = runtime.root().spawn("ada").await?;
//! let outcome = ada.assign("hello").await?.outcome().await?;
//! assert_eq!(outcome.content, "HELLO");
//! runtime.shutdown(std::time::Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What is not here: a terminal, a socket, a brain. The `understory` command, its control socket and its adapters are rooms
//! above this one.

mod agent;
mod backup;
mod builder;
mod dead;
mod error;
mod events;
mod goal;
mod import;
mod item;
mod job;
mod memories;
mod plan;
mod rest;
mod roles;
mod runtime;
mod spawn;

pub use agent::Agent;
pub use backup::{compact, restore};
pub use builder::Builder;
pub use dead::Dead;
pub use error::Error;
pub use events::{EventId, Events, Heard};
pub use item::WholeItem;
pub use job::Job;
pub use memories::Memories;
pub use plan::Plan;
pub use roles::{RoleError, RoleErrors};
pub use runtime::Runtime;
pub use spawn::Spawn;
pub use understory_actors::import::{
    Archive, ArchiveError, Conversation, Found, FoundFile, ImportFailure, ImportReport, ImportRequest, ImportTally,
    Part as ConversationPart, Speaks, Step, Thread, Tokens,
};
pub use understory_actors::job::export::ExportError;
pub use understory_actors::job::table::{QuoteFault, TableError};
pub use understory_actors::job::template::UnknownColumns;
pub use understory_actors::job::{
    Begun, ErrorGroup, ITEMS_MAX, ItemPage, ItemQuery, ItemStatus, ItemView, JobDigest, JobError, JobPlan, JobRequest,
    JobStarted, JobView, LimitsChange, PlannedRow, ResultCursor, Results, Retried, RetryRequest, RowResult, SlowRow,
};
pub use understory_actors::tools::{Beginning, TOOLS, Tool, ToolError, Tools};
pub use understory_actors::{
    Accepted, AnyBrain, Asked, Assignment, Awaited, Brain, BrainError, BrainFactory, Budget, CHILDREN_COUNTED_MAX,
    CardPatch, Children, ClosedReport, Cursor, DEAD_PAGE_MAX, DEFAULT_ROLE, DIRECTORY_MAX, DeadKey, DeadMail, Digested,
    Drifting, FORGOTTEN_SHOWN_MAX, FORK_BYTES_MAX, FORK_ENTRIES_MAX, FanOut, Forgotten, Fork, GoalPatch, GoalView,
    HISTORY_BYTES_MAX, Hindrance, HindranceKind, Hindrances, History, Hold, IMPORT_BYTES_MAX, IMPORT_ENTRIES_MAX,
    IN_HAND_MAX, JobRow, Kind, LABEL_KEY_MAX, LABEL_VALUE_MAX, LABELS_MAX, LIST_MAX, Labelled, Letter, Limits, Listing,
    MEMORIES_MAX, MEMORY_MAX, Marked, MemoryCursor, MemoryEdit, MemoryKey, MemoryOrder, MemoryPage, MemoryQuery,
    MemoryView, Missed, Misses, Named, NewGoal, NewPlanNode, Nickname, NicknamePool, NoRepositories, NodeSpending,
    Note, Noted, OnDrift, OnResult, OpenPlan, Order, PLAN_ADDED_MAX, PLAN_EVIDENCE_BYTES, PLAN_EVIDENCE_MAX,
    PLAN_NOTES_MAX, PROJECT_HINDRANCES_MAX, PROJECT_LOOKED_MAX, PROJECT_NAMED_MAX, PRUNE_NAMED_MAX, ParcelError,
    ParcelReport, Part, Pass, PendingMail, PlacedEntry, PlanInShort, PlanPatch, PlanTask, PlanView, PlannedNode,
    Policy, PoolError, Progress, Project, PruneReport, PruneRequest, Query, RESULT_KEPT_MAX, Reach, Redacted,
    Remembered, RemovedReport, Response, Restart, Role, RoleLimits, SESSION_MAX, SETTING_MAX, STATUSES, Seat, Settled,
    Share, Shares, ShutdownReport, SpawnRequest, Spawned, Spending, Standing, Strategy, Surveyor, TAG_MAX, TAGS_MAX,
    TAINT_MAX, TEXT_MAX, TITLE_MAX, TRANSCRIPT_PAGE_BYTES, TRANSCRIPT_PAGE_MAX, TRANSCRIPT_SEARCHED_MAX, Target, Token,
    TranscriptPage, TranscriptPart, TranscriptQuery, Turn, USAGE_MAX, Until, Unused, UsageReport, Verb, View,
    WAIT_TARGETS_MAX, Waited, Waits, brain_fn, chain, redact,
};
pub use understory_paths::{AgentPath, PathError};
pub use understory_store::{
    Agent as AgentRecord, AgentId, AgentRef, Answered, Backup, Below, BrainChoice, BrainSettings, Card, Checkout,
    Child, CommitError, Compacted, Compaction, Counts, Creation, DeadLetter, Digest, Directory, Drift, Drifted,
    EntryKind, Event, Goal, GoalId, GoalInShort, GoalRef, GoalStanding, GoalStatus, Grant, GrowthOrder, InboxKey, Item,
    ItemEnd, ItemEnding, ItemState, JobLimits, JobSpec, JobState, Keep, METADATA_ENTRIES_MAX, METADATA_KEY_MAX,
    METADATA_MAX, METADATA_VALUE_MAX, Memory, MemoryId, MemoryRank, Message, MessageKind, Metadata, MetadataError,
    Node, NodeLeft, OBJECTIVE_MAX, Objective, ObjectiveError, Outcome, OutputFormat, OutputKind, Pause, Phase,
    PlanLeft, PlanNode, PlanState, PlanStep, PlanWhat, Problem, Restored, Revision, RowColumns, Running, SUMMARY_MAX,
    Said, Scope, Sender, Session, Shortlist, Speaker, Spent, StoreError, Summary, TableFormat, Taint, Text, Time, Told,
    ToolResult, ToolUse, TranscriptEntry, TurnResult, Usage, Verified, Version, Work,
};
