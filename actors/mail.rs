//! Messages: sent into a durable inbox, woken for by the dispatcher, answered by a turn.

use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{
    Agent, AgentId, AgentRef, CommitError, Draft, Event, InboxKey, Message, MessageKind, Metadata, Node, Outcome,
    Phase, Row, Sender, Table, Time, ToolUse, TranscriptEntry, TurnResult, Version, keys,
};

use crate::caller::Caller;
use crate::error::{Error, demand_length};
use crate::inboxes::Change;
use crate::role::OnResult;
use crate::system::{System, closed_at, node_at};
use crate::watchers::{Heard, Watch};

/// How many entries a search of a transcript reads at a time.
const PAGE: usize = 64;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whom to.
    pub to: AgentPath,
    /// What it says, at most 256 KiB.
    pub text: String,
    /// Whether it starts a turn.
    pub trigger: bool,
    /// The caller's own id: for 24 hours, a second message with it to the same agent is refused as accepted already.
    pub message_id: Option<String>,
    /// What is attached to it.
    pub metadata: Metadata,
}

/// How a turn ended, for whoever is above its agent.
pub(crate) struct Ended<'a> {
    pub(crate) turn: u64,
    pub(crate) result: TurnResult,
    pub(crate) content: &'a str,
    /// What was attached to what it had in hand.
    pub(crate) metadata: &'a Metadata,
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
    message: Message,
    watch: Watch,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The turn it started ended, like this.
    Answered(Outcome),
    /// The deadline came first. The message stays, its turn goes on, and whoever waits for the agent hears of the outcome.
    Pending(Accepted),
}

impl Letter {
    /// A message that starts no turn, with nothing attached.
    pub fn to(to: AgentPath, text: impl Into<String>) -> Self {
        Letter { to, text: text.into(), trigger: false, message_id: None, metadata: Metadata::default() }
    }

    /// What lies in the inbox of whom it reaches.
    pub(crate) fn message(&self, to: AgentId, from: Sender, at: Time) -> Message {
        let Letter { to: _, text, trigger, message_id, metadata } = self.clone();
        Message { to, from, kind: MessageKind::Said, trigger, text, at, message_id, metadata }
    }
}

impl System {
    /// Leaves a message in an agent's inbox. Durable when it returns.
    ///
    /// # Errors
    /// There is no such agent, it is closed, its inbox is full, or the id was accepted already.
    pub async fn send(&self, letter: Letter) -> Result<Accepted, Error> {
        Ok(self.mail(&letter, None, None).await?.0)
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
        let (accepted, message) = self.mail(&letter, None, None).await?;
        Ok(Assignment::new(self, accepted, message, watch))
    }

    /// Leaves a message that starts a turn, and waits for that turn's outcome: what somebody outside of the tree does, where an
    /// agent assigns and is told. The deadline counts from when the message was accepted.
    ///
    /// # Errors
    /// As for [`System::assign`] and [`Assignment::outcome`].
    pub async fn ask(&self, letter: Letter, within: Duration) -> Result<Asked, Error> {
        let assignment = self.assign(letter).await?;
        let accepted = assignment.accepted().clone();
        Ok(match assignment.outcome_within(within).await? {
            Some(outcome) => Asked::Answered(outcome),
            None => Asked::Pending(accepted),
        })
    }

    /// Runs an agent's subtree and waits for the outcome of its first turn, which is about the task it was created with, even
    /// if newer turns have ended since. Nothing if it has no brain.
    ///
    /// # Errors
    /// The agent was closed or faulted before that turn ended (the task stays), it is gone, or the runtime stops.
    pub async fn first_outcome(&self, agent: &AgentRef) -> Result<Option<Outcome>, Error> {
        let path = &agent.path;
        // Listening begins before the look, so nothing falls in between.
        let mut watch = self.watchers.watch(path);
        self.run(path).await?;
        loop {
            let row: Option<Row<Node>> = self.store.get(&Table::Node.at(path)).await?;
            match row.map(|row| row.value) {
                Some(Node::Agent(found)) if found.id == agent.id => match found.phase {
                    _ if found.turns > 0 => return self.outcome_of(agent, 1).await.map(Some),
                    _ if found.brain.is_none() => return Ok(None),
                    Phase::Faulted { reason, .. } => return Err(Error::Faulted { path: path.clone(), reason }),
                    _ => self.demand_open(path).await?,
                },
                _ => return Err(self.missing(path).await),
            }
            if let Heard::Failed(error) = watch.next().await.ok_or(Error::Stopping)? {
                return Err(error);
            }
        }
    }

    /// Commits a message (M1), with what a tool call writes about itself.
    pub(crate) async fn mail(
        &self,
        letter: &Letter,
        by: Option<&Caller>,
        tool: Option<ToolUse>,
    ) -> Result<(Accepted, Message), Error> {
        self.mail_with(letter, by, tool, |_| Ok(Draft::new())).await
    }

