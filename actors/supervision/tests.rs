//! Every policy and strategy against every failure and history, in one table.

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

/// Which running siblings run again too.
fn siblings(strategy: Strategy, decision: &Decision) -> &'static str {
    match (takes_along(strategy, decision, false), takes_along(strategy, decision, true)) {
        (false, false) => "",
        (true, true) => " with all",
        (false, true) => " with the younger",
        (true, false) => " with the older",
    }
}

#[test]
fn every_failure_and_history_under_every_policy_and_strategy() {
    let failures = [
        ("unavailable", Failure::Unavailable { waits: 0, retry_after: None }),
        ("unavailable, third time", Failure::Unavailable { waits: 2, retry_after: None }),
        ("unavailable, too often", Failure::Unavailable { waits: 3, retry_after: None }),
        ("told to come back", Failure::Unavailable { waits: 2, retry_after: Some(Duration::from_secs(99)) }),
        ("told to come back too often", Failure::Unavailable { waits: 3, retry_after: Some(Duration::from_secs(99)) }),
        ("refused or exhausted", Failure::Refused),
        ("broken", Failure::Broken { attempt: 1 }),
        ("broken, last attempt", Failure::Broken { attempt: 2 }),
        ("the process died", Failure::Crashed { attempt: 1 }),
        ("the process died, last attempt", Failure::Crashed { attempt: 2 }),
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
        for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
            let policy = Policy { restart, strategy, faults: 3, within: Duration::from_secs(60) };
            for (failure_words, failure) in &failures {
                let decided = histories.iter().map(|(_, history)| {
                    let decision = decide(*failure, &policy, history, BOUNDS, NOW, 0.0);
                    // Those beside it died with the process, too.
                    let along = match failure {
                        Failure::Crashed { .. } => "",
                        _ => siblings(strategy, &decision),
                    };
                    format!("{}{along}", words(&decision))
                });
                let decided: Vec<String> = decided.collect();
                writeln!(table, "{restart:?}, {strategy:?}, {failure_words}: {}", decided.join("; ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
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

/// An agent whose faults are never too many does not keep all of them.
#[test]
fn no_more_faults_are_kept_than_decide() {
    for restart in [Restart::Permanent, Restart::Temporary] {
        let policy = Policy { restart, faults: 3, within: Duration::from_secs(60), ..Policy::default() };
        let mut faults = Vec::new();
        for after in 0..40 {
            let now = Time(NOW.0 + after);
            match decide(Failure::Broken { attempt: 1 }, &policy, &faults, BOUNDS, now, 0.0) {
                Decision::Again { faults: kept, .. } | Decision::Error { faults: kept, .. } => faults = kept,
                Decision::Fault => break,
            }
            assert!(faults.len() <= 4 && faults.last() == Some(&now), "{restart:?}: {faults:?}");
        }
    }
}
