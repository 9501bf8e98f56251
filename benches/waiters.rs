//! Ten thousand turns that wait for a hundred agents: what they take while they wait, and how soon all are let go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use understory::{AgentPath, BrainError, Builder, Response, Runtime, Seat, brain_fn};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::tally::Tally;
use crate::tape::Tape;
use crate::{Bench, Outcome, child, idle, resident, waiter, world};

/// How many are waited for; all of them have a slot until they are let go.
const TARGETS: usize = 100;
const TARGET: &str = "target";
/// How many nodes of the list are read at a time.
const PAGE: usize = 1_000;

/// Those who wait, and what ends it.
struct Crowd {
    began: Arc<Tally>,
    told: Arc<Tally>,
    release: watch::Sender<bool>,
}

/// One round, in seconds.
struct Round {
    told: f64,
    ended: f64,
    replayed: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let waiters = if bench.long { 10_000 } else { 2_000 };
    let rounds = (0..bench.rounds).map(|_| world::block_on(round(bench, waiters))).collect::<Outcome<Vec<Round>>>()?;
    let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let name = |what: &str| format!("{waiters} waiters, {what}");
    let raw = |figure: Figure| figure.beside("raw, same batches", take(|round| round.replayed));
    report.figure(&raw(Figure::new(name("until the last is told"), "s", take(|round| round.told))));
    report.figure(&raw(Figure::new(name("until their turns have ended"), "s", take(|round| round.ended))));
    let lain = |_| {
        let dir = bench.place.fresh("waiters")?;
        let answer = child::run("waiters", &[&dir.display().to_string(), &waiters.to_string()])?;
        bench.place.clear(&[&dir])?;
        Ok((child::measured(&answer, "bytes")?, child::measured(&answer, "part")? * 100.0))
    };
    let lain = (0..bench.rounds).map(lain).collect::<Outcome<Vec<(f64, f64)>>>()?;
    report.figure(&Figure::new(name("memory"), "bytes each", lain.iter().map(|round| round.0).collect()));
    let spent = Figure::new(name("processor"), "% of a core", lain.iter().map(|round| round.1).collect());
    report.figure(&spent.aim(Aim::AtMost(1.0)));
    Ok(())
}

async fn round(bench: &Bench, waiters: usize) -> Outcome<Round> {
    let (dir, raw) = (bench.place.fresh("waiters")?, bench.place.fresh("waiters-raw")?);
    let tape = Tape::open(&dir).await?;
    let (crowd, builder) = Crowd::of(waiters);
    let runtime = builder.on(tape.clone()).await?;
    enlist(&runtime, waiters).await?;
    crowd.gather(&runtime).await?;
    let from = runtime.system().store().last();
    let begin = Instant::now();
    crowd.release.send_replace(true);
    crowd.told.done().await;
    let told = begin.elapsed();
    runtime.system().run_to_rest(&world::fleet()?).await?;
    let ended = begin.elapsed();
    runtime.shutdown(world::END).await?;
    drop(runtime);
    let replayed = tape.end().await?.replay(&raw, from)?;
    bench.place.clear(&[&dir, &raw])?;
    let seconds = |took: Duration| took.as_secs_f64();
    Ok(Round { told: seconds(told), ended: seconds(ended), replayed: seconds(replayed) })
}

/// In a child: has so many wait, and measures what they take of memory and processor meanwhile.
pub(crate) fn lie(dir: &str, waiters: usize) -> Outcome<Value> {
    world::block_on(async {
        let (crowd, builder) = Crowd::of(waiters);
        let runtime = builder.open(dir).await?;
        enlist(&runtime, waiters).await?;
        let mut after = None;
        while let Some(last) = runtime.list(&AgentPath::root(), after.as_ref(), PAGE).await?.pop() {
            after = Some(last.path);
        }
        let before = resident::settled().await?;
        crowd.gather(&runtime).await?;
        let now = resident::settled().await?;
        let part = idle::spent_in(Duration::from_secs(2)).await;
        runtime.shutdown(world::END).await?;
        Ok(json!({"bytes": now.saturating_sub(before) as f64 / waiters as f64, "part": part}))
    })
}

impl Crowd {
    /// So many who are to wait, and a runtime in the making that knows them.
    fn of(waiters: usize) -> (Crowd, Builder) {
        let crowd = Crowd { began: Tally::of(waiters), told: Tally::of(waiters), release: watch::Sender::new(false) };
        let builder = waiter::known_to(world::idle(), crowd.began.clone(), crowd.told.clone());
        let release = crowd.release.clone();
        let builder = builder.brain(TARGET, move |_: &Seat| {
            let release = release.clone();
            Ok(brain_fn(move |_| {
                let mut released = release.subscribe();
                async move {
                    let over = released.wait_for(|released| *released).await;
                    over.map_err(|_| BrainError::refused("nobody releases it any more"))?;
                    Ok(Response::text("settled"))
                }
            }))
        });
        (crowd, builder)
    }

    /// Has them begin to wait.
    async fn gather(&self, runtime: &Runtime) -> Outcome<()> {
        runtime.agent(world::fleet()?).run().await?;
        self.began.done().await;
        // Those counted last have yet to fall asleep.
        resident::settled().await?;
        Ok(())
    }
}

/// Creates those who are waited for, and those who will wait.
async fn enlist(runtime: &Runtime, waiters: usize) -> Outcome<()> {
    runtime.root().spawn("fleet").await?;
    let request = |n| match n < TARGETS {
        true => Ok(world::with_brain(world::with_task(world::member(n)?), TARGET, "")),
        false => waiter::request(n, world::member(n % TARGETS)?.path.as_str()),
    };
    world::enlist(runtime, (0..TARGETS + waiters).map(request)).await
}
