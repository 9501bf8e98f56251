//! What a process spends whose agents all wait: each in a turn, for mail or for another.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use understory::Runtime;

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::tally::Tally;
use crate::{Bench, Outcome, child, waiter, world};

const WAITING: usize = 1_000;
/// How long those who were counted have to fall asleep.
const CALM: Duration = Duration::from_secs(1);

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let seconds = if bench.long { "10" } else { "3" };
    let spent = |agents: usize| {
        let dir = bench.place.fresh("idle")?;
        let answer = child::run("idle", &[&dir.display().to_string(), &agents.to_string(), seconds])?;
        bench.place.clear(&[&dir])?;
        child::measured(&answer, "part").map(|part| part * 100.0)
    };
    let rounds = (0..bench.rounds).map(|_| Ok((spent(WAITING)?, spent(0)?))).collect::<Outcome<Vec<(f64, f64)>>>()?;
    let take = |pick: fn(&(f64, f64)) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure = Figure::new("1,000 waiting turns, processor", "% of a core", take(|round| round.0));
    report.figure(&figure.beside("with no agents", take(|round| round.1)).aim(Aim::AtMost(1.0)));
    Ok(())
}

/// In a child: has so many agents wait, and measures what the process spends in so many seconds.
pub(crate) fn idle(dir: &str, agents: usize, seconds: u64) -> Outcome<Value> {
    world::block_on(async {
        let (began, told) = (Tally::of(agents), Tally::of(agents));
        let runtime = waiter::known_to(world::idle(), began.clone(), told).open(dir).await?;
        if agents > 0 {
            have_wait(&runtime, agents, &began).await?;
        }
        let part = spent_in(Duration::from_secs(seconds)).await;
        let report = runtime.shutdown(world::END).await?;
        if report.overdue > 0 {
            return Err(format!("{} of those who waited did not end", report.overdue).into());
        }
        Ok(json!({"part": part}))
    })
}

/// The part of one core that this process takes over a while.
pub(crate) async fn spent_in(span: Duration) -> f64 {
    let before = processor();
    tokio::time::sleep(span).await;
    (processor() - before) / span.as_secs_f64()
}

/// What this process has spent of the processor, in seconds of a core.
pub(crate) fn processor() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

async fn have_wait(runtime: &Runtime, agents: usize, began: &Tally) -> Outcome<()> {
    runtime.root().spawn("fleet").await?;
    let request = |n: usize| {
        let before = if n.is_multiple_of(2) { String::new() } else { world::member(n - 1)?.path.to_string() };
        waiter::request(n, &before)
    };
    world::enlist(runtime, (0..agents).map(request)).await?;
    runtime.agent(world::fleet()?).run().await?;
    began.done().await;
    tokio::time::sleep(CALM).await;
    Ok(())
}
