//! Backups beside writers that are killed, and restores and compactions that are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;
use understory_store::{Backend, Backup, SledBackend, SledOptions, StoreError};

use super::ledger::Ledger;
use super::volume::Volume;
use super::writer::{Mark, Writer};
use super::{long, put, skip};

const DIR: &str = "UNDERSTORY_STORE_MAKER";
const VERB: &str = "UNDERSTORY_STORE_MAKER_VERB";

/// What there is beside a store, by its names.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The acknowledgements of commits up to one.
fn up_to(acknowledged: &[(Mark, u64)], last: u64) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.note(acknowledged.iter().filter(|(_, version)| *version <= last).copied());
    ledger
}

/// Every backup that has its name restores to the store as its last commit left it: the ledger finds commits 1 to that one,
/// whole and without a hole, and nothing after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_a_killed_writer_is_whole_or_has_no_name() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    let mut random = fastrand::Rng::with_seed(5);
    let mut acknowledged = Vec::new();
    let mut whole = 0;
    for round in 0..if long() { 40 } else { 4 } {
        let mut writer = Writer::start_with_backups(&store, round, dir.path());
        writer.opening();
        for _ in 0..random.usize(200..1200) {
            acknowledged.push(writer.acknowledged().expect("it commits until it is killed"));
        }
        let begun = writer.backups();
        acknowledged.extend(writer.kill());
        for (file, acknowledged_before) in begun {
            let to = dir.path().join("restored");
            match SledBackend::restore(dir.path().join(&file), &to).await {
                Ok(restored) => {
                    assert!(restored.last >= acknowledged_before, "{restored:?} misses {acknowledged_before}");
                    let checked = up_to(&acknowledged, restored.last).check(&to).await;
                    checked.unwrap_or_else(|wrong| panic!("{file} of round {round}: {wrong}"));
                    let backend = SledBackend::open(&to, SledOptions::default()).await.unwrap();
                    assert_eq!(backend.last(), restored.last);
                    whole += 1;
                }
                // It was still being written.
                Err(error) => assert!(matches!(error, StoreError::Io { .. }), "{error:?}"),
            }
            let _ = fs::remove_dir_all(&to);
        }
    }
    assert!(whole > 3, "{whole} backups prove little");
    let backend = SledBackend::open(&store, SledOptions::default()).await.unwrap();
    let left = names(dir.path()).into_iter().find(|name| name.ends_with(".part"));
    if let Some(part) = left {
        let name = part.trim_start_matches('.').split('.').next().unwrap();
        backend.backup(dir.path().join(name)).await.unwrap();
        assert!(!names(dir.path()).contains(&part), "what a killed process left is cleared by the next");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_compaction_leaves_the_old_store_or_the_new_one() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    let ledger = filled(&store).await;
    // It is killed as soon as this is there.
    let moments = ["store.compacting", "store.compacting/db", "store.compacting/understory", "store.compacting/lock"];
    for moment in moments.into_iter().cycle().take(if long() { 60 } else { 8 }) {
        let compacting = made(&store, "compact");
        kill_when(compacting, &dir.path().join(moment));
        assert!(store.join("understory").exists(), "at {moment}");
        ledger.check(&store).await.unwrap_or_else(|wrong| panic!("killed at {moment}: {wrong}"));
        assert_eq!(names(dir.path()), ["store"], "what was left is cleared away by an open");
    }
    SledBackend::compact(&store).await.unwrap();
    ledger.check(&store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_leaves_the_old_store_or_the_compacted_one() {
    let name = "a_power_cut_leaves_the_old_store_or_the_compacted_one";
    let mut volume = match Volume::ext4(512) {
        Ok(volume) => volume,
        Err(reason) => return skip(name, &reason),
    };
    let ledger = filled(&volume.path().join("store")).await;
    let moments = ["store.compacting/db", "store.compacting/understory", "never"];
    for moment in moments.into_iter().cycle().take(if long() { 24 } else { 3 }) {
        let store = volume.path().join("store");
        let mut compacting = made(&store, "compact");
        wait_for(&mut compacting, &volume.path().join(moment));
        if let Err(reason) = volume.cut() {
            return skip(name, &reason);
        }
        end(compacting);
        volume = volume.restart();
        let store = volume.path().join("store");
        ledger.check(&store).await.unwrap_or_else(|wrong| panic!("cut at {moment}: {wrong}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_restore_leaves_no_store_or_a_whole_one() {
    let dir = TempDir::new().unwrap();
    let (from, file, store) = (dir.path().join("from"), dir.path().join("backup"), dir.path().join("store"));
    let ledger = filled(&from).await;
    let backend = SledBackend::open(&from, SledOptions::default()).await.unwrap();
    backend.backup(&file).await.unwrap();
    backend.shutdown().await.unwrap();
    let moments = ["store.restoring", "store.restoring/db", "store.restoring/understory", "store"];
    for moment in moments.into_iter().cycle().take(if long() { 60 } else { 8 }) {
        kill_when(made(&store, "restore"), &dir.path().join(moment));
        if !store.exists() {
            // Asking again clears away what was left.
            SledBackend::restore(&file, &store).await.unwrap();
        }
        ledger.check(&store).await.unwrap_or_else(|wrong| panic!("killed at {moment}: {wrong}"));
        assert_eq!(names(dir.path()), ["backup", "from", "store"]);
        fs::remove_dir_all(&store).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_a_backup_or_a_restore_and_nothing_else() {
    let name = "a_full_disk_ends_a_backup_or_a_restore_and_nothing_else";
    let volume = match Volume::tmpfs(600) {
        Ok(volume) => volume,
        Err(reason) => return skip(name, &reason),
    };
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    filled(&store).await;
    let backend = Arc::new(SledBackend::open(&store, SledOptions::default()).await.unwrap());
    let ended = Arc::new(AtomicBool::new(false));
    let writer = {
        let (backend, ended) = (backend.clone(), ended.clone());
        tokio::spawn(async move {
            let mut n = 0;
            while !ended.load(Ordering::SeqCst) {
                backend.commit(put(format!("busy{}", n % 50), vec![7; 3000])).await.unwrap();
                n += 1;
            }
            n
        })
    };
    let full = |error: StoreError| {
        let StoreError::Io { source, .. } = &error else { panic!("{error:?}") };
        let kind = source.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        assert_eq!(kind, Some(std::io::ErrorKind::StorageFull), "{error:?}");
    };
    full(backend.backup(volume.path().join("backup")).await.unwrap_err());
    assert_eq!(names(&volume.path()), [""; 0]);
    // Nobody waits for a backup that has ended.
    let before = backend.last();
    while backend.last() < before + 50 {
        backend.durable(before + 50).await.unwrap();
    }
    let Backup { last, .. } = backend.backup(dir.path().join("backup")).await.unwrap();
    assert!(last > before);
    ended.store(true, Ordering::SeqCst);
    assert!(writer.await.unwrap() > 50);
    full(SledBackend::restore(dir.path().join("backup"), volume.path().join("store")).await.unwrap_err());
    assert_eq!(names(&volume.path()), [""; 0]);
}

/// A store with what a writer acknowledged.
async fn filled(store: &Path) -> Ledger {
    let mut ledger = Ledger::default();
    let mut writer = Writer::start(store, 0, true);
    writer.opening();
    for _ in 0..800 {
        ledger.note([writer.acknowledged().expect("it commits until it is killed")]);
    }
    ledger.note(writer.kill());
    ledger.check(store).await.unwrap();
    ledger
}

/// A process that does this to the store once.
fn made(store: &Path, verb: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "store::backup::make_until_killed", "--nocapture"]).env(DIR, store).env(VERB, verb);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills it when something is there, or waits until it has ended.
fn kill_when(mut child: Child, there: &Path) {
    wait_for(&mut child, there);
    end(child);
}

/// Waits until something is there, or the process has ended.
fn wait_for(child: &mut Child, there: &Path) {
    while !there.exists() && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
}

fn end(mut child: Child) {
    // It may have ended.
    let _ = child.kill();
    child.wait().unwrap();
}

/// Not a test of its own: what [`made`] runs.
#[tokio::test]
async fn make_until_killed() {
    let Some(store) = env::var_os(DIR).map(PathBuf::from) else { return };
    match env::var(VERB).unwrap().as_str() {
        "compact" => drop(SledBackend::compact(store).await.unwrap()),
        _ => drop(SledBackend::restore(store.with_file_name("backup"), store).await.unwrap()),
    }
}
