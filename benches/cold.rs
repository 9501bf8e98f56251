//! Closing and resuming many agents of whom few or none are resident: one commit each, whatever lies below.

use std::path::Path;
use std::time::{Duration, Instant};

use understory::{Agent, Runtime};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::Raw;
use crate::tape::Tape;
use crate::world::{self, percentile};
use crate::{Bench, Outcome, child};

/// How often they are closed and resumed in a round.
const TIMES: usize = 300;
const TIMES_RESIDENT: usize = 30;
const RESIDENTS: usize = 1_000;

/// One round with nobody resident: sorted latencies.
struct Cold {
    closed: Vec<Duration>,
    resumed: Vec<Duration>,
    raw: Vec<Duration>,
}

/// One round with some resident: sorted latencies.
#[derive(Default)]
struct Warm {
    closed: Vec<Duration>,
    resumed: Vec<Duration>,
    back: Vec<Duration>,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    cold(bench, report, if bench.long { 1_000_000 } else { 10_000 })?;
    warm(bench, report, if bench.long { 100_000 } else { 10_000 })
}

fn cold(bench: &Bench, report: &mut Report, agents: usize) -> Outcome<()> {
    let dir = bench.place.fresh("cold")?;
    child::run("fill", &[&dir.display().to_string(), &agents.to_string(), "shutdown"])?;
    let round = |_| world::block_on(cold_round(bench, &dir));
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Cold>>>()?;
    let figure = |what: &str, part: f64, pick: fn(&Cold) -> &Vec<Duration>| {
        let take =
            |pick: fn(&Cold) -> &Vec<Duration>| rounds.iter().map(|round| percentile(pick(round), part)).collect();
        let name = format!("{}k cold, {what}, p{:.0}", agents / 1000, part * 100.0);
        Figure::new(name, "ms", take(pick)).beside("raw, one caller", take(|round| &round.raw))
    };
    report.figure(&figure("close", 0.5, |round| &round.closed).aim(Aim::AtMost(1.0)));
    report.figure(&figure("close", 0.99, |round| &round.closed));
    report.figure(&figure("resume", 0.5, |round| &round.resumed).aim(Aim::AtMost(1.0)));
    report.figure(&figure("resume", 0.99, |round| &round.resumed));
    bench.place.clear(&[&dir])
}

async fn cold_round(bench: &Bench, dir: &Path) -> Outcome<Cold> {
    let tape = Tape::open(dir).await?;
    let runtime = world::idle().on(tape.clone()).await?;
    let fleet = runtime.agent(world::fleet()?);
    let (mut closed, mut resumed) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        closed.push(one_commit(&runtime, close(&fleet, 0)).await?);
        resumed.push(one_commit(&runtime, resume(&fleet)).await?);
    }
    runtime.shutdown(world::END).await?;
    drop(runtime);
    let raw_dir = bench.place.fresh("cold-raw")?;
    let (_, raw) = Raw::open(&raw_dir)?.live(tape.end().await?.dealt(0, 1)).await?;
    bench.place.clear(&[&raw_dir])?;
    closed.sort_unstable();
    resumed.sort_unstable();
    Ok(Cold { closed, resumed, raw })
}

/// How long it takes, which must be one commit.
async fn one_commit(runtime: &Runtime, act: impl Future<Output = Outcome<Duration>>) -> Outcome<Duration> {
    let store = runtime.system().store();
    let before = store.last();
    let took = act.await?;
    match store.last() - before {
        1 => Ok(took),
        commits => Err(format!("a close or resume took {commits} commits").into()),
    }
}

async fn close(fleet: &Agent, residents: usize) -> Outcome<Duration> {
    let begin = Instant::now();
    let report = fleet.close(world::END).await?;
    let took = begin.elapsed();
    if !report.marked || report.stopped != residents {
        return Err(format!("a close came to {report:?}").into());
    }
    Ok(took)
}

async fn resume(fleet: &Agent) -> Outcome<Duration> {
    let begin = Instant::now();
    let resumed = fleet.resume().await?;
    let took = begin.elapsed();
    if !resumed {
        return Err("there was nothing to resume".into());
    }
    Ok(took)
}

fn warm(bench: &Bench, report: &mut Report, agents: usize) -> Outcome<()> {
    let dir = bench.place.fresh("cold")?;
    world::block_on(async {
        let runtime = world::idle().open(&dir).await?;
        runtime.root().spawn("fleet").await?;
        // An agent without a brain is woken by mail, which it never takes, and stays.
        let request = |n| Ok(if n < RESIDENTS { world::with_task(world::member(n)?) } else { world::member(n)? });
        world::enlist(&runtime, (0..agents).map(request)).await?;
        runtime.shutdown(world::END).await?;
        Ok(())
    })?;
    let round = |_| world::block_on(warm_round(&dir));
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Warm>>>()?;
    let figure = |what: &str, pick: fn(&Warm) -> &Vec<Duration>| {
        let name = format!("{}k, {}k resident, {what}, p50", agents / 1000, RESIDENTS / 1000);
        let rounds = rounds.iter().map(|round| percentile(pick(round), 0.5)).collect::<Rounds>();
        Figure::new(name, "ms", rounds)
    };
    report.figure(&figure("close", |round| &round.closed));
    report.figure(&figure("resume", |round| &round.resumed));
    report.figure(&figure("resume to all resident", |round| &round.back));
    bench.place.clear(&[&dir])
}

async fn warm_round(dir: &Path) -> Outcome<Warm> {
    let runtime = world::idle().open(dir).await?;
    let fleet = runtime.agent(world::fleet()?);
    fleet.run().await?;
    let mut warm = Warm::default();
    for _ in 0..TIMES_RESIDENT {
        warm.closed.push(close(&fleet, RESIDENTS).await?);
        let begin = Instant::now();
        warm.resumed.push(resume(&fleet).await?);
        world::until_resident(&runtime, RESIDENTS).await;
        warm.back.push(begin.elapsed());
    }
    runtime.shutdown(world::END).await?;
    for latencies in [&mut warm.closed, &mut warm.resumed, &mut warm.back] {
        latencies.sort_unstable();
    }
    Ok(warm)
}
