//! Files that carry what is kept, as they are asked for and answered.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Backup, Compacted, ParcelReport, Restored, Runtime};

use crate::failure::Failure;

/// Something asked of such files. Whoever has the store reads and writes them: their names are absolute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelRequest {
    /// The whole store shall be written into a new file.
    Backup {
        /// Which.
        file: String,
    },
    /// A closed subtree shall be written into a new file.
    Export {
        /// Its top.
        path: String,
        /// Which file.
        file: String,
    },
    /// A subtree shall be made of such a file.
    Import {
        /// Which file.
        file: String,
        /// Where it is to lie, if not where it was.
        path: Option<AgentPath>,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParcelReply {
    /// To a backup.
    BackedUp(BackedUp),
    /// To an export.
    Exported(ExportedLine),
    /// To an import.
    Imported(ArrivedLine),
    /// To a restore, which is done by the command itself.
    Restored(RestoredLine),
    /// To a compaction, which is done by the command itself.
    Compacted(CompactedLine),
}

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedUp {
    /// The file.
    pub backup: String,
    /// The last commit that is in it.
    pub commit: u64,
    /// Rows of the store.
    pub rows: u64,
    /// Batches that were committed meanwhile.
    pub batches: u64,
    /// The bytes of the file.
    pub bytes: u64,
}

/// A subtree that was exported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedLine {
    /// Its top.
    pub exported: AgentPath,
    /// The file.
    pub file: String,
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

/// A subtree that was imported, and is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivedLine {
    /// Its top.
    pub imported: AgentPath,
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Items of jobs.
    pub items: u64,
    /// Rows of the store: these, and all that lies beside them.
    pub rows: u64,
}

/// A store that was restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoredLine {
    /// Its folder.
    pub restored: String,
    /// Its last commit.
    pub commit: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Batches that were applied to them.
    pub batches: u64,
}

/// A store that was compacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompactedLine {
    /// Its folder.
    pub compacted: String,
    /// Its rows.
    pub rows: u64,
    /// The bytes that it took.
    pub bytes_before: u64,
    /// Those that it takes.
    pub bytes_after: u64,
}

impl ParcelRequest {
    /// Whether asking twice comes to the same as asking once: a file that is there is not written again.
    pub(crate) fn repeats(&self) -> bool {
        match self {
            ParcelRequest::Backup { .. } | ParcelRequest::Export { .. } | ParcelRequest::Import { .. } => false,
        }
    }
}

impl RestoredLine {
    /// A restore of a store in such a folder.
    pub fn of(dir: String, restored: Restored) -> Self {
        let Restored { last, rows, batches } = restored;
        RestoredLine { restored: dir, commit: last, rows, batches }
    }
}

impl CompactedLine {
    /// A compaction of a store in such a folder.
    pub fn of(dir: String, compacted: Compacted) -> Self {
        let Compacted { rows, bytes_before, bytes_after } = compacted;
        CompactedLine { compacted: dir, rows, bytes_before, bytes_after }
    }
}

/// Carries one out.
pub(crate) async fn answer(runtime: &Runtime, request: ParcelRequest) -> Result<ParcelReply, Failure> {
    Ok(match request {
        ParcelRequest::Backup { file } => {
            let Backup { last, rows, batches, bytes } = runtime.backup(PathBuf::from(&file)).await?;
            ParcelReply::BackedUp(BackedUp { backup: file, commit: last, rows, batches, bytes })
        }
        ParcelRequest::Export { path, file } => {
            let path = runtime.find(&path).await?.path().clone();
            let report = runtime.agent(path.clone()).export(&file).await?;
            let ParcelReport { agents, jobs, items, rows, bytes } = report;
            ParcelReply::Exported(ExportedLine { exported: path, file, agents, jobs, items, rows, bytes })
        }
        ParcelRequest::Import { file, path } => {
            let (path, report) = runtime.import_subtree(&file, path).await?;
            let ParcelReport { agents, jobs, items, rows, bytes: _ } = report;
            ParcelReply::Imported(ArrivedLine { imported: path, agents, jobs, items, rows })
        }
    })
}
