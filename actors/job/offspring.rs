//! Helpers that a run's worker spawned: when the run ends they are closed with all below them.

use std::collections::BTreeSet;
use std::ops::Bound;

use futures::future::join_all;
use understory_paths::AgentPath;
use understory_store::{Table, keys};

use super::actor::JobActor;
use crate::error::Error;
use crate::registrar::Request;

/// How many nodes, or counts of open agents, below the job or an item are looked at at a time.
const PAGE: usize = 1024;

impl JobActor {
    /// Closes the open children of these rows' items. They are marked before another run of the row can begin, so that the
    /// mark never meets what that run asked for; their actors leave beside this one.
    pub(super) async fn close_offspring(&self, rows: &[u32]) -> Result<(), Error> {
        // Few jobs have helpers at all, and one look tells.
        if self.system.store.versions(vec![Table::Count.at(&self.path)]).await? == [None] {
            return Ok(());
        }
        let paths = rows.iter().map(|row| keys::item_path(&self.path, *row)).collect::<Result<Vec<_>, _>>()?;
        let counts = self.system.store.versions(paths.iter().map(|path| Table::Count.at(path)).collect()).await?;
        let busy = paths.into_iter().zip(counts).filter(|(_, count)| count.is_some()).map(|(path, _)| path);
        self.close_below(busy.collect()).await
    }

    /// Does the same for every item that no run of this process is at: its run ended with the process that had it.
    pub(super) async fn close_offspring_of_ended(&self) -> Result<(), Error> {
        let mut items = BTreeSet::new();
        let mut counts = self.system.store.pages(Table::Count.beneath(&self.path), PAGE);
        while let Some(keys) = counts.keys().await? {
            for path in keys.iter().filter_map(|key| Table::Count.path_of(key)) {
                items.extend(child_above(&path, &self.path));
            }
        }
        let running = |path: &AgentPath| {
            let number = keys::item_number(path);
            number.is_some_and(|row| self.work.as_ref().is_some_and(|work| work.running.contains_key(&row)))
        };
        self.close_below(items.into_iter().filter(|path| !running(path)).collect()).await
    }

    /// Adds the children of an item, however many nodes lie below them.
    async fn find_children(&self, item: &AgentPath, children: &mut Vec<AgentPath>) -> Result<(), Error> {
        let mut range = Table::Node.beneath(item);
        loop {
            let keys = self.system.store.peek_keys(range.clone(), None, PAGE).await?;
            let below = keys.iter().filter_map(|key| Table::Node.path_of(key));
            children.extend(below.filter(|path| is_child(path, item)));
            let last = keys.last().filter(|_| keys.len() == PAGE).and_then(|key| Table::Node.path_of(key));
            let last = last.and_then(|path| child_above(&path, item));
            let Some(last) = last else { return Ok(()) };
            range.start = Bound::Included(Table::Node.behind_subtree(&last));
        }
    }

    async fn close_below(&self, items: Vec<AgentPath>) -> Result<(), Error> {
        let mut children = Vec::new();
        for item in &items {
            self.find_children(item, &mut children).await?;
        }
        let closing = children.iter().map(|path| self.system.register(Request::Close { path: path.clone(), by: None }));
        for (path, closed) in children.iter().zip(join_all(closing).await) {
            if let Err(error) = closed {
                tracing::warn!(%path, %error, "a helper of an ended run was not closed");
            }
        }
        let system = self.system.clone();
        self.system.tasks.spawn(async move {
            join_all(children.iter().map(|path| system.dismiss(path, system.limits.grace))).await;
        });
        Ok(())
    }
}

fn is_child(path: &AgentPath, of: &AgentPath) -> bool {
    path.parent().as_ref() == Some(of)
}

/// The child of `of` that a path is or lies below.
fn child_above(path: &AgentPath, of: &AgentPath) -> Option<AgentPath> {
    std::iter::once(path.clone()).chain(path.ancestors()).find(|path| is_child(path, of))
}
