//! What a backup costs those who commit, and how fast a subtree is exported and imported.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use understory::{SpawnRequest, restore};
use understory_store::{Backend, Commit, Key, SledBackend, SledOptions, Write};

use crate::figure::{Figure, Report, Rounds};
use crate::world;
use crate::{Bench, Outcome};

/// How many callers commit at once.
const CALLERS: u64 = 64;
/// The bytes of a row that is committed.
const ROW: usize = 286;
const MEBIBYTE: f64 = 1_048_576.0;

/// One round: commits a second without and with backups beside them, and the backups' bytes a second.
struct Busy {
    alone: f64,
    beside: f64,
    written: f64,
}

/// One round: MiB of file a second.
struct Moved {
    exported: f64,
    copied: f64,
    imported: f64,
    restored: f64,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let rows: u64 = if bench.long { 1_000_000 } else { 200_000 };
    let round = |_| world::block_on(busy(bench, rows));
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Busy>>>()?;
    let take = |pick: fn(&Busy) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure = Figure::new("commits of 64 callers beside backups", "/s", take(|round| round.beside));
    report.figure(&figure.beside("without one", take(|round| round.alone)));
    report.figure(&Figure::new(
        format!("backup of {}k rows beside them", rows / 1000),
        "MiB/s",
        take(|round| round.written),
    ));
    let agents = if bench.long { 200_000 } else { 30_000 };
    let round = |_| world::block_on(moved(bench, agents));
    let rounds = (0..bench.rounds).map(round).collect::<Outcome<Vec<Moved>>>()?;
    let take = |pick: fn(&Moved) -> f64| rounds.iter().map(pick).collect::<Rounds>();
    let figure = Figure::new(format!("export of {}k agents", agents / 1000), "MiB/s", take(|round| round.exported));
    report.figure(&figure.beside("a copy of the file", take(|round| round.copied)));
    let figure = Figure::new(format!("import of {}k agents", agents / 1000), "MiB/s", take(|round| round.imported));
    report.figure(&figure.beside("restore of a backup of them", take(|round| round.restored)));
    Ok(())
}

/// Commits for as long as a backup takes, and then for as long without one.
async fn busy(bench: &Bench, rows: u64) -> Outcome<Busy> {
    let dir = bench.place.fresh("backup")?;
    let backend = Arc::new(SledBackend::open(dir.join("store"), SledOptions::default()).await?);
    for first in (0..rows).step_by(1000) {
        backend.commit(Commit { writes: (first..first + 1000).map(row).collect(), ..Commit::default() }).await?;
    }
    let (done, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let callers = (0..CALLERS).map(|caller| {
        let (backend, done, ended) = (backend.clone(), done.clone(), ended.clone());
        tokio::spawn(async move {
            let mut at = caller;
            while !ended.load(Ordering::Relaxed) {
                let writes = vec![row(at % rows)];
                backend.commit(Commit { writes, ..Commit::default() }).await?;
                done.fetch_add(1, Ordering::Relaxed);
                at += CALLERS * 31;
            }
            Ok::<(), understory::CommitError>(())
        })
    });
    let callers: Vec<_> = callers.collect();
    let (begin, before) = (Instant::now(), done.load(Ordering::Relaxed));
    let backup = backend.backup(dir.join("file")).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let beside = (done.load(Ordering::Relaxed) - before) as f64 / seconds;
    let (again, before) = (Instant::now(), done.load(Ordering::Relaxed));
    tokio::time::sleep(begin.elapsed()).await;
    let alone = (done.load(Ordering::Relaxed) - before) as f64 / again.elapsed().as_secs_f64();
    ended.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await??;
    }
    backend.shutdown().await?;
    bench.place.clear(&[&dir])?;
    Ok(Busy { alone, beside, written: backup.bytes as f64 / MEBIBYTE / seconds })
}

fn row(n: u64) -> Write {
    Write::Put(Key::new(format!("row/{n:012}")), vec![n as u8; ROW].into())
}

/// Exports a fleet, each with a letter, and takes it into another store.
async fn moved(bench: &Bench, agents: usize) -> Outcome<Moved> {
    let dir = bench.place.fresh("parcel")?;
    let at = |name: &str| dir.join(name);
    let runtime = world::idle().open(at("store")).await?;
    runtime.root().spawn("fleet").await?;
    let request = |n| Ok(SpawnRequest { task: Some("x".repeat(200)), ..world::member(n)? });
    world::enlist(&runtime, (0..agents).map(request)).await?;
    let top = runtime.agent(world::fleet()?);
    top.close(world::END).await?;
    let begin = Instant::now();
    let bytes = top.export(at("file")).await?.bytes as f64 / MEBIBYTE;
    let exported = bytes / begin.elapsed().as_secs_f64();
    let backup = runtime.backup(at("backup")).await?.bytes as f64 / MEBIBYTE;
    runtime.shutdown(world::END).await?;
    let begin = Instant::now();
    copy(&at("file"), &at("copy"))?;
    let copied = bytes / begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    restore(at("backup"), at("restored")).await?;
    let restored = backup / begin.elapsed().as_secs_f64();
    let other = world::idle().open(at("other")).await?;
    let begin = Instant::now();
    other.import_subtree(at("file"), None).await?;
    let imported = bytes / begin.elapsed().as_secs_f64();
    other.shutdown(world::END).await?;
    bench.place.clear(&[&dir])?;
    Ok(Moved { exported, copied, imported, restored })
}

/// Copies a file as durably as an export is.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::copy(from, to)?;
    Ok(std::fs::File::open(to)?.sync_all()?)
}
