//! What is kept of a row's work: the transcripts of its runs, as its job was asked to. They are written while a run goes on,
//! the last entry with the commit that ends it.

use std::collections::BTreeSet;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Direction, Draft, ItemEnd, ItemEnding, ItemState, Keep, Message, MessageKind, Metadata, Node, Sender,
    Table, Time, TranscriptEntry, TurnResult, keys,
};

use super::actor::JobActor;
use super::commit::WRITES_MAX;
use crate::caller::Caller;
use crate::error::Error;
use crate::system::{System, node_at};

/// The most entries that are deleted in one commit.
const ENTRIES: usize = 256;
/// How many keys a look for entries reads at a time.
const PAGE: usize = 1024;

impl System {
    /// Writes into a worker's transcript what it is asked, before it is asked.
    pub(super) async fn keep_question(&self, caller: &Caller, job: AgentRef, text: String) -> Result<(), Error> {
        let message = Message {
            to: caller.me().id,
            from: Sender::Agent(job),
            kind: MessageKind::Said,
            trigger: true,
            text,
            at: self.clock.now(),
            message_id: None,
            metadata: Metadata::default(),
        };
        self.keep_mail(caller, &[message]).await
    }

    /// Writes messages that a worker is about to be given into its transcript, if it has one.
    pub(crate) async fn keep_mail(&self, caller: &Caller, messages: &[Message]) -> Result<(), Error> {
        if !caller.is_transcribed() || messages.is_empty() {
            return Ok(());
        }
        let mut draft = Draft::new();
        caller.fence(&mut draft);
        for message in messages {
            let entry = TranscriptEntry::Message { turn: caller.attempt().into(), message: message.clone() };
            caller.transcribe(&mut draft, &entry);
        }
        self.store.commit(draft).await.map_err(|error| caller.explain(error))?;
        Ok(())
    }
}

impl JobActor {
    /// Deletes the transcripts of rows that came to an end with a result, where only those of failed rows are kept.
    pub(super) async fn drop_kept_of(&self, ended: &[ItemEnd]) -> Result<(), Error> {
        if self.keeps_failed_only() {
            for end in ended.iter().filter(|end| end.ending == ItemEnding::Completed) {
                self.drop_transcript(&keys::item_path(&self.path, end.row)?).await?;
            }
        }
        Ok(())
    }

    /// Does the same for all such rows: an earlier process may have ended between their end and this.
    pub(super) async fn drop_kept_of_completed(&self) -> Result<(), Error> {
        if !self.keeps_failed_only() {
            return Ok(());
        }
        let mut found = BTreeSet::new();
        let mut entries = self.system.store.pages(Table::Transcript.beneath(&self.path), PAGE);
        while let Some(keys) = entries.keys().await? {
            let paths = keys.iter().filter_map(|key| Table::Transcript.path_of(key));
            found.extend(paths.filter(|path| path.parent().as_ref() == Some(&self.path)));
        }
        for path in found {
            let item = node_at(&self.system.store, &path).await?;
            let completed =
                |node: &Node| matches!(node, Node::Item(item) if matches!(item.state, ItemState::Completed { .. }));
            if item.is_some_and(|row| completed(&row.value)) {
                self.drop_transcript(&path).await?;
            }
        }
        Ok(())
    }

    fn keeps_failed_only(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.spec.keep == Keep::Failed)
    }

    async fn drop_transcript(&self, item: &AgentPath) -> Result<(), Error> {
        loop {
            let entries = Table::Transcript.rows_of(item);
            let stubs = self.system.store.peek_stubs(entries, Direction::Forward, ENTRIES).await?;
            if stubs.is_empty() {
                return Ok(());
            }
            let mut draft = Draft::new();
            for stub in &stubs {
                if draft.writes() >= WRITES_MAX {
                    break;
                }
                draft.discard(stub);
            }
            self.system.store.commit(draft).await?;
        }
    }
}

/// Adds how a run ended to its transcript, if that is kept: `content` is its result, or what went wrong.
pub(super) fn keep_answer(draft: &mut Draft, keep: Keep, item: &AgentPath, end: ItemEnd, content: &str, at: Time) {
    let result = match end.ending {
        ItemEnding::Completed if keep == Keep::All => TurnResult::Completed,
        ItemEnding::Failed | ItemEnding::Retried if keep != Keep::None => TurnResult::Errored,
        _ => return,
    };
    let (turn, content) = (end.run.into(), content.to_owned());
    draft.append(Table::Transcript.below(item), &TranscriptEntry::Answer { turn, result, content, at });
}
