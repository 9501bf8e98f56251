//! The plans of a project, in short.

use understory_paths::AgentPath;
use understory_store::Table;

use super::{Found, HindranceKind, Named, Share};
use crate::error::Error;
use crate::planning::{OpenPlan, PlannedNode};
use crate::system::{System, closed_at};

/// How many open nodes of one plan are named.
const NODES: usize = 10;
/// How many plans are added up.
const PLANS: usize = 500;

/// A plan, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanInShort {
    /// Whose it is.
    pub of: AgentPath,
    /// The closed mark at or above that agent, the nearest.
    pub closed: Option<AgentPath>,
    /// Its nodes that are done, of those that were not dropped.
    pub nodes: Share,
    /// Those that are neither done nor dropped: those that are ready first, then those being done.
    pub open: Named<PlannedNode>,
}

impl System {
    /// The first plans with open nodes; the nodes of all are counted, and what is wrong with their rows is noted.
    pub(super) async fn plans_of(&self, top: &AgentPath, found: &mut Found) -> Result<Named<PlanInShort>, Error> {
        let heads = self.store.peek_keys(Table::Plan.subtree(top), None, PLANS).await?;
        found.whole &= heads.len() < PLANS;
        let mut plans = Named::default();
        for path in heads.iter().filter_map(|key| Table::Plan.path_of(key)) {
            let open = match self.open_plan(&path, usize::MAX).await {
                Ok(open) => open,
                // Gone since its key was read.
                Err(Error::NotFound { .. } | Error::Removed { .. } | Error::WrongKind { .. }) => continue,
                Err(error) => return Err(error),
            };
            let plan = PlanInShort { closed: closed_at(&self.store, &path).await?, ..PlanInShort::of(path, &open) };
            found.meet_plan(&plan, &open);
            if !plan.open.first.is_empty() {
                plans.note(plan);
            }
        }
        Ok(plans)
    }
}

impl Found {
    fn meet_plan(&mut self, plan: &PlanInShort, open: &OpenPlan) {
        self.progress.nodes.add(plan.nodes.done, plan.nodes.all);
        for planned in open.nodes.iter().filter(|_| plan.closed.is_none()) {
            if let Some(trouble) = &planned.trouble {
                let words = format!("node {}: {trouble}", planned.number);
                self.hindrances.note(&plan.of, HindranceKind::Plan, &words);
            }
        }
    }
}

impl PlanInShort {
    fn of(path: AgentPath, plan: &OpenPlan) -> Self {
        let OpenPlan { done, dropped: _, open, nodes } = plan;
        let first: Vec<PlannedNode> = nodes.iter().take(NODES).cloned().collect();
        let more = open.saturating_sub(first.len()) as u64;
        let nodes = Share { done: *done as u64, all: (done + open) as u64 };
        PlanInShort { of: path, closed: None, nodes, open: Named { first, more } }
    }
}
