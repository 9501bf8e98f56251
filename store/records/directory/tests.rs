//! What differs between two looks at a directory, and the bytes of what is kept of it. Its course is with the other tables.

use std::fmt::Write as _;

use insta::assert_snapshot;
use understory_paths::AgentPath;

use super::*;
use crate::records::{AgentRef, Event, Record};

fn repository(commit: &str, branch: Option<&str>, dirty: bool) -> Checkout {
    Checkout::Repository {
        commit: (!commit.is_empty()).then(|| commit.to_owned()),
        branch: branch.map(str::to_owned),
        dirty,
    }
}

fn all() -> [Checkout; 6] {
    let main = Some("main");
    [
        Checkout::Gone,
        Checkout::Plain,
        repository("", main, true),
        repository("0123456789abcdef", main, false),
        repository("0123456789abcdef", None, false),
        repository("fedcba9876543210", main, true),
    ]
}

fn left(checkout: Option<Checkout>) -> Directory {
    Directory::new(AgentId::from_u128(7), "/repo".to_owned(), checkout, Time(1))
}

#[test]
fn what_differs_is_told_in_words() {
    let mut table = String::new();
    for was in all() {
        writeln!(table, "{was}").unwrap();
        for is in all() {
            let told = left(Some(was.clone())).drift(&is).map(|drift| {
                let by = if drift.is_by_others() { " (by others)" } else { "" };
                format!("{drift}{by}")
            });
            writeln!(table, "    {}", told.unwrap_or_else(|| "as it was".to_owned())).unwrap();
        }
    }
    assert_snapshot!(table, @"
    not there
        as it was
        it was not there, and is in no repository (by others)
        it was not there, and is on branch main at no commit, with uncommitted changes (by others)
        it was not there, and is on branch main at 0123456789ab (by others)
        it was not there, and is on no branch at 0123456789ab (by others)
        it was not there, and is on branch main at fedcba987654, with uncommitted changes (by others)
    in no repository
        it was in no repository, and is not there (by others)
        as it was
        it was in no repository, and is on branch main at no commit, with uncommitted changes
        it was in no repository, and is on branch main at 0123456789ab
        it was in no repository, and is on no branch at 0123456789ab
        it was in no repository, and is on branch main at fedcba987654, with uncommitted changes
    on branch main at no commit, with uncommitted changes
        it was on branch main at no commit, with uncommitted changes, and is not there (by others)
        it was on branch main at no commit, with uncommitted changes, and is in no repository
        as it was
        commit none -> 0123456789ab, there are no uncommitted changes any more
        branch main -> no branch, commit none -> 0123456789ab, there are no uncommitted changes any more (by others)
        commit none -> fedcba987654
    on branch main at 0123456789ab
        it was on branch main at 0123456789ab, and is not there (by others)
        it was on branch main at 0123456789ab, and is in no repository
        commit 0123456789ab -> none, there are uncommitted changes now
        as it was
        branch main -> no branch (by others)
        commit 0123456789ab -> fedcba987654, there are uncommitted changes now
    on no branch at 0123456789ab
        it was on no branch at 0123456789ab, and is not there (by others)
        it was on no branch at 0123456789ab, and is in no repository
        no branch -> branch main, commit 0123456789ab -> none, there are uncommitted changes now (by others)
        no branch -> branch main (by others)
        as it was
        no branch -> branch main, commit 0123456789ab -> fedcba987654, there are uncommitted changes now (by others)
    on branch main at fedcba987654, with uncommitted changes
        it was on branch main at fedcba987654, with uncommitted changes, and is not there (by others)
        it was on branch main at fedcba987654, with uncommitted changes, and is in no repository
        commit fedcba987654 -> none
        commit fedcba987654 -> 0123456789ab, there are no uncommitted changes any more
        branch main -> no branch, commit fedcba987654 -> 0123456789ab, there are no uncommitted changes any more (by others)
        as it was
    ");
}

#[test]
fn what_nobody_could_tell_of_is_not_compared() {
    assert!(all().iter().all(|is| left(None).drift(is).is_none()));
}

#[test]
fn the_commits_since_it_was_given_lie_between_two() {
    let [gone, plain, empty, first, detached, second] = all();
    let span = |began: Option<&Checkout>, is: &Checkout| {
        let given = left(began.cloned()).leave(is.clone(), Time(2));
        given.span().map(|(from, to)| format!("{}..{to}", from.unwrap_or_default()))
    };
    let made = Some("0123456789abcdef..fedcba9876543210".to_owned());
    assert_eq!(span(Some(&first), &second), made);
    assert_eq!(span(Some(&detached), &second), made);
    for began in [&gone, &plain, &empty] {
        assert_eq!(span(Some(began), &first).as_deref(), Some("..0123456789abcdef"));
    }
    for (began, is) in [(Some(&first), &detached), (Some(&first), &gone), (Some(&first), &empty), (None, &first)] {
        assert_eq!(span(began, is), None, "{began:?} {is:?}");
    }
}

#[test]
fn the_commit_that_is_known_is_the_one_that_was_left_or_told_of_since() {
    let [.., was, detached, is] = all();
    let directory = left(Some(was.clone()));
    assert_eq!(directory.commit(), Some("0123456789abcdef"));
    let told = directory.found(directory.drift(&is).unwrap(), false, Time(2));
    assert_eq!(told.commit(), Some("fedcba9876543210"));
    let at_once = directory.found(directory.drift(&is).unwrap(), false, directory.at);
    assert_eq!(at_once.commit(), Some("fedcba9876543210"), "in the moment in which it was left");
    assert_eq!(told.leave(detached, Time(3)).commit(), Some("0123456789abcdef"));
    assert_eq!(left(None).commit(), None);
}

/// A line that changes here is a store of a released build that cannot be read any more: append an arm instead.
#[test]
fn bytes_of_every_released_arm() {
    let [gone, plain, _, was, detached, is] = all();
    let directory = left(Some(was.clone()));
    let held = directory.found(directory.drift(&is).unwrap(), true, Time(2));
    let agent = AgentRef::new("/root/a".parse::<AgentPath>().unwrap(), AgentId::from_u128(7));
    let samples = [
        ("directory", left(None).encode()),
        ("directory, gone", left(Some(gone.clone())).encode()),
        ("directory, plain", left(Some(plain)).encode()),
        ("directory, detached", left(Some(detached)).encode()),
        ("directory, held", held.encode()),
        ("event, drifted", Event::Drifted { agent: agent.clone(), was, is: gone, held: false }.encode()),
        ("event, directory set", Event::DirectorySet { node: agent.clone() }.encode()),
        ("event, session lost", Event::SessionLost { agent }.encode()),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = samples.iter().map(|(name, bytes)| format!("{name}: {}", hex(bytes))).collect();
    assert_snapshot!(lines.join("\n"), @"
    directory: 001000000000000000000000000000000007052f7265706f00000100
    directory, gone: 001000000000000000000000000000000007052f7265706f010001000100
    directory, plain: 001000000000000000000000000000000007052f7265706f010101010100
    directory, detached: 001000000000000000000000000000000007052f7265706f01020110303132333435363738396162636465660000010201103031323334353637383961626364656600000100
    directory, held: 001000000000000000000000000000000007052f7265706f010201103031323334353637383961626364656601046d61696e00010201103031323334353637383961626364656601046d61696e0001010201103031323334353637383961626364656601046d61696e000201106665646362613938373635343332313001046d61696e010201
    event, drifted: 0013072f726f6f742f6110000000000000000000000000000000070201103031323334353637383961626364656601046d61696e000000
    event, directory set: 0014072f726f6f742f611000000000000000000000000000000007
    event, session lost: 0015072f726f6f742f611000000000000000000000000000000007
    ");
    assert_eq!(Directory::decode(&held.encode()).unwrap(), held);
}
