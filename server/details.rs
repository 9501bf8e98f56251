//! What `show` tells of an agent besides what it is: how it goes on, what lies at it, what people wrote on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::{AgentPath, AgentRecord, Awaited, Creation, Error, PendingMail, Phase, Runtime, View, Waits};

use crate::told::{millis, moment};

/// What else is known of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetailsLine {
    /// What it does on record, and what is held against its next turn.
    pub phase: PhaseLine,
    /// Who created it; nothing if it was the host or a person.
    pub created_by: Option<AgentPath>,
    /// When something last happened to it.
    pub active_at: Option<String>,
    /// For how long its turn has gone on.
    pub elapsed_ms: Option<u64>,
    /// What its turn waits for.
    pub waits_for: Option<WaitsLine>,
    /// The first line of what it is about.
    pub task: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it faulted lately, the oldest first.
    pub faults: Vec<String>,
    /// What lies in its inbox.
    pub mail: MailLine,
    /// Agents directly below it that are not closed, counted up to 10,000.
    pub open_children: u64,
}

/// What an agent does on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PhaseLine {
    /// No turn runs.
    Ready {
        /// Attempts charged to the turn that comes next.
        charged: u32,
        /// How often in a row its brain was unavailable.
        unavailable: u32,
        /// When the next turn may start.
        not_before: Option<String>,
    },
    /// A turn runs.
    Running {
        /// How many messages it is about.
        in_hand: usize,
        /// How often in a row its brain was unavailable before.
        unavailable: u32,
    },
    /// Supervision gave up on it.
    Faulted {
        /// When.
        since: String,
    },
}

/// What a turn waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitsLine {
    /// The agents; none if it is for mail.
    pub agents: Vec<AgentPath>,
    /// How many of them are enough.
    pub wanted: usize,
    /// Since when.
    pub since: String,
}

/// What lies in an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLine {
    /// Messages that no turn has consumed, those in hand with them.
    pub messages: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl DetailsLine {
    /// The same with what has to be counted.
    pub(crate) async fn counted(self, runtime: &Runtime, path: &AgentPath) -> Result<Self, Error> {
        let PendingMail { messages, bytes } = runtime.system().pending_mail(path).await?;
        let open_children = runtime.system().open_children(path).await?;
        Ok(DetailsLine { mail: MailLine { messages, bytes }, open_children, ..self })
    }
}

/// What a view tells; nothing is counted.
pub(crate) fn details_line(view: &View, agent: &AgentRecord) -> DetailsLine {
    let created_by = match &agent.creation {
        Creation::Host => None,
        Creation::By { creator, .. } => Some(creator.path.clone()),
    };
    DetailsLine {
        phase: phase_line(&agent.phase),
        created_by,
        active_at: view.active().map(moment),
        elapsed_ms: view.elapsed().map(millis),
        waits_for: view.waits.as_ref().map(waits_line),
        task: view.task.clone(),
        title: view.card.title.clone(),
        labels: view.card.labels.clone(),
        faults: agent.faults.iter().copied().map(moment).collect(),
        mail: MailLine::default(),
        open_children: 0,
    }
}

fn phase_line(phase: &Phase) -> PhaseLine {
    match phase {
        Phase::Ready { charged, waits, not_before } => {
            PhaseLine::Ready { charged: *charged, unavailable: *waits, not_before: not_before.map(moment) }
        }
        Phase::Running(running) => PhaseLine::Running { in_hand: running.in_hand.len(), unavailable: running.waits },
        Phase::Faulted { at, .. } => PhaseLine::Faulted { since: moment(*at) },
    }
}

fn waits_line(Waits { on, since }: &Waits) -> WaitsLine {
    let (agents, wanted) = match on {
        Awaited::Mail => (Vec::new(), 0),
        Awaited::Agents { paths, wanted } => (paths.clone(), *wanted),
    };
    WaitsLine { agents, wanted, since: moment(*since) }
}
