//! What a refusal or failure is called to the outside, and the one function that says so of the runtime's errors.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use understory::{
    CommitError, Error as Refusal, ExportError, JobError, METADATA_ENTRIES_MAX, METADATA_MAX, METADATA_VALUE_MAX,
    MetadataError, ParcelError, StoreError, TableError, chain,
};

/// What to do when something may or may not have been done.
pub const UNSURE: &str = "look at what was done before asking again";

/// Why something was not done, for a person and for a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind it is.
    pub code: Code,
    /// What happened, with its causes.
    pub message: String,
    /// The things named in the message, by name.
    pub details: Value,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the same again may succeed, with nothing else done.
    pub retryable: bool,
}

/// Kinds of failure: what a program may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// Something failed that none of the others is.
    Failure,
    /// A file cannot be written.
    Unwritable,
    /// No room is left on the disk.
    DiskFull,
    /// The process that was asked ends.
    Stopping,
    /// A turn or agent failed.
    Faulted,
    /// Whoever asked did not prove to be the agent it said.
    BadToken,
    /// The command is not one.
    Usage,
    /// What was named is not there: a node, a file, a program, a role, a brain.
    NotFound,
    /// What was named is not there any more.
    Removed,
    /// What was named is there already.
    Exists,
    /// A node or one above it is closed.
    Closed,
    /// What was asked does not fit what is.
    Conflict,
    /// The input of a job is another one than it was started with.
    InputChanged,
    /// Another process has the store, and does not answer.
    InUse,
    /// A limit was reached.
    Limit,
    /// A path is not one.
    InvalidPath,
    /// A table is no good.
    InvalidTable,
    /// A template, script or setting is no good.
    InvalidText,
    /// The store is of a newer build.
    NewerSchema,
    /// The store is damaged.
    Damaged,
    /// A deadline came first.
    Deadline,
    /// A signal came first: `SIGINT`.
    Interrupted,
    /// A signal came first: `SIGTERM`.
    Terminated,
}

impl Failure {
    /// A failure that is in nobody's details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), details: json!({}), hint: None, retryable: false }
    }

    /// The same, naming things.
    pub fn details(self, details: Value) -> Self {
        Failure { details, ..self }
    }

    /// The same, saying what to do.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// The same, worth another try.
    pub fn retryable(self) -> Self {
        Failure { retryable: true, ..self }
    }

    /// The same of a request whose owner ends: another try is worth it only if nothing can be done twice by it.
    pub(crate) fn unanswered(self, repeats: bool) -> Self {
        if repeats { self.retryable() } else { Failure { retryable: false, ..self.hint(UNSURE) } }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Refusal> for Failure {
    fn from(error: Refusal) -> Self {
        let failure = Failure { details: details(&error), ..Failure::new(code(&error), chain(&error)) };
        let failure = match hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        };
        match error {
            Refusal::Stopping
            | Refusal::Commit(CommitError::Conflict { .. })
            | Refusal::Store(StoreError::InUse { .. }) => failure.retryable(),
            _ => failure,
        }
    }
}

/// A file's name for [`Failure::details`], as far as it is text: JSON takes no other.
pub fn named(path: &Path) -> Cow<'_, str> {
    path.to_string_lossy()
}

