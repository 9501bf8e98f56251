//! Events as they are followed: from an id or from now on, of one subtree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Drift, Event, EventId, Events, Heard, ItemEnding, Metadata, PlanWhat, Runtime, Told};

use crate::directory::{CheckoutLine, checkout_line};
use crate::failure::{Code, Failure};
use crate::lines::Counts;
use crate::told;

/// Which events are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// Those of this node, whether it is there yet or not, and of what lies below it.
    pub path: AgentPath,
    /// The event behind which they begin; from now on without it.
    pub after: Option<String>,
}

/// An event, or what has to be known of the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchLine {
    /// Its id: asked for what comes after it, nothing is missed.
    pub id: String,
    /// The node it is about; nothing if it is about the events themselves.
    pub path: Option<AgentPath>,
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happened {
    /// An agent was created.
    Spawned,
    /// A subtree was closed.
    Closed,
    /// A subtree's mark was taken away, or a fault cleared.
    Resumed,
    /// A message was accepted.
    Mailed {
        /// Whether it starts a turn.
        trigger: bool,
        /// What its client attached to it.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metadata: BTreeMap<String, String>,
    },
    /// A turn started.
    TurnStarted {
        /// Which.
        turn: u64,
        /// Which attempt at it.
        attempt: u32,
        /// What its client attached to what it is about.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metadata: BTreeMap<String, String>,
    },
    /// A turn was taken back and runs again later.
    TurnPutOff {
        /// Which.
        turn: u64,
        /// Why.
        reason: String,
    },
    /// A turn ended.
    TurnEnded {
        /// Which.
        turn: u64,
        /// Completed, errored or interrupted.
        result: String,
        /// What its client attached to what it was about.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metadata: BTreeMap<String, String>,
    },
    /// Supervision gave up on an agent.
    Faulted {
        /// Why.
        reason: String,
    },
    /// Messages went to the dead letters.
    DeadLettered {
        /// How many.
        messages: usize,
    },
    /// The oldest dead letters made room for others.
    DeadDropped {
        /// How many.
        messages: usize,
    },
    /// A job was created.
    JobCreated,
    /// A job changed.
    JobChanged {
        /// The word for its state.
        state: String,
        /// Where its rows stand.
        counts: Counts,
    },
    /// Rows of a job started or came to an end of a run.
    ItemsMoved {
        /// Those that started.
        started: Vec<RunLine>,
        /// Those that ended.
        ended: Vec<RunLine>,
    },
    /// A job's output was written whole.
    JobExported,
    /// A job's output could not be written.
    JobExportFailed {
        /// Why.
        reason: String,
    },
    /// A closed subtree was removed.
    Removed,
    /// A title or labels were changed.
    Labelled,
    /// A directory is not as it was left.
    Drifted {
        /// How it was left.
        was: CheckoutLine,
        /// How it is.
        now: CheckoutLine,
        /// What differs, in words.
        drift: String,
        /// Whether nothing runs there until it is as it was, or accepted.
        held: bool,
    },
    /// Somebody said where it works, or accepted how its directory is.
    DirectorySet,
    /// A brain's conversation is lost on the other side.
    SessionLost,
    /// An agent's goal was set, changed, charged or cleared.
    GoalChanged {
        /// The word for how it stands; nothing: it was cleared.
        status: Option<String>,
        /// Tokens used.
        used: u64,
        /// Tokens allowed.
        budget: Option<u64>,
        /// Why it stands so, where there is more to say.
        why: String,
    },
    /// Nodes of an agent's plan were changed.
    PlanChanged {
        /// Which.
        nodes: Vec<u32>,
        /// Added, edited, started, assigned, done, dropped, reopened or cleared.
        what: String,
        /// Whom they were assigned to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<AgentPath>,
    },
    /// A subtree came from a file, closed.
    Imported,
    /// Something this build has no word for.
    Other,
    /// The events up to this one were dropped before they were read.
    Gap,
    /// The reader fell behind: what follows comes from the store. Nothing is missing.
    Lagged,
}

/// A run of a job's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    /// The row.
    pub row: u32,
    /// The run.
    pub run: u32,
    /// How it ended: completed, retried, failed or released; nothing if it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
}

/// The end of what was followed: the process that ran has stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedLine {
    /// What to ask for what comes after.
    pub last: String,
}

/// Events being followed.
pub struct Watching {
    top: AgentPath,
    events: Events,
    last: EventId,
}

/// Begins to follow events.
///
/// # Errors
/// The id is not one, or of an event that has not happened.
pub fn watch(runtime: &Runtime, request: WatchRequest) -> Result<Watching, Failure> {
    let after = request.after.as_deref().map(str::parse::<EventId>).transpose()?;
    let now = runtime.system().store().last();
    if let Some(id) = after.filter(|id| id.version > now) {
        let message = format!("event {id} has not happened yet: the last commit is {now}");
        return Err(Failure::new(Code::Usage, message));
    }
    let last = after.unwrap_or(EventId::after(now));
    Ok(Watching { top: request.path, events: runtime.events(Some(last)), last })
}

