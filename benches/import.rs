//! The memory that importing a large table takes, against the engine by itself loading the same rows.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use understory::{AgentPath, BrainChoice, Event, Heard, Item, JobRequest, JobState, Node};
use understory_store::{AgentId, FailureLimits, ItemSource, Record, Refusal, Table, Text, Time, keys};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::{Packed, Raw};
use crate::world;
use crate::{Bench, Outcome, child, idle, table};

/// Rows of a batch, as the job's actor stores them.
const BATCH: u32 = 240;
/// Rows that a job of 64 places moves at a time.
const GROUP: u32 = 64;
/// Rows that an output is read by at a time.
const PAGE: usize = 512;
const MEBIBYTE: f64 = 1_048_576.0;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rows: u32 = if bench.long { 1_000_000 } else { 100_000 };
    let (dir, raw) = (bench.place.fresh("import")?, bench.place.fresh("import-raw")?);
    let csv = dir.join("table.csv");
    table::write(&csv, rows)?;
    let imported = child::run("import", &[&dir.display().to_string(), &csv.display().to_string()])?;
    let loaded = child::run("load", &[&raw.display().to_string(), &rows.to_string()])?;
    let (peak, bare) = (child::measured(&imported, "peak")?, child::measured(&loaded, "peak")?);
    let name = |what: &str| format!("import of {}k rows, {what}", rows / 1000);
    let figure = Figure::new(name("most memory"), "MiB", Rounds::one(peak));
    report.figure(&figure.beside("raw load", Rounds::one(bare)));
    report.figure(&Figure::new(name("over raw"), "MiB", Rounds::one(peak - bare)).aim(Aim::AtMost(64.0)));
    let rate =
        |answer: &Value| child::measured(answer, "seconds").map(|seconds| Rounds::one(f64::from(rows) / seconds));
    report.figure(&Figure::new(name("rate"), "rows/s", rate(&imported)?).beside("raw load", rate(&loaded)?));
    bench.place.clear(&[&dir, &raw])
}

/// In a child: imports a table, up to the moment when its rows would be worked on.
pub(crate) fn import(dir: &str, csv: &str) -> Outcome<Value> {
    world::block_on(async {
        let runtime =
            world::idle().brain("never", |_: &understory::Seat| Ok(understory::brain_fn(|_| std::future::pending())));
        let runtime = runtime.open(Path::new(dir).join("store")).await?;
        let mut events = runtime.events(None);
        let (ready, running) = oneshot::channel();
        tokio::spawn(async move {
            while let Ok(Some(heard)) = events.next().await {
                if let Heard::Told(told) = heard
                    && matches!(&told.event, Event::JobChanged { state, .. } if *state == JobState::Running.as_str())
                {
                    let _ = ready.send(());
                    return;
                }
            }
        });
        let begin = Instant::now();
        let brain = BrainChoice { name: "never".to_owned(), settings: String::new() };
        let mut request = JobRequest::new(csv, brain);
        request.output = Some(Path::new(dir).join("out.csv"));
        request.concurrency = 1;
        runtime.start_job(request).await?;
        running.await?;
        let seconds = begin.elapsed().as_secs_f64();
        println!("{}", json!({"seconds": seconds, "peak": child::memory()?.1 as f64 / MEBIBYTE}));
        // The rows are not to be worked on.
        std::process::exit(0)
    })
}

/// In a child: has the engine by itself load what importing the table writes.
pub(crate) fn load(dir: &str, rows: u32) -> Outcome<Value> {
    let begin = Instant::now();
    fill(&Raw::open(Path::new(dir))?, rows)?;
    let seconds = begin.elapsed().as_secs_f64();
    Ok(json!({"seconds": seconds, "peak": child::memory()?.1 as f64 / MEBIBYTE}))
}

/// In a child: the same, and then what a job writes that works the rows off; and then it is read through once.
pub(crate) fn load_and_move(dir: &str, rows: u32) -> Outcome<Value> {
    let engine = Raw::open(Path::new(dir))?;
    fill(&engine, rows)?;
    child::forget_peak()?;
    let (begin, before) = (Instant::now(), idle::processor());
    let (now, limits) = (Time(0), FailureLimits { attempts: 3, crashes: 5 });
    let firsts = (1..=rows + GROUP).step_by(GROUP as usize);
    for (version, first) in (u64::from(rows)..).zip(firsts) {
        let mut packed = Packed::default();
        let mut put = |number: u32, moved: fn(&Item, Time, FailureLimits) -> Result<Item, Refusal>| -> Outcome<()> {
            let node = Table::Node.at(&keys::item_path(&job()?, number)?);
            packed.put(version, node.as_bytes(), &Node::Item(moved(&item(number), now, limits)?).encode());
            Ok(())
        };
        // Those before end, and those that follow start in their place.
        for number in first.saturating_sub(GROUP).max(1)..first.min(rows + 1) {
            put(number, |item, now, limits| {
                let Text::Inline(row) = item.row.clone() else { return Ok(item.clone()) };
                item.start(now, now, limits)?.complete(1, Text::Inline(row), now)
            })?;
        }
        for number in first..(first + GROUP).min(rows + 1) {
            put(number, |item, now, limits| item.start(now, now, limits))?;
        }
        settle(&engine, packed, version)?;
    }
    let (seconds, processor) = (begin.elapsed().as_secs_f64(), idle::processor() - before);
    let peak = child::memory()?.1 as f64 / MEBIBYTE;
    child::forget_peak()?;
    for first in (1..=rows).step_by(PAGE) {
        engine.scan(Table::Node.at(&keys::item_path(&job()?, first)?).as_bytes(), PAGE)?;
    }
    let read_peak = child::memory()?.1 as f64 / MEBIBYTE;
    Ok(json!({"seconds": seconds, "processor": processor, "peak": peak, "read_peak": read_peak}))
}

fn fill(engine: &Raw, rows: u32) -> Outcome<()> {
    let job = job()?;
    for (version, first) in (1_u64..).zip((1..=rows).step_by(BATCH as usize)) {
        let mut packed = Packed::default();
        for number in first..(first + BATCH).min(rows + 1) {
            let node = Table::Node.at(&keys::item_path(&job, number)?);
            packed.put(version, node.as_bytes(), &Node::Item(item(number)).encode());
            let index = keys::item_id(&job, &number.to_string());
            packed.put(version, index.as_bytes(), &u64::from(number).encode());
        }
        settle(engine, packed, version)?;
    }
    Ok(())
}

/// Commits rows with their job's record and its event.
fn settle(engine: &Raw, mut packed: Packed, version: u64) -> Outcome<()> {
    packed.put(version, Table::Node.at(&job()?).as_bytes(), &[0x5a; 64]);
    packed.tell(version, 64);
    engine.commit(&packed)
}

fn job() -> Outcome<AgentPath> {
    Ok("/root/job_00000000".parse()?)
}

fn item(number: u32) -> Item {
    Item::new(AgentId::new(), number.to_string(), ItemSource::Number, Text::Inline(table::json(number)))
}
