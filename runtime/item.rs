//! One item of a job, with its texts wherever they lie.

use understory_actors::job::ItemView;
use understory_paths::AgentPath;
use understory_store::{Direction, Item, ItemState, StoreError, Table, Text, TranscriptEntry, keys};

use crate::error::Error;
use crate::runtime::Runtime;

/// How many entries of a transcript an item is shown with.
const KEPT: usize = 64;

/// One item of a job, whole. A long text lies beside the item's record: this has read it.
#[derive(Clone, Debug)]
pub struct WholeItem {
    /// Its record and how it stands.
    pub view: ItemView,
    /// The row as a JSON object.
    pub row: String,
    /// What was reported, as a JSON object, once it is completed.
    pub result: Option<String>,
    /// The last entries of its transcript, at most 64, the oldest first; if its job keeps some.
    pub kept: Vec<TranscriptEntry>,
}

impl Runtime {
    /// One item of a job, whole.
    ///
    /// # Errors
    /// There is no item at the path, or the store failed or lacks a text that it ought to have.
    pub async fn item(&self, path: &AgentPath) -> Result<WholeItem, Error> {
        let missing = || Error::NotFound { path: path.clone() };
        let (job, number) = path.parent().zip(keys::item_number(path)).ok_or_else(missing)?;
        let view = self.job(job).items(number, 1).await?.pop().ok_or_else(missing)?;
        let Item { row, state, .. } = &view.item;
        let row = self.text(row, Table::Row, path).await?;
        let result = match state {
            ItemState::Completed { result, .. } => Some(self.text(result, Table::Result, path).await?),
            _ => None,
        };
        let entries = Table::Transcript.rows_of(path);
        let entries = self.system.store().page::<TranscriptEntry>(entries, None, Direction::Backward, KEPT).await?;
        let kept = entries.into_iter().rev().map(|row| row.value).collect();
        Ok(WholeItem { view, row, result, kept })
    }

    async fn text(&self, text: &Text, beside: Table, path: &AgentPath) -> Result<String, Error> {
        match text {
            Text::Inline(text) => Ok(text.clone()),
            Text::Beside => {
                let key = beside.at(path);
                let missing = || StoreError::Damaged { place: key.to_string(), what: "it is missing".to_owned() };
                Ok(self.system.store().get::<String>(&key).await?.ok_or_else(missing)?.value)
            }
        }
    }
}
