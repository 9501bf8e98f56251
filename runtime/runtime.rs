//! One process's runtime over one store.

use std::sync::Arc;
use std::time::Duration;

use understory_actors::{Listing, Query, ShutdownReport, SpawnRequest, Spawned, System, View};
use understory_paths::AgentPath;
use understory_store::{SledBackend, Verified};

use crate::agent::Agent;
use crate::builder::Builder;
use crate::error::{self, Error};
use crate::events::{EventId, Events};
use crate::job::Job;

/// How many agents one commit of [`Runtime::spawn_many`] creates.
const CHUNK: usize = 256;
/// How many bytes of tasks one of its commits takes, so that long ones do not make it too large.
const CHUNK_BYTES: usize = 512 << 10;

/// One process's runtime over one store. Cheap to clone; end it with [`Runtime::shutdown`].
#[derive(Clone)]
pub struct Runtime {
    pub(crate) system: System,
    engine: Arc<Engine>,
}

/// What is under the store, as far as it wants ending.
pub(crate) enum Engine {
    Sled(Arc<SledBackend>),
    Given,
}

impl Runtime {
    /// Begins to put one together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(system: System, engine: Engine) -> Self {
        Runtime { system, engine: Arc::new(engine) }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The root of the tree, which has no brain unless its role gives it one.
    pub fn root(&self) -> Agent {
        self.agent(AgentPath::root())
    }

    /// A handle on an agent, whether it is there or not.
    pub fn agent(&self, path: AgentPath) -> Agent {
        Agent::new(self.system.clone(), path)
    }

    /// A handle on whom a text means: a path, absolute or below `/root`, or a nickname, for certain with `@` before it.
    ///
    /// # Errors
    /// It is neither a path nor anybody's nickname, or it is that of several, who are named.
    pub async fn find(&self, reference: &str) -> Result<Agent, Error> {
        Ok(self.agent(self.system.resolve_target(&AgentPath::root(), reference).await?))
    }

    /// A handle on a job, whether it is there or not.
    pub fn job(&self, path: AgentPath) -> Job {
        Job::new(self.system.clone(), path)
    }

    /// Creates many agents, up to 256 to a commit; without nicknames, unless a request says otherwise. Each commit is made
    /// whole or not at all, and each agent has its own answer; a refused one refuses those of its commit, in the same words.
    pub async fn spawn_many(&self, requests: impl IntoIterator<Item = SpawnRequest>) -> Vec<Result<Spawned, Error>> {
        let mut answers = Vec::new();
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            let mut fits = |request: &SpawnRequest| {
                bytes += request.task.as_ref().map_or(0, String::len);
                bytes <= CHUNK_BYTES
            };
            while chunk.len() < CHUNK
                && let Some(request) = requests.next_if(|request| fits(request) || chunk.is_empty())
            {
                chunk.push(request);
            }
            let asked = chunk.len();
            match self.system.spawn(chunk).await {
                Ok(spawned) => answers.extend(spawned.into_iter().map(Ok)),
                Err(error) => answers.extend(std::iter::repeat_n(Err(error), asked)),
            }
        }
        answers
    }

    /// Runs a subtree for the life of the process: those with work pending now, others when something comes for them.
    ///
    /// # Errors
    /// Nothing lies at the path, or what an earlier process left running cannot be ended.
    pub async fn run(&self, top: &AgentPath) -> Result<(), Error> {
        self.system.run(top).await
    }

    /// Nodes at and below `top` in path order, parents first, beyond `after` if given; at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, top: &AgentPath, after: Option<&AgentPath>, limit: usize) -> Result<Vec<View>, Error> {
        self.system.list(top, after, limit).await
    }

    /// A page of a list, as the command `list` shows it.
    ///
    /// # Errors
    /// Nothing lies at the top, the query is not one, or the store failed.
    pub async fn query(&self, query: &Query) -> Result<Listing, Error> {
        self.system.query(query).await
    }

    /// The events behind `after`, then those to come; from now on without it. Those of whole commits are
    /// [`EventId::after`] one.
    pub fn events(&self, after: Option<EventId>) -> Events {
        Events::new(&self.system, after)
    }

    /// Reads the whole store, recounts what is counted and follows every index. For a store at rest: what is written while
    /// it reads may be reported though it fits.
    ///
    /// # Errors
    /// The store cannot be read at all. Damage is no error but in the answer.
    pub async fn verify(&self) -> Result<Verified, Error> {
        self.system.store().verify().await.map_err(error::store)
    }

    /// What else the actors offer.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Stops starting turns, takes back those under way, ends every actor and then the store. What has not ended `within`
    /// is killed. Everything that was acknowledged is on disk with or without this.
    ///
    /// # Errors
    /// The store failed before, or fails to end.
    pub async fn shutdown(&self, within: Duration) -> Result<ShutdownReport, Error> {
        let report = self.system.shutdown(within).await;
        if let Engine::Sled(backend) = self.engine.as_ref() {
            backend.shutdown().await.map_err(error::store)?;
        }
        Ok(report)
    }

    /// As [`Runtime::shutdown`], for a process that exits next: the store is left open for the exit to close, unless so much
    /// was written that the next process would be slow to open it. No other runtime of this process can open it again.
    ///
    /// # Errors
    /// As for [`Runtime::shutdown`].
    pub async fn leave(&self, within: Duration) -> Result<ShutdownReport, Error> {
        match self.engine.as_ref() {
            Engine::Sled(backend) if !backend.wants_settling() => {
                let report = self.system.shutdown(within).await;
                // Whoever drops the engine waits for it to close.
                std::mem::forget(self.engine.clone());
                Ok(report)
            }
            _ => self.shutdown(within).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_agents_with_long_tasks_are_cut_into_commits_that_fit() {
        let runtime = Runtime::builder().in_memory().await.unwrap();
        let request = |n: usize| SpawnRequest {
            task: Some("x".repeat(if n == 7 { 256 << 10 } else { 8 << 10 })),
            ..SpawnRequest::at(format!("/root/a{n}").parse().unwrap())
        };
        let answers = runtime.spawn_many((0..300).map(request)).await;
        assert_eq!(answers.len(), 300);
        let too_long = SpawnRequest { task: Some("x".repeat(CHUNK_BYTES + 1)), ..request(300) };
        assert!(matches!(runtime.spawn_many([too_long]).await[..], [Err(Error::TooLong { .. })]));
        assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
        runtime.shutdown(Duration::from_secs(1)).await.unwrap();
    }
}
