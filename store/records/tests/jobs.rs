//! What a job and its items say of themselves beside their states.

use super::*;

#[test]
fn what_a_run_took_stands_until_the_row_is_tried_again() {
    let running = item(ItemState::Running { started_at: NOW, deadline: LATER });
    let completed = running.complete(3, Text::Inline("{}".to_owned()), LATER).unwrap();
    assert_eq!(completed.took_ms, Some(1_000));
    let failed = running.fail(3, "no".to_owned(), LIMITS, LATER, LATER).unwrap();
    assert_eq!(failed.took_ms, Some(1_000));
    assert_eq!(failed.retry().unwrap().took_ms, None);
}

#[test]
fn a_job_that_is_reopened_looks_from_the_first_of_the_rows_and_owes_its_output() {
    let over = Counts { completed: 6, ..Counts::default() };
    let exported = job(JobState::Running).count(over, 7).export(NOW);
    assert_eq!((exported.unfinished(), exported.cursor), (false, 7));
    let reopened = exported.reopen(Counts { pending: 1, completed: 5, ..Counts::default() }, 2).unwrap();
    assert_eq!((reopened.exported, reopened.cursor), (None, 2));
}

#[test]
fn settings_are_named_with_their_columns() {
    let name = |name: &str| Some(name.to_owned());
    let all = RowColumns {
        role: name("a"),
        brain: name("b"),
        model: name("c"),
        instruction: name("d"),
        timeout: name("e"),
        attempts: name("f"),
        after: name("g"),
    };
    let named = |columns: &RowColumns| columns.named().map(|(what, column)| format!("{what}={column}")).collect();
    let words: Vec<String> = named(&all);
    assert_eq!(words.join(" "), "role=a brain=b model=c instruction=d timeout=e attempts=f after=g");
    let words: Vec<String> = named(&RowColumns { model: name("m"), ..RowColumns::default() });
    assert_eq!(words, ["model=m"]);
}

#[test]
fn an_outputs_kind_is_the_end_of_its_name() {
    let check = |name: &str, kind: OutputKind, extension: &str| {
        assert_eq!((OutputKind::of_name(name), kind.extension()), (kind, extension), "{name}");
    };
    check("out.csv", OutputKind::Csv, "csv");
    check("out.JSONL", OutputKind::JsonLines, "jsonl");
    check("a.csv.ndjson", OutputKind::JsonLines, "jsonl");
    check("jsonl", OutputKind::Csv, "csv");
}

#[test]
fn a_pause_is_over_at_its_end() {
    let check = |until: Option<Time>, now: u64, expected: bool| {
        let job = Job { pause: Some(pause("slow", until)), ..job(JobState::Running) };
        assert_eq!(job.paused_at(Time(now)).is_some(), expected, "until {until:?}, at {now}");
    };
    check(Some(LATER), 1_999, true);
    check(Some(LATER), 2_000, false);
    check(None, u64::MAX, true);
    assert_eq!(job(JobState::Running).paused_at(NOW), None);
}

#[test]
fn rows_are_counted_where_they_stand() {
    let states = [
        ItemState::Pending { not_before: None },
        ItemState::Running { started_at: NOW, deadline: LATER },
        ItemState::Completed { result: Text::Inline("{}".to_owned()), at: NOW },
        ItemState::Failed { at: NOW },
        ItemState::Skipped { at: NOW },
    ];
    let as_array = |counts: Counts| [counts.pending, counts.running, counts.completed, counts.failed, counts.skipped];
    let before = Counts { pending: 1, running: 2, completed: 4, failed: 8, skipped: 16 };
    assert_eq!((before.total(), before.done()), (31, 28));
    for (from, left) in states.iter().enumerate() {
        for (to, arrived) in states.iter().enumerate() {
            let (mut counts, mut expected) = (before, as_array(before));
            counts.shift(left, arrived);
            expected[from] -= 1;
            expected[to] += 1;
            assert_eq!(as_array(counts), expected, "{left:?} to {arrived:?}");
        }
    }
    let stored = Job::new(AgentId::from_u128(7), NOW, JobLimits::default()).import(2, 5).unwrap();
    assert_eq!((stored.imported, stored.counts.pending, &stored.state), (2, 2, &JobState::Importing));
    let stored = stored.import(3, 5).unwrap();
    assert_eq!((stored.imported, stored.counts.pending, &stored.state), (5, 5, &JobState::Running));
    let counts = Counts { pending: 1, running: 1, completed: 3, ..Counts::default() };
    let counted = stored.count(counts, 4);
    assert_eq!((counted.cursor, counted.counts, counted.state), (4, counts, JobState::Running));
}
