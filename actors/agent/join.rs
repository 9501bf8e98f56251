//! Mail that joins a running turn, when its brain asks for some.

use tokio::sync::oneshot;
use understory_store::{InboxKey, Message, Row, Running, Table, keys};

use super::{AgentActor, AgentSignal};
use crate::caller::Caller;
use crate::error::Error;
use crate::limits::{IN_HAND_MAX, TEXT_MAX};
use crate::system::{System, closed_at};

/// A question for what came behind a row of the inbox, by the brain of an attempt at a turn.
pub(crate) struct Join {
    turn: u64,
    attempt: u32,
    after: InboxKey,
    reply: oneshot::Sender<Result<Vec<Row<Message>>, Error>>,
}

impl System {
    /// Has what lies in the caller's inbox join its turn, which is an agent's, and answers what the turn has in hand behind
    /// `after`. On record when it returns.
    pub(crate) async fn join(&self, caller: &Caller, after: InboxKey) -> Result<Vec<Row<Message>>, Error> {
        loop {
            let (reply, answer) = oneshot::channel();
            let join = Join { turn: caller.turn(), attempt: caller.attempt(), after, reply };
            if self.agents.tell_resident(&caller.me().path, AgentSignal::Join(join)).is_err() {
                return Err(Error::Fenced { path: caller.me().path.clone(), id: caller.me().id });
            }
            // An actor that panics or is killed drops the question, and has a successor.
            if let Ok(answer) = answer.await {
                return answer;
            }
        }
    }
}

impl AgentActor {
    /// Answers what the turn has in hand behind a row, and has more join it if that is nothing.
    pub(super) async fn join(&mut self, join: Join) {
        let Join { turn, attempt, after, reply } = join;
        // Whoever asked may be gone; what has joined is in hand.
        let _ = reply.send(self.join_behind(turn, attempt, after).await);
    }

    async fn join_behind(&mut self, turn: u64, attempt: u32, after: InboxKey) -> Result<Vec<Row<Message>>, Error> {
        loop {
            let Some(agent) = self.agent().await?.cloned() else {
                return Err(Error::NotFound { path: self.path.clone() });
            };
            let running = agent.running().filter(|running| (running.turn, running.attempt) == (turn, attempt));
            let running = running.ok_or_else(|| Error::Fenced { path: self.path.clone(), id: agent.id })?;
            let joined = self.in_hand(running, after).await?;
            if !joined.is_empty() {
                return Ok(joined);
            }
            let rows = self.peek_behind(running).await?;
            // What came for a turn that is interrupted is for the next one.
            if rows.is_empty() || self.system.agents.held(&self.path, |held| held.is_interrupted()) == Some(true) {
                return Ok(Vec::new());
            }
            let joining: Vec<InboxKey> = rows.iter().filter_map(|row| keys::inbox_key(&row.key)).collect();
            let next = agent.join(&joining)?;
            let (mut draft, written) = self.draft(&next);
            draft.expect_open(&self.path);
            self.hear(&mut draft, &agent, turn, &rows);
            if self.commit(draft, written, next).await?.is_some() {
                return Ok(rows);
            }
            if let Some(at) = closed_at(&self.system.store, &self.path).await? {
                return Err(Error::Closed { path: self.path.clone(), at });
            }
        }
    }

    /// What lies behind that which the turn has in hand, up to what a turn may have in all, or to a message for another id.
    async fn peek_behind(&self, running: &Running) -> Result<Vec<Row<Message>>, Error> {
        let room = IN_HAND_MAX.saturating_sub(running.in_hand.len());
        let last = running.in_hand.iter().max().map(|row| keys::inbox(&self.path, *row));
        let mut rows = self.system.store.peek_page::<Message>(Table::Inbox.rows_of(&self.path), last, room).await?;
        let in_hand = self.in_hand(running, InboxKey::FIRST).await?;
        let mut bytes: usize = in_hand.iter().map(|row| row.value.text.len()).sum();
        let joining = rows.iter().take_while(|row| {
            bytes += row.value.text.len();
            Some(row.value.to) == self.id() && bytes <= TEXT_MAX
        });
        let joining = joining.count();
        rows.truncate(joining);
        Ok(rows)
    }
}
