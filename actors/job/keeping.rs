//! What is kept of a row's work: the transcripts of its runs, as its job was asked to. They are written while a run goes on,
//! the last entry with the commit that ends it.

use std::ops::Bound;

use understory_paths::AgentPath;
use understory_store::{
    AgentRef, Direction, Draft, Item, ItemEnd, ItemEnding, ItemState, Keep, Message, MessageKind, Metadata, Node,
    Sender, Table, Time, TranscriptEntry, TurnResult, Usage, keys,
};

use super::actor::JobActor;
use super::commit::WRITES_MAX;
use crate::caller::Caller;
use crate::error::Error;
use crate::system::{System, node_at};

/// How many entries of a row are looked at at a time, to be deleted.
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
            let mut draft = Draft::new();
            for end in ended.iter().filter(|end| end.ending == ItemEnding::Completed) {
                self.drop_transcript(&mut draft, &keys::item_path(&self.path, end.row)?).await?;
            }
            self.drop_drafted(draft).await?;
        }
        Ok(())
    }

    /// Does the same for all such rows: an earlier process may have ended between their end and this.
    pub(super) async fn drop_kept_of_completed(&self) -> Result<(), Error> {
        if !self.keeps_failed_only() {
            return Ok(());
        }
        let (mut draft, mut last) = (Draft::new(), None);
        let mut entries = self.system.store.pages(Table::Transcript.beneath(&self.path), PAGE);
        while let Some(keys) = entries.keys().await? {
            let paths = keys.iter().filter_map(|key| Table::Transcript.path_of(key));
            for path in paths.filter(|path| path.parent().as_ref() == Some(&self.path)) {
                // Those of one row stand together.
                if last.replace(path.clone()).as_ref() != Some(&path) && self.is_completed(&path).await? {
                    self.drop_transcript(&mut draft, &path).await?;
                }
            }
        }
        self.drop_drafted(draft).await
    }

    fn keeps_failed_only(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.spec.keep == Keep::Failed)
    }

    async fn is_completed(&self, item: &AgentPath) -> Result<bool, Error> {
        let row = node_at(&self.system.store, item).await?;
        let completed = |item: &Item| matches!(item.state, ItemState::Completed { .. });
        Ok(row.is_some_and(|row| matches!(&row.value, Node::Item(item) if completed(item))))
    }

    /// Drafts the deletion of a row's transcript, and commits what is drafted as often as a commit is full.
    async fn drop_transcript(&self, draft: &mut Draft, item: &AgentPath) -> Result<(), Error> {
        let mut entries = Table::Transcript.rows_of(item);
        loop {
            let stubs = self.system.store.peek_stubs(entries.clone(), Direction::Forward, ENTRIES).await?;
            for stub in &stubs {
                if draft.writes() >= WRITES_MAX {
                    self.drop_drafted(std::mem::take(draft)).await?;
                }
                draft.discard(stub);
            }
            match stubs.last() {
                Some(last) if stubs.len() == ENTRIES => entries.start = Bound::Excluded(last.key.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn drop_drafted(&self, draft: Draft) -> Result<(), Error> {
        if !draft.is_empty() {
            self.system.store.commit(draft).await?;
        }
        Ok(())
    }
}

/// Adds how a run ended to its transcript, if that is kept: `content` is its result, or what went wrong.
pub(super) fn keep_answer(draft: &mut Draft, keep: Keep, item: &AgentPath, end: ItemEnd, content: &str, at: Time) {
    let result = match end.ending {
        ItemEnding::Completed if keep == Keep::All => TurnResult::Completed,
        ItemEnding::Failed | ItemEnding::Retried if keep != Keep::None => TurnResult::Errored,
        _ => return,
    };
    let (turn, content, usage) = (end.run.into(), content.to_owned(), Usage::default());
    draft.append(Table::Transcript.below(item), &TranscriptEntry::Answer { turn, result, content, at, usage });
}