fn code(error: &Refusal) -> Code {
    match error {
        Refusal::NotFound { .. }
        | Refusal::NotCalled { .. }
        | Refusal::NoDeadLetter { .. }
        | Refusal::MissingDirectory { .. }
        | Refusal::NoDirectory { .. }
        | Refusal::NoPlanNode { .. }
        | Refusal::NoMemory { .. }
        | Refusal::UnknownRole { .. }
        | Refusal::UnknownBrain { .. }
        | Refusal::NoGoal { .. } => Code::NotFound,
        Refusal::GoalExists { .. } => Code::Exists,
        Refusal::GoalReplaced { .. } | Refusal::GoalRefused { .. } => Code::Conflict,
        Refusal::Objective(_) => Code::InvalidText,
        Refusal::Exists { .. } | Refusal::NicknameTaken { .. } | Refusal::AlreadyAccepted { .. } => Code::Exists,
        Refusal::Removed { .. } => Code::Removed,
        Refusal::BadToken { .. } => Code::BadToken,
        Refusal::Closed { .. } => Code::Closed,
        Refusal::Faulted { .. } => Code::Faulted,
        Refusal::Ambiguous { .. } | Refusal::MayNotShare { .. } | Refusal::Drifted { .. } | Refusal::Spent { .. } => {
            Code::Conflict
        }
        Refusal::WrongKind { .. } | Refusal::Fenced { .. } | Refusal::Refused(_) | Refusal::JobRefused { .. } => {
            Code::Conflict
        }
        Refusal::PlanRefused { .. } => Code::Conflict,
        Refusal::Open { .. } | Refusal::BeingRemoved { .. } | Refusal::Overdue { .. } | Refusal::OtherImport { .. } => {
            Code::Conflict
        }
        Refusal::Parcel(ParcelError::NicknameTaken { .. }) => Code::Exists,
        Refusal::Parcel(ParcelError::Root) => Code::Usage,
        Refusal::Parcel(_) => Code::Conflict,
        Refusal::Limit { .. } | Refusal::TooLong { .. } => Code::Limit,
        Refusal::Metadata(MetadataError::BadKey { .. } | MetadataError::Reserved { .. }) => Code::InvalidText,
        Refusal::Metadata(_) => Code::Limit,
        Refusal::BadNickname { .. }
        | Refusal::BadLabel { .. }
        | Refusal::BadMemory { .. }
        | Refusal::BadDirectory { .. } => Code::InvalidText,
        Refusal::BadQuery(_) => Code::Usage,
        Refusal::Path(_) => Code::InvalidPath,
        Refusal::Stopping => Code::Stopping,
        Refusal::Job(error) => job_code(error),
        Refusal::Commit(CommitError::TooLarge { .. }) => Code::Limit,
        Refusal::Commit(CommitError::StorageFull) => Code::DiskFull,
        Refusal::Commit(CommitError::Conflict { .. }) => Code::Conflict,
        Refusal::Commit(CommitError::Store(error)) | Refusal::Store(error) => store_code(error),
        _ => Code::Failure,
    }
}

fn job_code(error: &JobError) -> Code {
    match error {
        JobError::Table(error) => table_code(error),
        JobError::Dependency { .. } => Code::InvalidTable,
        JobError::Export(ExportError::Exists { .. }) | JobError::OutputTaken { .. } => Code::Exists,
        JobError::Export(_) | JobError::Unwritten { .. } => Code::Unwritable,
        JobError::InputChanged { .. } | JobError::Changed { .. } => Code::InputChanged,
        JobError::NotAnObject { .. } | JobError::NotText { .. } | JobError::BadSchema { .. } => Code::InvalidText,
        JobError::Misfit { .. } | JobError::NothingFits { .. } => Code::InvalidText,
        JobError::Zero { .. } | JobError::OutputIsInput { .. } | JobError::NoBrain { .. } => Code::Usage,
        JobError::NoSpool => Code::Usage,
        JobError::UnknownColumns(_) => Code::InvalidTable,
        JobError::Unkept { source, .. } if source.kind() == ErrorKind::StorageFull => Code::DiskFull,
        JobError::Unkept { .. } => Code::Unwritable,
        JobError::UnknownColumn { .. } | JobError::Cell { .. } => Code::InvalidTable,
        _ => Code::Failure,
    }
}

fn table_code(error: &TableError) -> Code {
    match error {
        TableError::NotFound { .. } => Code::NotFound,
        TableError::Open { .. } | TableError::Read { .. } => Code::Failure,
        TableError::TooManyColumns { .. } | TableError::TooManyRows { .. } | TableError::RowTooLarge { .. } => {
            Code::Limit
        }
        TableError::TooManyKeys { .. } | TableError::KeysTooLarge { .. } => Code::Limit,
        _ => Code::InvalidTable,
    }
}

fn store_code(error: &StoreError) -> Code {
    match error {
        StoreError::FileExists { .. } => Code::Exists,
        StoreError::FileDamaged { .. } => Code::Damaged,
        StoreError::NoFolder => Code::Usage,
        StoreError::Io { source, .. } => match source.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(ErrorKind::NotFound) => Code::NotFound,
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Code::DiskFull,
            Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => Code::Unwritable,
            _ => Code::Failure,
        },
        StoreError::InUse { .. } => Code::InUse,
        StoreError::NewerSchema { .. } => Code::NewerSchema,
        StoreError::Damaged { .. } => Code::Damaged,
        _ => Code::Failure,
    }
}

