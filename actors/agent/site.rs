//! Where a turn runs: the agent's directory, compared with how the last turn left it.
//!
//! ```text
//!   slot --> look (beside the actor) --Surveyed--> as it was left, or told of: M2
//!                                              '--> policy block: held, looked at again in half a minute
//! ```

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use understory_store::{Agent, AgentRef, Checkout, CommitError, Directory, Draft, Drift, Event, Row, Table};

use super::{AgentActor, AgentSignal, Next};
use crate::directory::{OnDrift, Seen, Site};
use crate::error::Error;
use crate::slots::Permit;
use crate::system::System;

/// How long after a look the next one is made at a directory that is held against its agent: nobody tells when it is as it was.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long the look at the end of a turn may take that somebody waits to be over.
const HURRIED: Duration = Duration::from_millis(500);

/// What an actor knows of its directory between its question and the start of a turn.
#[derive(Default)]
pub(super) enum Sight {
    /// Nobody has looked.
    #[default]
    None,
    /// Somebody looks; the slot that the turn will have is kept meanwhile.
    Asked(Permit),
    /// This was found.
    Found(Seen),
}

/// Whether a turn may begin where it would run.
pub(super) enum Ground {
    /// That is being looked at.
    Unseen,
    /// It may not: its directory is not as it was left. What the actor does next.
    Held(Next),
    /// It may, here.
    Clear(Permit, Option<Start>),
}

/// Where a turn begins, and what its start writes of that.
pub(super) struct Start {
    pub(super) site: Site,
    row: Row<Directory>,
    next: Option<Directory>,
}

impl Start {
    /// Has M2 write what was found, and tell of it.
    pub(super) fn write(&self, draft: &mut Draft, agent: AgentRef) {
        if let Some(next) = &self.next {
            let _ = draft.update(&self.row, next);
        }
        if let Some(Drift { was, is }) = self.site.drift.clone() {
            draft.tell(&Event::Drifted { agent, was, is, held: false });
        }
    }
}

impl AgentActor {
    /// Whether it waits for a look at its directory.
    pub(super) fn is_looking(&self) -> bool {
        matches!(self.sight, Sight::Asked(_))
    }

    /// Takes the answer of a look; gives back the slot that was kept for the turn.
    pub(super) fn sighted(&mut self, found: Seen) -> Option<Permit> {
        match std::mem::replace(&mut self.sight, Sight::Found(found)) {
            Sight::Asked(permit) => Some(permit),
            Sight::None | Sight::Found(_) => None,
        }
    }

    /// Whether a turn may begin now, which would have this slot.
    pub(super) async fn ground(&mut self, agent: &Agent, permit: Permit) -> Result<Ground, Error> {
        let row = self.system.store.peek::<Directory>(&Table::Directory.at(&self.path)).await?;
        let Some(row) = row.filter(|row| row.value.of == agent.id) else { return Ok(Ground::Clear(permit, None)) };
        let policy = self.system.role(&agent.role).map_or_else(|_| OnDrift::default(), |role| role.on_drift);
        let directory: Arc<Path> = Path::new(&row.value.path).into();
        if policy == OnDrift::Ignore {
            let site = Site { directory, drift: None };
            return Ok(Ground::Clear(permit, Some(Start { site, row, next: None })));
        }
        // A look at where it worked before, or one of a while ago, tells nothing.
        let found = match std::mem::take(&mut self.sight) {
            Sight::Found(seen) => seen.fresh(&directory).cloned(),
            Sight::None | Sight::Asked(_) => None,
        };
        let Some(found) = found else {
            self.sight = Sight::Asked(permit);
            let (system, path) = (self.system.clone(), self.path.clone());
            self.system.tasks.spawn(async move {
                let found = system.survey(&directory).await;
                system.agents.deliver(&system, &path, AgentSignal::Surveyed(Seen::now(directory, found)));
            });
            return Ok(Ground::Unseen);
        };
        let drift = found.as_ref().and_then(|is| row.value.drift(is));
        let now = self.system.clock.now();
        match drift {
            Some(drift) if policy == OnDrift::Block => {
                drop(permit);
                Ok(Ground::Held(self.hold(agent, &row, drift).await?))
            }
            drift => {
                let next = match &drift {
                    Some(drift) => Some(row.value.found(drift.clone(), false, now)),
                    None => row.value.is_held().then(|| row.value.let_go()),
                };
                Ok(Ground::Clear(permit, Some(Start { site: Site { directory, drift }, row, next })))
            }
        }
    }

    /// How the directory of a turn stands that has just ended. Once the turn is cancelled, somebody waits for that.
    pub(super) async fn left(
        system: &System,
        directory: &Arc<Path>,
        cancelled: &CancellationToken,
    ) -> Option<Checkout> {
        let mut look = pin!(system.survey(directory));
        tokio::select! {
            left = &mut look => left,
            () = cancelled.cancelled() => tokio::time::timeout(HURRIED, look).await.ok().flatten(),
        }
    }

    /// Has the commit that ends a turn write how its directory was left.
    pub(super) async fn note_left(&self, agent: &Agent, draft: &mut Draft) -> Result<(), Error> {
        let Some(Some((directory, left))) = self.system.agents.held(&self.path, |held| held.left()) else {
            return Ok(());
        };
        let row = self.system.store.peek::<Directory>(&Table::Directory.at(&self.path)).await?;
        // What was set meanwhile is not where the turn ran.
        let same = |row: &Row<Directory>| row.value.of == agent.id && Path::new(&row.value.path) == &*directory;
        if let Some(row) = row.filter(same) {
            let _ = draft.update(&row, &row.value.leave(left, self.system.clock.now()));
        }
        Ok(())
    }

    /// Notes that nothing runs in this directory as it is, tells whoever waits, and has it looked at again.
    async fn hold(&mut self, agent: &Agent, row: &Row<Directory>, drift: Drift) -> Result<Next, Error> {
        let (now, me) = (self.system.clock.now(), self.me(agent));
        let error =
            Error::Drifted { path: self.path.clone(), directory: row.value.path.clone(), drift: drift.to_string() };
        if !row.value.holds(&drift) {
            let mut draft = Draft::new();
            draft.expect(self.row.as_ref().expect("an agent whose turn would begin has read its record"));
            let _ = draft.update(row, &row.value.found(drift.clone(), true, now));
            draft.expect_open(&self.path);
            let Drift { was, is } = drift;
            draft.tell(&Event::Drifted { agent: me, was, is, held: true });
            match self.system.store.commit(draft).await {
                Ok(_) => tracing::warn!(path = %self.path, %error, "an agent is held"),
                Err(CommitError::Conflict { .. }) => {
                    self.row = None;
                    return Ok(if self.is_closed().await? { Next::Leave } else { Next::Again });
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.system.watchers.fail(&self.path, &error);
        self.system.wake_at(&self.path, now.after(LOOK_AGAIN));
        Ok(Next::Stay)
    }
}
