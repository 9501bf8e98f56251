//! Opening a store of many agents, to the first page of its list; and what such a store takes of memory and disk.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use understory::AgentPath;

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::place::bytes_on_disk;
use crate::world::{self, rate};
use crate::{Bench, Outcome, child};

/// How many agents a page of the list has.
const PAGE: usize = 100;
const MEGABYTE: f64 = 1_000_000.0;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    size(bench, report, 100_000)?;
    if bench.long {
        size(bench, report, 1_000_000)?;
    }
    Ok(())
}

fn size(bench: &Bench, report: &mut Report, agents: usize) -> Outcome<()> {
    let dir = bench.place.fresh("reopen")?;
    let (place, count) = (dir.display().to_string(), agents.to_string());
    let filled = child::run("fill", &[&place, &count, "shutdown"])?;
    let measured = |answer: &Value, name: &str| child::measured(answer, name).map(Rounds::one);
    let million = agents == 1_000_000;
    let aim = |figure: Figure, aim: Aim, holds: bool| if holds { figure.aim(aim) } else { figure };
    let name = |what: &str| format!("{}k agents, {what}", agents / 1000);
    report.figure(&aim(
        Figure::new(name("batched spawn"), "/s", measured(&filled, "rate")?),
        Aim::AtLeast(40_000.0),
        true,
    ));
    let most = Figure::new(name("most memory in spawn"), "MB", measured(&filled, "peak")?);
    report.figure(&aim(most, Aim::AtMost(200.0), million));
    let disk = Rounds::one(bytes_on_disk(&dir)? as f64 / agents as f64);
    report.figure(&aim(Figure::new(name("on disk"), "bytes each", disk), Aim::AtMost(1_100.0), million));
    report.figure(&Figure::new(name("shutdown"), "s", measured(&filled, "shutdown")?));
    let empty = bench.place.fresh("reopen-empty")?;
    child::run("fill", &[&empty.display().to_string(), "0", "shutdown"])?;
    let bare = child::measured(&child::run("reopen", &[&empty.display().to_string()])?, "memory")?;
    let opened: Vec<Value> = (0..bench.rounds).map(|_| child::run("reopen", &[&place])).collect::<Outcome<_>>()?;
    let rounds = |name: &str| opened.iter().map(|answer| child::measured(answer, name)).collect::<Outcome<Rounds>>();
    let settled = Figure::new(name("settled open to first page"), "s", rounds("seconds")?);
    report.figure(&aim(settled, Aim::AtMost(0.5), million));
    let memory: Outcome<Vec<f64>> = opened.iter().map(|answer| child::measured(answer, "memory")).collect();
    let cold = memory?.into_iter().map(|memory| (memory - bare) * MEGABYTE / agents as f64).collect();
    report.figure(&Figure::new(name("memory of a cold one"), "bytes each", cold));
    let dir = bench.place.fresh("reopen")?;
    child::run("fill", &[&place, &count, "exit"])?;
    let unsettled = child::run("reopen", &[&place])?;
    report.figure(&Figure::new(name("unsettled open to first page"), "s", measured(&unsettled, "seconds")?));
    bench.place.clear(&[&dir, &empty])
}

/// In a child: spawns so many agents in batches, and shuts down or just exits.
pub(crate) fn fill(dir: &str, agents: usize, end: &str) -> Outcome<Value> {
    world::block_on(async {
        let runtime = world::idle().open(dir).await?;
        let begin = Instant::now();
        world::muster(&runtime, agents, None).await?;
        let rate = rate(agents, begin.elapsed());
        let (_, peak) = child::memory()?;
        let begin = Instant::now();
        let mut answer = json!({"rate": rate, "peak": peak as f64 / MEGABYTE});
        if end == "shutdown" {
            runtime.shutdown(world::END).await?;
            answer["shutdown"] = json!(begin.elapsed().as_secs_f64());
            return Ok(answer);
        }
        // Nothing is dropped or closed: what was acknowledged is on disk.
        println!("{answer}");
        std::process::exit(0)
    })
}

/// In a child: opens a store and reads the first page of its list.
pub(crate) fn reopen(dir: &str) -> Outcome<Value> {
    world::block_on(async {
        let begin = Instant::now();
        let runtime = world::idle().open(Path::new(dir)).await?;
        let page = runtime.list(&AgentPath::root(), None, PAGE).await?;
        let seconds = begin.elapsed().as_secs_f64();
        if page.len() > 2 && page.len() < PAGE {
            return Err(format!("the first page has {} agents", page.len()).into());
        }
        let (memory, _) = child::memory()?;
        Ok(json!({"seconds": seconds, "memory": memory as f64 / MEGABYTE}))
    })
}
