//! Jobs and their items as they stand: what a host looks at.

use understory_paths::AgentPath;
use understory_store::{AgentRef, Item, Job, JobSpec, Node, Table, keys};

use super::output::result_text;
use crate::error::Error;
use crate::system::{System, closed_at};

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

impl System {
    /// One job.
    ///
    /// # Errors
    /// There is no job at the path, or the store failed.
    pub async fn job(&self, path: &AgentPath) -> Result<JobView, Error> {
        let node = self.store.get::<Node>(&Table::Node.at(path)).await?.map(|row| row.value);
        let job = match node {
            Some(Node::Job(job)) => job,
            Some(node) => return Err(Error::wrong_kind(path, &node, "do what a job does")),
            None => return Err(self.missing(path).await),
        };
        let job = self.without_lifted_pause(path, job).await?;
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

    /// One item of a job, if it is stored yet, and what was reported of it.
    pub(crate) async fn item_with_result(
        &self,
        of: &AgentRef,
        job: &Job,
        number: u32,
    ) -> Result<Option<(ItemView, Option<String>)>, Error> {
        let path = keys::item_path(&of.path, number)?;
        let row = self.store.get::<Node>(&Table::Node.at(&path)).await?.map(|row| row.value);
        let Some(Node::Item(item)) = row else { return Ok(None) };
        let result = result_text(self, &AgentRef::new(path, item.id), &item).await?;
        let status = self.item_status(&of.path, job, &item).await?;
        Ok(Some((ItemView { number, status, item }, result)))
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
                let status = self.item_status(path, &job, &item).await?;
                views.push(ItemView { number, status, item });
            }
        }
        Ok(views)
    }
}
