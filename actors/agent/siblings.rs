//! What a restart does to the agents beside it, as the role of their parent says.

use understory_store::{Agent, AgentId, Node, StoreError, Time};

use super::AgentActor;
use super::entry::Held;
use crate::role::{DEFAULT_ROLE, Strategy};
use crate::supervision::{Decision, takes_along};
use crate::system::node_at;

impl AgentActor {
    /// Cancels the turns of siblings that are restarted with this agent: each goes back uncharged and runs again.
    ///
    /// Those of another process do not run; a crash between the decision and this leaves them running, which is what a
    /// strategy is about only while they do.
    pub(super) async fn restart_siblings(&self, agent: &Agent, decision: &Decision) -> Result<(), StoreError> {
        let Some(parent) = self.path.parent() else { return Ok(()) };
        let strategy = match node_at(&self.system.store, &parent).await?.map(|row| row.value) {
            Some(Node::Agent(parent)) => {
                let role = self.system.role(&parent.role).or_else(|_| self.system.role(DEFAULT_ROLE));
                role.map_or(Strategy::OneForOne, |role| role.policy.strategy)
            }
            _ => Strategy::OneForOne,
        };
        if !takes_along(strategy, decision, true) {
            return Ok(());
        }
        let beside = self.system.agents.residents(&parent);
        for path in beside.into_iter().filter(|path| path.parent().as_ref() == Some(&parent) && *path != self.path) {
            let Some(Node::Agent(sibling)) = node_at(&self.system.store, &path).await?.map(|row| row.value) else {
                continue;
            };
            if takes_along(strategy, decision, born(&sibling) > born(agent)) {
                self.system.agents.held(&path, Held::cancel);
            }
        }
        Ok(())
    }
}

/// What agents stand in the order of their creation by.
fn born(agent: &Agent) -> (Time, AgentId) {
    (agent.created_at, agent.id)
}
