//! An output that grows while its job runs, beside the actor. What it has is no promise: the output that takes its place at
//! the end is written from the records.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use understory_paths::AgentPath;
use understory_store::{GrowthOrder, Job, JobSpec, OutputFormat};

use super::actor::{Held, JobActor, JobSignal};
use super::export::{Growing, Layout};
use super::follow::{Follow, Look, Place};
use super::output::{LINES_BYTES, blocking, line};
use crate::agent::work;
use crate::error::{Error, chain};
use crate::system::System;

impl JobActor {
    /// Has the output grow, if that was asked for, from its beginning. It is tried once; that it fails stops no row.
    pub(super) fn grow(&mut self) {
        let Some(work) = &self.work else { return };
        let Some(order) = work.spec.output_format.grows else { return };
        let idle = work.job.state.is_final() || self.stopping || !self.system.active.contains(&self.path);
        if idle || work.spec.output.is_empty() || self.grew {
            return;
        }
        let end = CancellationToken::new();
        let begin = |held: &mut Held| {
            let idle = held.growing.is_none();
            held.growing.get_or_insert_with(|| end.clone());
            idle
        };
        // While another is about to end, its end brings the actor back here.
        if self.system.jobs.held(&self.path, begin) != Some(true) {
            return;
        }
        self.grew = true;
        let (system, path, spec, job) = (self.system.clone(), self.path.clone(), work.spec.clone(), work.job.clone());
        self.system.tasks.spawn(async move {
            let grown = AssertUnwindSafe(grow(&system, &path, order, &job, &spec, &end)).catch_unwind().await;
            let failed = match grown {
                Ok(Err(error @ Error::Job(_))) => Some(chain(&error)),
                // The job is closed, or the process stops.
                Ok(_) => None,
                Err(panic) => Some(work::words(panic.as_ref())),
            };
            if let Some(error) = failed {
                tracing::warn!(%path, error, "the output does not grow: it is written at the end");
            }
            system.jobs.held(&path, |held: &mut Held| held.growing = None);
            // Without a slot the job has left; the output grows from its beginning when it is resumed.
            let _ = system.jobs.tell_resident(&path, JobSignal::Grown);
        });
    }

    /// Has the output grow anew: rows that were done are open again.
    pub(super) fn grow_again(&mut self) {
        self.end_growth();
        self.grew = false;
    }

    /// Ends what grows. True if that is still to come.
    pub(super) fn end_growth(&self) -> bool {
        let end = |held: &mut Held| held.growing.as_ref().inspect(|end| end.cancel()).is_some();
        self.system.jobs.held(&self.path, end) == Some(true)
    }
}

/// Writes rows as they come to their ends, until there are no more or the output is written at last.
async fn grow(
    system: &System,
    path: &AgentPath,
    order: GrowthOrder,
    job: &Job,
    spec: &JobSpec,
    end: &CancellationToken,
) -> Result<(), Error> {
    // Which columns keys of results are is known at the end alone.
    let format = OutputFormat { expand: false, ..spec.output_format };
    let (output, layout) =
        (PathBuf::from(&spec.output), Layout { headers: spec.headers.clone(), format, keys: Vec::new() });
    let mut growing = blocking(move || Growing::create(&output, &layout)).await?;
    let mut follow = Follow::new(system, path, Place::start(system, order));
    let id = job.id.to_string();
    // Nothing is dropped half way that another thread is at: it would put the file there behind the output itself.
    while !end.is_cancelled() {
        match follow.look().await? {
            Look::Found(found) => {
                let mut found = found.into_iter().peekable();
                while found.peek().is_some() {
                    let (mut lines, mut bytes) = (Vec::new(), 0);
                    while bytes < LINES_BYTES
                        && let Some(row) = found.next()
                    {
                        let line = line(system, job, spec, &row.me, row.number, row.item).await?;
                        bytes += line.bytes();
                        lines.push(line);
                    }
                    let id = id.clone();
                    let write =
                        move || lines.iter().try_for_each(|line| growing.row(&line.as_row(&id))).map(|()| growing);
                    growing = blocking(move || write()?.show()).await?;
                }
            }
            Look::Nothing => {
                growing = blocking(move || growing.show()).await?;
                tokio::select! {
                    waited = follow.wait() => waited?,
                    () = end.cancelled() => {}
                }
            }
            Look::Over => break,
        }
    }
    Ok(())
}
