//! One process's actors: what they share, how they start and how they stop.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use understory_paths::AgentPath;
use understory_store::{
    Agent, AgentId, BrainChoice, Creation, Draft, Event, InboxKey, Mark, Node, Phase, Store, StoreError, Table, Told,
    Usage,
};

use crate::active::Active;
use crate::agent::{AgentActor, AgentSignal};
use crate::alarms::Alarms;
use crate::brain::BrainFactory;
use crate::clock::Clock;
use crate::directory::{Surveyor, Surveys};
use crate::dispatcher;
use crate::error::Error;
use crate::gate::Gate;
use crate::goals::{Accountant, Book};
use crate::inboxes::Inboxes;
use crate::job::{Aside, JobActor, JobSignal, Spool};
use crate::limits::Limits;
use crate::memories::{Shelf, Tally};
use crate::passes::Passes;
use crate::pausing::WaitRoom;
use crate::registrar::{Answer, Desk, Enlist, Registrar, Request};
use crate::role::{self, DEFAULT_ROLE, Role, Roles};
use crate::slots::Slots;
use crate::sweeping;
use crate::watchers::Watchers;

/// How many events a listener may lag behind before it is told so.
const EVENTS_KEPT: usize = 8192;
/// How many that were let go are given back to memory at a time, beside whoever closes.
const CLEARED: usize = 1024;

/// What a system is made of.
#[derive(Default)]
pub struct Parts {
    /// Its bounds.
    pub limits: Limits,
    /// Its brains by name.
    pub brains: HashMap<String, Arc<dyn BrainFactory>>,
    /// Its roles by name. Those of `default`, `explorer` and `worker` that are missing are added ([`Role::built_in`]).
    pub roles: HashMap<String, Role>,
    /// The folder that tables of jobs are kept in that come from no file, until their rows are stored.
    pub spool: Option<PathBuf>,
    /// Who looks at directories; without one it is told only whether they are there.
    pub surveyor: Option<Arc<dyn Surveyor>>,
}

/// The actors of one process over one store. Cheap to clone.
#[derive(Clone)]
pub struct System(Arc<Inner>);

/// What all actors of a process share.
pub struct Inner {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) brains: HashMap<String, Arc<dyn BrainFactory>>,
    pub(crate) roles: Arc<Roles>,
    pub(crate) agents: Gate<AgentActor>,
    pub(crate) jobs: Gate<JobActor>,
    pub(crate) aside: Aside,
    pub(crate) registrar: ActorRef<Registrar>,
    pub(crate) inboxes: Inboxes,
    pub(crate) goals: Arc<Book>,
    pub(crate) accountant: ActorRef<Accountant>,
    pub(crate) slots: Slots,
    pub(crate) waits: WaitRoom,
    pub(crate) active: Active,
    pub(crate) alarms: Alarms,
    pub(crate) watchers: Watchers,
    pub(crate) passes: Passes,
    pub(crate) spool: Spool,
    pub(crate) surveys: Surveys,
    pub(crate) shelf: Shelf,
    pub(crate) tally: Tally,
    /// Held while entries are added to a transcript from elsewhere.
    pub(crate) importing: tokio::sync::Mutex<()>,
    pub(crate) told: broadcast::Sender<Arc<Told>>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Actors that ended in time; their turns were taken back, uncharged.
    pub stopped: usize,
    /// Actors that did not; what they had in hand is charged as a crash when it is run again.
    pub overdue: usize,
}

