//! Turns that an agent begins by itself: while its goal is active, it leaves itself a message that starts the next one.
//!
//! What says whether it may is on record with the end of each turn (`Drive`); that a goal is to stop, too. The accountant then
//! writes it into the goal, and is told again by whoever finds it there.

use understory_store::{
    Agent, CommitError, Draft, Drive, Event, GoalId, Message, MessageKind, Metadata, Row, Sender, Stamina, Stride,
    Table, TurnResult,
};

use super::{AgentActor, Next};
use crate::error::Error;
use crate::goals::{Bill, Errand};
use crate::inboxes::Change;
use crate::system::System;

/// What the end of a turn says of the goals it was for.
pub(super) struct Reckoning {
    bill: Bill,
    errand: Option<Errand>,
    /// Nobody asked for the turn, and nobody has to be told of it: the next one follows by itself.
    pub(super) goes_on: bool,
}

impl AgentActor {
    /// Leaves a message to the agent itself, which starts a turn, if its goal is active and nothing speaks against it.
    pub(super) async fn go_on(&mut self, agent: &Agent) -> Result<Next, Error> {
        let Some(pursued) = self.system.goals.pursued(&self.path, agent.id) else { return Ok(Next::Stay) };
        if self.is_closed().await? {
            return Ok(Next::Leave);
        }
        let (goal, activation) = (pursued.goal, pursued.activation);
        let drive = self.system.store.peek::<Drive>(&Table::Drive.at(&self.path)).await?.map(|row| row.value);
        if let Some(halt) = drive.filter(|drive| drive.is_of(goal, activation)).and_then(|drive| drive.halt) {
            self.system.send_errand(Errand::Halt { path: self.path.clone(), goal, activation, halt });
            return Ok(Next::Stay);
        }
        let (now, gap) = (self.system.clock.now(), self.system.limits.goal_gap);
        let due = agent.outcome.as_ref().map(|outcome| outcome.at.after(gap)).filter(|due| *due > now);
        if let Some(due) = due {
            self.system.wake_at(&self.path, due);
            return Ok(Next::Stay);
        }
        if self.system.has_work_below(&self.path).await? {
            let pause = self.system.goals.lose_patience(&self.path, gap, self.system.limits.goal_patience);
            self.system.wake_at(&self.path, now.after(pause));
            return Ok(Next::Stay);
        }
        let Some(view) = self.system.goal_of(&self.me(agent)).await? else { return Ok(Next::Stay) };
        self.say_to_itself(agent, goal, view.prompt()).await
    }

    /// What the agent has said to itself for a goal that is not active any more.
    pub(super) fn stale(&self, agent: &Agent, rows: &[Row<Message>]) -> Vec<Row<Message>> {
        let pursued = self.system.goals.pursued(&self.path, agent.id).map(|pursued| pursued.goal);
        let stale = |row: &&Row<Message>| matches!(row.value.kind, MessageKind::GoOn { goal } if Some(goal) != pursued);
        rows.iter().filter(stale).cloned().collect()
    }

    /// Takes such messages away.
    pub(super) async fn put_away(&mut self, rows: &[Row<Message>]) -> Result<Next, Error> {
        let mut draft = self.beside();
        rows.iter().for_each(|row| draft.remove(row));
        let changes = vec![self.system.inboxes.leave(&self.path, rows)];
        self.commit_beside(draft, changes).await
    }

    async fn say_to_itself(&mut self, agent: &Agent, goal: GoalId, text: String) -> Result<Next, Error> {
        let message = Message {
            to: agent.id,
            from: Sender::Agent(self.me(agent)),
            kind: MessageKind::GoOn { goal },
            trigger: true,
            text,
            at: self.system.clock.now(),
            message_id: None,
            metadata: Metadata::default(),
        };
        let mut draft = self.beside();
        draft.append(Table::Inbox.below(&self.path), &message);
        draft.tell(&Event::Mailed { to: self.me(agent), trigger: true, metadata: Metadata::default() });
        let changes = vec![self.system.inboxes.exempt(&self.path, message.bytes())];
        self.commit_beside(draft, changes).await
    }

