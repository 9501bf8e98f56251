//! A tree of agents, all of them resident: created, closed and resumed, beside kameo's own supervised tree of the same
//! shape.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use understory::{AgentPath, Runtime, SpawnRequest};

use crate::branch::{self, Cascade};
use crate::figure::{Aim, Figure, Report, Rounds};
use crate::{Bench, Outcome, idle, resident, world};

/// How many lie below each.
const WIDTH: usize = 10;
/// How long those that are closed have to end.
const GRACE: Duration = Duration::from_secs(120);

/// One round, in seconds.
struct Round {
    created: f64,
    closed: f64,
    /// Until the last task of an actor is gone, too, which nobody waits for.
    cleared: f64,
    /// What all of that took of the processor.
    closing: f64,
    resumed: f64,
    built: f64,
    stopped: f64,
    /// As for the close.
    stopping: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let levels = if bench.long { 5 } else { 4 };
    let paths = tree(levels)?;
    let round = |_| world::block_on(round(bench, &paths, levels));
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Round>>>()?;
    let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure = |what: &str, rounds| Figure::new(format!("tree of {} resident, {what}", paths.len()), "s", rounds);
    let built = ("kameo, built", take(|round| round.built));
    report.figure(&figure("created", take(|round| round.created)).beside(built.0, built.1.clone()));
    let closed = figure("closed", take(|round| round.closed));
    report.figure(&closed.beside("kameo, stopped", take(|round| round.stopped)).aim(Aim::RatioAtMost(0.5)));
    let cleared = figure("closed, memory given back", take(|round| round.cleared));
    report.figure(&cleared.beside("kameo, stopped", take(|round| round.stopped)));
    let closing = figure("closed, processor", take(|round| round.closing));
    report.figure(&closing.beside("kameo, stopped", take(|round| round.stopping)));
    report.figure(&figure("resumed", take(|round| round.resumed)).beside(built.0, built.1));
    Ok(())
}

async fn round(bench: &Bench, paths: &[AgentPath], levels: u32) -> Outcome<Round> {
    let dir = bench.place.fresh("tree")?;
    let runtime = world::idle().open(&dir).await?;
    runtime.run(&AgentPath::root()).await?;
    let tasks = Handle::current().metrics().num_alive_tasks();
    let begin = Instant::now();
    // Mail that nobody takes: an agent without a brain is woken by it, reads its record and stays.
    let requests = paths.iter().map(|path| Ok(world::with_task(SpawnRequest::at(path.clone()))));
    world::enlist(&runtime, requests).await?;
    world::until_resident(&runtime, paths.len()).await;
    let created = begin.elapsed();
    // All have read their records before they are closed.
    resident::settled().await?;
    let spent = idle::processor();
    let begin = Instant::now();
    let closed = close(&runtime, paths.len()).await?;
    until_tasks(tasks).await;
    let cleared = begin.elapsed();
    let closing = idle::processor() - spent;
    let begin = Instant::now();
    runtime.agent(world::fleet()?).resume().await?;
    world::until_resident(&runtime, paths.len()).await;
    let resumed = begin.elapsed();
    resident::settled().await?;
    runtime.shutdown(GRACE).await?;
    drop(runtime);
    until_tasks(tasks).await;
    bench.place.clear(&[&dir])?;
    let Cascade { built, stopped, stopping } = branch::grow(WIDTH, levels).await?;
    let seconds = |took: Duration| took.as_secs_f64();
    Ok(Round {
        created: seconds(created),
        closed: seconds(closed),
        cleared: seconds(cleared),
        closing,
        resumed: seconds(resumed),
        built: seconds(built),
        stopped: seconds(stopped),
        stopping,
    })
}

/// Returns when no more tasks than these are there.
async fn until_tasks(most: usize) {
    while Handle::current().metrics().num_alive_tasks() > most {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Closes the tree, and says how long it took until the last of them was stopped.
async fn close(runtime: &Runtime, all: usize) -> Outcome<Duration> {
    let begin = Instant::now();
    let report = runtime.agent(world::fleet()?).close(GRACE).await?;
    let took = begin.elapsed();
    if report.stopped != all || runtime.system().residents() != 0 {
        return Err(format!("{} of {all} stopped, {} are left", report.stopped, runtime.system().residents()).into());
    }
    Ok(took)
}

/// The paths of a tree, parents first.
fn tree(levels: u32) -> Outcome<Vec<AgentPath>> {
    let mut paths = vec![world::fleet()?];
    let mut level = paths.clone();
    for _ in 0..levels {
        let below = |path: &AgentPath| (0..WIDTH).map(|n| Ok(path.join(&format!("n{n}"))?)).collect::<Vec<_>>();
        level = level.iter().flat_map(below).collect::<Outcome<Vec<_>>>()?;
        paths.extend_from_slice(&level);
    }
    Ok(paths)
}
