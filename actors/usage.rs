//! What a subtree has cost, rolled up along the path.
//!
//! It is read off the records, each of which has its own sum: nothing else is kept, so nothing can disagree with it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use understory_paths::AgentPath;
use understory_store::{Node, Table, Usage};

use crate::error::Error;
use crate::system::{System, node_at};

/// The most nodes that one report names.
pub const USAGE_MAX: usize = 500;

/// How many nodes are read at a time.
const PAGE: usize = 256;

/// What something has cost, as far as brains said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    /// Turns that ended; of a job, runs that were started.
    pub turns: u64,
    /// Tokens that are charged: uncached input and output.
    pub tokens: u64,
    /// What they were, for agents; a job keeps their number alone.
    pub usage: Usage,
}

/// What one node has cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpending {
    /// Which.
    pub path: AgentPath,
    /// What it is, in a word.
    pub kind: &'static str,
    /// By itself.
    pub own: Spending,
    /// With all that lies below it.
    pub total: Spending,
}

/// What a subtree has cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageReport {
    /// The top, then those that cost most with what lies below them, in path order.
    pub nodes: Vec<NodeSpending>,
    /// How many others cost something.
    pub others: u64,
}

/// Nodes that cost something, the dearest of them kept.
struct Dearest {
    limit: usize,
    /// By what they cost, then by their place, so that of two that cost the same the first is kept.
    kept: BinaryHeap<Reverse<(u64, Reverse<AgentPath>)>>,
    nodes: std::collections::HashMap<AgentPath, NodeSpending>,
    others: u64,
}

impl Spending {
    fn plus(&self, more: &Spending) -> Spending {
        Spending {
            turns: self.turns.saturating_add(more.turns),
            tokens: self.tokens.saturating_add(more.tokens),
            usage: self.usage.plus(more.usage),
        }
    }

    fn of(node: &Node) -> Spending {
        match node {
            Node::Agent(agent) => Spending { turns: agent.turns, tokens: agent.used.tokens(), usage: agent.used },
            Node::Job(job) => Spending { turns: job.spent.turns, tokens: job.spent.tokens, usage: Usage::default() },
            // Its job counts it.
            _ => Spending::default(),
        }
    }
}

impl System {
    /// What the nodes at and below `top` have cost: the top, and the `limit` dearest of the others, at most [`USAGE_MAX`]. Every
    /// node is read, as the store has it meanwhile. What was removed is not in it.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn usage(&self, top: &AgentPath, limit: usize) -> Result<UsageReport, Error> {
        if node_at(&self.store, top).await?.is_none() {
            return Err(self.missing(top).await);
        }
        let mut dearest = Dearest::new(limit.min(USAGE_MAX));
        let mut way: Vec<NodeSpending> = Vec::new();
        let mut pages = self.store.pages(Table::Node.subtree(top), PAGE);
        while let Some(rows) = pages.peek::<Node>().await? {
            for row in rows {
                let Some(path) = Table::Node.path_of(&row.key) else { continue };
                while let Some(left) = way.pop_if(|above| !above.path.contains(&path)) {
                    dearest.leave(left, way.last_mut());
                }
                let own = Spending::of(&row.value);
                way.push(NodeSpending { path, kind: row.value.kind(), own, total: own });
            }
        }
        while way.len() > 1
            && let Some(left) = way.pop()
        {
            dearest.leave(left, way.last_mut());
        }
        Ok(dearest.report(way.pop()))
    }
}

impl Dearest {
    fn new(limit: usize) -> Self {
        Dearest { limit, kept: BinaryHeap::new(), nodes: Default::default(), others: 0 }
    }

    /// Adds up a node that nothing more comes below.
    fn leave(&mut self, node: NodeSpending, above: Option<&mut NodeSpending>) {
        if let Some(above) = above {
            above.total = above.total.plus(&node.total);
        }
        // A node through which something passes is as dear as what is below it.
        if node.total.tokens == 0 {
            return;
        }
        self.kept.push(Reverse((node.total.tokens, Reverse(node.path.clone()))));
        self.nodes.insert(node.path.clone(), node);
        if self.kept.len() > self.limit
            && let Some(Reverse((_, Reverse(path)))) = self.kept.pop()
        {
            self.nodes.remove(&path);
            self.others += 1;
        }
    }

    fn report(self, top: Option<NodeSpending>) -> UsageReport {
        let mut nodes: Vec<NodeSpending> = self.nodes.into_values().chain(top).collect();
        nodes.sort_by(|a, b| a.path.cmp(&b.path));
        UsageReport { nodes, others: self.others }
    }
}
