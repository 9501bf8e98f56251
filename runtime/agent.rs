//! A handle on one agent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use understory_actors::{
    Accepted, Asked, Assignment, CardPatch, ClosedReport, Digested, FanOut, Labelled, Letter, ParcelReport, Project,
    PruneReport, PruneRequest, RemovedReport, Settled, System, TranscriptPage, TranscriptQuery, Until, UsageReport,
    View,
};
use understory_paths::{AgentPath, PathError};
use understory_store::{Directory, Metadata};

use crate::error::Error;
use crate::spawn::Spawn;

/// A handle on the agent at a path, whether it is there or not. Cheap to clone; holds nothing alive.
#[derive(Clone)]
pub struct Agent {
    pub(crate) system: System,
    pub(crate) path: AgentPath,
    metadata: Metadata,
}

impl Agent {
    pub(crate) fn new(system: System, path: AgentPath) -> Self {
        Agent { system, path, metadata: Metadata::default() }
    }

    /// Where it lies.
    pub fn path(&self) -> &AgentPath {
        &self.path
    }

    /// The same handle, which attaches this to every message that is sent by it.
    pub fn attaching(self, metadata: Metadata) -> Agent {
        Agent { metadata, ..self }
    }

    /// A handle on what lies below it.
    ///
    /// # Errors
    /// The name is not one.
    pub fn child(&self, name: &str) -> Result<Agent, PathError> {
        Ok(Agent::new(self.system.clone(), self.path.join(name)?))
    }

    /// Creates a child once awaited.
    pub fn spawn(&self, name: &str) -> Spawn {
        Spawn::new(self.system.clone(), self.path.join(name))
    }

    /// Leaves a message, which starts no turn. Durable when it returns.
    ///
    /// # Errors
    /// The agent is not there or closed, its inbox is full, or the text is over 256 KiB.
    pub async fn send(&self, text: impl Into<String>) -> Result<Accepted, Error> {
        self.system.send(self.letter(text.into(), None)).await
    }

    /// As [`Agent::send`]; a second message with the same id is refused as accepted already.
    ///
    /// # Errors
    /// As for [`Agent::send`].
    pub async fn send_once(&self, id: impl Into<String>, text: impl Into<String>) -> Result<Accepted, Error> {
        self.system.send(self.letter(text.into(), Some(id.into()))).await
    }

    /// As [`Agent::send`], to it and every open agent below it; `id` as for [`Agent::send_once`], by which it can be given again
    /// without a second copy to anybody.
    ///
    /// # Errors
    /// As for [`Agent::send`], before anybody got it; later errors are in the answer.
    pub async fn send_subtree(&self, text: impl Into<String>, id: Option<String>) -> Result<FanOut, Error> {
        self.system.send_subtree(&self.letter(text.into(), id)).await
    }

    /// Leaves a message that starts a turn, and runs the agent's subtree.
    ///
    /// # Errors
    /// As for [`Agent::send`]; and the agent has no brain.
    pub async fn assign(&self, text: impl Into<String>) -> Result<Assignment, Error> {
        self.system.assign(self.letter(text.into(), None)).await
    }

    /// As [`Agent::assign`], and waits for the outcome until the deadline, after which the message stays.
    ///
    /// # Errors
    /// As for [`Agent::assign`]; and the agent was closed or faulted before the turn ended.
    pub async fn ask(&self, text: impl Into<String>, within: Duration) -> Result<Asked, Error> {
        self.system.ask(self.letter(text.into(), None), within).await
    }

    /// Ends its turn, on record and without waiting for the brain; what the turn had in hand is consumed, and the next mail is
    /// taken. False if no turn is under way in this process.
    ///
    /// # Errors
    /// The agent is not there or closed.
    pub async fn interrupt(&self) -> Result<bool, Error> {
        self.system.interrupt(&self.path).await
    }

    /// As [`Agent::interrupt`], for it and all agents below it; tells whose turns those were.
    ///
    /// # Errors
    /// As for [`Agent::interrupt`].
    pub async fn interrupt_subtree(&self) -> Result<Vec<AgentPath>, Error> {
        self.system.interrupt_subtree(&self.path).await
    }

    /// As [`Agent::assign`], and ends the turn under way, which the message does not join: the next one begins with it. True
    /// with it if there was such a turn.
    ///
    /// # Errors
    /// As for [`Agent::assign`].
    pub async fn assign_interrupting(&self, text: impl Into<String>) -> Result<(Assignment, bool), Error> {
        self.system.assign_interrupting(self.letter(text.into(), None)).await
    }

    /// Runs its subtree and waits until nothing runs in it and nothing that would start a turn lies there. Nothing if the
    /// deadline came first.
    ///
    /// # Errors
    /// The agent is not there, or the runtime stops.
    pub async fn wait(&self, within: Duration) -> Result<Option<Settled>, Error> {
        Ok(self.system.wait(std::slice::from_ref(&self.path), Until::All, within).await?.pop())
    }

