//! One run of an import: over all files until those that wait for another have met it.

use std::collections::HashSet;
use std::sync::Arc;

use understory_paths::AgentPath;
use understory_store::{Draft, ImportState, Node, keys};

use super::ImportRequest;
use super::archive::{Archive, Found, FoundFile};
use super::birth::birth;
use super::ledger::Ledger;
use super::report::{FAILURES_MAX, ImportFailure, ImportReport, ImportTally, LINKS_MAX};
use super::round::{Candidate, Pending};
use crate::error::Error;
use crate::registrar::Request;
use crate::system::{System, closed_at, node_at};

/// How many files are taken together: so many are open at once.
const ROUND: usize = 16;
/// How many names are remembered of conversations that wait for their parents: at most 13 MB. A child of one that is not comes
/// to lie below the top, if nothing else comes.
const WAITING_MAX: usize = 65_536;
/// How many rows of files are looked at at a time for those that are gone.
const SWEPT: usize = 256;

/// How long a conversation waits for its parent, below whose agent it comes to lie; then it lies below the top.
pub(super) enum Patience {
    /// Until that comes.
    Lasts,
    /// As long as the parent is one of these, which wait themselves.
    With(HashSet<String>),
    /// Not at all.
    Ends,
}

/// Conversations that wait for their parents.
#[derive(Default)]
pub(super) struct Waiting {
    count: u64,
    /// Their names, if there are not too many.
    names: HashSet<String>,
}

/// One run.
pub(super) struct Run<'a> {
    pub(super) system: &'a System,
    pub(super) top: &'a AgentPath,
    pub(super) archive: Arc<dyn Archive>,
    pub(super) dry: bool,
    pub(super) ledger: Ledger<'a>,
    pub(super) pending: Pending,
    pub(super) patience: Patience,
    /// Those that wait for their parents.
    pub(super) waiting: Waiting,
    report: ImportReport,
    told: &'a (dyn Fn(&ImportTally) + Sync),
}

