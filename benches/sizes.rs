//! Jobs of many sizes: what a row costs must not grow with them. And what a job of each size takes of memory, of the disk, and
//! of whoever looks at it.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;
use understory::{Event, Heard, Job, Runtime};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::job::{self, Played};
use crate::place::bytes_on_disk;
use crate::world::{self, rate};
use crate::{Bench, Outcome, child, idle};

const SMALL: u32 = 10_000;
const MIDDLE: u32 = 100_000;
const LARGE: u32 = 1_000_000;
/// In the long form too: one of the largest takes minutes.
const ROUNDS: usize = 3;
/// How often a finished job is looked at.
const LOOKS: usize = 2_000;
const MEBIBYTE: f64 = 1_048_576.0;

/// What jobs of one size took in one round, a row.
struct Cost {
    run: Duration,
    raw: Duration,
    rows: u32,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let sizes: &[u32] = if bench.long { &[SMALL, MIDDLE, LARGE] } else { &[SMALL, MIDDLE] };
    let round = |_| sizes.iter().map(|rows| cost(bench, *rows)).collect::<Outcome<Vec<Cost>>>();
    let rounds = (0..ROUNDS).map(round).collect::<Outcome<Vec<Vec<Cost>>>>()?;
    for (at, rows) in sizes.iter().enumerate() {
        let take = |pick: fn(&Cost) -> f64| rounds.iter().map(|round| pick(&round[at])).collect::<Rounds>();
        let figure = Figure::new(name(*rows, "64 at once"), "rows/s", take(Cost::rate));
        report.figure(&figure.beside("raw, same commits", take(Cost::raw_rate)).aim(Aim::RatioAtLeast(0.85)));
    }
    let (smallest, largest) = (rounds.iter().map(|round| &round[0]), rounds.iter().filter_map(|round| round.last()));
    let last = sizes.len() - 1;
    let grows = Figure::new(name(sizes[last], "a row"), "us", largest.clone().map(Cost::row).collect());
    let small = smallest.clone().map(Cost::row).collect();
    report.figure(&grows.beside("of 10k rows", small).aim(Aim::RatioAtMost(1.1)));
    let grows = Figure::new(name(sizes[last], "a row, raw"), "us", largest.map(Cost::raw_row).collect());
    report.figure(&grows.beside("of 10k rows", smallest.map(Cost::raw_row).collect()));
    let costs = sizes.iter().map(|rows| whole(bench, report, *rows)).collect::<Outcome<Vec<f64>>>()?;
    let grows = Figure::new(name(sizes[last], "a row, processor"), "us", Rounds::one(costs[last]));
    report.figure(&grows.beside("of 10k rows", Rounds::one(costs[0])).aim(Aim::RatioAtMost(1.1)));
    Ok(())
}

impl Cost {
    fn rate(&self) -> f64 {
        rate(self.rows as usize, self.run)
    }

    fn raw_rate(&self) -> f64 {
        rate(self.rows as usize, self.raw)
    }

    fn row(&self) -> f64 {
        1_000_000.0 / self.rate()
    }

    fn raw_row(&self) -> f64 {
        1_000_000.0 / self.raw_rate()
    }
}

fn name(rows: u32, what: &str) -> String {
    format!("job of {}k rows, {what}", rows / 1000)
}

/// One round of a size. Of a small one several jobs, so that the round of each size is of some length.
fn cost(bench: &Bench, rows: u32) -> Outcome<Cost> {
    let jobs = (MIDDLE / rows).max(1);
    let mut cost = Cost { run: Duration::ZERO, raw: Duration::ZERO, rows: rows * jobs };
    for _ in 0..jobs {
        let (dir, raw) = (bench.place.fresh("sizes")?, bench.place.fresh("sizes-raw")?);
        let played = Played::play(&dir, rows)?;
        cost.run += played.took();
        cost.raw += played.raw(&raw)?;
        bench.place.clear(&[&dir, &raw])?;
    }
    Ok(cost)
}

