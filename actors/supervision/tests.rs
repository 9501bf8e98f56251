//! Every policy against every failure, history and attempt, in one table.

use std::fmt::Write as _;
use std::time::Duration;

use understory_store::Time;

use super::*;

const NOW: Time = Time(1_000_000);
const BOUNDS: Bounds = Bounds { attempts: 2, unavailable: 3 };

fn ago(seconds: u64) -> Time {
    Time(NOW.0 - seconds * 1000)
}

/// What is done, and how many faults are on record then; a star for an attempt that is charged.
fn words(decision: &Decision) -> String {
    match decision {
        Decision::Again { charged, pause, faults } => {
            format!("again{} in {} ms ({})", if *charged { "*" } else { "" }, pause.as_millis(), faults.len())
        }
        Decision::Error { bury, faults } => format!("{} ({})", if *bury { "dead" } else { "errored" }, faults.len()),
        Decision::Fault => "faulted".to_owned(),
    }
}

#[test]
fn every_failure_under_every_policy() {
    let failures = [
        ("unavailable", Failure::Unavailable { waits: 0, retry_after: None }),
        ("unavailable, third time", Failure::Unavailable { waits: 2, retry_after: None }),
        ("unavailable, too often", Failure::Unavailable { waits: 3, retry_after: None }),
        ("told to come back", Failure::Unavailable { waits: 2, retry_after: Some(Duration::from_secs(99)) }),
        ("told to come back too often", Failure::Unavailable { waits: 3, retry_after: Some(Duration::from_secs(99)) }),
        ("broken", Failure::Broken { attempt: 1 }),
        ("broken, last attempt", Failure::Broken { attempt: 2 }),
    ];
    let histories = [
        ("none", vec![]),
        ("one long ago", vec![ago(61)]),
        ("one at the edge", vec![ago(60)]),
        ("one inside", vec![ago(59)]),
        ("two inside, one out", vec![ago(70), ago(20), ago(10)]),
        ("three inside", vec![ago(30), ago(20), ago(10)]),
    ];
    let mut table = format!("faults: {}\n", histories.iter().map(|(words, _)| *words).collect::<Vec<_>>().join("; "));
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let policy = Policy { restart, faults: 3, within: Duration::from_secs(60), ..Policy::default() };
        for (failure_words, failure) in &failures {
            let decide = |history: &Vec<Time>| words(&decide(*failure, &policy, history, BOUNDS, NOW, 0.0));
            let decided: Vec<String> = histories.iter().map(|(_, history)| decide(history)).collect();
            writeln!(table, "{restart:?}, {failure_words}: {}", decided.join("; ")).unwrap();
        }
    }
    insta::assert_snapshot!(table, @r#"
    faults: none; one long ago; one at the edge; one inside; two inside, one out; three inside
    Permanent, unavailable: again in 500 ms (0); again in 500 ms (1); again in 500 ms (1); again in 500 ms (1); again in 500 ms (3); again in 500 ms (3)
    Permanent, unavailable, third time: again in 2000 ms (0); again in 2000 ms (1); again in 2000 ms (1); again in 2000 ms (1); again in 2000 ms (3); again in 2000 ms (3)
    Permanent, unavailable, too often: errored (0); errored (1); errored (1); errored (1); errored (3); errored (3)
    Permanent, told to come back: again in 99000 ms (0); again in 99000 ms (1); again in 99000 ms (1); again in 99000 ms (1); again in 99000 ms (3); again in 99000 ms (3)
    Permanent, told to come back too often: errored (0); errored (1); errored (1); errored (1); errored (3); errored (3)
    Permanent, broken: again* in 0 ms (1); again* in 0 ms (1); again* in 0 ms (1); again* in 500 ms (2); again* in 1000 ms (3); faulted
    Permanent, broken, last attempt: dead (1); dead (1); dead (1); dead (2); dead (3); faulted
    Transient, unavailable: again in 500 ms (0); again in 500 ms (1); again in 500 ms (1); again in 500 ms (1); again in 500 ms (3); again in 500 ms (3)
    Transient, unavailable, third time: again in 2000 ms (0); again in 2000 ms (1); again in 2000 ms (1); again in 2000 ms (1); again in 2000 ms (3); again in 2000 ms (3)
    Transient, unavailable, too often: errored (0); errored (1); errored (1); errored (1); errored (3); errored (3)
    Transient, told to come back: again in 99000 ms (0); again in 99000 ms (1); again in 99000 ms (1); again in 99000 ms (1); again in 99000 ms (3); again in 99000 ms (3)
    Transient, told to come back too often: errored (0); errored (1); errored (1); errored (1); errored (3); errored (3)
    Transient, broken: again* in 0 ms (1); again* in 0 ms (1); again* in 0 ms (1); again* in 500 ms (2); again* in 1000 ms (3); faulted
    Transient, broken, last attempt: dead (1); dead (1); dead (1); dead (2); dead (3); faulted
    Temporary, unavailable: again in 500 ms (0); again in 500 ms (1); again in 500 ms (1); again in 500 ms (1); again in 500 ms (3); again in 500 ms (3)
    Temporary, unavailable, third time: again in 2000 ms (0); again in 2000 ms (1); again in 2000 ms (1); again in 2000 ms (1); again in 2000 ms (3); again in 2000 ms (3)
    Temporary, unavailable, too often: errored (0); errored (1); errored (1); errored (1); errored (3); errored (3)
    Temporary, told to come back: again in 99000 ms (0); again in 99000 ms (1); again in 99000 ms (1); again in 99000 ms (1); again in 99000 ms (3); again in 99000 ms (3)
    Temporary, told to come back too often: errored (0); errored (1); errored (1); errored (1); errored (3); errored (3)
    Temporary, broken: errored (1); errored (1); errored (1); errored (2); errored (3); errored (4)
    Temporary, broken, last attempt: errored (1); errored (1); errored (1); errored (2); errored (3); errored (4)
    "#);
}