impl Watching {
    /// The next event; nothing when the runtime has stopped.
    ///
    /// # Errors
    /// The store failed.
    pub async fn next(&mut self) -> Result<Option<WatchLine>, Failure> {
        while let Some(heard) = self.events.next().await? {
            if let Some(line) = self.line(heard) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The next event that is on record now; nothing when they have all been heard.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stored(&mut self) -> Result<Option<WatchLine>, Failure> {
        while let Some(heard) = self.events.stored().await? {
            if let Some(line) = self.line(heard) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// What to ask for what comes after: the id of the last event that was heard or passed over.
    pub fn last(&self) -> WatchedLine {
        WatchedLine { last: self.last.to_string() }
    }

    fn line(&mut self, heard: Heard) -> Option<WatchLine> {
        let (path, happened) = match heard {
            Heard::Told(told) => {
                self.last = EventId::from(&told);
                if !self.concerns(&told.event) {
                    return None;
                }
                (Some(told.event.path().clone()), happened(told))
            }
            Heard::Gap(version) => {
                self.last = self.last.max(EventId::after(version));
                (None, Happened::Gap)
            }
            Heard::Lagged => (None, Happened::Lagged),
        };
        Some(WatchLine { id: self.last.to_string(), path, happened })
    }

    /// Whether an event is of the subtree: what happens to all of it from above is, too.
    fn concerns(&self, event: &Event) -> bool {
        let from_above = matches!(event, Event::Closed { .. } | Event::Resumed { .. } | Event::Removed { .. });
        self.top.contains(event.path()) || (from_above && event.path().contains(&self.top))
    }
}

fn happened(told: Told) -> Happened {
    match told.event {
        Event::Spawned { .. } => Happened::Spawned,
        Event::Closed { .. } => Happened::Closed,
        Event::Resumed { .. } => Happened::Resumed,
        Event::Mailed { trigger, metadata, .. } => Happened::Mailed { trigger, metadata: entries(&metadata) },
        Event::TurnStarted { turn, attempt, metadata, .. } => {
            Happened::TurnStarted { turn, attempt, metadata: entries(&metadata) }
        }
        Event::TurnPutOff { turn, reason, .. } => Happened::TurnPutOff { turn, reason },
        Event::TurnEnded { turn, result, metadata, .. } => {
            Happened::TurnEnded { turn, result: result.as_str().to_owned(), metadata: entries(&metadata) }
        }
        Event::Faulted { reason, .. } => Happened::Faulted { reason },
        Event::DeadLettered { rows, .. } => Happened::DeadLettered { messages: rows.len() },
        Event::DeadDropped { rows, .. } => Happened::DeadDropped { messages: rows.len() },
        Event::JobCreated { .. } => Happened::JobCreated,
        Event::JobChanged { state, counts, .. } => Happened::JobChanged { state, counts: told::counts(counts) },
        Event::ItemsMoved { started, ended, .. } => {
            let start = |(row, run)| RunLine { row, run, ending: None };
            let end = |end: understory::ItemEnd| RunLine {
                row: end.row,
                run: end.run,
                ending: Some(ending(end.ending).to_owned()),
            };
            Happened::ItemsMoved {
                started: started.into_iter().map(start).collect(),
                ended: ended.into_iter().map(end).collect(),
            }
        }
        Event::JobExported { .. } => Happened::JobExported,
        Event::JobExportFailed { reason, .. } => Happened::JobExportFailed { reason },
        Event::Removed { .. } => Happened::Removed,
        Event::Labelled { .. } => Happened::Labelled,
        Event::Drifted { was, is, held, .. } => {
            let (before, now) = (checkout_line(&was), checkout_line(&is));
            Happened::Drifted { was: before, now, drift: Drift { was, is }.to_string(), held }
        }
        Event::DirectorySet { .. } => Happened::DirectorySet,
        Event::SessionLost { .. } => Happened::SessionLost,
        Event::GoalChanged { goal, .. } => Happened::GoalChanged {
            status: goal.status.map(|status| status.as_str().to_owned()),
            used: goal.used,
            budget: goal.budget,
            why: goal.why,
        },
        Event::PlanChanged { nodes, what, .. } => {
            let word = what.as_str().to_owned();
            let to = match what {
                PlanWhat::Assigned { to } => Some(to.path),
                _ => None,
            };
            Happened::PlanChanged { nodes, what: word, to }
        }
        Event::Imported { .. } => Happened::Imported,
        _ => Happened::Other,
    }
}

fn entries(metadata: &Metadata) -> BTreeMap<String, String> {
    metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn ending(ending: ItemEnding) -> &'static str {
    match ending {
        ItemEnding::Completed => "completed",
        ItemEnding::Retried => "retried",
        ItemEnding::Failed => "failed",
        ItemEnding::Released => "released",
        ItemEnding::Skipped => "skipped",
    }
}
