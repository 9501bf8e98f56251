//! Turns that are charged to goals, beside the same turns without goals: what accounting costs where every turn costs tokens.

use std::time::Instant;

use understory::{Agent, GoalPatch, GoalStatus, NewGoal, Response, Runtime, Seat, SpawnRequest, Usage, brain_fn};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::world::{self, rate};
use crate::{Bench, Outcome};

const IN_FLIGHT: usize = 64;
const TURNS: usize = 6_400;
/// What each turn costs.
const TOKENS: u64 = 7;

/// Whose goals the turns are charged to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goals {
    /// There are none.
    None,
    /// One above all.
    Shared,
    /// Each has one, with a budget from the one above all.
    Own,
}

/// One round.
struct Round {
    plain: f64,
    shared: f64,
    own: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let round = |_| {
        let one = |goals| world::block_on(turns(bench, goals));
        Ok(Round { plain: one(Goals::None)?, shared: one(Goals::Shared)?, own: one(Goals::Own)? })
    };
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Round>>>()?;
    let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let name = format!("turns charged, {IN_FLIGHT} in flight");
    let figure = |pick: fn(&Round) -> f64| {
        Figure::new(&name, "/s", take(pick)).beside("without goals", take(|round| round.plain))
    };
    report.figure(&figure(|round| round.shared).aim(Aim::RatioAtLeast(0.8)));
    let name = format!("turns charged, {IN_FLIGHT} goals");
    let own = Figure::new(&name, "/s", take(|round| round.own)).beside("without goals", take(|round| round.plain));
    report.figure(&own.aim(Aim::RatioAtLeast(0.8)));
    Ok(())
}

/// Turns a second; what they cost is checked to the token.
async fn turns(bench: &Bench, goals: Goals) -> Outcome<f64> {
    let dir = bench.place.fresh("accounting")?;
    let pays = |_: &Seat| {
        let usage = Usage { input_tokens: TOKENS, ..Usage::default() };
        Ok(brain_fn(move |turn| async move { Ok(Response { usage, ..Response::text(turn.text()) }) }))
    };
    let runtime = world::idle().brain("pays", pays).open(&dir).await?;
    let fleet = runtime.root().spawn("fleet").await?;
    if goals != Goals::None {
        fleet.create_goal(NewGoal::new("all")?.within(u64::MAX / 2)).await?;
    }
    let member = |n| {
        let own = NewGoal::new("a part")?.within(1 << 40);
        let goal = (goals == Goals::Own).then_some(own);
        Ok(SpawnRequest { goal, ..world::with_brain(world::member(n)?, "pays", "") })
    };
    world::enlist(&runtime, (0..IN_FLIGHT).map(member)).await?;
    let agents = (0..IN_FLIGHT).map(|n| world::agent(&runtime, n)).collect::<Outcome<Vec<Agent>>>()?;
    if goals == Goals::Own {
        // So that nobody goes on by itself.
        for agent in &agents {
            agent.set_goal(GoalPatch::to(GoalStatus::Paused)).await?;
        }
    }
    runtime.run(&world::fleet()?).await?;
    world::ask_all(&agents, 1).await?;
    let begin = Instant::now();
    world::ask_all(&agents, TURNS / IN_FLIGHT).await?;
    let took = begin.elapsed();
    if goals != Goals::None {
        let used: u64 = fleet.goals(None, 1_000).await?.iter().map(|view| view.used).sum();
        let paid = TOKENS * (TURNS + IN_FLIGHT) as u64;
        if used != paid {
            return Err(format!("{used} tokens were charged, and {paid} were used").into());
        }
    }
    end(runtime).await?;
    bench.place.clear(&[&dir])?;
    Ok(rate(TURNS, took))
}

async fn end(runtime: Runtime) -> Outcome<()> {
    runtime.shutdown(world::END).await?;
    Ok(())
}
