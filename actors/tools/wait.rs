//! The tool `wait`: for other agents, or for mail, with the turn's slot given back meanwhile.

use std::time::Duration;

use serde::Deserialize;
use understory_store::{Event, Message, Table, keys};

use super::{ToolError, Tools, parse};
use crate::authority::{Verb, authorise};
use crate::error::Error;
use crate::limits::WAIT_TARGETS_MAX;
use crate::pausing::{Awaited, Wait, Waits};
use crate::waiting::{Settled, Standing, Target, Until, Waited};
use crate::watchers::Heard;

/// The tool's parameters.
pub(super) const PARAMETERS: &str = r#"{"type":"object","properties":{"agents":{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"object","properties":{"agent":{"type":"string"},"after":{"type":"integer","minimum":0,"description":"wait for a result of a newer turn than this one"}},"required":["agent"],"additionalProperties":false}]},"description":"names or nicknames of agents below you, or paths; at most 256"},"until":{"anyOf":[{"type":"string","enum":["any","all"]},{"type":"integer","minimum":1}],"description":"how many of them; all if not given"},"timeout_seconds":{"type":"number","minimum":0}},"additionalProperties":false}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    agents: Vec<Named>,
    until: Option<Wanted>,
    timeout_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an agent is a name or path, or {agent, after}")]
enum Named {
    Plain(String),
    Newer(Newer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Newer {
    agent: String,
    after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "until is \"any\", \"all\" or a number")]
enum Wanted {
    Word(Word),
    Count(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Any,
    All,
}

/// A turn without its slot. Dropped before the turn has one again, it has somebody fetch one.
struct Pause<'a> {
    tools: &'a Tools,
    _wait: Wait,
    over: bool,
}

impl Tools {
    /// The tool as a model calls it.
    pub(super) async fn call_wait(&self, arguments: &str) -> Result<String, ToolError> {
        let Arguments { agents, until, timeout_seconds } = parse(arguments)?;
        let asked = timeout_seconds.map(Duration::try_from_secs_f64).transpose();
        let asked = asked.map_err(|_| ToolError::Arguments("timeout_seconds is no length of time".to_owned()))?;
        if agents.is_empty() {
            let came = self.wait_for_mail(asked).await?;
            let within = self.allowed(asked)?;
            return Ok(with_note(serde_json::json!({ "mail": came, "timed_out": !came }), asked, within));
        }
        let until = match until {
            None | Some(Wanted::Word(Word::All)) => Until::All,
            Some(Wanted::Word(Word::Any)) => Until::Any,
            Some(Wanted::Count(count)) => Until::Count(count),
        };
        if agents.len() > WAIT_TARGETS_MAX {
            return Err(self.too_many().into());
        }
        let mut targets = Vec::with_capacity(agents.len());
        for named in agents {
            targets.push(self.target(named).await?);
        }
        let waited = self.wait(targets, until, asked).await?;
        let within = waited.within;
        Ok(with_note(answered(waited), asked, within))
    }

    /// See [`Turn::wait`](crate::Turn::wait).
    ///
    /// # Errors
    /// As there.
    pub async fn wait(&self, targets: Vec<Target>, until: Until, asked: Option<Duration>) -> Result<Waited, ToolError> {
        self.demand("wait")?;
        let (call, paths) = (self.begun(), targets.iter().map(|target| target.path.clone()).collect::<Vec<_>>());
        let answer = call.tools().wait_counted(targets, until, asked).await;
        let arguments = || serde_json::json!({ "agents": paths }).to_string();
        call.over("wait", arguments, answer, |waited| answered(waited.clone()).to_string()).await
    }

    async fn wait_counted(
        &self,
        targets: Vec<Target>,
        until: Until,
        asked: Option<Duration>,
    ) -> Result<Waited, ToolError> {
        let within = self.allowed(asked)?;
        if targets.len() > WAIT_TARGETS_MAX {
            return Err(self.too_many().into());
        }
        for target in &targets {
            authorise(&self.caller, Verb::Wait, &target.path)?;
        }
        let wanted = until.of(targets.len());
        // Nobody queues for a slot to hear what is known already.
        let mut settled = self.system.settled_now(&targets).await?;
        if settled.len() < wanted {
            let paths = targets.iter().map(|target| target.path.clone()).collect();
            let on = Awaited::Agents { paths, wanted };
            settled = self.paused(on, self.system.settled_within(&targets, until, within)).await?;
        }
        // Whoever may only look is not told what came of it.
        for one in &mut settled {
            if authorise(&self.caller, Verb::Inspect, &one.path).is_err() {
                let whole = std::mem::replace(&mut one.standing, Standing::Rests(None));
                one.standing = whole.reserved();
            }
        }
        let missing = |target: &Target| !settled.iter().any(|one| one.path == target.path);
        let pending = targets.into_iter().filter(missing).map(|target| target.path).collect();
        Ok(Waited { complete: settled.len() >= wanted, settled, pending, within })
    }

    /// See [`Turn::wait_for_mail`](crate::Turn::wait_for_mail).
    pub(crate) async fn wait_for_mail(&self, asked: Option<Duration>) -> Result<bool, ToolError> {
        self.demand("wait")?;
        let call = self.begun();
        let answer = call.tools().wait_for_mail_counted(asked).await;
        let words = |came: &bool| serde_json::json!({ "mail": came, "timed_out": !came }).to_string();
        call.over("wait", || "{}".to_owned(), answer, words).await
    }

    async fn wait_for_mail_counted(&self, asked: Option<Duration>) -> Result<bool, ToolError> {
        let within = self.allowed(asked)?;
        if self.has_mail().await? {
            return Ok(true);
        }
        let came = async { tokio::time::timeout(within, self.mail_comes()).await.unwrap_or(Ok(false)) };
        self.paused(Awaited::Mail, came).await
    }

