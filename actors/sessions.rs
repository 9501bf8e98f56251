//! Conversations that brains keep elsewhere, and where a turn or run goes on with one: by which name, model and effort.

use std::sync::Arc;

use understory_paths::AgentPath;
use understory_store::{
    AgentId, AgentRef, BrainSettings, CommitError, Draft, Event, Node, Session, Table, Time, ToolUse,
};

use crate::caller::Caller;
use crate::error::Error;
use crate::system::{System, node_at};

/// The longest name of a session in bytes.
pub const SESSION_MAX: usize = 1 << 10;
/// The longest name of a model or an effort in bytes.
pub const SETTING_MAX: usize = 256;

impl System {
    /// The conversation that an agent's brain has elsewhere, or that of an item's last run.
    ///
    /// # Errors
    /// The store failed.
    pub async fn session(&self, path: &AgentPath) -> Result<Option<Session>, Error> {
        Ok(self.store.get::<Session>(&Table::Session.at(path)).await?.map(|row| row.value))
    }

    /// The model and effort that an agent's brain goes on with, if it was told or has said so.
    ///
    /// # Errors
    /// The store failed.
    pub async fn brain_settings(&self, path: &AgentPath) -> Result<Option<BrainSettings>, Error> {
        Ok(self.store.get::<BrainSettings>(&Table::BrainSettings.at(path)).await?.map(|row| row.value))
    }

    /// Says what model and effort an agent's brain goes on with from its next turn on; what is not said stays. Durable when
    /// it returns.
    ///
    /// # Errors
    /// There is no such agent, or a name is over 256 bytes or holds a NUL.
    pub async fn set_brain_settings(
        &self,
        path: &AgentPath,
        model: Option<String>,
        effort: Option<String>,
    ) -> Result<BrainSettings, Error> {
        loop {
            let of = self.demand_agent(path).await?;
            let kept = self.settled_on((path, of), 0, model.clone(), effort.clone()).await?;
            let mut draft = Draft::new();
            draft.expect_present(Table::Node.at(path));
            self.expect_no_removal(path, &mut draft).await?;
            draft.put(Table::BrainSettings.at(path), &kept);
            match self.store.commit(draft).await {
                Ok(_) => return Ok(kept),
                // A close, a resume or a removal: whichever it was, it is seen now.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Has an agent's brain begin a new conversation with its next turn: the other side has lost the one it had. False if it
    /// had none. Durable when it returns.
    ///
    /// # Errors
    /// There is no such agent.
    pub async fn forget_session(&self, path: &AgentPath) -> Result<bool, Error> {
        let of = self.demand_agent(path).await?;
        let Some(row) = self.store.peek::<Session>(&Table::Session.at(path)).await? else { return Ok(false) };
        let mut draft = Draft::new();
        draft.remove(&row);
        draft.tell(&Event::SessionLost { agent: AgentRef::new(path.clone(), of) });
        self.store.commit(draft).await?;
        Ok(true)
    }

    /// Keeps the name of the conversation that a turn or run is at, over the one that was kept before.
    pub(crate) async fn keep_session(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        let (bytes, max) = (name.len(), SESSION_MAX);
        if bytes > max {
            return Err(Error::TooLong { what: "session", bytes, max });
        }
        let me = caller.me();
        let failures = self.failures_of(me).await?;
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        let session = Session { of: me.id, failures, name: name.to_owned(), at: self.clock.now() };
        draft.put(Table::Session.at(&me.path), &session);
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        Ok(())
    }

    /// Keeps that the other side has lost the conversation that a turn or run was to go on with, and says so in its transcript.
    pub(crate) async fn lose_session(&self, caller: &Caller) -> Result<(), Error> {
        let me = caller.me();
        let Some(row) = self.store.peek::<Session>(&Table::Session.at(&me.path)).await? else { return Ok(()) };
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        draft.remove(&row);
        draft.tell(&Event::SessionLost { agent: me.clone() });
        if caller.is_transcribed() {
            let turn = caller.run().map_or(caller.turn(), |run| run.run.into());
            let arguments = serde_json::json!({ "session": row.value.name }).to_string();
            let entry = ToolUse { turn, call: 0, name: "session lost".to_owned(), arguments, at: self.clock.now() };
            caller.transcribe(&mut draft, &understory_store::TranscriptEntry::Tool(entry));
        }
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        Ok(())
    }

    /// Keeps the model and effort that a turn or run has; what is not said stays.
    pub(crate) async fn keep_settings(
        &self,
        caller: &Caller,
        model: Option<String>,
        effort: Option<String>,
    ) -> Result<(), Error> {
        let me = caller.me();
        let failures = self.failures_of(me).await?;
        let kept = self.settled_on((&me.path, me.id), failures, model, effort).await?;
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        draft.put(Table::BrainSettings.at(&me.path), &kept);
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        Ok(())
    }

    /// The conversation that a turn, or a run of an item with so many failures charged, goes on with.
    pub(crate) async fn session_of(&self, me: &AgentRef, failures: u32) -> Result<Option<Arc<str>>, Error> {
        let session = self.store.peek::<Session>(&Table::Session.at(&me.path)).await?.map(|row| row.value);
        let mine = session.filter(|session| session.serves(me.id, failures));
        Ok(mine.map(|session| session.name.into()))
    }

    /// The model and effort that it goes on with.
    pub(crate) async fn settings_of(
        &self,
        (path, of): (&AgentPath, AgentId),
        failures: u32,
    ) -> Result<Option<BrainSettings>, Error> {
        let kept = self.store.peek::<BrainSettings>(&Table::BrainSettings.at(path)).await?.map(|row| row.value);
        Ok(kept.filter(|kept| kept.serves(of, failures)))
    }

    /// What is kept with what is said over it.
    async fn settled_on(
        &self,
        (path, of): (&AgentPath, AgentId),
        failures: u32,
        model: Option<String>,
        effort: Option<String>,
    ) -> Result<BrainSettings, Error> {
        let kept = self.settings_of((path, of), failures).await?;
        let now = self.clock.now();
        Ok(match kept {
            Some(kept) => {
                let named = settings(of, failures, (model, effort), now)?;
                kept.with(named.model, named.effort, now)
            }
            None => settings(of, failures, (model, effort), now)?,
        })
    }

    async fn failures_of(&self, me: &AgentRef) -> Result<u32, Error> {
        Ok(match node_at(&self.store, &me.path).await?.map(|row| row.value) {
            Some(Node::Item(item)) => item.failures,
            _ => 0,
        })
    }

    async fn demand_agent(&self, path: &AgentPath) -> Result<AgentId, Error> {
        match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) => Ok(agent.id),
            Some(node) => Err(Error::wrong_kind(path, &node, "keep a conversation")),
            None => Err(self.missing(path).await),
        }
    }
}

/// A model and an effort that are fit to be kept.
pub(crate) fn settings(
    of: AgentId,
    failures: u32,
    (model, effort): (Option<String>, Option<String>),
    at: Time,
) -> Result<BrainSettings, Error> {
    for (what, name) in [("model", &model), ("effort", &effort)] {
        let Some(name) = name else { continue };
        let (bytes, max) = (name.len(), SETTING_MAX);
        if bytes > max {
            return Err(Error::TooLong { what, bytes, max });
        }
        if name.trim().is_empty() || name.contains('\0') {
            return Err(Error::BadLabel { what: format!("{what} {name:?}"), rule: "is blank or holds a NUL" });
        }
    }
    Ok(BrainSettings { of, failures, model, effort, at })
}
