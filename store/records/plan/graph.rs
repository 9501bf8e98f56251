//! The nodes of a plan together: which comes after which, and which may begin.

use std::collections::BTreeMap;

use super::{PlanNode, PlanState};
use crate::records::Refusal;

/// The nodes of one plan by their numbers. Free of cycles as long as each node's dependencies went through
/// [`PlanGraph::put_after`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanGraph {
    nodes: BTreeMap<u32, PlanNode>,
}

impl PlanGraph {
    /// The graph of these nodes, as they are on record.
    pub fn new(nodes: impl IntoIterator<Item = (u32, PlanNode)>) -> Self {
        PlanGraph { nodes: nodes.into_iter().collect() }
    }

    /// The nodes in the order of their numbers.
    pub fn nodes(&self) -> &BTreeMap<u32, PlanNode> {
        &self.nodes
    }

    /// Takes a node in, over the one that has its number.
    pub fn put(&mut self, number: u32, node: PlanNode) {
        self.nodes.insert(number, node);
    }

    /// What a node may come after: these, in order, each once.
    ///
    /// # Errors
    /// One of them is not there, is the node itself, or comes after it.
    pub fn put_after(&self, number: u32, after: &[u32]) -> Result<Vec<u32>, Refusal> {
        let mut after = after.to_vec();
        after.sort_unstable();
        after.dedup();
        for &before in &after {
            if before == number {
                return Err(Refusal("cannot come after itself".to_owned()));
            }
            if !self.nodes.contains_key(&before) {
                return Err(Refusal(format!("cannot come after {before}, which is not there")));
            }
            if let Some(way) = self.way(before, number) {
                let way: Vec<String> = way.iter().map(u32::to_string).collect();
                return Err(Refusal(format!("cannot come after {before}: {}", way.join(" comes after "))));
            }
        }
        Ok(after)
    }

    /// The nodes that a node waits for: those it comes after and that are not over.
    pub fn waits_for(&self, node: &PlanNode) -> Vec<u32> {
        let over = |before: &u32| self.nodes.get(before).is_some_and(|node| node.state.is_over());
        node.after.iter().copied().filter(|before| !over(before)).collect()
    }

    /// Whether somebody may begin with a node: nobody has, and it waits for none.
    pub fn is_ready(&self, node: &PlanNode) -> bool {
        node.state == PlanState::Todo && self.waits_for(node).is_empty()
    }

    /// Demands that a node waits for none.
    ///
    /// # Errors
    /// It does; they are named.
    pub fn demand_free(&self, node: &PlanNode) -> Result<(), Refusal> {
        let waits: Vec<String> = self.waits_for(node).iter().map(u32::to_string).collect();
        match waits.is_empty() {
            true => Ok(()),
            false => Err(Refusal(format!("cannot be started: it comes after {}, not done yet", waits.join(", ")))),
        }
    }

    /// How many nodes lie one behind the other before each: nodes in the order of this come after all they depend on.
    ///
    /// # Errors
    /// Some come after one another; which, and those behind them.
    pub fn levels(&self) -> Result<BTreeMap<u32, usize>, Vec<u32>> {
        let mut levels = BTreeMap::new();
        loop {
            let before = levels.len();
            for (&number, node) in &self.nodes {
                let known = |before: &&u32| self.nodes.contains_key(before);
                let above = node.after.iter().filter(known).map(|before| levels.get(before).copied());
                let level = above.collect::<Option<Vec<usize>>>().map(|above| above.into_iter().max());
                if let Some(level) = level {
                    levels.entry(number).or_insert(level.map_or(0, |level| level + 1));
                }
            }
            if levels.len() == self.nodes.len() {
                return Ok(levels);
            }
            if levels.len() == before {
                return Err(self.nodes.keys().copied().filter(|number| !levels.contains_key(number)).collect());
            }
        }
    }

    /// The nodes from `from` to `to`, each of which comes after the next one, if there is such a way.
    fn way(&self, from: u32, to: u32) -> Option<Vec<u32>> {
        let mut came_from = BTreeMap::from([(from, from)]);
        let mut left = vec![from];
        while let Some(at) = left.pop() {
            if at == to {
                let mut way = vec![to];
                while let Some(&last) = way.last().filter(|last| **last != from) {
                    way.push(came_from[&last]);
                }
                way.reverse();
                return Some(way);
            }
            for &before in self.nodes.get(&at).into_iter().flat_map(|node| &node.after) {
                if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(before) {
                    entry.insert(at);
                    left.push(before);
                }
            }
        }
        None
    }
}
