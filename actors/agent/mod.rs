//! An agent's actor: reads its inbox, starts turns, ends them. It lives only while there is mail or a turn.
//!
//! ```text
//!   gate --Wake-----> look: mail? --slot--> M2 ---------> turn task (beside the actor)
//!        --Granted--> (a slot came)                            |
//!        --TurnEnded- <--------- through the gate -------------+ ---> M3, or put off, or release
//!        --Stop-----> cancel, release, leave
//!   slot --interrupt-> cancel, M3 as interrupted
//! ```
//!
//! Everything here rests on the record: whatever an incarnation finds, it goes on from there. There is no second way.

mod begin;
mod bury;
mod drive;
mod end;
mod entry;
mod join;
mod siblings;
mod site;
pub(crate) mod work;

use kameo::actor::ActorRef;
use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{Agent, AgentId, AgentRef, CommitError, Draft, Node, Row, Version, Written};

use entry::Look;
pub(crate) use entry::{Held, Interruption};
use join::Join;
use site::Sight;

use crate::directory::Seen;
use crate::error::Error;
use crate::gate::{Incarnation, Life, Resident};
use crate::grant::Granted;
use crate::inboxes::Change;
use crate::slots::Permit;
use crate::supervision;
use crate::system::{System, closed_at, node_at};

/// What an agent's actor is sent.
pub(crate) enum AgentSignal {
    /// Look for work.
    Wake,
    /// A turn slot it waited for.
    Granted(Permit),
    /// How its directory stands, if that could be told.
    Surveyed(Seen),
    /// Its turn has ended; how lies in the slot.
    TurnEnded,
    /// Have mail join the turn under way, if it is this attempt at this turn.
    Join(Join),
    /// Clear its fault.
    Clear(oneshot::Sender<Result<(), Error>>),
    /// Take the turn back and leave: close or shutdown.
    Stop,
    /// Panic with these words: a fault of ours, for tests.
    #[cfg(test)]
    Panic(&'static str),
}

/// The actor.
pub(crate) struct AgentActor {
    system: System,
    path: AgentPath,
    row: Option<Row<Node>>,
    granted: Granted,
    sight: Sight,
    queued: bool,
    stopping: bool,
}

/// What the actor does when a step is over.
enum Next {
    /// Stay for what comes.
    Stay,
    /// Look again: something changed.
    Again,
    /// Leave: there is nobody here, or somebody asked.
    Leave,
}

impl Resident for AgentActor {
    type Home = System;
    type Signal = AgentSignal;
    type Held = Held;

    fn wake() -> AgentSignal {
        AgentSignal::Wake
    }

    fn is_last(signal: &AgentSignal) -> bool {
        matches!(signal, AgentSignal::Stop)
    }

    fn is_free(held: &Held) -> bool {
        held.entry.is_none() && held.refused == 0
    }

    fn arrive(system: System, path: AgentPath, _: ActorRef<Incarnation<Self>>) -> Self {
        let (granted, sight) = (Granted::default(), Sight::None);
        AgentActor { system, path, row: None, granted, sight, queued: false, stopping: false }
    }

    async fn begin(&mut self, ctx: &mut Life<Self>) {
        // A turn that an earlier incarnation started may have ended with nobody to hear it.
        if self.system.agents.held(&self.path, |held| held.entry.is_some()) == Some(true) {
            self.go(None, ctx).await;
        }
    }

