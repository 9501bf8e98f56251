//! Commits that leave numbers out.

use super::{Kind, key, on_every_backend, put, rows};
use crate::error::CommitError;
use crate::seam::{COMMIT_ABOVE_MAX, Change, Commit, Expect, Prefix, Write};

on_every_backend! {
    a_commit_is_above_what_it_is_told
    a_number_that_leaves_too_few_is_refused
}

fn above(above: u64) -> Commit {
    let writes = vec![Write::Append(Prefix::new("log"), "x".into())];
    Commit { writes, events: vec!["told".into()], above, ..Commit::default() }
}

async fn a_commit_is_above_what_it_is_told(kind: Kind) {
    let subject = kind.open().await;
    let backend = &*subject.backend;
    for (told, number) in [(0, 1), (40, 41), (7, 42), (42, 43), (0, 44)] {
        assert_eq!(backend.commit(above(told)).await.unwrap(), number, "above {told}");
        backend.durable(number).await.unwrap();
        assert_eq!(backend.last(), number);
    }
    let numbers = [1, 41, 42, 43, 44];
    let logged: Vec<_> = rows(backend, b"log").await.into_iter().map(|row| (row.key, row.version)).collect();
    assert_eq!(logged, numbers.map(|number| (Prefix::new("log").key(number, 0), number)));
    let changes = backend.changes(1, 9).await.unwrap();
    assert_eq!((changes.gap, changes.through), (None, 44));
    let told: Vec<Change> = numbers[1..].iter().map(|n| Change { version: *n, events: vec!["told".into()] }).collect();
    assert_eq!(changes.changes, told);
    // A commit that is refused leaves nothing out.
    let refused = Commit { expects: vec![Expect::Present(key("gone"))], writes: vec![put("k", "x")], ..above(99) };
    assert!(matches!(backend.commit(refused).await, Err(CommitError::Conflict { .. })));
    assert_eq!(backend.commit(above(0)).await.unwrap(), 45);
}

async fn a_number_that_leaves_too_few_is_refused(kind: Kind) {
    let subject = kind.open().await;
    let refused = subject.backend.commit(above(COMMIT_ABOVE_MAX + 1)).await;
    assert!(matches!(refused, Err(CommitError::TooLarge { .. })), "{refused:?}");
    assert_eq!(subject.backend.commit(above(COMMIT_ABOVE_MAX)).await.unwrap(), COMMIT_ABOVE_MAX + 1);
}
