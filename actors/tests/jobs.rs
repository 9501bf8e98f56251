//! Jobs: rows, runs and attempts, and the end of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use understory_store::MemoryBackend;

use super::table::{Table, number};
use super::world::{LONG, World, at, until};
use crate::brain::{BrainError, Response};
use crate::job::{Begun, JobRequest};

#[tokio::test(start_paused = true)]
async fn a_job_is_its_rows_in_order() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    for rows in [0, 1, 20, 700] {
        let table = Table::of(rows);
        let name = Some(format!("job_{rows}"));
        let view = world.run_job(JobRequest { name, ..table.request("number") }).await;
        assert_eq!((view.job.state.as_str(), view.job.counts.completed), ("completed", rows));
        let output = table.output();
        assert_eq!(output.len(), rows as usize);
        for (at, line) in (1..).zip(output) {
            assert_eq!((line.item_id, line.result), (format!("a{at}"), format!("{{\"row\":{at}}}")));
            assert_eq!((line.status.as_str(), line.attempts, line.error.as_str()), ("completed", 1, ""));
        }
    }
    world.end().await;
}

/// J5.
#[tokio::test(start_paused = true)]
async fn an_item_id_that_is_taken_gets_a_suffix() {
    let table = Table::text("id\nfoo\nfoo\n");
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    world.run_job(table.request("number")).await;
    let ids: Vec<_> = table.output().into_iter().map(|line| line.item_id).collect();
    assert_eq!(ids, ["foo", "foo-2"]);
    world.end().await;
}

