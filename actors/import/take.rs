//! One file into the transcript of its agent, in portions that are a commit each; the last says that all of it is there.

use understory_store::{AgentRef, Card, Draft, Event, ImportedThread, Node, Row, Table, Time, TranscriptEntry, Usage};

use super::archive::{ArchiveError, Conversation, Thread};
use super::birth::{card, title};
use super::entry::{Moment, Portion, pass, read};
use super::ledger::Kept;
use super::report::ImportTally;
use super::round::{Candidate, Pend, Ready};
use super::run::{Run, aside};
use crate::error::{Error, chain};

/// A conversation that is being read.
struct Reading {
    conversation: Box<dyn Conversation>,
    moment: Moment,
}

/// A file that is being taken.
struct Taking {
    candidate: Candidate,
    known: Kept<ImportedThread>,
    /// Its agent; nothing in a run that changes nothing.
    node: Option<(AgentRef, Row<Node>)>,
    /// Nothing of its conversation was there before this run.
    fresh: bool,
    /// Whether it has made entries in this run.
    grew: bool,
    /// Lines that were passed over in what was taken before.
    skipped: u64,
}

impl Run<'_> {
    /// Takes what of a file was not taken yet.
    pub(super) async fn take(&mut self, ready: Ready) -> Result<(), Error> {
        let Ready { candidate, conversation, known, node } = ready;
        let moment = Moment(conversation.thread().created_at.map_or(self.system.clock.now(), Time));
        let (mut reading, behind) = Reading { conversation, moment }.go_behind(known.value.as_ref()).await?;
        let wrong = match behind {
            Ok(wrong) => wrong.map(str::to_owned),
            Err(error) => Some(chain(error.as_ref())),
        };
        if let Some(error) = wrong {
            return self.fail(&candidate.file, error).await;
        }
        let (fresh, skipped) = (known.value.is_none(), reading.conversation.thread().skipped);
        let mut taking = Taking { candidate, known, node, fresh, grew: false, skipped };
        loop {
            let portion;
            (reading, portion) = reading.read_on().await?;
            if portion.over || portion.failed.is_some() {
                return self.end(taking, &reading, portion).await;
            }
            taking.grew |= !portion.entries.is_empty();
            if !portion.entries.is_empty() && !self.go_on(&mut taking, &reading, &portion).await? {
                return Ok(());
            }
        }
    }

    /// Commits a portion behind which there is more; false if that was refused.
    async fn go_on(&mut self, taking: &mut Taking, reading: &Reading, portion: &Portion) -> Result<bool, Error> {
        let mut draft = Draft::new();
        let mut noted = None;
        if let Some((agent, node)) = &taking.node {
            append(&mut draft, agent, &portion.entries);
            draft.expect(node);
            let thread = taking.thread(agent, reading, portion);
            noted = Some(self.ledger.note_thread(&mut draft, &taking.known, thread));
        }
        let (gain, candidate) = (gained(portion), taking.candidate.again());
        self.push(Pend { candidate, draft, gain, failure: None }).await?;
        let Some(version) = self.flush().await? else { return Ok(false) };
        self.tell();
        if let Some(noted) = noted {
            taking.known = noted.at(version);
        }
        Ok(true)
    }

    /// Notes the last portion, and how the file ended.
    async fn end(&mut self, mut taking: Taking, reading: &Reading, mut portion: Portion) -> Result<(), Error> {
        taking.grew |= !portion.entries.is_empty();
        let (mut draft, mut gain) = (Draft::new(), gained(&portion));
        let failed = portion.failed.take();
        if let Some((agent, node)) = &taking.node {
            append(&mut draft, agent, &portion.entries);
            let mut thread = taking.thread(agent, reading, &portion);
            match &failed {
                Some(_) => draft.expect(node),
                None => self.settle(&mut draft, (agent, node), &mut thread, reading.conversation.thread()).await?,
            }
            let _ = self.ledger.note_thread(&mut draft, &taking.known, thread);
        }
        let file = &taking.candidate.file;
        let failure = match failed {
            Some(error) => {
                gain.failed = 1;
                Some(self.note_failure(&mut draft, file, chain(error.as_ref())).await?)
            }
            None => {
                let before = self.ledger.file(&file.name).await?;
                let thread = reading.conversation.thread();
                self.ledger.note_whole(&mut draft, &before, file, &thread.name);
                taking.count(&mut gain);
                None
            }
        };
        gain.skipped_lines = reading.conversation.thread().skipped.saturating_sub(taking.skipped);
        self.push(Pend { candidate: taking.candidate, draft, gain, failure }).await
    }

    /// Writes on an agent what is known of its conversation once it was read to its end: its cost, its title and labels.
    async fn settle(
        &self,
        draft: &mut Draft,
        (agent, node): (&AgentRef, &Row<Node>),
        taken: &mut ImportedThread,
        thread: &Thread,
    ) -> Result<(), Error> {
        let tokens = thread.tokens;
        let total = Usage { input_tokens: tokens.input, cached_tokens: tokens.cached, output_tokens: tokens.output };
        let owed = taken.owes(total);
        match &node.value {
            Node::Agent(record) if !owed.is_nothing() => drop(draft.update(node, &Node::Agent(record.charge(owed)))),
            _ => draft.expect(node),
        }
        taken.used = taken.used.plus(owed);
        let key = Table::Card.at(&agent.path);
        let row = self.system.store.peek::<Card>(&key).await?;
        let before = row.as_ref().map(|row| &row.value);
        let next = card(before, agent.id, taken.title.as_ref(), thread);
        taken.title = title(thread);
        if before != Some(&next) && !(before.is_none() && next.is_blank()) {
            match &row {
                Some(row) => drop(draft.update(row, &next)),
                None => drop(draft.create(key, &next)),
            }
            draft.tell(&Event::Labelled { node: agent.clone() });
        }
        Ok(())
    }
}

