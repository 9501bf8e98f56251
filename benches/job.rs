//! A job of ten thousand rows whose workers answer at once: what is left is what a row costs.

use std::path::Path;
use std::time::Duration;

use understory::{BrainChoice, Event, JobRequest};
use understory_store::{Record, Table, Write};

use crate::figure::{Aim, Figure, Report, Rounds};
use crate::raw::{Packed, Raw, RawCommit};
use crate::sqlite::{self, Beside, Transition};
use crate::tape::{Reel, Taken, Tape};
use crate::world::{self, rate};
use crate::{Bench, Outcome, table};

const ROWS: u32 = 10_000;
const CONCURRENCY: u32 = 64;
const GROUP: usize = 64;

/// One round.
struct Round {
    rows: f64,
    raw: f64,
    sqlite: f64,
    sqlite_grouped: f64,
    item_writes: f64,
    all_writes: f64,
    commits: f64,
    /// Of the time of a row, the part in which some commit is under way, in microseconds; and the rest.
    in_store: f64,
    between: f64,
    raw_cost: f64,
    raw_live: f64,
}

/// A job that was worked off with a tape running.
pub(crate) struct Played {
    reel: Reel,
    span: Span,
    /// What was synced together before its rows were worked on.
    before: Vec<Packed>,
    /// And from then on to the last report.
    after: Vec<Packed>,
}

/// The part of a run between the import and the last report.
struct Span {
    begin: usize,
    end: usize,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rounds = (0..bench.rounds).map(|_| round(bench)).collect::<Outcome<Vec<Round>>>()?;
    let take = |pick: fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure =
        |beside, rounds| Figure::new("job, 64 at once", "rows/s", take(|round| round.rows)).beside(beside, rounds);
    report.figure(&figure("raw, same commits", take(|round| round.raw)).aim(Aim::RatioAtLeast(0.85)));
    report.figure(&figure("raw, one caller", take(|round| round.raw_live)));
    report.figure(&figure("SQLite, one a transaction", take(|round| round.sqlite)).aim(Aim::RatioAtLeast(6.0)));
    report.figure(&figure("SQLite, 64 a transaction", take(|round| round.sqlite_grouped)));
    let writes = Figure::new("job, writes of its item a row", "", take(|round| round.item_writes));
    report.figure(&writes.aim(Aim::AtMost(2.0)));
    report.figure(&Figure::new("job, writes in all a row", "", take(|round| round.all_writes)));
    let in_store = Figure::new("job, a row's time with a commit under way", "us", take(|round| round.in_store));
    report.figure(&in_store.beside("raw, same commits", take(|round| round.raw_cost)));
    report.figure(&Figure::new("job, a row's time without one", "us", take(|round| round.between)));
    report.figure(&Figure::new("job, rows a commit", "", take(|round| round.commits)));
    Ok(())
}

impl Played {
    /// Has the echo work off so many rows, in `dir`.
    pub(crate) fn play(dir: &Path, rows: u32) -> Outcome<Played> {
        let reel = world::block_on(run(dir, rows))?;
        let span = Span::of(&reel)?;
        let (begin, end) = (reel.taken[span.begin].version, reel.taken[span.end].version);
        let (before, mut after): (Vec<_>, Vec<_>) =
            reel.packed(0).into_iter().partition(|packed| packed.last() <= begin);
        after.retain(|packed| packed.last() <= end);
        Ok(Played { reel, span, before, after })
    }

    /// From the last commit of the import to the one that made the last row final.
    pub(crate) fn took(&self) -> Duration {
        self.reel.taken[self.span.end].acknowledged - self.reel.taken[self.span.begin].acknowledged
    }

    /// How long the engine by itself takes for the same commits, in `dir`.
    pub(crate) fn raw(&self, dir: &Path) -> Outcome<Duration> {
        let engine = Raw::open(dir)?;
        engine.replay(&self.before)?;
        engine.replay(&self.after)
    }

    /// How long it takes if one caller waits for each of them.
    fn raw_live(&self, dir: &Path) -> Outcome<Duration> {
        let engine = Raw::open(dir)?;
        engine.replay(&self.before)?;
        let lane = self.taken().iter().map(RawCommit::of).collect();
        Ok(world::block_on(engine.live(vec![lane]))?.0)
    }

    fn taken(&self) -> &[Taken] {
        &self.reel.taken[self.span.begin + 1..=self.span.end]
    }

