//! What lives: agents and jobs, how they are created, woken, supervised and stopped, and the brains behind them.
//!
//! Everything durable is a record of the store; everything here can be lost at any moment and is made again from it. This
//! room knows nothing of files of its own, terminals, processes or networks: a brain brings those.

mod active;
mod agent;
mod alarms;
mod authority;
mod brain;
mod briefing;
mod caller;
mod children;
mod clock;
mod credential;
mod dead;
mod digest;
mod directory;
mod dispatcher;
mod error;
mod fan_out;
mod gate;
mod goals;
mod grant;
mod handover;
pub mod import;
mod inboxes;
mod interrupt;
mod isolation;
pub mod job;
mod labelling;
mod lasting;
mod lifecycle;
mod limits;
mod lock;
mod looking;
mod mail;
mod memories;
mod nickname;
mod parcel;
mod passes;
mod pausing;
mod planning;
mod project;
mod redaction;
mod registrar;
mod removal;
mod rest;
mod role;
mod sessions;
mod slots;
mod supervision;
mod sweeping;
mod system;
mod target;
#[cfg(test)]
mod tests;
mod token;
pub mod tools;
mod transcript;
mod unwritten;
mod usage;
mod waiting;
mod watchers;

pub use authority::Verb;
pub use brain::{AnyBrain, Brain, BrainError, BrainFactory, JobRow, Response, Seat, Turn, brain_fn};
pub use children::Children;
pub use clock::Clock;
pub use dead::{DEAD_PAGE_MAX, DeadKey, DeadMail};
pub use digest::Digested;
pub use directory::{DIRECTORY_MAX, NoRepositories, OnDrift, Surveyor};
pub use error::{Error, chain};
pub use fan_out::{FanOut, Missed, Misses};
pub use goals::{Budget, GoalPatch, GoalView, NewGoal};
pub use interrupt::Reach;
pub use labelling::{CardPatch, LABEL_KEY_MAX, LABEL_VALUE_MAX, LABELS_MAX, Labelled, TITLE_MAX};
pub use lifecycle::{ClosedReport, SpawnRequest, Spawned};
pub use limits::{ERROR_MAX, IN_HAND_MAX, Limits, TEXT_MAX, WAIT_TARGETS_MAX};
pub use looking::{
    CHILDREN_COUNTED_MAX, Cursor, Kind, LIST_MAX, Listing, Order, Part, PendingMail, Query, STATUSES, View,
};
pub use mail::{Accepted, Asked, Assignment, Letter};
pub use memories::{
    FORGOTTEN_SHOWN_MAX, Forgotten, MEMORIES_MAX, MEMORY_MAX, Marked, MemoryCursor, MemoryEdit, MemoryKey, MemoryOrder,
    MemoryPage, MemoryQuery, MemoryView, Note, Noted, Remembered, Shares, TAG_MAX, TAGS_MAX, TAINT_MAX, Unused,
};
pub use nickname::{Nickname, NicknamePool, PoolError};
pub use parcel::{ParcelError, ParcelReport};
pub use passes::Pass;
pub use pausing::{Awaited, Waits};
pub use planning::{
    NewPlanNode, OpenPlan, PLAN_ADDED_MAX, PLAN_EVIDENCE_BYTES, PLAN_EVIDENCE_MAX, PLAN_NOTES_MAX, PlanPatch, PlanTask,
    PlanView, PlannedNode,
};
pub use project::{
    Drifting, Hindrance, HindranceKind, Hindrances, Named, PROJECT_HINDRANCES_MAX, PROJECT_LOOKED_MAX,
    PROJECT_NAMED_MAX, PlanInShort, Progress, Project, Share,
};
pub use redaction::{Redacted, redact};
pub use removal::RemovedReport;
pub use role::{DEFAULT_ROLE, OnResult, Policy, Restart, Role, RoleLimits, Strategy};
pub use sessions::{SESSION_MAX, SETTING_MAX};
pub use system::{Parts, ShutdownReport, System};
pub use token::Token;
pub use transcript::{
    FORK_BYTES_MAX, FORK_ENTRIES_MAX, Fork, HISTORY_BYTES_MAX, History, Hold, IMPORT_BYTES_MAX, IMPORT_ENTRIES_MAX,
    PRUNE_NAMED_MAX, PlacedEntry, PruneReport, PruneRequest, TRANSCRIPT_PAGE_BYTES, TRANSCRIPT_PAGE_MAX,
    TRANSCRIPT_SEARCHED_MAX, TranscriptPage, TranscriptPart, TranscriptQuery,
};
pub use understory_store::{Checkout, DIGEST_COMMITS, Directory, Drift, Revision, Shortlist};
pub use unwritten::RESULT_KEPT_MAX;
pub use usage::{NodeSpending, Spending, USAGE_MAX, UsageReport};
pub use waiting::{Settled, Standing, Target, Until, Waited};
