//! What the roles of those above a newcomer allow, where they allow less than the runtime.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::Node;

use super::plan::Plan;
use crate::error::Error;
use crate::job::role_of_item;

impl Plan<'_> {
    /// Refuses newcomers by whom a role's own limit would be passed. `grown` says by how many agents each ancestor grows.
    pub(super) async fn demand_role_room(
        &mut self,
        newcomers: &[&AgentPath],
        grown: &BTreeMap<AgentPath, u64>,
    ) -> Result<(), Error> {
        if self.roles.values().all(|role| role.limits.agents.is_none() && role.limits.depth.is_none()) {
            return Ok(());
        }
        for (ancestor, more) in grown {
            let role = match self.node(ancestor).await?.map(|row| row.value) {
                Some(Node::Agent(agent)) => Some(agent.role),
                Some(Node::Item(item)) => role_of_item(self.store, ancestor, &item).await?,
                _ => None,
            };
            let Some(role) = role.and_then(|role| self.roles.get(&role)) else { continue };
            let (limits, holder) = (role.limits, ancestor.clone());
            if let Some(value) = limits.agents
                && self.count(ancestor).await? + more > value
            {
                let remedy = "close agents below it, or give the work to an agent of another role";
                return Err(Error::Limit { limit: "role agents", value, holder, remedy });
            }
            if let Some(value) = limits.depth
                && newcomers.iter().any(|path| ancestor.contains(path) && levels(ancestor, path) > value)
            {
                let remedy = "give the work to an agent higher up, or of another role";
                return Err(Error::Limit { limit: "role depth", value, holder, remedy });
            }
        }
        Ok(())
    }
}

/// How many levels below `ancestor` a path lies.
fn levels(ancestor: &AgentPath, path: &AgentPath) -> u64 {
    path.depth().saturating_sub(ancestor.depth()) as u64
}
