//! A message to a subtree, as it is asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, Error, FanOut, Letter, Missed, Misses, Runtime, chain};

/// A message to all of a subtree that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedSubtree {
    /// The top.
    pub path: AgentPath,
    /// Nothing was sent: this is what would be.
    pub dry_run: bool,
    /// Agents whom it was delivered to.
    pub delivered: u64,
    /// Agents who had a message with its id already.
    pub known: u64,
    /// Agents who did not get it, by the reason.
    pub missed: Vec<MissedLine>,
    /// Why it ended before everybody was asked, if it did.
    pub broken: Option<String>,
}

/// Agents who did not get a message, for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissedLine {
    /// The word for it: closed, `inbox_full` or removed.
    pub reason: String,
    /// How many.
    pub agents: u64,
    /// The first few.
    pub first: Vec<AgentPath>,
}

pub(crate) async fn send(runtime: &Runtime, letter: Letter, dry_run: bool) -> Result<AskedSubtree, Error> {
    let system = runtime.system();
    let report = if dry_run { system.reached_subtree(&letter).await? } else { system.send_subtree(&letter).await? };
    let FanOut { delivered, known, missed, broken } = report;
    let missed = missed.into_iter().map(missed_line).collect();
    let broken = broken.map(|error| chain(&error));
    Ok(AskedSubtree { path: letter.to, dry_run, delivered, known, missed, broken })
}

fn missed_line((why, misses): (Missed, Misses)) -> MissedLine {
    let reason = match why {
        Missed::Closed => "closed",
        Missed::Full => "inbox_full",
        Missed::Gone => "removed",
    };
    MissedLine { reason: reason.to_owned(), agents: misses.agents, first: misses.first }
}
