//! Durable request and reply: a message is sent to a path, starts a turn, and the turn's outcome comes back. Three
//! commits a reply, each waited for.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};
use tokio::task::JoinSet;
use understory::{Agent, Runtime};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::{Raw, RawCommit};
use crate::tape::{Reel, Tape};
use crate::world::{self, rate};
use crate::{Bench, Outcome};

const REPLIES: usize = 6_400;
const REPLIES_ALONE: usize = 600;
const ASKS: usize = 100_000;

/// One round.
struct Round {
    replies: f64,
    replayed: f64,
    live: f64,
    asks: f64,
}

/// An actor that answers and does nothing else.
#[derive(Actor)]
struct Echo;

struct Ask(u64);

impl Message<Ask> for Echo {
    type Reply = u64;

    async fn handle(&mut self, ask: Ask, _: &mut Context<Self, u64>) -> u64 {
        ask.0
    }
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    for (in_flight, replies) in [(64, REPLIES), (1, REPLIES_ALONE)] {
        let round = |_| world::block_on(round(bench, in_flight, replies));
        let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Round>>>()?;
        let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
        let name = format!("reply, {in_flight} in flight");
        let figure = |beside, rounds| Figure::new(&name, "/s", take(|round| round.replies)).beside(beside, rounds);
        let replayed = figure("raw, same batches", take(|round| round.replayed));
        report.figure(&if in_flight == 64 { replayed.aim(Aim::RatioAtLeast(0.4)) } else { replayed });
        report.figure(&figure("raw, as many callers", take(|round| round.live)));
        report.figure(&figure("kameo ask (not durable)", take(|round| round.asks)));
    }
    Ok(())
}

async fn round(bench: &Bench, in_flight: usize, replies: usize) -> Outcome<Round> {
    let (dir, raw, raw_live) =
        (bench.place.fresh("reply")?, bench.place.fresh("reply-raw")?, bench.place.fresh("reply-live")?);
    let tape = Tape::open(&dir).await?;
    let runtime = world::echoing().on(tape.clone()).await?;
    runtime.root().spawn("fleet").await?;
    let member = |n| Ok(world::with_brain(world::member(n)?, "echo", ""));
    world::enlist(&runtime, (0..in_flight).map(member)).await?;
    runtime.run(&world::fleet()?).await?;
    let agents = (0..in_flight).map(|n| Ok(runtime.agent(world::member(n)?.path))).collect::<Outcome<Vec<Agent>>>()?;
    // Each has had a turn, so that it is resident when it is measured.
    world::ask_all(&agents, 1).await?;
    let begin = Instant::now();
    let from = runtime.system().store().last();
    world::ask_all(&agents, replies / in_flight).await?;
    let took = begin.elapsed();
    let reel = end(runtime, &tape).await?;
    let replayed = reel.replay(&raw, from)?;
    let (live, _) = Raw::open(&raw_live)?.live(lanes(&reel, from)).await?;
    let asks = asks(in_flight).await?;
    bench.place.clear(&[&dir, &raw, &raw_live])?;
    Ok(Round { replies: rate(replies, took), replayed: rate(replies, replayed), live: rate(replies, live), asks })
}

async fn end(runtime: Runtime, tape: &Tape) -> Outcome<Reel> {
    runtime.shutdown(world::END).await?;
    drop(runtime);
    tape.end().await
}

/// Each agent's commits, in order, as one caller's.
fn lanes(reel: &Reel, from: u64) -> Vec<VecDeque<RawCommit>> {
    let mut lanes: HashMap<Vec<u8>, VecDeque<RawCommit>> = HashMap::new();
    for taken in reel.taken.iter().filter(|taken| taken.version > from) {
        let commit = RawCommit::of(taken);
        lanes.entry(commit.path().to_vec()).or_default().push_back(commit);
    }
    lanes.into_values().collect()
}

async fn asks(in_flight: usize) -> Outcome<f64> {
    let actors: Vec<ActorRef<Echo>> = (0..in_flight).map(|_| Echo::spawn(Echo)).collect();
    let begin = Instant::now();
    let mut asking = JoinSet::new();
    for actor in actors {
        asking.spawn(async move {
            for n in 0..ASKS / in_flight {
                actor.ask(Ask(n as u64)).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    Ok(rate(ASKS, begin.elapsed()))
}
