//! A transcript of a million entries: appended to, and read a page at a time at its beginning, in its middle and at its end.

use std::path::Path;
use std::time::{Duration, Instant};

use understory::{
    AgentPath, InboxKey, Said, Speaker, Time, TranscriptEntry, TranscriptPage, TranscriptPart, TranscriptQuery,
};
use understory_store::{Draft, Store, Table};

use crate::figure::{Figure, Report, Rounds};
use crate::raw::Raw;
use crate::tape::Tape;
use crate::world::{self, percentile, rate};
use crate::{Bench, Outcome};

/// How many entries a page has, and a commit that appends.
const PAGE: usize = 100;
const BATCH: usize = 256;
/// How often a page is read.
const TIMES: usize = 500;
/// How many commits are looked at when the transcript is short, and when it is long.
const SPAN: usize = 64;

/// What one round took.
struct Round {
    append: f64,
    raw: f64,
    /// A commit of the first and of the last ones.
    first: Duration,
    last: Duration,
    /// Pages at the beginning, in the middle and at the end, each with a bare scan.
    pages: Vec<(Vec<Duration>, Vec<Duration>)>,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let entries: usize = if bench.long { 1_000_000 } else { 200_000 };
    let rounds = (0..bench.rounds.min(3)).map(|_| round(bench, entries)).collect::<Outcome<Vec<Round>>>()?;
    let size = entries / 1000;
    let take = |pick: &dyn Fn(&Round) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure = Figure::new(format!("transcript of {size}k, appended"), "entries/s", take(&|round| round.append));
    report.figure(&figure.beside("raw, same batches", take(&|round| round.raw)));
    let figure = Figure::new(
        format!("transcript of {size}k, a commit of {BATCH} at its end"),
        "ms",
        take(&|round| ms(round.last)),
    );
    report.figure(&figure.beside("at its beginning", take(&|round| ms(round.first))));
    for (at, name) in ["first page", "middle page", "last page"].into_iter().enumerate() {
        for part in [0.5, 0.99] {
            let read = take(&|round| ms_at(&round.pages[at].0, part));
            let name = format!("transcript of {size}k, {name}, p{:.0}", part * 100.0);
            let figure = Figure::new(name, "ms", read);
            report.figure(&figure.beside("raw scan", take(&|round| ms_at(&round.pages[at].1, part))));
        }
    }
    Ok(())
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn ms_at(sorted: &[Duration], part: f64) -> f64 {
    percentile(sorted, part)
}

fn round(bench: &Bench, entries: usize) -> Outcome<Round> {
    let (dir, raw) = (bench.place.fresh("transcript")?, bench.place.fresh("transcript-raw")?);
    let me: AgentPath = AgentPath::root().join("a")?;
    let (append, engine, first, last) = world::block_on(fill(&dir, &raw, &me, entries))?;
    let pages = world::block_on(pages(&dir, &me, entries))?;
    bench.place.clear(&[&dir, &raw])?;
    Ok(Round { append: rate(entries, append), raw: rate(entries, engine), first, last, pages })
}

/// Appends all of it, a batch a commit; then has the engine write the same.
async fn fill(
    dir: &Path,
    raw: &Path,
    me: &AgentPath,
    entries: usize,
) -> Outcome<(Duration, Duration, Duration, Duration)> {
    let tape = Tape::open(dir).await?;
    let system = world::idle().on(tape.clone()).await?;
    system.system().spawn(vec![understory::SpawnRequest::at(me.clone())]).await?;
    let store: &Store = system.system().store();
    let begin = store.last();
    let (started, mut commits) = (Instant::now(), Vec::new());
    for batch in 0..entries.div_ceil(BATCH) {
        let mut draft = Draft::new();
        for number in batch * BATCH..((batch + 1) * BATCH).min(entries) {
            let text = format!("entry {number}: what somebody said, and a little more of it than a word or two");
            let said = Said { speaker: Speaker::User, text, at: Time(number as u64) };
            draft.append(Table::Transcript.below(me), &TranscriptEntry::Said(said));
        }
        let asked = Instant::now();
        store.commit(draft).await?;
        commits.push(asked.elapsed());
    }
    let append = started.elapsed();
    system.shutdown(world::END).await?;
    drop(system);
    let engine = tape.end().await?.replay(raw, begin)?;
    let middle = |span: &[Duration]| {
        let mut sorted = span.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    Ok((append, engine, middle(&commits[..SPAN]), middle(&commits[commits.len() - SPAN..])))
}

/// Reads pages at three places, over and over; then has the engine scan as many rows from the same keys on.
async fn pages(dir: &Path, me: &AgentPath, entries: usize) -> Outcome<Vec<(Vec<Duration>, Vec<Duration>)>> {
    let runtime = world::idle().open(dir).await?;
    let at = async |part| -> Outcome<TranscriptPage> {
        let query = TranscriptQuery { part, limit: PAGE, ..TranscriptQuery::of(me.clone()) };
        Ok(runtime.system().transcript(&query).await?)
    };
    let first = at(TranscriptPart::First).await?;
    let last = at(TranscriptPart::Last).await?;
    let ends = [first.entries.first(), last.entries.last()].map(|entry| entry.map_or(0, |entry| entry.row.sequence));
    let middle = InboxKey { sequence: u64::midpoint(ends[0], ends[1]), n: 0 };
    let before_last = last.entries.first().ok_or("there is no last page")?.row;
    let places = [TranscriptPart::First, TranscriptPart::After(middle), TranscriptPart::Last];
    let mut read = Vec::new();
    for part in places {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begin = Instant::now();
            let page = at(part).await?;
            times.push(begin.elapsed());
            demand_full(page.entries.len(), entries)?;
        }
        times.sort_unstable();
        read.push(times);
    }
    runtime.shutdown(world::END).await?;
    drop(runtime);
    let engine = Raw::open(dir)?;
    let key = |row: InboxKey| Table::Transcript.below(me).key(row.sequence, row.n);
    let from = [key(InboxKey::FIRST), key(middle), key(before_last)];
    let mut found = Vec::new();
    for (read, from) in read.into_iter().zip(from) {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begin = Instant::now();
            let rows = engine.scan(from.as_bytes(), PAGE)?;
            times.push(begin.elapsed());
            demand_full(rows, entries)?;
        }
        times.sort_unstable();
        found.push((read, times));
    }
    Ok(found)
}

fn demand_full(rows: usize, entries: usize) -> Outcome<()> {
    if rows == PAGE { Ok(()) } else { Err(format!("a page of {entries} entries has {rows}").into()) }
}