impl<'a> Run<'a> {
    pub(super) async fn begin(
        system: &'a System,
        request: &'a ImportRequest,
        told: &'a (dyn Fn(&ImportTally) + Sync),
    ) -> Result<Run<'a>, Error> {
        let ImportRequest { at: top, archive, dry_run: dry } = request;
        if node_at(&system.store, top).await?.is_none() && !dry {
            let births = vec![birth(top.clone(), None)];
            system.register(Request::Spawn { births, by: None, tool: None }).await?;
        }
        let mut ledger = Ledger::open(&system.store, top, *dry).await?;
        let report = ImportReport {
            at: top.clone(),
            dry_run: *dry,
            went_on_behind: ledger.runs().through.clone(),
            tally: ImportTally::default(),
            failures: Vec::new(),
            links: Vec::new(),
        };
        let (archive, pending) = (archive.clone(), Pending::default());
        demand_top(system, top, *dry).await?;
        let runs = ledger.runs().begin();
        if ledger.commit(Draft::new(), runs).await?.is_err() {
            return Err(Error::OtherImport { path: top.clone() });
        }
        // Of a run that changes nothing no parent is ever met.
        let patience = if *dry { Patience::Ends } else { Patience::Lasts };
        let waiting = Waiting::default();
        Ok(Run { system, top, archive, dry: *dry, ledger, pending, patience, waiting, report, told })
    }

    /// Takes what there is.
    pub(super) async fn finish(mut self) -> Result<ImportReport, Error> {
        let mut again = false;
        loop {
            let new = self.report.tally.new;
            self.pass(again).await?;
            let waiting = std::mem::take(&mut self.waiting);
            if waiting.count == 0 {
                break;
            }
            self.patience = match self.patience {
                _ if self.report.tally.new > new => Patience::Lasts,
                // Some wait for what never comes, and others for them.
                Patience::Lasts => Patience::With(waiting.names),
                // Those that are left wait for each other.
                Patience::With(_) | Patience::Ends => Patience::Ends,
            };
            again = true;
        }
        if !self.dry {
            self.sweep().await?;
        }
        let runs = self.ledger.runs().end(self.system.clock.now());
        match self.ledger.commit(Draft::new(), runs).await? {
            Ok(_) => Ok(self.report),
            Err(_) => Err(Error::OtherImport { path: self.top.clone() }),
        }
    }

    /// Goes over all files once; `again` in the same run.
    async fn pass(&mut self, again: bool) -> Result<(), Error> {
        let mut files = self.archive.files();
        loop {
            let (batch, rest) = aside(move || (files.by_ref().take(ROUND).collect::<Vec<_>>(), files)).await?;
            files = rest;
            if batch.is_empty() {
                return self.flush_all().await;
            }
            let mut candidates = Vec::new();
            for found in batch {
                candidates.extend(self.meet(found, again).await?);
            }
            while !candidates.is_empty() {
                candidates = self.round(candidates).await?;
            }
            self.tell();
        }
    }

    /// What there is to do about something that was met.
    async fn meet(&mut self, found: Found, again: bool) -> Result<Option<Candidate>, Error> {
        let (file, error) = match found {
            Found::Link { name } => {
                if !again && self.report.links.len() < LINKS_MAX {
                    self.report.links.push(name);
                }
                return Ok(None);
            }
            Found::File(file) => (file, None),
            Found::Failed { name, error } => (FoundFile { name, size: 0, modified: 0 }, Some(error)),
        };
        let known = self.ledger.file(&file.name).await?;
        let before = known.value.as_ref();
        if before.is_some_and(|before| before.failed_in(self.ledger.runs().begun)) {
            return Ok(None);
        }
        let settled = error.is_none() && before.is_some_and(|before| before.settles(file.size, file.modified));
        let tally = &mut self.report.tally;
        tally.last.clone_from(&file.name);
        if !again {
            tally.files += 1;
            tally.unchanged += u64::from(settled);
        }
        match error {
            _ if settled => Ok(None),
            None => Ok(Some(Candidate { file, tries: 0 })),
            Some(error) => {
                self.fail(&file, error).await?;
                Ok(None)
            }
        }
    }

    /// Tells how far it is.
    pub(super) fn tell(&self) {
        (self.told)(&self.report.tally);
    }

    /// Counts what a commit came to.
    pub(super) fn gain(&mut self, gain: &ImportTally, failure: Option<ImportFailure>) {
        self.report.tally.add(gain);
        if self.report.failures.len() < FAILURES_MAX {
            self.report.failures.extend(failure);
        }
    }

    /// Refuses to go on when what all of it lies below was closed or removed.
    pub(super) async fn demand_top(&self) -> Result<(), Error> {
        demand_top(self.system, self.top, self.dry).await
    }

    /// Forgets files that are not there any more.
    async fn sweep(&mut self) -> Result<(), Error> {
        let mut pages = self.system.store.pages(keys::imported_files(self.top), SWEPT);
        while let Some(rows) = pages.peek::<ImportState>().await? {
            let archive = self.archive.clone();
            let is_gone =
                move |state: &ImportState| matches!(state, ImportState::File(file) if !archive.has(&file.name));
            let gone = aside(move || rows.into_iter().filter(|row| is_gone(&row.value)).collect::<Vec<_>>()).await?;
            let mut draft = Draft::new();
            for row in &gone {
                draft.expect(row);
                draft.remove(row);
            }
            if !draft.is_empty() {
                let runs = self.ledger.runs().clone();
                // Whoever has changed one meanwhile has seen it.
                let _ = self.ledger.commit(draft, runs).await?;
            }
        }
        Ok(())
    }
}

impl Waiting {
    /// One more waits.
    pub(super) fn add(&mut self, name: String) {
        self.count += 1;
        if self.names.len() < WAITING_MAX {
            self.names.insert(name);
        }
    }
}

/// Does what may block beside everything else.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::Stopping),
    }
}

async fn demand_top(system: &System, top: &AgentPath, dry: bool) -> Result<(), Error> {
    match node_at(&system.store, top).await?.map(|row| row.value) {
        Some(Node::Agent(_)) => {}
        Some(node) => return Err(Error::wrong_kind(top, &node, "hold what is imported")),
        None if dry => return Ok(()),
        None => return Err(system.missing(top).await),
    }
    match closed_at(&system.store, top).await? {
        None => Ok(()),
        Some(at) => Err(Error::Closed { path: top.clone(), at }),
    }
}