fn details(error: &Refusal) -> Value {
    match error {
        Refusal::NotFound { path } | Refusal::Exists { path } | Refusal::Fenced { path, .. } => json!({ "path": path }),
        Refusal::NoDeadLetter { path, row } => json!({ "path": path, "row": format!("{}.{}", row.sequence, row.n) }),
        Refusal::NoPlanNode { path, node } | Refusal::PlanRefused { path, node, .. } => {
            json!({ "path": path, "node": node })
        }
        Refusal::NoMemory { key } => json!({ "memory": key.to_string() }),
        Refusal::MayNotShare { path, reason } => json!({ "path": path, "reason": reason }),
        Refusal::Open { path } | Refusal::BeingRemoved { path } | Refusal::OtherImport { path } => {
            json!({ "path": path })
        }
        Refusal::Parcel(
            ParcelError::Open { path }
            | ParcelError::Changing { path }
            | ParcelError::Storing { path }
            | ParcelError::Half { path }
            | ParcelError::GoalsChanged { path }
            | ParcelError::GivenUp { path },
        ) => json!({ "path": path }),
        Refusal::Overdue { path, overdue } => json!({ "path": path, "overdue": overdue }),
        Refusal::Removed { path, at } => json!({ "path": path, "removed": at }),
        Refusal::Closed { path, at } => json!({ "path": path, "closed_by": at }),
        Refusal::NoGoal { path } | Refusal::GoalReplaced { path } | Refusal::GoalRefused { path, .. } => {
            json!({ "path": path })
        }
        Refusal::GoalExists { path, status } => json!({ "path": path, "status": status }),
        Refusal::JobRefused { path, .. } => json!({ "path": path }),
        Refusal::WrongKind { path, found, .. } => json!({ "path": path, "found": found }),
        Refusal::Faulted { path, reason } => json!({ "path": path, "reason": reason }),
        Refusal::Limit { limit, value, holder, .. } => json!({ "limit": limit, "value": value, "holder": holder }),
        Refusal::TooLong { what, bytes, max } => json!({ "what": what, "bytes": bytes, "limit": max }),
        Refusal::NicknameTaken { nickname, parent }
        | Refusal::Parcel(ParcelError::NicknameTaken { nickname, parent, .. }) => {
            json!({ "nickname": nickname, "parent": parent })
        }
        Refusal::Ambiguous { nickname, meant, .. } => json!({ "nickname": nickname, "paths": meant }),
        Refusal::NotCalled { nickname, below } => json!({ "nickname": nickname, "below": below }),
        Refusal::BadNickname { nickname, .. } => json!({ "nickname": nickname }),
        Refusal::Metadata(error) => metadata_details(error),
        Refusal::Path(error) => json!({ "input": error.input(), "rule": error.rule().to_string() }),
        Refusal::UnknownRole { name, .. } | Refusal::UnknownBrain { name, .. } => json!({ "name": name }),
        Refusal::Store(StoreError::InUse { dir, pid }) => json!({ "store": dir, "pid": pid }),
        Refusal::Store(StoreError::NewerSchema { dir, found, supported }) => {
            json!({ "store": dir, "found": found, "supported": supported })
        }
        Refusal::Store(StoreError::Damaged { place, what }) => json!({ "place": place, "what": what }),
        Refusal::Store(StoreError::FileExists { path }) => json!({ "path": path }),
        Refusal::Store(StoreError::FileDamaged { path, what }) => json!({ "path": path, "what": what }),
        Refusal::BadToken { path } => json!({ "path": path }),
        Refusal::Spent { path, goal } => json!({ "path": path, "held_by": goal }),
        Refusal::Drifted { path, directory, drift } => json!({ "path": path, "directory": directory, "drift": drift }),
        Refusal::MissingDirectory { directory, .. } | Refusal::BadDirectory { directory, .. } => {
            json!({ "directory": directory })
        }
        Refusal::NoDirectory { of } => json!({ "path": of }),
        Refusal::Job(error) => job_details(error),
        _ => json!({}),
    }
}

fn metadata_details(error: &MetadataError) -> Value {
    match error {
        MetadataError::BadKey { key } | MetadataError::Reserved { key } => json!({ "key": key }),
        MetadataError::TooMany { entries } => json!({ "entries": entries, "limit": METADATA_ENTRIES_MAX }),
        MetadataError::ValueTooLong { key, bytes } => {
            json!({ "key": key, "bytes": bytes, "limit": METADATA_VALUE_MAX })
        }
        MetadataError::TooLong { bytes } => json!({ "bytes": bytes, "limit": METADATA_MAX }),
        _ => json!({}),
    }
}

