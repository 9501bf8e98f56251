//! Which subtrees run in this process: nobody outside them is activated.

use understory_paths::AgentPath;

use crate::lock::Lock;

/// The tops of the subtrees that run.
#[derive(Default)]
pub(crate) struct Active(Lock<Vec<AgentPath>>);

impl Active {
    /// Adds a subtree for the life of the process. False if it ran already.
    pub(crate) fn add(&self, top: &AgentPath) -> bool {
        let mut tops = self.0.lock();
        if tops.iter().any(|held| held.contains(top)) {
            return false;
        }
        tops.retain(|held| !top.contains(held));
        tops.push(top.clone());
        true
    }

    /// Whether a node is in a subtree that runs.
    pub(crate) fn contains(&self, path: &AgentPath) -> bool {
        self.0.lock().iter().any(|top| top.contains(path))
    }

    /// Takes all away: nothing is activated any more.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// The tops.
    pub(crate) fn tops(&self) -> Vec<AgentPath> {
        self.0.lock().clone()
    }
}
