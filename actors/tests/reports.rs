//! Reports of a job's workers: taken once, from the run under way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::table::{Table, number};
use super::world::{World, at, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;

/// Runs a job of one row with this brain; what its workers were told, and the row in the end.
async fn told<F, R>(attempts: u32, brain: F) -> String
where
    F: Fn(Turn, Arc<Mutex<Vec<String>>>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response, BrainError>> + Send + 'static,
{
    let words = Arc::new(Mutex::new(Vec::new()));
    let said = words.clone();
    let world = World::setting().brain("worker", move |turn| brain(turn, said.clone())).open().await;
    let table = Table::of(1);
    let request = JobRequest { attempts, timeout: Duration::from_secs(60), ..table.request("worker") };
    let view = world.run_job(request).await;
    let mut lines = words.lock().unwrap().clone();
    lines.push(world.item_words(&view.path).await);
    lines.push(table.output()[0].result.chars().take(60).collect());
    world.end().await;
    lines.join("\n")
}

fn answer(report: Result<(), crate::tools::ToolError>) -> String {
    report.map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
}

/// J1, and what a report may be.
#[tokio::test(start_paused = true)]
async fn a_report_is_an_object_and_taken_once() {
    let all = told(1, |turn, said| async move {
        let say = |words: String| said.lock().unwrap().push(words);
        for result in ["", "[]", "null", "7", "\"x\"", "true", "{\"a\":"] {
            let said = answer(turn.report(result, false).await);
            say(said);
        }
        let long = answer(turn.report(&format!("{{\"a\":\"{}\"}}", "x".repeat(256 << 10)), false).await);
        say(long);
        let (one, two) = (turn.report("{\"a\": 1}", false), turn.report("{\"a\":2}", false));
        let (one, two) = futures::join!(one, two);
        say(format!("at once: {}, {}", answer(one), answer(two)));
        let again = answer(turn.report("{\"a\":3}", false).await);
        say(format!("again: {again}"));
        Ok(Response::report("{\"a\":4}"))
    });
    insta::assert_snapshot!(all.await, @r#"
    result must be a JSON object: EOF while parsing a value at line 1 column 0
    result must be a JSON object: it is an array
    result must be a JSON object: it is null
    result must be a JSON object: it is a number
    result must be a JSON object: it is a string
    result must be a JSON object: it is a boolean
    result must be a JSON object: EOF while parsing a value at line 1 column 5
    result has 262152 bytes, over the limit of 262144
    at once: accepted, accepted
    again: accepted
    a1: completed run 1
    {"a":1}
    "#);
}

/// J2 and J3: a report of a run that is over is refused, in words, and changes nothing.
#[tokio::test(start_paused = true)]
async fn a_report_of_an_older_run_is_refused() {
    let first: Arc<Mutex<Option<Turn>>> = Arc::default();
    let all = told(2, move |turn, said| {
        let first = first.clone();
        async move {
            let Some(older) = first.lock().unwrap().replace(turn.clone()) else {
                return Err(BrainError::refused("the first run fails"));
            };
            let during = answer(older.report("{\"late\":1}", false).await);
            turn.report("{\"right\":1}", false).await.unwrap();
            let after = answer(older.report("{\"late\":2}", false).await);
            said.lock().unwrap().extend([during, after]);
            Ok(Response::text("reported"))
        }
    });
    insta::assert_snapshot!(all.await, @r#"
    run 1 of row 1 is over: its report is not taken
    run 1 of row 1 is over: its report is not taken
    a1: completed run 2 failed 1
    {"right":1}
    "#);
}

/// J21: as J2, after a deadline.
#[tokio::test(start_paused = true)]
async fn a_report_after_the_deadline_is_refused() {
    let kept: Arc<Mutex<Option<Turn>>> = Arc::default();
    let worker = kept.clone();
    let world = World::setting().brain("wall", move |turn| {
        *worker.lock().unwrap() = Some(turn);
        std::future::pending()
    });
    let world = world.open().await;
    let table = Table::of(1);
    let request = JobRequest { attempts: 1, timeout: Duration::from_secs(60), ..table.request("wall") };
    let view = world.run_job(request).await;
    let late = kept.lock().unwrap().take().unwrap();
    assert!(late.report("{}", false).await.is_err());
    assert_eq!(world.item_words(&view.path).await, "a1: failed run 1 failed 1 (worker exceeded max runtime of 60 s)");
    world.end().await;
}

/// J6: one worker at a time; its first report stops the job.
#[tokio::test(start_paused = true)]
async fn a_report_may_stop_the_job() {
    let world = World::setting().brain("stop", |turn| async move {
        turn.report("{\"enough\":true}", true).await.unwrap();
        Ok(Response::text("done"))
    });
    let world = world.open().await;
    let table = Table::of(3);
    let view = world.run_job(JobRequest { concurrency: 1, ..table.request("stop") }).await;
    assert_eq!((view.job.state.as_str(), view.job.state.reason()), ("cancelled", Some("cancelled by worker request")));
    assert_eq!(world.item_words(&view.path).await, "a1: completed run 1\na2: cancelled run 0\na3: cancelled run 0");
    let output: Vec<_> = table.output().into_iter().map(|line| line.status).collect();
    assert_eq!(output, ["completed", "cancelled", "cancelled"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_frees_the_place_at_once_and_its_turn_has_five_seconds() {
    let world = World::setting().brain("chatty", |turn| async move {
        turn.report("{}", false).await.unwrap();
        std::future::pending().await
    });
    let world = world.limits(|limits| (limits.turns, limits.grace) = (1, Duration::from_secs(2))).open().await;
    let table = Table::of(4);
    let begun = tokio::time::Instant::now();
    let view = world.run_job(JobRequest { concurrency: 1, ..table.request("chatty") }).await;
    assert_eq!((begun.elapsed().as_secs(), view.job.counts.completed), (0, 4), "nobody waits for a turn to end");
    assert_eq!(world.system.residents(), 1, "its turns are still watched");
    pass(6).await;
    assert_eq!(world.system.residents(), 1, "they are cancelled and have their grace");
    pass(3).await;
    assert_eq!(world.system.residents(), 0);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_what_a_report_left() {
    let world = World::setting().brain("quick", |turn| async move {
        turn.report("{}", false).await.unwrap();
        number(&turn)
    });
    let world = world.open().await;
    let table = Table::of(4);
    world.run_job(table.request("quick")).await;
    let begun = tokio::time::Instant::now();
    world.end().await;
    assert_eq!(begun.elapsed().as_millis() / 100, 0);
}

/// What a run's worker spawned is closed when the run ends; a later run that asks for it gets it back.
#[tokio::test(start_paused = true)]
async fn helpers_of_a_run_are_closed_with_it_and_resumed_by_a_later_one() {
    let go = Arc::new(Semaphore::new(0));
    let gate = go.clone();
    let world = World::setting().brain("boss", move |turn| {
        let gate = gate.clone();
        async move {
            let helper =
                turn.spawn("kid", Some("help")).await.map_err(|error| BrainError::refused(error.to_string()))?;
            assert_eq!(helper, at("/root/job/r00000001/kid"));
            turn.send("kid", "more").await.map_err(|error| BrainError::refused(error.to_string()))?;
            gate.acquire().await.expect("never closed").forget();
            if turn.number() == 1 { Err(BrainError::refused("once more")) } else { number(&turn) }
        }
    });
    let world = world.role("default", crate::Role::with_brain("echo", "")).open().await;
    let table = Table::of(1);
    let job = world.system.start_job(table.request("boss")).await.unwrap().job.path;
    let kid = "/root/job/r00000001/kid";
    for _ in 0..2 {
        until(async || world.system.show(&at(kid)).await.is_ok_and(|view| view.closed.is_none())).await;
        assert_eq!(world.count("/root/job").await, 1);
        go.add_permits(1);
        until(async || world.status(kid).await == "closed").await;
        // The pause before the second run.
        pass(1).await;
    }
    world.job_over(&job).await;
    assert_eq!(world.count("/root").await, 0);
    let heard: Vec<_> = world.turns(kid).await.into_iter().flat_map(|(taken, _)| taken).collect();
    assert_eq!(heard, ["help"], "the task came once");
    world.end().await;
}
