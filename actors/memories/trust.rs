//! Who read what nobody vouches for, and what that keeps an agent from: writing what those see who stand beside it.
//!
//! A mark is a row, set by the agent's turns or by an operator, and holds for all below it, so that nobody gets rid of it by
//! having a child write. A role may say the same of all its agents. What an agent sends to others is not followed.

use understory_paths::AgentPath;
use understory_store::{
    CommitError, Direction, Draft, Key, Node, Row, Scope, Table, Taint, ToolUse, TranscriptEntry, Version,
};

use crate::caller::Caller;
use crate::error::Error;
use crate::job::role_of_item;
use crate::redaction::redact;
use crate::role::Role;
use crate::system::{System, node_at};

/// The longest word on what was read, in bytes; a longer one is cut.
pub const TAINT_MAX: usize = 1 << 10;

/// Which agents of a role write memories that others see who stand beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shares {
    /// None.
    Never,
    /// Those that read nothing that nobody vouches for.
    #[default]
    Clean,
    /// All.
    Always,
}

/// An agent that read what nobody vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The agent.
    pub path: AgentPath,
    /// What is known of it.
    pub taint: Taint,
}

/// What is known of a caller.
pub(super) struct Trust {
    role: Option<String>,
    /// The mark at it or the nearest above it.
    marked: Option<Marked>,
    untrusted: bool,
    shares: Shares,
    /// The rows of marks that were looked at.
    rows: Vec<(Key, Option<Version>)>,
}

impl Shares {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Shares::Never => "never",
            Shares::Clean => "clean",
            Shares::Always => "always",
        }
    }
}

impl Trust {
    pub(super) fn is_tainted(&self) -> bool {
        self.marked.is_some() || self.untrusted
    }

    /// Refuses what the agent may not write for others.
    pub(super) fn demand_may_write(&self, caller: &Caller, scope: &Scope) -> Result<(), Error> {
        let path = caller.me().path.clone();
        let refused = |reason: String| Err(Error::MayNotShare { path, reason });
        if !scope.is_shared() {
            return Ok(());
        }
        if !caller.reaches(&AgentPath::root()) {
            return refused("it is isolated".to_owned());
        }
        let role = self.role.as_deref().unwrap_or_default();
        match (self.shares, &self.marked) {
            (Shares::Never, _) => {
                refused(format!("agents of the role {role} write for themselves and those below them"))
            }
            (Shares::Clean, Some(Marked { path, taint })) => {
                refused(format!("{path} has read what nobody vouches for: {}", taint.reason))
            }
            (Shares::Clean, None) if self.untrusted => {
                refused(format!("agents of the role {role} read what nobody vouches for"))
            }
            _ => Ok(()),
        }
    }

    /// Demands that no mark came or went since.
    pub(super) fn expect(&self, draft: &mut Draft) {
        for (key, version) in &self.rows {
            match version {
                Some(version) => draft.expect_at(key.clone(), *version),
                None => draft.expect_absent(key.clone()),
            }
        }
    }
}

