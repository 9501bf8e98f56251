//! The children of a node, without reading what lies below them.

use std::ops::Bound;

use understory_paths::AgentPath;
use understory_store::{KeyRange, Store, StoreError, Table};

use crate::error::Error;
use crate::looking::View;
use crate::system::System;

/// How many keys are read at a time.
const PAGE: usize = 256;

/// Some of a node's children.
#[derive(Clone, Debug, PartialEq)]
pub struct Children {
    /// The first of them in path order, as many as asked for.
    pub first: Vec<View>,
    /// How many more there are, counted up to a bound.
    pub more: u64,
}

/// A walk over the children of a node, in path order, perhaps one sync ahead.
pub(crate) struct Walk {
    parent: AgentPath,
    /// Where children may still lie.
    left: Option<KeyRange>,
}

impl System {
    /// The first `limit` children of `parent`, and how many more there are: `count_max` is as far as they are counted.
    ///
    /// A child's own subtree is passed over, however large it is.
    ///
    /// # Errors
    /// The store failed.
    pub async fn children(&self, parent: &AgentPath, limit: usize, count_max: usize) -> Result<Children, Error> {
        let found = self.child_paths(parent, limit.saturating_add(count_max)).await?;
        let mut first = Vec::with_capacity(found.len().min(limit));
        for path in found.iter().take(limit) {
            match self.show(path).await {
                Ok(view) => first.push(view),
                // It was removed since its key was read.
                Err(Error::NotFound { .. } | Error::Removed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Children { first, more: found.len().saturating_sub(limit) as u64 })
    }

    async fn child_paths(&self, parent: &AgentPath, limit: usize) -> Result<Vec<AgentPath>, Error> {
        let (mut walk, mut found) = (Walk::over(parent), Vec::new());
        while found.len() < limit
            && let Some(page) = walk.next(&self.store).await?
        {
            found.extend(page);
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl Walk {
    pub(crate) fn over(parent: &AgentPath) -> Self {
        Walk { parent: parent.clone(), left: Some(Table::Node.beneath(parent)) }
    }

    /// The next children; none may be among them. Nothing at the end.
    pub(crate) async fn next(&mut self, store: &Store) -> Result<Option<Vec<AgentPath>>, StoreError> {
        let Some(left) = self.left.take() else { return Ok(None) };
        let keys = store.peek_keys(left.clone(), None, PAGE).await?;
        let Some(last) = keys.last().and_then(|key| Table::Node.path_of(key)) else { return Ok(None) };
        let of_parent = |path: &AgentPath| path.parent().as_ref() == Some(&self.parent);
        let found = keys.iter().filter_map(|key| Table::Node.path_of(key)).filter(of_parent).collect();
        if keys.len() == PAGE {
            // A page may end deep below a child: the rest of its subtree is not read.
            let child = last.ancestors().find(of_parent).unwrap_or(last);
            let start = Bound::Included(Table::Node.behind_subtree(&child));
            self.left = Some(KeyRange { start, end: left.end });
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use understory_store::{MemoryBackend, Store};

    use crate::lifecycle::SpawnRequest;
    use crate::system::Parts;

    use super::*;

    #[tokio::test]
    async fn children_come_in_order_and_what_lies_below_them_is_passed_over() {
        let store = Store::new(Arc::new(MemoryBackend::new()));
        let system = System::open(store, Parts::default()).await.unwrap();
        let tops = ["/root/a", "/root/a0", "/root/a_", "/root/b"].map(str::to_owned).to_vec();
        // More below one child than a page holds, so that a page ends deep below it.
        let many = (0..PAGE).map(|n| format!("/root/a/c{n:04}")).collect();
        let deep = (0..3).map(|n| format!("/root/a/c{n:04}/d")).collect();
        for paths in [tops, many, deep] as [Vec<String>; 3] {
            let requests = paths.iter().map(|path| SpawnRequest::at(path.parse().unwrap())).collect();
            system.spawn(requests).await.unwrap();
        }
        let check = async |parent: &str, limit, count_max, expected: &[&str], more| {
            let found = system.children(&parent.parse().unwrap(), limit, count_max).await.unwrap();
            let names: Vec<&str> = found.first.iter().map(|view| view.path.as_str()).collect();
            assert_eq!((names.as_slice(), found.more), (expected, more), "{parent} {limit} {count_max}");
        };
        check("/root", 10, 10, &["/root/a", "/root/a0", "/root/a_", "/root/b"], 0).await;
        check("/root", 1, 10, &["/root/a"], 3).await;
        check("/root", 1, 2, &["/root/a"], 2).await;
        check("/root/a", 2, 1000, &["/root/a/c0000", "/root/a/c0001"], PAGE as u64 - 2).await;
        check("/root/a/c0000", 2, 10, &["/root/a/c0000/d"], 0).await;
        check("/root/b", 2, 10, &[], 0).await;
        system.shutdown(Duration::from_secs(5)).await;
    }
}
