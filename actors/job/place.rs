//! Where the outputs of jobs go, and whose each is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use understory_store::{JobSpec, Table};

use super::error::JobError;
use super::fingerprint::Fingerprint;
use super::output::blocking;
use super::view::JobView;
use crate::error::Error;
use crate::system::System;

/// How many jobs are looked at at a time.
const PAGE: usize = 256;

impl System {
    /// Refuses a place that an unfinished job writes its output to, or `asked`: whichever were written last would be all
    /// that is left. A job of the `same` command is for the registrar to find.
    pub(super) async fn demand_free(
        &self,
        output: PathBuf,
        asked: Option<&JobView>,
        same: Option<Fingerprint>,
    ) -> Result<(), Error> {
        let own = asked.map(|view| (view.path.clone(), PathBuf::from(&view.spec.output)));
        let mut taken = Vec::from_iter(own);
        let mut marks = self.store.pages(Table::Unfinished.all(), PAGE);
        while let Some(keys) = marks.keys().await? {
            for path in keys.iter().filter_map(|key| Table::Unfinished.path_of(key)) {
                let spec = self.store.get::<JobSpec>(&Table::Spec.at(&path)).await?.map(|row| row.value);
                let spec = spec.filter(|spec| same.is_none_or(|same| spec.fingerprint != same.0));
                taken.extend(spec.map(|spec| (path, PathBuf::from(spec.output))));
            }
        }
        blocking(move || {
            let place = resolved(&output);
            match taken.into_iter().find(|(_, taken)| *taken == output || resolved(taken) == place) {
                Some((job, _)) => Err(JobError::OutputTaken { path: output, job }),
                None => Ok(()),
            }
        })
        .await
    }
}

/// Refuses to write to the table of a job, by whatever link.
pub(super) fn demand_not_input(output: &Path, input: &Path) -> Result<(), JobError> {
    match resolved(output) == resolved(input) {
        true => Err(JobError::OutputIsInput { path: output.to_owned() }),
        false => Ok(()),
    }
}

/// A path made absolute as far as it exists: the output itself may not.
pub(super) fn absolute(output: &Path) -> Result<PathBuf, JobError> {
    let whole = std::path::absolute(output).map_err(|source| lost(output, source))?;
    let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else { return Ok(whole) };
    Ok(std::fs::canonicalize(parent).map_or_else(|_| whole.clone(), |parent| parent.join(name)))
}

/// A file that could not be found.
pub(super) fn lost(path: &Path, source: io::Error) -> JobError {
    JobError::Place { path: path.to_owned(), source: Arc::new(source) }
}

/// What is really written to.
fn resolved(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
