//! Whom a text means: an absolute path, one below whoever speaks, or a nickname below it.

use std::collections::BTreeSet;

use understory_paths::AgentPath;
use understory_store::{KeyRange, Pointer, Table};

use crate::error::Error;
use crate::system::{System, node_at};

/// How many rows are read at a time.
const PAGE: usize = 64;
/// How many of those that a nickname means are told.
const MEANT_MAX: usize = 8;

impl System {
    /// Whom `reference` means to the agent at `me`, an operator's being `/root`.
    ///
    /// An absolute path is itself. `@Ada` is the one below `me`, at any depth, whose nickname is `Ada`, however it is
    /// capitalised. Anything else is a path below `me`, or, if nothing lies there, a nickname.
    ///
    /// # Errors
    /// It is neither a path nor anybody's nickname, or it is the nickname of several, who are named.
    pub async fn resolve_target(&self, me: &AgentPath, reference: &str) -> Result<AgentPath, Error> {
        if let Some(nickname) = reference.strip_prefix('@') {
            let missing = || Error::NotCalled { nickname: nickname.to_owned(), below: me.clone() };
            return self.called(me, nickname).await?.ok_or_else(missing);
        }
        let path = me.resolve(reference);
        if reference.contains('/') {
            return Ok(path?);
        }
        if let Ok(path) = &path
            && node_at(&self.store, path).await?.is_some()
        {
            return Ok(path.clone());
        }
        match self.called(me, reference).await? {
            Some(path) => Ok(path),
            None => Ok(path?),
        }
    }

    /// The one below `me` who is called so.
    async fn called(&self, me: &AgentPath, nickname: &str) -> Result<Option<AgentPath>, Error> {
        let name = nickname.to_lowercase();
        let mut meant = Vec::new();
        // What no key holds is nobody's.
        if name.len() <= understory_store::KEY_MAX / 4 {
            self.find_called(me, &name, &mut meant).await?;
        }
        match meant.len() {
            0 | 1 => Ok(meant.pop()),
            _ => {
                meant.truncate(MEANT_MAX);
                Err(Error::Ambiguous { nickname: nickname.to_owned(), below: me.clone(), meant })
            }
        }
    }

    /// Those below `me` who are called `name`, in lowercase. Of each parent only the row in question is read, however many
    /// children it has; it ends when there are more than are told.
    async fn find_called(&self, me: &AgentPath, name: &str, meant: &mut Vec<AgentPath>) -> Result<(), Error> {
        let mut range = Table::Nickname.subtree(me);
        let mut asked = BTreeSet::new();
        loop {
            let keys = self.store.peek_keys(range.clone(), None, PAGE).await?;
            let parents: Vec<AgentPath> = keys.iter().filter_map(|key| Table::Nickname.path_of(key)).collect();
            let Some(last) = parents.last().cloned() else { return Ok(()) };
            for parent in parents.into_iter().filter(|parent| asked.insert(parent.clone())) {
                if let Some(row) = self.store.get::<Pointer>(&Table::Nickname.named(&parent, name.as_bytes())).await? {
                    meant.push(row.value.0);
                }
            }
            if keys.len() < PAGE || meant.len() > MEANT_MAX {
                return Ok(());
            }
            range = KeyRange { start: std::ops::Bound::Included(Table::Nickname.behind_rows(&last)), end: range.end };
            asked.clear();
        }
    }
}