    async fn take(&mut self, signal: AgentSignal, ctx: &mut Life<Self>) {
        if matches!(self.sight, Sight::Found(_)) {
            // It was not used at once: who looks again looks anew.
            self.sight = Sight::None;
        }
        let permit = match signal {
            AgentSignal::Surveyed(found) => self.sighted(found),
            AgentSignal::Wake => {
                self.system.agents.awake(&self.path);
                None
            }
            AgentSignal::Granted(permit) => {
                self.queued = false;
                Some(permit)
            }
            AgentSignal::TurnEnded => None,
            #[cfg(test)]
            AgentSignal::Panic(words) => std::panic::panic_any(words),
            AgentSignal::Join(join) => {
                self.join(join).await;
                None
            }
            AgentSignal::Clear(reply) => {
                // Whoever asked may be gone.
                let _ = reply.send(self.clear().await);
                None
            }
            AgentSignal::Stop => {
                self.stopping = true;
                self.system.agents.held(&self.path, Held::cancel);
                None
            }
        };
        self.go(permit, ctx).await;
    }
}

impl AgentActor {
    /// Goes on from whatever the record and the slot say, until there is nothing to do now.
    async fn go(&mut self, mut permit: Option<Permit>, ctx: &mut Life<Self>) {
        let mut failed = None;
        loop {
            let next = self.step(&mut permit).await;
            if let Err(error) = &next
                && error.is_full()
                && !self.stopping
            {
                return self.try_later(error);
            }
            self.system.agents.held(&self.path, |held| held.refused = 0);
            match next {
                Ok(Next::Again) => {}
                Ok(Next::Stay) => return,
                Ok(Next::Leave) => break,
                Err(error) => {
                    let source = &error as &(dyn std::error::Error + 'static);
                    tracing::error!(path = %self.path, error = source, "an agent stops: the store failed");
                    self.system.agents.held(&self.path, |held| held.entry = None);
                    failed = Some(error);
                    break;
                }
            }
        }
        self.system.agents.park(&self.path, ctx.actor_ref().id());
        if let Some(error) = failed {
            self.system.watchers.fail(&self.path, &error);
        }
        // Resumed while it was stopping: it may have been woken and not looked.
        if self.stopping && self.system.active.contains(&self.path) && !self.is_closed().await.unwrap_or(true) {
            self.system.agents.wake(&self.system, &self.path);
        }
        ctx.stop();
    }

    /// The disk is full: who waits is told, and the actor tries again after a pause, until there is room.
    fn try_later(&self, error: &Error) {
        let refused = self.system.agents.held(&self.path, Held::refuse).unwrap_or(1);
        let pause = supervision::pause(refused.saturating_add(1), fastrand::f64());
        tracing::warn!(path = %self.path, refused, "the disk is full; an agent tries again later");
        self.system.wake_at(&self.path, self.system.clock.now().after(pause));
        self.system.watchers.fail(&self.path, error);
    }

    async fn step(&mut self, permit: &mut Option<Permit>) -> Result<Next, Error> {
        let Some(agent) = self.agent().await?.cloned() else {
            self.system.agents.held(&self.path, |held| held.entry = None);
            return Ok(Next::Leave);
        };
        let look = self.system.agents.held(&self.path, |held| held.look(&agent)).unwrap_or(Look::Nothing);
        match look {
            Look::Under => Ok(Next::Stay),
            Look::Unlaunched => self.launch(&agent).await,
            Look::Interrupted(interruption) => self.cut(&agent, &interruption).await,
            Look::Ended(ended) => self.end(&agent, &ended).await,
            Look::Nothing if self.stopping => Ok(Next::Leave),
            Look::Nothing => self.look_for_work(&agent, permit).await,
        }
    }

    /// The record, read once per incarnation and after every conflict.
    async fn agent(&mut self) -> Result<Option<&Agent>, Error> {
        if self.row.is_none() {
            self.row = node_at(&self.system.store, &self.path).await?;
        }
        match self.row.as_ref().map(|row| &row.value) {
            Some(Node::Agent(agent)) => Ok(Some(agent)),
            _ => Ok(None),
        }
    }

    fn me(&self, agent: &Agent) -> AgentRef {
        AgentRef::new(self.path.clone(), agent.id)
    }

    /// A commit that writes the record: it expects it as last seen, and neither it nor an ancestor closed.
    fn draft(&self, next: &Agent) -> (Draft, Written) {
        let mut draft = Draft::new();
        let row = self.row.as_ref().expect("an agent that writes has read its record");
        let written = draft.update(row, &Node::Agent(next.clone()));
        (draft, written)
    }

    /// Commits a draft of this record. `None`: a conflict; the record is to be read again.
    async fn commit(&mut self, draft: Draft, written: Written, next: Agent) -> Result<Option<Version>, Error> {
        let committed = self.system.store.commit(draft).await;
        self.committed(committed, written, next)
    }

    /// As [`AgentActor::commit`], for what changes inboxes.
    async fn commit_mail(
        &mut self,
        draft: Draft,
        written: Written,
        next: Agent,
        changes: Vec<Change>,
    ) -> Result<Option<Version>, Error> {
        let committed = self.system.inboxes.commit(&self.system.store, draft, changes).await;
        self.committed(committed, written, next)
    }

    fn committed(
        &mut self,
        committed: Result<Version, CommitError>,
        written: Written,
        next: Agent,
    ) -> Result<Option<Version>, Error> {
        match committed {
            Ok(version) => {
                self.row = Some(Row::written(written, Node::Agent(next), version));
                Ok(Some(version))
            }
            Err(CommitError::Conflict { .. }) => {
                self.row = None;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a conflict was a close: nothing more is started here.
    async fn is_closed(&self) -> Result<bool, Error> {
        Ok(closed_at(&self.system.store, &self.path).await?.is_some())
    }

    async fn clear(&mut self) -> Result<(), Error> {
        loop {
            let Some(agent) = self.agent().await? else {
                return Err(Error::NotFound { path: self.path.clone() });
            };
            let next = agent.clear();
            if next == *agent {
                return Ok(());
            }
            let (mut draft, written) = self.draft(&next);
            draft.expect_open(&self.path);
            if self.commit(draft, written, next).await?.is_some() {
                return Ok(());
            }
            if let Some(at) = closed_at(&self.system.store, &self.path).await? {
                return Err(Error::Closed { path: self.path.clone(), at });
            }
        }
    }

    fn id(&self) -> Option<AgentId> {
        self.row.as_ref().map(|row| row.value.id())
    }
}