    /// A commit that leaves the record as it is, and demands it so.
    fn beside(&self) -> Draft {
        let mut draft = Draft::new();
        draft.expect(self.row.as_ref().expect("an agent that writes has read its record"));
        draft.expect_open(&self.path);
        draft
    }

    async fn commit_beside(&mut self, draft: Draft, changes: Vec<Change>) -> Result<Next, Error> {
        match self.system.inboxes.commit(&self.system.store, draft, changes).await {
            Ok(_) => Ok(Next::Again),
            Err(CommitError::Conflict { .. }) => {
                self.row = None;
                Ok(if self.is_closed().await? { Next::Leave } else { Next::Again })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has the commit that ends an attempt charge the goals it was for.
    pub(super) fn bill(&self, draft: &mut Draft) -> Reckoning {
        let owed = self.system.agents.held(&self.path, |held| held.owed()).unwrap_or_default();
        Reckoning { bill: self.system.goals.bill(&owed, draft), errand: None, goes_on: false }
    }

    /// As [`AgentActor::bill`], for the end of a turn: it also says whether the next one may begin by itself.
    pub(super) async fn reckon(
        &self,
        agent: &Agent,
        result: TurnResult,
        content: &str,
        draft: &mut Draft,
    ) -> Result<Reckoning, Error> {
        let mut reckoning = self.bill(draft);
        let Some(pursued) = self.system.goals.pursued(&self.path, agent.id) else { return Ok(reckoning) };
        let before = agent.outcome.as_ref().filter(|outcome| outcome.result == TurnResult::Completed);
        let same = before.is_some_and(|outcome| outcome.content == content);
        let (by_itself, busy, exhausted, redirected) =
            self.system.agents.held(&self.path, |held| held.manner()).unwrap_or_default();
        let stride = Stride { by_itself, result, content, same, busy, exhausted, redirected };
        let limits = &self.system.limits;
        let stamina = Stamina { turns: limits.goal_turns, same: limits.goal_same_answers };
        let key = Table::Drive.at(&self.path);
        let row = self.system.store.peek::<Drive>(&key).await?;
        let (goal, activation) = (pursued.goal, pursued.activation);
        let known = row.as_ref().map(|row| row.value.clone()).filter(|drive| drive.is_of(goal, activation));
        let fresh = Drive { goal, activation, turns: 0, same: 0, halt: None };
        let next = known.unwrap_or(fresh).after(stride, stamina);
        match &row {
            Some(row) => drop(draft.update(row, &next)),
            None => drop(draft.create(key, &next)),
        }
        let path = self.path.clone();
        reckoning.goes_on = by_itself && next.halt.is_none() && self.system.goals.spent_for(&path).is_none();
        reckoning.errand = next.halt.map(|halt| Errand::Halt { path, goal, activation, halt });
        Ok(reckoning)
    }
}

/// Whether a message is what an agent has said to itself.
pub(super) fn says_to_itself(row: &Row<Message>) -> bool {
    matches!(row.value.kind, MessageKind::GoOn { .. })
}

impl Reckoning {
    /// The commit was applied.
    pub(super) fn settle(self, system: &System) {
        system.fold(self.bill.paid());
        if let Some(errand) = self.errand {
            system.send_errand(errand);
        }
    }
}

impl System {
    /// Whether anybody below an agent is at a turn, or goes on by itself.
    async fn has_work_below(&self, path: &understory_paths::AgentPath) -> Result<bool, Error> {
        let open = self.store.peek::<u64>(&Table::Count.at(path)).await?;
        if open.is_none() {
            return Ok(false);
        }
        let mut below = self.agents.residents(path).into_iter().filter(|resident| resident != path);
        let at_work = below.any(|resident| self.agents.held(&resident, |held| held.is_under_way()) == Some(true));
        Ok(at_work || self.goals.is_pursued_below(path))
    }
}
