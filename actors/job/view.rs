//! Jobs and their items as they stand: what a host looks at.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::{Item, ItemState, Job, JobSpec, Node, Table, keys};

use super::finish::standing;
use crate::error::Error;
use crate::system::{System, closed_at};

/// How many rows are read at a time.
const PAGE: usize = 512;
/// How many rows of each kind of error a summary names.
const NAMED_MAX: usize = 3;

/// A job as it stands.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Where it lies.
    pub path: AgentPath,
    /// Where it stands.
    pub job: Job,
    /// What it was asked for.
    pub spec: JobSpec,
    /// The closed mark at or above it.
    pub closed: Option<AgentPath>,
}

/// One item of a job as it stands.
#[derive(Clone, Debug)]
pub struct ItemView {
    /// Its row, from 1.
    pub number: u32,
    /// Its record.
    pub item: Item,
    /// The word for how it stands.
    pub status: &'static str,
}

/// Rows that failed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup {
    /// What went wrong.
    pub error: String,
    /// In how many rows.
    pub rows: u64,
    /// The item ids of the first few.
    pub first: Vec<String>,
}

impl System {
    /// One job.
    ///
    /// # Errors
    /// There is no job at the path, or the store failed.
    pub async fn job(&self, path: &AgentPath) -> Result<JobView, Error> {
        let node = self.store.get::<Node>(&Table::Node.at(path)).await?.map(|row| row.value);
        let job = match node {
            Some(Node::Job(job)) => job,
            Some(node) => return Err(Error::wrong_kind(path, &node, "be a job")),
            None => return Err(self.missing(path).await),
        };
        let spec = self.store.get::<JobSpec>(&Table::Spec.at(path)).await?;
        let spec = spec.ok_or_else(|| Error::NotFound { path: path.clone() })?.value;
        Ok(JobView { path: path.clone(), job, spec, closed: closed_at(&self.store, path).await? })
    }

    /// At most `limit` jobs below `top`, in path order, after `after` if given. Fewer only if there are no more; one that
    /// is removed meanwhile is left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn jobs(&self, top: &AgentPath, after: Option<&AgentPath>, limit: usize) -> Result<Vec<JobView>, Error> {
        let mut from = after.map(|path| Table::Spec.at(path));
        let mut views = Vec::new();
        while views.len() < limit {
            let wanted = limit - views.len();
            let keys = self.store.peek_keys(Table::Spec.subtree(top), from, wanted).await?;
            for path in keys.iter().filter_map(|key| Table::Spec.path_of(key)) {
                match self.job(&path).await {
                    Ok(view) => views.push(view),
                    // Gone since its key was read, and perhaps something else has come in its place.
                    Err(Error::NotFound { .. } | Error::Removed { .. } | Error::WrongKind { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if keys.len() < wanted {
                break;
            }
            from = keys.into_iter().next_back();
        }
        Ok(views)
    }

    /// Items of a job from row `first` on, at most `limit`.
    ///
    /// # Errors
    /// There is no such job, or the store failed.
    pub async fn items(&self, path: &AgentPath, first: u32, limit: usize) -> Result<Vec<ItemView>, Error> {
        let job = self.job(path).await?.job;
        let last = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(first).min(job.imported + 1);
        let mut views = Vec::new();
        for number in first.max(1)..last {
            let key = Table::Node.at(&keys::item_path(path, number)?);
            if let Some(Node::Item(item)) = self.store.get::<Node>(&key).await?.map(|row| row.value) {
                views.push(ItemView { number, status: standing(&job, &item.state), item });
            }
        }
        Ok(views)
    }

    /// Failed rows of a job by what went wrong, the most frequent first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn job_errors(&self, path: &AgentPath) -> Result<Vec<ErrorGroup>, Error> {
        let mut groups = BTreeMap::<String, ErrorGroup>::new();
        let mut items = self.store.pages(Table::Node.beneath(path), PAGE);
        while let Some(rows) = items.next::<Node>().await? {
            for row in &rows {
                if let Node::Item(Item { state: ItemState::Failed { .. }, last_error, item_id, .. }) = &row.value {
                    let error = last_error.clone().unwrap_or_else(|| "no error was kept".to_owned());
                    let fresh = || ErrorGroup { error: error.clone(), rows: 0, first: Vec::new() };
                    let group = groups.entry(error.clone()).or_insert_with(fresh);
                    group.rows += 1;
                    group.first.extend((group.first.len() < NAMED_MAX).then(|| item_id.clone()));
                }
            }
        }
        let mut groups: Vec<ErrorGroup> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        Ok(groups)
    }
}