/// Every strategy against every thing that may become of a child: what becomes of its running siblings.
#[test]
fn every_decision_under_every_strategy() {
    let again = |charged| Decision::Again { charged, pause: Duration::ZERO, faults: Vec::new() };
    let decisions = [
        ("restarted", again(true)),
        ("put off", again(false)),
        ("errored", Decision::Error { bury: false, faults: Vec::new() }),
        ("given up on", Decision::Fault),
    ];
    let mut table = "older sibling, younger sibling\n".to_owned();
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        for (what, decision) in &decisions {
            let word = |later| if takes_along(strategy, decision, later) { "runs again" } else { "goes on" };
            writeln!(table, "{strategy:?}, a child is {what}: {}, {}", word(false), word(true)).unwrap();
        }
    }
    insta::assert_snapshot!(table, @r#"
    older sibling, younger sibling
    OneForOne, a child is restarted: goes on, goes on
    OneForOne, a child is put off: goes on, goes on
    OneForOne, a child is errored: goes on, goes on
    OneForOne, a child is given up on: goes on, goes on
    OneForAll, a child is restarted: runs again, runs again
    OneForAll, a child is put off: goes on, goes on
    OneForAll, a child is errored: goes on, goes on
    OneForAll, a child is given up on: goes on, goes on
    RestForOne, a child is restarted: goes on, runs again
    RestForOne, a child is put off: goes on, goes on
    RestForOne, a child is errored: goes on, goes on
    RestForOne, a child is given up on: goes on, goes on
    "#);
}

#[test]
fn a_pause_doubles_up_to_half_a_minute_and_jitter_only_shortens_it() {
    let table: Vec<String> = [0, 1, 2, 3, 6, 7, 8, 40, u32::MAX]
        .into_iter()
        .map(|before| format!("{before}: {:?} to {:?}", pause(before, 1.0), pause(before, 0.0)))
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    0: 0ns to 0ns
    1: 375ms to 500ms
    2: 750ms to 1s
    3: 1.5s to 2s
    6: 12s to 16s
    7: 22.5s to 30s
    8: 22.5s to 30s
    40: 22.5s to 30s
    4294967295: 22.5s to 30s
    "#);
}