    /// For how long some commit was under way.
    fn in_store(&self) -> Duration {
        let version = |at: usize| self.reel.taken[at].version;
        self.reel.in_store(version(self.span.begin), version(self.span.end))
    }
}

fn round(bench: &Bench) -> Outcome<Round> {
    let (dir, raw, raw_live) =
        (bench.place.fresh("job")?, bench.place.fresh("job-raw")?, bench.place.fresh("job-live")?);
    let played = Played::play(&dir, ROWS)?;
    let replayed = played.raw(&raw)?;
    let live = played.raw_live(&raw_live)?;
    let (transitions, beside) = transitions(played.taken());
    let sqlite = sqlite::run(&raw, &transitions, &beside, 1)?;
    let grouped = sqlite::run(&raw, &transitions, &beside, GROUP)?;
    bench.place.clear(&[&dir, &raw, &raw_live])?;
    let (rows, took, in_store) = (ROWS as usize, played.took(), played.in_store());
    let cost = |took: Duration| took.as_secs_f64() * 1_000_000.0 / f64::from(ROWS);
    let writes: usize = played.after.iter().map(Packed::writes).sum();
    Ok(Round {
        rows: rate(rows, took),
        raw: rate(rows, replayed),
        sqlite: rate(rows, sqlite),
        sqlite_grouped: rate(rows, grouped),
        item_writes: transitions.len() as f64 / f64::from(ROWS),
        all_writes: writes as f64 / f64::from(ROWS),
        commits: f64::from(ROWS) / played.taken().len() as f64,
        in_store: cost(in_store),
        between: cost(took.saturating_sub(in_store)),
        raw_cost: cost(replayed),
        raw_live: rate(rows, live),
    })
}

async fn run(dir: &Path, rows: u32) -> Outcome<Reel> {
    let tape = Tape::open(&dir.join("store")).await?;
    let runtime = world::echoing().on(tape.clone()).await?;
    let (job, _) = runtime.start_job(request(dir, rows)?).await?;
    let view = job.finished().await?;
    if view.job.counts.completed != rows {
        return Err(format!("{} of {rows} rows are completed", view.job.counts.completed).into());
    }
    runtime.shutdown(world::END).await?;
    drop((job, runtime));
    tape.end().await
}

/// A job for the echo over a table of so many rows, which is written to `dir`.
pub(crate) fn request(dir: &Path, rows: u32) -> Outcome<JobRequest> {
    let input = dir.join("table.csv");
    table::write(&input, rows)?;
    let brain = BrainChoice { name: "echo".to_owned(), settings: String::new() };
    let mut request = JobRequest::new(input, brain);
    request.concurrency = CONCURRENCY;
    request.output = Some(dir.join("out.csv"));
    Ok(request)
}

impl Span {
    fn of(reel: &Reel) -> Outcome<Span> {
        let begin = reel.taken.iter().rposition(imports).ok_or("no commit imported rows")?;
        let end = reel.taken.iter().rposition(moves).ok_or("no commit moved rows")?;
        Ok(Span { begin, end })
    }
}

fn imports(taken: &Taken) -> bool {
    taken
        .commit
        .writes
        .iter()
        .any(|write| matches!(write, Write::Put(key, _) if key.as_bytes()[0] == Table::ItemId as u8))
}

fn moves(taken: &Taken) -> bool {
    let events = taken.commit.events.iter().map(|event| Event::decode(event));
    events.into_iter().any(|event| matches!(event, Ok(Event::ItemsMoved { .. })))
}

/// Every record of a row that was written, in order; and the last of the job and its event.
fn transitions(taken: &[Taken]) -> (Vec<Transition>, Beside) {
    let mut beside = Beside { job: Vec::new(), event: Vec::new() };
    let mut transitions = Vec::new();
    for taken in taken {
        for write in &taken.commit.writes {
            match write {
                Write::Put(key, payload) if key.as_bytes().contains(&b'r') && is_item(key.as_bytes()) => {
                    transitions.push(Transition { path: key.as_bytes().to_vec(), record: payload.to_vec() });
                }
                Write::Put(_, payload) => beside.job = payload.to_vec(),
                Write::Delete(_) | Write::Append(..) => {}
            }
        }
        // One row's event, where the store has one for all rows of the commit.
        beside.event = vec![0x5a; 64];
    }
    (transitions, beside)
}

fn is_item(key: &[u8]) -> bool {
    key[0] == Table::Node as u8 && key.iter().filter(|byte| **byte == b'/').count() == 3
}
