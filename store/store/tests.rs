//! Values over one row, readers that race with their writers, and what waits until it is durable.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::*;
use crate::keys::Table;
use crate::memory::MemoryBackend;
use crate::seam::{Commit, Read, Write};
use crate::wrapper::Wrapper;

fn key(name: &str) -> Key {
    Key::new([&[Table::Row as u8], name.as_bytes()].concat())
}

fn store() -> (Store, MemoryBackend) {
    let backend = MemoryBackend::new();
    (Store::new(Arc::new(backend.clone())), backend)
}

async fn commit(store: &Store, fill: impl FnOnce(&mut Draft)) -> Version {
    let mut draft = Draft::new();
    fill(&mut draft);
    store.commit(draft).await.unwrap()
}

async fn create(store: &Store, name: &str, value: &str) -> Version {
    commit(store, |draft| drop(draft.create(key(name), &value.to_owned()))).await
}

async fn get(store: &Store, name: &str) -> Option<String> {
    store.get::<String>(&key(name)).await.unwrap().map(|row| row.value)
}

/// The parts of values there are.
async fn parts(backend: &MemoryBackend) -> Vec<Key> {
    let read = Backend::scan(backend, Table::Chunk.all(), None, Direction::Forward, 999).await.unwrap();
    read.rows.into_iter().map(|entry| entry.key).collect()
}

#[tokio::test]
async fn values_of_every_length_come_back_and_leave_nothing_behind() {
    let (store, backend) = store();
    let lengths = [(0, 0), (4095, 0), (4096, 1), (4097, 2), (8192, 2), (256 << 10, 64)];
    for (length, expected) in lengths {
        let value = "x".repeat(length);
        create(&store, "a", &value).await;
        assert_eq!(get(&store, "a").await, Some(value), "{length}");
        assert_eq!(parts(&backend).await.len(), expected, "{length}");
        for (other, expected) in lengths {
            let row = store.peek::<String>(&key("a")).await.unwrap().unwrap();
            let value = "y".repeat(other);
            commit(&store, |draft| drop(draft.update(&row, &value))).await;
            assert_eq!(get(&store, "a").await, Some(value), "{other} over {length}");
            assert_eq!(parts(&backend).await.len(), expected, "{other} over {length}");
        }
        let row = store.peek::<String>(&key("a")).await.unwrap().unwrap();
        commit(&store, |draft| draft.remove(&row)).await;
        assert_eq!(get(&store, "a").await, None);
        assert_eq!(parts(&backend).await, []);
    }
}

#[tokio::test]
async fn a_writer_that_read_nothing_again_writes_over_its_own_parts() {
    let (store, backend) = store();
    let (one, two, three) = ("1".repeat(9000), "2".repeat(9000), "3".to_owned());
    let mut draft = Draft::new();
    let written = draft.create(key("a"), &one);
    let version = store.commit(draft).await.unwrap();
    let row = Row::written(written, one, version);
    // The next one rests on a commit that is not answered yet.
    let mut draft = Draft::new();
    let written = draft.update(&row, &two);
    let mut next = Draft::new();
    let _ = next.update_written(&written, &three);
    let (second, third) = futures::join!(store.commit(draft), store.commit(next));
    assert_eq!((second.unwrap(), third.unwrap()), (2, 3));
    assert_eq!((get(&store, "a").await, parts(&backend).await), (Some(three.clone()), vec![]));
    let mut stale = Draft::new();
    let _ = stale.update(&row, &three);
    let refused = store.commit(stale).await.unwrap_err();
    assert!(matches!(&refused, CommitError::Conflict { key: at, found: Some(3) } if *at == key("a")), "{refused}");
}

/// Does something before each look at parts, as often as there is something to do.
struct Raced {
    inner: MemoryBackend,
    before_parts: Mutex<Vec<Commit>>,
}

impl Raced {
    fn over(inner: MemoryBackend, before_parts: Vec<Draft>) -> Store {
        let mut commits: Vec<Commit> = before_parts.into_iter().map(Draft::into_commit).collect();
        commits.reverse();
        Store::new(Arc::new(Raced { inner, before_parts: Mutex::new(commits) }))
    }
}

