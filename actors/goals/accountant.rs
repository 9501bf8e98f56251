//! The accountant: the one writer of the rows of goals that are there.
//!
//! It takes one errand after the other. What is only to be folded waits until nothing else is asked, and goes into one commit
//! with others.

use std::collections::BTreeSet;
use std::convert::Infallible;

use kameo::Actor;
use kameo::actor::ActorRef;
use kameo::message::{Context, Message};
use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{GoalId, Halt};

use super::change::Ask;
use super::sheet::{FOLD_MAX, Sheet};
use crate::error::Error;
use crate::system::System;

/// What the accountant is sent.
pub(crate) enum Errand {
    /// Change a goal.
    Change { ask: Box<Ask>, reply: oneshot::Sender<Result<bool, Error>> },
    /// Stop a goal, as its agent's actor has on record, if it is still the one and still active.
    Halt { path: AgentPath, goal: GoalId, activation: u32, halt: Halt },
    /// Count what lies in these logs.
    Fold(Vec<AgentPath>),
    /// Count what lies in the logs at and below a path, and the time for which goals there were active.
    Flush { top: AgentPath, reply: oneshot::Sender<Result<(), Error>> },
    /// Clear the goals at and below a path that is being removed: what they used is counted above.
    Settle { top: AgentPath, reply: oneshot::Sender<Result<(), Error>> },
}

/// Fold what waits.
struct Folding;

/// The actor.
pub(crate) struct Accountant {
    pub(super) system: System,
    waiting: BTreeSet<AgentPath>,
    /// Whether a `Folding` is in the mailbox.
    called: bool,
}

impl Actor for Accountant {
    type Args = System;
    type Error = Infallible;

    async fn on_start(system: System, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Accountant { system, waiting: BTreeSet::new(), called: false })
    }
}

impl Message<Errand> for Accountant {
    type Reply = ();

    async fn handle(&mut self, errand: Errand, ctx: &mut Context<Self, ()>) {
        // Whoever asked may be gone; what is done stands.
        match errand {
            Errand::Change { ask, reply } => drop(reply.send(self.change(*ask).await)),
            Errand::Halt { path, goal, activation, halt } => {
                if let Err(error) = self.halt(&path, goal, activation, &halt).await {
                    let source = &error as &(dyn std::error::Error + 'static);
                    // It is on record with its agent, which says it again.
                    tracing::warn!(%path, error = source, "a goal could not be stopped");
                }
            }
            Errand::Fold(paths) => {
                self.waiting.extend(paths);
                self.call(ctx.actor_ref());
            }
            Errand::Flush { top, reply } => drop(reply.send(self.flush(&top).await)),
            Errand::Settle { top, reply } => drop(reply.send(self.settle(&top).await)),
        }
    }
}

impl Message<Folding> for Accountant {
    type Reply = ();

    async fn handle(&mut self, _: Folding, ctx: &mut Context<Self, ()>) {
        self.called = false;
        let waiting = std::mem::take(&mut self.waiting);
        match self.fold_all(waiting.into_iter().collect()).await {
            Ok(left) => self.waiting.extend(left),
            // The logs stay, and are counted with what comes next.
            Err(error) => {
                let source = &error as &(dyn std::error::Error + 'static);
                tracing::warn!(error = source, "charges of goals could not be counted");
            }
        }
        self.call(ctx.actor_ref());
    }
}

impl Accountant {
    /// Folds as much as one commit takes; gives back what is left to be folded.
    async fn fold_all(&self, paths: Vec<AgentPath>) -> Result<Vec<AgentPath>, Error> {
        let (mut sheet, mut left) = (Sheet::new(&self.system), Vec::new());
        for path in paths {
            if sheet.writes() >= FOLD_MAX || sheet.fold(&path).await? {
                left.push(path);
            }
        }
        sheet.commit().await?;
        Ok(left)
    }

    async fn flush(&self, top: &AgentPath) -> Result<(), Error> {
        self.system.goals.ready(&self.system.store).await?;
        let due = |ledger: &mut super::ledger::Ledger| {
            let below = ledger.below(top).filter(|(_, account)| account.charges > 0 || account.clock.is_some());
            below.map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        let mut left = self.system.goals.with(due);
        while !left.is_empty() {
            left = self.fold_all(left).await?;
        }
        Ok(())
    }

    async fn halt(&self, path: &AgentPath, goal: GoalId, activation: u32, halt: &Halt) -> Result<(), Error> {
        let mut sheet = Sheet::new(&self.system);
        let Some(stands) = sheet.goal(path).await? else { return Ok(()) };
        if (stands.id, stands.activations) != (goal, activation) {
            return Ok(());
        }
        sheet.fold(path).await?;
        if let Some(stands) = sheet.goal(path).await?
            && let Ok(next) = stands.turn_to(halt.status, &halt.why, sheet.now)
        {
            sheet.leave(path, Some(next)).await?;
        }
        Ok(sheet.commit().await?)
    }

    fn call(&mut self, me: &ActorRef<Self>) {
        if !self.waiting.is_empty() && !std::mem::replace(&mut self.called, true) {
            // It fails only when the accountant stops; then the logs stay.
            let _ = me.tell(Folding).try_send();
        }
    }
}

impl System {
    /// Has logs be counted, when there is time for it.
    pub(crate) fn fold(&self, paths: Vec<AgentPath>) {
        if !paths.is_empty() {
            self.send_errand(Errand::Fold(paths));
        }
    }

    /// Sends an errand that nobody waits for.
    pub(crate) fn send_errand(&self, errand: Errand) {
        // It fails only when the system stops; what is on record is found by the next.
        let _ = self.accountant.tell(errand).try_send();
    }

    /// Sends an errand and waits for its answer.
    pub(crate) async fn account<T>(
        &self,
        errand: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Errand,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.accountant.tell(errand(reply)).try_send().map_err(|_| Error::Stopping)?;
        answer.await.map_err(|_| Error::Stopping)?
    }
}
