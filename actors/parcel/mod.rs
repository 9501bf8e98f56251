//! A closed subtree as a file, and a subtree made of one.
//!
//! ```text
//! export: closed, at rest --read twice--> file
//! import: file --checked whole--> `importing` mark --batches--> closed
//! ```

mod export;
mod import;

use understory_paths::AgentPath;
use understory_store::{Node, ParcelRow, Record, StoreError, Table};

use crate::error::Error;

/// What was exported or imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParcelReport {
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Items of jobs.
    pub items: u64,
    /// Rows of the store: these, and all that lies beside them.
    pub rows: u64,
    /// The bytes of the file.
    pub bytes: u64,
}

/// Why a subtree cannot be exported or imported.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParcelError {
    /// Only what is closed is exported: it would change meanwhile.
    #[error("{path} is open: close it before it is exported")]
    Open {
        /// The path asked for.
        path: AgentPath,
    },
    /// The whole tree is no subtree: a backup has all of it.
    #[error("the root of the tree is neither exported nor imported")]
    Root,
    /// Who acts there has not ended, or somebody changes what lies there.
    #[error("{path} was changed while it was read: export it again")]
    Changing {
        /// The path asked for.
        path: AgentPath,
    },
    /// A job of the subtree reads its table from where no file of a subtree reaches.
    #[error("a job at or below {path} has not stored all rows of its table yet")]
    Storing {
        /// The path asked for.
        path: AgentPath,
    },
    /// A removal or an import of it has begun and not ended.
    #[error("{path} is only half there: remove it, or import it again")]
    Half {
        /// Where it has.
        path: AgentPath,
    },
    /// What is imported keeps its nickname, and another child of who would be its parent is called so.
    #[error(
        "nickname {nickname:?} is taken below {parent}, and what comes to {path} keeps it: import it to a path below another agent"
    )]
    NicknameTaken {
        /// Where it was to come.
        path: AgentPath,
        /// The nickname.
        nickname: String,
        /// Whose children are called differently.
        parent: AgentPath,
    },
    /// A budget that the file's goals would come out of was set, cleared or completed meanwhile.
    #[error("the goals above {path} changed while it was imported: import it again")]
    GoalsChanged {
        /// Where it was to come.
        path: AgentPath,
    },
    /// A removal or another import took the place of this one.
    #[error("the import to {path} was given up: it was removed or imported anew meanwhile")]
    GivenUp {
        /// Where it was to come.
        path: AgentPath,
    },
}

impl ParcelReport {
    fn count(&mut self, rows: &[ParcelRow]) -> Result<(), StoreError> {
        self.rows += rows.len() as u64;
        for row in rows.iter().take_while(|row| Table::of(&row.key) == Some(Table::Node)) {
            let node = Node::decode(&row.value.0)
                .map_err(|error| StoreError::Damaged { place: row.key.to_string(), what: error.to_string() })?;
            match node {
                Node::Agent(_) => self.agents += 1,
                Node::Job(_) => self.jobs += 1,
                _ => self.items += 1,
            }
        }
        Ok(())
    }
}

/// Reads or writes a file where waiting is allowed.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        // Only a runtime that ends cancels it.
        Err(_) => Err(Error::Stopping),
    }
}
