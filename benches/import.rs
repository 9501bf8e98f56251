//! The memory that importing a large table takes, against the engine by itself loading the same rows.

use std::path::Path;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use understory::{BrainChoice, Event, Heard, Item, JobRequest, JobState, Node};
use understory_store::{AgentId, ItemSource, Record, Table, Text, keys};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::{Packed, Raw};
use crate::world;
use crate::{Bench, Outcome, child, table};

/// Rows of a batch, as the job's actor stores them.
const BATCH: u32 = 240;
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
        let begin = std::time::Instant::now();
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
    let begin = std::time::Instant::now();
    let engine = Raw::open(Path::new(dir))?;
    let job = "/root/job_00000000".parse()?;
    for (version, first) in (1_u64..).zip((1..=rows).step_by(BATCH as usize)) {
        let mut packed = Packed::default();
        for number in first..(first + BATCH).min(rows + 1) {
            let cells = table::cells(number);
            let json = table::HEADERS.iter().zip(&cells).map(|(name, cell)| format!("{name:?}:{cell:?}"));
            let row = Text::Inline(format!("{{{}}}", json.collect::<Vec<_>>().join(",")));
            let item = Item::new(AgentId::new(), number.to_string(), ItemSource::Number, row);
            let node = Table::Node.at(&keys::item_path(&job, number)?);
            packed.put(version, node.as_bytes(), &Node::Item(item).encode());
            let index = keys::item_id(&job, &number.to_string());
            packed.put(version, index.as_bytes(), &u64::from(number).encode());
        }
        // The job's record and its event.
        packed.put(version, Table::Node.at(&job).as_bytes(), &[0x5a; 64]);
        packed.tell(version, 64);
        engine.commit(&packed)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(json!({"seconds": seconds, "peak": child::memory()?.1 as f64 / MEBIBYTE}))
}
