//! A turn's entry in its agent's slot: what outlives an incarnation of the actor.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use understory_store::{Agent, Checkout, InboxKey, TranscriptEntry, Usage};

use crate::brain::{BrainError, Cost, Housed, Response};
use crate::directory::Site;
use crate::goals::Payer;
use crate::lock::Lock;
use crate::pausing::{TurnSlot, Waits};
use crate::unwritten::Unwritten;

/// What a slot holds for an agent.
#[derive(Default)]
pub(crate) struct Held {
    /// The turn under way.
    pub(crate) entry: Option<TurnEntry>,
    /// How often in a row the disk was too full for what the actor had to commit; it tries again by itself.
    pub(super) refused: u32,
    /// The brain between turns.
    pub(super) brain: Lock<Option<Housed>>,
}

/// A turn from just before M2 until its end is committed. The slot it runs in is given back with it, or while it waits.
pub(crate) struct TurnEntry {
    pub(super) turn: u64,
    pub(super) attempt: u32,
    /// Up to where its mail lay when it started.
    pub(super) given: InboxKey,
    /// Set when it is to end on record. A token that is cancelled without it takes the turn back.
    pub(super) interrupted: Option<Interruption>,
    pub(super) cancel: CancellationToken,
    pub(super) stage: Stage,
    pub(super) slot: TurnSlot,
    /// What the attempt has cost.
    pub(super) cost: Cost,
    /// Where it runs, and what is told of that.
    pub(super) site: Option<Site>,
    /// How that was left when the brain had ended.
    pub(super) left: Option<Checkout>,
    /// Whom it is charged to, each from so many tokens on.
    pub(super) payers: Vec<(Vec<Payer>, u64)>,
    /// Nobody asked for it.
    pub(super) by_itself: bool,
    /// Set when it uses a tool that changes something, or takes mail.
    pub(super) busy: Arc<AtomicBool>,
    /// What its transcript lacks.
    pub(super) unwritten: Arc<Unwritten>,
}

/// Why a turn ends as interrupted, whatever its brain answers.
#[derive(Clone, Debug)]
pub(crate) struct Interruption {
    /// What its outcome says.
    pub(crate) words: String,
    /// The message it makes room for: this and what came behind it is not consumed, even if it has joined the turn.
    pub(crate) before: Option<InboxKey>,
}

pub(super) enum Stage {
    /// M2 was asked for; whether it was applied the record says.
    Starting,
    /// The brain runs.
    Running,
    /// The brain has ended, and how it left its directory is looked at.
    Leaving,
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
    /// It was interrupted, and the brain is done or was not called; the end is not committed.
    Interrupted(Interruption),
}

impl Held {
    /// Compares the entry with the record, and drops one that the record is past.
    pub(super) fn look(&mut self, agent: &Agent) -> Look {
        let Some(entry) = &self.entry else { return Look::Nothing };
        let current = agent.running().is_some_and(|run| (run.turn, run.attempt) == (entry.turn, entry.attempt));
        match (&entry.stage, current) {
            (Stage::Running | Stage::Leaving, _) => Look::Under,
            (_, true) if let Some(interruption) = &entry.interrupted => Look::Interrupted(interruption.clone()),
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

    /// Has the turn under way end as interrupted. False if there is none, if its brain has answered, or if it began with the
    /// message that it would make room for. One interrupted already consumes the least that was asked for.
    pub(crate) fn interrupt(&mut self, interruption: &Interruption) -> bool {
        let Some(entry) = &mut self.entry else { return false };
        let has_message = interruption.before.is_some_and(|row| row <= entry.given);
        if has_message || entry.has_answered() {
            return false;
        }
        match &mut entry.interrupted {
            Some(earlier) => earlier.before = earlier.before.into_iter().chain(interruption.before).min(),
            none => *none = Some(interruption.clone()),
        }
        entry.cancel.cancel();
        true
    }

    /// Whether the turn under way ends as interrupted.
    pub(super) fn is_interrupted(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.interrupted.is_some())
    }

    /// Whether an interrupt would end something.
    pub(crate) fn is_interruptible(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| !entry.has_answered())
    }

