//! Agents that are to be woken at a time: one alarm for each, however often it looks at its clock.

use std::collections::HashMap;

use understory_paths::AgentPath;
use understory_store::Time;

use crate::lock::Lock;
use crate::system::System;

/// When whom.
#[derive(Default)]
pub(crate) struct Alarms(Lock<HashMap<AgentPath, Time>>);

impl Alarms {
    /// Notes an alarm. False if one is set that goes off no later: whoever it wakes sets the next.
    fn note(&self, path: &AgentPath, at: Time) -> bool {
        let mut set = self.0.lock();
        if set.get(path).is_some_and(|earlier| *earlier <= at) {
            return false;
        }
        set.insert(path.clone(), at);
        true
    }

    /// Takes an alarm off. False if another was set in its place.
    fn take(&self, path: &AgentPath, at: Time) -> bool {
        let mut set = self.0.lock();
        let own = set.get(path) == Some(&at);
        if own {
            set.remove(path);
        }
        own
    }
}

impl System {
    /// Has the agent at `path` look for work at `at`, or at an alarm that it has already if that is earlier.
    pub(crate) fn wake_at(&self, path: &AgentPath, at: Time) {
        if !self.alarms.note(path, at) {
            return;
        }
        let (system, path, when) = (self.clone(), path.clone(), self.clock.instant(at));
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(when) => {
                    if system.alarms.take(&path, at) {
                        system.agents.wake(&system, &path);
                    }
                }
                () = system.stopping.cancelled() => {}
            }
        });
    }
}
