//! A hundred thousand memories: written, read into the index of a process that begins, and searched; beside the full-text search
//! of SQLite over the same texts in memory.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use understory::{AgentPath, Limits, MEMORIES_MAX, MemoryQuery, MemoryView, Note, Runtime, Scope};

use crate::figure::{Figure, Report, Rounds};
use crate::resident::settled;
use crate::world::{self, percentile};
use crate::{Bench, Outcome, child};

/// How many words there are; the n-th is as frequent as 1/n.
const VOCABULARY: usize = 20_000;
/// How many words a memory has, and a question.
const WORDS: usize = 24;
const ASKED: usize = 2;
/// How many memories a search answers with.
const PAGE: usize = 10;
/// How many searches a round has.
const SEARCHES: usize = 1_000;
/// How many are written at a time.
const CALLERS: usize = 64;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let memories: usize = if bench.long { 100_000 } else { 20_000 };
    let dir = bench.place.fresh("memories")?;
    let took = world::block_on(fill(&dir, memories))?;
    let (place, count) = (dir.display().to_string(), memories.to_string());
    let ours = || child::run("memories", &[&place, &count]);
    let theirs = || child::run("memories-sqlite", &[&count]);
    let pairs = (0..bench.rounds).map(|_| Ok((ours()?, theirs()?))).collect::<Outcome<Vec<_>>>()?;
    let take = |name: &str, theirs: bool| {
        let of = |(one, other): &(Value, Value)| child::measured(if theirs { other } else { one }, name);
        pairs.iter().map(of).collect::<Outcome<Rounds>>()
    };
    let name = |what: &str| format!("{}k memories, {what}", memories / 1000);
    report.figure(&Figure::new(name("written by 64"), "/s", Rounds::one(world::rate(memories, took))));
    for (what, unit, key) in [
        ("index built", "s", "build"),
        ("memory", "MB", "memory"),
        ("search, p50", "ms", "p50"),
        ("search, p99", "ms", "p99"),
    ] {
        report.figure(&Figure::new(name(what), unit, take(key, false)?).beside("SQLite FTS5", take(key, true)?));
    }
    for (what, key) in [("list, p50", "list_p50"), ("search of what one of 100 sees, p50", "seen_p50")] {
        report.figure(&Figure::new(name(what), "ms", take(key, false)?));
    }
    bench.place.clear(&[&dir])
}

/// In a child: opens a store, builds the index, and searches it.
pub(crate) fn search(dir: &str, memories: usize) -> Outcome<Value> {
    world::block_on(async {
        let runtime = runtime(Path::new(dir), memories).await?;
        let before = settled().await?;
        let begin = Instant::now();
        let all = MemoryView::Below(AgentPath::root());
        find(&runtime, &all, Some("w1".to_owned())).await?;
        let build = begin.elapsed();
        let memory = settled().await?.saturating_sub(before);
        let mut words = Words::new(2);
        let (mut searched, mut seen, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        let one = MemoryView::SeenBy(member(7)?);
        for _ in 0..SEARCHES {
            searched.push(find(&runtime, &all, Some(words.next(ASKED))).await?);
            seen.push(find(&runtime, &one, Some(words.next(ASKED))).await?);
            if listed.len() < SEARCHES / 10 {
                listed.push(find(&runtime, &all, None).await?);
            }
        }
        runtime.shutdown(world::END).await?;
        for times in [&mut searched, &mut seen, &mut listed] {
            times.sort_unstable();
        }
        Ok(json!({
            "build": build.as_secs_f64(),
            "memory": memory as f64 / 1e6,
            "p50": percentile(&searched, 0.5),
            "p99": percentile(&searched, 0.99),
            "seen_p50": percentile(&seen, 0.5),
            "list_p50": percentile(&listed, 0.5),
        }))
    })
}

/// In a child: the same texts and questions.
pub(crate) fn search_sqlite(memories: usize) -> Outcome<Value> {
    let before = child::memory()?.0;
    let begin = Instant::now();
    let mut db = Connection::open_in_memory()?;
    db.execute_batch("CREATE VIRTUAL TABLE notes USING fts5(text, content='')")?;
    let filling = db.transaction()?;
    let mut words = Words::new(1);
    for n in 0..memories {
        let row = (n as i64, words.next(WORDS));
        filling.prepare_cached("INSERT INTO notes(rowid, text) VALUES (?1, ?2)")?.execute(row)?;
    }
    filling.commit()?;
    let build = begin.elapsed();
    let memory = child::memory()?.0.saturating_sub(before);
    let (mut words, mut searched) = (Words::new(2), Vec::new());
    let mut query = db.prepare("SELECT rowid FROM notes WHERE notes MATCH ?1 ORDER BY rank LIMIT ?2")?;
    for _ in 0..SEARCHES {
        let asked = words.next(ASKED).replace(' ', " OR ");
        let begin = Instant::now();
        let found = query.query_map((asked, PAGE as i64), |row| row.get::<_, i64>(0))?.count();
        searched.push(begin.elapsed());
        // What ours is asked of one agent.
        words.next(ASKED);
        std::hint::black_box(found);
    }
    searched.sort_unstable();
    Ok(json!({
        "build": build.as_secs_f64(),
        "memory": memory as f64 / 1e6,
        "p50": percentile(&searched, 0.5),
        "p99": percentile(&searched, 0.99),
    }))
}

/// Writes them: half for all, the others each for one of a hundred agents.
async fn fill(dir: &Path, memories: usize) -> Outcome<Duration> {
    let runtime = runtime(dir, memories).await?;
    world::muster(&runtime, 100, None).await?;
    let mut words = Words::new(1);
    let begin = Instant::now();
    let mut left = memories;
    while left > 0 {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..CALLERS.min(left) {
            let (handle, place) = (runtime.memories(), member((left - n) % 100)?);
            let scope = if n % 2 == 0 { Scope::Tree } else { Scope::Subtree };
            let note = Note { text: words.next(WORDS), scope, tags: std::collections::BTreeSet::new() };
            tasks.spawn(async move { handle.add(&place, note).await });
        }
        left -= tasks.len();
        while let Some(added) = tasks.join_next().await {
            added??;
        }
    }
    let took = begin.elapsed();
    runtime.shutdown(world::END).await?;
    Ok(took)
}

async fn runtime(dir: &Path, memories: usize) -> Outcome<Runtime> {
    let mut limits: Limits = world::limits();
    limits.memories = memories as u64;
    Ok(Runtime::builder().limits(limits).open(dir).await?)
}

async fn find(runtime: &Runtime, view: &MemoryView, text: Option<String>) -> Outcome<Duration> {
    let query = MemoryQuery { text, limit: PAGE.min(MEMORIES_MAX), ..MemoryQuery::of(view.clone()) };
    let begin = Instant::now();
    let found = runtime.memories().find(&query).await?;
    let took = begin.elapsed();
    if found.memories.len() > PAGE { Err("a page is too long".into()) } else { Ok(took) }
}

fn member(n: usize) -> Outcome<AgentPath> {
    Ok(world::member(n)?.path)
}

/// Words of a vocabulary, the same ones for the same seed.
struct Words(u64);

impl Words {
    fn new(seed: u64) -> Self {
        Words(seed)
    }

    /// So many words with blanks between.
    fn next(&mut self, count: usize) -> String {
        (0..count).map(|_| format!("w{}", self.word())).collect::<Vec<_>>().join(" ")
    }

    /// The number of a word: the logarithm of an even one, so that each is as frequent as 1/n.
    fn word(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let even = (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        (VOCABULARY as f64).powf(even) as usize
    }
}
