//! Durable spawn: 64 callers at once, and a hundred thousand in batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use understory::Runtime;
use understory_store::Table;

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::{Raw, RawCommit};
use crate::tape::{Reel, Tape};
use crate::world::{self, percentile, rate};
use crate::{Bench, Outcome};

const CALLERS: usize = 64;
const SPAWNS: usize = 12_800;
const BATCHED: usize = 100_000;

/// One round of 64 callers.
struct Round {
    spawns: f64,
    replayed: f64,
    live: f64,
    half: f64,
    most: f64,
    raw_half: f64,
    raw_most: f64,
    /// Of the time of a spawn, the part in which some commit is under way, in microseconds; and the rest.
    in_store: f64,
    between: f64,
    agents_a_commit: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rounds = (0..bench.rounds).map(|_| world::block_on(callers(bench))).collect::<Outcome<Vec<Round>>>()?;
    let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure =
        |beside, rounds| Figure::new("spawn, 64 callers", "/s", take(|round| round.spawns)).beside(beside, rounds);
    report.figure(&figure("raw, same batches", take(|round| round.replayed)).aim(Aim::RatioAtLeast(0.8)));
    report.figure(&figure("raw, 64 callers", take(|round| round.live)));
    let half = Figure::new("spawn, 64 callers, p50", "ms", take(|round| round.half));
    report.figure(&half.beside("raw, 64 callers", take(|round| round.raw_half)));
    let most = Figure::new("spawn, 64 callers, p99", "ms", take(|round| round.most));
    report.figure(&most.beside("raw, 64 callers", take(|round| round.raw_most)).aim(Aim::AtMost(5.0)));
    let raw_cost = take(|round| 1_000_000.0 / round.replayed);
    let in_store = Figure::new("spawn, an agent's time with a commit under way", "us", take(|round| round.in_store));
    report.figure(&in_store.beside("raw, same batches", raw_cost));
    report.figure(&Figure::new("spawn, an agent's time without one", "us", take(|round| round.between)));
    report.figure(&Figure::new("spawn, agents a commit", "", take(|round| round.agents_a_commit)));
    let rounds = (0..bench.rounds).map(|_| world::block_on(batched(bench))).collect::<Outcome<Vec<(f64, f64)>>>()?;
    let figure = Figure::new("spawn, batches of 256", "/s", rounds.iter().map(|round| round.0).collect());
    let figure = figure.beside("raw, same batches", rounds.iter().map(|round| round.1).collect());
    report.figure(&figure.aim(Aim::AtLeast(40_000.0)));
    Ok(())
}

async fn callers(bench: &Bench) -> Outcome<Round> {
    let (dir, raw) = (bench.place.fresh("spawn")?, bench.place.fresh("spawn-raw")?);
    let tape = Tape::open(&dir).await?;
    let runtime = world::idle().on(tape.clone()).await?;
    runtime.root().spawn("fleet").await?;
    let begin = Instant::now();
    let mut latencies = spawn_at_once(&runtime).await?;
    let took = begin.elapsed();
    latencies.sort_unstable();
    let reel = end(runtime, tape).await?;
    let from = first_of_fleet(&reel);
    let replayed = Raw::open(&raw)?.replay(&reel.packed(from))?;
    let in_store = reel.in_store(from, u64::MAX);
    let cost = |took: Duration| took.as_secs_f64() * 1_000_000.0 / SPAWNS as f64;
    let commits = reel.taken.iter().filter(|taken| taken.version > from).count();
    let raw_live = bench.place.fresh("spawn-live")?;
    let (live, raw_latencies) = Raw::open(&raw_live)?.live(lanes(&reel, from)).await?;
    bench.place.clear(&[&dir, &raw, &raw_live])?;
    Ok(Round {
        spawns: rate(SPAWNS, took),
        replayed: rate(SPAWNS, replayed),
        live: rate(SPAWNS, live),
        half: percentile(&latencies, 0.5),
        most: percentile(&latencies, 0.99),
        raw_half: percentile(&raw_latencies, 0.5),
        raw_most: percentile(&raw_latencies, 0.99),
        in_store: cost(in_store),
        between: cost(took.saturating_sub(in_store)),
        agents_a_commit: SPAWNS as f64 / commits as f64,
    })
}

async fn spawn_at_once(runtime: &Runtime) -> Outcome<Vec<Duration>> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let runtime = runtime.clone();
        callers.spawn(async move {
            let mut latencies = Vec::with_capacity(SPAWNS / CALLERS);
            for n in 0..SPAWNS / CALLERS {
                let request = world::member(caller + n * CALLERS)?;
                let begin = Instant::now();
                runtime.system().spawn(vec![request]).await?;
                latencies.push(begin.elapsed());
            }
            Outcome::Ok(latencies)
        });
    }
    let mut latencies = Vec::with_capacity(SPAWNS);
    while let Some(caller) = callers.join_next().await {
        latencies.extend(caller??);
    }
    Ok(latencies)
}

async fn batched(bench: &Bench) -> Outcome<(f64, f64)> {
    let (dir, raw) = (bench.place.fresh("spawn")?, bench.place.fresh("spawn-raw")?);
    let tape = Tape::open(&dir).await?;
    let runtime = world::idle().on(tape.clone()).await?;
    let begin = Instant::now();
    world::muster(&runtime, BATCHED, None).await?;
    let took = begin.elapsed();
    let reel = end(runtime, tape).await?;
    let replayed = Raw::open(&raw)?.replay(&reel.packed(first_of_fleet(&reel)))?;
    bench.place.clear(&[&dir, &raw])?;
    Ok((rate(BATCHED, took), rate(BATCHED, replayed)))
}

async fn end(runtime: Runtime, tape: Arc<Tape>) -> Outcome<Reel> {
    runtime.shutdown(world::END).await?;
    drop(runtime);
    tape.end().await
}

/// The commit before the fleet's first: that of `/root` and that of the fleet's top are not measured.
fn first_of_fleet(reel: &Reel) -> u64 {
    reel.before(|taken| RawCommit::of(taken).path().starts_with(b"/root/fleet/"))
}

/// The same agents, each a commit of its own, dealt to 64 callers.
fn lanes(reel: &Reel, from: u64) -> Vec<VecDeque<RawCommit>> {
    let mut lanes = vec![VecDeque::new(); CALLERS];
    let taken = reel.taken.iter().filter(|taken| taken.version > from);
    let commits = taken.flat_map(|taken| RawCommit::of(taken).apart(Table::Node as u8));
    for (n, commit) in commits.enumerate() {
        lanes[n % CALLERS].push_back(commit);
    }
    lanes
}
