//! Dead letters: messages that no turn will take.

use understory_actors::{Accepted, DeadKey, DeadMail, System};
use understory_paths::AgentPath;
use understory_store::DeadLetter;

use crate::error::Error;
use crate::runtime::Runtime;

/// The dead letters of a runtime.
#[derive(Clone)]
pub struct Dead {
    system: System,
}

impl Runtime {
    /// Its dead letters.
    pub fn dead(&self) -> Dead {
        Dead { system: self.system.clone() }
    }
}

impl Dead {
    /// Those of the agents at and below `top`, in path order and the oldest of each first, beyond `after` if given; at most
    /// `limit`, and no more than [`DEAD_PAGE_MAX`](crate::DEAD_PAGE_MAX).
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn list(&self, top: &AgentPath, after: Option<&DeadKey>, limit: usize) -> Result<Vec<DeadMail>, Error> {
        self.system.dead_letters(top, after, limit).await
    }

    /// One of them.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn show(&self, key: &DeadKey) -> Result<DeadLetter, Error> {
        self.system.dead_letter(key).await
    }

    /// Makes it a message again, new in its agent's inbox. Runs nobody.
    ///
    /// # Errors
    /// It is not there, its agent is closed or was removed, or the inbox is full.
    pub async fn retry(&self, key: &DeadKey) -> Result<Accepted, Error> {
        self.system.retry_dead(key).await
    }

    /// Deletes it.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn drop(&self, key: &DeadKey) -> Result<(), Error> {
        self.system.drop_dead(key).await
    }
}
