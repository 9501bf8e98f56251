//! From mail to a turn: what is taken in hand, M2, and the task that runs the brain.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use understory_store::{
    Agent, Draft, Event, InboxKey, Message, Metadata, Phase, Row, Running, Table, TranscriptEntry, TurnResult, Version,
    keys,
};

use super::bury::bury;
use super::drive::says_to_itself;
use super::end::Hand;
use super::entry::{Held, Stage, TurnEntry};
use super::site::{Ground, Start};
use super::work::{Work, panicked, run_turn};
use super::{AgentActor, AgentSignal, Next};
use crate::brain::{Cost, Seat, Turn};
use crate::caller::Caller;
use crate::error::Error;
use crate::limits::{IN_HAND_MAX, TEXT_MAX};
use crate::pausing::TurnSlot;
use crate::slots::{Permit, group};
use crate::supervision::{Decision, Failure};
use crate::tools::Tools;

impl AgentActor {
    pub(super) async fn look_for_work(&mut self, agent: &Agent, permit: &mut Option<Permit>) -> Result<Next, Error> {
        if !self.system.active.contains(&self.path) {
            return Ok(Next::Leave);
        }
        if agent.brain.is_none() {
            return Ok(Next::Stay);
        }
        match &agent.phase {
            Phase::Faulted { .. } => Ok(Next::Stay),
            Phase::Running(running) => self.restart(agent, running, permit).await,
            Phase::Ready { not_before: Some(at), .. } if *at > self.system.clock.now() => {
                self.system.wake_at(&self.path, *at);
                Ok(Next::Stay)
            }
            Phase::Ready { .. } => self.start(agent, permit).await,
        }
    }

    /// Starts a turn over what lies in the inbox up to the first trigger; stays idle without one.
    async fn start(&mut self, agent: &Agent, permit: &mut Option<Permit>) -> Result<Next, Error> {
        if self.is_looking() {
            return Ok(Next::Stay);
        }
        let rows = self.peek_inbox().await?;
        if let Some(strays) = strays(agent, &rows) {
            return self.bury_strays(agent, &strays).await;
        }
        self.system.goals.ready(&self.system.store).await?;
        if let Some(goal) = self.system.goals.spent_for(&self.path) {
            // Whoever raises the budget wakes it.
            if rows.iter().any(|row| row.value.trigger) {
                self.system.watchers.fail(&self.path, &Error::Spent { path: self.path.clone(), goal });
            }
            return Ok(Next::Stay);
        }
        if rows.is_empty() {
            return self.go_on(agent).await;
        }
        let stale = self.stale(agent, &rows);
        if !stale.is_empty() {
            return self.put_away(&stale).await;
        }
        let Some(permit) = self.slot(permit) else { return Ok(Next::Stay) };
        let (permit, place) = match self.ground(agent, permit).await? {
            Ground::Unseen => return Ok(Next::Stay),
            Ground::Held(next) => return Ok(next),
            Ground::Clear(permit, place) => (permit, place),
        };
        let in_hand: Vec<InboxKey> = rows.iter().filter_map(|row| keys::inbox_key(&row.key)).collect();
        let next = agent.start(in_hand, self.system.clock.now())?;
        self.commit_start(agent, next, &rows, (permit, place)).await
    }

    /// Runs a turn again that the process died in; past the limit its messages go to the dead letters.
    async fn restart(&mut self, agent: &Agent, running: &Running, permit: &mut Option<Permit>) -> Result<Next, Error> {
        if self.is_looking() {
            return Ok(Next::Stay);
        }
        let now = self.system.clock.now();
        if let Decision::Error { bury, .. } = self.decide(agent, Failure::Crashed { attempt: running.attempt }, now)? {
            let error = format!("the process died in attempt {} at this turn", running.attempt);
            let hand = if bury { Hand::Bury } else { Hand::Consume };
            return self.finish(agent, TurnResult::Errored, &error, hand).await;
        }
        let Some(permit) = self.slot(permit) else { return Ok(Next::Stay) };
        let (permit, place) = match self.ground(agent, permit).await? {
            Ground::Unseen => return Ok(Next::Stay),
            Ground::Held(next) => return Ok(next),
            Ground::Clear(permit, place) => (permit, place),
        };
        let rows = self.in_hand(running, InboxKey::FIRST).await?;
        let next = agent.restart(now)?;
        self.commit_start(agent, next, &rows, (permit, place)).await
    }