fn job_details(error: &JobError) -> Value {
    match error {
        JobError::Table(TableError::NotFound { path } | TableError::Open { path, .. }) => {
            json!({ "input": named(path) })
        }
        JobError::Table(TableError::NotUtf8 { byte, line }) => json!({ "byte": byte, "line": line }),
        JobError::Table(TableError::DuplicateHeader { name, first, second }) => {
            json!({ "name": name, "columns": [first, second] })
        }
        JobError::Table(TableError::UnknownIdColumn { name, .. }) => json!({ "name": name }),
        JobError::Table(TableError::Ragged { line, found, wanted }) => {
            json!({ "line": line, "found": found, "wanted": wanted })
        }
        JobError::Table(TableError::TooManyRows { line, limit }) => json!({ "line": line, "limit": limit }),
        JobError::Table(TableError::RowTooLarge { line, limit }) => json!({ "line": line, "limit": limit }),
        JobError::Table(TableError::Quote { line, column, .. } | TableError::Json { line, column, .. }) => {
            json!({ "line": line, "column": column })
        }
        JobError::Table(TableError::TooManyKeys { line, limit } | TableError::KeysTooLarge { line, limit }) => {
            json!({ "line": line, "limit": limit })
        }
        JobError::Dependency { line, .. } => json!({ "line": line }),
        JobError::Table(TableError::TooManyColumns { found, limit }) => json!({ "found": found, "limit": limit }),
        JobError::Export(
            ExportError::Exists { path } | ExportError::NotAFile { path } | ExportError::Unwritable { path, .. },
        ) => json!({ "output": named(path) }),
        JobError::Unwritten { output, .. } | JobError::OutputIsInput { path: output } => {
            json!({ "output": named(output) })
        }
        JobError::OutputTaken { path, job } => json!({ "output": named(path), "job": job }),
        JobError::NotText { path } => json!({ "path": named(path) }),
        JobError::Unkept { dir, .. } => json!({ "path": named(dir) }),
        JobError::InputChanged { input, job } => json!({ "input": input, "job": job }),
        JobError::Changed { input } => json!({ "input": input }),
        JobError::UnknownColumn { name, .. } => json!({ "name": name }),
        JobError::Cell { line, column, .. } => json!({ "line": line, "column": column }),
        JobError::NoBrain { line, role } => json!({ "line": line, "role": role }),
        _ => json!({}),
    }
}

/// What to do, in the words of the command line.
fn hint(error: &Refusal) -> Option<String> {
    Some(match error {
        Refusal::Open { path } | Refusal::Parcel(ParcelError::Open { path }) => format!("understory close {path}"),
        Refusal::Parcel(ParcelError::Root) => "understory store backup writes all of it".to_owned(),
        Refusal::Parcel(ParcelError::Half { path }) => format!("understory remove {path}"),
        Refusal::Parcel(ParcelError::NicknameTaken { parent, .. }) => {
            format!("understory import FILE PATH, with a PATH that is below another agent than {parent}")
        }
        Refusal::NoGoal { path } => format!("understory goal set {path} TEXT"),
        Refusal::BeingRemoved { path } | Refusal::Overdue { path, .. } => format!("understory remove {path}"),
        Refusal::Closed { at, .. } => format!("understory resume {at}"),
        Refusal::Faulted { path, .. } => format!("understory resume {path}"),
        Refusal::Spent { goal, .. } => format!("understory goal raise {goal} --budget N; what was accepted is kept"),
        Refusal::Drifted { path, .. } => format!("understory dir accept {path}, or put it back as it was"),
        Refusal::NoDirectory { of } => format!("understory dir set {of} DIRECTORY"),
        Refusal::Job(JobError::InputChanged { .. }) => {
            "--new starts another job over the table as it is now".to_owned()
        }
        Refusal::Job(JobError::Export(ExportError::Exists { .. })) => "--overwrite writes over it".to_owned(),
        Refusal::Job(JobError::NoBrain { .. }) => "--brain shell --command 'PROGRAM ARGUMENTS'".to_owned(),
        Refusal::Job(JobError::Unwritten { .. }) => {
            "the results are kept: the same command writes the output once it can be written".to_owned()
        }
        Refusal::Store(StoreError::NewerSchema { .. }) => "use the newer understory that wrote it".to_owned(),
        Refusal::Commit(CommitError::StorageFull) => "make room and give the same command again".to_owned(),
        _ => return None,
    })
}
