//! From a brain's answer to the record: M3, a put-off turn, a fault, or a release.

use understory_store::{Agent, Draft, Event, InboxKey, Node, Outcome, Table, Time, TranscriptEntry, TurnResult, Usage};

use super::begin::attached;
use super::bury::bury;
use super::drive::Reckoning;
use super::entry::{Interruption, TurnEnd};
use super::{AgentActor, Next};
use crate::brain::BrainError;
use crate::error::{Error, cut};
use crate::inboxes::Change;
use crate::mail::Ended;
use crate::role::DEFAULT_ROLE;
use crate::supervision::{Bounds, Decision, Failure, decide};
use crate::system::node_at;

/// The most of a reason that an event carries, in characters.
const REASON_MAX: usize = 200;

/// What becomes of the messages a turn that ends has in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// They are consumed.
    Consume,
    /// Those before this one are; the others stay for the next turn.
    ConsumeBefore(InboxKey),
    /// They go to the dead letters.
    Bury,
}

impl AgentActor {
    /// Commits how the turn ended.
    pub(super) async fn end(&mut self, agent: &Agent, end: &TurnEnd) -> Result<Next, Error> {
        match end {
            TurnEnd::Cancelled => self.release(agent).await,
            TurnEnd::Answered(Ok(response)) => {
                self.finish(agent, TurnResult::Completed, &response.content, Hand::Consume).await
            }
            TurnEnd::Answered(Err(error)) => self.fail(agent, error).await,
        }
    }

    /// Commits that the turn was interrupted, whatever its brain said.
    pub(super) async fn cut(&mut self, agent: &Agent, interruption: &Interruption) -> Result<Next, Error> {
        let hand = interruption.before.map_or(Hand::Consume, Hand::ConsumeBefore);
        self.finish(agent, TurnResult::Interrupted, &interruption.words, hand).await
    }

    async fn fail(&mut self, agent: &Agent, error: &BrainError) -> Result<Next, Error> {
        let running = agent.running().expect("a turn that failed is on record");
        let words = cut(error.to_string());
        let failure = match error {
            BrainError::Unavailable { retry_after, .. } => {
                Failure::Unavailable { waits: running.waits, retry_after: *retry_after }
            }
            BrainError::Broken { .. } => Failure::Broken { attempt: running.attempt },
            BrainError::Refused { .. } | BrainError::BadInput { .. } | BrainError::Exhausted { .. } => Failure::Refused,
        };
        let now = self.system.clock.now();
        let decision = self.decide(agent, failure, now)?;
        let next = match decision.clone() {
            Decision::Again { charged, pause, faults } => {
                let next = agent.charge(self.cost()).put_off(charged, faults, now.after(pause))?;
                self.put_off(agent, next, &words).await?
            }
            Decision::Error { bury, faults } => {
                let agent = Agent { faults, ..agent.clone() };
                let hand = if bury { Hand::Bury } else { Hand::Consume };
                self.finish(&agent, TurnResult::Errored, &words, hand).await?
            }
            Decision::Fault => self.fault(agent, &words, now).await?,
        };
        self.restart_siblings(agent, &decision).await?;
        Ok(next)
    }

    /// What supervision does about it, by the policy of the agent's role.
    pub(super) fn decide(&self, agent: &Agent, failure: Failure, now: Time) -> Result<Decision, Error> {
        let role = self.system.role(&agent.role).or_else(|_| self.system.role(DEFAULT_ROLE))?;
        let limits = &self.system.limits;
        let bounds = Bounds { attempts: limits.turn_attempts, unavailable: limits.unavailable };
        Ok(decide(failure, &role.policy, &agent.faults, bounds, now, fastrand::f64()))
    }

    /// M3: the turn's end, its messages, its transcript and its result, in one commit.
    pub(super) async fn finish(
        &mut self,
        agent: &Agent,
        result: TurnResult,
        content: &str,
        hand: Hand,
    ) -> Result<Next, Error> {
        let mut running = agent.running().expect("a turn that ends is on record").clone();
        let mut agent = agent.clone();
        if let Hand::ConsumeBefore(first) = hand {
            running.in_hand.retain(|row| *row < first);
            agent = agent.leave_from(first);
        }
        let agent = &agent;
        let rows = self.in_hand(&running, InboxKey::FIRST).await?;
        if hand == Hand::Bury && !self.make_room_for_dead(rows.len()).await? {
            return Ok(Next::Again);
        }
        let now = self.system.clock.now();
        let cost = self.cost();
        let next = agent.charge(cost).end(result, content.to_owned(), now)?;
        let (mut draft, written) = self.draft(&next);
        draft.expect_open(&self.path);
        match hand {
            Hand::Bury => bury(&mut draft, &self.path, &rows, content, now),
            Hand::Consume | Hand::ConsumeBefore(_) => rows.iter().for_each(|row| draft.remove(row)),
        }
        self.note_left(agent, &mut draft).await?;
        let outcome = next.outcome.clone().expect("a turn that ended has an outcome");
        self.transcribe(&mut draft, Some(&outcome), cost);
        let metadata = attached(&rows);
        let ended = Ended { turn: running.turn, result, content, metadata: &metadata };
        let reckoning = self.reckon(agent, result, content, &mut draft).await?;
        let told = match reckoning.goes_on {
            true => None,
            false => self.system.add_result(&mut draft, &self.me(agent), ended).await?,
        };
        if hand == Hand::Bury {
            draft.tell(&Event::DeadLettered { agent: self.me(agent), rows: running.in_hand.clone() });
        }
        let (agent_ref, consumed) = (self.me(agent), running.in_hand);
        draft.tell(&Event::TurnEnded { agent: agent_ref, turn: running.turn, result, consumed, metadata });
        let changes = told.into_iter().chain([self.system.inboxes.leave(&self.path, &rows)]).collect();
        self.conclude(draft, written, next, changes, reckoning).await
    }

