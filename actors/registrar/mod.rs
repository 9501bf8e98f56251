//! The registrar: the one door for creation, close, resume and removal.
//!
//! ```text
//!   callers --Enlist--> waiting --Drain--> Plan --one commit--> under way --Answered--> answers
//! ```
//!
//! It drains what waits into one commit, leaving refused requests out. While that is synced the next drain may wait behind it
//! in the store: it goes by what the first leaves, and rests on the count of open agents below `/root`, which nobody else
//! writes, so that it is refused if the first is. It knows nothing of who is resident: stopping those below a closed node is
//! the caller's next step.

mod bounds;
mod endowing;
mod import;
mod lifecycle;
mod naming;
mod narrowing;
mod plan;
mod removal;
mod spawn;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use kameo::Actor;
use kameo::actor::ActorRef;
use kameo::message::{Context, Message};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use understory_paths::AgentPath;
use understory_store::{
    AgentRef, CommitError, Draft, JobLimits, JobSpec, Node, ParcelRow, Store, StoreError, Table, ToolUse, Version,
};

use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::Error;
use crate::goals::Book;
use crate::handover::{Committed, hand_over};
use crate::limits::Limits;
use crate::role::Roles;
pub(crate) use import::Import;
use plan::{Left, Plan};
pub(crate) use removal::is_past;
pub(crate) use spawn::{Birth, FirstMessage, Newborn};

/// How many drains are with the store at once.
const DRAINS_MAX: usize = 2;
/// A drain rests on another only if it has at least this part of the requests there are; a smaller one waits and grows.
const RESTING_PART: usize = 2;

/// What the registrar is asked.
pub(crate) enum Request {
    /// Creates agents, all or none, with what a tool call writes about itself.
    Spawn { births: Vec<Birth>, by: Option<Caller>, tool: Option<ToolUse> },
    /// Creates a job, whose rows its own actor stores; unless `fresh`, only if the same command has made none yet.
    CreateJob {
        path: AgentPath,
        job: AgentRef,
        spec: Box<JobSpec>,
        limits: JobLimits,
        fresh: bool,
        beside: Option<Box<Draft>>,
    },
    /// Marks a node closed; for a turn, with what its tool call writes about itself.
    Close { path: AgentPath, by: Option<(Caller, Option<ToolUse>)> },
    /// Takes a node's mark away, or an agent's fault; `bounded`, as an agent may that has it made already.
    Resume { path: AgentPath, bounded: bool, by: Option<(Caller, Option<ToolUse>)> },
    /// Says whether a subtree may be removed, and with `mark` has that begin.
    Remove { path: AgentPath, mark: bool },
    /// Deletes a part of a subtree that is being removed.
    RemoveBatch { top: AgentRef },
    /// Begins an import: its top, the open agents below that, and the commit that it goes on behind.
    Import { import: Arc<Import>, node: Box<Node>, open: u64, newest: Version },
    /// Puts rows of an import where they are to lie, as many as a drain takes.
    ImportRows { import: Arc<Import>, rows: Vec<ParcelRow> },
    /// Ends an import.
    ImportEnd { import: Arc<Import> },
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The agents, in the order asked.
    Spawned(Vec<Newborn>),
    /// What is removed.
    Removing(AgentRef),
    /// It is done; false if there was nothing to do.
    Done(bool),
}

type Reply = oneshot::Sender<Result<Answer, Error>>;

/// One request and where its answer goes.
pub(crate) struct Enlist {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
}

/// Take what waits into a commit.
struct Drain;

/// The store has answered a drain.
struct Answered;

/// The actor.
pub(crate) struct Registrar {
    desk: Desk,
    waiting: VecDeque<Enlist>,
    counts: plan::Counts,
    under_way: VecDeque<UnderWay>,
    /// How many requests there were, waiting or under way, when the last drain was made.
    crowd: usize,
    /// Whether a `Drain` is in the mailbox.
    called: bool,
}

/// What it starts from.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    pub(crate) roles: Arc<Roles>,
    pub(crate) goals: Arc<Book>,
    pub(crate) clock: Clock,
    pub(crate) tasks: TaskTracker,
}

/// A drain that the store was given and has not answered yet.
struct UnderWay {
    settled: Vec<Settled>,
    left: Left,
    committed: Committed,
}

/// A request and what it is answered once the drain is durable.
type Settled = (Enlist, Result<Answer, Error>);

impl Actor for Registrar {
    type Args = Desk;
    type Error = Infallible;

    async fn on_start(desk: Desk, _: ActorRef<Self>) -> Result<Self, Infallible> {
        let (waiting, under_way) = (VecDeque::new(), VecDeque::new());
        let stones = desk.store.peek_keys(Table::Tombstone.all(), None, 1).await;
        let counts = plan::Counts::new(stones.is_ok_and(|stones| stones.is_empty()));
        Ok(Registrar { desk, waiting, counts, under_way, crowd: 0, called: false })
    }
}

impl Message<Enlist> for Registrar {
    type Reply = ();

    async fn handle(&mut self, enlist: Enlist, ctx: &mut Context<Self, ()>) {
        self.waiting.push_back(enlist);
        self.call_drain(ctx.actor_ref());
    }
}

