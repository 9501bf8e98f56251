//! A turn's entry in its agent's slot: what outlives an incarnation of the actor.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use understory_store::Agent;

use crate::brain::{AnyBrain, BrainError, Response};
use crate::lock::Lock;
use crate::pausing::TurnSlot;

/// What a slot holds for an agent.
#[derive(Default)]
pub(crate) struct Held {
    /// The turn under way.
    pub(crate) entry: Option<TurnEntry>,
    /// How often in a row the disk was too full for what the actor had to commit; it tries again by itself.
    pub(super) refused: u32,
    /// The brain between turns.
    pub(super) brain: Lock<Option<Box<dyn AnyBrain>>>,
}

/// A turn from just before M2 until its end is committed. The slot it runs in is given back with it, or while it waits.
pub(crate) struct TurnEntry {
    pub(super) turn: u64,
    pub(super) attempt: u32,
    pub(super) cancel: CancellationToken,
    pub(super) stage: Stage,
    pub(super) slot: TurnSlot,
}

pub(super) enum Stage {
    /// M2 was asked for; whether it was applied the record says.
    Starting,
    /// The brain runs.
    Running,
    /// It has ended; the end is not committed yet.
    Ended(Arc<TurnEnd>),
}

/// How a brain's work on a turn ended.
#[derive(Debug)]
pub(super) enum TurnEnd {
    /// With an answer or an error. A panic is [`BrainError::Broken`].
    Answered(Result<Response, BrainError>),
    /// It was cancelled, and has ended or been dropped.
    Cancelled,
}

/// What an incarnation finds in its slot.
pub(super) enum Look {
    /// No turn.
    Nothing,
    /// M2 is durable, but nobody called the brain.
    Unlaunched,
    /// The brain runs.
    Under,
    /// The brain is done, the end not committed.
    Ended(Arc<TurnEnd>),
}

impl Held {
    /// Compares the entry with the record, and drops one that the record is past.
    pub(super) fn look(&mut self, agent: &Agent) -> Look {
        let Some(entry) = &self.entry else { return Look::Nothing };
        let current = agent.running().is_some_and(|run| (run.turn, run.attempt) == (entry.turn, entry.attempt));
        match (&entry.stage, current) {
            (Stage::Running, _) => Look::Under,
            (Stage::Starting, true) => Look::Unlaunched,
            (Stage::Ended(end), true) => Look::Ended(end.clone()),
            (_, false) => {
                self.entry = None;
                Look::Nothing
            }
        }
    }

    /// Has the turn under way end.
    pub(super) fn cancel(&mut self) {
        if let Some(entry) = &self.entry {
            entry.cancel.cancel();
        }
    }

    /// Notes that the disk is full, and how often in a row. A turn that was not started gives its slot back; the answer of
    /// one that has ended is kept.
    pub(super) fn refuse(&mut self) -> u32 {
        if self.entry.as_ref().is_some_and(|entry| matches!(entry.stage, Stage::Starting)) {
            self.entry = None;
        }
        self.refused = self.refused.saturating_add(1);
        self.refused
    }

    pub(super) fn running(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.stage = Stage::Running;
        }
    }

    pub(super) fn ended(&mut self, end: TurnEnd, brain: Option<Box<dyn AnyBrain>>) {
        if let Some(entry) = &mut self.entry {
            entry.stage = Stage::Ended(Arc::new(end));
        }
        *self.brain.lock() = brain;
    }

    /// How it stands, for a test that fails.
    #[cfg(test)]
    pub(crate) fn describe(&self) -> String {
        let Some(entry) = &self.entry else { return "no turn".to_owned() };
        let stage = match &entry.stage {
            Stage::Starting => "starting",
            Stage::Running => "running",
            Stage::Ended(_) => "ended",
        };
        format!("turn {} attempt {} {stage}", entry.turn, entry.attempt)
    }
}
