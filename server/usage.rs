//! What work has cost, as it is asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, NodeSpending, Runtime, Spending, Usage, UsageReport};

use crate::failure::Failure;

/// What a subtree has cost is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageRequest {
    /// The top, as a path or a nickname.
    pub path: String,
    /// How many nodes below it are named, no more than 500.
    pub limit: usize,
}

/// What a subtree has cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageTable {
    /// The top, and the dearest below it, in path order.
    pub nodes: Vec<SpendingLine>,
    /// How many others have cost something.
    pub others: u64,
}

/// What one node has cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendingLine {
    /// Which.
    pub path: AgentPath,
    /// `agent`, `job` or `item`.
    pub kind: String,
    /// Turns that ended; of a job, runs.
    pub turns: u64,
    /// By itself.
    pub own: UsageLine,
    /// Turns at and below it.
    pub total_turns: u64,
    /// With all that lies below it.
    pub total: UsageLine,
}

/// Tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageLine {
    /// What is charged: uncached input and output. Of a job only this is known.
    pub tokens: u64,
    /// Read by the model, without what its cache answered.
    pub input_tokens: u64,
    /// Answered by its cache.
    pub cached_tokens: u64,
    /// Written by the model.
    pub output_tokens: u64,
}

impl UsageLine {
    pub(crate) fn of(usage: Usage) -> Self {
        let Usage { input_tokens, cached_tokens, output_tokens } = usage;
        UsageLine { tokens: usage.tokens(), input_tokens, cached_tokens, output_tokens }
    }

    fn spent(spending: &Spending) -> Self {
        UsageLine { tokens: spending.tokens, ..UsageLine::of(spending.usage) }
    }
}

pub(crate) async fn usage(runtime: &Runtime, request: UsageRequest) -> Result<UsageTable, Failure> {
    let path = runtime.find(&request.path).await?.path().clone();
    Ok(table(runtime.system().usage(&path, request.limit).await?))
}

pub(crate) fn table(UsageReport { nodes, others }: UsageReport) -> UsageTable {
    let line = |node: NodeSpending| SpendingLine {
        path: node.path,
        kind: node.kind.to_owned(),
        turns: node.own.turns,
        own: UsageLine::spent(&node.own),
        total_turns: node.total.turns,
        total: UsageLine::spent(&node.total),
    };
    UsageTable { nodes: nodes.into_iter().map(line).collect(), others }
}
