use indicatif::InMemoryTerm;

use super::*;

const COUNTS: Counts = Counts { pending: 2140, running: 16, completed: 1218, failed: 2, skipped: 0 };

fn at(state: &str) -> Standing {
    Standing {
        job: AgentPath::root().join("j").unwrap(),
        rows: 3376,
        state: state.to_owned(),
        paused: false,
        counts: COUNTS,
        spent: Spent::default(),
    }
}

/// A pace of ten rows a second.
fn pace() -> Pace {
    let start = Instant::now();
    let mut pace = Pace::new(start, 1200);
    pace.mark(start + Duration::from_secs(2), 1220);
    pace
}

#[test]
fn progress_says_what_the_job_is_at() {
    let still = Pace::new(Instant::now(), 1220);
    let check = |standing: &Standing, pace: &Pace, wanted: &str| assert_eq!(message(standing, pace), wanted);
    check(&at("running"), &still, "1,220 of 3,376 done, 2 failed, 16 running");
    check(&at("running"), &pace(), "1,220 of 3,376 done, 4m left, 10.0 rows/s, 2 failed, 16 running");
    check(
        &at("cancelling"),
        &pace(),
        "1,220 of 3,376 done, being cancelled, 2s left, 10.0 rows/s, 2 failed, 16 running",
    );
    check(&at("importing"), &pace(), "reading the table: 3,376 of 3,376 rows");
    let counts = Counts { skipped: 1000, pending: 1140, ..COUNTS };
    let spent = Spent { turns: 3000, tokens: 45_120 };
    let paused = Standing { paused: true, counts, spent, ..at("running") };
    let wanted = "2,220 of 3,376 done, paused, 10.0 rows/s, 2 failed, 1,000 skipped, 16 running, 45,120 tokens";
    check(&paused, &pace(), wanted);
    let done = Standing { counts: Counts { pending: 0, running: 0, ..COUNTS }, rows: 1220, ..at("completed") };
    check(&done, &pace(), "1,220 of 1,220 done, 10.0 rows/s, 2 failed, 0 running");
    assert_eq!(line(&at("running"), &still), "job /root/j: 1,220 of 3,376 done, 2 failed, 16 running");
}

#[test]
fn an_event_is_typed() {
    let told = |standing: &Standing, pace: &Pace| told("progress", standing, pace).to_string();
    insta::assert_snapshot!(told(&at("running"), &pace()), @r#"{"event":"progress","job":"/root/j","state":"running","paused":false,"rows":3376,"counts":{"pending":2140,"running":16,"completed":1218,"failed":2,"skipped":0},"rows_per_second":10.0,"left_ms":215600,"spent":{"turns":0,"tokens":0}}"#);
    let still = Pace::new(Instant::now(), 1220);
    assert!(told(&at("running"), &still).contains(r#""rows_per_second":null,"left_ms":null,"#));
    let paused = Standing { paused: true, ..at("running") };
    assert!(told(&paused, &pace()).contains(r#""left_ms":null,"#), "nobody works on what is left");
}

#[test]
fn the_bar_is_drawn_in_a_line_and_taken_away() {
    let screen = InMemoryTerm::new(10, 100);
    let bar = bar(ProgressDrawTarget::term_like(Box::new(screen.clone())), &at("running"), &pace());
    bar.tick();
    insta::assert_snapshot!(screen.contents(), @"⠉ [===>      ] 1,220 of 3,376 done, 4m left, 10.0 rows/s, 2 failed, 16 running");
    bar.finish_and_clear();
    assert_eq!(screen.contents(), "");
    // The time that is left is seen where terminals are as wide as they were for long, and for tables of any size.
    for rows in [3376, 1_048_576] {
        let usual = InMemoryTerm::new(10, 80);
        let target = ProgressDrawTarget::term_like(Box::new(usual.clone()));
        let bar = super::bar(target, &Standing { rows, ..at("running") }, &pace());
        bar.tick();
        assert!(usual.contents().contains(" left"), "{}", usual.contents());
    }
    let narrow = InMemoryTerm::new(10, 60);
    let bar = super::bar(ProgressDrawTarget::term_like(Box::new(narrow.clone())), &at("running"), &pace());
    bar.tick();
    assert_eq!(narrow.contents().lines().count(), 1, "{}", narrow.contents());
}
