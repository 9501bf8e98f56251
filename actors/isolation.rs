//! Isolation: below an agent whose role says so nobody sends to who lies beside that agent.

use understory_paths::AgentPath;
use understory_store::Node;

use crate::error::Error;
use crate::job::role_of_item;
use crate::system::{System, node_at};

impl System {
    /// The nearest isolated agent at or above `path`. One whose role is not known isolates nobody, as it limits nothing.
    pub(crate) async fn isolation(&self, path: &AgentPath) -> Result<Option<AgentPath>, Error> {
        if self.roles.values().all(|role| !role.isolated) {
            return Ok(None);
        }
        for at in std::iter::once(path.clone()).chain(path.ancestors()) {
            let role = match node_at(&self.store, &at).await?.map(|row| row.value) {
                Some(Node::Agent(agent)) => Some(agent.role),
                Some(Node::Item(item)) => role_of_item(&self.store, &at, &item).await?,
                _ => None,
            };
            if role.and_then(|role| self.roles.get(&role)).is_some_and(|role| role.isolated) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