    async fn mail_comes(&self) -> Result<bool, Error> {
        // Listening begins before the look, so nothing falls in between.
        let mut watch = self.system.watchers.watch(&self.caller.me().path);
        while !self.has_mail().await? {
            loop {
                match watch.next().await.ok_or(Error::Stopping)? {
                    Heard::Failed(error) => return Err(error),
                    Heard::Told(told) if !matches!(told.event, Event::Mailed { .. }) => {}
                    _ => break,
                }
            }
        }
        Ok(true)
    }

    /// Whether mail lies behind what the turn was given.
    async fn has_mail(&self) -> Result<bool, Error> {
        let (me, given) = (self.caller.me(), *self.given.lock().await);
        let from = keys::inbox(&me.path, given);
        let rows = self.system.store.peek_page::<Message>(Table::Inbox.rows_of(&me.path), Some(from), 1).await?;
        Ok(rows.first().is_some_and(|row| row.value.to == me.id))
    }

    /// Waits without the turn's slot, and takes one again. A cancel of the turn ends both at once.
    async fn paused<T>(&self, on: Awaited, wait: impl Future<Output = Result<T, Error>>) -> Result<T, ToolError> {
        let pause = self.pause(on)?;
        let answer = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(ToolError::Cancelled),
            answer = wait => answer,
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(ToolError::Cancelled),
            () = self.pauses.take_again(&self.system.slots) => pause.end(),
        }
        Ok(answer?)
    }

    fn pause(&self, on: Awaited) -> Result<Pause<'_>, ToolError> {
        if self.cancel.is_cancelled() {
            return Err(ToolError::Cancelled);
        }
        let max = self.system.limits.waiting as u64;
        let full = || self.limit("waiting", max, "end the turn instead: what comes of it comes as a message");
        let wait = self.system.waits.begin().ok_or_else(full)?;
        self.pauses.give_back(Waits { on, since: self.system.clock.now() });
        Ok(Pause { tools: self, _wait: wait, over: false })
    }

    /// How long a wait may be that was asked to be so long.
    fn allowed(&self, asked: Option<Duration>) -> Result<Duration, Error> {
        let limits = &self.system.limits;
        let (longest, asked) = (limits.wait_max, asked.unwrap_or(limits.wait_default.min(limits.wait_max)));
        if asked > longest {
            return Err(self.limit("wait_max", longest.as_secs(), "ask for so many seconds, and wait again"));
        }
        Ok(asked.max(limits.wait_min.min(longest)))
    }

    fn limit(&self, limit: &'static str, value: u64, remedy: &'static str) -> Error {
        Error::Limit { limit, value, holder: self.caller.me().path.clone(), remedy }
    }

    fn too_many(&self) -> Error {
        self.limit("wait_targets", WAIT_TARGETS_MAX as u64, "wait for fewer at once")
    }

    async fn target(&self, named: Named) -> Result<Target, ToolError> {
        let Newer { agent, after } = match named {
            Named::Plain(agent) => Newer { agent, after: None },
            Named::Newer(newer) => newer,
        };
        let path = self.system.resolve_target(&self.caller.me().path, &agent).await?;
        Ok(Target { path, after })
    }
}

impl Pause<'_> {
    /// The turn has a slot again.
    fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let Tools { system, cancel, pauses, .. } = self.tools;
        // A turn that was cancelled is about to end, and needs none.
        if self.over || cancel.is_cancelled() {
            return;
        }
        let (slots, pauses) = (system.slots.clone(), pauses.clone());
        let (cancel, stopping) = (cancel.clone(), system.stopping.clone());
        system.tasks.spawn(async move {
            tokio::select! {
                () = pauses.take_again(&slots) => {}
                () = cancel.cancelled() => {}
                () = stopping.cancelled() => {}
            }
        });
    }
}

fn answered(waited: Waited) -> serde_json::Value {
    let Waited { settled, pending, complete, within: _ } = waited;
    let settled: Vec<_> = settled.into_iter().map(words).collect();
    serde_json::json!({ "settled": settled, "pending": pending, "timed_out": !complete })
}

fn words(settled: Settled) -> serde_json::Value {
    let Settled { path, standing } = settled;
    match standing {
        Standing::Rests(None) => serde_json::json!({ "agent": path.as_str(), "status": "idle" }),
        Standing::Rests(Some(outcome)) => serde_json::json!({
            "agent": path.as_str(),
            "status": outcome.result.as_str(),
            "turn": outcome.turn,
            "content": outcome.content,
        }),
        Standing::Reserved { status, turn } => {
            serde_json::json!({ "agent": path.as_str(), "status": status, "turn": turn })
        }
        Standing::Closed { at } => {
            serde_json::json!({ "agent": path.as_str(), "status": "closed", "closed_at": at.as_str() })
        }
        Standing::Removed { at } => {
            serde_json::json!({ "agent": path.as_str(), "status": "removed", "removed": at.as_str() })
        }
        Standing::Held { goal } => {
            serde_json::json!({ "agent": path.as_str(), "status": "held", "held_by": goal.as_str() })
        }
        Standing::Faulted { reason } => {
            serde_json::json!({ "agent": path.as_str(), "status": "faulted", "reason": reason })
        }
    }
}

/// The answer as text; one that had to wait longer than asked says so.
fn with_note(mut answer: serde_json::Value, asked: Option<Duration>, within: Duration) -> String {
    if let Some(asked) = asked.filter(|asked| *asked < within) {
        let (asked, within) = (asked.as_secs_f64(), within.as_secs_f64());
        answer["note"] = format!("{asked} s is shorter than a wait may be; its deadline was {within} s").into();
    }
    answer.to_string()
}