impl Deref for System {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AsRef<Gate<AgentActor>> for System {
    fn as_ref(&self) -> &Gate<AgentActor> {
        &self.agents
    }
}

impl AsRef<Gate<JobActor>> for System {
    fn as_ref(&self) -> &Gate<JobActor> {
        &self.jobs
    }
}

impl System {
    /// Starts the services over a store and creates `/root` in a new one. Activates nothing. Needs a tokio runtime.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open(store: Store, parts: Parts) -> Result<System, Error> {
        let Parts { limits, brains, mut roles, spool, surveyor } = parts;
        role::complete(&mut roles);
        let roles = Arc::new(roles);
        let clock = Clock::start();
        plant(&store, clock).await?;
        let tasks = TaskTracker::new();
        let (goals, accountant) = (Arc::<Book>::default(), Accountant::prepare_with_mailbox(mailbox::unbounded()));
        let desk = Desk {
            store: store.clone(),
            limits: limits.clone(),
            roles: roles.clone(),
            goals: goals.clone(),
            clock,
            tasks: tasks.clone(),
        };
        let registrar = Registrar::spawn_with_mailbox(desk, mailbox::unbounded());
        let system = System(Arc::new(Inner {
            slots: Slots::new(limits.turns),
            waits: WaitRoom::new(limits.waiting),
            agents: Gate::with_room_for(limits.residents),
            jobs: Gate::new(),
            aside: Aside::default(),
            inboxes: Inboxes::default(),
            goals,
            accountant: accountant.actor_ref().clone(),
            active: Active::default(),
            alarms: Alarms::default(),
            watchers: Watchers::default(),
            passes: Passes::default(),
            spool: Spool::new(spool),
            surveys: Surveys::by(surveyor),
            shelf: Shelf::default(),
            tally: Tally::default(),
            importing: tokio::sync::Mutex::default(),
            told: broadcast::channel(EVENTS_KEPT).0,
            stopping: CancellationToken::new(),
            tasks,
            store,
            limits,
            clock,
            brains,
            roles,
            registrar,
        }));
        accountant.spawn(system.clone());
        let from = system.store.last();
        system.tasks.spawn(dispatcher::dispatch(system.clone(), from));
        system.tasks.spawn(dispatcher::passivate(system.clone()));
        system.tasks.spawn(sweeping::sweep(system.clone()));
        Ok(system)
    }

    /// Stops starting turns, takes those under way back uncharged, and ends every actor. Those that have not ended `within`
    /// are killed.
    pub async fn shutdown(&self, within: Duration) -> ShutdownReport {
        self.active.end();
        let report = self.dismiss(&AgentPath::root(), within).await;
        self.close_books(within).await;
        self.stopping.cancel();
        self.watchers.end();
        self.registrar.kill();
        self.accountant.kill();
        self.tasks.close();
        // Turns that outlived their grace are dropped with the runtime.
        let _ = tokio::time::timeout(within, self.tasks.wait()).await;
        if report.overdue > 0 {
            return report;
        }
        // Whom a task woke before it heard of the end.
        let late = self.dismiss(&AgentPath::root(), within).await;
        ShutdownReport { stopped: report.stopped + late.stopped, overdue: late.overdue }
    }

    /// Ends the residents at and below `top`, deepest first, none waiting for another; kills those not gone `within`. Those at
    /// rest are let go.
    pub(crate) async fn dismiss(&self, top: &AgentPath, within: Duration) -> ShutdownReport {
        let (gone, mut left) = mpsc::channel(1);
        let (agents, jobs) = (self.agents.residents(top), self.jobs.residents(top));
        let all = agents.len() + jobs.len();
        let mut at_rest = Vec::new();
        for path in &agents {
            match self.agents.let_go(path) {
                Some(one) => at_rest.push(one),
                None => self.agents.dismiss(path, AgentSignal::Stop, gone.clone()),
            }
            if at_rest.len() == CLEARED {
                // Nobody waits for memory to be given back.
                let cleared = std::mem::take(&mut at_rest);
                self.tasks.spawn(async move { drop(cleared) });
            }
        }
        for path in &jobs {
            self.jobs.dismiss(path, JobSignal::Stop, gone.clone());
        }
        drop(gone);
        let in_time = tokio::time::timeout(within, left.recv()).await.is_ok();
        let overdue = match in_time {
            true => 0,
            false => {
                let killed = agents.iter().filter(|path| self.agents.kill(path)).count();
                killed + jobs.iter().filter(|path| self.jobs.kill(path)).count()
            }
        };
        ShutdownReport { stopped: all - overdue, overdue }
    }