    /// Adds what the transcript lacks of the attempt that ends, and how the turn ended if it did.
    fn transcribe(&self, draft: &mut Draft, outcome: Option<&Outcome>, usage: Usage) {
        let place = Table::Transcript.below(&self.path);
        for line in self.system.agents.held(&self.path, |held| held.unwritten()).unwrap_or_default() {
            draft.append(place.clone(), &line);
        }
        if let Some(Outcome { turn, result, content, at }) = outcome.cloned() {
            draft.append(place, &TranscriptEntry::Answer { turn, result, content, at, usage });
        }
    }

    /// Commits an end; a close that came first turns it into a release.
    async fn conclude(
        &mut self,
        draft: Draft,
        written: understory_store::Written,
        next: Agent,
        changes: Vec<Change>,
        reckoning: Reckoning,
    ) -> Result<Next, Error> {
        if self.commit_mail(draft, written, next, changes).await?.is_none() {
            return match self.is_closed().await? {
                true => self.release_again().await,
                false => Ok(Next::Again),
            };
        }
        self.drop_entry();
        reckoning.settle(&self.system);
        Ok(Next::Again)
    }

    async fn put_off(&mut self, agent: &Agent, next: Agent, reason: &str) -> Result<Next, Error> {
        let turn = agent.turns + 1;
        let (mut draft, written) = self.draft(&next);
        draft.expect_open(&self.path);
        self.note_left(agent, &mut draft).await?;
        self.transcribe(&mut draft, None, Usage::default());
        draft.tell(&Event::TurnPutOff { agent: self.me(agent), turn, reason: short(reason) });
        let reckoning = self.bill(&mut draft);
        self.conclude(draft, written, next, Vec::new(), reckoning).await
    }

    /// Gives up on the agent and tells the nearest ancestor that takes mail. Its messages stay.
    async fn fault(&mut self, agent: &Agent, reason: &str, now: Time) -> Result<Next, Error> {
        let next = agent.charge(self.cost()).fault(reason.to_owned(), now);
        let turn = agent.turns + 1;
        let (mut draft, written) = self.draft(&next);
        draft.expect_open(&self.path);
        self.note_left(agent, &mut draft).await?;
        let words = format!("{} is faulted: {reason}", self.path);
        let rows = match agent.running() {
            Some(running) => self.in_hand(running, InboxKey::FIRST).await?,
            None => Vec::new(),
        };
        let ended = Ended { turn, result: TurnResult::Errored, content: &words, metadata: &attached(&rows) };
        let told = self.system.add_result(&mut draft, &self.me(agent), ended).await?;
        self.transcribe(&mut draft, None, Usage::default());
        draft.tell(&Event::Faulted { agent: self.me(agent), reason: short(reason) });
        let reckoning = self.reckon(agent, TurnResult::Errored, &words, &mut draft).await?;
        self.conclude(draft, written, next, told.into_iter().collect(), reckoning).await
    }

    /// The one commit that no mark forbids: the turn goes back, uncharged, and its messages stay.
    async fn release(&mut self, agent: &Agent) -> Result<Next, Error> {
        let next = agent.charge(self.cost()).release()?;
        let (mut draft, written) = self.draft(&next);
        self.note_left(agent, &mut draft).await?;
        let turn = agent.turns + 1;
        self.transcribe(&mut draft, None, Usage::default());
        draft.tell(&Event::TurnPutOff { agent: self.me(agent), turn, reason: "stopped".to_owned() });
        let reckoning = self.bill(&mut draft);
        match self.commit(draft, written, next).await? {
            Some(_) => {
                self.drop_entry();
                reckoning.settle(&self.system);
                Ok(if self.stopping { Next::Leave } else { Next::Again })
            }
            None => Ok(Next::Again),
        }
    }

    /// Releases a turn whose end was refused because a node on the way up is closed, and leaves.
    pub(super) async fn release_again(&mut self) -> Result<Next, Error> {
        self.stopping = true;
        self.row = node_at(&self.system.store, &self.path).await?;
        match self.row.as_ref().map(|row| row.value.clone()) {
            Some(Node::Agent(agent)) if agent.running().is_some() => self.release(&agent).await,
            _ => Ok(Next::Leave),
        }
    }

    /// What the attempt that ends has cost. Its entry goes with the commit that has it on record, so it is there once.
    fn cost(&self) -> Usage {
        self.system.agents.held(&self.path, |held| held.cost()).unwrap_or_default()
    }

    pub(super) fn drop_entry(&self) {
        self.system.agents.held(&self.path, |held| held.entry = None);
    }
}

fn short(reason: &str) -> String {
    reason.chars().take(REASON_MAX).collect()
}
