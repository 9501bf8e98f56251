//! Running a subtree until nothing is left to do in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use understory_paths::AgentPath;
use understory_store::{AgentId, Goal, GoalStatus, Job, Message, Node, Phase, Table, Told};

use crate::error::Error;
use crate::job::JobError;
use crate::system::{System, closed_at};
use crate::waiting::Until;
use crate::watchers::Heard;

/// How many rows are read at a time.
const PAGE: usize = 256;

/// What is left to do for a node.
enum Busy {
    /// Its rows, or its output.
    Job(AgentPath),
    /// A message that starts a turn waits, or is in hand.
    Agent(AgentPath),
    /// Its goal is active: it goes on by itself.
    Goal(AgentPath),
}

impl System {
    /// Runs a subtree and returns once nothing is left to do in it: no job is unfinished, no message that starts a turn waits
    /// or is in hand, no goal is active. What is closed, faulted or held, has no brain or no budget left is passed over. Gives
    /// back the jobs whose output could not be written.
    ///
    /// # Errors
    /// Nothing lies at the path, the store takes nothing more, or the runtime stops.
    pub async fn run_to_rest(&self, top: &AgentPath) -> Result<Vec<AgentPath>, Error> {
        self.run(top).await?;
        let (mut unwritten, mut held) = (BTreeSet::new(), BTreeSet::new());
        while let Some(busy) = self.busy(top, (&unwritten, &held)).await? {
            match busy {
                Busy::Agent(path) => stands(self.settle_or_stand(&path).await, path, &mut held)?,
                Busy::Goal(path) => stands(self.pursue_to_end(&path).await, path, &mut held)?,
                Busy::Job(path) => match self.finish_or_rest(&path).await {
                    Ok(()) | Err(Error::Closed { .. }) => {}
                    Err(Error::Job(JobError::Unwritten { .. })) => drop(unwritten.insert(path)),
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(unwritten.into_iter().collect())
    }

    async fn busy(
        &self,
        top: &AgentPath,
        (unwritten, held): (&BTreeSet<AgentPath>, &BTreeSet<AgentPath>),
    ) -> Result<Option<Busy>, Error> {
        if let Some(job) = self.unfinished_job(top, unwritten).await? {
            return Ok(Some(Busy::Job(job)));
        }
        if let Some(agent) = self.asked_agent(top, held).await? {
            return Ok(Some(Busy::Agent(agent)));
        }
        for path in self.goals.start_clocks(top, self.clock.now()) {
            if !held.contains(&path) && self.goes_on(&path).await? {
                return Ok(Some(Busy::Goal(path)));
            }
        }
        Ok(None)
    }

    async fn unfinished_job(&self, top: &AgentPath, but: &BTreeSet<AgentPath>) -> Result<Option<AgentPath>, Error> {
        let mut marks = self.store.pages(Table::Unfinished.subtree(top), PAGE);
        while let Some(keys) = marks.keys().await? {
            for path in keys.iter().filter_map(|key| Table::Unfinished.path_of(key)) {
                // Read anew, and durable: the mark may be one commit behind the job.
                let row = self.store.get::<Node>(&Table::Node.at(&path)).await?;
                let unfinished = match row.map(|row| row.value) {
                    Some(Node::Job(job)) => {
                        job.unfinished() && !self.rests(&path, &self.without_lifted_pause(&path, job).await?)
                    }
                    _ => false,
                };
                if unfinished && !but.contains(&path) && closed_at(&self.store, &path).await?.is_none() {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    async fn asked_agent(&self, top: &AgentPath, but: &BTreeSet<AgentPath>) -> Result<Option<AgentPath>, Error> {
        let mut inboxes = self.store.pages(Table::Inbox.subtree(top), PAGE);
        while let Some(rows) = inboxes.next::<Message>().await? {
            let mut looked: Option<AgentPath> = None;
            for row in rows.iter().filter(|row| row.value.trigger) {
                let Some(path) = Table::Inbox.path_of(&row.key).filter(|path| looked.as_ref() != Some(path)) else {
                    continue;
                };
                if !but.contains(&path) && self.takes_turns(&path).await? {
                    return Ok(Some(path));
                }
                looked = Some(path);
            }
        }
        Ok(None)
    }

    /// Waits until a job is finished, or nothing of it runs any more until somebody acts.
    async fn finish_or_rest(&self, path: &AgentPath) -> Result<(), Error> {
        // Listening begins before the look, so nothing falls in between.
        let mut watch = self.watchers.watch(path);
        let rests = async {
            while !self.rests(path, &self.job(path).await?.job) {
                if let Heard::Failed(error) = watch.next().await.ok_or(Error::Stopping)? {
                    return Err(error);
                }
            }
            Ok(())
        };
        tokio::select! {
            finished = self.job_finished(path) => finished.map(drop),
            rests = rests => rests,
        }
    }

    /// Whether nothing of a job runs until somebody says so. A row that an earlier process died in is running on record only.
    fn rests(&self, path: &AgentPath, job: &Job) -> bool {
        let paused = job.pause.as_ref().is_some_and(|pause| pause.until.is_none()) && !job.state.is_final();
        paused && (job.counts.running == 0 || self.jobs.held(path, |held| held.has_runs()) != Some(true))
    }

    /// Waits until an agent is settled, or no turn of it is started any more.
    async fn settle_or_stand(&self, path: &AgentPath) -> Result<(), Error> {
        let mut told = self.listen();
        let stands = async {
            while self.goals.spent_for(path).is_none() {
                next(&mut told).await;
            }
        };
        let target = [path.clone()];
        tokio::select! {
            settled = self.wait(&target, Until::All, Duration::MAX) => settled.map(drop),
            () = stands => Ok(()),
        }
    }

    /// Waits until an agent does not go on by itself any more.
    async fn pursue_to_end(&self, path: &AgentPath) -> Result<(), Error> {
        // Listening begins before the look, so nothing falls in between.
        let (mut told, mut watch) = (self.listen(), self.watchers.watch(path));
        while self.goes_on(path).await? {
            tokio::select! {
                () = next(&mut told) => {}
                heard = watch.next() => match heard.ok_or(Error::Stopping)? {
                    Heard::Failed(Error::Spent { .. }) | Heard::Told(_) | Heard::Gap => {}
                    Heard::Failed(error) => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Whether an agent goes on by itself in this process.
    pub(crate) async fn goes_on_here(&self, path: &AgentPath, id: AgentId) -> Result<bool, Error> {
        let may = self.goals.has_goal(path, id) && self.active.contains(path);
        Ok(may && self.goes_on(path).await?)
    }

    /// Whether an agent goes on by itself, as far as that is durable.
    async fn goes_on(&self, path: &AgentPath) -> Result<bool, Error> {
        let goal = self.store.get::<Goal>(&Table::Goal.at(path)).await?;
        let active = goal.is_some_and(|row| row.value.status == GoalStatus::Active);
        Ok(active && self.takes_turns(path).await?)
    }

    async fn takes_turns(&self, path: &AgentPath) -> Result<bool, Error> {
        let row = self.store.get::<Node>(&Table::Node.at(path)).await?;
        let able = match row.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent.brain.is_some() && !matches!(agent.phase, Phase::Faulted { .. }),
            _ => false,
        };
        Ok(able && closed_at(&self.store, path).await?.is_none() && self.goals.spent_for(path).is_none())
    }
}

/// The next event, or that some were missed.
async fn next(told: &mut broadcast::Receiver<Arc<Told>>) {
    // It is never closed: the system that sends is there.
    let _ = told.recv().await;
}

/// Notes an agent that is held: nothing runs there until somebody acts.
fn stands(waited: Result<(), Error>, path: AgentPath, held: &mut BTreeSet<AgentPath>) -> Result<(), Error> {
    match waited {
        Err(Error::Drifted { .. }) => drop(held.insert(path)),
        waited => waited?,
    }
    Ok(())
}