    /// As [`System::mail`], in one commit with what `beside` makes of whom it reaches.
    pub(crate) async fn mail_with(
        &self,
        letter: &Letter,
        by: Option<&Caller>,
        tool: Option<ToolUse>,
        beside: impl FnOnce(&AgentRef) -> Result<Draft, Error>,
    ) -> Result<(Accepted, Message), Error> {
        demand_length("message", &letter.text)?;
        let (to, run) = self.recipient(letter).await?;
        let draft = beside(&to)?;
        let bytes = (letter.text.len() + letter.metadata.bytes()) as u64;
        let room = self.inboxes.reserve(&self.store, &self.limits, &to.path, bytes).await?;
        self.post((letter, draft), (&to, run), (by, tool), room).await
    }

    async fn post(
        &self,
        (letter, mut draft): (&Letter, Draft),
        (to, run): (&AgentRef, Option<Version>),
        (by, tool): (Option<&Caller>, Option<ToolUse>),
        room: Change,
    ) -> Result<(Accepted, Message), Error> {
        let now = self.clock.now();
        match run {
            Some(version) => draft.expect_at(Table::Node.at(&to.path), version),
            None => draft.expect_present(Table::Node.at(&to.path)),
        }
        draft.expect_open(&to.path);
        if let Some(id) = &letter.message_id {
            let _ = draft.create(Table::Seen.named(&to.path, id.as_bytes()), &now.0);
        }
        if let Some(caller) = by {
            caller.fence(&mut draft);
            if let Some(tool) = tool {
                caller.transcribe(&mut draft, &TranscriptEntry::Tool(tool));
            }
        }
        let from = by.map_or(Sender::Operator, |caller| Sender::Agent(caller.me().clone()));
        let message = letter.message(to.id, from, now);
        let place = draft.append(Table::Inbox.below(&to.path), &message);
        let metadata = letter.metadata.clone();
        draft.tell(&Event::Mailed { to: to.clone(), trigger: letter.trigger, metadata });
        match self.inboxes.commit(&self.store, draft, vec![room]).await {
            Ok(version) => Ok((Accepted { to: to.clone(), row: InboxKey { sequence: version, n: place } }, message)),
            Err(CommitError::Conflict { key, .. }) if run.is_some() && key == Table::Node.at(&to.path) => {
                Err(Error::NotRunning { path: to.path.clone() })
            }
            Err(error) => Err(match explain(letter, by, error) {
                Error::NotFound { path } => self.missing(&path).await,
                error => error,
            }),
        }
    }

    /// Refuses an agent that will never take a turn.
    pub(crate) async fn demand_brain(&self, path: &AgentPath) -> Result<(), Error> {
        match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) if agent.brain.is_none() => {
                Err(Error::WrongKind { path: path.clone(), found: "an agent without a brain", verb: "take a turn" })
            }
            _ => Ok(()),
        }
    }

    /// Whom a letter is for; for a job's item also the commit that started its run, which takes the letter or nobody.
    async fn recipient(&self, letter: &Letter) -> Result<(AgentRef, Option<Version>), Error> {
        let path = &letter.to;
        let Some(row) = node_at(&self.store, path).await? else { return Err(self.missing(path).await) };
        let to = AgentRef::new(path.clone(), row.value.id());
        match &row.value {
            Node::Agent(_) => Ok((to, None)),
            Node::Item(item) if !letter.trigger => match self.runs(path, item) {
                true => Ok((to, Some(row.version))),
                false => Err(Error::NotRunning { path: path.clone() }),
            },
            node => {
                let verb = if letter.trigger { "take a turn" } else { "take a message" };
                Err(Error::wrong_kind(path, node, verb))
            }
        }
    }
}

impl Assignment {
    /// The way to the outcome of what was accepted, of whose agent `watch` has heard since before.
    pub(crate) fn new(system: &System, accepted: Accepted, message: Message, watch: Watch) -> Self {
        Assignment { system: system.clone(), accepted, message, watch }
    }

    /// The message that was accepted.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// Waits for the outcome of the turn that took the message, even if newer turns have ended since.
    ///
    /// # Errors
    /// The agent was closed or faulted before that turn ended, or no turn of it begins since its directory is held against it or
    /// nothing is left of its budget (the message stays); or the runtime stops.
    pub async fn outcome(mut self) -> Result<Outcome, Error> {
        // An agent that was given up on before the message came says nothing more of it.
        if let Some(ended) = self.look().await? {
            return Ok(ended);
        }
        loop {
            match self.watch.next().await.ok_or(Error::Stopping)? {
                Heard::Told(told) if told.version < self.accepted.row.sequence => {}
                Heard::Told(told) => {
                    if let Some(ended) = self.hear(&told.event).await? {
                        return Ok(ended);
                    }
                }
                Heard::Failed(error) => return Err(error),
                Heard::Gap => {
                    if let Some(ended) = self.look().await? {
                        return Ok(ended);
                    }
                }
            }
        }
    }

