//! Which subtrees run in this process: nobody outside them is activated.

use understory_paths::AgentPath;

use crate::lock::Lock;

/// The tops of the subtrees that run.
#[derive(Default)]
pub(crate) struct Active(Lock<Tops>);

#[derive(Default)]
struct Tops {
    paths: Vec<AgentPath>,
    over: bool,
}

impl Active {
    /// Adds a subtree for the life of the process. False if the process stops.
    pub(crate) fn add(&self, top: &AgentPath) -> bool {
        let mut tops = self.0.lock();
        if !tops.over && !tops.paths.iter().any(|held| held.contains(top)) {
            tops.paths.retain(|held| !top.contains(held));
            tops.paths.push(top.clone());
        }
        !tops.over
    }

    /// Whether a node is in a subtree that runs.
    pub(crate) fn contains(&self, path: &AgentPath) -> bool {
        self.0.lock().paths.iter().any(|top| top.contains(path))
    }

    /// Takes all away for good: nothing is activated any more.
    pub(crate) fn end(&self) {
        *self.0.lock() = Tops { paths: Vec::new(), over: true };
    }

    /// The tops.
    pub(crate) fn tops(&self) -> Vec<AgentPath> {
        self.0.lock().paths.clone()
    }
}
