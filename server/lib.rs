//! The doors of a running process, and their client.
//!
//! ```text
//!   command line --Request--> answer --> runtime            the store's owner itself
//!   command line --Request--> Client ~~socket~~> Control --> answer --> runtime       a second terminal
//! ```
//!
//! A request means the same whichever way it comes: [`answer()`] carries it out, and what it gives back is what goes over the
//! socket and what a front end shows. This room translates and adds no rule of its own; it knows nothing of terminals or
//! exit codes, and never prints. Only a failure's hint is in the words of the command line.

mod agent;
mod answer;
mod client;
mod control;
mod dead;
mod details;
mod digest;
mod directory;
mod failure;
mod fan_out;
mod goal;
mod import;
mod jobs;
mod label;
mod lines;
mod listing;
mod memories;
mod parcel;
mod pick;
mod place;
mod plan;
mod project;
mod remove;
mod roles;
mod session;
mod spawn;
mod told;
mod transcript;
mod tree;
mod usage;
mod watching;
mod wire;

pub use agent::{Identity, MintedToken, ToolLine, ToolList, answer_as};
pub use answer::answer;
pub use client::Client;
pub use control::{Control, Requests};
pub use dead::{DeadDropped, DeadLine, DeadPage, DeadReply, DeadRequest, DeadRetried};
pub use details::{DetailsLine, MailLine, PhaseLine, WaitsLine};
pub use digest::{
    BelowLine, CallsLine, ChildLine, DigestLine, GoalInShortLine, NodeLeftLine, PlanLeftLine, SummaryLine, TurnsLine,
    UsedLine,
};
pub use directory::{CheckoutLine, DirLine, DirRequest, DirectoryLine, FoundLine};
pub use failure::{Code, Failure, UNSURE, named};
pub use fan_out::{AskedSubtree, MissedLine};
pub use goal::{BudgetWord, GoalCleared, GoalLine, GoalPage, GoalReply, GoalRequest};
pub use jobs::{
    AskedPause, AskedRetry, AskedSet, ItemsPage, JobAnswer, JobControl, JobLimitsLine, PauseLine, RowLine, SlowLine,
    SpentLine, WatchedJob, retried_line, watched,
};
pub use label::{CardLine, LabelRequest};
pub use lines::{
    Accepted, AgentLine, AskedCancel, AskedClose, AskedInterrupt, AskedResume, Assigned, BrainLine, Counts, EntryLine,
    ErrorLine, ItemLine, JobLine, Jobs, NodeLine, OutcomeLine, Outline, ProblemLine, RunningLine, SettledLine, Shown,
    Spawned, StandingLine, Tree, TreeLine, VerifiedLine, Waited,
};
pub use listing::{KindWord, ListPage, ListRequest, OrderWord};
pub use memories::{
    ForgottenLine, MarkLine, MarkedLine, MarksLine, MemoryFind, MemoryGone, MemoryLine, MemoryPageLine, MemoryReply,
    MemoryRequest, NotedLine, ScopeWord,
};
pub use parcel::{ArrivedLine, BackedUp, CompactedLine, ExportedLine, ParcelReply, ParcelRequest, RestoredLine};
pub use pick::unfinished_job;
pub use place::SOCKET;
pub use plan::{
    Drawing, GraphNodeLine, NewNodeLine, PlanAdded, PlanAssign, PlanAssigned, PlanChanged, PlanCleared, PlanGraphLine,
    PlanLine, PlanNodeLine, PlanReply, PlanRequest, PlanUpdate, StepWord,
};
pub use project::{DriftingLine, HindranceLine, OpenPlanLine, ProgressLine, ProjectLine, ShareLine};
pub use remove::AskedRemove;
pub use roles::{GrantLine, PolicyLine, RoleLimitsLine, RoleLine, Roles};
pub use session::{SessionLine, SessionRequest};
pub use spawn::{Called, NewAgentLine};
pub use told::job_line;
pub use transcript::{
    EntriesPage, EntriesRequest, EntryWord, HeldLine, ImportedLine, PrunedLine, TranscriptLine, TranscriptReply,
    TranscriptRequest,
};
pub use usage::{SpendingLine, UsageLine, UsageRequest, UsageTable};
pub use watching::{Happened, RunLine, WatchLine, WatchRequest, WatchedLine, Watching, watch};
pub use wire::{Follow, Hello, Reply, Request, Wanted};
