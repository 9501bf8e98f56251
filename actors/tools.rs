//! The tools of a turn: one closed list, for in-process brains, function-calling models and protocols alike.

mod digest;
mod goal;
mod list;
mod memory;
mod noting;
mod offered;
mod outside;
mod plan;
mod session;
mod standing;
mod summary;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use understory_paths::AgentPath;
use understory_store::{InboxKey, Message, Metadata, ToolUse, keys};

use crate::authority::{Verb, authorise};
use crate::caller::Caller;
use crate::error::{Error, demand_length};
use crate::lasting::Lasting;
use crate::lock::Lock;
use crate::mail::{Accepted, Letter};
use crate::memories::MemoryKey;
use crate::nickname::Nickname;
use crate::pausing::Pauses;
use crate::registrar::{Answer, Birth, FirstMessage, Newborn, Request};
use crate::role::DEFAULT_ROLE;
use crate::system::System;
use crate::transcript::Fork;

pub use offered::{TOOLS, Tool};
pub use outside::Beginning;

/// Why a tool call was refused; in words for the brain that called.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The turn has no runtime behind it.
    #[error("this turn has no tools")]
    Detached,
    /// There is no such tool, or this turn does not have it.
    #[error("no tool {0:?}")]
    Unknown(String),
    /// The arguments are not as the tool's parameters say.
    #[error("wrong arguments: {0}")]
    Arguments(String),
    /// The turn was cancelled while it waited: interrupt, close, deadline, shutdown.
    #[error("this turn is cancelled")]
    Cancelled,
    /// The runtime refused.
    #[error(transparent)]
    Refused(#[from] Error),
}

