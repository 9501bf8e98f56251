//! A system over a store in memory, for one test: it is ended by the test, and nobody may be left running then.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{
    Agent, AgentRef, Backend, BrainChoice, DeadLetter, Direction, MemoryBackend, Message, Metadata, Node, Outcome,
    Store, Table, TranscriptEntry,
};

use crate::brain::{BrainError, Response, Seat, Turn, brain_fn};
use crate::{Error, Letter, Limits, Parts, Role, Settled, SpawnRequest, System, Until};

/// Longer than anything a test waits for.
pub(crate) const LONG: Duration = Duration::from_secs(100_000);
/// How long an ending world waits for its actors: longer than a cancelled turn's grace.
const ENDING: Duration = Duration::from_secs(60);

/// A system that a test ends.
pub(crate) struct World {
    pub(crate) system: System,
    pub(crate) backend: MemoryBackend,
    ended: bool,
}

/// A world in the making. It knows the brain `echo`, which answers what it was asked.
pub(crate) struct Setting {
    parts: Parts,
    backend: MemoryBackend,
}

impl World {
    /// A world with nothing but the brain `echo`.
    pub(crate) async fn new() -> World {
        World::setting().open().await
    }

    pub(crate) fn setting() -> Setting {
        Setting { parts: Parts::default(), backend: MemoryBackend::new() }
            .brain("echo", |turn| async move { Ok(Response::text(turn.text())) })
    }

    /// Ends it: everybody leaves in time.
    pub(crate) async fn end(mut self) {
        self.ended = true;
        let report = self.system.shutdown(ENDING).await;
        assert_eq!(report.overdue, 0, "somebody had to be killed: {report:?}");
        assert_eq!(self.system.residents(), 0, "somebody is still resident");
    }

    /// Drops it as if the process had died; its tasks end with the test's runtime.
    pub(crate) fn abandon(mut self) -> MemoryBackend {
        self.ended = true;
        self.backend.clone()
    }

    pub(crate) async fn spawn(&self, path: &str, brain: &str) -> AgentRef {
        self.try_spawn(path, brain).await.unwrap()
    }

    pub(crate) async fn try_spawn(&self, path: &str, brain: &str) -> Result<AgentRef, Error> {
        let brain = BrainChoice { name: brain.to_owned(), settings: String::new() };
        let request = SpawnRequest { brain: Some(brain), ..SpawnRequest::at(at(path)) };
        Ok(self.system.spawn(vec![request]).await?.remove(0).agent)
    }

    pub(crate) async fn send(&self, path: &str, text: &str) -> Result<(), Error> {
        self.system.send(letter(path, text, false)).await.map(drop)
    }

    /// Sends what starts a turn, without waiting for it or running anybody.
    pub(crate) async fn ask(&self, path: &str, text: &str) -> Result<(), Error> {
        self.system.send(letter(path, text, true)).await.map(drop)
    }

    pub(crate) async fn assign(&self, path: &str, text: &str) -> Result<Outcome, Error> {
        let assigned = self.system.assign(letter(path, text, true)).await?;
        tokio::time::timeout(LONG, assigned.outcome()).await.expect("an outcome comes")
    }

    pub(crate) async fn settled(&self, path: &str) -> Settled {
        self.system.wait(&[at(path)], Until::All, LONG).await.unwrap().remove(0)
    }

