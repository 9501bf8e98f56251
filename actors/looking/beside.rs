//! What lies at an agent besides its record: mail and children, counted.

use understory_paths::AgentPath;
use understory_store::{Message, Table};

use crate::children::Walk;
use crate::error::Error;
use crate::system::System;

/// How many messages are read at a time: each may hold 256 KiB.
const PAGE: usize = 64;
/// How far open children are counted.
pub const CHILDREN_COUNTED_MAX: u64 = 10_000;

/// Messages that no turn has consumed, those in hand with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PendingMail {
    /// How many.
    pub messages: u64,
    /// How many bytes their texts have.
    pub bytes: u64,
}

impl System {
    /// What lies in an agent's inbox.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pending_mail(&self, path: &AgentPath) -> Result<PendingMail, Error> {
        let (mut pages, mut mail) = (self.store.pages(Table::Inbox.rows_of(path), PAGE), PendingMail::default());
        while let Some(rows) = pages.next::<Message>().await? {
            mail.messages += rows.len() as u64;
            mail.bytes += rows.iter().map(|row| row.value.text.len() as u64).sum::<u64>();
        }
        Ok(mail)
    }

    /// How many agents directly below a node are not closed themselves, counted up to [`CHILDREN_COUNTED_MAX`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn open_children(&self, path: &AgentPath) -> Result<u64, Error> {
        let (mut walk, mut open) = (Walk::over(path), 0);
        while open < CHILDREN_COUNTED_MAX
            && let Some(children) = walk.next(&self.store).await?
        {
            let keys = |table: Table| children.iter().map(|child| table.at(child)).collect();
            let marks = self.store.versions(keys(Table::Closed)).await?;
            // Every job has a row that says what it was asked for.
            let jobs = self.store.versions(keys(Table::Spec)).await?;
            open += marks.iter().zip(jobs).filter(|(mark, job)| mark.is_none() && job.is_none()).count() as u64;
        }
        Ok(open.min(CHILDREN_COUNTED_MAX))
    }
}
