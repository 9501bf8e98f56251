//! What an import has on record, and the commits by which it changes.

use understory_paths::AgentPath;
use understory_store::{
    CommitError, Draft, FileTaken, ImportRuns, ImportState, ImportedFile, ImportedThread, Row, Store, Table, Time,
    Version, Written, keys,
};

use super::archive::FoundFile;
use crate::error::{Error, cut};

/// What an import has on record below an agent.
pub(super) struct Ledger<'a> {
    store: &'a Store,
    top: &'a AgentPath,
    /// Nothing is written.
    dry: bool,
    runs: ImportRuns,
    row: Option<Row<ImportState>>,
}

/// A row of the ledger as it was read, perhaps not there.
pub(super) struct Kept<T> {
    pub(super) value: Option<T>,
    row: Option<Row<ImportState>>,
}

impl<'a> Ledger<'a> {
    /// The ledger below `top`. Its row of the runs is read, and written with the first commit.
    pub(super) async fn open(store: &'a Store, top: &'a AgentPath, dry: bool) -> Result<Ledger<'a>, Error> {
        let row = store.get::<ImportState>(&Table::ImportState.at(top)).await?;
        let runs = match row.as_ref().map(|row| &row.value) {
            Some(ImportState::Runs(runs)) => runs.clone(),
            _ => ImportRuns::default(),
        };
        Ok(Ledger { store, top, dry, runs, row })
    }

    /// The runs so far.
    pub(super) fn runs(&self) -> &ImportRuns {
        &self.runs
    }

    /// What is known of a conversation.
    pub(super) async fn thread(&self, name: &str) -> Result<Kept<ImportedThread>, Error> {
        let row = self.store.peek::<ImportState>(&keys::imported_thread(self.top, name)).await?;
        let value = match row.as_ref().map(|row| &row.value) {
            Some(ImportState::Thread(thread)) => Some(thread.clone()),
            _ => None,
        };
        Ok(Kept { value, row })
    }

    /// What is known of a file.
    pub(super) async fn file(&self, name: &str) -> Result<Kept<ImportedFile>, Error> {
        let row = self.store.peek::<ImportState>(&keys::imported_file(self.top, name)).await?;
        let value = match row.as_ref().map(|row| &row.value) {
            Some(ImportState::File(file)) if file.name == name => Some(file.clone()),
            _ => None,
        };
        Ok(Kept { value, row })
    }

    /// Notes what was taken of a conversation; gives back the row as the commit will leave it.
    pub(super) fn note_thread(
        &self,
        draft: &mut Draft,
        before: &Kept<ImportedThread>,
        thread: ImportedThread,
    ) -> Noted {
        let (key, state) = (keys::imported_thread(self.top, &thread.name), ImportState::Thread(thread));
        let written = match &before.row {
            Some(row) => draft.update(row, &state),
            None => draft.create(key, &state),
        };
        Noted { written, state }
    }

    /// Notes that all of a file is in the store.
    pub(super) fn note_whole(&self, draft: &mut Draft, before: &Kept<ImportedFile>, file: &FoundFile, thread: &str) {
        self.note_file(draft, before, file, FileTaken::Whole { thread: thread.to_owned() });
    }

    /// Notes that a file could not be read.
    pub(super) fn note_failed(
        &self,
        draft: &mut Draft,
        before: &Kept<ImportedFile>,
        file: &FoundFile,
        (error, at): (String, Time),
    ) {
        let attempts = before.value.as_ref().map_or(0, ImportedFile::attempts) + 1;
        self.note_file(
            draft,
            before,
            file,
            FileTaken::Failed { error: cut(error), attempts, run: self.runs.begun, at },
        );
    }

    fn note_file(&self, draft: &mut Draft, before: &Kept<ImportedFile>, file: &FoundFile, taken: FileTaken) {
        let FoundFile { name, size, modified } = file.clone();
        let key = keys::imported_file(self.top, &name);
        let state = ImportState::File(ImportedFile { name, size, modified, taken });
        match &before.row {
            Some(row) => drop(draft.update(row, &state)),
            None => drop(draft.create(key, &state)),
        }
    }

    /// Commits what was noted, with how the runs stand. What it conflicts with is read again by whoever wrote the draft.
    pub(super) async fn commit(
        &mut self,
        mut draft: Draft,
        runs: ImportRuns,
    ) -> Result<Result<Version, Conflict>, Error> {
        if self.dry {
            self.runs = runs;
            return Ok(Ok(0));
        }
        let (key, state) = (Table::ImportState.at(self.top), ImportState::Runs(runs.clone()));
        let written = match &self.row {
            Some(row) => draft.update(row, &state),
            None => draft.create(key.clone(), &state),
        };
        match self.store.commit(draft).await {
            Ok(version) => {
                (self.row, self.runs) = (Some(Row::written(written, state, version)), runs);
                Ok(Ok(version))
            }
            Err(CommitError::Conflict { key: at, .. }) if at == key => {
                Err(Error::OtherImport { path: self.top.clone() })
            }
            Err(CommitError::Conflict { .. }) => Ok(Err(Conflict)),
            Err(error) => Err(error.into()),
        }
    }
}

/// A commit was refused, since something it rests on has changed.
pub(super) struct Conflict;

/// A row of a conversation that a commit is to write.
pub(super) struct Noted {
    written: Written,
    state: ImportState,
}

impl Noted {
    /// The row, written by this commit.
    pub(super) fn at(self, version: Version) -> Kept<ImportedThread> {
        let value = match &self.state {
            ImportState::Thread(thread) => Some(thread.clone()),
            _ => None,
        };
        Kept { value, row: Some(Row::written(self.written, self.state, version)) }
    }
}
