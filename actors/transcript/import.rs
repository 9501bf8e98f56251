//! A conversation from elsewhere becomes the transcript of an agent that has done nothing: a batch a commit.
//!
//! Each batch says behind which entry it goes, so that one that is given again is refused. Nothing else is known of an import:
//! whoever goes on with one that was cut short compares what is there.

use understory_paths::AgentPath;
use understory_store::{CommitError, Direction, Draft, InboxKey, Node, Refusal, Table, TranscriptEntry, keys};

use crate::error::Error;
use crate::system::{System, node_at};

/// The most entries of one batch.
pub const IMPORT_ENTRIES_MAX: usize = 256;
/// The most bytes of one batch.
pub const IMPORT_BYTES_MAX: u64 = 1 << 20;

impl System {
    /// Adds entries to the transcript of an agent that has taken no turn, behind the entry `after`, which is its last one; nothing
    /// if it has none. Gives back the place of the last entry. Durable when it returns.
    ///
    /// # Errors
    /// The agent is not there, closed or at work, has taken a turn, or its last entry is another; or they are over 256 or 1 MiB.
    pub async fn import_entries(
        &self,
        into: &AgentPath,
        after: Option<InboxKey>,
        entries: &[TranscriptEntry],
    ) -> Result<Option<InboxKey>, Error> {
        demand_size(into, entries)?;
        // One at a time: what the last entry is cannot be demanded of a commit.
        let _importing = self.importing.lock().await;
        let Some(row) = node_at(&self.store, into).await? else { return Err(self.missing(into).await) };
        let Node::Agent(agent) = &row.value else {
            return Err(Error::wrong_kind(into, &row.value, "be imported into"));
        };
        if agent.turns > 0 || agent.running().is_some() {
            return Err(Refusal(format!("{into} has taken turns: only one that has not is imported into")).into());
        }
        let last = self.store.peek_stubs(Table::Transcript.rows_of(into), Direction::Backward, 1).await?;
        let last = last.first().and_then(|last| keys::inbox_key(&last.key));
        if last != after {
            return Err(Refusal(format!("{into} has a transcript that these entries do not go on from")).into());
        }
        if entries.is_empty() {
            return Ok(last);
        }
        let mut draft = Draft::new();
        draft.expect(&row);
        draft.expect_open(into);
        let mut place = 0;
        for entry in entries {
            place = draft.append(Table::Transcript.below(into), entry);
        }
        match self.store.commit(draft).await {
            Ok(sequence) => Ok(Some(InboxKey { sequence, n: place })),
            Err(CommitError::Conflict { key, .. }) => Err(match Table::Closed.path_of(&key) {
                Some(at) => Error::Closed { path: into.clone(), at },
                None => Refusal(format!("{into} was asked something else meanwhile")).into(),
            }),
            Err(error) => Err(error.into()),
        }
    }
}

fn demand_size(into: &AgentPath, entries: &[TranscriptEntry]) -> Result<(), Error> {
    let bytes: u64 = entries.iter().map(TranscriptEntry::bytes).sum();
    if entries.len() <= IMPORT_ENTRIES_MAX && bytes <= IMPORT_BYTES_MAX {
        return Ok(());
    }
    let (limit, value) = ("import_entries", IMPORT_ENTRIES_MAX as u64);
    Err(Error::Limit { limit, value, holder: into.clone(), remedy: "give fewer at once, of 1 MiB at the most" })
}