    pub(crate) async fn status(&self, path: &str) -> &'static str {
        self.system.show(&at(path)).await.unwrap().status()
    }

    pub(crate) async fn agent(&self, path: &str) -> Agent {
        match self.system.show(&at(path)).await.unwrap().node {
            Node::Agent(agent) => agent,
            node => panic!("{path} is {}", node.kind()),
        }
    }

    /// Open agents below a path, as counted.
    pub(crate) async fn count(&self, path: &str) -> u64 {
        self.store().get::<u64>(&Table::Count.at(&at(path))).await.unwrap().map_or(0, |row| row.value)
    }

    pub(crate) async fn inbox(&self, path: &str) -> Vec<Message> {
        self.rows(Table::Inbox, path).await
    }

    pub(crate) async fn dead(&self, path: &str) -> Vec<DeadLetter> {
        self.rows(Table::Dead, path).await
    }

    /// Each turn that ended, in order: what it took in hand and how it ended.
    pub(crate) async fn turns(&self, path: &str) -> Vec<(Vec<String>, String)> {
        let (mut turns, mut taken) = (Vec::new(), Vec::new());
        for entry in self.rows::<TranscriptEntry>(Table::Transcript, path).await {
            match entry {
                TranscriptEntry::Message { message, .. } => taken.push(message.text),
                TranscriptEntry::Answer { result, content, .. } => {
                    turns.push((std::mem::take(&mut taken), format!("{}: {content}", result.as_str())));
                }
                _ => {}
            }
        }
        turns
    }

    /// The messages in an agent's transcript, with what was attached to them.
    pub(crate) async fn transcript(&self, path: &str) -> Vec<(String, Metadata)> {
        let entries = self.rows::<TranscriptEntry>(Table::Transcript, path).await.into_iter();
        let messages = entries.filter_map(|entry| match entry {
            TranscriptEntry::Message { message, .. } => Some((message.text, message.metadata)),
            _ => None,
        });
        messages.collect()
    }

    /// The tool calls in an agent's transcript that were carried out.
    pub(crate) async fn tool_calls(&self, path: &str) -> Vec<String> {
        let entries = self.rows::<TranscriptEntry>(Table::Transcript, path).await;
        let refused: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                TranscriptEntry::Result(result) if !result.done => Some((result.turn, result.call)),
                _ => None,
            })
            .collect();
        let calls = entries.into_iter().filter_map(|entry| match entry {
            TranscriptEntry::Tool(tool) if !refused.contains(&(tool.turn, tool.call)) => {
                Some(format!("{} {} {}", tool.turn, tool.name, tool.arguments))
            }
            _ => None,
        });
        calls.collect()
    }

    /// Everything in the store fits together.
    pub(crate) async fn sound(&self) {
        let verified = self.store().verify().await.unwrap();
        assert!(verified.is_sound(), "{:?}", verified.problems);
    }

    pub(crate) fn store(&self) -> &Store {
        self.system.store()
    }

    /// Every row of a path in a table where it has many.
    pub(crate) async fn rows<R: understory_store::Record>(&self, table: Table, path: &str) -> Vec<R> {
        let range = table.rows_of(&at(path));
        let rows = self.store().page::<R>(range, None, Direction::Forward, 100_000).await.unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("a test ends its world");
        }
    }
}

impl Setting {
    /// The store of an earlier world.
    pub(crate) fn over(mut self, backend: MemoryBackend) -> Self {
        self.backend = backend;
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.parts.limits);
        self
    }

    pub(crate) fn role(mut self, name: &str, role: Role) -> Self {
        self.parts.roles.insert(name.to_owned(), role);
        self
    }

    pub(crate) fn brain<F, R>(mut self, name: &str, answer: F) -> Self
    where
        F: Fn(Turn) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Response, BrainError>> + Send + 'static,
    {
        let factory = move |_: &Seat| Ok(brain_fn(answer.clone()));
        self.parts.brains.insert(name.to_owned(), Arc::new(factory));
        self
    }

    /// One whose directories stand as this says.
    pub(crate) fn surveyor(mut self, surveyor: Arc<dyn crate::Surveyor>) -> Self {
        self.parts.surveyor = Some(surveyor);
        self
    }

    /// One that keeps tables in this folder.
    pub(crate) fn spool(mut self, dir: std::path::PathBuf) -> Self {
        self.parts.spool = Some(dir);
        self
    }

    pub(crate) fn without(mut self, brain: &str) -> Self {
        self.parts.brains.remove(brain);
        self
    }

    pub(crate) fn factory(mut self, name: &str, factory: Arc<dyn crate::brain::BrainFactory>) -> Self {
        self.parts.brains.insert(name.to_owned(), factory);
        self
    }

    pub(crate) async fn open(self) -> World {
        let backend = self.backend.clone();
        self.open_on(Arc::new(backend)).await
    }

    /// A world whose store is `backend`, which may be another one than [`World::backend`].
    pub(crate) async fn open_on(self, backend: Arc<dyn Backend>) -> World {
        let system = System::open(Store::new(backend), self.parts).await.unwrap();
        World { system, backend: self.backend, ended: false }
    }

    /// As [`Setting::open_on`], where the store may fail.
    pub(crate) async fn try_open_on(self, backend: Arc<dyn Backend>) -> Result<World, Error> {
        let system = System::open(Store::new(backend), self.parts).await?;
        Ok(World { system, backend: self.backend, ended: false })
    }
}

pub(crate) fn at(path: &str) -> AgentPath {
    path.parse().unwrap()
}

pub(crate) fn letter(path: &str, text: &str, trigger: bool) -> Letter {
    Letter { trigger, ..Letter::to(at(path), text) }
}

/// Lets everybody else go on until the condition holds. The paused clock stands meanwhile.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came to hold");
        tokio::task::yield_now().await;
    }
}

/// Lets so many seconds of the paused clock go by, and everybody act in each.
pub(crate) async fn pass(seconds: u32) {
    for _ in 0..seconds {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Runs a scenario as a process that dies when it returns.
pub(crate) fn process<T>(scenario: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(scenario())
}