    /// Runs its subtree for the life of the process.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn run(&self) -> Result<(), Error> {
        self.system.run(&self.path).await
    }

    /// Closes it with all below it: one mark, durable at once. What runs is given `grace`.
    ///
    /// # Errors
    /// The agent is not there, or is the root.
    pub async fn close(&self, grace: Duration) -> Result<ClosedReport, Error> {
        self.system.close(&self.path, grace).await
    }

    /// Takes its mark away, and its fault. What was closed by itself below it stays closed. False if there was nothing to do.
    ///
    /// # Errors
    /// The agent is not there, or an ancestor is closed.
    pub async fn resume(&self) -> Result<bool, Error> {
        self.system.resume(&self.path).await
    }

    /// Removes it with all below it, for good: it must be closed, or a job that is final. Given up half-way, it is closed and
    /// can only be removed. Says what there was to remove.
    ///
    /// # Errors
    /// It is not there, open, the root, a job's item or below one; or who acts there does not end.
    pub async fn remove(&self) -> Result<RemovedReport, Error> {
        self.system.remove(&self.path).await
    }

    /// Writes it, which must be closed, with all below it and everything they keep into a new file, as they are at one moment;
    /// tokens are not in it. [`Runtime::import_subtree`](crate::Runtime::import_subtree) takes it in.
    ///
    /// # Errors
    /// It is not there, open, the root, a job's item or below one; a job in it still stores its table; somebody changes it
    /// meanwhile; or the file is there already or cannot be written.
    pub async fn export(&self, file: impl Into<PathBuf>) -> Result<ParcelReport, Error> {
        self.system.export(&self.path, file).await
    }

    /// What [`Agent::remove`] would remove now.
    ///
    /// # Errors
    /// As for [`Agent::remove`].
    pub async fn removal(&self) -> Result<RemovedReport, Error> {
        self.system.removal(&self.path).await
    }

    /// It and all below it as a project: what is done of what was to be done, what remains, and what is in the way.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn project(&self) -> Result<Project, Error> {
        self.system.project(&self.path).await
    }

    /// Changes its title and labels: what the patch does not name stays.
    ///
    /// # Errors
    /// The agent is not there or being removed, or a title or label is not one.
    pub async fn label(&self, patch: &CardPatch) -> Result<Labelled, Error> {
        self.system.label(&self.path, patch).await
    }

    /// Where it works, how that was left and what was last found otherwise; nothing if it has no directory.
    ///
    /// # Errors
    /// The store failed.
    pub async fn directory(&self) -> Result<Option<Directory>, Error> {
        self.system.directory(&self.path).await
    }

    /// Has it work there from its next turn on, and takes the directory to be right as it is.
    ///
    /// # Errors
    /// The agent or the directory is not there.
    pub async fn set_directory(&self, directory: impl AsRef<Path>) -> Result<Directory, Error> {
        self.system.set_directory(&self.path, directory.as_ref()).await
    }

    /// Takes its directory to be right as it is: what was held against it goes on.
    ///
    /// # Errors
    /// The agent is not there, or has none.
    pub async fn accept_directory(&self) -> Result<Directory, Error> {
        self.system.accept_directory(&self.path).await
    }

    /// Its record and how it stands.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn show(&self) -> Result<View, Error> {
        self.system.show(&self.path).await
    }

    /// A page of its transcript. The query's path is not looked at.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn transcript(&self, query: TranscriptQuery) -> Result<TranscriptPage, Error> {
        self.system.transcript(&TranscriptQuery { of: self.path.clone(), ..query }).await
    }

    /// What it and those below it have cost: it, and the `limit` dearest of the others.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn usage(&self, limit: usize) -> Result<UsageReport, Error> {
        self.system.usage(&self.path, limit).await
    }

    /// Takes the oldest entries out of the transcripts at and below it: those that are older, and as many of the oldest as it
    /// takes for the others to have no more bytes than this together. See [`System::prune`].
    ///
    /// # Errors
    /// The agent is not there, or neither is given.
    pub async fn prune(&self, older_than: Option<Duration>, keep_bytes: Option<u64>) -> Result<PruneReport, Error> {
        let top = self.path.clone();
        self.system.prune(&PruneRequest { top, older_than, keep_bytes, dry_run: false }).await
    }

    /// What its work came to by now, in short.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn digest(&self) -> Result<Digested, Error> {
        self.system.digest(&self.path).await
    }

    /// As [`Agent::digest`], and keeps it: what a transcript loses after that stays told.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn refresh_digest(&self) -> Result<Digested, Error> {
        self.system.refresh_digest(&self.path).await
    }

    fn letter(&self, text: String, message_id: Option<String>) -> Letter {
        let metadata = self.metadata.clone();
        Letter { message_id, metadata, ..Letter::to(self.path.clone(), text) }
    }
}