/// J24.
#[tokio::test(start_paused = true)]
async fn a_cell_is_not_a_template() {
    let table = Table::text("id,other\n{other},secret\n");
    let world = World::setting().brain("say", |turn| async move {
        Ok(Response::report(serde_json::json!({ "asked": turn.text() }).to_string()))
    });
    let world = world.open().await;
    world.run_job(JobRequest { template: Some("do {id} {{x}}".to_owned()), ..table.request("say") }).await;
    assert_eq!(table.output()[0].result, r#"{"asked":"do {other} {x}"}"#);
    world.end().await;
}

/// J22: a row whose worker cannot be made, breaks or says nothing is tried again after a pause, and then failed.
#[tokio::test(start_paused = true)]
async fn a_failed_run_is_tried_again_after_a_pause() {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let seen = begun.clone();
    let start = tokio::time::Instant::now();
    let setting = World::setting().brain("bad", move |turn| {
        let run = turn.row().expect("a row").run;
        seen.lock().unwrap().push((turn.row().expect("a row").number, run, start.elapsed().as_millis()));
        async move {
            match (turn.row().expect("a row").item_id.as_ref(), run) {
                ("panic", 1) => panic!("this worker panics"),
                ("panic", 2) => Err(BrainError::unavailable("gone")),
                ("panic", _) => Ok(Response::text("no report")),
                ("array", _) => Ok(Response::report("[1]")),
                ("late", 3) => number(&turn),
                _ => Err(BrainError::refused(format!("no {run}"))),
            }
        }
    });
    let world = setting.open().await;
    let table = Table::text("id\npanic\narray\nlate\nnever\n");
    let view = world.run_job(table.request("bad")).await;
    assert_eq!(view.job.state.as_str(), "completed");
    insta::assert_snapshot!(world.item_words(&view.path).await, @r#"
    panic: failed run 3 failed 3 (worker finished without reporting a result)
    array: failed run 3 failed 3 (result must be a JSON object: it is an array)
    late: completed run 3 failed 2
    never: failed run 3 failed 3 (no 3)
    "#);
    let begun = begun.lock().unwrap().clone();
    for number in 1..=4 {
        let times: Vec<_> = begun.iter().filter(|(row, ..)| *row == number).map(|(_, _, at)| *at).collect();
        assert_eq!(times.len(), 3);
        let (first, second) = (times[1] - times[0], times[2] - times[1]);
        assert!((375..=500).contains(&first) && (750..=1000).contains(&second), "row {number}: {times:?}");
    }
    let errors = world.system.job_errors(&view.path).await.unwrap();
    assert_eq!(errors.iter().map(|group| group.rows).sum::<u64>(), 3);
    world.end().await;
}

/// J20: an item that is overdue is ended by the job, not by its worker.
#[tokio::test(start_paused = true)]
async fn a_run_past_its_deadline_fails_whatever_its_worker_does() {
    let world = World::setting().brain("wall", |turn| async move {
        turn.cancel().cancelled().await;
        // One is deaf, one answers in its grace.
        if turn.row().is_some_and(|row| row.number == 1) {
            std::future::pending::<()>().await;
        }
        number(&turn)
    });
    let world = world.open().await;
    let table = Table::of(2);
    let begun = tokio::time::Instant::now();
    let request = JobRequest { timeout: Duration::from_secs(100), attempts: 1, ..table.request("wall") };
    world.run_job(request).await;
    assert_eq!(begun.elapsed().as_secs(), 105, "the deadline and the grace");
    insta::assert_snapshot!(world.item_words(&at("/root/job")).await, @r#"
    a1: failed run 1 failed 1 (worker exceeded max runtime of 100 s)
    a2: failed run 1 failed 1 (worker exceeded max runtime of 100 s)
    "#);
    world.end().await;
}

/// J19: a row is running when its worker has a turn slot, not before.
#[tokio::test(start_paused = true)]
async fn a_row_without_a_slot_is_pending() {
    let world = World::setting().limits(|limits| limits.turns = 1).brain("wall", |_| std::future::pending());
    let world = world.open().await;
    let table = Table::of(2);
    let job = world.system.start_job(JobRequest { attempts: 1, ..table.request("wall") }).await.unwrap().job.path;
    until(async || world.item_words(&job).await.contains("running")).await;
    assert_eq!(world.item_words(&job).await, "a1: running run 1\na2: pending run 0");
    world.job_over(&job).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn results_of_any_length_fit_together() {
    let all = Arc::new(tokio::sync::Barrier::new(32));
    let world = World::setting().brain("long", move |turn| {
        let all = all.clone();
        async move {
            all.wait().await;
            let pad = "x".repeat(255 << 10);
            Ok(Response::report(format!("{{\"row\":{},\"pad\":\"{pad}\"}}", turn.number())))
        }
    });
    let world = world.open().await;
    let mut text = "id,pad\n".to_owned();
    let pad = "y".repeat(100 << 10);
    (1..=32).for_each(|number| text.push_str(&format!("a{number},{pad}\n")));
    let table = Table::text(&text);
    let view = world.run_job(JobRequest { concurrency: 32, ..table.request("long") }).await;
    assert_eq!(view.job.counts.completed, 32);
    assert!(table.output().iter().all(|line| line.result.len() > 255 << 10));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_jobs_share_the_slots() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let (seen, all) = (order.clone(), Arc::new(tokio::sync::Barrier::new(4)));
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = go.clone();
    let world = World::setting().limits(|limits| limits.turns = 4).brain("seen", move |turn| {
        seen.lock().unwrap().push(turn.row().expect("a row").job.to_string());
        let (all, gate) = (all.clone(), gate.clone());
        async move {
            drop(gate.acquire().await.expect("never closed"));
            // The slots come free together, so that whoever comes first could take them all.
            all.wait().await;
            number(&turn)
        }
    });
    let world = world.open().await;
    let (big, small) = (Table::of(200), Table::of(20));
    let named = |table: &Table, name: &str| JobRequest { name: Some(name.to_owned()), ..table.request("seen") };
    world.system.start_job(named(&big, "big")).await.unwrap();
    world.system.start_job(named(&small, "small")).await.unwrap();
    for path in ["/root/big", "/root/small"] {
        until(async || world.status(path).await == "running").await;
    }
    go.add_permits(4);
    world.job_over(&at("/root/small")).await;
    let order = order.lock().unwrap().clone();
    let first = order.iter().position(|job| job == "/root/small").unwrap();
    let last = order.iter().rposition(|job| job == "/root/small").unwrap();
    let beside = order[first..last].iter().filter(|job| *job == "/root/big").count();
    assert!(beside <= 24, "{beside} rows of the big job ran beside 20 of the small one");
    world.job_over(&at("/root/big")).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_given_to_one_job() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let tables: Vec<Table> = (1..=4).map(Table::of).collect();
    let started = join_all(tables.iter().map(|table| world.system.start_job(table.request("number")))).await;
    let errors: Vec<_> = started.iter().filter_map(|one| one.as_ref().err()).map(ToString::to_string).collect();
    assert_eq!(errors, ["/root/job exists already"; 3]);
    world.job_over(&at("/root/job")).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_command_goes_on_with_the_same_job() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let world = World::setting().brain("number", move |turn| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { number(&turn) }
    });
    let world = world.open().await;
    let table = Table::of(3);
    let request = JobRequest { name: None, ..table.request("number") };
    let first = world.run_job(request.clone()).await;
    std::fs::remove_file(table.output_path()).unwrap();
    let again = world.system.start_job(request.clone()).await.unwrap();
    assert_eq!(again.begun, Begun::WritesAgain);
    world.job_over(&again.job.path).await;
    assert_eq!((first.path, calls.load(Ordering::SeqCst)), (again.job.path, 3), "nothing runs");
    assert_eq!(table.output().len(), 3, "an output that is missing is written again");
    assert_eq!(world.system.start_job(request.clone()).await.unwrap().begun, Begun::Finished);
    table.rewrite("id,n\na1,1\n");
    let changed = world.system.start_job(request).await.unwrap_err();
    assert!(changed.to_string().ends_with("start another job with --new"), "{changed}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_command_given_at_once_makes_one_job() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let table = Table::of(3);
    let request = JobRequest { name: None, ..table.request("number") };
    let asked = (0..8).map(|_| world.system.start_job(request.clone()));
    let started: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(started.iter().filter(|started| started.begun == Begun::New).count(), 1, "{started:?}");
    assert!(started.iter().all(|other| other.job == started[0].job), "{started:?}");
    // Each with a place of its own: that of a job that is not finished is nobody else's.
    let fresh = (0..2).map(|_| world.system.start_job(JobRequest { fresh: true, output: None, ..request.clone() }));
    let fresh: Vec<_> = join_all(fresh).await.into_iter().map(|started| started.unwrap().job.path).collect();
    assert_ne!(fresh[0], fresh[1], "each is another job");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_job_hears_of_events_that_were_dropped() {
    let backend = MemoryBackend::with_events_max(0);
    let setting = World::setting().over(backend).brain("number", |turn| async move { number(&turn) });
    let world = setting.open().await;
    let table = Table::of(300);
    let job = world.system.start_job(table.request("number")).await.unwrap().job.path;
    let finished = tokio::time::timeout(LONG, world.system.job_finished(&job)).await.unwrap().unwrap();
    assert_eq!(finished.job.counts.completed, 300);
    world.end().await;
}
