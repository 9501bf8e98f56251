//! Rows of which a node has many: indexes, each followed to what it points at, and messages and transcripts.

use understory_paths::AgentPath;

use super::lane::{Found, Lane, Stands, look_up};
use super::report::{Report, place};
use crate::error::StoreError;
use crate::keys::{self, Table};
use crate::records::{DeadLetter, ImportState, JobSpec, Message, Node, Pointer, Record, TranscriptEntry};
use crate::seam::{Backend, Entry};

/// The tables of which a node may have many rows.
pub(super) struct Indexes<'a> {
    backend: &'a dyn Backend,
    inbox: Lane<'a>,
    transcript: Lane<'a>,
    dead: Lane<'a>,
    seen: Lane<'a>,
    item_ids: Lane<'a>,
    fingerprints: Lane<'a>,
    nicknames: Lane<'a>,
    imports: Lane<'a>,
}

impl<'a> Indexes<'a> {
    pub(super) fn new(backend: &'a dyn Backend) -> Self {
        let lane = |table| Lane::new(backend, table);
        Indexes {
            backend,
            inbox: lane(Table::Inbox),
            transcript: lane(Table::Transcript),
            dead: lane(Table::Dead),
            seen: lane(Table::Seen),
            item_ids: lane(Table::ItemId),
            fingerprints: lane(Table::Fingerprint),
            nicknames: lane(Table::Nickname),
            imports: lane(Table::ImportState),
        }
    }

    /// Checks the rows of one node, whose paths come in order. What is being removed may lead to what is gone already.
    pub(super) async fn visit(
        &mut self,
        path: &AgentPath,
        node: Option<&Node>,
        removing: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        each::<Message>(&mut self.inbox, path, report).await?;
        each::<TranscriptEntry>(&mut self.transcript, path, report).await?;
        each::<DeadLetter>(&mut self.dead, path, report).await?;
        each::<u64>(&mut self.seen, path, report).await?;
        while let Some((entry, number)) = next::<u64>(&mut self.item_ids, path, report).await? {
            if let Some(what) = self.item_id(path, &entry, number).await?
                && node.is_some()
                && !removing
            {
                report.problem(place(Table::ItemId, &entry.key), what);
            }
        }
        while let Some((entry, Pointer(job))) = next::<Pointer>(&mut self.fingerprints, path, report).await? {
            if let Some(what) = self.fingerprint(path, &entry, &job).await?
                && !removing
            {
                report.problem(place(Table::Fingerprint, &entry.key), what);
            }
        }
        while let Some((entry, Pointer(agent))) = next::<Pointer>(&mut self.nicknames, path, report).await? {
            if let Some(what) = self.nickname(path, &entry, &agent).await?
                && !removing
            {
                report.problem(place(Table::Nickname, &entry.key), what);
            }
        }
        while let Some((entry, state)) = next::<ImportState>(&mut self.imports, path, report).await? {
            if let Some(what) = imported(path, &entry, &state) {
                report.problem(place(Table::ImportState, &entry.key), what);
            }
        }
        Ok(())
    }

    /// What is left belongs to no node.
    pub(super) async fn end(&mut self, report: &mut Report) -> Result<(), StoreError> {
        let Indexes { backend: _, inbox, transcript, dead, seen, item_ids, fingerprints, nicknames, imports } = self;
        for lane in [inbox, transcript, dead, seen, item_ids, fingerprints, nicknames, imports] {
            lane.end(report).await?;
        }
        Ok(())
    }

    async fn item_id(&self, job: &AgentPath, entry: &Entry, number: u64) -> Result<Option<String>, StoreError> {
        let path = u32::try_from(number).ok().and_then(|number| keys::item_path(job, number).ok());
        let Some(path) = path else { return Ok(Some(format!("it leads to row {number}, which cannot be"))) };
        Ok(match look_up::<Node>(self.backend, Table::Node.at(&path)).await? {
            Stands::Damaged => None,
            Stands::There(Node::Item(item)) if keys::item_id(job, &item.item_id) == entry.key => None,
            Stands::There(Node::Item(item)) => {
                Some(format!("it leads to row {number}, whose item id is {:?}", item.item_id))
            }
            Stands::There(_) | Stands::Absent => Some(format!("it leads to row {number}, which is not there")),
        })
    }

    async fn fingerprint(
        &self,
        owner: &AgentPath,
        entry: &Entry,
        job: &AgentPath,
    ) -> Result<Option<String>, StoreError> {
        Ok(match look_up::<JobSpec>(self.backend, Table::Spec.at(job)).await? {
            Stands::Damaged => None,
            Stands::Absent => Some(format!("it leads to {job}, where no job is")),
            Stands::There(_) if job.parent().as_ref() != Some(owner) => {
                Some(format!("it leads to {job}, another's job"))
            }
            Stands::There(spec) if Table::Fingerprint.named(owner, &spec.fingerprint) == entry.key => None,
            Stands::There(_) => Some(format!("it leads to {job}, whose fingerprint is another")),
        })
    }

    async fn nickname(
        &self,
        parent: &AgentPath,
        entry: &Entry,
        agent: &AgentPath,
    ) -> Result<Option<String>, StoreError> {
        let named = match look_up::<Node>(self.backend, Table::Node.at(agent)).await? {
            Stands::Damaged => return Ok(None),
            Stands::There(Node::Agent(agent)) => agent.nickname,
            Stands::There(_) | Stands::Absent => return Ok(Some(format!("it leads to {agent}, where no agent is"))),
        };
        let key = |nickname: &String| Table::Nickname.named(parent, nickname.to_lowercase().as_bytes());
        let fits = agent.parent().as_ref() == Some(parent) && named.as_ref().map(key).as_ref() == Some(&entry.key);
        Ok((!fits).then(|| format!("it leads to {agent}, who is not called so here")))
    }
}

/// What does not fit of a row of an import. The agent of a conversation may have been removed since.
fn imported(top: &AgentPath, entry: &Entry, state: &ImportState) -> Option<String> {
    let (key, what) = match state {
        ImportState::Runs(_) => (Table::ImportState.at(top), "it is of the import's runs".to_owned()),
        ImportState::Thread(thread) if !top.contains(&thread.agent.path) => {
            return Some(format!("{} lies elsewhere", thread.agent.path));
        }
        ImportState::Thread(thread) => {
            (keys::imported_thread(top, &thread.name), format!("it is of {:?}", thread.name))
        }
        ImportState::File(file) => (keys::imported_file(top, &file.name), format!("it is of {:?}", file.name)),
    };
    (key != entry.key).then(|| format!("{what}, which lies elsewhere"))
}

/// Checks that every row of `path` decodes.
pub(super) async fn each<R: Record>(
    lane: &mut Lane<'_>,
    path: &AgentPath,
    report: &mut Report,
) -> Result<(), StoreError> {
    while next::<R>(lane, path, report).await?.is_some() {}
    Ok(())
}

/// The next row of `path` that decodes.
pub(super) async fn next<R: Record>(
    lane: &mut Lane<'_>,
    path: &AgentPath,
    report: &mut Report,
) -> Result<Option<(Entry, R)>, StoreError> {
    while let Some(found) = lane.next_at(path, report).await? {
        if let Found::Row(entry) = found
            && let Stands::There(value) = lane.value(&entry, report).await?
        {
            return Ok(Some((entry, value)));
        }
    }
    Ok(None)
}
