//! Expectations: who wins, who is refused, and what a refusal leaves.

use std::collections::BTreeSet;

use futures::future::{self, join_all};

use super::{Kind, expecting, key, on_every_backend, put, read, rows, writing};
use crate::error::CommitError;
use crate::seam::{Commit, Expect, Prefix, Version, Write};

on_every_backend! {
    one_of_many_creates_a_row
    many_append_under_one_prefix
    many_increment_one_row
    the_first_of_two_wins
    the_first_failed_expectation_is_named
    a_commit_rests_on_one_that_is_under_way
    a_refused_commit_leaves_nothing
    own_writes_do_not_count
    the_later_write_wins
    a_deleted_row_is_absent
    an_empty_commit_is_a_commit
}

async fn one_of_many_creates_a_row(kind: Kind) {
    let subject = kind.open().await;
    for round in 0..20 {
        let name = format!("race/{round:02}");
        let tasks = (0..16).map(|_| {
            let (backend, name) = (subject.backend.clone(), name.clone());
            let commit = expecting(vec![Expect::Absent(key(&name))], vec![put(&name, "mine")]);
            tokio::spawn(async move { backend.commit(commit).await })
        });
        let answers: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<Version> = answers.iter().filter_map(|answer| answer.as_ref().ok().copied()).collect();
        assert_eq!(winners.len(), 1, "{name}");
        assert_eq!(read(&*subject.backend, &name).await, Some(("mine".to_owned(), winners[0])));
        for refused in answers.into_iter().filter_map(Result::err) {
            assert_conflict(&refused, &name, Some(winners[0]));
        }
    }
}

async fn many_append_under_one_prefix(kind: Kind) {
    let subject = kind.open().await;
    let tasks = (0..16).map(|task: usize| {
        let backend = subject.backend.clone();
        tokio::spawn(async move {
            let mut appended = Vec::new();
            for round in 0..20 {
                let payload = format!("{task} {round}");
                let append = Write::Append(Prefix::new("inbox"), payload.clone().into());
                appended.push((backend.commit(writing(vec![append])).await.unwrap(), payload));
            }
            appended
        })
    });
    let mut appended: Vec<_> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    appended.sort();
    assert_eq!(appended.iter().map(|(version, _)| *version).collect::<Vec<_>>(), (1..=320).collect::<Vec<_>>());
    let found: Vec<_> = rows(&*subject.backend, b"inbox")
        .await
        .into_iter()
        .map(|entry| {
            assert_eq!(entry.key, Prefix::new("inbox").key(entry.version, 0));
            (entry.version, String::from_utf8(entry.payload.to_vec()).unwrap())
        })
        .collect();
    assert_eq!(found, appended);
}

async fn many_increment_one_row(kind: Kind) {
    let subject = kind.open().await;
    let first = subject.backend.commit(writing(vec![put("count", "0")])).await.unwrap();
    let tasks = (0..8).map(|_| {
        let backend = subject.backend.clone();
        tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while seen.len() < 10 {
                let (count, version) = read(&*backend, "count").await.unwrap();
                let next = count.parse::<u64>().unwrap() + 1;
                let write = Write::Put(key("count"), next.to_string().into());
                match backend.commit(expecting(vec![Expect::At(key("count"), version)], vec![write])).await {
                    Ok(_) => assert!(seen.insert(next)),
                    Err(CommitError::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            seen
        })
    });
    let seen: Vec<u64> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), (1..=80).collect());
    assert_eq!(seen.len(), 80);
    assert_eq!(read(&*subject.backend, "count").await, Some(("80".to_owned(), first + 80)));
}

async fn the_first_of_two_wins(kind: Kind) {
    let subject = kind.open().await;
    let taken = |name: &'static str| {
        let commit = expecting(vec![Expect::Absent(key("seat"))], vec![put("seat", name)]);
        subject.backend.commit(commit)
    };
    let (one, two, freed, three) = future::join4(
        taken("one"),
        taken("two"),
        subject.backend.commit(expecting(vec![Expect::At(key("seat"), 1)], vec![Write::Delete(key("seat"))])),
        taken("three"),
    )
    .await;
    assert_eq!(one.unwrap(), 1);
    assert_conflict(&two.unwrap_err(), "seat", Some(1));
    assert_eq!(freed.unwrap(), 2);
    assert_eq!(three.unwrap(), 3);
    assert_eq!(read(&*subject.backend, "seat").await, Some(("three".to_owned(), 3)));
}

async fn the_first_failed_expectation_is_named(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    backend.commit(writing(vec![put("a", "1")])).await.unwrap();
    backend.commit(writing(vec![put("b", "1")])).await.unwrap();
    let (a, b, none) = (|| key("a"), || key("b"), || key("none"));
    let held = vec![
        Expect::Present(a()),
        Expect::At(b(), 2),
        Expect::Absent(none()),
        Expect::At(a(), 1),
        Expect::Holds(b(), "1".into()),
    ];
    for (wrong, name, found) in [
        (Expect::Absent(a()), "a", Some(1)),
        (Expect::Present(none()), "none", None),
        (Expect::At(b(), 1), "b", Some(2)),
        (Expect::At(b(), 3), "b", Some(2)),
        (Expect::At(none(), 1), "none", None),
        (Expect::Holds(b(), "2".into()), "b", Some(2)),
        (Expect::Holds(b(), "".into()), "b", Some(2)),
        (Expect::Holds(none(), "".into()), "none", None),
    ] {
        let mut expects = held.clone();
        expects.push(wrong);
        expects.push(Expect::Absent(a()));
        expects.push(Expect::Absent(b()));
        assert_conflict(&backend.commit(expecting(expects, vec![])).await.unwrap_err(), name, found);
    }
    assert_eq!(backend.commit(expecting(held, vec![])).await.unwrap(), 3);
}

