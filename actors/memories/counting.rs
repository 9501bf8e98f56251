//! Uses of memories, counted: what many recall at once is one commit, for all of them would write the same rows.
//!
//! ```text
//!   recall --waiting--> [.....]          whoever comes first takes them all, commits, and tells each
//!          --its turn--------^
//! ```

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use understory_store::{AgentId, CommitError, Draft, MemoryUse, Row, Time};

use super::MemoryKey;
use super::shelf::Change;
use crate::error::Error;
use crate::lasting::Lasting;
use crate::lock::Lock;
use crate::system::System;

/// How many memories one commit counts at the most.
const COUNTED: usize = 256;

/// Counts that wait.
#[derive(Default)]
pub(crate) struct Tally {
    waiting: Lock<Vec<Counted>>,
    /// Held by whoever counts.
    counting: tokio::sync::Mutex<()>,
}

/// What one recall used.
struct Counted {
    keys: Vec<MemoryKey>,
    by: AgentId,
    turn: Option<u64>,
    at: Time,
    done: oneshot::Sender<Result<(), Error>>,
}

/// Who used a memory: in which turn, and when.
type Use = (AgentId, Option<u64>, Time);

impl System {
    /// Counts that memories were recalled by an agent, at most once a turn each. Those that are gone are passed over.
    pub(crate) async fn count_uses(&self, keys: Vec<MemoryKey>, by: AgentId, turn: Option<u64>) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let (done, told) = oneshot::channel();
        self.tally.waiting.lock().push(Counted { keys, by, turn, at: self.clock.now(), done });
        let system = self.clone();
        // Whoever counts does so for others: it goes on even if its own caller is gone.
        Lasting::new(async move {
            let _counting = system.tally.counting.lock().await;
            let waiting = std::mem::take(&mut *system.tally.waiting.lock());
            if !waiting.is_empty() {
                system.count_all(waiting).await;
            }
        })
        .await;
        told.await.map_err(|_| Error::Stopping)?
    }

    async fn count_all(&self, waiting: Vec<Counted>) {
        let mut uses: BTreeMap<MemoryKey, Vec<Use>> = BTreeMap::new();
        for Counted { keys, by, turn, at, .. } in &waiting {
            for key in keys {
                uses.entry(key.clone()).or_default().push((*by, *turn, *at));
            }
        }
        let (mut all, mut answer) = (uses.into_iter().peekable(), Ok(()));
        while answer.is_ok() && all.peek().is_some() {
            answer = self.count_some(all.by_ref().take(COUNTED).collect()).await;
        }
        for counted in waiting {
            // Whoever is gone needs no answer.
            let _ = counted.done.send(answer.clone());
        }
    }

    async fn count_some(&self, mut uses: Vec<(MemoryKey, Vec<Use>)>) -> Result<(), Error> {
        loop {
            let (mut draft, mut changes) = (Draft::new(), Vec::new());
            for (key, uses) in &uses {
                let row = self.store.peek::<MemoryUse>(&key.uses()).await?;
                if let Some(used) = after(row.as_ref().map(|row| &row.value), uses)
                    && self.draft_use(&mut draft, key, row.as_ref(), &used).await?
                {
                    changes.push(Change::Used { key: key.clone(), used });
                }
            }
            if changes.is_empty() {
                return Ok(());
            }
            match self.store.commit(draft).await {
                Ok(_) => {
                    self.learn(changes).await;
                    return Ok(());
                }
                // One was forgotten, or something of it is being removed.
                Err(CommitError::Conflict { .. }) => uses = self.still_there(uses).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Drafts what a memory was used, unless it is being removed.
    async fn draft_use(
        &self,
        draft: &mut Draft,
        key: &MemoryKey,
        row: Option<&Row<MemoryUse>>,
        used: &MemoryUse,
    ) -> Result<bool, Error> {
        match self.expect_no_removal(&key.place, draft).await {
            Ok(()) => {}
            Err(Error::BeingRemoved { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        draft.expect_present(key.row());
        match row {
            Some(row) => drop(draft.update(row, used)),
            None => drop(draft.create(key.uses(), used)),
        }
        Ok(true)
    }

    async fn still_there(&self, uses: Vec<(MemoryKey, Vec<Use>)>) -> Result<Vec<(MemoryKey, Vec<Use>)>, Error> {
        let there = self.store.versions(uses.iter().map(|(key, _)| key.row()).collect()).await?;
        Ok(uses.into_iter().zip(there).filter_map(|(uses, there)| there.map(|_| uses)).collect())
    }
}

/// What a memory was used after these uses; nothing if they are counted already.
fn after(before: Option<&MemoryUse>, uses: &[Use]) -> Option<MemoryUse> {
    uses.iter().fold(None, |used: Option<MemoryUse>, (by, turn, at)| {
        MemoryUse::again(used.as_ref().or(before), *by, *turn, *at).or(used)
    })
}
