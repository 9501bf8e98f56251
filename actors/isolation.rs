//! Isolation: below an agent whose role says so nobody sends to who lies beside that agent.

use understory_paths::AgentPath;
use understory_store::Node;

use crate::error::Error;
use crate::system::{System, node_at};

impl System {
    /// The nearest isolated agent at or above `path`. One whose role is not known isolates nobody, as it limits nothing.
    pub(crate) async fn isolation(&self, path: &AgentPath) -> Result<Option<AgentPath>, Error> {
        if self.roles.values().all(|role| !role.isolated) {
            return Ok(None);
        }
        for at in std::iter::once(path.clone()).chain(path.ancestors()) {
            if let Some(Node::Agent(agent)) = node_at(&self.store, &at).await?.map(|row| row.value)
                && self.roles.get(&agent.role).is_some_and(|role| role.isolated)
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
