//! The store as one file, and a store that has become too large.

use std::path::PathBuf;

use understory_actors::ParcelReport;
use understory_paths::AgentPath;
use understory_store::{Backup, Compacted, Restored, SledBackend, StoreError};

use crate::error::{self, Error};
use crate::runtime::{Engine, Runtime};

impl Runtime {
    /// Writes the whole store as of one commit into a new file, while agents go on. What is not in the store is not in it:
    /// role files, what jobs read and write, and the tables in the spool.
    ///
    /// # Errors
    /// The file is there already or cannot be written, the store is damaged, in memory, or fails or ends meanwhile.
    pub async fn backup(&self, file: impl Into<PathBuf>) -> Result<Backup, Error> {
        match self.engine() {
            Engine::Sled(backend) => backend.backup(file).await.map_err(error::store),
            Engine::Given => Err(error::store(StoreError::NoFolder)),
        }
    }

    /// Takes in a subtree that [`Agent::export`](crate::Agent::export) wrote, at `to` if that is given and
    /// else where it was; says where that is. It arrives closed, with the ids that everything had; a resume starts it.
    ///
    /// # Errors
    /// The file is not whole or holds what cannot lie there, something lies at the path, its parent is missing or closed, or
    /// its nickname is taken; a budget in it is more than is left of the nearest goal above, or there are too many goals or
    /// agents.
    pub async fn import_subtree(
        &self,
        file: impl Into<PathBuf>,
        to: Option<AgentPath>,
    ) -> Result<(AgentPath, ParcelReport), Error> {
        self.system.import_subtree(file, to).await
    }
}

/// Makes the store in `dir`, which must not be there, of a backup. A runtime that opens it goes on where the backup ended.
///
/// # Errors
/// The folder is there, the file is not a whole backup, or the store cannot be written; then nothing is left of it.
pub async fn restore(file: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Result<Restored, Error> {
    SledBackend::restore(file, dir).await.map_err(error::store)
}

/// Gives back what a store takes on the disk beyond what it keeps. It must be open nowhere; a process that is killed meanwhile
/// leaves the store as it was or as it becomes.
///
/// # Errors
/// There is no store, it is open or damaged, or its place cannot be written; then it is as it was.
pub async fn compact(dir: impl Into<PathBuf>) -> Result<Compacted, Error> {
    SledBackend::compact(dir).await.map_err(error::store)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_store_in_memory_has_no_backup() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::builder().in_memory().await.unwrap();
        let refused = runtime.backup(dir.path().join("file")).await.unwrap_err();
        assert!(matches!(refused, Error::Store(StoreError::NoFolder)), "{refused}");
        runtime.shutdown(Duration::from_secs(1)).await.unwrap();
    }

    #[tokio::test]
    async fn a_restored_store_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let runtime = Runtime::builder().open(at("store")).await.unwrap();
        let ada = runtime.root().spawn("ada").await.unwrap();
        runtime.backup(at("backup")).await.unwrap();
        runtime.root().spawn("bob").await.unwrap();
        let id = ada.show().await.unwrap().node.id();
        runtime.shutdown(Duration::from_secs(1)).await.unwrap();
        restore(at("backup"), at("other")).await.unwrap();
        compact(at("other")).await.unwrap();
        let runtime = Runtime::builder().open(at("other")).await.unwrap();
        let verified = runtime.verify().await.unwrap();
        assert!(verified.is_sound() && verified.agents == 2, "{verified:?}");
        assert_eq!(runtime.agent("/root/ada".parse().unwrap()).show().await.unwrap().node.id(), id);
        runtime.root().spawn("bob").await.unwrap();
        runtime.shutdown(Duration::from_secs(1)).await.unwrap();
    }
}
