//! Conversations that brains keep elsewhere, and where a turn or run goes on with one.

use std::sync::Arc;

use understory_store::{AgentRef, Draft, Node, Session, Table};

use crate::caller::Caller;
use crate::error::Error;
use crate::system::{System, node_at};

/// The longest name of a session in bytes.
pub const SESSION_MAX: usize = 1 << 10;

impl System {
    /// Keeps the name of the conversation that a turn or run is at, over the one that was kept before.
    pub(crate) async fn keep_session(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        let (bytes, max) = (name.len(), SESSION_MAX);
        if bytes > max {
            return Err(Error::TooLong { what: "session", bytes, max });
        }
        let me = caller.me();
        let failures = match node_at(&self.store, &me.path).await?.map(|row| row.value) {
            Some(Node::Item(item)) => item.failures,
            _ => 0,
        };
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        let session = Session { of: me.id, failures, name: name.to_owned(), at: self.clock.now() };
        draft.put(Table::Session.at(&me.path), &session);
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        Ok(())
    }

    /// The conversation that a turn, or a run of an item with so many failures charged, goes on with.
    pub(crate) async fn session_of(&self, me: &AgentRef, failures: u32) -> Result<Option<Arc<str>>, Error> {
        let session = self.store.peek::<Session>(&Table::Session.at(&me.path)).await?.map(|row| row.value);
        let mine = session.filter(|session| session.of == me.id && session.failures == failures);
        Ok(mine.map(|session| session.name.into()))
    }
}