    /// M2: the turn is on disk before the brain is called, with what it is about in the transcript. Its entry is in the slot
    /// before that, so that a successor knows the turn for its own.
    async fn commit_start(
        &mut self,
        agent: &Agent,
        next: Agent,
        rows: &[Row<Message>],
        (permit, place): (Permit, Option<Start>),
    ) -> Result<Next, Error> {
        let running = next.running().expect("a started turn runs");
        let (turn, attempt) = (running.turn, running.attempt);
        let entry = TurnEntry {
            turn,
            attempt,
            given: running.in_hand.iter().max().copied().unwrap_or(InboxKey::FIRST),
            interrupted: None,
            cancel: CancellationToken::new(),
            stage: Stage::Starting,
            slot: TurnSlot::new(permit),
            cost: Cost::default(),
            site: place.as_ref().map(|place| place.site.clone()),
            left: None,
            payers: vec![(self.system.goals.payers(&self.path), 0)],
            by_itself: rows.iter().any(says_to_itself),
            busy: Arc::default(),
            unwritten: Arc::default(),
        };
        self.system.agents.held(&self.path, |held| held.entry = Some(entry));
        let (mut draft, written) = self.draft(&next);
        draft.expect_open(&self.path);
        self.hear(&mut draft, agent, turn, rows);
        if let Ok(role) = self.system.role(&next.role) {
            self.granted.write(&self.system.store, &self.path, role, &mut draft).await?;
        }
        if let Some(place) = &place {
            place.write(&mut draft, self.me(agent));
        }
        let metadata = attached(rows);
        draft.tell(&Event::TurnStarted { agent: self.me(agent), turn, attempt, metadata });
        if self.commit(draft, written, next).await?.is_some() {
            return Ok(Next::Again);
        }
        self.granted.forget();
        if self.is_closed().await? {
            let next = self.release_again().await;
            self.drop_entry();
            return next;
        }
        // The entry stays for the next look: an incarnation that was cut short may have asked for this very turn, and its
        // commit may have been applied since.
        Ok(Next::Again)
    }

    /// Adds messages that a turn takes to the transcript, but those it has by an earlier attempt.
    pub(super) fn hear(&self, draft: &mut Draft, agent: &Agent, turn: u64, rows: &[Row<Message>]) {
        let new = |row: &&Row<Message>| keys::inbox_key(&row.key).is_some_and(|key| key > agent.heard);
        for row in rows.iter().filter(new) {
            let entry = TranscriptEntry::Message { turn, message: row.value.clone() };
            draft.append(Table::Transcript.below(&self.path), &entry);
        }
    }

    /// Calls the brain of a turn that is on disk.
    pub(super) async fn launch(&mut self, agent: &Agent) -> Result<Next, Error> {
        let running = agent.running().expect("a turn to be launched is on record").clone();
        let rows = self.in_hand(&running, InboxKey::FIRST).await?;
        let Some(choice) = agent.brain.clone() else { return Ok(Next::Stay) };
        let (role, settings) = (agent.role.as_str().into(), choice.settings.as_str().into());
        let seat = Seat { path: self.path.clone(), id: agent.id, role, settings };
        let version: Version = self.row.as_ref().map_or(0, |row| row.version);
        let caller = Caller::agent(self.me(agent), running.turn, running.attempt, version)
            .kept_within(self.system.isolation(&self.path).await?);
        let session = self.system.session_of(&self.me(agent), 0).await?;
        let settings_kept = self.system.settings_of((&self.path, agent.id), 0).await?;
        let goal = self.system.goal_of(&self.me(agent)).await?;
        let messages: Vec<Message> = rows.into_iter().map(|row| row.value).collect();
        let found = self.system.agents.held(&self.path, |held| {
            held.running();
            let entry = held.entry.as_ref().map(|entry| {
                let (busy, unwritten) = (entry.busy.clone(), entry.unwritten.clone());
                let ours = (entry.cancel.clone(), entry.slot.pauses(), entry.cost.clone());
                (ours, busy, unwritten, entry.site.clone())
            });
            (entry, held.brain.lock().take())
        });
        let Some((Some(((cancel, pauses, cost), busy, unwritten, site)), brain)) = found else { return Ok(Next::Stay) };
        // Whoever's role is gone has lost what that narrowed: nothing is run under another one.
        let role = self.system.role(&agent.role).cloned();
        let has = role.as_ref().ok();
        let given = running.in_hand.iter().max().copied();
        let tools = Tools::new(self.system.clone(), caller.noting(unwritten), given, cancel.clone(), pauses)
            .without(has.map(|role| role.hidden.clone()).unwrap_or_default())
            .noting(busy)
            .handing_on(Metadata::merged(messages.iter().map(|message| &message.metadata)));
        let turn = Turn::detached(seat.clone(), messages, None)
            .numbered(running.turn, running.attempt)
            .cancelled_by(cancel.clone())
            .instructed(has.and_then(|role| role.instructions.clone()))
            .in_session(session)
            .set_to(settings_kept)
            .costing(cost)
            .placed(site.clone())
            .pursuing(goal)
            .equipped(tools);
        let factory = role.and_then(|_| self.system.factory(&choice).cloned());
        let grace = self.system.limits.grace;
        let (system, path) = (self.system.clone(), self.path.clone());
        self.system.tasks.spawn(async move {
            let ending = cancel.clone();
            let turn = run_turn(Work { factory, brain, seat, turn, cancel, grace });
            // What a brain does when it is dropped is its own, too.
            let (end, brain) = AssertUnwindSafe(turn).catch_unwind().await.unwrap_or_else(|panic| panicked(&panic));
            system.agents.held(&path, Held::leaving);
            let left = match &site {
                Some(site) => Self::left(&system, &site.directory, &ending).await,
                None => None,
            };
            system.agents.held(&path, |held: &mut Held| held.ended(end, brain, left));
            system.agents.deliver(&system, &path, AgentSignal::TurnEnded);
        });
        Ok(Next::Stay)
    }

