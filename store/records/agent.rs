//! An agent's record, and the life of its turns.
//!
//! ```text
//!            start                      end, dead-letter
//!   Ready ----------> Running ----------------------------> Ready (turns + 1)
//!     ^                  |  \--- restart: crash, charged ----> Running (attempt + 1)
//!     |                  |  \--- put off: fault or back-off -> Ready (charged as said)
//!     |                  |  \--- release: close, shutdown ---> Ready (not charged)
//!     |                  v
//!     +---- clear --- Faulted
//! ```

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::id::{AgentId, AgentRef, InboxKey, Time};
use super::usage::Usage;

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Which one it is.
    pub id: AgentId,
    /// When it was created.
    pub created_at: Time,
    /// Who created it.
    pub creation: Creation,
    /// The role it was given.
    pub role: String,
    /// What answers its messages; an agent without a brain takes mail and runs nothing.
    pub brain: Option<BrainChoice>,
    /// What people call it; unique among its siblings.
    pub nickname: Option<String>,
    /// How many turns have ended.
    pub turns: u64,
    /// What it is doing.
    pub phase: Phase,
    /// How its last turn ended.
    pub outcome: Option<Outcome>,
    /// When it faulted lately; what supervision decides by.
    pub faults: Vec<Time>,
    /// What its turns have cost over its whole life, as far as their brains said so. An attempt that a crash cut short is not
    /// in it.
    pub used: Usage,
    /// The last row of its inbox that its transcript has.
    pub heard: InboxKey,
}

/// Who created an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Creation {
    /// The host or the operator.
    Host,
    /// An agent or job item, in this turn (for an item: any run of it).
    By {
        /// The creator.
        creator: AgentRef,
        /// Its turn; 0 for an item, whose runs all count as one.
        turn: u64,
    },
}

/// Which brain, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BrainChoice {
    /// The factory's name.
    pub name: String,
    /// The factory's settings, in its own form.
    pub settings: String,
}

/// What an agent is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// No turn runs.
    Ready {
        /// Attempts already charged to the turn that comes next.
        charged: u32,
        /// How often in a row the brain was unavailable.
        waits: u32,
        /// The next turn does not start before.
        not_before: Option<Time>,
    },
    /// A turn runs, or ran when the process died.
    Running(Running),
    /// Supervision gave up: mail is taken, nothing runs until `resume`.
    Faulted {
        /// Why.
        reason: String,
        /// Since when.
        at: Time,
    },
}

/// A turn under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Its number, from 1.
    pub turn: u64,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// How often in a row the brain was unavailable before.
    pub waits: u32,
    /// The inbox rows it is about; deleted by the commit that ends it.
    pub in_hand: Vec<InboxKey>,
    /// When this attempt started.
    pub started_at: Time,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its number.
    pub turn: u64,
    /// The kind of end.
    pub result: TurnResult,
    /// The answer, or what went wrong.
    pub content: String,
    /// When.
    pub at: Time,
}

/// The kind of end of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnResult {
    /// The brain answered.
    Completed,
    /// It failed, for good.
    Errored,
    /// Somebody stopped it.
    Interrupted,
}

impl TurnResult {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            TurnResult::Completed => "completed",
            TurnResult::Errored => "errored",
            TurnResult::Interrupted => "interrupted",
        }
    }
}

impl Phase {
    /// Nothing runs and nothing is held against what comes next.
    pub const IDLE: Phase = Phase::Ready { charged: 0, waits: 0, not_before: None };
}

impl Agent {
    /// Starts the next turn over these inbox rows.
    ///
    /// # Errors
    /// A turn runs, or the agent is faulted.
    pub fn start(&self, in_hand: Vec<InboxKey>, now: Time) -> Result<Agent, Refusal> {
        let Phase::Ready { charged, waits, .. } = self.phase else {
            return Err(self.refuse("start a turn"));
        };
        let (turn, heard) = (self.turns + 1, self.through(&in_hand));
        let running = Running { turn, attempt: charged + 1, waits, in_hand, started_at: now };
        Ok(Agent { heard, ..self.with(Phase::Running(running)) })
    }

    /// Starts the running turn again after a crash, charged.
    ///
    /// # Errors
    /// No turn runs.
    pub fn restart(&self, now: Time) -> Result<Agent, Refusal> {
        let running = self.running().ok_or_else(|| self.refuse("restart a turn"))?;
        let attempt = running.attempt + 1;
        Ok(self.with(Phase::Running(Running { attempt, started_at: now, ..running.clone() })))
    }