/// The tools of one turn: who calls is known, never told.
#[derive(Clone)]
pub struct Tools {
    system: System,
    caller: Caller,
    /// Up to where the turn was given its mail.
    given: Arc<Mutex<InboxKey>>,
    /// What was attached to what the turn has in hand; what it sends and creates has it too.
    attached: Arc<Lock<Metadata>>,
    /// What its brain attaches to whatever it sends and creates.
    attaching: Metadata,
    /// What ends the turn.
    cancel: CancellationToken,
    pauses: Pauses,
    /// The memories that the turn was told, which are counted once.
    recalled: Arc<Lock<BTreeSet<MemoryKey>>>,
    /// Tools that its role does not have.
    hidden: Arc<BTreeSet<&'static str>>,
    /// Set when it uses a tool that changes something, or takes mail.
    busy: Arc<AtomicBool>,
    /// The call under way, by its number.
    call: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpawnArguments {
    name: String,
    task: Option<String>,
    role: Option<String>,
    goal: Option<String>,
    budget: Option<u64>,
    nickname: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    fork: Option<String>,
    dir: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageArguments {
    to: String,
    message: String,
    #[serde(default)]
    interrupt: bool,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InterruptArguments {
    agent: String,
    #[serde(default)]
    cascade: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportArguments {
    result: serde_json::Value,
    #[serde(default)]
    stop: bool,
}

impl Tools {
    /// The tools of a turn that begins with the mail up to and with `given`.
    pub(crate) fn new(
        system: System,
        caller: Caller,
        given: Option<InboxKey>,
        cancel: CancellationToken,
        pauses: Pauses,
    ) -> Self {
        // What an earlier run of an item left is not for this one.
        let given = given.unwrap_or(InboxKey::after(caller.version()));
        let given = Arc::new(Mutex::new(given));
        let (hidden, attached, attaching) = (Arc::default(), Arc::default(), Metadata::default());
        let (busy, recalled, call) = (Arc::default(), Arc::default(), None);
        Tools { system, caller, given, attached, attaching, cancel, pauses, recalled, hidden, busy, call }
    }

    /// The same without the tools that a role hides.
    pub(crate) fn without(mut self, hidden: Arc<BTreeSet<&'static str>>) -> Self {
        self.hidden = hidden;
        self
    }

    /// The same, which note there that something was done.
    pub(crate) fn noting(mut self, busy: Arc<AtomicBool>) -> Self {
        self.busy = busy;
        self
    }

    /// The same for a turn that begins with this attached to its messages.
    pub(crate) fn handing_on(mut self, attached: Metadata) -> Self {
        self.attached = Arc::new(Lock::new(attached));
        self
    }

    /// The same, which attach this as well.
    pub(crate) fn attaching(mut self, metadata: &Metadata) -> Self {
        self.attaching = metadata.over(&self.attaching);
        self
    }

    /// What was attached to what the turn has in hand by now.
    pub(crate) fn attached(&self) -> Metadata {
        self.attached.lock().clone()
    }

    /// The tools this turn has.
    pub fn list(&self) -> impl Iterator<Item = &'static Tool> {
        let item = self.caller.run().is_some();
        let fits = move |tool: &Tool| if item { !is_of_agents(tool.name) } else { !tool.for_items };
        TOOLS.iter().filter(move |tool| fits(tool) && !self.hidden.contains(tool.name))
    }

    /// Calls a tool by name with arguments as JSON text; answers with JSON text.
    ///
    /// # Errors
    /// No such tool, wrong arguments, or refused by the runtime.
    pub async fn call(&self, name: &str, arguments: &str) -> Result<String, ToolError> {
        self.demand(name)?;
        let call = self.begun();
        let answer = call.tools().carry_out(name, arguments).await;
        call.over(name, || arguments.to_owned(), answer, String::clone).await
    }

    async fn carry_out(&self, name: &str, arguments: &str) -> Result<String, ToolError> {
        match name {
            "spawn" => Ok(born(&self.create(parse(arguments)?, arguments).await?)),
            "send" | "assign" => self.mail(name, parse(arguments)?).await.map(|_| accepted()),
            "interrupt" => {
                let InterruptArguments { agent, cascade } = parse(arguments)?;
                Ok(interrupted(&self.interrupt_all(&agent, cascade).await?))
            }
            "close" => self.call_close(arguments).await,
            "resume" => self.call_resume(arguments).await,
            "wait" => self.call_wait(arguments).await,
            "list" => self.call_list(arguments).await,
            "get_goal" | "create_goal" | "update_goal" | "set_goal" => self.call_goal(name, arguments).await,
            "digest" => self.call_digest(arguments).await,
            "summarise" => self.call_summarise(arguments).await,
            "remember" => self.call_remember(arguments).await,
            "recall" => self.call_recall(arguments).await,
            "forget" => self.call_forget(arguments).await,
            "mark_untrusted" => self.call_mark(arguments).await,
            "report" => {
                let ReportArguments { result, stop } = parse(arguments)?;
                self.report(&result.to_string(), stop).await.map(|()| accepted())
            }
            name if plan::is_of_plans(name) => self.call_plan(name, arguments).await,
            _ => Err(ToolError::Unknown(name.to_owned())),
        }
    }

    pub(crate) async fn spawn(&self, name: &str, task: Option<&str>) -> Result<AgentPath, ToolError> {
        self.demand("spawn")?;
        let arguments = serde_json::json!({ "name": name, "task": task }).to_string();
        let spawn = SpawnArguments { name: name.to_owned(), task: task.map(str::to_owned), ..Default::default() };
        Ok(self.create(spawn, &arguments).await?.agent.path)
    }

    pub(crate) async fn send(&self, to: &str, text: &str) -> Result<(), ToolError> {
        self.demand("send")?;
        self.mail("send", MessageArguments::new(to, text)).await.map(drop)
    }

    pub(crate) async fn assign(&self, to: &str, text: &str) -> Result<(), ToolError> {
        self.demand("assign")?;
        self.mail("assign", MessageArguments::new(to, text)).await.map(drop)
    }

    pub(crate) async fn interrupt(&self, agent: &str, cascade: bool) -> Result<usize, ToolError> {
        Ok(self.interrupt_all(agent, cascade).await?.len())
    }

    pub(crate) async fn report(&self, result: &str, stop: bool) -> Result<(), ToolError> {
        let run = self.caller.run().ok_or_else(|| ToolError::Unknown("report".to_owned()))?;
        // The run is over with it.
        self.write_lines().await?;
        Ok(self.system.report(run, result, stop).await?)
    }

    /// See [`Turn::take_mail`](crate::Turn::take_mail).
    pub(crate) async fn take_mail(&self) -> Result<Vec<Message>, ToolError> {
        // One at a time, so that nothing is given twice.
        let mut given = self.given.lock().await;
        let rows = match self.caller.run() {
            None => self.system.join(&self.caller, *given).await?,
            Some(_) => self.system.letters(self.caller.me(), *given).await?,
        };
        *given = rows.last().and_then(|row| keys::inbox_key(&row.key)).unwrap_or(*given);
        let messages: Vec<Message> = rows.into_iter().map(|row| row.value).collect();
        if self.caller.run().is_some() {
            self.system.keep_mail(&self.caller, &messages).await?;
        }
        self.busy.fetch_or(!messages.is_empty(), Ordering::Relaxed);
        let mut attached = self.attached.lock();
        *attached = messages.iter().fold(attached.clone(), |beneath, message| message.metadata.over(&beneath));
        drop(attached);
        Ok(messages)
    }

    /// Refuses what this turn does not have, or the role of its agent hides, as if it were not there.
    fn demand(&self, tool: &str) -> Result<(), ToolError> {
        let has = self.list().any(|listed| listed.name == tool);
        if has { Ok(()) } else { Err(ToolError::Unknown(tool.to_owned())) }
    }

    async fn create(&self, mut spawn: SpawnArguments, arguments: &str) -> Result<Newborn, ToolError> {
        let nickname = spawn.nickname.take().map_or(Nickname::Picked, Nickname::Given);
        self.create_called(spawn, nickname, arguments).await
    }

    async fn create_called(
        &self,
        spawn: SpawnArguments,
        nickname: Nickname,
        arguments: &str,
    ) -> Result<Newborn, ToolError> {
        let call = self.begun();
        let answer = call.tools().create_counted(spawn, nickname, arguments).await;
        call.over("spawn", || arguments.to_owned(), answer, born).await
    }

    async fn create_counted(
        &self,
        spawn: SpawnArguments,
        nickname: Nickname,
        arguments: &str,
    ) -> Result<Newborn, ToolError> {
        let SpawnArguments { name, task, role, goal, budget, nickname: _, metadata, fork, dir } = spawn;
        let goal = self.goal_to_give(goal.as_deref(), budget).await?;
        let fork = fork.as_deref().map_or(Ok(Fork::None), str::parse);
        let fork: Fork = fork.map_err(|error: Error| ToolError::Arguments(error.to_string()))?;
        if let Some(task) = &task {
            demand_length("task", task)?;
        }
        let metadata = self.handed_on(metadata)?;
        let me = &self.caller.me().path;
        authorise(&self.caller, Verb::Spawn, me)?;
        let path = me.join(&name).map_err(Error::from)?;
        let role = role.unwrap_or_else(|| DEFAULT_ROLE.to_owned());
        let given = self.system.role(&role)?;
        let (brain, pool) = (given.brain.clone(), given.nicknames.clone());
        let first = task.map(|text| FirstMessage { text, trigger: true, metadata });
        let place = match dir {
            Some(dir) => Some(self.system.place_below(me, &dir).await?),
            None => self.system.inherited(me).await?,
        };
        let history = self.system.forked(me, fork).await?;
        let (or_existing, created_at, settings) = (false, None, (None, None));
        let birth =
            Birth { path, role, brain, nickname, pool, first, goal, history, or_existing, created_at, place, settings };
        let tool = self.entry("spawn", arguments.to_owned());
        let spawn = || {
            let (births, tool) = (vec![birth.clone()], tool.clone());
            self.system.register(Request::Spawn { births, by: Some(self.caller.clone()), tool })
        };
        let Answer::Spawned(newborns) = self.unless_over(spawn).await? else {
            unreachable!("the registrar answers a spawn with those it created");
        };
        let newborn = newborns.into_iter().next().expect("one was asked for");
        if newborn.dormant {
            self.system.revive(&newborn.agent.path, true, None).await?;
        }
        Ok(newborn)
    }

    async fn mail(&self, name: &str, asked: MessageArguments) -> Result<(Accepted, bool), ToolError> {
        let (call, to) = (self.begun(), asked.to.clone());
        let answer = call.tools().mail_counted(name, asked).await;
        call.over(name, || serde_json::json!({ "to": to }).to_string(), answer, |_| accepted()).await
    }

    async fn mail_counted(&self, name: &str, asked: MessageArguments) -> Result<(Accepted, bool), ToolError> {
        let MessageArguments { to, message: text, interrupt, metadata } = asked;
        let to = self.system.resolve_target(&self.caller.me().path, &to).await?;
        let trigger = name == "assign";
        authorise(&self.caller, if trigger { Verb::Assign } else { Verb::Send }, &to)?;
        let mut arguments = serde_json::json!({ "to": to.as_str(), "message": text });
        if let Some(metadata) = &metadata {
            arguments["metadata"] = serde_json::json!(metadata);
        }
        let letter = Letter { trigger, metadata: self.handed_on(metadata)?, ..Letter::to(to, text) };
        if interrupt {
            authorise(&self.caller, Verb::Interrupt, &letter.to)?;
            arguments["interrupt"] = true.into();
        }
        let tool = self.entry(name, arguments.to_string());
        let post = || async {
            let tool = tool.clone();
            match interrupt {
                true => {
                    let (system, caller, letter) = (self.system.clone(), self.caller.clone(), letter.clone());
                    let act = async move { system.mail_interrupting(&letter, Some(&caller), tool).await };
                    Lasting::new(act).await
                }
                false => Ok((self.system.mail(&letter, Some(&self.caller), tool).await?.0, false)),
            }
        };
        Ok(self.unless_over(post).await?)
    }

    /// What goes with a message of this turn: what the call says, over what the brain says for all of its calls, over what
    /// came.
    fn handed_on(&self, said: Option<BTreeMap<String, String>>) -> Result<Metadata, Error> {
        let said = Metadata::new(said.unwrap_or_default())?;
        Ok(said.over(&self.attaching).over(&self.attached.lock()))
    }

    /// Asks again while what refuses it is mail that joined the turn.
    async fn unless_over<T, R>(&self, ask: impl Fn() -> R) -> Result<T, Error>
    where
        R: Future<Output = Result<T, Error>>,
    {
        loop {
            match ask().await {
                Err(Error::Fenced { .. }) if self.caller.renew(self.system.store()).await? => {}
                answer => return answer,
            }
        }
    }

    /// What a call leaves in its caller's transcript, if it has one.
    fn entry(&self, tool: &str, arguments: String) -> Option<ToolUse> {
        self.busy.store(true, Ordering::Relaxed);
        let turn = self.caller.run().map_or(self.caller.turn(), |run| run.run.into());
        let (name, at, call) = (tool.to_owned(), self.system.clock.now(), self.call.unwrap_or_default());
        self.caller.is_transcribed().then_some(ToolUse { turn, call, name, arguments, at })
    }
}

impl MessageArguments {
    fn new(to: &str, message: &str) -> Self {
        MessageArguments { to: to.to_owned(), message: message.to_owned(), ..MessageArguments::default() }
    }
}

fn parse<'a, T: Deserialize<'a>>(arguments: &'a str) -> Result<T, ToolError> {
    // A list would be taken for the fields in their order.
    if !arguments.trim_start().starts_with('{') {
        return Err(ToolError::Arguments("an object is wanted".to_owned()));
    }
    serde_json::from_str(arguments).map_err(|error| ToolError::Arguments(error.to_string()))
}

fn born(newborn: &Newborn) -> String {
    serde_json::json!({ "path": newborn.agent.path, "nickname": newborn.nickname }).to_string()
}

fn interrupted(whose: &[AgentPath]) -> String {
    serde_json::json!({ "interrupted": whose.len() }).to_string()
}

/// Whether it is about what only agents have.
fn is_of_agents(tool: &str) -> bool {
    plan::is_of_plans(tool) || tool == summary::SUMMARISE.name
}

fn accepted() -> String {
    r#"{"accepted":true}"#.to_owned()
}
