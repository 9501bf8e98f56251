//! A storm of durable messages: 64 senders, each to every receiver.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use understory::{BrainError, Builder, Letter, Response, Runtime, Seat, brain_fn};

use crate::figure::{Figure, Report, Rounds};
use crate::raw::Raw;
use crate::tape::Tape;
use crate::world::{self, rate};
use crate::{Bench, Outcome};

const SENDERS: usize = 64;
const TAKER: &str = "taker";

/// One round, in messages a second.
struct Round {
    accepted: f64,
    /// The same batches, and the same commits by as many callers.
    replayed: f64,
    live: f64,
}

/// What becomes of the messages.
#[derive(Clone, Copy)]
enum Fate {
    /// They lie in the inbox.
    Queued,
    /// Each starts a turn or joins one, and is consumed.
    Taken,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let receivers = if bench.long { 1_000 } else { 250 };
    for (name, fate) in [("queued", Fate::Queued), ("taken", Fate::Taken)] {
        let round = |_| world::block_on(round(bench, receivers, fate));
        let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Round>>>()?;
        let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
        let name = format!("storm, {SENDERS} to {receivers}, {name}");
        let figure = |beside, rounds| Figure::new(&name, "/s", take(|round| round.accepted)).beside(beside, rounds);
        report.figure(&figure("raw, same batches", take(|round| round.replayed)));
        report.figure(&figure("raw, 64 callers", take(|round| round.live)));
    }
    Ok(())
}

async fn round(bench: &Bench, receivers: usize, fate: Fate) -> Outcome<Round> {
    let (dir, raw, raw_live) =
        (bench.place.fresh("storm")?, bench.place.fresh("storm-raw")?, bench.place.fresh("storm-live")?);
    let tape = Tape::open(&dir).await?;
    let runtime = taking().on(tape.clone()).await?;
    runtime.root().spawn("fleet").await?;
    let request = |n| Ok(world::with_brain(world::member(n)?, TAKER, ""));
    world::enlist(&runtime, (0..receivers).map(request)).await?;
    let from = runtime.system().store().last();
    let took = blow(&runtime, receivers, fate).await?;
    runtime.shutdown(world::END).await?;
    drop(runtime);
    let reel = tape.end().await?;
    let replayed = reel.replay(&raw, from)?;
    let (live, _) = Raw::open(&raw_live)?.live(reel.dealt(from, SENDERS)).await?;
    bench.place.clear(&[&dir, &raw, &raw_live])?;
    let messages = SENDERS * receivers;
    Ok(Round { accepted: rate(messages, took), replayed: rate(messages, replayed), live: rate(messages, live) })
}

fn taking() -> Builder {
    world::idle().brain(TAKER, |_: &Seat| {
        Ok(brain_fn(|turn| async move {
            // Mail that is there already joins the turn.
            let joined = turn.take_mail().await.map_err(|error| BrainError::refused(error.to_string()))?;
            Ok(Response::text(format!("{} and {}", turn.messages().len(), joined.len())))
        }))
    })
}

/// Has every sender send to every receiver, and says how long it took until all was accepted, or consumed.
async fn blow(runtime: &Runtime, receivers: usize, fate: Fate) -> Outcome<Duration> {
    let taken = matches!(fate, Fate::Taken);
    if taken {
        runtime.agent(world::fleet()?).run().await?;
    }
    let begin = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let system = runtime.system().clone();
        senders.spawn(async move {
            for n in 0..receivers {
                // Each begins with another.
                let to = world::member((n + sender * receivers / SENDERS) % receivers)?.path;
                let text = format!("message {n} of sender {sender}");
                system.send(Letter { trigger: taken, ..Letter::to(to, text) }).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    if taken {
        runtime.system().run_to_rest(&world::fleet()?).await?;
    }
    Ok(begin.elapsed())
}
