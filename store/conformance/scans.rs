//! Scans: both ways, in pages, at the ends of ranges.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Kind, key, on_every_backend, put, read, writing};
use crate::seam::{Backend, Direction, Key, KeyRange, Write};

on_every_backend! {
    pages_meet
    ranges_have_their_ends
    a_scan_begins_anywhere
    what_is_the_backends_own_is_not_seen
    reads_tell_how_far_they_saw
}

/// Reads a range in pages.
async fn paged(backend: &dyn Backend, range: KeyRange, direction: Direction, limit: usize) -> Vec<Key> {
    let mut found = Vec::new();
    loop {
        let page = backend.scan(range.clone(), found.last().cloned(), direction, limit).await.unwrap().rows;
        assert!(page.len() <= limit);
        if page.is_empty() {
            return found;
        }
        found.extend(page.into_iter().map(|entry| entry.key));
    }
}

async fn pages_meet(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let all: Vec<String> = (0..300).map(|n| format!("row/{n:03}")).collect();
    backend.commit(writing(all.iter().map(|name| put(name, "x")).collect())).await.unwrap();
    backend.commit(writing(vec![put("row", "x"), put("row0", "x"), put("rox", "x")])).await.unwrap();
    let deleted = |n: usize| n % 7 == 3 || (100..140).contains(&n) || n == 299 || n == 0;
    let deletes = (0..300).filter(|n| deleted(*n)).map(|n| Write::Delete(key(&all[n]))).collect();
    backend.commit(writing(deletes)).await.unwrap();
    let mut expected: Vec<Key> = (0..300).filter(|n| !deleted(*n)).map(|n| key(&all[n])).collect();
    for direction in [Direction::Forward, Direction::Backward] {
        for limit in [1, 7, 64, 65, 100, 1000, usize::MAX] {
            let found = paged(backend, KeyRange::prefix(b"row/"), direction, limit).await;
            assert_eq!(found, expected, "{direction:?} {limit}");
        }
        expected.reverse();
    }
    assert_eq!(backend.scan(KeyRange::prefix(b"row/"), None, Direction::Forward, 0).await.unwrap().rows, []);
}

async fn ranges_have_their_ends(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let names = ["a", "b", "c", "d"];
    backend.commit(writing(names.iter().map(|name| put(name, "x")).collect())).await.unwrap();
    let ends = ["", "a", "b", "bb", "c", "d", "e"].map(key);
    let bounds: Vec<Bound<Key>> = [Bound::Unbounded]
        .into_iter()
        .chain(ends.iter().flat_map(|end| [Bound::Included(end.clone()), Bound::Excluded(end.clone())]))
        .collect();
    for start in &bounds {
        for end in &bounds {
            let range = KeyRange { start: start.clone(), end: end.clone() };
            let mut expected: Vec<Key> = names.map(key).into_iter().filter(|key| inside(key, &range)).collect();
            assert_eq!(paged(backend, range.clone(), Direction::Forward, 3).await, expected, "{range:?}");
            expected.reverse();
            assert_eq!(paged(backend, range.clone(), Direction::Backward, 3).await, expected, "{range:?}");
        }
    }
}

async fn a_scan_begins_anywhere(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let names = ["a", "c", "e", "g", "i"];
    backend.commit(writing(names.iter().map(|name| put(name, "x")).collect())).await.unwrap();
    let range = KeyRange::between(key("c"), key("i"));
    for (from, forward, backward) in [
        ("a", vec!["c", "e", "g"], vec![]),
        ("b", vec!["c", "e", "g"], vec![]),
        ("c", vec!["e", "g"], vec![]),
        ("d", vec!["e", "g"], vec!["c"]),
        ("g", vec![], vec!["e", "c"]),
        ("i", vec![], vec!["g", "e", "c"]),
        ("z", vec![], vec!["g", "e", "c"]),
    ] {
        for (direction, expected) in [(Direction::Forward, forward), (Direction::Backward, backward)] {
            let found = backend.scan(range.clone(), Some(key(from)), direction, 9).await.unwrap().rows;
            let found: Vec<Key> = found.into_iter().map(|entry| entry.key).collect();
            assert_eq!(found, expected.into_iter().map(key).collect::<Vec<_>>(), "{from} {direction:?}");
        }
    }
}

async fn what_is_the_backends_own_is_not_seen(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let mut commit = writing(vec![put("\x01", "x"), put("\x0d\u{7f}", "x"), put("\x0f", "x")]);
    commit.events = vec!["told".into()];
    backend.commit(commit).await.unwrap();
    let all = || KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    let expected = ["\x01", "\x0d\u{7f}", "\x0f"].map(key);
    assert_eq!(paged(backend, all(), Direction::Forward, 2).await, expected);
    assert_eq!(backend.scan(all(), None, Direction::Forward, 9).await.unwrap().rows.len(), 3);
    let backward: Vec<Key> = expected.into_iter().rev().collect();
    assert_eq!(paged(backend, all(), Direction::Backward, 2).await, backward);
    assert_eq!(paged(backend, KeyRange::prefix(b"\x0e"), Direction::Forward, 9).await, []);
    assert_eq!(paged(backend, KeyRange::prefix(b"\x00"), Direction::Backward, 9).await, []);
}

async fn reads_tell_how_far_they_saw(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    assert_eq!(backend.get(vec![key("a")]).await.unwrap().through, 0);
    let names: BTreeMap<String, u64> = (0..100).map(|n| (format!("k/{n:02}"), n + 1)).collect();
    for (name, expected) in &names {
        let version = backend.commit(writing(vec![put(name, "x")])).await.unwrap();
        assert_eq!(version, *expected);
        let found = backend.get(vec![key("none"), key(name)]).await.unwrap();
        assert_eq!((found.rows[0].is_none(), found.rows[1].as_ref().unwrap().version), (true, version));
        assert_eq!(found.through, version);
    }
    let found = backend.scan(KeyRange::prefix(b"k/"), None, Direction::Backward, 90).await.unwrap();
    assert_eq!((found.rows.len(), found.through), (90, 100));
    // More keys than are read at once.
    let found = backend.get(names.keys().map(key).collect()).await.unwrap();
    let versions: Vec<u64> = found.rows.into_iter().map(|entry| entry.unwrap().version).collect();
    assert_eq!(versions, names.into_values().collect::<Vec<_>>());
    backend.durable(found.through).await.unwrap();
    assert_eq!(read(backend, "k/41").await, Some(("x".to_owned(), 42)));
}

fn inside(key: &Key, range: &KeyRange) -> bool {
    let after = match &range.start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    };
    let before = match &range.end {
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
        Bound::Unbounded => true,
    };
    after && before
}
