//! What a store says of rows that are not as it wrote them.

use tempfile::TempDir;

use super::meta::{HEAD_KEY, SCHEMA, SCHEMA_KEY};
use super::{SledBackend, SledOptions};
use crate::error::{CommitError, StoreError};
use crate::frame;
use crate::seam::{Backend, Commit, Direction, Expect, Key, KeyRange, Prefix, Write};

async fn open(dir: &TempDir) -> Result<SledBackend, StoreError> {
    SledBackend::open(dir.path(), SledOptions::default()).await
}

/// Creates a store with rows `k1` to `k3`, and lets `change` have its engine.
async fn changed(change: impl FnOnce(&sled::Db)) -> TempDir {
    let dir = TempDir::new().unwrap();
    let backend = open(&dir).await.unwrap();
    let writes = ["k1", "k2", "k3"].map(|key| Write::Put(Key::new(key), "payload".into())).to_vec();
    backend.commit(Commit { writes, events: vec!["told".into()], ..Commit::default() }).await.unwrap();
    drop(backend);
    let db = super::open::engine(dir.path(), 1 << 20).unwrap();
    change(&db);
    db.flush().unwrap();
    drop(db);
    dir
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let newer = frame::encode(&mut Vec::new(), SCHEMA_KEY, 0, &(SCHEMA + 1).to_be_bytes()).to_vec();
    let dir = changed(|db| drop(db.insert(SCHEMA_KEY, newer).unwrap())).await;
    for _ in 0..2 {
        let error = open(&dir).await.unwrap_err();
        let expected = format!("store {} has schema 2, this build reads up to 1", dir.path().display());
        assert!(matches!(error, StoreError::NewerSchema { .. }));
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_store_without_its_head_is_damaged() {
    let dir = changed(|db| drop(db.remove(HEAD_KEY).unwrap())).await;
    assert!(matches!(open(&dir).await.unwrap_err(), StoreError::Damaged { .. }));
    let dir = changed(|db| drop(db.insert(HEAD_KEY, b"short").unwrap())).await;
    assert_eq!(
        open(&dir).await.unwrap_err().to_string(),
        r"store is damaged at \x00h: its 5 bytes are shorter than a frame"
    );
}

#[tokio::test]
async fn a_damaged_row_is_named_and_the_others_are_read() {
    let dir = changed(|db| {
        let mut value = db.get("k2").unwrap().unwrap().to_vec();
        value[17] ^= 1;
        db.insert("k2", value).unwrap();
    })
    .await;
    let backend = open(&dir).await.unwrap();
    let named = "store is damaged at k2: its checksum does not hold";
    assert_eq!(backend.get(vec![Key::new("k2")]).await.unwrap_err().to_string(), named);
    let scanned = backend.scan(KeyRange::prefix(b"k"), None, Direction::Forward, 9).await;
    assert_eq!(scanned.unwrap_err().to_string(), named);
    let refused = backend.commit(Commit { expects: vec![Expect::At(Key::new("k2"), 1)], ..Commit::default() }).await;
    let CommitError::Store(refused) = refused.unwrap_err() else { panic!("a damaged row is no conflict") };
    assert_eq!(refused.to_string(), named);
    let others = backend.get(vec![Key::new("k1"), Key::new("k3")]).await.unwrap();
    assert!(others.rows.iter().all(|row| row.as_ref().unwrap().payload == "payload"));
    // Writing the row again mends it.
    backend
        .commit(Commit { writes: vec![Write::Put(Key::new("k2"), "again".into())], ..Commit::default() })
        .await
        .unwrap();
    assert_eq!(backend.get(vec![Key::new("k2")]).await.unwrap().rows[0].as_ref().unwrap().payload, "again");
}

#[test]
fn a_row_behind_the_end_of_the_file_is_damage() {
    let cut = || ::sled::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
    let error = super::fault::reading(b"k2", cut());
    assert_eq!(error.to_string(), "store is damaged at k2: the engine's file ends before it");
    let error = super::fault::opening(std::path::Path::new("/store"), cut());
    assert_eq!(error.to_string(), "store is damaged at /store: the engine's file ends before it");
    let refused = super::fault::reading(b"k2", ::sled::Error::Io(std::io::ErrorKind::PermissionDenied.into()));
    assert!(matches!(refused, StoreError::Io { .. }), "{refused:?}");
}

#[test]
fn a_batch_weighs_what_it_writes() {
    let dir = TempDir::new().unwrap();
    let db = super::open::engine(dir.path(), 1 << 20).unwrap();
    let gone = Key::new("to be deleted");
    let writes = vec![
        Write::Put(Key::new("k"), "payload".into()),
        Write::Append(Prefix::new("p"), "row".into()),
        Write::Delete(gone.clone()),
    ];
    let mut building = super::batch::Building::new(&db, super::meta::Head::default(), false);
    building.add(&Commit { writes, events: vec!["told".into()], ..Commit::default() }, false).unwrap();
    let built = building.finish(1 << 20).unwrap();
    db.apply_batch(built.batch).unwrap();
    // The two rows, the events and the head.
    let rows: Vec<_> = db.iter().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let written: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert_eq!(built.bytes, (written + gone.as_bytes().len()) as u64);
    // The events do not fit any more: their row goes, and its key is written for it.
    let (events, _) = db.scan_prefix([0x0e]).next().unwrap().unwrap();
    let building = super::batch::Building::new(&db, built.head, false);
    let built = building.finish(0).unwrap();
    let head = db.get(HEAD_KEY).unwrap().unwrap();
    assert_eq!(built.bytes, (events.len() + HEAD_KEY.len() + head.len()) as u64);
}

#[tokio::test]
async fn a_damaged_event_is_named() {
    let dir = changed(|db| {
        let (key, value) = db.scan_prefix([0x0e]).next().unwrap().unwrap();
        let mut value = value.to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.insert(key, value).unwrap();
    })
    .await;
    let error = open(&dir).await.unwrap().changes(0, 9).await.unwrap_err();
    let key = r"\x0e\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00";
    assert_eq!(error.to_string(), format!("store is damaged at {key}: its checksum does not hold"));
}

/// Rows of events, of which some cannot be read, and what is left of them when the budget shrinks.
#[tokio::test]
async fn damaged_events_are_dropped_in_their_turn() {
    // One row of events for each commit: those of 3 and 4, and the last, are damaged.
    for (damaged, events_max, gap) in [(vec![2, 3], 8_000, 4), (vec![2, 3], 5_000, 6), (vec![9], 1_000, 10)] {
        let dir = TempDir::new().unwrap();
        let backend = open(&dir).await.unwrap();
        let telling = |n: u8| Commit { events: vec![vec![n; 1000].into()], ..Commit::default() };
        for n in 1..=10 {
            backend.commit(telling(n)).await.unwrap();
        }
        drop(backend);
        let db = super::open::engine(dir.path(), 1 << 20).unwrap();
        let rows: Vec<_> = db.scan_prefix([0x0e]).map(Result::unwrap).collect();
        for at in damaged {
            let (key, mut value) = (rows[at].0.clone(), rows[at].1.to_vec());
            *value.last_mut().unwrap() ^= 1;
            db.insert(key, value).unwrap();
        }
        db.flush().unwrap();
        drop(db);
        let options = SledOptions { events_max, ..SledOptions::default() };
        let backend = SledBackend::open(dir.path(), options).await.unwrap();
        assert_eq!(backend.commit(telling(11)).await.unwrap(), 11);
        let left = backend.changes(0, 99).await.unwrap();
        let versions: Vec<u64> = left.changes.iter().map(|change| change.version).collect();
        assert_eq!((left.gap, versions), (Some(gap), (gap + 1..=11).collect()), "within {events_max}");
    }
}
