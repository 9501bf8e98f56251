//! Events: in commit order, only of durable commits, and with a gap where they were dropped.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;

use super::{Kind, key, on_every_backend, put, telling, writing};
use crate::seam::{Change, Changes, Commit, EVENT_MAX, Expect, Version};

on_every_backend! {
    events_come_in_commit_order
    changes_come_in_pages
    many_events_come_back
    dropped_events_are_a_gap
    a_future_commit_is_waited_for
    a_listener_follows
}

async fn events_come_in_commit_order(kind: Kind) {
    let subject = kind.open().await;
    let tasks = (0..8).map(|task: usize| {
        let backend = subject.backend.clone();
        tokio::spawn(async move {
            let mut told = Vec::new();
            for round in 0..10 {
                let events: Vec<Bytes> = (0..round % 3).map(|n| format!("{task} {round} {n}").into()).collect();
                let version = backend.commit(telling(events.clone())).await.unwrap();
                told.push(Change { version, events });
            }
            told
        })
    });
    let mut expected: Vec<Change> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    expected.retain(|change| !change.events.is_empty());
    expected.sort_by_key(|change| change.version);
    let found = subject.backend.changes(0, usize::MAX).await.unwrap();
    assert_eq!(found, Changes { gap: None, changes: expected, through: 80 });
}

async fn changes_come_in_pages(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    for event in ["1", "2", "", "", "5", ""] {
        let events = if event.is_empty() { vec![] } else { vec![event.into()] };
        backend.commit(telling(events)).await.unwrap();
    }
    for (after, limit, versions, through) in [
        (0, 0, vec![], 0),
        (0, 1, vec![1], 1),
        (0, 2, vec![1, 2], 2),
        (0, 3, vec![1, 2, 5], 6),
        (1, 1, vec![2], 2),
        (2, 1, vec![5], 6),
        (3, 9, vec![5], 6),
        (4, 0, vec![], 4),
        (5, 9, vec![], 6),
        (6, 9, vec![], 6),
        (9, 9, vec![], 9),
    ] {
        let found = backend.changes(after, limit).await.unwrap();
        assert_eq!((found.gap, numbers(&found), found.through), (None, versions, through), "{after} {limit}");
    }
}

/// More than is kept in memory, in commits of every shape, so that an engine reads them from its own rows.
async fn many_events_come_back(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let mut expected = Vec::new();
    for (count, size) in
        [(3, 10), (1000, EVENT_MAX), (1, 0), (4096, 1), (2, 2043), (1, 100), (1000, EVENT_MAX), (900, 2000), (1, 1)]
    {
        let events: Vec<Bytes> = (0..count).map(|n| vec![b'a' + (n % 26) as u8; size].into()).collect();
        let version = backend.commit(telling(events.clone())).await.unwrap();
        expected.push(Change { version, events });
    }
    let all = backend.changes(0, usize::MAX).await.unwrap();
    assert!(all.changes == expected, "{:?}", numbers(&all));
    assert_eq!((all.gap, all.through), (None, 9));
    for after in 0..9 {
        let one = backend.changes(after, 1).await.unwrap();
        assert!(one.changes == expected[after as usize..=after as usize], "after {after}: {:?}", numbers(&one));
        assert_eq!(one.through, after + 1);
    }
    assert_eq!(backend.changes(0, 0).await.unwrap().through, 0);
}

async fn dropped_events_are_a_gap(kind: Kind) {
    let subject = kind.open_with(20_000).await;
    let backend = &*subject.backend;
    for n in 1..=200 {
        assert_eq!(backend.commit(telling(vec![vec![n as u8; 1000].into()])).await.unwrap(), n);
    }
    let found = backend.changes(0, usize::MAX).await.unwrap();
    let gap = found.gap.expect("200 kB were told within 20 kB");
    assert!((175..=190).contains(&gap), "{gap}");
    assert_eq!(numbers(&found), (gap + 1..=200).collect::<Vec<_>>());
    assert_eq!(found.through, 200);
    assert!(found.changes.iter().all(|change| change.events == [vec![change.version as u8; 1000]]));
    let just_before = backend.changes(gap - 1, 1).await.unwrap();
    assert_eq!((just_before.gap, numbers(&just_before), just_before.through), (Some(gap), vec![gap + 1], gap + 1));
    let at = backend.changes(gap, 1).await.unwrap();
    assert_eq!((at.gap, numbers(&at)), (None, vec![gap + 1]));
    let none = backend.changes(0, 0).await.unwrap();
    assert_eq!((none.gap, none.changes.len(), none.through), (Some(gap), 0, gap));
}

async fn a_future_commit_is_waited_for(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let mut second = backend.durable(2);
    assert!(second.as_mut().now_or_never().is_none());
    backend.commit(writing(vec![put("a", "x")])).await.unwrap();
    assert!(second.as_mut().now_or_never().is_none());
    backend.commit(super::expecting(vec![Expect::Absent(key("a"))], vec![])).await.unwrap_err();
    assert!(second.as_mut().now_or_never().is_none());
    backend.commit(Commit::default()).await.unwrap();
    second.await.unwrap();
    backend.durable(2).now_or_never().expect("it is durable already").unwrap();
    backend.durable(0).now_or_never().expect("nothing is durable from the start").unwrap();
}

async fn a_listener_follows(kind: Kind) {
    let subject = kind.open().await;
    let listener = {
        let backend = subject.backend.clone();
        tokio::spawn(async move {
            let (mut after, mut heard) = (0, Vec::new());
            while after < 60 {
                backend.durable(after + 1).await.unwrap();
                let found = backend.changes(after, 3).await.unwrap();
                assert!(found.through > after && found.through <= backend.last());
                after = found.through;
                heard.extend(found.changes.into_iter().map(|change| change.version));
            }
            heard
        })
    };
    let tellers = (0..6).map(|_| {
        let backend = subject.backend.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let version = backend.commit(telling(vec!["x".into()])).await.unwrap();
                assert!(backend.last() >= version);
                let told = backend.changes(version - 1, 1).await.unwrap();
                assert_eq!(numbers(&told), [version]);
            }
        })
    });
    for teller in join_all(tellers).await {
        teller.unwrap();
    }
    assert_eq!(listener.await.unwrap(), (1..=60).collect::<Vec<_>>());
}

fn numbers(changes: &Changes) -> Vec<Version> {
    changes.changes.iter().map(|change| change.version).collect()
}
