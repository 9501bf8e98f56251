//! A removal, as it is asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Error, RemovedReport, Runtime};

/// A removal that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedRemove {
    /// The top.
    pub path: AgentPath,
    /// Nothing was removed: this is what would be.
    pub dry_run: bool,
    /// Agents.
    pub agents: u64,
    /// Jobs.
    pub jobs: u64,
    /// Items of jobs.
    pub items: u64,
    /// Messages that nobody has taken.
    pub messages: u64,
}

pub(crate) async fn remove(runtime: &Runtime, path: AgentPath, dry_run: bool) -> Result<AskedRemove, Error> {
    let agent = runtime.agent(path.clone());
    let report = if dry_run { agent.removal().await? } else { agent.remove().await? };
    let RemovedReport { agents, jobs, items, messages } = report;
    Ok(AskedRemove { path, dry_run, agents, jobs, items, messages })
}
