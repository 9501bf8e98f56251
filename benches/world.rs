//! What the workloads run: an echo, a fleet of agents, and the runtimes over them.

use std::future::Future;
use std::time::Duration;

use understory::{AgentPath, Builder, Limits, Response, Role, Runtime, Seat, SpawnRequest, brain_fn};

use crate::Outcome;

/// How long a runtime is given to end.
pub(crate) const END: Duration = Duration::from_secs(30);

/// How many agents are asked for at a time.
const PORTION: usize = 8_192;

/// Runs a workload on as many threads as there are cores.
pub(crate) fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// A runtime in the making whose agents echo what they are told, and whose job workers report their row.
pub(crate) fn echoing() -> Builder {
    let echo = |_: &Seat| {
        Ok(brain_fn(|turn| async move {
            let text = turn.text();
            Ok(if turn.row().is_some() { Response::report(text) } else { Response::text(text) })
        }))
    };
    Runtime::builder().brain("echo", echo).role("default", Role::with_brain("echo", "")).limits(limits())
}

/// A runtime in the making whose agents have no brain.
pub(crate) fn idle() -> Builder {
    Runtime::builder().limits(limits())
}

/// The default limits, but that nobody leaves by itself.
fn limits() -> Limits {
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

/// Creates the fleet's top and `count` agents below it.
pub(crate) async fn muster(runtime: &Runtime, count: usize, task: Option<&str>) -> Outcome<()> {
    runtime.root().spawn("fleet").await?;
    // In portions, so that the answers of all are not held at once.
    for first in (0..count).step_by(PORTION) {
        let requests = (first..count.min(first + PORTION)).map(member).collect::<Outcome<Vec<_>>>()?;
        let requests = requests.into_iter().map(|request| SpawnRequest { task: task.map(str::to_owned), ..request });
        for answer in runtime.spawn_many(requests).await {
            answer?;
        }
    }
    Ok(())
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