    /// Adds inbox rows to the running turn.
    ///
    /// # Errors
    /// No turn runs.
    pub fn join(&self, rows: &[InboxKey]) -> Result<Agent, Refusal> {
        let running = self.running().ok_or_else(|| self.refuse("join a turn"))?;
        let mut next = running.clone();
        next.in_hand.extend_from_slice(rows);
        Ok(Agent { heard: self.through(rows), ..self.with(Phase::Running(next)) })
    }

    /// Ends the running turn.
    ///
    /// # Errors
    /// No turn runs.
    pub fn end(&self, result: TurnResult, content: String, now: Time) -> Result<Agent, Refusal> {
        let turn = self.running().ok_or_else(|| self.refuse("end a turn"))?.turn;
        let outcome = Some(Outcome { turn, result, content, at: now });
        Ok(Agent { turns: turn, outcome, ..self.with(Phase::IDLE) })
    }

    /// Leaves what a turn has taken from the row `first` on to the next one, which has it in its transcript, too.
    pub fn leave_from(&self, first: InboxKey) -> Agent {
        let taken = self.running().map(|running| running.in_hand.as_slice()).unwrap_or_default();
        let last = taken.iter().filter(|row| **row < first).max().copied().unwrap_or(InboxKey::FIRST);
        Agent { heard: self.heard.min(last), ..self.clone() }
    }

    /// Takes the running turn back uncharged: the agent stops for a close or a shutdown.
    ///
    /// # Errors
    /// No turn runs.
    pub fn release(&self) -> Result<Agent, Refusal> {
        let running = self.running().ok_or_else(|| self.refuse("release a turn"))?;
        Ok(self.with(Phase::Ready { charged: running.attempt - 1, waits: running.waits, not_before: None }))
    }

    /// Takes the running turn back after a fault of the brain, to be run again no sooner than `not_before`.
    ///
    /// # Errors
    /// No turn runs.
    pub fn put_off(&self, charged: bool, faults: Vec<Time>, not_before: Time) -> Result<Agent, Refusal> {
        let running = self.running().ok_or_else(|| self.refuse("put off a turn"))?;
        let phase = match charged {
            true => Phase::Ready { charged: running.attempt, waits: 0, not_before: Some(not_before) },
            false => {
                Phase::Ready { charged: running.attempt - 1, waits: running.waits + 1, not_before: Some(not_before) }
            }
        };
        Ok(Agent { faults, ..self.with(phase) })
    }

    /// Notes what an attempt at a turn has cost; part of the commit that ends it.
    pub fn charge(&self, cost: Usage) -> Agent {
        Agent { used: self.used.plus(cost), ..self.clone() }
    }

    /// Gives up on the agent until somebody resumes it.
    pub fn fault(&self, reason: String, now: Time) -> Agent {
        self.with(Phase::Faulted { reason, at: now })
    }

    /// Clears a fault and its history.
    pub fn clear(&self) -> Agent {
        match self.phase {
            Phase::Faulted { .. } => Agent { faults: Vec::new(), ..self.with(Phase::IDLE) },
            _ => self.clone(),
        }
    }

    /// The turn under way.
    pub fn running(&self) -> Option<&Running> {
        match &self.phase {
            Phase::Running(running) => Some(running),
            _ => None,
        }
    }

    /// Whether results are sent to it: it has a brain and supervision has not given up on it.
    pub fn takes_results(&self) -> bool {
        self.brain.is_some() && !matches!(self.phase, Phase::Faulted { .. })
    }

    /// How far its transcript has its inbox once it has these rows of it.
    fn through(&self, rows: &[InboxKey]) -> InboxKey {
        rows.iter().copied().fold(self.heard, InboxKey::max)
    }

    fn with(&self, phase: Phase) -> Agent {
        Agent { phase, ..self.clone() }
    }

    fn refuse(&self, what: &str) -> Refusal {
        let is = match &self.phase {
            Phase::Ready { .. } => "no turn runs".to_owned(),
            Phase::Running(running) => format!("turn {} runs", running.turn),
            Phase::Faulted { .. } => "it is faulted".to_owned(),
        };
        Refusal(format!("cannot {what}: {is}"))
    }
}
