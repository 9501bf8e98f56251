//! Pages of the list of a hundred thousand agents, beside a bare scan of as many rows.

use std::path::Path;
use std::time::{Duration, Instant};

use understory::{AgentPath, Listing, Part, Query, Runtime};
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
    for (name, pages) in [("first page", 0), ("middle page", agents / PAGE / 2)] {
        let round = |_| world::block_on(round(&dir, pages));
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

/// Reads the page behind so many, over and over.
async fn round(dir: &Path, pages: usize) -> Outcome<Round> {
    let runtime = world::idle().open(dir).await?;
    let (mut part, mut after) = (Part::First, None);
    for _ in 0..pages {
        let passed = page(&runtime, part).await?;
        after = passed.rows.last().map(|view| view.path.clone());
        part = Part::After(passed.next.ok_or("there is no page in the middle")?);
    }
    let mut read = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begin = Instant::now();
        let page = page(&runtime, part.clone()).await?;
        read.push(begin.elapsed());
        demand_full(page.rows.len())?;
    }
    runtime.shutdown(world::END).await?;
    drop(runtime);
    let engine = Raw::open(dir)?;
    let from = after.as_ref().map_or_else(|| vec![Table::Node as u8], |path| Table::Node.at(path).as_bytes().to_vec());
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

async fn page(runtime: &Runtime, part: Part) -> Outcome<Listing> {
    Ok(runtime.query(&Query { part, limit: PAGE, ..Query::of(AgentPath::root()) }).await?)
}

fn demand_full(rows: usize) -> Outcome<()> {
    if rows == PAGE { Ok(()) } else { Err(format!("a page has {rows} rows").into()) }
}