impl Wrapper for Raced {
    fn inner(&self) -> &dyn Backend {
        &self.inner
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        async move {
            let commit = match keys[0].as_bytes()[0] == Table::Chunk as u8 {
                true => self.before_parts.lock().unwrap().pop(),
                false => None,
            };
            if let Some(commit) = commit {
                self.inner().commit(commit).await.unwrap();
            }
            self.inner().get(keys).await
        }
        .boxed()
    }
}

/// A store with a long value, and drafts that write it anew so many times, and then do `last`.
async fn racing(times: usize, last: impl FnOnce(&mut Draft, &Row<String>)) -> (MemoryBackend, Vec<Draft>) {
    let (store, backend) = store();
    let mut value = "0".repeat(9000);
    let mut draft = Draft::new();
    let mut written = draft.create(key("a"), &value);
    let mut version = store.commit(draft).await.unwrap();
    let mut drafts = Vec::new();
    for n in 1..=times {
        let row = Row::written(written, value, version);
        value = format!("{n:09000}");
        let mut draft = Draft::new();
        (written, version) = (draft.update(&row, &value), version + 1);
        drafts.push(draft);
    }
    let mut draft = Draft::new();
    last(&mut draft, &Row::written(written, value, version));
    drafts.push(draft);
    (backend, drafts)
}

#[tokio::test]
async fn a_reader_that_raced_with_a_writer_reads_again() {
    let page = async |store: &Store| {
        let rows = store.page::<String>(Table::Row.all(), None, Direction::Forward, 9).await.unwrap();
        rows.into_iter().map(|row| (row.value, row.version)).collect::<Vec<_>>()
    };
    for times in [0, 1, 14] {
        let (backend, drafts) = racing(times, |draft, row| drop(draft.update(row, &"short".to_owned()))).await;
        assert_eq!(get(&Raced::over(backend, drafts), "a").await.as_deref(), Some("short"), "{times}");
        let (backend, drafts) = racing(times, |draft, row| draft.remove(row)).await;
        assert_eq!(get(&Raced::over(backend, drafts), "a").await, None, "{times}");
        let (backend, drafts) = racing(times, |draft, row| drop(draft.update(row, &"short".to_owned()))).await;
        let expected = vec![("short".to_owned(), times as u64 + 2)];
        assert_eq!(page(&Raced::over(backend, drafts)).await, expected, "{times}");
        let (backend, drafts) = racing(times, |draft, row| draft.remove(row)).await;
        assert_eq!(page(&Raced::over(backend, drafts)).await, [], "{times}");
    }
}

#[tokio::test]
async fn a_walk_goes_on_behind_a_row_that_was_removed_while_it_was_read() {
    for (size, pages) in [(1, vec![vec!["b"], vec!["c"]]), (2, vec![vec!["b", "c"]]), (9, vec![vec!["b", "c"]])] {
        let (backend, drafts) = racing(0, |draft, row| draft.remove(row)).await;
        for name in ["b", "c"] {
            create(&Store::new(Arc::new(backend.clone())), name, name).await;
        }
        let store = Raced::over(backend, drafts);
        let (mut walk, mut read) = (store.pages(Table::Row.all(), size), Vec::new());
        while let Some(rows) = walk.peek::<String>().await.unwrap() {
            read.push(rows.into_iter().map(|row| row.value).collect::<Vec<_>>());
        }
        assert_eq!(read, pages, "{size}");
    }
}

#[tokio::test]
async fn a_page_is_short_only_where_the_range_ends() {
    for (size, expected) in [(0, ""), (1, "b"), (2, "bc"), (3, "bc")] {
        let (backend, drafts) = racing(0, |draft, row| draft.remove(row)).await;
        for name in ["b", "c"] {
            create(&Store::new(Arc::new(backend.clone())), name, name).await;
        }
        let store = Raced::over(backend, drafts);
        let rows = store.page::<String>(Table::Row.all(), None, Direction::Forward, size).await.unwrap();
        assert_eq!(rows.into_iter().map(|row| row.value).collect::<String>(), expected, "{size}");
    }
}

