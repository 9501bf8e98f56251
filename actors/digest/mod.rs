//! Digests: what an agent's work came to, in short, for people and for whoever goes on with it.
//!
//! ```text
//!   kept digest --(entries since)--> work --+--> digest, as things stand now
//!   goal, plan, children, what lies below --'
//! ```
//!
//! A digest is derived whenever somebody asks. It is kept in a row of its own by whoever closes the agent, behind the close's
//! commit, and whenever many entries had to be read for it: the next one goes on from there, and what the transcript loses
//! later stays told. Nobody acts on the row, and losing it costs reads, and what the brain itself said of its work: that is nowhere
//! else (`summary.rs`).

mod gather;
mod render;
mod summary;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, Digest, Direction, Draft, Mark, Node, Row, Table, TranscriptEntry, Work, keys,
};

pub(crate) use render::{nodes, progress, quoted};

use crate::error::Error;
use crate::system::System;

/// How many entries of a transcript are read at a time: each may hold 256 KiB.
const PAGE: usize = 32;
/// How many entries are read for a digest before it is kept.
const UNKEPT_MAX: usize = 128;

/// A digest and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// The agent.
    pub agent: AgentRef,
    /// What its work came to.
    pub digest: Digest,
}

/// A digest as it was derived, beside the row that lay there.
struct Derived {
    digested: Digested,
    kept: Option<Row<Digest>>,
    /// How many entries were read for it.
    read: usize,
}

impl Digested {
    /// The digest as text: some lines, 8 KiB at the most, and below them what the brain said. The same digest gives the same
    /// text.
    pub fn text(&self) -> String {
        render::text(self)
    }
}

impl System {
    /// What an agent's work came to by now. Nothing in it is of the time at which it was asked for.
    ///
    /// # Errors
    /// There is no agent at the path, or the store failed.
    pub async fn digest(&self, path: &AgentPath) -> Result<Digested, Error> {
        let derived = self.derive_digest(path).await?;
        if derived.read > UNKEPT_MAX {
            self.keep_digest(&derived).await?;
        }
        Ok(derived.digested)
    }

    /// As [`System::digest`], and keeps it: what a transcript loses after that stays told.
    ///
    /// # Errors
    /// As for [`System::digest`].
    pub async fn refresh_digest(&self, path: &AgentPath) -> Result<Digested, Error> {
        let derived = self.derive_digest(path).await?;
        self.keep_digest(&derived).await?;
        Ok(derived.digested)
    }

    /// Has the digest of a node that was closed kept, if it is an agent that ever had a turn. Nobody waits for it, and what
    /// goes wrong costs no more than that it is derived again.
    pub(crate) fn digest_behind_close(&self, path: &AgentPath) {
        let (system, path) = (self.clone(), path.clone());
        self.tasks.spawn(async move {
            let kept = async {
                match system.store.peek::<Node>(&Table::Node.at(&path)).await?.map(|row| row.value) {
                    Some(Node::Agent(agent)) if agent.turns > 0 => system.refresh_digest(&path).await.map(drop),
                    _ => Ok(()),
                }
            };
            if let Err(error) = kept.await {
                tracing::debug!(%path, error = &error as &(dyn std::error::Error + 'static), "no digest was kept");
            }
        });
    }

    async fn derive_digest(&self, path: &AgentPath) -> Result<Derived, Error> {
        let agent = match self.store.get::<Node>(&Table::Node.at(path)).await? {
            Some(row) => row,
            None => return Err(self.missing(path).await),
        };
        let Node::Agent(record) = &agent.value else {
            return Err(Error::wrong_kind(path, &agent.value, "have a digest"));
        };
        let me = AgentRef::new(path.clone(), record.id);
        let kept = self.store.get::<Digest>(&Table::Digest.at(path)).await?;
        let mine = kept.as_ref().filter(|row| row.value.of == me.id);
        let work = mine.map(|row| row.value.work.clone()).unwrap_or_default();
        let (work, read) = self.work_since(path, work).await?;
        let summary = mine.and_then(|row| row.value.summary.clone());
        let digest = self.gather(&me, record.used, agent.clone(), work).await?.summarised(summary);
        Ok(Derived { digested: Digested { agent: me, digest }, kept, read })
    }

    /// Adds the entries that came since, and tells how many those are.
    async fn work_since(&self, path: &AgentPath, mut work: Work) -> Result<(Work, usize), Error> {
        let (rows, place) = (Table::Transcript.rows_of(path), Table::Transcript.below(path));
        let mut read = 0;
        loop {
            let from = place.key(work.through.sequence, work.through.n);
            let page = self.store.page::<TranscriptEntry>(rows.clone(), Some(from), Direction::Forward, PAGE).await?;
            for row in &page {
                let Some(at) = keys::inbox_key(&row.key) else { continue };
                work = work.and(&row.value, at);
            }
            read += page.len();
            if page.len() < PAGE {
                return Ok((work, read));
            }
        }
    }

    /// Writes a digest over what lay there. If somebody else was faster, theirs is as good.
    async fn keep_digest(&self, derived: &Derived) -> Result<(), Error> {
        let Derived { digested: Digested { agent, digest }, kept, .. } = derived;
        if kept.as_ref().is_some_and(|row| row.value == *digest) {
            return Ok(());
        }
        let mut draft = Draft::new();
        draft.expect_present(Table::Node.at(&agent.path));
        for at in std::iter::once(agent.path.clone()).chain(agent.path.ancestors()) {
            let key = Table::Closed.at(&at);
            match self.store.peek::<Mark>(&key).await? {
                None => draft.expect_absent(key),
                Some(row) if row.value == Mark::Closed => draft.expect(&row),
                // A removal would leave behind what comes now.
                Some(_) => return Ok(()),
            }
        }
        match kept {
            Some(row) => drop(draft.update(row, digest)),
            None => drop(draft.create(Table::Digest.at(&agent.path), digest)),
        }
        match self.store.commit(draft).await {
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