impl Message<Drain> for Registrar {
    type Reply = ();

    async fn handle(&mut self, _: Drain, ctx: &mut Context<Self, ()>) {
        self.called = false;
        if self.may_drain() {
            self.drain(ctx.actor_ref()).await;
        }
    }
}

impl Message<Answered> for Registrar {
    type Reply = ();

    async fn handle(&mut self, _: Answered, ctx: &mut Context<Self, ()>) {
        while let Some(first) = self.under_way.front_mut() {
            let Some(committed) = first.committed.take() else { break };
            let Some(UnderWay { settled, left, .. }) = self.under_way.pop_front() else { break };
            match committed {
                Ok(_) => {
                    self.counts.learn(left, self.desk.clock.now());
                    answer_all(settled);
                }
                Err(_) => {
                    // The goals it claimed are claimed anew.
                    drop(left);
                    self.begin_again(settled).await;
                }
            }
        }
        self.call_drain(ctx.actor_ref());
    }
}

impl Registrar {
    /// Whether what waits may be drained now; otherwise it is when the store answers.
    fn may_drain(&self) -> bool {
        match self.under_way.back() {
            _ if self.waiting.is_empty() => false,
            None => true,
            Some(before) => {
                let enough = self.waiting.len() * RESTING_PART >= self.crowd;
                self.under_way.len() < DRAINS_MAX && before.left.bears() && enough
            }
        }
    }

    async fn drain(&mut self, me: &ActorRef<Self>) {
        self.crowd = self.waiting.len() + self.under_way.iter().map(|drain| drain.settled.len()).sum::<usize>();
        let before = self.under_way.back().map(|before| &before.left);
        let mut plan = self.desk.plan(&self.counts, before);
        let mut settled = Vec::new();
        while let Some(enlist) = self.waiting.pop_front() {
            if !settled.is_empty() && !plan.has_room(&enlist.request) {
                self.waiting.push_front(enlist);
                break;
            }
            let answer = plan.admit(&enlist.request).await;
            settled.push((enlist, answer));
        }
        match plan.finish().await {
            Err(error) => refuse_all(settled, &error),
            // What it refuses may rest on what is not durable yet.
            Ok((draft, left)) if !draft.is_empty() || !self.under_way.is_empty() => {
                let me = me.clone();
                let committed = hand_over(&self.desk.store, &self.desk.tasks, draft, move || {
                    // It fails only when the registrar has ended, and then nobody waits for an answer.
                    let _ = me.tell(Answered).try_send();
                });
                self.under_way.push_back(UnderWay { settled, left, committed });
            }
            // Nothing was created, but something may have been counted.
            Ok((_, left)) => {
                self.counts.learn(left, self.desk.clock.now());
                answer_all(settled);
            }
        }
        self.call_drain(me);
    }

    /// Has the mailbox bring a `Drain` behind every request that is queued already, if there is one to make.
    fn call_drain(&mut self, me: &ActorRef<Self>) {
        if self.may_drain() && !std::mem::replace(&mut self.called, true) {
            // It fails only when the registrar stops, and then nobody waits for an answer.
            let _ = me.tell(Drain).try_send();
        }
    }

    /// Commits the requests of a drain that was refused one by one, so that one of them does not refuse the others, and
    /// then those of the drains that rested on it.
    async fn begin_again(&mut self, refused: Vec<Settled>) {
        self.counts.forget();
        let mut again = refused;
        for mut under_way in std::mem::take(&mut self.under_way) {
            match under_way.committed.answer().await {
                Ok(_) => {
                    under_way.left.keep_goals();
                    answer_all(under_way.settled);
                }
                Err(_) => again.extend(under_way.settled),
            }
        }
        for (enlist, _) in again {
            let answer = self.alone(&enlist.request).await;
            answer_all(vec![(enlist, answer)]);
        }
    }

    async fn alone(&mut self, request: &Request) -> Result<Answer, Error> {
        let mut plan = self.desk.plan(&self.counts, None);
        let answer = plan.admit(request).await;
        let (draft, left) = plan.finish().await?;
        if !draft.is_empty()
            && let Err(error) = self.desk.store.commit(draft).await
        {
            self.counts.forget();
            return Err(request.explain(error));
        }
        self.counts.learn(left, self.desk.clock.now());
        answer
    }
}

impl Desk {
    fn plan<'a>(&'a self, counts: &'a plan::Counts, before: Option<&'a Left>) -> Plan<'a> {
        Plan::new(&self.store, (&self.limits, &self.roles, &self.goals), self.clock.now(), counts, before)
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
            (
                Request::Spawn { by: Some(caller), .. }
                | Request::Close { by: Some((caller, _)), .. }
                | Request::Resume { by: Some((caller, _)), .. },
                error,
            ) => caller.explain(error),
            (_, error) => error.into(),
        }
    }
}

fn answer_all(settled: Vec<Settled>) {
    for (enlist, answer) in settled {
        // Somebody who gave up waiting is not told; what was committed stands.
        let _ = enlist.reply.send(answer);
    }
}

fn refuse_all(settled: Vec<Settled>, error: &StoreError) {
    answer_all(settled.into_iter().map(|(enlist, _)| (enlist, Err(error.clone().into()))).collect());
}
