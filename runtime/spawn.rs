//! An agent about to be created.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;

use understory_actors::{Fork, NewGoal, Nickname, SpawnRequest, System};
use understory_paths::{AgentPath, PathError};
use understory_store::{BrainChoice, Metadata};

use crate::agent::Agent;
use crate::error::Error;

/// An agent about to be created; await it. Durable when it resolves.
#[must_use = "a spawn does nothing until it is awaited"]
pub struct Spawn {
    system: System,
    request: Result<SpawnRequest, PathError>,
}

impl Spawn {
    pub(crate) fn new(system: System, path: Result<AgentPath, PathError>) -> Self {
        let request = path.map(|path| SpawnRequest { nickname: Nickname::Picked, ..SpawnRequest::at(path) });
        Spawn { system, request }
    }

    /// Takes an agent that is there already for an answer. A task is not sent to it.
    pub fn or_existing(self) -> Self {
        self.with(|request| request.or_existing = true)
    }

    /// Gives it a role other than `default`.
    pub fn role(self, role: impl Into<String>) -> Self {
        let role = role.into();
        self.with(|request| request.role = Some(role))
    }

    /// Gives it a brain other than its role's.
    pub fn brain(self, name: impl Into<String>, settings: impl Into<String>) -> Self {
        let brain = BrainChoice { name: name.into(), settings: settings.into() };
        self.with(|request| request.brain = Some(brain))
    }

    /// Gives it this nickname, unique among its siblings, instead of the next free one of its role's pool.
    pub fn nickname(self, nickname: impl Into<String>) -> Self {
        let nickname = Nickname::Given(nickname.into());
        self.with(|request| request.nickname = nickname)
    }

    /// Gives it no nickname.
    pub fn no_nickname(self) -> Self {
        self.with(|request| request.nickname = Nickname::Off)
    }

    /// Gives it a first message in the same commit, which starts a turn once its subtree is run.
    pub fn task(self, task: impl Into<String>) -> Self {
        let task = task.into();
        self.with(|request| request.task = Some(task))
    }

    /// Attaches this to the task.
    pub fn metadata(self, metadata: Metadata) -> Self {
        self.with(|request| request.metadata = metadata)
    }

    /// Has it work in this directory, an absolute one, instead of its parent's.
    pub fn directory(self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.with(|request| request.directory = Some(directory))
    }

    /// Has its brain begin with this model.
    pub fn model(self, model: impl Into<String>) -> Self {
        let model = model.into();
        self.with(|request| request.model = Some(model))
    }

    /// Has its brain begin with this effort.
    pub fn effort(self, effort: impl Into<String>) -> Self {
        let effort = effort.into();
        self.with(|request| request.effort = Some(effort))
    }

    /// Gives it a goal in the same commit: it goes on by itself once its subtree is run.
    pub fn goal(self, goal: NewGoal) -> Self {
        self.with(|request| request.goal = Some(goal))
    }

    /// Has it begin with so much of its parent's conversation.
    pub fn fork(self, fork: Fork) -> Self {
        self.with(|request| request.fork = fork)
    }

    fn with(mut self, change: impl FnOnce(&mut SpawnRequest)) -> Self {
        if let Ok(request) = &mut self.request {
            change(request);
        }
        self
    }
}

impl IntoFuture for Spawn {
    type Output = Result<Agent, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let request = self.request?;
            let path = request.path.clone();
            self.system.spawn(vec![request]).await?;
            Ok(Agent::new(self.system, path))
        })
    }
}