    /// The rows that the running turn has in hand, from behind `after` on.
    pub(super) async fn in_hand(&self, running: &Running, after: InboxKey) -> Result<Vec<Row<Message>>, Error> {
        let mut rows = Vec::with_capacity(running.in_hand.len());
        for row in running.in_hand.iter().filter(|row| **row > after) {
            rows.extend(self.system.store.peek::<Message>(&keys::inbox(&self.path, *row)).await?);
        }
        Ok(rows)
    }

    /// What the next turn takes in hand: rows up to and with the first trigger, within bounds. Nothing without a trigger.
    async fn peek_inbox(&self) -> Result<Vec<Row<Message>>, Error> {
        let range = Table::Inbox.rows_of(&self.path);
        let mut rows = self.system.store.peek_page::<Message>(range, None, IN_HAND_MAX).await?;
        match rows.iter().position(|row| row.value.trigger) {
            Some(at) => rows.truncate(at + 1),
            // A trigger behind a full hand of others: they are a turn of their own.
            None if rows.len() == IN_HAND_MAX && self.triggered().await? => {}
            None => rows.retain(|row| Some(row.value.to) != self.id()),
        }
        let mut bytes = 0;
        let fit = rows.iter().take_while(|row| {
            bytes += row.value.text.len();
            bytes <= TEXT_MAX
        });
        let fit = fit.count().max(1);
        rows.truncate(fit);
        Ok(rows)
    }

    /// Whether a trigger lies anywhere in the inbox.
    async fn triggered(&self) -> Result<bool, Error> {
        crate::waiting::has_trigger(&self.system.store, &self.path).await
    }

    /// A turn slot: the one given, one that is free, or a place in the queue.
    fn slot(&mut self, given: &mut Option<Permit>) -> Option<Permit> {
        if let Some(permit) = given.take().or_else(|| self.system.slots.take()) {
            return Some(permit);
        }
        if !self.queued {
            self.queued = true;
            let place = self.system.slots.wait(&group(&self.path));
            let (system, path) = (self.system.clone(), self.path.clone());
            self.system.tasks.spawn(async move {
                tokio::select! {
                    // A place is lost only with the process.
                    Ok(permit) = place => system.agents.deliver(&system, &path, AgentSignal::Granted(permit)),
                    () = system.stopping.cancelled() => {}
                }
            });
        }
        None
    }

    /// Moves messages that were meant for a removed agent at this path to the dead letters.
    async fn bury_strays(&mut self, agent: &Agent, strays: &[Row<Message>]) -> Result<Next, Error> {
        if !self.make_room_for_dead(strays.len()).await? {
            return if self.is_closed().await? { Ok(Next::Leave) } else { Ok(Next::Again) };
        }
        let (mut draft, written) = self.draft(agent);
        draft.expect_open(&self.path);
        bury(&mut draft, &self.path, strays, "the agent it was for was removed", self.system.clock.now());
        let rows = strays.iter().filter_map(|row| keys::inbox_key(&row.key)).collect();
        draft.tell(&Event::DeadLettered { agent: self.me(agent), rows });
        let changes = vec![self.system.inboxes.leave(&self.path, strays)];
        match self.commit_mail(draft, written, agent.clone(), changes).await? {
            None if self.is_closed().await? => Ok(Next::Leave),
            _ => Ok(Next::Again),
        }
    }
}

/// What is attached to messages, the later ones over the earlier.
pub(super) fn attached(rows: &[Row<Message>]) -> Metadata {
    Metadata::merged(rows.iter().map(|row| &row.value.metadata))
}

/// Those of `rows` that are for another id than the agent's.
fn strays(agent: &Agent, rows: &[Row<Message>]) -> Option<Vec<Row<Message>>> {
    let strays: Vec<_> = rows.iter().filter(|row| row.value.to != agent.id).cloned().collect();
    (!strays.is_empty()).then_some(strays)
}
