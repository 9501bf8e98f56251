use std::collections::BTreeMap;
use std::ops::Bound;

use tempfile::TempDir;

use super::*;
use crate::seam::{Backend, Commit, Direction, Entry, Key, KeyRange, Version, Write};
use crate::sled::SledOptions;
use crate::sled::beside::RESTORING;

/// All that a store says of itself.
async fn contents(dir: &Path) -> (Version, Vec<Entry>, usize) {
    let backend = SledBackend::open(dir, SledOptions::default()).await.unwrap();
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    let rows = backend.scan(all, None, Direction::Forward, usize::MAX).await.unwrap().rows;
    let events = backend.changes(0, usize::MAX).await.unwrap().changes;
    (backend.last(), rows, events.len())
}

/// A store whose rows were written over many times, with a file of somebody else's.
async fn wasteful(dir: &Path) {
    let backend = SledBackend::open(dir, SledOptions::default()).await.unwrap();
    for n in 0..1_000_u32 {
        let row = Write::Put(Key::new(format!("k{}", n % 100)), vec![n as u8; 3000].into());
        let again = (0..12).map(|k| Write::Put(Key::new(format!("again{k}")), vec![n as u8; 3000].into()));
        let writes = again.chain([row]).collect();
        backend.commit(Commit { writes, events: vec!["e".into()], ..Commit::default() }).await.unwrap();
    }
    backend.shutdown().await.unwrap();
    fs::create_dir(dir.join("spool")).unwrap();
    fs::write(dir.join("spool/table"), "id\n1\n").unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_it_is_killed_the_store_is_the_old_one_or_the_new_one() {
    let dir = TempDir::new().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let store = home.join("store");
    wasteful(&store).await;
    let before = contents(&store).await;
    let size = on_disk(&store).unwrap();
    // What a process leaves that is killed at each step: the home as it is then.
    let mut steps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut copying = 0;
    let compacted = compact(&store, &mut |step| {
        copying += usize::from(step == Step::Copying);
        let killed = dir.path().join(format!("{step:?}{copying}"));
        copy(&home, &killed);
        steps.insert(format!("{step:?}{copying}"), names(&killed));
    })
    .unwrap();
    assert!(copying > 1, "{copying} batches prove little");
    let after_all = format!("Removed{copying}");
    for (step, found) in &steps {
        let beside = if *step == after_all { vec!["store"] } else { vec!["store", "store.compacting"] };
        assert_eq!(*found, beside, "{step}");
        let killed = dir.path().join(step);
        assert_eq!(contents(&killed.join("store")).await, before, "{step}");
        assert_eq!(names(&killed), ["store"], "what is left is cleared away when the store is opened: {step}");
        assert_eq!(fs::read_to_string(killed.join("store/spool/table")).unwrap(), "id\n1\n");
        // Asking again does it.
        let again = compact(&killed.join("store"), &mut |_| {}).unwrap();
        assert_eq!(again.rows, compacted.rows);
        assert_eq!(contents(&killed.join("store")).await, before, "{step}, again");
    }
    assert_eq!(contents(&store).await, before);
    assert_eq!(compacted.bytes_before, size);
    assert!(compacted.bytes_after * 2 < size, "{compacted:?}");
}

#[tokio::test]
async fn a_store_that_is_used_or_not_there_is_not_compacted() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    let missing = SledBackend::compact(&store).await.unwrap_err();
    assert!(matches!(missing, StoreError::Io { .. }), "{missing:?}");
    assert_eq!(names(dir.path()), [""; 0]);
    let backend = SledBackend::open(&store, SledOptions::default()).await.unwrap();
    let used = SledBackend::compact(&store).await.unwrap_err();
    assert!(matches!(used, StoreError::InUse { .. }), "{used:?}");
    drop(backend);
    SledBackend::compact(&store).await.unwrap();
}

/// What somebody works on is neither cleared away nor begun a second time.
#[tokio::test]
async fn what_is_locked_beside_a_store_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    for suffix in [COMPACTING, RESTORING] {
        fs::create_dir(beside(&store, suffix)).unwrap();
    }
    let busy = open::lock(&beside(&store, COMPACTING)).unwrap();
    drop(SledBackend::open(&store, SledOptions::default()).await.unwrap());
    assert_eq!(names(dir.path()), ["store", "store.compacting"]);
    let used = SledBackend::compact(&store).await.unwrap_err();
    assert!(matches!(used, StoreError::InUse { .. }), "{used:?}");
    drop(busy);
    SledBackend::compact(&store).await.unwrap();
    assert_eq!(names(dir.path()), ["store"]);
}