    /// Whether a turn is at work: how it ends is not known yet.
    pub(crate) fn is_under_way(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| !matches!(entry.stage, Stage::Ended(_)))
    }

    /// Whether the brain is at this very attempt.
    pub(crate) fn runs(&self, turn: u64, attempt: u32) -> bool {
        let is_it = |entry: &TurnEntry| (entry.turn, entry.attempt) == (turn, attempt);
        self.entry.as_ref().is_some_and(|entry| is_it(entry) && matches!(entry.stage, Stage::Running))
    }

    /// What the attempt under way has cost up to now.
    pub(super) fn cost(&self) -> Usage {
        self.entry.as_ref().map(|entry| entry.cost.told()).unwrap_or_default()
    }

    /// What the goals owe for the attempt under way, each as far as it was for that one.
    pub(super) fn owed(&self) -> Vec<(Payer, u64)> {
        let Some(entry) = &self.entry else { return Vec::new() };
        let mut through = entry.cost.told().tokens();
        let mut owed = Vec::new();
        for (payers, from) in entry.payers.iter().rev() {
            let tokens = through.saturating_sub(*from);
            owed.extend(payers.iter().map(|payer| (payer.clone(), tokens)));
            through = through.min(*from);
        }
        owed
    }

    /// Has what the attempt under way costs from now on be charged to these.
    pub(crate) fn charged_to(&mut self, payers: Vec<Payer>) {
        if let Some(entry) = &mut self.entry {
            let from = entry.cost.told().tokens();
            entry.payers.push((payers, from));
        }
    }

    /// Whether nobody asked for the turn under way; whether it used a tool; whether it failed because a quota is used up; and
    /// whether whoever interrupted it left a message.
    pub(super) fn manner(&self) -> (bool, bool, bool, bool) {
        let Some(entry) = &self.entry else { return Default::default() };
        let exhausted = match &entry.stage {
            Stage::Ended(end) => matches!(**end, TurnEnd::Answered(Err(BrainError::Exhausted { .. }))),
            Stage::Starting | Stage::Running | Stage::Leaving => false,
        };
        let redirected = entry.interrupted.as_ref().is_some_and(|interruption| interruption.before.is_some());
        (entry.by_itself, entry.busy.load(Ordering::Relaxed), exhausted, redirected)
    }

    /// What the transcript of the attempt under way lacks.
    pub(super) fn unwritten(&self) -> Vec<TranscriptEntry> {
        self.entry.as_ref().map(|entry| entry.unwritten.all()).unwrap_or_default()
    }

    /// What the turn under way waits for, if it is this one.
    pub(crate) fn waits(&self, turn: u64) -> Option<Waits> {
        self.entry.as_ref().filter(|entry| entry.turn == turn)?.slot.waits()
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

    /// The brain of the turn under way has ended: what it answered stands.
    pub(super) fn leaving(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.stage = Stage::Leaving;
        }
    }

    /// How the turn under way left its directory, if it has one and that could be told.
    pub(super) fn left(&self) -> Option<(Arc<Path>, Checkout)> {
        let entry = self.entry.as_ref()?;
        Some((entry.site.as_ref()?.directory.clone(), entry.left.clone()?))
    }

    pub(super) fn ended(&mut self, end: TurnEnd, brain: Option<Housed>, left: Option<Checkout>) {
        if let Some(entry) = &mut self.entry {
            entry.left = left;
            if let TurnEnd::Answered(Ok(response)) = &end
                && !response.usage.is_nothing()
            {
                entry.cost.tell(response.usage);
            }
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
            Stage::Leaving => "leaving",
            Stage::Ended(_) => "ended",
        };
        format!("turn {} attempt {} {stage}", entry.turn, entry.attempt)
    }
}

impl TurnEntry {
    fn has_answered(&self) -> bool {
        matches!(self.stage, Stage::Leaving | Stage::Ended(_))
    }
}
