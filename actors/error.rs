//! Why something was refused or failed, for whoever asked.

use understory_paths::{AgentPath, PathError};
use understory_store::{AgentId, CommitError, InboxKey, MetadataError, Node, ObjectiveError, Refusal, StoreError};

/// Why something was refused or failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing lies at the path, or the caller may not know of it.
    #[error("{path} does not exist")]
    NotFound {
        /// The path asked for.
        path: AgentPath,
    },
    /// Nothing lies at the path: it or, as `at` says, a node above it was removed.
    #[error("{path} {}", if at == path { "was removed".to_owned() } else { format!("is not there: {at} was removed") })]
    Removed {
        /// The path asked for.
        path: AgentPath,
        /// What was removed.
        at: AgentPath,
    },
    /// Only what is closed is removed.
    #[error("{path} is open: close it before it is removed")]
    Open {
        /// The path asked for.
        path: AgentPath,
    },
    /// A removal has begun, after which there is no resume.
    #[error("{path} is being removed and cannot be resumed")]
    BeingRemoved {
        /// The path asked for.
        path: AgentPath,
    },
    /// Those who act at or below a path that is to be removed have not ended yet.
    #[error("{overdue} at and below {path} have not ended yet: remove it again")]
    Overdue {
        /// The path asked for.
        path: AgentPath,
        /// How many.
        overdue: usize,
    },
    /// What lies at the path is not what the verb is for.
    #[error("{path} is {found}, which cannot be asked to {verb}")]
    WrongKind {
        /// The path asked for.
        path: AgentPath,
        /// What is there.
        found: &'static str,
        /// What was asked.
        verb: &'static str,
    },
    /// The path is taken.
    #[error("{path} exists already")]
    Exists {
        /// The path asked for.
        path: AgentPath,
    },
    /// The node or an ancestor is closed; `at` is the mark in the way.
    #[error("{path} is closed{}", if at == path { String::new() } else { format!(" by {at}") })]
    Closed {
        /// The path asked for.
        path: AgentPath,
        /// Where the mark is.
        at: AgentPath,
    },
    /// A job's item takes mail only while it runs.
    #[error("{path} does not run: a job's item takes messages only while it does")]
    NotRunning {
        /// The item.
        path: AgentPath,
    },
    /// Supervision gave up on the agent.
    #[error("{path} is faulted: {reason}")]
    Faulted {
        /// The agent.
        path: AgentPath,
        /// Why.
        reason: String,
    },
    /// A bound was reached.
    #[error("limit {limit} of {value} is reached at {holder}: {remedy}")]
    Limit {
        /// Which.
        limit: &'static str,
        /// Its value.
        value: u64,
        /// Who holds it.
        holder: AgentPath,
        /// What to do.
        remedy: &'static str,
    },
    /// A text is too long.
    #[error("{what} has {bytes} bytes, over the limit of {max}")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A nickname is taken by a sibling.
    #[error("nickname {nickname:?} is taken below {parent}")]
    NicknameTaken {
        /// The nickname.
        nickname: String,
        /// The common parent.
        parent: AgentPath,
    },
    /// What is asked for cannot be a nickname.
    #[error("nickname {nickname:?} {rule}")]
    BadNickname {
        /// The nickname.
        nickname: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// A title or label is not one.
    #[error("{what} {rule}")]
    BadLabel {
        /// Which, as it was given.
        what: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// What was asked for cannot be listed so: in words.
    #[error("{0}")]
    BadQuery(String),
    /// Nobody below the caller has the nickname.
    #[error("nobody below {below} is called {nickname:?}")]
    NotCalled {
        /// The nickname.
        nickname: String,
        /// Below whom it was looked for.
        below: AgentPath,
    },
    /// Several below the caller have the nickname.
    #[error("{nickname:?} may be any of {}", listed(.meant))]
    Ambiguous {
        /// The nickname.
        nickname: String,
        /// Below whom it was looked for.
        below: AgentPath,
        /// Some of those it may mean, all if they are few.
        meant: Vec<AgentPath>,
    },
    /// The agent has no goal.
    #[error("{path} has no goal")]
    NoGoal {
        /// The agent.
        path: AgentPath,
    },
    /// The agent has a goal that is not complete.
    #[error("{path} has a goal already, which is {status}")]
    GoalExists {
        /// The agent.
        path: AgentPath,
        /// The word for how it stands.
        status: &'static str,
    },
    /// The goal that was meant is gone, or another is in its place.
    #[error("the goal of {path} is another by now")]
    GoalReplaced {
        /// The agent.
        path: AgentPath,
    },
    /// A rule of a goal's record said no.
    #[error("the goal of {path}")]
    GoalRefused {
        /// The agent.
        path: AgentPath,
        /// The rule.
        source: Refusal,
    },
    /// What is to be reached is not said within the bounds.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// What is to be attached to a message is over a bound, or not a client's to say.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A message with this id was accepted before.
    #[error("message {id:?} was accepted already")]
    AlreadyAccepted {
        /// The caller's id.
        id: String,
    },
    /// There is no such dead letter: it was retried or dropped, or never there.
    #[error("{path} has no dead letter {}.{}", row.sequence, row.n)]
    NoDeadLetter {
        /// Whose it would be.
        path: AgentPath,
        /// Which.
        row: InboxKey,
    },
    /// The directory that an agent works in is not as it was left, and its role has that held against it.
    #[error("{path} is held: its directory {directory} is not as it was left: {drift}")]
    Drifted {
        /// The agent.
        path: AgentPath,
        /// The directory.
        directory: String,
        /// What differs, in words.
        drift: String,
    },
    /// Nothing is left of the budget that an agent's turns come out of; what it was sent stays.
    #[error("{path} is held: nothing is left of the budget of {goal}")]
    Spent {
        /// The agent.
        path: AgentPath,
        /// Whose goal has the budget.
        goal: AgentPath,
    },
    /// A directory to work in is not there.
    #[error("no directory {directory}: {reason}")]
    MissingDirectory {
        /// The directory, as it was given.
        directory: String,
        /// What the system says.
        reason: String,
    },
    /// A directory cannot be one to work in.
    #[error("directory {directory} {rule}")]
    BadDirectory {
        /// The directory, as it was given.
        directory: String,
        /// What is wrong with it.
        rule: String,
    },
    /// Nobody has said where it works.
    #[error("{of} has no directory")]
    NoDirectory {
        /// The agent or job.
        of: AgentPath,
    },
    /// There is no such node in the plan.
    #[error("the plan of {path} has no node {node}")]
    NoPlanNode {
        /// Whose plan.
        path: AgentPath,
        /// The number asked for.
        node: u32,
    },
    /// A rule said no to what was asked of a node of a plan.
    #[error("node {node} of the plan of {path} {refusal}")]
    PlanRefused {
        /// Whose plan.
        path: AgentPath,
        /// The node's number.
        node: u32,
        /// The rule; part of these words, which are all that a brain is told.
        refusal: Refusal,
    },
    /// There is no such memory: it was forgotten, or never there; or the caller may not know of it.
    #[error("no memory {key}")]
    NoMemory {
        /// Which.
        key: crate::memories::MemoryKey,
    },
    /// What is to be remembered, or the name of a memory, is not one.
    #[error("{what} {rule}")]
    BadMemory {
        /// Which, as it was given.
        what: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// The agent may not write memories that others see.
    #[error("{path} may not write memories for others: {reason}")]
    MayNotShare {
        /// The agent.
        path: AgentPath,
        /// Why.
        reason: String,
    },
    /// The index of memories failed; the next search makes it again.
    #[error("the index of memories failed")]
    Index(#[source] understory_store::Source),
    /// The path is not one.
    #[error(transparent)]
    Path(#[from] PathError),
    /// No such role.
    #[error("role {name:?} is not known; known are {known}")]
    UnknownRole {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// No such brain.
    #[error("brain {name:?} is not known; known are {known}")]
    UnknownBrain {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// The turn that asked is over: another incarnation, a close or a newer run has taken its place.
    #[error("this turn of {path} is over")]
    Fenced {
        /// Whose turn.
        path: AgentPath,
        /// Which one it was.
        id: AgentId,
    },
    /// The token is nobody's, another's, or dead; and there may be nothing at the path.
    #[error("the token is not good for {path}")]
    BadToken {
        /// Whose it was said to be.
        path: AgentPath,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {reason}")]
    NoRandomness {
        /// What it says.
        reason: String,
    },
    /// A rule of a record said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A rule of a job's record said no to what a person asks of it.
    #[error("{path}")]
    JobRefused {
        /// The job.
        path: AgentPath,
        /// The rule.
        source: Refusal,
    },
    /// The table, template or output of a job is no good.
    #[error(transparent)]
    Job(#[from] crate::job::JobError),
    /// A subtree cannot be exported or imported.
    #[error(transparent)]
    Parcel(#[from] crate::parcel::ParcelError),
    /// A brain's left-over work could not be ended.
    #[error("failed to end what an earlier process left running")]
    Sweep(#[source] crate::brain::BrainError),
    /// Another import below the same agent has begun after this one, which ends.
    #[error("another import below {path} has begun: this one ends")]
    OtherImport {
        /// The agent that both lie below.
        path: AgentPath,
    },
    /// The process is stopping.
    #[error("the runtime is stopping")]
    Stopping,
    /// The commit was refused.
    #[error("failed to commit")]
    Commit(#[source] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// What lies at `path` cannot be asked to `verb`.
    pub fn wrong_kind(path: &AgentPath, found: &Node, verb: &'static str) -> Self {
        Error::WrongKind { path: path.clone(), found: found.noun(), verb }
    }

    /// As what was asked of the job at `path`: its record knows no path.
    pub(crate) fn of_job(self, path: &AgentPath) -> Self {
        match self {
            Error::Refused(source) => Error::JobRefused { path: path.clone(), source },
            error => error,
        }
    }

    /// Whether the disk was too full for a commit: nothing was applied, and it will be taken once there is room.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Error::Commit(CommitError::StorageFull))
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Error::Store(error),
            error => Error::Commit(error),
        }
    }
}

fn listed(paths: &[AgentPath]) -> String {
    paths.iter().map(AgentPath::as_str).collect::<Vec<_>>().join(", ")
}

/// Refuses a text over the limit.
pub(crate) fn demand_length(what: &'static str, text: &str) -> Result<(), Error> {
    let (bytes, max) = (text.len(), crate::limits::TEXT_MAX);
    if bytes > max { Err(Error::TooLong { what, bytes, max }) } else { Ok(()) }
}

/// An error's words as far as a record takes them; what they begin with says most.
pub(crate) fn cut(mut words: String) -> String {
    let (bytes, max) = (words.len(), crate::limits::ERROR_MAX);
    if bytes > max {
        words.truncate(words.floor_char_boundary(max));
        words = format!("{words} [cut: {bytes} bytes]");
    }
    words
}

/// An error and its causes in one line, outermost first; what the words before it say already is not said again.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let says = error.to_string();
        if !words.contains(&says) {
            words = format!("{words}: {says}");
        }
        cause = error.source();
    }
    words
}
