//! What a host does to the tree: spawn, run, close, resume.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{AgentId, AgentRef, BrainChoice, Metadata, Node, Phase, ToolUse};

use crate::agent::{AgentSignal, work};
use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::directory::Place;
use crate::dispatcher;
use crate::error::{Error, demand_length};
use crate::goals::NewGoal;
use crate::lasting::Lasting;
use crate::nickname::Nickname;
use crate::registrar::{Answer, Birth, FirstMessage, Newborn, Request};
use crate::role::DEFAULT_ROLE;
use crate::sessions;
use crate::system::{ShutdownReport, System, node_at};
use crate::transcript::Fork;

/// How long an actor has, beside its brain's grace, to write that a turn was taken back when a turn closes it.
const RELEASING: Duration = Duration::from_secs(1);

/// An agent to be created by the host.
#[derive(Clone, Debug)]
pub struct SpawnRequest {
    /// Where.
    pub path: AgentPath,
    /// Its role; `default` if none is named.
    pub role: Option<String>,
    /// Its brain, if not its role's.
    pub brain: Option<BrainChoice>,
    /// What people call it.
    pub nickname: Nickname,
    /// A first message, which starts a turn.
    pub task: Option<String>,
    /// What is attached to that message.
    pub metadata: Metadata,
    /// What it is to reach by itself.
    pub goal: Option<NewGoal>,
    /// An agent that is there already is the answer, not an error; its task is not sent then.
    pub or_existing: bool,
    /// Where it works, absolute; where its parent does if nothing is said.
    pub directory: Option<PathBuf>,
    /// The model that its brain begins with; what the brain's settings say without one.
    pub model: Option<String>,
    /// The effort that its brain begins with.
    pub effort: Option<String>,
    /// How much of its parent's conversation it begins with.
    pub fork: Fork,
}

/// An agent that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// Which one.
    pub agent: AgentRef,
    /// What people call it.
    pub nickname: Option<String>,
    /// False: it was there already.
    pub created: bool,
}

/// What a close came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedReport {
    /// Whether the mark is new; false if the node was closed already.
    pub marked: bool,
    /// Resident actors that ended in time.
    pub stopped: usize,
    /// Resident actors that were killed.
    pub overdue: usize,
}

impl SpawnRequest {
    /// An agent of the default role at `path`, without a nickname: one is a row more to write.
    pub fn at(path: AgentPath) -> Self {
        SpawnRequest {
            path,
            role: None,
            brain: None,
            nickname: Nickname::Off,
            task: None,
            metadata: Metadata::default(),
            goal: None,
            or_existing: false,
            directory: None,
            model: None,
            effort: None,
            fork: Fork::None,
        }
    }
}

impl System {
    /// Creates agents in one commit, all or none: some hundreds, fewer with long tasks, parents before their children.
    /// Durable when it returns.
    ///
    /// # Errors
    /// A path is taken or its parent is missing or closed, a role is unknown, a nickname is taken, or a limit is reached:
    /// that of the batch, too, which then has to be cut.
    pub async fn spawn(&self, requests: Vec<SpawnRequest>) -> Result<Vec<Spawned>, Error> {
        let places = self.places_of(&requests).await?;
        let mut births = Vec::with_capacity(requests.len());
        for (request, place) in requests.into_iter().zip(places) {
            births.push(self.birth(request, place).await?);
        }
        if births.iter().any(|birth| birth.goal.is_some()) {
            self.goals.ready(&self.store).await?;
        }
        let Answer::Spawned(newborns) = self.register(Request::Spawn { births, by: None, tool: None }).await? else {
            unreachable!("the registrar answers a spawn with those it created");
        };
        let spawned = |Newborn { agent, nickname, created, .. }| Spawned { agent, nickname, created };
        Ok(newborns.into_iter().map(spawned).collect())
    }

