//! Where a job's rows are worked on: looked at before they start, and compared with how the last ones left it.
//!
//! A look is good for the rows that start within a second of it, so that a job of many short rows does not spend its time on
//! looks. What changes while rows are at work is taken for theirs, but for another branch and a directory that is gone.

use std::path::Path;
use std::sync::Arc;

use understory_store::{Checkout, Directory, Drift, Event, Pause, Table};

use super::actor::{Held, JobActor, JobSignal};
use super::group::Group;
use crate::directory::{OnDrift, Seen, Site};
use crate::error::Error;
use crate::system::System;

/// What a job's actor knows of its directory.
#[derive(Default)]
pub(super) struct Sight {
    /// Somebody looks.
    pub(super) asked: bool,
    /// The last look.
    seen: Option<Seen>,
    /// Rows were at work since it was last known how they leave it.
    touched: bool,
}

/// Whether rows may start.
pub(super) enum Rows {
    /// It is being looked at where.
    Unseen,
    /// Not there as it is now: the group pauses the job.
    Held,
    /// Here.
    Clear(Option<Site>),
}

impl Sight {
    /// Notes a look that was asked for.
    pub(super) fn sighted(&mut self, seen: Seen) {
        self.asked = false;
        self.seen = Some(seen);
    }

    /// Notes that rows start, or that one is at work that another incarnation started.
    pub(super) fn touch(&mut self) {
        self.touched = true;
    }

    fn fresh(&self, directory: &Path) -> Option<&Option<Checkout>> {
        self.seen.as_ref()?.fresh(directory)
    }
}

impl System {
    /// Looks at a job's directory when a run has ended beside which none is at work: that is how its rows leave it.
    pub(super) async fn note_left(&self, job: &understory_paths::AgentPath, number: u32, site: Option<&Site>) {
        let Some(site) = site else { return };
        let others = |held: &mut Held| held.runs.iter().any(|(row, run)| *row != number && run.is_at_work());
        if self.jobs.held(job, others) == Some(false) {
            let left = Seen::now(site.directory.clone(), self.survey(&site.directory).await);
            self.jobs.held(job, |held| held.left = Some(left));
        }
    }
}

impl JobActor {
    /// Takes up how the rows left the directory, if none of them is at work any more.
    pub(super) async fn take_left(&mut self, group: &mut Group) -> Result<(), Error> {
        let Some(left) = self.system.jobs.held(&self.path, |held| held.left.take()).flatten() else { return Ok(()) };
        let Some(work) = &mut self.work else { return Ok(()) };
        work.sight.sighted(left.clone());
        if work.running.is_empty()
            && let Some(directory) = self.directory_left(&left).await?
        {
            group.directory = Some(directory);
            group.left = Some(left);
            self.work.as_mut().expect("looked at above").sight.touched = false;
        }
        Ok(())
    }

    /// The job's directory as its rows left it; nothing if it is another one by now, or that could not be told.
    pub(super) async fn directory_left(&self, left: &Seen) -> Result<Option<Directory>, Error> {
        let known = self.directory().await?;
        let found = known.as_ref().and_then(|known| left.of(Path::new(&known.path))).cloned().flatten();
        Ok(known.zip(found).map(|(known, found)| known.leave(found, self.system.clock.now())))
    }

    /// Whether the rows of a group may start where they would.
    pub(super) async fn rows_ground(&mut self, group: &mut Group) -> Result<Rows, Error> {
        let known = match group.directory.clone() {
            Some(directory) => Some(directory),
            None => self.directory().await?,
        };
        let (Some(known), Some(work)) = (known, &mut self.work) else { return Ok(Rows::Clear(None)) };
        let policy = self.system.role(&work.spec.role).map_or_else(|_| OnDrift::default(), |role| role.on_drift);
        let directory: Arc<Path> = Path::new(&known.path).into();
        if policy == OnDrift::Ignore {
            return Ok(Rows::Clear(Some(Site { directory, drift: None })));
        }
        let Some(found) = work.sight.fresh(&directory).cloned() else {
            if !std::mem::replace(&mut work.sight.asked, true) {
                let (system, path) = (self.system.clone(), self.path.clone());
                self.system.tasks.spawn(async move {
                    let found = system.survey(&directory).await;
                    // A job that has left looks again when it goes on.
                    let _ = system.jobs.tell_resident(&path, JobSignal::Surveyed(Seen::now(directory, found)));
                });
            }
            return Ok(Rows::Unseen);
        };
        let Some(found) = found else { return Ok(Rows::Clear(Some(Site { directory, drift: None }))) };
        let theirs = work.sight.touched || !work.running.is_empty() || !work.under_way.is_empty();
        let now = self.system.clock.now();
        match known.drift(&found) {
            None => {
                if known.is_held() {
                    group.directory = Some(known.let_go());
                }
                Ok(Rows::Clear(Some(Site { directory, drift: None })))
            }
            Some(drift) if theirs && !drift.is_by_others() => Ok(Rows::Clear(Some(Site { directory, drift: None }))),
            Some(drift) if policy == OnDrift::Block => {
                let path = &self.path;
                let reason = format!(
                    "its directory {} is not as it was left: {drift}; understory dir accept {path} takes it as it is",
                    known.path
                );
                self.tell_drift(group, &drift, true);
                group.directory = Some(known.found(drift, true, now));
                group.pause = Some(Pause { reason, until: None, used_up: false, goal: None });
                Ok(Rows::Held)
            }
            Some(drift) => {
                self.tell_drift(group, &drift, false);
                group.directory = Some(known.found(drift.clone(), false, now).leave(found, now));
                Ok(Rows::Clear(Some(Site { directory, drift: Some(drift) })))
            }
        }
    }

    /// Where the job works, as the last group that was handed over leaves it.
    pub(super) async fn directory(&self) -> Result<Option<Directory>, Error> {
        let Some(work) = &self.work else { return Ok(None) };
        if let Some(written) = work.under_way.iter().rev().find_map(|group| group.directory()) {
            return Ok(Some(written.clone()));
        }
        let row = self.system.store.peek::<Directory>(&Table::Directory.at(&self.path)).await?;
        Ok(row.map(|row| row.value).filter(|directory| directory.of == work.job.id))
    }

    fn tell_drift(&self, group: &mut Group, drift: &Drift, held: bool) {
        let Some(work) = &self.work else { return };
        let Drift { was, is } = drift.clone();
        group.draft.tell(&Event::Drifted { agent: self.this(&work.job), was, is, held });
    }
}
