//! The creation of agents, as it is asked for and answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, Beginning, BrainChoice, Error, Fork, Metadata, Nickname, Runtime, SpawnRequest, Spawned as Newborn,
    Tools,
};

use crate::failure::{Code, Failure};
use crate::goal;
use crate::lines::{BrainLine, Spawned};
use crate::told::outcome_line;
use crate::wire::Follow;

/// An agent that shall be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAgentLine {
    /// Where.
    pub path: AgentPath,
    /// Its role.
    pub role: Option<String>,
    /// Its brain, if not its role's.
    pub brain: Option<BrainLine>,
    /// What people call it.
    pub nickname: Called,
    /// A first message, which starts a turn.
    pub task: Option<String>,
    /// What is attached to it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What it is to reach by itself.
    #[serde(default)]
    pub goal: Option<String>,
    /// How many tokens it may use for that.
    #[serde(default)]
    pub budget: Option<u64>,
    /// One that is there already is the answer.
    pub or_existing: bool,
    /// Where it works, if not where its parent does.
    #[serde(default)]
    pub directory: Option<String>,
    /// The model that its brain begins with.
    #[serde(default)]
    pub model: Option<String>,
    /// The effort that its brain begins with.
    #[serde(default)]
    pub effort: Option<String>,
    /// How much of its parent's conversation it begins with: `none`, `all` or a number of turns.
    #[serde(default)]
    pub fork: Option<String>,
    /// What becomes of the task.
    pub follow: Follow,
}

/// What a new agent is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Called {
    /// The next free name of its role's pool.
    Picked,
    /// Nothing.
    Off,
    /// This.
    Given(String),
}

/// Creates an agent for the operator.
pub(crate) async fn spawn(runtime: &Runtime, new: NewAgentLine) -> Result<Spawned, Failure> {
    let (path, asked, follow) = (new.path.clone(), new.task.is_some(), new.follow);
    let spawned = runtime.system().spawn(vec![new.request()?]).await.map_err(unspawned)?;
    let agent = spawned.into_iter().next().ok_or(Error::Stopping)?;
    let mut outcome = None;
    if asked && agent.created {
        match follow {
            Follow::Outcome => outcome = runtime.system().first_outcome(&agent.agent).await?,
            Follow::Run => runtime.run(&path).await?,
            Follow::Leave => {}
        }
    }
    Ok(Spawned { outcome: outcome.as_ref().map(outcome_line), ..spawned_line(agent) })
}

/// Creates an agent for one above it, which does not wait for its outcome.
pub(crate) async fn spawn_as(tools: &Tools, new: NewAgentLine) -> Result<Spawned, Failure> {
    if new.brain.is_some() || new.model.is_some() || new.effort.is_some() || new.or_existing {
        let message = "an agent creates agents that are new and have the brain of their role";
        return Err(Failure::new(Code::Usage, message));
    }
    let beginning = Beginning { goal: new.goal, budget: new.budget, fork: forked(new.fork)?, dir: new.directory };
    let nickname = new.nickname.into();
    Ok(spawned_line(tools.spawn_as(new.path.name(), new.task, new.role, nickname, new.metadata, beginning).await?))
}

impl NewAgentLine {
    fn request(self) -> Result<SpawnRequest, Error> {
        Ok(SpawnRequest {
            path: self.path,
            role: self.role,
            brain: self.brain.map(|BrainLine { name, settings }| BrainChoice { name, settings }),
            nickname: self.nickname.into(),
            task: self.task,
            metadata: Metadata::new(self.metadata)?,
            goal: goal::given(self.goal.as_deref(), self.budget)?,
            or_existing: self.or_existing,
            directory: self.directory.map(Into::into),
            model: self.model,
            effort: self.effort,
            fork: forked(self.fork)?,
        })
    }
}

impl From<Called> for Nickname {
    fn from(called: Called) -> Self {
        match called {
            Called::Picked => Nickname::Picked,
            Called::Off => Nickname::Off,
            Called::Given(nickname) => Nickname::Given(nickname),
        }
    }
}

/// How much of a conversation is forked.
fn forked(fork: Option<String>) -> Result<Fork, Error> {
    fork.map_or(Ok(Fork::None), |fork| fork.parse())
}

fn unspawned(error: Error) -> Failure {
    match error {
        Error::Exists { .. } => Failure::from(error).hint("--or-existing takes what is there"),
        error => error.into(),
    }
}

fn spawned_line(newborn: Newborn) -> Spawned {
    let Newborn { agent, nickname, created } = newborn;
    Spawned { path: agent.path, id: agent.id.to_string(), nickname, created, outcome: None }
}
