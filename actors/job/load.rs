//! What a job's actor reads when it begins: the one way to start, to go on after a crash and to resume.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use understory_store::{ItemState, JobSpec, Node, Row, StoreError, Table, keys};

use super::actor::{Held, JobActor, Work};
use super::dependencies::Dependencies;
use super::site::Sight;
use super::template::Template;
use crate::error::Error;
use crate::system::{closed_at, node_at};

/// How many items are read ahead at a time.
const PAGE: u32 = 256;
/// How many rows that wait for a retry are held before no more are looked at.
const DELAYED_MAX: usize = 4096;

impl JobActor {
    /// Reads the job and goes on from where it stands.
    pub(super) async fn set_out(&mut self) -> Result<(), Error> {
        self.stopping = closed_at(&self.system.store, &self.path).await?.is_some();
        if !self.load().await? {
            return Ok(());
        }
        let held =
            |held: &mut Held| held.runs.iter().filter(|(_, run)| run.end.is_some()).map(|(row, _)| *row).collect();
        let ended: Vec<u32> = self.system.jobs.held(&self.path, held).unwrap_or_default();
        ended.into_iter().for_each(|row| self.take_end(row));
        self.close_offspring_of_ended().await?;
        self.clear_mail_of_ended().await?;
        self.drop_kept_of_completed().await?;
        self.call_flush();
        Ok(())
    }

    /// Reads the job's record and what it was asked for. False: there is no such job.
    pub(super) async fn load(&mut self) -> Result<bool, Error> {
        let row = node_at(&self.system.store, &self.path).await?;
        let spec = self.system.store.peek::<JobSpec>(&Table::Spec.at(&self.path)).await?;
        let (Some(row), Some(spec)) = (row, spec) else { return Ok(false) };
        let Node::Job(job) = row.value.clone() else { return Ok(false) };
        let spec = Arc::new(spec.value);
        if self.system.jobs.held(&self.path, |held| held.schema.is_some()) == Some(false) {
            let schema = self.system.compile_schema(spec.schema.as_deref()).await?;
            self.system.jobs.held(&self.path, |held| held.schema = schema);
        }
        let template = spec.template.as_deref().map(|text| Arc::new(Template::parse(text)));
        let (endings, mailed) = self.work.take().map(|work| (work.endings, work.mailed)).unwrap_or_default();
        self.work = Some(Work {
            next: job.cursor.max(1),
            row,
            job,
            spec,
            template,
            running: HashMap::new(),
            ready: VecDeque::new(),
            delayed: BTreeMap::new(),
            found: HashSet::new(),
            mailed,
            dependencies: Dependencies::default(),
            endings,
            suspects: VecDeque::new(),
            under_way: VecDeque::new(),
            granted: Vec::new(),
            queued: 0,
            flushing: false,
            timer: None,
            sight: Sight::default(),
        });
        self.take_from_aside();
        self.find_running().await?;
        self.load_dependencies().await?;
        self.call_workers();
        Ok(true)
    }

    /// Looks ahead until `wanted` rows are ready or there are no more.
    pub(super) async fn look_ahead(&mut self, wanted: usize) -> Result<(), Error> {
        self.ripen();
        self.take_released(wanted).await?;
        while let Some(work) = &self.work
            && work.ready.len() < wanted
            && work.next <= work.job.imported
            && work.delayed.len() < DELAYED_MAX
        {
            let items = self.page(work.next, PAGE.min(work.job.imported + 1 - work.next)).await?;
            let work = self.work.as_mut().expect("looked at above");
            work.next += PAGE.min(work.job.imported + 1 - work.next);
            for (number, row) in items {
                work.sort(number, row);
            }
        }
        Ok(())
    }

    /// Moves rows whose pause is over to those that are ready.
    fn ripen(&mut self) {
        let now = self.system.clock.now();
        let Some(work) = &mut self.work else { return };
        if work.timer.is_some_and(|at| at <= now) {
            work.timer = None;
        }
        while let Some(entry) = work.delayed.first_entry()
            && entry.key().0 <= now
        {
            let number = entry.key().1;
            let row = entry.remove();
            work.line_of(&row).push_front((number, row));
        }
    }

    /// Items from row `first` on, at most `count`, by number.
    pub(super) async fn page(&self, first: u32, count: u32) -> Result<Vec<(u32, Row<Node>)>, Error> {
        let mut found = Vec::with_capacity(count as usize);
        let mut wanted = Vec::with_capacity(count as usize);
        for number in first..first + count {
            wanted.push((number, Table::Node.at(&keys::item_path(&self.path, number)?)));
        }
        for (number, key) in wanted {
            match self.system.store.peek::<Node>(&key).await? {
                Some(row) => found.push((number, row)),
                None => {
                    let what = format!("row {number} of {} is missing", self.path);
                    return Err(StoreError::Damaged { place: key.to_string(), what }.into());
                }
            }
        }
        Ok(found)
    }

    /// Finds the rows that are on record as running: those of this process's runs, and those that an earlier one died in.
    async fn find_running(&mut self) -> Result<(), Error> {
        let Some(work) = &self.work else { return Ok(()) };
        let (mut left, mut number) = (work.counts().running, work.job.cursor.max(1));
        while left > 0
            && let Some(work) = &self.work
            && number <= work.job.imported
        {
            let count = PAGE.min(work.job.imported + 1 - number);
            let items = self.page(number, count).await?;
            number += count;
            for (number, row) in items {
                if let Node::Item(item) = &row.value
                    && let ItemState::Running { .. } = item.state
                {
                    left -= 1;
                    let run = item.run;
                    let ours = |held: &mut Held| held.runs.get(&number).is_some_and(|entry| entry.run == run);
                    let ours = self.system.jobs.held(&self.path, ours) == Some(true);
                    let work = self.work.as_mut().expect("looked at above");
                    work.found.insert(number);
                    match ours {
                        true => {
                            work.sight.touch();
                            drop(work.running.insert(number, row));
                        }
                        false => work.line_of(&row).push_back((number, row)),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Work {
    /// Puts an item where it belongs, unless it was put there when the actor began.
    fn sort(&mut self, number: u32, row: Row<Node>) {
        if self.found.remove(&number) {
            return;
        }
        let Node::Item(item) = &row.value else { return };
        if self.dependencies.hold(number) {
            return;
        }
        match item.state {
            ItemState::Pending { not_before: Some(at) } => drop(self.delayed.insert((at, number), row)),
            ItemState::Pending { not_before: None } => self.line_of(&row).push_back((number, row)),
            // Found when the actor began, or started by it since.
            _ => {}
        }
    }
}
