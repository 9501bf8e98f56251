use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use proptest::test_runner::{Config, TestRng, TestRunner};
use tempfile::TempDir;

use super::*;
use crate::error::CommitError;
use crate::seam::{Backend, Changes, Commit, Direction, Entry, Expect, Key, KeyRange, Prefix, Write};
use crate::sled::{Restored, SledOptions};

/// How many tasks commit at once.
const TASKS: u64 = 4;

/// Everything that was acknowledged.
type Log = Mutex<BTreeMap<Version, Commit>>;

/// The records of a file, by their tags.
type Records = Vec<(u8, Vec<u8>)>;

async fn open(dir: &Path) -> SledBackend {
    SledBackend::open(dir, SledOptions { events_max: 20_000, ..SledOptions::default() }).await.unwrap()
}

async fn rows(backend: &SledBackend) -> Vec<Entry> {
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    backend.scan(all, None, Direction::Forward, usize::MAX).await.unwrap().rows
}

async fn events(backend: &SledBackend) -> Changes {
    backend.changes(0, usize::MAX).await.unwrap()
}

/// What commits up to `last` make, each with its own number.
fn replayed(log: &Log, last: Version) -> Vec<Entry> {
    let mut rows = BTreeMap::new();
    for (version, commit) in log.lock().unwrap().range(..=last) {
        for (n, write) in (0..).zip(&commit.writes) {
            match write {
                Write::Put(key, payload) => drop(rows.insert(key.clone(), (payload.clone(), *version))),
                Write::Append(prefix, payload) => {
                    drop(rows.insert(prefix.key(*version, n), (payload.clone(), *version)));
                }
                Write::Delete(key) => drop(rows.remove(key)),
            }
        }
    }
    rows.into_iter().map(|(key, (payload, version))| Entry { key, payload, version }).collect()
}

/// A commit that puts, appends and deletes somewhere.
fn random(random: &mut fastrand::Rng) -> Commit {
    let writes = (0..random.usize(1..5)).map(|_| {
        let key = Key::new(format!("k{:03}", random.u32(0..800)));
        let payload = Bytes::from(vec![random.u8(..); random.usize(0..300)]);
        match random.u8(0..4) {
            0 => Write::Delete(key),
            1 => Write::Append(Prefix::new(format!("log{}", random.u8(0..4))), payload),
            _ => Write::Put(key, payload),
        }
    });
    let writes = writes.collect();
    Commit { writes, events: vec![vec![7; random.usize(0..200)].into()], ..Commit::default() }
}

async fn commit(backend: &SledBackend, log: &Log, commit: Commit) -> Version {
    let version = backend.commit(commit.clone()).await.unwrap();
    log.lock().unwrap().insert(version, commit);
    version
}

