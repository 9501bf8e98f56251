//! What a door asks of the tools of whoever comes with a token: the same calls, answered in types.

use std::collections::BTreeMap;

use understory_paths::AgentPath;
use understory_store::AgentRef;

use super::{MessageArguments, SpawnArguments, ToolError, Tools, interrupted};
use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::error::Error;
use crate::interrupt::Reach;
use crate::lifecycle::Spawned;
use crate::mail::Accepted;
use crate::nickname::Nickname;
use crate::registrar::Newborn;
use crate::system::System;
use crate::transcript::Fork;

/// What an agent begins with, beside its role and its task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    /// What it is to reach by itself.
    pub goal: Option<String>,
    /// How many tokens it may use for that.
    pub budget: Option<u64>,
    /// How much of its parent's conversation it has.
    pub fork: Fork,
    /// Where it works, at or below its parent's directory; there if nothing is said.
    pub dir: Option<String>,
}

impl Tools {
    /// Whose they are.
    pub fn me(&self) -> &AgentRef {
        self.caller.me()
    }

    /// Refuses what the agent may not do to `target`, as if nothing were there.
    ///
    /// # Errors
    /// It may not.
    pub fn may(&self, verb: Verb, target: &AgentPath) -> Result<(), Error> {
        authorise(&self.caller, verb, target)
    }

    /// Whom `reference` means to the agent. See [`System::resolve_target`].
    ///
    /// # Errors
    /// As there.
    pub async fn find(&self, reference: &str) -> Result<AgentPath, Error> {
        self.system.resolve_target(&self.me().path, reference).await
    }

    /// The tool `spawn`, with what a host may say of a child. See [`Turn::spawn`](crate::Turn::spawn).
    ///
    /// # Errors
    /// As there.
    pub async fn spawn_as(
        &self,
        name: &str,
        task: Option<String>,
        role: Option<String>,
        nickname: Nickname,
        metadata: BTreeMap<String, String>,
        beginning: Beginning,
    ) -> Result<Spawned, ToolError> {
        self.demand("spawn")?;
        let mut arguments = serde_json::json!({ "name": name, "task": task, "role": role });
        let metadata = (!metadata.is_empty()).then_some(metadata);
        if let Some(metadata) = &metadata {
            arguments["metadata"] = serde_json::json!(metadata);
        }
        let Beginning { goal, budget, fork, dir } = beginning;
        if goal.is_some() {
            arguments["goal"] = serde_json::json!(goal);
            arguments["budget"] = serde_json::json!(budget);
        }
        let fork = (fork != Fork::None).then(|| fork.to_string());
        if let Some(fork) = &fork {
            arguments["fork"] = fork.as_str().into();
        }
        if let Some(dir) = &dir {
            arguments["dir"] = dir.as_str().into();
        }
        let spawn =
            SpawnArguments { name: name.to_owned(), task, role, goal, budget, nickname: None, metadata, fork, dir };
        let newborn = self.create_called(spawn, nickname, &arguments.to_string()).await?;
        let Newborn { agent, nickname, created, .. } = newborn;
        Ok(Spawned { agent, nickname, created })
    }

    /// The tool `assign` if the message starts a turn, or else `send`; also tells whether a turn was interrupted. See
    /// [`Turn::send`](crate::Turn::send).
    ///
    /// # Errors
    /// As there.
    pub async fn post(
        &self,
        to: &AgentPath,
        message: String,
        trigger: bool,
        interrupt: bool,
        metadata: BTreeMap<String, String>,
    ) -> Result<(Accepted, bool), ToolError> {
        let name = if trigger { "assign" } else { "send" };
        self.demand(name)?;
        let metadata = (!metadata.is_empty()).then_some(metadata);
        self.mail(name, MessageArguments { to: to.to_string(), message, interrupt, metadata }).await
    }

    /// The tool `interrupt`; tells whose turns those were, parents first. See [`Turn::interrupt`](crate::Turn::interrupt).
    ///
    /// # Errors
    /// As there.
    pub async fn interrupt_all(&self, agent: &str, cascade: bool) -> Result<Vec<AgentPath>, ToolError> {
        self.demand("interrupt")?;
        let call = self.begun();
        let answer = call.tools().interrupt_counted(agent, cascade).await;
        let arguments = || serde_json::json!({ "agent": agent, "cascade": cascade }).to_string();
        call.over("interrupt", arguments, answer, |whose| interrupted(whose)).await
    }

    async fn interrupt_counted(&self, agent: &str, cascade: bool) -> Result<Vec<AgentPath>, ToolError> {
        let path = self.find(agent).await?;
        let reach = if cascade { Reach::Subtree } else { Reach::Node };
        let arguments = serde_json::json!({ "agent": path.as_str(), "cascade": cascade }).to_string();
        let tool = self.entry("interrupt", arguments);
        let ask = || self.system.interrupt_for(&self.caller, &path, reach, tool.clone());
        Ok(self.unless_over(ask).await?)
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn system(&self) -> &System {
        &self.system
    }
}
