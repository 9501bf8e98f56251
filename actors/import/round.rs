//! Some files at a time: their agents are created in one commit, and what small files come to is committed together.

use std::collections::HashMap;

use understory_paths::AgentPath;
use understory_store::{AgentRef, CommitError, Draft, ImportedThread, Node, Row, Version};

use super::THREAD_NAME_MAX;
use super::archive::{Conversation, FoundFile};
use super::birth::birth;
use super::family::Place;
use super::ledger::{Conflict, Kept};
use super::report::{ImportFailure, ImportTally};
use super::run::{Run, aside};
use crate::error::{Error, chain};

/// How many writes are committed together, if no single file makes more.
const WRITES_MAX: usize = 448;
/// How many payload bytes are.
const PAYLOAD_MAX: usize = 1 << 20;
/// How often a file is looked at anew that conflicts with what others do.
const TRIES_MAX: u32 = 3;
const BUSY: &str = "what lies there was changed over and over";

/// A file that is to be taken.
pub(super) struct Candidate {
    pub(super) file: FoundFile,
    /// How often that was tried in vain.
    pub(super) tries: u32,
}

impl Candidate {
    /// The same, for another commit.
    pub(super) fn again(&self) -> Candidate {
        Candidate { file: self.file.clone(), tries: self.tries }
    }
}

/// A file that is open, and where it goes.
pub(super) struct Ready {
    pub(super) candidate: Candidate,
    pub(super) conversation: Box<dyn Conversation>,
    pub(super) known: Kept<ImportedThread>,
    /// Its agent as it is on record; nothing in a run that changes nothing.
    pub(super) node: Option<(AgentRef, Row<Node>)>,
}

/// What some files come to, not committed yet.
#[derive(Default)]
pub(super) struct Pending {
    drafts: Vec<Pend>,
    /// Those that conflicted, to be looked at anew.
    again: Vec<Candidate>,
}

/// What one file comes to.
pub(super) struct Pend {
    pub(super) candidate: Candidate,
    pub(super) draft: Draft,
    pub(super) gain: ImportTally,
    pub(super) failure: Option<ImportFailure>,
}

