//! The registrar: the one door for creation, close and resume.
//!
//! ```text
//!   callers --Enlist--> waiting --Drain--> Plan --one commit--> answers
//! ```
//!
//! It drains what waits into one commit, leaving refused requests out; while that is synced the next ones gather. It knows
//! nothing of who is resident: stopping those below a closed node is the caller's next step.

mod lifecycle;
mod plan;
mod spawn;

use std::collections::VecDeque;
use std::convert::Infallible;

use kameo::Actor;
use kameo::actor::ActorRef;
use kameo::message::{Context, Message};
use tokio::sync::oneshot;
use understory_paths::AgentPath;
use understory_store::{AgentRef, CommitError, JobSpec, Store, ToolUse};

use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::Error;
use crate::limits::Limits;
use plan::Plan;
pub(crate) use spawn::{Birth, FirstMessage, Newborn};

/// What the registrar is asked.
pub(crate) enum Request {
    /// Creates agents, all or none, with what a tool call writes about itself.
    Spawn { births: Vec<Birth>, by: Option<Caller>, tool: Option<ToolUse> },
    /// Creates a job, whose rows its own actor stores.
    CreateJob { path: AgentPath, job: AgentRef, spec: Box<JobSpec> },
    /// Marks a node closed.
    Close { path: AgentPath },
    /// Takes a node's mark away, or an agent's fault.
    Resume { path: AgentPath },
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The agents, in the order asked.
    Spawned(Vec<Newborn>),
    /// It is done; false if there was nothing to do.
    Done(bool),
}

type Reply = oneshot::Sender<Result<Answer, Error>>;

/// One request and where its answer goes.
pub(crate) struct Enlist {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
}

struct Drain;

/// The actor.
pub(crate) struct Registrar {
    store: Store,
    limits: Limits,
    clock: Clock,
    waiting: VecDeque<Enlist>,
    counts: plan::Counts,
}

/// What it starts from.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
}

impl Actor for Registrar {
    type Args = Desk;
    type Error = Infallible;

    async fn on_start(desk: Desk, _: ActorRef<Self>) -> Result<Self, Infallible> {
        let Desk { store, limits, clock } = desk;
        Ok(Registrar { store, limits, clock, waiting: VecDeque::new(), counts: plan::Counts::default() })
    }
}

impl Message<Enlist> for Registrar {
    type Reply = ();

    async fn handle(&mut self, enlist: Enlist, ctx: &mut Context<Self, ()>) {
        self.waiting.push_back(enlist);
        if self.waiting.len() == 1 {
            self.call_again(ctx);
        }
    }
}

impl Message<Drain> for Registrar {
    type Reply = ();

    async fn handle(&mut self, _: Drain, ctx: &mut Context<Self, ()>) {
        let mut plan = Plan::new(&self.store, &self.limits, self.clock.now(), &self.counts);
        let mut settled = Vec::new();
        while let Some(enlist) = self.waiting.pop_front() {
            if !settled.is_empty() && !plan.has_room(&enlist.request) {
                self.waiting.push_front(enlist);
                break;
            }
            let answer = plan.admit(&enlist.request).await;
            settled.push((enlist, answer));
        }
        let (draft, counts) = plan.finish();
        match draft.writes() {
            0 => answer_all(settled),
            _ => match self.store.commit(draft).await {
                Ok(_) => {
                    self.counts.learn(counts);
                    answer_all(settled);
                }
                Err(_) => self.one_by_one(settled).await,
            },
        }
        if !self.waiting.is_empty() {
            self.call_again(ctx);
        }
    }
}

impl Registrar {
    /// Has the mailbox bring a `Drain` behind every request that is queued already.
    fn call_again(&self, ctx: &Context<Self, ()>) {
        // It fails only when the registrar stops, and then nobody waits for an answer.
        let _ = ctx.actor_ref().tell(Drain).try_send();
    }

    /// Commits each request of a drain that was refused by itself, so that one of them does not refuse the others.
    async fn one_by_one(&mut self, settled: Vec<(Enlist, Result<Answer, Error>)>) {
        self.counts = plan::Counts::default();
        for (enlist, _) in settled {
            let mut plan = Plan::new(&self.store, &self.limits, self.clock.now(), &self.counts);
            let answer = plan.admit(&enlist.request).await;
            let (draft, counts) = plan.finish();
            let committed = match draft.writes() {
                0 => Ok(0),
                _ => self.store.commit(draft).await,
            };
            let answer = match committed {
                Ok(_) => {
                    self.counts.learn(counts);
                    answer
                }
                Err(error) => {
                    self.counts = plan::Counts::default();
                    Err(enlist.request.explain(error))
                }
            };
            answer_all(vec![(enlist, answer)]);
        }
    }
}

impl Request {
    /// How a refused commit of this request reads to whoever asked.
    fn explain(&self, error: CommitError) -> Error {
        match (self, error) {
            (Request::Spawn { births, .. }, CommitError::TooLarge { value, .. }) => Error::Limit {
                limit: "batch",
                value: value as u64,
                holder: births.first().map_or_else(AgentPath::root, |birth| birth.path.clone()),
                remedy: "create fewer agents at once, or send them their tasks later",
            },
            (Request::Spawn { by: Some(caller), .. }, error) => caller.explain(error),
            (_, error) => error.into(),
        }
    }
}

fn answer_all(settled: Vec<(Enlist, Result<Answer, Error>)>) {
    for (enlist, answer) in settled {
        // Somebody who gave up waiting is not told; what was committed stands.
        let _ = enlist.reply.send(answer);
    }
}