    /// Runs a subtree for the life of the process: those below it that have work pending are activated now, others when
    /// something comes for them.
    ///
    /// # Errors
    /// Nothing lies at the path, a brain cannot end what an earlier process left running, or the store failed.
    pub async fn run(&self, top: &AgentPath) -> Result<(), Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        if node_at(&self.store, top).await?.is_none() {
            return Err(self.missing(top).await);
        }
        if self.active.contains(top) {
            return Ok(());
        }
        for factory in self.brains.values() {
            work::sweep(factory.as_ref()).await.map_err(Error::Sweep)?;
        }
        if !self.active.add(top) {
            return Err(Error::Stopping);
        }
        dispatcher::activate(self, top).await?;
        Ok(())
    }

    /// Closes a subtree: one mark, durable at once, whatever its size; then those resident below it are stopped, deepest
    /// first, and killed after `grace`. Their turns go back uncharged and their mail stays, for a resume. Once asked for it is
    /// seen to its end, even if whoever asked is gone.
    ///
    /// # Errors
    /// Nothing lies at the path, or it is the root or a job's item.
    pub async fn close(&self, path: &AgentPath, grace: Duration) -> Result<ClosedReport, Error> {
        self.close_by(path, None, grace).await
    }

    /// A close by a turn, which ends those below whether the turn waits for that or not.
    pub(crate) async fn close_for(
        &self,
        caller: &Caller,
        path: &AgentPath,
        tool: Option<ToolUse>,
    ) -> Result<ClosedReport, Error> {
        authorise(caller, Verb::Close, path)?;
        self.close_by(path, Some((caller.clone(), tool)), self.limits.grace + RELEASING).await
    }

    async fn close_by(
        &self,
        path: &AgentPath,
        by: Option<(Caller, Option<ToolUse>)>,
        within: Duration,
    ) -> Result<ClosedReport, Error> {
        let (system, path) = (self.clone(), path.clone());
        let act = async move {
            let answer = system.register(Request::Close { path: path.clone(), by }).await?;
            let ShutdownReport { stopped, overdue } = system.dismiss(&path, within).await;
            let marked = matches!(answer, Answer::Done(true));
            if marked {
                system.digest_behind_close(&path);
            }
            Ok(ClosedReport { marked, stopped, overdue })
        };
        Lasting::new(act).await
    }

    /// Takes away a node's mark, and an agent's fault with its history. What was closed by itself below it stays closed.
    /// False if there was nothing to take away.
    ///
    /// # Errors
    /// Nothing lies at the path, or an ancestor is closed, which is named.
    pub async fn resume(&self, path: &AgentPath) -> Result<bool, Error> {
        self.revive(path, false, None).await
    }

    /// A resume by a turn, within the limits of a creation by an agent.
    pub(crate) async fn resume_for(
        &self,
        caller: &Caller,
        path: &AgentPath,
        tool: Option<ToolUse>,
    ) -> Result<bool, Error> {
        authorise(caller, Verb::Resume, path)?;
        let (system, path, by) = (self.clone(), path.clone(), Some((caller.clone(), tool)));
        Lasting::new(async move { system.revive(&path, true, by).await }).await
    }

    /// Resumes; `bounded`, only within the limits of a creation by an agent.
    pub(crate) async fn revive(
        &self,
        path: &AgentPath,
        bounded: bool,
        by: Option<(Caller, Option<ToolUse>)>,
    ) -> Result<bool, Error> {
        let Answer::Done(resumed) = self.register(Request::Resume { path: path.clone(), bounded, by }).await? else {
            unreachable!("the registrar answers a resume with whether it did something");
        };
        let row = node_at(&self.store, path).await?;
        if matches!(row.map(|row| row.value), Some(Node::Agent(agent)) if matches!(agent.phase, Phase::Faulted { .. }))
        {
            let (reply, cleared) = oneshot::channel();
            self.agents.deliver(self, path, AgentSignal::Clear(reply));
            cleared.await.map_err(|_| Error::Stopping)??;
            self.agents.wake(self, path);
        }
        Ok(resumed)
    }

    async fn birth(&self, request: SpawnRequest, place: Option<Place>) -> Result<Birth, Error> {
        let SpawnRequest {
            path,
            role,
            brain,
            nickname,
            task,
            metadata,
            goal,
            or_existing,
            fork,
            directory: _,
            model,
            effort,
        } = request;
        let settings = (model, effort);
        sessions::settings(AgentId::new(), 0, settings.clone(), self.clock.now())?;
        let role = role.unwrap_or_else(|| DEFAULT_ROLE.to_owned());
        let given = self.role(&role)?;
        let (brain, pool) = (brain.or_else(|| given.brain.clone()), given.nicknames.clone());
        if let Some(choice) = &brain {
            self.factory(choice)?;
        }
        if let Some(task) = &task {
            demand_length("task", task)?;
        }
        let first = task.map(|text| FirstMessage { text, trigger: true, metadata });
        let history = match path.parent() {
            Some(parent) => self.forked(&parent, fork).await?,
            None => Vec::new(),
        };
        let created_at = None;
        Ok(Birth { path, role, brain, nickname, pool, first, goal, history, or_existing, created_at, place, settings })
    }
}