impl System {
    /// Marks an agent, or a job with its rows: it read what nobody vouches for. One that is marked stays as it is, and is false.
    ///
    /// # Errors
    /// Nothing lies at the path, it is being removed, or nothing is said.
    pub async fn mark_untrusted(&self, path: &AgentPath, reason: &str) -> Result<bool, Error> {
        let reason = cleaned(reason)?;
        loop {
            let Some(row) = self.store.get::<Node>(&Table::Node.at(path)).await? else {
                return Err(self.missing(path).await);
            };
            if self.store.get::<Taint>(&Table::Taint.at(path)).await?.is_some() {
                return Ok(false);
            }
            let mut draft = Draft::new();
            draft.expect(&row);
            self.expect_no_removal(path, &mut draft).await?;
            let taint = Taint { of: row.value.id(), reason: reason.clone(), at: self.clock.now(), turn: None };
            let _ = draft.create(Table::Taint.at(path), &taint);
            match self.store.commit(draft).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the mark of an agent away: somebody vouches for what it read. False if it has none.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn clear_mark(&self, path: &AgentPath) -> Result<bool, Error> {
        if node_at(&self.store, path).await?.is_none() {
            return Err(self.missing(path).await);
        }
        let Some(row) = self.store.get::<Taint>(&Table::Taint.at(path)).await? else { return Ok(false) };
        let mut draft = Draft::new();
        draft.expect(&row);
        draft.remove(&row);
        match self.store.commit(draft).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The marks at and below a path, in path order, behind `after` if given.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn untrusted_marks(
        &self,
        top: &AgentPath,
        after: Option<&AgentPath>,
        limit: usize,
    ) -> Result<Vec<Marked>, Error> {
        if node_at(&self.store, top).await?.is_none() {
            return Err(self.missing(top).await);
        }
        let (range, after) = (Table::Taint.subtree(top), after.map(|after| Table::Taint.at(after)));
        let rows = self.store.page::<Taint>(range, after, Direction::Forward, limit).await?;
        let marked = |row: Row<Taint>| Some(Marked { path: Table::Taint.path_of(&row.key)?, taint: row.value });
        Ok(rows.into_iter().filter_map(marked).collect())
    }

    /// A turn says that it read what nobody vouches for.
    pub(crate) async fn mark_caller(
        &self,
        caller: &Caller,
        reason: &str,
        tool: Option<ToolUse>,
    ) -> Result<bool, Error> {
        let (me, reason) = (caller.me(), cleaned(reason)?);
        let row = self.store.peek::<Taint>(&Table::Taint.at(&me.path)).await?;
        let new = row.is_none();
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        match &row {
            Some(row) => draft.expect(row),
            None => {
                let turn = Some(caller.run().map_or(caller.turn(), |run| run.run.into()));
                let taint = Taint { of: me.id, reason, at: self.clock.now(), turn };
                let _ = draft.create(Table::Taint.at(&me.path), &taint);
            }
        }
        if let Some(tool) = tool {
            caller.transcribe(&mut draft, &TranscriptEntry::Tool(tool));
        }
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        Ok(new)
    }

    /// What is known of a caller, perhaps one sync ahead.
    pub(super) async fn trust_of(&self, caller: &Caller) -> Result<Trust, Error> {
        let me = &caller.me().path;
        let (mut marked, mut rows) = (None, Vec::new());
        for path in std::iter::once(me.clone()).chain(me.ancestors()) {
            let key = Table::Taint.at(&path);
            let row = self.store.peek::<Taint>(&key).await?;
            rows.push((key, row.as_ref().map(|row| row.version)));
            marked = marked.or(row.map(|row| Marked { path, taint: row.value }));
        }
        let role = self.role_at(me).await?;
        let known = role.as_deref().map(|role| self.role(role)).transpose()?;
        let untrusted = known.is_some_and(|role| role.untrusted);
        let shares = known.and_then(|role| role.shares).unwrap_or_default();
        Ok(Trust { role, marked, untrusted, shares, rows })
    }

    /// The name of the role of an agent or of a job's row.
    pub(crate) async fn role_at(&self, path: &AgentPath) -> Result<Option<String>, Error> {
        Ok(match node_at(&self.store, path).await?.map(|row| row.value) {
            Some(Node::Agent(agent)) => Some(agent.role),
            Some(Node::Item(item)) => role_of_item(&self.store, path, &item).await?,
            _ => None,
        })
    }
}

impl Role {
    /// The same role, whose agents read what nobody vouches for.
    pub fn untrusted(mut self) -> Self {
        self.untrusted = true;
        self
    }

    /// The same role, of whose agents these write memories that others see.
    pub fn sharing(mut self, shares: Shares) -> Self {
        self.shares = Some(shares);
        self
    }
}

fn cleaned(reason: &str) -> Result<String, Error> {
    let mut reason = redact(reason.trim()).text;
    if reason.is_empty() {
        return Err(Error::BadMemory { what: "reason".to_owned(), rule: "says nothing" });
    }
    reason.truncate(reason.floor_char_boundary(TAINT_MAX));
    Ok(reason)
}
