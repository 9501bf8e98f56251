//! What is too large for every backend.

use bytes::Bytes;

use super::{Kind, expecting, key, on_every_backend, put, rows, writing};
use crate::error::CommitError;
use crate::seam::{
    Backend, COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, COMMIT_EXPECTS_MAX, COMMIT_WRITES_MAX, Commit, EVENT_MAX, Expect,
    KEY_MAX, Key, PAYLOAD_MAX, Prefix, Write,
};

on_every_backend! {
    payloads_have_a_bound
    keys_have_a_bound
    events_have_a_bound
    commits_have_a_bound
    expectations_have_a_bound
    a_key_of_the_backend_is_a_bug
}

/// Demands that `of(max)` is taken, and `of(max + 1)` refused by name.
async fn check(backend: &dyn Backend, limit: &str, max: usize, of: impl Fn(usize) -> Commit) {
    let before = backend.last();
    match backend.commit(of(max + 1)).await {
        Err(CommitError::TooLarge { limit: named, value, found }) => {
            assert_eq!((named, value, found), (limit, max, max + 1));
        }
        other => panic!("{limit}: {other:?}"),
    }
    assert_eq!(backend.last(), before);
    assert_eq!(backend.commit(of(max)).await.unwrap(), before + 1, "{limit}");
}

async fn payloads_have_a_bound(kind: Kind) {
    let subject = kind.open().await;
    let limit = "the longest payload in bytes";
    check(&*subject.backend, limit, PAYLOAD_MAX, |size| writing(vec![Write::Put(key("a"), bytes(size))])).await;
    check(&*subject.backend, limit, PAYLOAD_MAX, |size| {
        writing(vec![put("b", "1"), Write::Append(Prefix::new("log"), bytes(size))])
    })
    .await;
    assert_eq!(rows(&*subject.backend, b"log").await[0].payload, bytes(PAYLOAD_MAX));
    check(&*subject.backend, limit, PAYLOAD_MAX, |size| expecting(vec![Expect::Holds(key("a"), bytes(size))], vec![]))
        .await;
}

async fn keys_have_a_bound(kind: Kind) {
    let subject = kind.open().await;
    let limit = "the longest key in bytes";
    let long = |size| Key::new(bytes(size));
    check(&*subject.backend, limit, KEY_MAX, |size| writing(vec![Write::Put(long(size), "x".into())])).await;
    check(&*subject.backend, limit, KEY_MAX, |size| writing(vec![Write::Delete(long(size))])).await;
    check(&*subject.backend, limit, KEY_MAX, |size| expecting(vec![Expect::Absent(long(size))], vec![])).await;
    check(&*subject.backend, limit, KEY_MAX, |size| {
        writing(vec![Write::Append(Prefix::new(bytes(size - 11)), "x".into())])
    })
    .await;
    let appended = rows(&*subject.backend, b"x").await;
    assert_eq!(appended.iter().map(|entry| entry.key.as_bytes().len()).collect::<Vec<_>>(), [KEY_MAX]);
}

async fn events_have_a_bound(kind: Kind) {
    let subject = kind.open().await;
    let limit = "the longest event in bytes";
    check(&*subject.backend, limit, EVENT_MAX, |size| Commit { events: vec![bytes(size)], ..Commit::default() }).await;
    let told = subject.backend.changes(0, 1).await.unwrap();
    assert_eq!(told.changes[0].events, [bytes(EVENT_MAX)]);
}

async fn commits_have_a_bound(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    check(backend, "the most writes in a commit", COMMIT_WRITES_MAX, |count| {
        writing((0..count).map(|n| put(format!("n/{n:04}"), "x")).collect())
    })
    .await;
    assert_eq!(rows(backend, b"n/").await.len(), COMMIT_WRITES_MAX);
    check(backend, "the most events in a commit", COMMIT_EVENTS_MAX, |count| Commit {
        events: vec![Bytes::new(); count],
        ..Commit::default()
    })
    .await;
    check(backend, "the most bytes in a commit", COMMIT_BYTES_MAX, |size| {
        let events = vec![bytes(EVENT_MAX); 512];
        let left = size - 512 * EVENT_MAX;
        let writes = (0..left / PAYLOAD_MAX).map(|n| Write::Put(key(format!("b/{n:04}")), bytes(PAYLOAD_MAX)));
        let odd = Write::Put(key("b/odd"), bytes(left % PAYLOAD_MAX));
        Commit { writes: writes.chain([odd]).collect(), events, ..Commit::default() }
    })
    .await;
    let large = rows(backend, b"b/").await;
    let sum: usize = large.iter().map(|entry| entry.payload.len()).sum();
    assert_eq!(sum + 512 * EVENT_MAX, COMMIT_BYTES_MAX);
}

async fn expectations_have_a_bound(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    check(backend, "the most expectations in a commit", COMMIT_EXPECTS_MAX, |count| {
        expecting((0..count).map(|n| Expect::Absent(key(format!("n/{n}")))).collect(), vec![])
    })
    .await;
    backend.commit(writing(vec![Write::Put(key("a"), bytes(PAYLOAD_MAX)), put("b", "x")])).await.unwrap();
    check(backend, "the most bytes in a commit", COMMIT_BYTES_MAX, |size| {
        let full = vec![Expect::Holds(key("a"), bytes(PAYLOAD_MAX)); size / PAYLOAD_MAX];
        let odd = (size % PAYLOAD_MAX > 0).then(|| Expect::Holds(key("b"), bytes(size % PAYLOAD_MAX)));
        expecting(full.into_iter().chain(odd).collect(), vec![])
    })
    .await;
}

async fn a_key_of_the_backend_is_a_bug(kind: Kind) {
    let subject = kind.open().await;
    for name in ["", "\x00", "\x00h", "\x0e"] {
        let backend = subject.backend.clone();
        let task = tokio::spawn(async move { backend.commit(writing(vec![put(name, "x")])).await });
        assert!(task.await.unwrap_err().is_panic(), "{name:?}");
        let found = subject.backend.get(vec![key(name)]).await.unwrap();
        assert_eq!(found.rows, [None]);
    }
    assert_eq!(subject.backend.commit(Commit::default()).await.unwrap(), 1);
}

fn bytes(size: usize) -> Bytes {
    vec![b'x'; size].into()
}
