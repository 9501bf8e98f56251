//! What a turn notes and finds again.

use super::Turn;
use crate::memories::{
    MEMORIES_MAX, MemoryEdit, MemoryKey, MemoryPage, MemoryQuery, MemoryView, Note, Noted, Remembered,
};
use crate::tools::ToolError;

impl Turn {
    /// Notes something. Secrets are taken out before it is stored. A turn that is run again and notes the same with the same scope
    /// gets the memory that it wrote before.
    ///
    /// # Errors
    /// It is over 8 KiB or a tag is no good, there are too many memories, the agent may not write for others, or the turn is over.
    pub async fn remember(&self, note: Note) -> Result<Noted, ToolError> {
        self.tools()?.remember(note).await
    }

    /// What was noted for the agent that has any of these words, what fits best first; all of it, the most used first, if there are
    /// none. Each is counted as used, once a turn.
    ///
    /// # Errors
    /// The words are over 4 KiB, or the turn is over.
    pub async fn recall(&self, words: &str) -> Result<Vec<Remembered>, ToolError> {
        let text = Some(words.to_owned()).filter(|words| !words.trim().is_empty());
        let view = MemoryView::SeenBy(self.path().clone());
        Ok(self.recall_by(&MemoryQuery { text, limit: MEMORIES_MAX, ..MemoryQuery::of(view) }).await?.memories)
    }

    /// The same by more than words. The view is the agent's, whatever the query says; a page has no more than 64 KiB of text, or
    /// one memory.
    ///
    /// # Errors
    /// It cannot be asked so, or as for [`Turn::recall`].
    pub async fn recall_by(&self, query: &MemoryQuery) -> Result<MemoryPage, ToolError> {
        self.tools()?.recall(query).await
    }

    /// Writes a memory anew that the agent, or one below it, wrote. Its scope stays.
    ///
    /// # Errors
    /// As for [`Turn::remember`]; or there is none that it may change.
    pub async fn edit_memory(&self, key: &MemoryKey, edit: &MemoryEdit) -> Result<Noted, ToolError> {
        self.tools()?.edit_memory(key, edit).await
    }

    /// Forgets a memory that the agent, or one below it, wrote.
    ///
    /// # Errors
    /// There is none that it may change, or the turn is over.
    pub async fn forget(&self, key: &MemoryKey) -> Result<(), ToolError> {
        self.tools()?.forget_memory(key).await
    }

    /// Marks the agent: it read what nobody vouches for, such as a page of the web. What it and those below it note from then on is
    /// marked too, and by its role's word may be kept from others. Only an operator takes the mark away. False if it has one.
    ///
    /// # Errors
    /// Nothing is said, or the turn is over.
    pub async fn mark_untrusted(&self, reason: &str) -> Result<bool, ToolError> {
        self.tools()?.mark_untrusted(reason).await
    }
}
