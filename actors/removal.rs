//! Removal of a closed subtree, as its caller sees it: judged and marked, emptied of those who still act, and deleted batch by
//! batch through the registrar, which serves others in between.

use understory_paths::AgentPath;
use understory_store::{AgentRef, CommitError, Node, Store, StoreError, Table, Time, Tombstone};

use crate::error::Error;
use crate::goals::Errand;
use crate::lasting::Lasting;
use crate::limits::Limits;
use crate::registrar::{Answer, Request, is_past};
use crate::system::System;

/// How many nodes or messages are counted at a time.
const PAGE: usize = 512;
/// How often those who still act in a subtree are ended, each time for as long as a cancelled turn has.
const ROUNDS: usize = 3;
/// How often a batch is made anew because something in it changed; then nobody else acts there any more.
const AGAIN: usize = 8;

/// What a removal takes, or would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovedReport {
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Items of jobs.
    pub items: u64,
    /// Messages that nobody has taken.
    pub messages: u64,
}

impl System {
    /// Removes a closed subtree, or a job that is closed or final, for good. It can be given up at any moment and asked for
    /// again: what is left until then is closed, and cannot be resumed. Says what there was to remove.
    ///
    /// # Errors
    /// Nothing lies at the path, it is open, or it is the root, a job's item or below one; or somebody who acts there has
    /// not ended.
    pub async fn remove(&self, path: &AgentPath) -> Result<RemovedReport, Error> {
        let there = self.store.peek::<Node>(&Table::Node.at(path)).await?.map(|row| row.value);
        if let (Some(Node::Job(_)), Some(owner)) = (there, path.parent()) {
            self.plan_settle(&owner).await?;
        }
        let top = self.ask_to_remove(path, true).await?;
        self.empty(path).await?;
        self.account(|reply| Errand::Settle { top: path.clone(), reply }).await?;
        let report = self.weigh(path).await?;
        let importing = self.importing(Table::Unfinished.subtree(path)).await?;
        let mut refused = 0;
        loop {
            let (system, agent) = (self.clone(), top.clone());
            // A batch that is durable is forgotten here, too, even if whoever asked is dropped.
            let batch = Lasting::new(async move { system.remove_batch(agent).await }).await;
            match batch {
                Ok(true) => break,
                Ok(false) => refused = 0,
                Err(Error::Commit(CommitError::Conflict { .. })) if refused < AGAIN => refused += 1,
                Err(error) => return Err(error),
            }
        }
        for job in importing {
            self.let_table_go(job).await;
        }
        Ok(report)
    }

    /// What [`System::remove`] would take now. Nothing is changed.
    ///
    /// # Errors
    /// As for [`System::remove`].
    pub async fn removal(&self, path: &AgentPath) -> Result<RemovedReport, Error> {
        self.ask_to_remove(path, false).await?;
        self.weigh(path).await
    }

    /// Why nothing lies at `path`: there never was anything, or it was removed.
    pub(crate) async fn missing(&self, path: &AgentPath) -> Error {
        let missing = missing(&self.store, &self.limits, self.clock.now(), path).await;
        missing.unwrap_or_else(Error::Store)
    }

    async fn ask_to_remove(&self, path: &AgentPath, mark: bool) -> Result<AgentRef, Error> {
        match self.register(Request::Remove { path: path.clone(), mark }).await? {
            Answer::Removing(top) => Ok(top),
            _ => unreachable!("the registrar answers a removal with what is removed"),
        }
    }

    async fn remove_batch(&self, top: AgentRef) -> Result<bool, Error> {
        let path = top.path.clone();
        let done = matches!(self.register(Request::RemoveBatch { top }).await?, Answer::Done(true));
        if done {
            self.inboxes.forget(&path);
            self.shelf.forget_below(&path);
        }
        Ok(done)
    }

    /// Ends those who still act at and below a closed path, so that nothing of them meets a newcomer.
    pub(crate) async fn empty(&self, path: &AgentPath) -> Result<(), Error> {
        let mut overdue = 0;
        for _ in 0..ROUNDS {
            overdue = self.dismiss(path, self.limits.grace).await.overdue;
            if overdue == 0 {
                return Ok(());
            }
        }
        Err(Error::Overdue { path: path.clone(), overdue })
    }

    async fn weigh(&self, path: &AgentPath) -> Result<RemovedReport, Error> {
        let mut report = RemovedReport::default();
        let mut nodes = self.store.pages(Table::Node.subtree(path), PAGE);
        while let Some(rows) = nodes.peek::<Node>().await? {
            for row in &rows {
                match &row.value {
                    Node::Agent(_) => report.agents += 1,
                    Node::Job(_) => report.jobs += 1,
                    _ => report.items += 1,
                }
            }
        }
        let mut inboxes = self.store.pages(Table::Inbox.subtree(path), PAGE);
        while let Some(keys) = inboxes.keys().await? {
            report.messages += keys.len() as u64;
        }
        Ok(report)
    }
}

/// Why nothing lies at `path`: there never was anything, or it or a node above it was removed lately.
pub(crate) async fn missing(store: &Store, limits: &Limits, now: Time, path: &AgentPath) -> Result<Error, StoreError> {
    let paths: Vec<AgentPath> = std::iter::once(path.clone()).chain(path.ancestors()).collect();
    let stones = store.versions(paths.iter().map(|path| Table::Tombstone.at(path)).collect()).await?;
    for (at, _) in paths.into_iter().zip(stones).filter(|(_, stone)| stone.is_some()) {
        let stone = store.get::<Tombstone>(&Table::Tombstone.at(&at)).await?;
        if stone.is_some_and(|stone| !is_past(limits, stone.value.at, now)) {
            return Ok(Error::Removed { path: path.clone(), at });
        }
    }
    Ok(Error::NotFound { path: path.clone() })
}