impl Reading {
    /// Passes over what was taken before. What is wrong, if that is not what it begins with.
    async fn go_behind(
        mut self,
        taken: Option<&ImportedThread>,
    ) -> Result<(Self, Result<Option<&'static str>, ArchiveError>), Error> {
        let Some((bytes, hash)) = taken.map(|taken| (taken.bytes, taken.sha256)) else { return Ok((self, Ok(None))) };
        aside(move || {
            let behind = pass(self.conversation.as_mut(), bytes, hash, &mut self.moment);
            (self, behind)
        })
        .await
    }

    async fn read_on(mut self) -> Result<(Self, Portion), Error> {
        aside(move || {
            let portion = read(self.conversation.as_mut(), &mut self.moment);
            (self, portion)
        })
        .await
    }
}

impl Taking {
    /// What of its conversation was taken once a portion is in the store.
    fn thread(&self, agent: &AgentRef, reading: &Reading, portion: &Portion) -> ImportedThread {
        let before = self.known.value.as_ref();
        ImportedThread {
            name: reading.conversation.thread().name.clone(),
            agent: agent.clone(),
            file: self.candidate.file.name.clone(),
            bytes: reading.conversation.bytes(),
            sha256: reading.conversation.hash(),
            entries: before.map_or(0, |before| before.entries) + portion.entries.len() as u64,
            used: before.map_or_else(Usage::default, |before| before.used),
            title: before.and_then(|before| before.title.clone()),
        }
    }

    /// Counts it as what it is.
    fn count(&self, gain: &mut ImportTally) {
        match (self.fresh, self.grew) {
            (true, _) => gain.new = 1,
            (false, true) => gain.grown = 1,
            (false, false) => gain.known = 1,
        }
    }
}

fn append(draft: &mut Draft, agent: &AgentRef, entries: &[TranscriptEntry]) {
    draft.expect_open(&agent.path);
    for entry in entries {
        draft.append(Table::Transcript.below(&agent.path), entry);
    }
}

fn gained(portion: &Portion) -> ImportTally {
    ImportTally { entries: portion.entries.len() as u64, cut_texts: portion.cut, ..ImportTally::default() }
}
