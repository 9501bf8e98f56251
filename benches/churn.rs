//! Ten times as many agents at work as may be resident: each message wakes one that had to leave.

use std::time::Instant;

use tokio::task::JoinSet;
use understory::{Response, Runtime, Seat, brain_fn};

use crate::figure::{Figure, Report, Rounds};
use crate::world::{self, rate};
use crate::{Bench, Outcome};

/// How many messages are in flight.
const CALLERS: usize = 64;
/// How often each agent is asked while it is measured.
const PASSES: usize = 2;
const ECHO: &str = "echo";

/// What a pass came to.
struct Pass {
    replies: f64,
    most: usize,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let (agents, room) = if bench.long { (10_000, 1_000) } else { (2_000, 200) };
    let round = |_| {
        let crowded = world::block_on(pass(bench, agents, room))?;
        Ok((crowded, world::block_on(pass(bench, agents, usize::MAX))?))
    };
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<(Pass, Pass)>>>()?;
    let take = |pick: fn(&(Pass, Pass)) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let name = |what: &str| format!("churn, {agents} agents and room for {room}, {what}");
    let figure = Figure::new(name("replies"), "/s", take(|round| round.0.replies));
    report.figure(&figure.beside("all resident", take(|round| round.1.replies)));
    report.figure(&Figure::new(name("most resident"), "", take(|round| round.0.most as f64)));
    Ok(())
}

async fn pass(bench: &Bench, agents: usize, room: usize) -> Outcome<Pass> {
    let dir = bench.place.fresh("churn")?;
    let mut limits = world::limits();
    limits.residents = room;
    let echo = |_: &Seat| Ok(brain_fn(|turn| async move { Ok(Response::text(turn.text())) }));
    let runtime = world::idle().limits(limits).brain(ECHO, echo).open(&dir).await?;
    runtime.root().spawn("fleet").await?;
    let request = |n| Ok(world::with_brain(world::member(n)?, ECHO, ""));
    world::enlist(&runtime, (0..agents).map(request)).await?;
    runtime.agent(world::fleet()?).run().await?;
    // Each has had a turn, so that all who find room are resident when it is measured.
    ask_all(&runtime, agents).await?;
    let begin = Instant::now();
    let mut most = 0;
    for _ in 0..PASSES {
        most = most.max(ask_all(&runtime, agents).await?);
    }
    let took = begin.elapsed();
    runtime.shutdown(world::END).await?;
    drop(runtime);
    bench.place.clear(&[&dir])?;
    Ok(Pass { replies: rate(agents * PASSES, took), most })
}

/// Asks each agent once, the one that was asked longest ago first. How many were resident at most.
async fn ask_all(runtime: &Runtime, agents: usize) -> Outcome<usize> {
    let mut asking = JoinSet::new();
    for caller in 0..CALLERS {
        let runtime = runtime.clone();
        asking.spawn(async move {
            let mut most = 0;
            for n in (caller..agents).step_by(CALLERS) {
                world::agent(&runtime, n)?.assign("how far is it from here to there?").await?.outcome().await?;
                most = most.max(runtime.system().residents());
            }
            Outcome::Ok(most)
        });
    }
    let mut most = 0;
    while let Some(asked) = asking.join_next().await {
        most = most.max(asked??);
    }
    Ok(most)
}
