//! The rows of a job by how they stand, a page at a time.

use std::ops::Bound;
use std::str::FromStr;

use understory_paths::AgentPath;
use understory_store::{Item, ItemState, Job, Node, Table, keys};

use super::finish::standing;
use super::view::ItemView;
use crate::error::Error;
use crate::system::System;

/// The most rows of a page.
pub const ITEMS_MAX: usize = 1000;
/// How many records are read at a time.
const PAGE: usize = 512;

/// The word for how a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStatus {
    /// It waits for a place.
    Pending,
    /// Rows that must be completed before it are not yet.
    Waiting,
    /// A worker is at it.
    Running,
    /// It has a result.
    Completed,
    /// It is not tried again.
    Failed,
    /// Its job was cancelled before it was started.
    Cancelled,
    /// It is not tried: a row that had to be completed before was not.
    Skipped,
}

/// Which rows of a job are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemQuery {
    /// Those that stand like one of these; all of them without any.
    pub status: Vec<ItemStatus>,
    /// Those behind the row of this number; from the first on with 0.
    pub after: u32,
    /// How many at the most, no more than [`ITEMS_MAX`].
    pub limit: usize,
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct ItemPage {
    /// They, in row order.
    pub items: Vec<ItemView>,
    /// What the next page is asked for after; nothing if there are no more rows.
    pub next: Option<u32>,
}

impl ItemStatus {
    /// Every one.
    pub const ALL: [ItemStatus; 7] = [
        ItemStatus::Pending,
        ItemStatus::Waiting,
        ItemStatus::Running,
        ItemStatus::Completed,
        ItemStatus::Failed,
        ItemStatus::Cancelled,
        ItemStatus::Skipped,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            ItemStatus::Pending => "pending",
            ItemStatus::Waiting => "waiting",
            ItemStatus::Running => "running",
            ItemStatus::Completed => "completed",
            ItemStatus::Failed => "failed",
            ItemStatus::Cancelled => "cancelled",
            ItemStatus::Skipped => "skipped",
        }
    }
}

impl FromStr for ItemStatus {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let known = ItemStatus::ALL.into_iter().find(|status| status.as_str() == word);
        known.ok_or_else(|| {
            let words = ItemStatus::ALL.map(ItemStatus::as_str).join(", ");
            Error::BadQuery(format!("no row is ever {word:?}: it is one of {words}"))
        })
    }
}

impl ItemQuery {
    fn takes(&self, status: &str) -> bool {
        self.status.is_empty() || self.status.iter().any(|wanted| wanted.as_str() == status)
    }
}

impl System {
    /// The word for how a row stands: one that waits for others reads so, which no record says.
    pub(super) async fn item_status(&self, path: &AgentPath, job: &Job, item: &Item) -> Result<&'static str, Error> {
        let status = standing(job, &item.state);
        if status != ItemStatus::Pending.as_str() {
            return Ok(status);
        }
        for before in &item.after {
            let row = self.store.get::<Node>(&Table::Node.at(&keys::item_path(path, *before)?)).await?;
            let state = row.and_then(|row| match row.value {
                Node::Item(item) => Some(item.state),
                _ => None,
            });
            if !matches!(state, Some(ItemState::Completed { .. })) {
                return Ok(ItemStatus::Waiting.as_str());
            }
        }
        Ok(status)
    }

    /// A page of a job's rows. One that matches few looks through many.
    ///
    /// # Errors
    /// There is no such job, or the store failed.
    pub async fn query_items(&self, path: &AgentPath, query: &ItemQuery) -> Result<ItemPage, Error> {
        let job = self.job(path).await?.job;
        let limit = query.limit.clamp(1, ITEMS_MAX);
        let mut items = Vec::new();
        let mut range = Table::Node.beneath(path);
        if query.after > 0 {
            range.start = Bound::Included(Table::Node.behind_subtree(&keys::item_path(path, query.after)?));
        }
        let mut pages = self.store.pages(range, PAGE);
        while let Some(rows) = pages.next::<Node>().await? {
            for row in rows {
                // Anything else is a helper, or a helper's.
                let Node::Item(item) = row.value else { continue };
                let Some(number) = Table::Node.path_of(&row.key).as_ref().and_then(keys::item_number) else { continue };
                let status = self.item_status(path, &job, &item).await?;
                if !query.takes(status) {
                    continue;
                }
                // One more than asked for tells that there are more.
                if items.len() == limit {
                    let next = items.last().map(|last: &ItemView| last.number);
                    return Ok(ItemPage { items, next });
                }
                items.push(ItemView { number, status, item });
            }
        }
        Ok(ItemPage { items, next: None })
    }
}
