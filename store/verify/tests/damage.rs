//! Rows that cannot be read.

use std::ops::Bound;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;

use super::*;
use crate::seam::{Direction, Entry, Prefix, Read};
use crate::sled::{SledBackend, SledOptions};
use crate::wrapper::Wrapper;

#[tokio::test]
async fn rows_that_do_not_decode_are_named() {
    let world = World::sound().await;
    let payload = |bytes: &'static [u8]| bytes::Bytes::from_static(bytes);
    world
        .write(vec![
            Write::Put(Table::Node.at(&path("/root/ada/kid/low")), payload(b"\x00\x09")),
            Write::Put(Table::Count.at(&path("/root")), payload(b"\x07")),
            Write::Put(Key::new("\x01/ROOT"), payload(b"\x00")),
            Write::Put(Key::new("\x01/root/old\x00x"), payload(b"\x00")),
            Write::Put(Key::new("\x0fshort"), payload(b"\x00")),
            Write::Put(Key::new("\x77what"), payload(b"\x00")),
            Write::Append(Prefix::new("\x04/root/old"), payload(b"\x00")),
        ])
        .await;
    let problems = world.problems().await;
    let inbox = problems.iter().position(|problem| problem.starts_with(r"inbox/root/old \x00")).unwrap();
    let mut rest = problems;
    assert!(rest.remove(inbox).ends_with("Message record does not decode: Hit the end of buffer, expected more data"));
    assert_eq!(
        rest,
        [
            "node/ROOT: its key holds no path",
            "count/root: no such payload",
            "node/root/ada/kid/low: Node record does not decode: Serde Deserialization Error",
            "node/root/old x: its key has something behind the path",
            "chunk \\x0fshort: its key names no row",
            "wwhat: it is a row of no known table",
        ]
    );
}

/// Flips a byte of what is kept under each of these keys.
fn damage(dir: &TempDir, keys: &[Key]) {
    let db = ::sled::Config::new().path(dir.path()).open().unwrap();
    for key in keys {
        let mut value = db.get(key.as_bytes()).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.insert(key.as_bytes(), value).unwrap();
    }
    db.flush().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_rows_are_listed_and_passed() {
    let dir = TempDir::new().unwrap();
    let open = || SledBackend::open(dir.path(), SledOptions::default());
    let backend = Arc::new(open().await.unwrap());
    let world = World::sound_over(backend.clone()).await;
    world.check(&[]).await;
    let part = world.first_key(KeyRange::prefix(b"\x0f\x07")).await;
    backend.shutdown().await.unwrap();
    let (low, mark) = (Table::Node.at(&path("/root/ada/kid/low")), Table::Closed.at(&path("/root/ada/kid")));
    let event = Key::new(b"\x0e\0\0\0\0\0\0\0\x02\0\0\0\0".as_slice());
    let rows = [Table::Node.at(&row_path(1)), Table::Node.at(&row_path(2)), low, mark, part, event];
    damage(&dir, &rows);
    let world = World::over(Arc::new(open().await.unwrap()));
    let problems = world.problems().await;
    let (chunks, rest): (Vec<_>, Vec<_>) = problems.iter().partition(|problem| problem.starts_with("chunk "));
    assert_eq!(
        rest,
        [
            "closed/root/ada/kid: its checksum does not hold",
            "node/root/ada/kid/low: its checksum does not hold",
            "node/root/job/r00000001: its checksum does not hold",
            "node/root/job/r00000002: its checksum does not hold",
            "row/root/job/r00000003: part 0 of its value is damaged",
            r"events after 0, at \x0e\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00: its checksum does not hold",
        ]
    );
    assert_eq!(chunks.len(), 1);
    assert!(chunks[0].starts_with(r"chunk \x0f\x07/root/job/r00000003\x00"), "{chunks:?}");
}

/// A backend of which a stretch cannot be read; like the engine, it names where a scan was to begin.
struct Torn {
    inner: MemoryBackend,
    hole: KeyRange,
}

impl Torn {
    fn reaches(&self, key: &Key) -> bool {
        let (Bound::Included(start), Bound::Excluded(end)) = (&self.hole.start, &self.hole.end) else { panic!() };
        start <= key && key < end
    }
}

impl Wrapper for Torn {
    fn inner(&self) -> &dyn Backend {
        &self.inner
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        async move {
            let (Bound::Included(start) | Bound::Excluded(start)) = range.start.clone() else { panic!() };
            let read = self.inner.scan(range, from, direction, limit).await?;
            match read.rows.iter().any(|entry| self.reaches(&entry.key)) {
                true => Err(StoreError::Damaged { place: start.to_string(), what: "a leaf is gone".to_owned() }),
                false => Ok(read),
            }
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_stretch_that_cannot_be_read_is_passed() {
    let inner = MemoryBackend::new();
    let world = World::over(Arc::new(inner.clone()));
    world.commit(|draft| draft.add(Table::Node.at(&path("/root")), &Node::Agent(agent(0)))).await;
    for n in 0..900_u32 {
        let at = path(&format!("/root/n{n:03}"));
        world.commit(|draft| draft.add(Table::Node.at(&at), &Node::Agent(agent(1)))).await;
    }
    world.commit(|draft| draft.put(Table::Count.at(&path("/root")), &900_u64)).await;
    world.check(&[]).await;
    let key = |n: u32| Table::Node.at(&path(&format!("/root/n{n:03}")));
    let hole = KeyRange::between(key(400), key(412));
    let torn = World::over(Arc::new(Torn { inner, hole }));
    let verified = torn.store.verify().await.unwrap();
    assert_eq!(verified.agents, 901 - 12);
    torn.check(&["node/root/n411: a leaf is gone"]).await;
}
