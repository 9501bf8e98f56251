//! Interrupts while a thousand turns run: until the outcome says so, on disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use understory::{Assignment, Response, Runtime, Seat, TurnResult, brain_fn};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::Raw;
use crate::tape::Tape;
use crate::world::{self, percentile};
use crate::{Bench, Outcome};

const RUNNING: usize = 1_000;
const BUSY: &str = "busy";

/// One round: sorted latencies.
struct Round {
    single: Vec<Duration>,
    raw: Vec<Duration>,
    cascade: Vec<Duration>,
    replayed: Duration,
}

/// Turns that run until they are cancelled.
struct Fleet {
    runtime: Runtime,
    under_way: VecDeque<Assignment>,
    began: mpsc::UnboundedReceiver<()>,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rounds = (0..bench.rounds).map(|_| world::block_on(round(bench))).collect::<Outcome<Vec<Round>>>()?;
    let take = |part: f64, pick: fn(&Round) -> &Vec<Duration>| {
        rounds.iter().map(|round| percentile(pick(round), part)).collect::<Rounds>()
    };
    let figure =
        |what: &str, part, pick| Figure::new(format!("interrupt, 1,000 running, {what}"), "ms", take(part, pick));
    let raw = |figure: Figure, part| figure.beside("raw, one caller", take(part, |round| &round.raw));
    report.figure(&raw(figure("p50", 0.5, |round| &round.single), 0.5));
    report.figure(&raw(figure("p99", 0.99, |round| &round.single), 0.99).aim(Aim::AtMost(50.0)));
    report.figure(&figure("all at once, p50", 0.5, |round| &round.cascade));
    report.figure(&figure("all at once, p99", 0.99, |round| &round.cascade));
    let replayed = rounds.iter().map(|round| round.replayed.as_secs_f64() * 1000.0).collect();
    report.figure(&figure("all at once, the last", 1.0, |round| &round.cascade).beside("raw, same batches", replayed));
    Ok(())
}

async fn round(bench: &Bench) -> Outcome<Round> {
    let (dir, raw, raw_live) =
        (bench.place.fresh("interrupt")?, bench.place.fresh("interrupt-raw")?, bench.place.fresh("interrupt-live")?);
    let tape = Tape::open(&dir).await?;
    let mut fleet = Fleet::begin(tape.clone()).await?;
    let store = fleet.runtime.system().store().clone();
    let (single, from) = (fleet.one_by_one().await?, store.last());
    let cascade = fleet.all_at_once().await?;
    drop(store);
    fleet.runtime.shutdown(world::END).await?;
    drop(fleet);
    let reel = tape.end().await?;
    let replayed = reel.replay(&raw, from)?;
    let (_, raw_latencies) = Raw::open(&raw_live)?.live(reel.dealt(from, 1)).await?;
    bench.place.clear(&[&dir, &raw, &raw_live])?;
    Ok(Round { single, raw: raw_latencies, cascade, replayed })
}

impl Fleet {
    async fn begin(tape: Arc<Tape>) -> Outcome<Fleet> {
        let (begin, began) = mpsc::unbounded_channel();
        let busy = move |_: &Seat| {
            let begin = begin.clone();
            Ok(brain_fn(move |turn| {
                // Nobody counts them any more at the end.
                let _ = begin.send(());
                async move {
                    turn.cancelled().await;
                    Ok(Response::text("cancelled"))
                }
            }))
        };
        let mut limits = world::limits();
        limits.turns = RUNNING;
        let runtime = world::idle().limits(limits).brain(BUSY, busy).on(tape).await?;
        runtime.root().spawn("fleet").await?;
        let request = |n| Ok(world::with_brain(world::member(n)?, BUSY, ""));
        world::enlist(&runtime, (0..RUNNING).map(request)).await?;
        let mut fleet = Fleet { runtime, under_way: VecDeque::new(), began };
        for n in 0..RUNNING {
            let assignment = fleet.assign(n).await?;
            fleet.under_way.push_back(assignment);
        }
        Ok(fleet)
    }

    /// Gives an agent something to do, and waits until its brain is at it.
    async fn assign(&mut self, n: usize) -> Outcome<Assignment> {
        let assignment = world::agent(&self.runtime, n)?.assign("look at this").await?;
        self.began.recv().await.ok_or("the brains are gone")?;
        Ok(assignment)
    }

    /// Interrupts one after the other, each of which is given something new to do before the next.
    async fn one_by_one(&mut self) -> Outcome<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(RUNNING);
        for n in 0..RUNNING {
            let agent = world::agent(&self.runtime, n)?;
            let begin = Instant::now();
            let interrupted = agent.interrupt().await?;
            let ending = self.under_way.pop_front().ok_or("no turn is under way")?;
            interrupted_on_record(interrupted, ending).await?;
            latencies.push(begin.elapsed());
            let assignment = self.assign(n).await?;
            self.under_way.push_back(assignment);
        }
        latencies.sort_unstable();
        Ok(latencies)
    }

    /// Interrupts all with one call.
    async fn all_at_once(&mut self) -> Outcome<Vec<Duration>> {
        let mut ending = JoinSet::new();
        let begin = Instant::now();
        let interrupted = self.runtime.agent(world::fleet()?).interrupt_subtree().await?;
        for assignment in self.under_way.drain(..) {
            ending.spawn(async move {
                interrupted_on_record(true, assignment).await?;
                Outcome::Ok(begin.elapsed())
            });
        }
        let mut latencies = Vec::with_capacity(RUNNING);
        while let Some(ended) = ending.join_next().await {
            latencies.push(ended??);
        }
        latencies.sort_unstable();
        match interrupted.len() {
            RUNNING => Ok(latencies),
            others => Err(format!("{others} turns were interrupted").into()),
        }
    }
}

async fn interrupted_on_record(interrupted: bool, turn: Assignment) -> Outcome<()> {
    match turn.outcome().await?.result {
        TurnResult::Interrupted if interrupted => Ok(()),
        other => Err(format!("an interrupted turn is {}", other.as_str()).into()),
    }
}
