//! What the workloads run: an echo, a fleet of agents, and the runtimes over them.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use understory::{Agent, AgentPath, BrainChoice, Builder, Limits, Response, Runtime, Seat, SpawnRequest, brain_fn};

use crate::Outcome;

/// How long a runtime is given to end.
pub(crate) const END: Duration = Duration::from_secs(30);

/// How many agents are asked for at a time.
const PORTION: usize = 8_192;

/// How often residents are counted while some are waited for.
const LOOK: Duration = Duration::from_millis(1);

/// Runs a workload on as many threads as there are cores.
pub(crate) fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// A runtime in the making with the brain `echo`, by which agents echo what they are told and job workers report their row.
/// Who does not ask for it has no brain, and gets no results.
pub(crate) fn echoing() -> Builder {
    let echo = |_: &Seat| {
        Ok(brain_fn(|turn| async move {
            let text = turn.text();
            Ok(if turn.row().is_some() { Response::report(text) } else { Response::text(text) })
        }))
    };
    idle().brain("echo", echo)
}

/// A runtime in the making whose agents have no brain.
pub(crate) fn idle() -> Builder {
    Runtime::builder().limits(limits())
}

/// The default limits, but that nobody leaves by itself.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.linger = Duration::from_secs(3600);
    limits.residents = usize::MAX;
    limits
}

/// The node that a fleet lies below.
pub(crate) fn fleet() -> Outcome<AgentPath> {
    Ok("/root/fleet".parse()?)
}

/// A request for the fleet's agent `n`.
pub(crate) fn member(n: usize) -> Outcome<SpawnRequest> {
    Ok(SpawnRequest::at(fleet()?.join(&format!("a{n:07}"))?))
}

/// The fleet's agent `n`.
pub(crate) fn agent(runtime: &Runtime, n: usize) -> Outcome<Agent> {
    Ok(runtime.agent(member(n)?.path))
}

/// The same request for an agent that this brain answers for.
pub(crate) fn with_brain(request: SpawnRequest, name: &str, settings: &str) -> SpawnRequest {
    SpawnRequest { brain: Some(BrainChoice { name: name.to_owned(), settings: settings.to_owned() }), ..request }
}

/// The same request with a first message, which starts a turn.
pub(crate) fn with_task(request: SpawnRequest) -> SpawnRequest {
    SpawnRequest { task: Some("hello".to_owned()), ..request }
}

/// Creates the fleet's top and `count` agents below it.
pub(crate) async fn muster(runtime: &Runtime, count: usize, task: Option<&str>) -> Outcome<()> {
    runtime.root().spawn("fleet").await?;
    let request = |n| Ok(SpawnRequest { task: task.map(str::to_owned), ..member(n)? });
    enlist(runtime, (0..count).map(request)).await
}

/// Creates agents in batches.
pub(crate) async fn enlist(
    runtime: &Runtime,
    requests: impl IntoIterator<Item = Outcome<SpawnRequest>>,
) -> Outcome<()> {
    let mut requests = requests.into_iter();
    loop {
        // In portions, so that the answers of all are not held at once.
        let portion = requests.by_ref().take(PORTION).collect::<Outcome<Vec<_>>>()?;
        if portion.is_empty() {
            return Ok(());
        }
        for answer in runtime.spawn_many(portion).await {
            answer?;
        }
    }
}

/// Asks each of the agents so many times, one after the other, and all agents at once.
pub(crate) async fn ask_all(agents: &[Agent], times: usize) -> Outcome<()> {
    let mut asking = JoinSet::new();
    for agent in agents {
        let agent = agent.clone();
        asking.spawn(async move {
            for _ in 0..times {
                agent.assign("how far is it from here to there?").await?.outcome().await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    Ok(())
}

/// Resolves when so many agents and jobs are resident.
pub(crate) async fn until_resident(runtime: &Runtime, count: usize) {
    while runtime.system().residents() != count {
        tokio::time::sleep(LOOK).await;
    }
}

/// So many things in this time, a second.
pub(crate) fn rate(things: usize, took: Duration) -> f64 {
    things as f64 / took.as_secs_f64()
}

/// The value below which `part` of the sorted durations lie, in milliseconds.
pub(crate) fn percentile(sorted: &[Duration], part: f64) -> f64 {
    let at = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1000.0)
}
