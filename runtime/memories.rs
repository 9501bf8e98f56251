//! Memories: what agents and people noted.

use understory_actors::{
    Forgotten, Marked, MemoryEdit, MemoryKey, MemoryPage, MemoryQuery, Note, Noted, Remembered, System, Unused,
};
use understory_paths::AgentPath;

use crate::error::Error;
use crate::runtime::Runtime;

/// The memories of a runtime.
#[derive(Clone)]
pub struct Memories {
    system: System,
}

impl Runtime {
    /// Its memories.
    pub fn memories(&self) -> Memories {
        Memories { system: self.system.clone() }
    }
}

impl Memories {
    /// Writes one at `at`, or at `/root` if it is for a role or for all. Secrets are taken out of it first.
    ///
    /// # Errors
    /// Nothing lies there or it is being removed, the role is not known, the text or a tag is no good, or there are too many.
    pub async fn add(&self, at: &AgentPath, note: Note) -> Result<Noted, Error> {
        self.system.note(at, note).await
    }

    /// Those that a query asks for. Looking is no use.
    ///
    /// # Errors
    /// Nothing lies at the path it names, it cannot be asked so, or the store failed.
    pub async fn find(&self, query: &MemoryQuery) -> Result<MemoryPage, Error> {
        self.system.memories(query).await
    }

    /// What an agent sees that has to do with `query`, and behind that what was of most use, within so many bytes of text.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn relevant(&self, agent: &AgentPath, query: &str, budget: usize) -> Result<Vec<Remembered>, Error> {
        self.system.relevant_memories(agent, query, budget).await
    }

    /// One of them.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn show(&self, key: &MemoryKey) -> Result<Remembered, Error> {
        self.system.memory(key).await
    }

    /// Writes one anew. Its uses stay.
    ///
    /// # Errors
    /// It is not there or is being removed, or the text or a tag is no good.
    pub async fn edit(&self, key: &MemoryKey, edit: &MemoryEdit) -> Result<Noted, Error> {
        self.system.edit_memory(key, edit).await
    }

    /// Forgets one.
    ///
    /// # Errors
    /// It is not there, or the store failed.
    pub async fn forget(&self, key: &MemoryKey) -> Result<(), Error> {
        self.system.forget_memory(key).await
    }

    /// Forgets those at and below a path that nobody used for long, or that are past a number.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed: what was forgotten before stays so.
    pub async fn forget_unused(&self, top: &AgentPath, unused: Unused) -> Result<Forgotten, Error> {
        self.system.forget_unused(top, unused).await
    }

    /// Forgets all at and below a path; the marks of those who read what nobody vouches for stay.
    ///
    /// # Errors
    /// As for [`Memories::forget_unused`].
    pub async fn reset(&self, top: &AgentPath, dry_run: bool) -> Result<Forgotten, Error> {
        self.system.reset_memories(top, dry_run).await
    }

    /// Marks an agent: it read what nobody vouches for. False if it is marked.
    ///
    /// # Errors
    /// Nothing lies at the path, it is being removed, or nothing is said.
    pub async fn mark_untrusted(&self, path: &AgentPath, reason: &str) -> Result<bool, Error> {
        self.system.mark_untrusted(path, reason).await
    }

    /// Takes an agent's mark away. False if it has none.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn clear_mark(&self, path: &AgentPath) -> Result<bool, Error> {
        self.system.clear_mark(path).await
    }

    /// The marks at and below a path, in path order, behind `after` if given.
    ///
    /// # Errors
    /// Nothing lies at the path, or the store failed.
    pub async fn marks(&self, top: &AgentPath, after: Option<&AgentPath>, limit: usize) -> Result<Vec<Marked>, Error> {
        self.system.untrusted_marks(top, after, limit).await
    }
}