    /// As [`Assignment::outcome`]; nothing if it has not come `within`. The message stays, and so does its turn.
    ///
    /// # Errors
    /// As for [`Assignment::outcome`].
    pub async fn outcome_within(self, within: Duration) -> Result<Option<Outcome>, Error> {
        tokio::time::timeout(within, self.outcome()).await.ok().transpose()
    }

    async fn hear(&self, event: &Event) -> Result<Option<Outcome>, Error> {
        let path = self.accepted.to.path.clone();
        match event {
            Event::TurnEnded { turn, consumed, .. } if consumed.contains(&self.accepted.row) => {
                self.system.outcome_of(&self.accepted.to, *turn).await.map(Some)
            }
            Event::DeadLettered { rows, .. } if rows.contains(&self.accepted.row) => {
                self.system.outcome_with(&self.accepted.to, &self.message).await.map(Some)
            }
            Event::Faulted { reason, .. } => Err(Error::Faulted { path, reason: reason.clone() }),
            Event::Closed { path: at } => Err(Error::Closed { path, at: at.clone() }),
            _ => Ok(None),
        }
    }

    /// What the store says of the message, for when nobody told.
    async fn look(&self) -> Result<Option<Outcome>, Error> {
        let AgentRef { path, .. } = &self.accepted.to;
        let waits = self.system.store.peek::<Message>(&keys::inbox(path, self.accepted.row)).await?;
        if waits.is_none() {
            return self.system.outcome_with(&self.accepted.to, &self.message).await.map(Some);
        }
        self.system.demand_open(path).await?;
        match node_at(&self.system.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(Agent { phase: Phase::Faulted { reason, .. }, .. })) => {
                Err(Error::Faulted { path: path.clone(), reason })
            }
            _ => Ok(None),
        }
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
        let found = self.search_transcript(agent, |entry| match entry {
            TranscriptEntry::Answer { turn, result, content, at, .. } if *turn == wanted => {
                Some(Outcome { turn: *turn, result: *result, content: content.clone(), at: *at })
            }
            _ => None,
        });
        found.await?.ok_or_else(|| Error::NotFound { path: agent.path.clone() })
    }

    /// The outcome of the turn that took a message which is no longer in the inbox.
    async fn outcome_with(&self, agent: &AgentRef, taken: &Message) -> Result<Outcome, Error> {
        let turn = self.search_transcript(agent, |entry| match entry {
            TranscriptEntry::Message { turn, message } if message == taken => Some(*turn),
            _ => None,
        });
        let turn = turn.await?.ok_or_else(|| Error::NotFound { path: agent.path.clone() })?;
        self.outcome_of(agent, turn).await
    }

    /// The newest entry of a transcript that `wanted` finds something in.
    async fn search_transcript<T>(
        &self,
        agent: &AgentRef,
        wanted: impl Fn(&TranscriptEntry) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut entries = self.store.pages(Table::Transcript.rows_of(&agent.path), PAGE).backward();
        while let Some(rows) = entries.next::<TranscriptEntry>().await? {
            if let Some(found) = rows.iter().find_map(|row| wanted(&row.value)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Adds the result of a turn to what ends it: a message to the nearest ancestor that takes results, exempt from the
    /// bounds of its inbox; gives that inbox's change, if somebody takes it. To a job's item it goes only while its run is
    /// under way, which the commit then expects.
    pub(crate) async fn add_result(
        &self,
        draft: &mut Draft,
        of: &AgentRef,
        ended: Ended<'_>,
    ) -> Result<Option<Change>, Error> {
        let Ended { turn, result, content, metadata } = ended;
        for path in of.path.ancestors() {
            let Some(row) = node_at(&self.store, &path).await? else { return Ok(None) };
            let trigger = match &row.value {
                Node::Agent(agent) if agent.takes_results() => self.wakes_on_result(agent),
                Node::Agent(_) => continue,
                // What lies below a job's item is its run's own; when that is over no result leaves it.
                Node::Item(item) if self.runs(&path, item) => {
                    draft.expect(&row);
                    true
                }
                _ => return Ok(None),
            };
            let to = AgentRef::new(path, row.value.id());
            let message = Message {
                to: to.id,
                from: Sender::Agent(of.clone()),
                kind: MessageKind::Result { turn, result },
                trigger,
                text: content.to_owned(),
                at: self.clock.now(),
                message_id: None,
                metadata: metadata.clone(),
            };
            draft.append(Table::Inbox.below(&to.path), &message);
            let change = self.inboxes.exempt(&to.path, message.bytes());
            draft.tell(&Event::Mailed { to, trigger, metadata: metadata.clone() });
            return Ok(Some(change));
        }
        Ok(None)
    }

    /// Whether a result starts a turn of the agent, as its role stands now. One whose role is gone hears of it by an error.
    fn wakes_on_result(&self, agent: &Agent) -> bool {
        self.role(&agent.role).map_or(true, |role| role.on_result == OnResult::Wake)
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
