//! Running a subtree until nothing is left to do in it.

use std::collections::BTreeSet;
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{Job, Message, Node, Phase, Table};

use crate::error::Error;
use crate::job::JobError;
use crate::system::{System, closed_at};
use crate::waiting::Until;

/// How many rows are read at a time.
const PAGE: usize = 256;

/// What is left to do for a node.
enum Busy {
    /// Its rows, or its output.
    Job(AgentPath),
    /// A message that starts a turn waits, or is in hand.
    Agent(AgentPath),
}

impl System {
    /// Runs a subtree and returns once nothing is left to do in it: no job is unfinished, no message that starts a turn
    /// waits or is in hand. What is closed, faulted or has no brain is passed over. Gives back the jobs whose output could
    /// not be written.
    ///
    /// # Errors
    /// Nothing lies at the path, the store takes nothing more, or the runtime stops.
    pub async fn run_to_rest(&self, top: &AgentPath) -> Result<Vec<AgentPath>, Error> {
        self.run(top).await?;
        let mut unwritten = BTreeSet::new();
        while let Some(busy) = self.busy(top, &unwritten).await? {
            match busy {
                Busy::Agent(path) => drop(self.wait(&[path], Until::All, Duration::MAX).await?),
                Busy::Job(path) => match self.job_finished(&path).await {
                    Ok(_) | Err(Error::Closed { .. }) => {}
                    Err(Error::Job(JobError::Unwritten { .. })) => drop(unwritten.insert(path)),
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(unwritten.into_iter().collect())
    }

    async fn busy(&self, top: &AgentPath, but: &BTreeSet<AgentPath>) -> Result<Option<Busy>, Error> {
        if let Some(job) = self.unfinished_job(top, but).await? {
            return Ok(Some(Busy::Job(job)));
        }
        Ok(self.asked_agent(top).await?.map(Busy::Agent))
    }

    async fn unfinished_job(&self, top: &AgentPath, but: &BTreeSet<AgentPath>) -> Result<Option<AgentPath>, Error> {
        let mut marks = self.store.pages(Table::Unfinished.subtree(top), PAGE);
        while let Some(keys) = marks.keys().await? {
            for path in keys.iter().filter_map(|key| Table::Unfinished.path_of(key)) {
                // Read anew, and durable: the mark may be one commit behind the job.
                let row = self.store.get::<Node>(&Table::Node.at(&path)).await?;
                let unfinished =
                    matches!(row.map(|row| row.value), Some(Node::Job(job)) if job.unfinished() && !rests(&job));
                if unfinished && !but.contains(&path) && closed_at(&self.store, &path).await?.is_none() {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    async fn asked_agent(&self, top: &AgentPath) -> Result<Option<AgentPath>, Error> {
        let mut inboxes = self.store.pages(Table::Inbox.subtree(top), PAGE);
        while let Some(rows) = inboxes.next::<Message>().await? {
            let mut looked: Option<AgentPath> = None;
            for row in rows.iter().filter(|row| row.value.trigger) {
                let Some(path) = Table::Inbox.path_of(&row.key).filter(|path| looked.as_ref() != Some(path)) else {
                    continue;
                };
                if self.takes_turns(&path).await? {
                    return Ok(Some(path));
                }
                looked = Some(path);
            }
        }
        Ok(None)
    }

    async fn takes_turns(&self, path: &AgentPath) -> Result<bool, Error> {
        let row = self.store.get::<Node>(&Table::Node.at(path)).await?;
        let able = match row.map(|row| row.value) {
            Some(Node::Agent(agent)) => agent.brain.is_some() && !matches!(agent.phase, Phase::Faulted { .. }),
            _ => false,
        };
        Ok(able && closed_at(&self.store, path).await?.is_none())
    }
}

/// Whether nothing of a job runs until somebody says so.
fn rests(job: &Job) -> bool {
    job.pause.as_ref().is_some_and(|pause| pause.until.is_none()) && !job.state.is_final() && job.counts.running == 0
}
