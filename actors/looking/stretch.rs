//! What is still to be read of a subtree, from either end: a page at a time, without what is too deep, and without what lies
//! below a job, whose rows may be millions.

use std::collections::HashMap;

use understory_paths::AgentPath;
use understory_store::{Direction, Key, KeyRange, Node, Row, Store, StoreError, Table, keys};

/// The rest of a subtree.
pub(super) struct Stretch {
    top: AgentPath,
    direction: Direction,
    /// The deepest level that is wanted.
    depth: usize,
    /// Whether what lies below jobs is left out, other than the top or above it.
    folds: bool,
    start: Key,
    end: Key,
    done: bool,
    /// What lies below jobs, as far as it was looked up: whether it is.
    jobs: HashMap<AgentPath, bool>,
}

impl Stretch {
    pub(super) fn of(top: &AgentPath, levels: Option<usize>, folds: bool, direction: Direction) -> Self {
        let depth = levels.map_or(usize::MAX, |levels| top.depth().saturating_add(levels));
        let (start, end) = (Table::Node.at(top), Table::Node.behind_subtree(top));
        Stretch { top: top.clone(), direction, depth, folds, start, end, done: false, jobs: HashMap::new() }
    }

    /// Only what lies from this key on.
    pub(super) fn from(mut self, key: Key) -> Self {
        self.start = self.start.max(key);
        self
    }

    /// Only what lies before this key.
    pub(super) fn up_to(mut self, key: Key) -> Self {
        self.end = self.end.min(key);
        self
    }

    /// The next rows that are wanted, of `limit` read; none may be among them. Nothing at the end.
    pub(super) async fn next(&mut self, store: &Store, limit: usize) -> Result<Option<Vec<Row<Node>>>, StoreError> {
        if self.done || self.start >= self.end {
            return Ok(None);
        }
        let range = KeyRange::between(self.start.clone(), self.end.clone());
        let rows = store.page::<Node>(range, None, self.direction, limit).await?;
        self.done = rows.len() < limit;
        let Some(last) = rows.last().and_then(|row| Table::Node.path_of(&row.key)) else { return Ok(None) };
        let is_job = matches!(rows.last(), Some(Row { value: Node::Job(_), .. }));
        let (mut wanted, mut skipped) = (Vec::with_capacity(rows.len()), None);
        for row in rows {
            let Some(path) = Table::Node.path_of(&row.key) else { continue };
            skipped = self.left_out(store, &path, &row.value).await?;
            if skipped.is_none() {
                wanted.push(row);
            }
        }
        if is_job && skipped.is_none() && self.folds && last != self.top {
            skipped = Some(last.clone());
        }
        match (self.direction, skipped) {
            (Direction::Forward, Some(above)) => self.start = Table::Node.behind_subtree(&above),
            (Direction::Forward, None) => self.start = Table::Node.behind(&last),
            // The node above what is left out is still to come.
            (Direction::Backward, Some(above)) if above != last => self.end = Table::Node.behind(&above),
            (Direction::Backward, _) => self.end = Table::Node.at(&last),
        }
        Ok(Some(wanted))
    }

    /// The node all of whose subtree but itself is left out, if this is below one.
    async fn left_out(
        &mut self,
        store: &Store,
        path: &AgentPath,
        node: &Node,
    ) -> Result<Option<AgentPath>, StoreError> {
        if self.folds
            && let Some(job) = self.job_above(store, path, node).await?
        {
            return Ok(Some(job));
        }
        if path.depth() <= self.depth {
            return Ok(None);
        }
        Ok(path.ancestors().find(|above| above.depth() == self.depth))
    }

    /// The job below the top that this lies in.
    async fn job_above(
        &mut self,
        store: &Store,
        path: &AgentPath,
        node: &Node,
    ) -> Result<Option<AgentPath>, StoreError> {
        let is_item = matches!(node, Node::Item(_));
        let items = path.ancestors().chain(is_item.then(|| path.clone()));
        for item in items.filter(|at| keys::item_number(at).is_some()) {
            let Some(job) = item.parent().filter(|job| self.top.contains(job) && *job != self.top) else { continue };
            let known = self.jobs.get(&job).copied();
            let is_job = match known {
                Some(known) => known,
                // An agent may be called as an item is.
                None => {
                    let above = store.peek::<Node>(&Table::Node.at(&job)).await?;
                    matches!(above.map(|row| row.value), Some(Node::Job(_)))
                }
            };
            self.jobs.insert(job.clone(), is_job);
            if is_job {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }
}
