//! Messages: sent into a durable inbox, woken for by the dispatcher, answered by a turn.

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, Draft, Event, InboxKey, Message, MessageKind, Node, Outcome, Row, Sender, Table, ToolUse,
    TranscriptEntry, TurnResult,
};

use crate::caller::Caller;
use crate::error::{Error, demand_length};
use crate::system::{System, closed_at, node_at};
use crate::watchers::Watch;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whom to.
    pub to: AgentPath,
    /// What it says, at most 256 KiB.
    pub text: String,
    /// Whether it starts a turn.
    pub trigger: bool,
    /// The caller's own id: a second message with it to the same agent is refused as accepted already.
    pub message_id: Option<String>,
}

/// A message that was accepted: it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whom it is for.
    pub to: AgentRef,
    /// Where it lies.
    pub row: InboxKey,
}

/// A message that starts a turn, and the way to that turn's outcome.
#[must_use = "the outcome is what it was sent for; drop it to let the turn run by itself"]
pub struct Assignment {
    system: System,
    accepted: Accepted,
    watch: Watch,
}

impl System {
    /// Leaves a message in an agent's inbox. Durable when it returns.
    ///
    /// # Errors
    /// There is no such agent, it is closed, its inbox is full, or the id was accepted already.
    pub async fn send(&self, letter: Letter) -> Result<Accepted, Error> {
        self.mail(&letter, None, None).await
    }

    /// Leaves a message that starts a turn, runs the recipient's subtree, and gives back the way to the turn's outcome.
    ///
    /// # Errors
    /// As for [`System::send`]; and the agent must have a brain for the outcome to come.
    pub async fn assign(&self, letter: Letter) -> Result<Assignment, Error> {
        let letter = Letter { trigger: true, ..letter };
        self.demand_brain(&letter.to).await?;
        // Listening begins before the message exists, so its outcome cannot be missed.
        let watch = self.watchers.watch(&letter.to);
        self.run(&letter.to).await?;
        let accepted = self.mail(&letter, None, None).await?;
        Ok(Assignment { system: self.clone(), accepted, watch })
    }

    /// Commits a message (M1), with what a tool call writes about itself.
    pub(crate) async fn mail(
        &self,
        letter: &Letter,
        by: Option<&Caller>,
        tool: Option<ToolUse>,
    ) -> Result<Accepted, Error> {
        demand_length("message", &letter.text)?;
        let to = self.recipient(&letter.to).await?;
        let bytes = letter.text.len() as u64;
        self.inboxes.reserve(&self.store, &self.limits, &to.path, bytes).await?;
        let committed = self.post(letter, &to, by, tool).await;
        if committed.is_err() {
            self.inboxes.give_back(&to.path, 1, bytes);
        }
        committed
    }

    async fn post(
        &self,
        letter: &Letter,
        to: &AgentRef,
        by: Option<&Caller>,
        tool: Option<ToolUse>,
    ) -> Result<Accepted, Error> {
        let now = self.clock.now();
        let mut draft = Draft::new();
        draft.expect_present(Table::Node.at(&to.path));
        draft.expect_open(&to.path);
        if let Some(id) = &letter.message_id {
            let _ = draft.create(Table::Seen.named(&to.path, id.as_bytes()), &now.0);
        }
        if let Some(caller) = by {
            caller.fence(&mut draft);
            if let Some(tool) = tool {
                draft.append(Table::Transcript.below(&caller.me().path), &TranscriptEntry::Tool(tool));
            }
        }
        let message = Message {
            to: to.id,
            from: by.map_or(Sender::Operator, |caller| Sender::Agent(caller.me().clone())),
            kind: MessageKind::Said,
            trigger: letter.trigger,
            text: letter.text.clone(),
            at: now,
            message_id: letter.message_id.clone(),
        };
        let place = draft.append(Table::Inbox.below(&to.path), &message);
        draft.tell(&Event::Mailed { to: to.clone(), trigger: letter.trigger });
        match self.store.commit(draft).await {
            Ok(version) => Ok(Accepted { to: to.clone(), row: InboxKey { sequence: version, n: place } }),
            Err(error) => Err(explain(letter, by, error)),
        }
    }

    /// Refuses an agent that will never take a turn.
    async fn demand_brain(&self, path: &AgentPath) -> Result<(), Error> {
        match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) if agent.brain.is_none() => {
                Err(Error::WrongKind { path: path.clone(), found: "an agent without a brain", verb: "take a turn" })
            }
            _ => Ok(()),
        }
    }

    async fn recipient(&self, path: &AgentPath) -> Result<AgentRef, Error> {
        let row = node_at(&self.store, path).await?.ok_or_else(|| Error::NotFound { path: path.clone() })?;
        match &row.value {
            Node::Agent(agent) => Ok(AgentRef::new(path.clone(), agent.id)),
            node => Err(Error::WrongKind { path: path.clone(), found: node.kind(), verb: "take a message" }),
        }
    }
}