async fn a_commit_rests_on_one_that_is_under_way(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    backend.commit(writing(vec![put("job", "0"), put("open", "yes")])).await.unwrap();
    let step = |from: &'static str, to: &'static str| {
        let expects = vec![Expect::Present(key("open")), Expect::Holds(key("job"), from.into())];
        backend.commit(expecting(expects, vec![put("job", to)]))
    };
    let (one, two, three) = future::join3(step("0", "1"), step("1", "2"), step("2", "3")).await;
    assert_eq!((one.unwrap(), two.unwrap(), three.unwrap()), (2, 3, 4));
    // The one that is refused takes those that rest on it along, and nothing else.
    let closing = backend.commit(writing(vec![Write::Delete(key("open"))]));
    let opening = backend.commit(writing(vec![put("open", "yes")]));
    let (closed, four, opened, five) = future::join4(closing, step("3", "4"), opening, step("4", "5")).await;
    assert_eq!((closed.unwrap(), opened.unwrap()), (5, 6));
    assert_conflict(&four.unwrap_err(), "open", None);
    assert_conflict(&five.unwrap_err(), "job", Some(4));
    assert_eq!(read(backend, "job").await, Some(("3".to_owned(), 4)));
}

async fn a_refused_commit_leaves_nothing(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    backend.commit(writing(vec![put("kept", "1"), put("gone", "1")])).await.unwrap();
    let refused = Commit {
        expects: vec![Expect::Absent(key("kept"))],
        writes: vec![
            put("kept", "2"),
            put("new", "2"),
            Write::Delete(key("gone")),
            Write::Append(Prefix::new("tail"), "2".into()),
        ],
        events: vec!["told".into()],
        above: 50,
    };
    backend.commit(refused).await.unwrap_err();
    assert_eq!(backend.last(), 1);
    assert_eq!(backend.commit(writing(vec![put("other", "3")])).await.unwrap(), 2);
    assert_eq!(read(backend, "kept").await, Some(("1".to_owned(), 1)));
    assert_eq!(read(backend, "gone").await, Some(("1".to_owned(), 1)));
    assert_eq!(read(backend, "new").await, None);
    assert_eq!(rows(backend, b"tail").await, []);
    assert_eq!(backend.changes(0, 9).await.unwrap().changes, []);
}

async fn own_writes_do_not_count(kind: Kind) {
    let subject = kind.open().await;
    let commit = expecting(
        vec![Expect::Absent(key("a")), Expect::Absent(key("b"))],
        vec![put("a", "1"), put("b", "1"), Write::Delete(key("b"))],
    );
    assert_eq!(subject.backend.commit(commit).await.unwrap(), 1);
    assert_eq!(read(&*subject.backend, "b").await, None);
}

async fn the_later_write_wins(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    let writes = vec![
        put("a", "1"),
        Write::Append(Prefix::new("log"), "second".into()),
        put("a", "2"),
        Write::Delete(key("b")),
        put("b", "kept"),
        put("c", "1"),
        Write::Delete(key("c")),
        Write::Append(Prefix::new("log"), "eighth".into()),
        Write::Put(Prefix::new("log").key(1, 7), "over it".into()),
    ];
    assert_eq!(backend.commit(writing(writes)).await.unwrap(), 1);
    assert_eq!(read(backend, "a").await, Some(("2".to_owned(), 1)));
    assert_eq!(read(backend, "b").await, Some(("kept".to_owned(), 1)));
    assert_eq!(read(backend, "c").await, None);
    let log: Vec<_> = rows(backend, b"log").await.into_iter().map(|entry| (entry.key, entry.payload)).collect();
    let at = |n| Prefix::new("log").key(1, n);
    assert_eq!(log, [(at(1), "second".into()), (at(7), "over it".into())]);
}

async fn a_deleted_row_is_absent(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    backend.commit(writing(vec![put("a", "1")])).await.unwrap();
    backend.commit(writing(vec![Write::Delete(key("a")), Write::Delete(key("never"))])).await.unwrap();
    assert_eq!(read(backend, "a").await, None);
    let refused = backend.commit(expecting(vec![Expect::At(key("a"), 1)], vec![])).await.unwrap_err();
    assert_conflict(&refused, "a", None);
    backend.commit(expecting(vec![Expect::Absent(key("a"))], vec![put("a", "1")])).await.unwrap();
    assert_eq!(read(backend, "a").await, Some(("1".to_owned(), 3)));
}

async fn an_empty_commit_is_a_commit(kind: Kind) {
    let subject = kind.open().await;
    assert_eq!(subject.backend.commit(Commit::default()).await.unwrap(), 1);
    assert_eq!(subject.backend.commit(Commit::default()).await.unwrap(), 2);
    assert_eq!(subject.backend.last(), 2);
}

#[track_caller]
fn assert_conflict(error: &CommitError, name: &str, version: Option<Version>) {
    match error {
        CommitError::Conflict { key: named, found } => assert_eq!((named, *found), (&key(name), version)),
        error => panic!("{error}"),
    }
}