/// A job from its table to its output, with no tape, in a process of its own. What a row of it takes of the processor.
fn whole(bench: &Bench, report: &mut Report, rows: u32) -> Outcome<f64> {
    let (dir, raw) = (bench.place.fresh("sizes")?, bench.place.fresh("sizes-raw")?);
    let answer = child::run("whole", &[&dir.display().to_string(), &rows.to_string()])?;
    let moved = child::run("move", &[&raw.display().to_string(), &rows.to_string()])?;
    let figure = |what: &str, unit, field: &str| {
        child::measured(&answer, field).map(|reached| Figure::new(name(rows, what), unit, Rounds::one(reached)))
    };
    let beside = |field: &str| child::measured(&moved, field);
    let raw_processor = beside("processor")? * 1_000_000.0 / f64::from(rows);
    report.figure(&figure("import", "rows/s", "import_rate")?);
    report.figure(&figure("import, most memory", "MiB", "import_peak")?);
    report.figure(&figure("run, most memory", "MiB", "run_peak")?.beside("raw", Rounds::one(beside("peak")?)));
    let processor = figure("run, processor", "us/row", "run_processor")?;
    report.figure(&processor.beside("raw", Rounds::one(raw_processor)));
    report.figure(&figure("output", "us/row", "output")?);
    let memory = figure("output, most memory", "MiB", "output_peak")?;
    report.figure(&memory.beside("raw, read", Rounds::one(beside("read_peak")?)));
    report.figure(&figure("show, p50", "us", "show_p50")?);
    report.figure(&figure("show, p99", "us", "show_p99")?);
    report.figure(&figure("looked through for its summary", "us/row", "digest")?);
    let disk = |dir: &Path| Ok::<_, Box<dyn Error + Send + Sync>>(bytes_on_disk(dir)? as f64 / f64::from(rows));
    let (disk, raw_disk) = (disk(&dir.join("store"))?, disk(&raw)?);
    let disk = Figure::new(name(rows, "on disk"), "bytes/row", Rounds::one(disk));
    report.figure(&disk.beside("raw", Rounds::one(raw_disk)));
    bench.place.clear(&[&dir, &raw])?;
    child::measured(&answer, "run_processor")
}

/// In a child: has the echo work off so many rows, and measures itself on the way.
pub(crate) fn play_whole(dir: &str, rows: u32) -> Outcome<Value> {
    world::block_on(async {
        let request = job::request(Path::new(dir), rows)?;
        let runtime = world::echoing().open(Path::new(dir).join("store")).await?;
        let (imported, worked) = (reached(&runtime, "running"), reached(&runtime, "completed"));
        let begin = Instant::now();
        let (job, _) = runtime.start_job(request).await?;
        let (imported_at, imported_processor) = imported.await?;
        let (_, import_peak) = child::memory()?;
        child::forget_peak()?;
        let (worked_at, worked_processor) = worked.await?;
        let (_, run_peak) = child::memory()?;
        child::forget_peak()?;
        job.finished().await?;
        let output = worked_at.elapsed();
        let (_, output_peak) = child::memory()?;
        let looks = looks(&job).await?;
        let begun = Instant::now();
        job.digest().await?;
        let digest = begun.elapsed();
        runtime.shutdown(world::END).await?;
        let each = |took: Duration| took.as_secs_f64() * 1_000_000.0 / f64::from(rows);
        Ok(json!({
            "import_rate": rate(rows as usize, imported_at - begin),
            "import_peak": import_peak as f64 / MEBIBYTE,
            "run_processor": (worked_processor - imported_processor) * 1_000_000.0 / f64::from(rows),
            "run_peak": run_peak as f64 / MEBIBYTE,
            "output": each(output),
            "output_peak": output_peak as f64 / MEBIBYTE,
            "show_p50": world::percentile(&looks, 0.5) * 1000.0,
            "show_p99": world::percentile(&looks, 0.99) * 1000.0,
            "digest": each(digest),
        }))
    })
}

/// Resolves once a job has come to this state, with when that was and what the process had spent by then.
fn reached(runtime: &Runtime, wanted: &'static str) -> oneshot::Receiver<(Instant, f64)> {
    let mut events = runtime.events(None);
    let (there, told) = oneshot::channel();
    tokio::spawn(async move {
        while let Ok(Some(heard)) = events.next().await {
            if let Heard::Told(told) = heard
                && let Event::JobChanged { state, .. } = &told.event
                && state == wanted
            {
                // Whoever asked may have failed, and says so.
                let _ = there.send((Instant::now(), idle::processor()));
                return;
            }
        }
    });
    told
}

/// How long each of many looks at a job takes, sorted.
async fn looks(job: &Job) -> Outcome<Vec<Duration>> {
    let mut looks = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let begin = Instant::now();
        job.show().await?;
        looks.push(begin.elapsed());
    }
    looks.sort_unstable();
    Ok(looks)
}