#[tokio::test]
async fn a_walk_meets_every_row_once_either_way() {
    let (store, _) = store();
    for name in ["a", "b", "c", "d", "e"] {
        create(&store, name, name).await;
    }
    for size in 1..=6 {
        let read = async |mut walk: Pages<'_>| {
            let mut read = String::new();
            while let Some(rows) = walk.next::<String>().await.unwrap() {
                rows.iter().for_each(|row| read.push_str(&row.value));
            }
            read
        };
        assert_eq!(read(store.pages(Table::Row.all(), size)).await, "abcde", "{size}");
        assert_eq!(read(store.pages(Table::Row.all(), size).backward()).await, "edcba", "{size}");
        let (mut walk, mut keys) = (store.pages(Table::Row.all(), size), 0);
        while let Some(page) = walk.keys().await.unwrap() {
            keys += page.len();
        }
        assert_eq!(keys, 5, "{size}");
    }
}

#[tokio::test]
async fn parts_that_are_not_those_that_were_cut_are_damage() {
    let value = "x".repeat(9000);
    for spoil in [Write::Delete, |part| Write::Put(part, "x".repeat(4096).replacen('x', "y", 1).into())] {
        let (store, backend) = store();
        create(&store, "a", &value).await;
        let part = parts(&backend).await.remove(1);
        Backend::commit(&backend, Commit { writes: vec![spoil(part)], ..Commit::default() }).await.unwrap();
        let error = store.get::<String>(&key("a")).await.unwrap_err();
        let expected = "store is damaged at \\x07a: parts of its value are missing or changed";
        assert_eq!(error.to_string(), expected);
        let page = store.page::<String>(Table::Row.all(), None, Direction::Forward, 9).await;
        assert_eq!(page.unwrap_err().to_string(), expected);
    }
}

/// Says that commits are durable only when it is told that they are.
struct Held {
    inner: MemoryBackend,
    durable: watch::Sender<Version>,
}

impl Wrapper for Held {
    fn inner(&self) -> &dyn Backend {
        &self.inner
    }

    fn durable(&self, through: Version) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut durable = self.durable.subscribe();
        async move {
            durable.wait_for(|durable| *durable >= through).await.unwrap();
            Ok(())
        }
        .boxed()
    }
}

#[tokio::test]
async fn what_leaves_waits_until_all_that_was_seen_is_durable() {
    let held = Arc::new(Held { inner: MemoryBackend::new(), durable: watch::Sender::new(0) });
    let store = Store::new(held.clone());
    create(&store, "short", "x").await;
    let last = create(&store, "long", &"x".repeat(9000)).await;
    for name in ["short", "long", "none"] {
        let at = key(name);
        held.durable.send_replace(last - 1);
        assert!(store.peek::<String>(&at).now_or_never().is_some(), "{name}");
        let mut got = std::pin::pin!(store.get::<String>(&at));
        assert!(got.as_mut().now_or_never().is_none(), "{name}");
        held.durable.send_replace(last);
        assert_eq!(got.await.unwrap().is_some(), name != "none");
    }
    held.durable.send_replace(last - 1);
    assert!(store.peek_page::<String>(Table::Row.all(), None, 9).now_or_never().is_some());
    let mut page = std::pin::pin!(store.page::<String>(Table::Row.all(), None, Direction::Backward, 9));
    assert!(page.as_mut().now_or_never().is_none());
    held.durable.send_replace(last);
    assert_eq!(page.await.unwrap().len(), 2);
}

#[tokio::test]
async fn news_are_events_with_their_ids() {
    let (store, backend) = store();
    let closed = |name: &str| Event::Closed { path: format!("/root/{name}").parse().unwrap() };
    commit(&store, |draft| draft.tell(&closed("a"))).await;
    create(&store, "a", "x").await;
    commit(&store, |draft| ["b", "c"].iter().for_each(|name| draft.tell(&closed(name)))).await;
    let told = |version, index, name| Told { version, index, event: closed(name) };
    let all = vec![told(1, 0, "a"), told(3, 0, "b"), told(3, 1, "c")];
    assert_eq!(store.news(0, 9).await.unwrap(), News { gap: None, told: all.clone(), through: 3 });
    assert_eq!(store.news(1, 1).await.unwrap(), News { gap: None, told: all[1..].to_vec(), through: 3 });
    let odd = Commit {
        events: vec![Event::Closed { path: "/root".parse().unwrap() }.encode().into(), "?".into()],
        ..Commit::default()
    };
    Backend::commit(&backend, odd).await.unwrap();
    let error = store.news(3, 9).await.unwrap_err().to_string();
    assert!(error.starts_with("store is damaged at event (4, 1): Event record does not decode"), "{error}");
}