impl Run<'_> {
    /// Takes files; gives back those that are to be looked at anew.
    pub(super) async fn round(&mut self, candidates: Vec<Candidate>) -> Result<Vec<Candidate>, Error> {
        let (mut opened, mut births) = (Vec::new(), Vec::new());
        let mut named = HashMap::<String, AgentPath>::new();
        for candidate in candidates {
            let Some((conversation, known)) = self.open(&candidate).await? else { continue };
            let name = conversation.thread().name.clone();
            if named.contains_key(&name) {
                // Another file of the same conversation.
                self.pending.again.push(candidate);
                continue;
            }
            let place = match self.place(conversation.thread(), known.value.as_ref(), &named).await {
                Ok(place) => place,
                Err(error) => {
                    self.refuse(&candidate.file, error).await?;
                    continue;
                }
            };
            let path = match &place {
                Place::There(there) => there.0.path.clone(),
                Place::New(path) => {
                    births.push(birth(path.clone(), Some(conversation.thread())));
                    path.clone()
                }
                Place::Removed => {
                    self.leave(candidate, &name).await?;
                    continue;
                }
                Place::Waits => {
                    self.waiting.add(name);
                    continue;
                }
            };
            named.insert(name, path);
            opened.push((candidate, conversation, known, place));
        }
        let mut born = self.bear(births).await?.into_iter();
        for (candidate, conversation, known, place) in opened {
            let node = match place {
                Place::There(there) => Ok(Some(*there)),
                _ => born.next().transpose(),
            };
            match node {
                Ok(node) => self.take(Ready { candidate, conversation, known, node }).await?,
                Err(error) => self.refuse(&candidate.file, error).await?,
            }
        }
        self.flush_all().await?;
        Ok(std::mem::take(&mut self.pending.again))
    }

    /// Commits all that is pending.
    pub(super) async fn flush_all(&mut self) -> Result<(), Error> {
        while !self.pending.drafts.is_empty() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Adds what a file comes to; what lies there already is committed first if both are too much.
    pub(super) async fn push(&mut self, pend: Pend) -> Result<(), Error> {
        let sum = |of: fn(&Draft) -> usize| {
            self.pending.drafts.iter().map(|pend| of(&pend.draft)).sum::<usize>() + of(&pend.draft)
        };
        if sum(Draft::writes) > WRITES_MAX || sum(Draft::bytes) > PAYLOAD_MAX {
            self.flush().await?;
        }
        self.pending.drafts.push(pend);
        Ok(())
    }

    /// Commits what is pending, together or, if that conflicts, each by itself. The commit of the last, if it was taken.
    pub(super) async fn flush(&mut self) -> Result<Option<Version>, Error> {
        let drafts = std::mem::take(&mut self.pending.drafts);
        let Some(last) = drafts.last() else { return Ok(None) };
        let mut together = Draft::new();
        drafts.iter().for_each(|pend| together.absorb(pend.draft.clone()));
        let runs = self.ledger.runs().take(&last.candidate.file.name);
        if let Ok(version) = self.ledger.commit(together, runs).await? {
            drafts.into_iter().for_each(|pend| self.gain(&pend.gain, pend.failure));
            return Ok(Some(version));
        }
        let mut last = None;
        for pend in drafts {
            let runs = self.ledger.runs().take(&pend.candidate.file.name);
            last = match self.ledger.commit(pend.draft, runs).await? {
                Ok(version) => {
                    self.gain(&pend.gain, pend.failure);
                    Some(version)
                }
                Err(Conflict) => {
                    self.demand_top().await?;
                    self.postpone(pend.candidate).await?;
                    None
                }
            };
        }
        Ok(last)
    }

    /// Notes that a file failed.
    pub(super) async fn fail(&mut self, file: &FoundFile, error: String) -> Result<(), Error> {
        let failed = self.failed(file, error).await?;
        self.push(failed).await
    }

    /// What it comes to that a file failed.
    async fn failed(&self, file: &FoundFile, error: String) -> Result<Pend, Error> {
        let mut draft = Draft::new();
        let failure = self.note_failure(&mut draft, file, error).await?;
        let gain = ImportTally { failed: 1, ..ImportTally::default() };
        let candidate = Candidate { file: file.clone(), tries: TRIES_MAX };
        Ok(Pend { candidate, draft, gain, failure: Some(failure) })
    }

    /// Writes that a file failed.
    pub(super) async fn note_failure(
        &self,
        draft: &mut Draft,
        file: &FoundFile,
        error: String,
    ) -> Result<ImportFailure, Error> {
        let before = self.ledger.file(&file.name).await?;
        let attempts = before.value.as_ref().map_or(0, |before| before.attempts()) + 1;
        self.ledger.note_failed(draft, &before, file, (error.clone(), self.system.clock.now()));
        Ok(ImportFailure { file: file.name.clone(), error, attempts })
    }

    /// A file fails by an error of ours, unless that ends the whole import.
    async fn refuse(&mut self, file: &FoundFile, error: Error) -> Result<(), Error> {
        match ends_all(&error) {
            true => Err(error),
            false => {
                self.demand_top().await?;
                self.fail(file, chain(&error)).await
            }
        }
    }

    async fn postpone(&mut self, Candidate { file, tries }: Candidate) -> Result<(), Error> {
        match tries {
            0..TRIES_MAX => self.pending.again.push(Candidate { file, tries: tries + 1 }),
            _ => {
                let failed = self.failed(&file, BUSY.to_owned()).await?;
                self.pending.drafts.push(failed);
            }
        }
        Ok(())
    }

    /// A file's conversation, and what is known of that; nothing if it fails.
    async fn open(
        &mut self,
        candidate: &Candidate,
    ) -> Result<Option<(Box<dyn Conversation>, Kept<ImportedThread>)>, Error> {
        let (archive, name) = (self.archive.clone(), candidate.file.name.clone());
        let conversation = match aside(move || archive.open(&name)).await? {
            Ok(conversation) => conversation,
            Err(error) => {
                self.fail(&candidate.file, chain(error.as_ref())).await?;
                return Ok(None);
            }
        };
        let name = &conversation.thread().name;
        if !(1..=THREAD_NAME_MAX).contains(&name.len()) {
            self.fail(&candidate.file, "its conversation has no name that could be kept".to_owned()).await?;
            return Ok(None);
        }
        let known = self.ledger.thread(name).await?;
        Ok(Some((conversation, known)))
    }

    /// Leaves out a file whose agent was removed.
    async fn leave(&mut self, candidate: Candidate, thread: &str) -> Result<(), Error> {
        let mut draft = Draft::new();
        let before = self.ledger.file(&candidate.file.name).await?;
        self.ledger.note_whole(&mut draft, &before, &candidate.file, thread);
        let gain = ImportTally { removed: 1, ..ImportTally::default() };
        self.push(Pend { candidate, draft, gain, failure: None }).await
    }
}

/// Whether an error is none of a single file's.
pub(super) fn ends_all(error: &Error) -> bool {
    matches!(error, Error::Store(_) | Error::Stopping | Error::Commit(CommitError::StorageFull))
}
