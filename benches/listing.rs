//! Pages of the list of a hundred thousand agents, beside a bare scan of as many rows.

use std::path::Path;
use std::time::{Duration, Instant};

use understory::{AgentPath, Runtime, View};
use understory_store::Table;

use crate::figure::{Figure, Report, Rounds};
use crate::raw::Raw;
use crate::world::{self, percentile};
use crate::{Bench, Outcome, child};

/// How many agents a page has.
const PAGE: usize = 100;
/// How often a page is read in a round.
const TIMES: usize = 500;

/// One round: sorted latencies.
struct Round {
    read: Vec<Duration>,
    scanned: Vec<Duration>,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let agents: usize = if bench.long { 100_000 } else { 20_000 };
    let dir = bench.place.fresh("list")?;
    child::run("fill", &[&dir.display().to_string(), &agents.to_string(), "shutdown"])?;
    for (name, after) in [("first page", None), ("middle page", Some(world::member(agents / 2)?.path))] {
        let round = |_| world::block_on(round(&dir, after.as_ref()));
        let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Round>>>()?;
        for part in [0.5, 0.99] {
            let take = |pick: fn(&Round) -> &Vec<Duration>| {
                rounds.iter().map(|round| percentile(pick(round), part)).collect::<Rounds>()
            };
            let name = format!("list of {}k, {name}, p{:.0}", agents / 1000, part * 100.0);
            let figure = Figure::new(name, "ms", take(|round| &round.read));
            report.figure(&figure.beside("raw scan", take(|round| &round.scanned)));
        }
    }
    bench.place.clear(&[&dir])
}

async fn round(dir: &Path, after: Option<&AgentPath>) -> Outcome<Round> {
    let runtime = world::idle().open(dir).await?;
    let mut read = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begin = Instant::now();
        let page = page(&runtime, after).await?;
        read.push(begin.elapsed());
        demand_full(page.len())?;
    }
    runtime.shutdown(world::END).await?;
    drop(runtime);
    let engine = Raw::open(dir)?;
    let from = after.map_or_else(|| vec![Table::Node as u8], |path| Table::Node.at(path).as_bytes().to_vec());
    let mut scanned = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begin = Instant::now();
        let rows = engine.scan(&from, PAGE)?;
        scanned.push(begin.elapsed());
        demand_full(rows)?;
    }
    read.sort_unstable();
    scanned.sort_unstable();
    Ok(Round { read, scanned })
}

async fn page(runtime: &Runtime, after: Option<&AgentPath>) -> Outcome<Vec<View>> {
    Ok(runtime.list(&AgentPath::root(), after, PAGE).await?)
}

fn demand_full(rows: usize) -> Outcome<()> {
    if rows == PAGE { Ok(()) } else { Err(format!("a page has {rows} rows").into()) }
}
