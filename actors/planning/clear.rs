//! Nodes taken out of a plan, a batch a commit, so that each commit leaves a plan that fits together.

use std::collections::{BTreeMap, BTreeSet};

use understory_paths::AgentPath;
use understory_store::{PlanNode, PlanWhat};

use super::change::Change;
use super::{Author, Planned};
use crate::error::Error;
use crate::system::System;

/// How many nodes one commit takes out or rewrites: with their parts some 450 writes at the most.
const BATCH: usize = 32;

impl System {
    /// Takes all nodes out of an agent's plan, or only those that are done or dropped; tells how many. What comes after one
    /// that goes does so no longer. A crash leaves some of them there; asked again it goes on.
    ///
    /// # Errors
    /// There is no agent at the path, or the store failed.
    pub async fn plan_clear(&self, path: &AgentPath, finished: bool) -> Result<usize, Error> {
        self.plan_clear_by(path, finished, None).await
    }

    pub(crate) async fn plan_clear_by(
        &self,
        path: &AgentPath,
        finished: bool,
        by: Option<&Author<'_>>,
    ) -> Result<usize, Error> {
        let mut cleared = 0;
        loop {
            let step = self.replan(path, by, |plan, _| {
                let change = plan.clearing(finished);
                let gone = |change: &Change| change.nodes.values().filter(|node| node.is_none()).count();
                let answer = change.as_ref().map(gone);
                Ok((change, answer))
            });
            match step.await? {
                Some(gone) => cleared += gone,
                None => return Ok(cleared),
            }
        }
    }
}

impl Planned {
    /// The next commit of a clearing. First those that stay come after none that go; then what goes does so with those that
    /// come after it.
    fn clearing(&self, finished: bool) -> Option<Change> {
        let nodes = self.graph.nodes();
        let goes = |node: &PlanNode| !finished || node.state.is_over();
        let going: BTreeSet<u32> = nodes.iter().filter(|(_, node)| goes(node)).map(|(number, _)| *number).collect();
        let tied = |(number, node): (&u32, &PlanNode)| {
            let after: Vec<u32> = node.after.iter().copied().filter(|before| !going.contains(before)).collect();
            let ties = !going.contains(number) && after.len() < node.after.len();
            ties.then(|| (*number, Some(PlanNode { after, ..node.clone() })))
        };
        let loosened: BTreeMap<u32, Option<PlanNode>> = nodes.iter().filter_map(tied).take(BATCH).collect();
        if !loosened.is_empty() {
            return Some(Change { what: PlanWhat::Edited, nodes: loosened });
        }
        let levels = self.graph.levels().unwrap_or_default();
        let mut last_first: Vec<u32> = going.into_iter().collect();
        last_first.sort_by_key(|number| std::cmp::Reverse(levels.get(number).copied().unwrap_or_default()));
        let gone: BTreeMap<u32, Option<PlanNode>> =
            last_first.into_iter().take(BATCH).map(|number| (number, None)).collect();
        (!gone.is_empty()).then_some(Change { what: PlanWhat::Cleared, nodes: gone })
    }
}