/// Backups beside tasks that commit, each restored and compared with what was acknowledged up to its last commit.
async fn check(seed: u64) {
    let dir = TempDir::new().unwrap();
    let backend = Arc::new(open(&dir.path().join("store")).await);
    let (log, until) = (Arc::new(Log::default()), Arc::new(AtomicU64::new(u64::MAX)));
    let mut seeds = fastrand::Rng::with_seed(seed);
    for _ in 0..seeds.u32(0..400) {
        commit(&backend, &log, random(&mut seeds)).await;
    }
    let tasks = (0..TASKS).map(|_| {
        let (backend, log, until, mut seeds) = (backend.clone(), log.clone(), until.clone(), seeds.fork());
        tokio::spawn(
            async move { while commit(&backend, &log, random(&mut seeds)).await < until.load(Ordering::SeqCst) {} },
        )
    });
    let tasks: Vec<_> = tasks.collect();
    for n in 0..3 {
        let file = dir.path().join(format!("backup{n}"));
        let before = backend.last();
        let backup = backend.backup(&file).await.unwrap();
        assert!(backup.last >= before, "{backup:?} misses what was acknowledged before {before}");
        assert!(backup.last <= backend.last(), "{backup:?} holds what is not durable");
        let to = dir.path().join(format!("restored{n}"));
        let restored = SledBackend::restore(&file, &to).await.unwrap();
        let Backup { last, rows: scanned, batches, bytes } = backup;
        assert_eq!(restored, Restored { last, rows: scanned, batches });
        assert_eq!(bytes, fs::metadata(&file).unwrap().len());
        let again = open(&to).await;
        // What was acknowledged is in the log a moment later.
        while log.lock().unwrap().range(..=last).count() < last as usize {
            tokio::task::yield_now().await;
        }
        assert_eq!((again.last(), rows(&again).await), (last, replayed(&log, last)));
        let told = events(&again).await;
        assert_eq!(told.through, last);
        for change in told.changes {
            assert_eq!(change.events, log.lock().unwrap()[&change.version].events);
        }
    }
    until.store(0, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn what_is_restored_is_the_store_as_one_commit_left_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { failure_persistence: None, ..Config::with_cases(8) };
    let random = TestRng::deterministic_rng(config.rng_algorithm);
    let checked = TestRunner::new_with_rng(config, random).run(&proptest::num::u64::ANY, |seed| {
        runtime.block_on(check(seed));
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}

/// Versions, the place of the next append and the events are those of the original.
#[tokio::test]
async fn a_restored_store_goes_on_where_the_backup_ended() {
    let dir = TempDir::new().unwrap();
    let (store, file, to) = (dir.path().join("store"), dir.path().join("backup"), dir.path().join("to"));
    let backend = open(&store).await;
    let put = |key: &'static str| Commit { writes: vec![Write::Put(Key::new(key), "x".into())], ..Commit::default() };
    let append = || Commit { writes: vec![Write::Append(Prefix::new("p"), "y".into())], ..Commit::default() };
    for commit in [put("a"), put("b"), append(), Commit { events: vec!["told".into()], ..put("c") }] {
        backend.commit(commit).await.unwrap();
    }
    let backup = backend.backup(&file).await.unwrap();
    assert_eq!((backup.last, backup.batches), (4, 0));
    SledBackend::restore(&file, &to).await.unwrap();
    let again = open(&to).await;
    assert_eq!((rows(&again).await, events(&again).await), (rows(&backend).await, events(&backend).await));
    let fenced = Commit { expects: vec![Expect::At(Key::new("b"), 2)], ..append() };
    assert_eq!(again.commit(fenced).await.unwrap(), 5);
    let stale = Commit { expects: vec![Expect::At(Key::new("b"), 1)], ..append() };
    assert!(matches!(again.commit(stale).await, Err(CommitError::Conflict { found: Some(2), .. })));
    let logged: Vec<Key> =
        rows(&again).await.into_iter().map(|entry| entry.key).filter(|key| key.as_bytes()[0] == b'p').collect();
    assert_eq!(logged, [Prefix::new("p").key(3, 0), Prefix::new("p").key(5, 0)]);
}

#[tokio::test]
async fn nothing_is_written_over_by_a_backup_or_a_restore() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| -> PathBuf { dir.path().join(name) };
    let backend = open(&at("store")).await;
    backend.backup(at("backup")).await.unwrap();
    let exists = |error: StoreError| assert!(matches!(error, StoreError::FileExists { .. }), "{error:?}");
    exists(backend.backup(at("backup")).await.unwrap_err());
    exists(SledBackend::restore(at("backup"), at("store")).await.unwrap_err());
    exists(SledBackend::restore(at("backup"), at("backup")).await.unwrap_err());
    // An empty folder is nothing.
    fs::create_dir(at("empty")).unwrap();
    SledBackend::restore(at("backup"), at("empty")).await.unwrap();
    assert!(at("empty").join("understory").exists());
}

#[tokio::test]
async fn a_damaged_backup_makes_no_store() {
    let dir = TempDir::new().unwrap();
    let (file, to) = (dir.path().join("backup"), dir.path().join("to"));
    let backend = open(&dir.path().join("store")).await;
    for n in 0..3 {
        let writes = vec![Write::Put(Key::new(vec![b'k', n]), vec![n; 100].into())];
        backend.commit(Commit { writes, ..Commit::default() }).await.unwrap();
    }
    backend.backup(&file).await.unwrap();
    let whole = fs::read(&file).unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..60 {
        let mut bytes = whole.clone();
        match round % 2 {
            0 => bytes.truncate(random.usize(0..whole.len())),
            _ => bytes[random.usize(0..whole.len())] ^= 1 << random.u8(0..8),
        }
        fs::write(&file, bytes).unwrap();
        let refused = SledBackend::restore(&file, &to).await.unwrap_err();
        assert!(refused.to_string().starts_with(&format!("{} ", file.display())), "{refused}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the store and the backup");
    }
}

/// Files that their checksums call whole, and that are still no backups.
#[tokio::test]
async fn a_file_of_other_records_makes_no_store() {
    let dir = TempDir::new().unwrap();
    let (file, to) = (dir.path().join("backup"), dir.path().join("to"));
    let header = [&1_u32.to_be_bytes()[..], &7_u64.to_be_bytes()].concat();
    let tail = |last: u64, batches: u64| [last, 0, batches].map(u64::to_be_bytes).concat();
    let batch = |last: u64| last.to_be_bytes().to_vec();
    let newer = [&9_u32.to_be_bytes()[..], &7_u64.to_be_bytes()].concat();
    let row = vec![0, 1, 0, 0, 0, 1, b'k', b'v'];
    let unread = "its records are not those of a backup";
    let cases: [(Records, &str); 10] = [
        (vec![], unread),
        (vec![(b'h', header.clone())], unread),
        (vec![(b'h', header.clone()), (b'x', vec![])], unread),
        (vec![(b'h', header.clone()), (b't', tail(8, 0))], unread),
        (vec![(b'h', header.clone()), (b't', tail(7, 1))], unread),
        (vec![(b'h', header.clone()), (b'b', batch(7)), (b't', tail(7, 1))], unread),
        (vec![(b'h', header.clone()), (b'b', batch(8)), (b'r', vec![]), (b't', tail(8, 1))], unread),
        (vec![(b'h', header.clone()), (b'r', row), (b't', [7, 1, 0].map(u64::to_be_bytes).concat())], unread),
        (vec![(b'h', newer), (b't', tail(7, 0))], "its rows are of schema 9, this build reads up to 1"),
        // Whole, but without what a store is known by.
        (vec![(b'h', header), (b't', tail(7, 0))], "it does not say where its commits stand"),
    ];
    for (records, why) in cases {
        let mut writer = crate::archive::Writer::create(&file, "backup").unwrap();
        for (tag, record) in &records {
            writer.record(*tag, record).unwrap();
        }
        writer.finish().unwrap();
        let refused = SledBackend::restore(&file, &to).await.unwrap_err().to_string();
        assert!(refused.ends_with(why), "{records:?}: {refused}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "the backup alone");
        fs::remove_file(&file).unwrap();
    }
}

/// Its rows say of themselves that they are another commit's.
#[tokio::test]
async fn a_backup_of_another_commit_than_it_says_makes_no_store() {
    let dir = TempDir::new().unwrap();
    let (file, to, other) = (dir.path().join("backup"), dir.path().join("to"), dir.path().join("other"));
    let backend = open(&dir.path().join("store")).await;
    let writes = vec![Write::Put(Key::new("k"), "v".into())];
    backend.commit(Commit { writes, ..Commit::default() }).await.unwrap();
    backend.backup(&file).await.unwrap();
    let mut writer = BackupWriter::create(&other, 5).unwrap();
    let mut rows = Vec::new();
    let take = |changes: Vec<backup_file::Change>| {
        rows.extend(changes.into_iter().filter_map(|(key, value)| Some((key, value?))));
        Ok(())
    };
    backup_file::BackupReader::open(&file).unwrap().read(take).unwrap();
    writer.rows(&rows).unwrap();
    writer.finish(5).unwrap();
    let refused = SledBackend::restore(&other, &to).await.unwrap_err().to_string();
    assert!(refused.ends_with("its rows are those of commit 1, not 5"), "{refused}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "the store and the backups");
}

#[tokio::test]
async fn a_backup_whose_store_ends_or_whom_nobody_waits_for_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let backend = open(&dir.path().join("store")).await;
    let row = |n: u16| Write::Put(Key::new([&b"k"[..], &n.to_be_bytes()].concat()), vec![1; 2000].into());
    for n in 0..16 {
        let writes = (n * 64..(n + 1) * 64).map(row).collect();
        backend.commit(Commit { writes, ..Commit::default() }).await.unwrap();
    }
    let last = backend.last();
    let write = |name: &str, first, given_up| {
        let (_, tapped) = mpsc::channel(TAP_QUEUE);
        let (file, given_up) = (dir.path().join(name), AtomicBool::new(given_up));
        std::thread::scope(|aside| {
            aside.spawn(|| write(&backend.shared, &file, first, tapped, &given_up)).join().unwrap().unwrap_err()
        })
    };
    // Nobody waits for it any more when its rows are there.
    let refused = write("given up", last, true);
    assert!(matches!(refused, StoreError::Closed), "{refused:?}");
    // It has met what later commits wrote, and is handed nothing of them any more.
    let refused = write("cut off", last - 1, false);
    let StoreError::Io { source, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(source.to_string(), "commits were waiting for it too long");
    backend.shutdown().await.unwrap();
    let refused = backend.backup(dir.path().join("late")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Closed), "{refused:?}");
    drop(backend);
    let names = || fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names(), ["store"]);
}

#[tokio::test]
async fn a_damaged_row_is_named_and_commits_go_on() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    let put = |key: &'static str| Commit { writes: vec![Write::Put(Key::new(key), "x".into())], ..Commit::default() };
    let backend = open(&store).await;
    backend.commit(put("k1")).await.unwrap();
    drop(backend);
    let db = crate::sled::open::engine(&store, 1 << 20).unwrap();
    let mut value = db.get("k1").unwrap().unwrap().to_vec();
    *value.last_mut().unwrap() ^= 1;
    db.insert("k1", value).unwrap();
    db.flush().unwrap();
    drop(db);
    let backend = open(&store).await;
    let file = dir.path().join("backup");
    let refused = backend.backup(&file).await.unwrap_err().to_string();
    assert_eq!(refused, "store is damaged at k1: its checksum does not hold");
    assert_eq!(backend.commit(put("k1")).await.unwrap(), 2);
    assert_eq!(backend.backup(&file).await.unwrap().last, 2);
}

/// The test is the backup here: it takes when it likes.
#[tokio::test]
async fn commits_wait_for_a_backup_whose_queue_is_full() {
    let dir = TempDir::new().unwrap();
    let backend = open(&dir.path().join("store")).await;
    let put = |n: u64| Commit {
        writes: vec![Write::Put(Key::new(format!("k{n}")), n.to_string().into())],
        ..Commit::default()
    };
    let (tap, mut tapped) = mpsc::channel(TAP_QUEUE);
    let (witness, mut witnessed) = mpsc::channel(2 * TAP_QUEUE);
    // The witness is handed each batch first.
    for tap in [witness, tap] {
        let (begin, begun) = oneshot::channel();
        assert!(backend.queue().send(Message::Tap { tap, begun: begin }).await.is_ok());
        assert_eq!(begun.await.unwrap(), 0);
    }
    let full = TAP_QUEUE as u64;
    for n in 1..=full {
        assert_eq!(backend.commit(put(n)).await.unwrap(), n);
    }
    let held = backend.commit(put(full + 1));
    tokio::pin!(held);
    assert!(futures::poll!(&mut held).is_pending());
    while witnessed.recv().await.unwrap().last <= full {}
    // It is durable and being handed over long before it is looked at for the last time, and is still not answered.
    for _ in 0..200 {
        assert!(futures::poll!(&mut held).is_pending(), "a commit does not wait for the backup");
        assert_eq!(rows(&backend).await.len() as u64, full + 1);
    }
    let mut taken = vec![tapped.recv().await.unwrap()];
    assert_eq!(held.await.unwrap(), full + 1, "what is taken makes room for it");
    while let Ok(synced) = tapped.try_recv() {
        taken.push(synced);
    }
    assert!(taken.iter().map(|synced| synced.last).eq(1..=full + 1), "{taken:?}");
    for synced in taken {
        let key = format!("k{}", synced.last);
        let put = |(changed, value): &(IVec, Option<IVec>)| changed[..] == *key.as_bytes() && value.is_some();
        assert!(synced.changes.iter().any(put), "{synced:?}");
    }
}