impl Assignment {
    /// The message that was accepted.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// Waits for the outcome of the turn that took the message, even if newer turns have ended since.
    ///
    /// # Errors
    /// The agent was closed or faulted before that turn ended (the message stays, or is with the dead letters), or the
    /// runtime stops.
    pub async fn outcome(mut self) -> Result<Outcome, Error> {
        let path = self.accepted.to.path.clone();
        while let Some(told) = self.watch.next().await {
            match &told.event {
                Event::TurnEnded { turn, consumed, .. } if consumed.contains(&self.accepted.row) => {
                    return self.system.outcome_of(&self.accepted.to, *turn).await;
                }
                Event::DeadLettered { rows, .. } if rows.contains(&self.accepted.row) => {
                    let reason = "the message went to the dead letters".to_owned();
                    return Err(Error::Faulted { path, reason });
                }
                Event::Faulted { reason, .. } => return Err(Error::Faulted { path, reason: reason.clone() }),
                Event::Closed { path: at } => return Err(Error::Closed { path, at: at.clone() }),
                _ => {}
            }
        }
        Err(Error::Stopping)
    }
}

impl System {
    /// The outcome of a turn that has ended: from the record, or from the transcript if a newer one has ended.
    async fn outcome_of(&self, agent: &AgentRef, turn: u64) -> Result<Outcome, Error> {
        let row: Option<Row<Node>> = self.store.get(&Table::Node.at(&agent.path)).await?;
        if let Some(Node::Agent(found)) = row.map(|row| row.value)
            && let Some(outcome) = found.outcome.filter(|outcome| outcome.turn == turn)
        {
            return Ok(outcome);
        }
        self.transcribed(agent, turn).await
    }

    async fn transcribed(&self, agent: &AgentRef, wanted: u64) -> Result<Outcome, Error> {
        const PAGE: usize = 64;
        let (range, mut from) = (Table::Transcript.rows_of(&agent.path), None);
        loop {
            let direction = understory_store::Direction::Backward;
            let rows = self.store.page::<TranscriptEntry>(range.clone(), from, direction, PAGE).await?;
            for row in &rows {
                if let TranscriptEntry::Answer { turn, result, content, at } = &row.value
                    && *turn == wanted
                {
                    return Ok(Outcome { turn: *turn, result: *result, content: content.clone(), at: *at });
                }
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE => from = Some(last.key.clone()),
                _ => return Err(Error::NotFound { path: agent.path.clone() }),
            }
        }
    }

    /// Adds the result of a turn to what ends it: a message to the nearest ancestor that takes results, exempt from the
    /// bounds of its inbox.
    pub(crate) async fn add_result(
        &self,
        draft: &mut Draft,
        of: &AgentRef,
        turn: u64,
        result: TurnResult,
        content: &str,
    ) -> Result<(), Error> {
        for path in of.path.ancestors() {
            let to = match node_at(&self.store, &path).await?.map(|row| row.value) {
                Some(Node::Agent(agent)) if agent.takes_results() => AgentRef::new(path, agent.id),
                Some(Node::Agent(_)) => continue,
                // What lies below a job's item is its run's own; no result leaves it.
                _ => return Ok(()),
            };
            let message = Message {
                to: to.id,
                from: Sender::Agent(of.clone()),
                kind: MessageKind::Result { turn, result },
                trigger: true,
                text: content.to_owned(),
                at: self.clock.now(),
                message_id: None,
            };
            draft.append(Table::Inbox.below(&to.path), &message);
            self.inboxes.add_exempt(&to.path, content.len() as u64);
            draft.tell(&Event::Mailed { to, trigger: true });
            return Ok(());
        }
        Ok(())
    }

    /// Refuses when `path` or an ancestor is closed.
    pub(crate) async fn demand_open(&self, path: &AgentPath) -> Result<(), Error> {
        match closed_at(&self.store, path).await? {
            Some(at) => Err(Error::Closed { path: path.clone(), at }),
            None => Ok(()),
        }
    }
}

/// How a refused message reads to its sender.
fn explain(letter: &Letter, by: Option<&Caller>, error: CommitError) -> Error {
    let CommitError::Conflict { key, .. } = &error else { return error.into() };
    if let Some(id) = &letter.message_id
        && *key == Table::Seen.named(&letter.to, id.as_bytes())
    {
        return Error::AlreadyAccepted { id: id.clone() };
    }
    if *key == Table::Node.at(&letter.to) {
        return Error::NotFound { path: letter.to.clone() };
    }
    match (Table::Closed.path_of(key), by) {
        (Some(at), _) if at.contains(&letter.to) => Error::Closed { path: letter.to.clone(), at },
        (_, Some(caller)) => caller.explain(error),
        _ => error.into(),
    }
}
