//! Runs whose job's actor left over an error, kept until the next one begins: no process died, so that no row is charged for
//! it, and how a run ended meanwhile is not lost.
//!
//! A run lies in its job's slot or here. Whoever looks for one, or moves it, holds the lock of its place here first.

use std::collections::HashMap;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use understory_store::AgentRef;

use super::actor::JobActor;
use super::run::{RunEnd, RunEntry};
use crate::system::System;

/// The runs of jobs that have no actor for now, by row.
#[derive(Default)]
pub(crate) struct Aside(DashMap<AgentRef, HashMap<u32, RunEntry>>);

impl JobActor {
    /// Cancels every run and puts it aside; forgets what else is held.
    pub(super) fn put_aside(&self) {
        let this = self.work.as_ref().map(|work| self.this(&work.job));
        let mut aside = this.clone().map(|this| self.system.aside.0.entry(this).or_default());
        let left = self.system.jobs.held(&self.path, std::mem::take).unwrap_or_default();
        for (number, mut run) in left.runs {
            run.cancel.cancel();
            run.slot = None;
            // Nobody knows whose they are only if there was no reading the job.
            aside.as_mut().and_then(|aside| aside.insert(number, run));
        }
        drop(aside);
        this.map(|this| self.system.aside.0.remove_if(&this, |_, runs| runs.is_empty()));
    }

    /// Takes up the runs that an earlier incarnation put aside.
    pub(super) fn take_from_aside(&self) {
        let Some(work) = &self.work else { return };
        if let Entry::Occupied(mut aside) = self.system.aside.0.entry(self.this(&work.job)) {
            self.system.jobs.held(&self.path, |held| held.runs.extend(aside.get_mut().drain()));
            aside.remove();
        }
    }
}

impl System {
    /// Notes how a run ended, in the slot or aside.
    pub(super) fn note_end(&self, job: &AgentRef, number: u32, run: u32, end: RunEnd) {
        let note = |runs: &mut HashMap<u32, RunEntry>| {
            if let Some(entry) = runs.get_mut(&number).filter(|entry| entry.run == run) {
                entry.end = Some(entry.interrupted.clone().map_or(end, RunEnd::Failed));
            }
        };
        match self.aside.0.entry(job.clone()) {
            Entry::Occupied(mut aside) => note(aside.get_mut()),
            // Held until it is noted: nothing is put aside or taken up meanwhile.
            Entry::Vacant(_held) => drop(self.jobs.held(&job.path, |held| note(&mut held.runs))),
        }
    }
}