    /// Asks the registrar.
    pub(crate) async fn register(&self, request: Request) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        self.registrar.tell(Enlist { request, reply }).try_send().map_err(|_| Error::Stopping)?;
        answer.await.map_err(|_| Error::Stopping)?
    }

    /// Returns once the registrar has answered all that it was asked before.
    pub(crate) async fn registered(&self) -> Result<(), Error> {
        self.register(Request::Spawn { births: Vec::new(), by: None, tool: None }).await.map(drop)
    }

    /// The role called `name`.
    ///
    /// # Errors
    /// There is none.
    pub fn role(&self, name: &str) -> Result<&Role, Error> {
        self.roles
            .get(name)
            .ok_or_else(|| Error::UnknownRole { name: name.to_owned(), known: known(self.roles.keys()) })
    }

    /// Its roles by name.
    pub fn roles(&self) -> &HashMap<String, Role> {
        &self.roles
    }

    /// The factory of a brain.
    pub(crate) fn factory(&self, choice: &BrainChoice) -> Result<&Arc<dyn BrainFactory>, Error> {
        let unknown = || Error::UnknownBrain { name: choice.name.clone(), known: known(self.brains.keys()) };
        self.brains.get(&choice.name).ok_or_else(unknown)
    }

    /// Where events are heard as they become durable.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.told.subscribe()
    }

    /// What it keeps things in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Resolves when the system was shut down.
    pub async fn stopped(&self) {
        self.stopping.cancelled().await;
    }

    /// How many agents and jobs are resident.
    pub fn residents(&self) -> usize {
        self.agents.len() + self.jobs.len()
    }
}

/// Creates `/root`, an agent without a brain, unless it is there.
async fn plant(store: &Store, clock: Clock) -> Result<(), Error> {
    let key = Table::Node.at(&AgentPath::root());
    if store.peek::<Node>(&key).await?.is_some() {
        return Ok(());
    }
    let root = Agent {
        id: AgentId::new(),
        created_at: clock.now(),
        creation: Creation::Host,
        role: DEFAULT_ROLE.to_owned(),
        brain: None,
        nickname: None,
        turns: 0,
        phase: Phase::IDLE,
        outcome: None,
        faults: Vec::new(),
        used: Usage::default(),
        heard: InboxKey::FIRST,
    };
    let mut draft = Draft::new();
    let agent = understory_store::AgentRef::new(AgentPath::root(), root.id);
    let _ = draft.create(key, &Node::Agent(root));
    draft.tell(&Event::Spawned { agent });
    store.commit(draft).await?;
    Ok(())
}

fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

/// The node at `path`, perhaps one sync ahead.
pub(crate) async fn node_at(
    store: &Store,
    path: &AgentPath,
) -> Result<Option<understory_store::Row<Node>>, StoreError> {
    store.peek(&Table::Node.at(path)).await
}

/// The closed mark at or above `path`, the highest first to be met going up.
pub(crate) async fn closed_at(store: &Store, path: &AgentPath) -> Result<Option<AgentPath>, StoreError> {
    let at: Vec<AgentPath> = std::iter::once(path.clone()).chain(path.ancestors()).collect();
    let marks = store.versions(at.iter().map(|path| Table::Closed.at(path)).collect()).await?;
    Ok(at.into_iter().zip(marks).find_map(|(path, mark)| mark.map(|_| path)))
}

/// The lowest mark at or above `path` of a removal or an import that has not ended, and where it is.
pub(crate) async fn half_at(store: &Store, path: &AgentPath) -> Result<Option<(AgentPath, Mark)>, StoreError> {
    for at in std::iter::once(path.clone()).chain(path.ancestors()) {
        let mark = store.peek::<Mark>(&Table::Closed.at(&at)).await?.map(|row| row.value);
        if let Some(mark) = mark.filter(|mark| *mark != Mark::Closed) {
            return Ok(Some((at, mark)));
        }
    }
    Ok(None)
}
