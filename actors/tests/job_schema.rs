//! Results that are held to a JSON Schema: what does not fit is refused with the reasons, a bounded number of times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::table::Table;
use super::world::{World, at, process, until};
use crate::brain::{BrainError, Response, Turn};
use crate::error::chain;
use crate::job::JobRequest;

const SCHEMA: &str = r#"{"required":["score"],"properties":{"score":{"type":"integer"}}}"#;

/// What was said to workers, and what they did.
type Log = Arc<Mutex<Vec<String>>>;

/// Runs a job of one row and one attempt with this brain, held to [`SCHEMA`]; what was noted, and the row in the end.
async fn held<F, R>(brain: F) -> String
where
    F: Fn(Turn, Log) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response, BrainError>> + Send + 'static,
{
    let log = Log::default();
    let said = log.clone();
    let world = World::setting().brain("worker", move |turn| brain(turn, said.clone())).open().await;
    let table = Table::of(1);
    let template = Some("score {id}".to_owned());
    let schema = Some(SCHEMA.to_owned());
    let view = world.run_job(JobRequest { attempts: 1, template, schema, ..table.request("worker") }).await;
    let mut lines = log.lock().unwrap().clone();
    lines.push(world.item_words(&view.path).await);
    lines.push(table.output()[0].result.clone());
    world.end().await;
    lines.join("\n")
}

async fn report(turn: &Turn, log: &Log, result: &str) {
    let answer = turn.report(result, false).await;
    let said = answer.map_or_else(|error| error.to_string(), |()| "accepted".to_owned());
    log.lock().unwrap().push(said);
}

/// J25.
#[tokio::test(start_paused = true)]
async fn a_report_that_does_not_fit_is_refused_and_mended_in_the_same_run() {
    let words = held(|turn, log| async move {
        assert_eq!(turn.row().unwrap().schema.as_deref(), Some(SCHEMA));
        report(&turn, &log, r#"{"score":"NaN"}"#).await;
        report(&turn, &log, "[1]").await;
        report(&turn, &log, r#"{"score":7}"#).await;
        report(&turn, &log, r#"{"score":8}"#).await;
        Ok(Response::text("done"))
    });
    insta::assert_snapshot!(words.await, @r#"
    the result does not fit the schema: result/score: "NaN" is not of type "integer"
    result must be a JSON object: it is an array
    accepted
    accepted
    a1: completed run 1
    {"score":7}
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_last_refusal_ends_the_run_whatever_comes_then() {
    let words = held(|turn, log| async move {
        for result in ["{}", r#"{"score":1.5}"#, r#"{"score":"x"}"#] {
            report(&turn, &log, result).await;
        }
        turn.cancelled().await;
        // In its grace.
        report(&turn, &log, r#"{"score":7}"#).await;
        Ok(Response::report(r#"{"score":8}"#))
    });
    insta::assert_snapshot!(words.await, @r#"
    the result does not fit the schema: result: "score" is a required property
    the result does not fit the schema: result/score: 1.5 is not of type "integer"
    the result does not fit the schema: result/score: "x" is not of type "integer"; this run is over, for 3 results were refused
    nothing is taken any more; this run is over, for 3 results were refused
    a1: failed run 1 failed 1 (3 results were refused, the last because the result does not fit the schema: result/score: "x" is not of type "integer")
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_is_asked_for_again_with_the_reasons() {
    let words = held(|turn, log| async move {
        log.lock().unwrap().push(format!("asked: {:?}", turn.text()));
        match turn.messages().len() {
            0 => Ok(Response::report(r#"{"score":"x"}"#)),
            1 => Ok(Response::report("7")),
            _ => Ok(Response::report(r#"{"score":7}"#)),
        }
    });
    insta::assert_snapshot!(words.await, @r#"
    asked: "score a1"
    asked: "score a1\n\nYour result was refused: the result does not fit the schema: result/score: \"x\" is not of type \"integer\". Give the whole result again, mended."
    asked: "score a1\n\nYour result was refused: the result does not fit the schema: result/score: \"x\" is not of type \"integer\". Give the whole result again, mended.\n\nYour result was refused: result must be a JSON object: it is a number. Give the whole result again, mended."
    a1: completed run 1
    {"score":7}
    "#);
}

#[tokio::test(start_paused = true)]
async fn answers_and_reports_are_counted_together() {
    let words = held(|turn, log| async move {
        report(&turn, &log, "{}").await;
        log.lock().unwrap().push(format!("messages: {}", turn.messages().len()));
        Ok(Response::report(r#"{"score":null}"#))
    });
    insta::assert_snapshot!(words.await, @r#"
    the result does not fit the schema: result: "score" is a required property
    messages: 0
    the result does not fit the schema: result: "score" is a required property; this run is over, for 3 results were refused
    messages: 1
    a1: failed run 1 failed 1 (3 results were refused, the last because the result does not fit the schema: result: "score" is a required property)
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_has_reported_is_not_asked_again() {
    let words = held(|turn, log| async move {
        report(&turn, &log, r#"{"score":7}"#).await;
        Ok(Response::report("{}"))
    });
    insta::assert_snapshot!(words.await, @r#"
    accepted
    a1: completed run 1
    {"score":7}
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_result_over_the_limit_is_refused_through_each_door() {
    let long = format!("{{\"score\":1,\"pad\":\"{}\"}}", "x".repeat(256 << 10));
    let words = held(move |turn, log| {
        let long = long.clone();
        async move {
            report(&turn, &log, &long).await;
            let again = turn.messages().last().map(|message| message.text.clone());
            log.lock().unwrap().extend(again);
            Ok(if turn.messages().is_empty() { Response::report(long) } else { Response::text("gone") })
        }
    });
    insta::assert_snapshot!(words.await, @"
    result has 262164 bytes, over the limit of 262144
    result has 262164 bytes, over the limit of 262144; this run is over, for 3 results were refused
    Your result was refused: result has 262164 bytes, over the limit of 262144. Give the whole result again, mended.
    a1: failed run 1 failed 1 (3 results were refused, the last because result has 262164 bytes, over the limit of 262144)
    ");
}

/// A deadline holds over all that is asked in a run.
#[tokio::test(start_paused = true)]
async fn being_asked_again_takes_from_the_same_time() {
    let world = World::setting().brain("slow", |turn| async move {
        let _ = tokio::time::timeout(Duration::from_secs(40), turn.cancelled()).await;
        Ok(Response::report("{}"))
    });
    let world = world.open().await;
    let table = Table::of(1);
    let (schema, timeout) = (Some(SCHEMA.to_owned()), Duration::from_secs(60));
    let begun = tokio::time::Instant::now();
    world.run_job(JobRequest { attempts: 1, schema, timeout, ..table.request("slow") }).await;
    assert_eq!(begun.elapsed().as_secs(), 60);
    insta::assert_snapshot!(world.item_words(&at("/root/job")).await, @"a1: failed run 1 failed 1 (worker exceeded max runtime of 60 s)");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_schema_is_refused_before_the_job_starts() {
    let world = World::new().await;
    for (schema, expected) in [
        ("{".to_owned(), "it is no json"),
        (r#"{"$ref":"https://example.com/a.json"}"#.to_owned(), "https://example.com/a.json"),
        (format!("{{\"title\":\"{}\"}}", "x".repeat(256 << 10)), "schema has 262156 bytes, over the limit of 262144"),
    ] {
        let table = Table::of(1);
        let request = JobRequest { schema: Some(schema), ..table.request("echo") };
        let error = chain(&world.system.start_job(request).await.map(|_| ()).unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(world.system.jobs(&at("/root"), None, 9).await.unwrap().is_empty());
    }
    world.end().await;
}

/// What a job was asked for holds in the process that goes on with it.
#[test]
fn a_later_process_holds_results_to_the_same_schema() {
    let table = Table::of(1);
    let request = JobRequest { schema: Some(SCHEMA.to_owned()), attempts: 1, ..table.request("worker") };
    let rows = process(async || {
        let world = World::setting().brain("worker", |_| std::future::pending()).open().await;
        world.system.start_job(request.clone()).await.unwrap();
        until(async || world.system.job(&at("/root/job")).await.unwrap().job.counts.running == 1).await;
        world.abandon()
    });
    process(async || {
        let setting = World::setting().brain("worker", |_| async { Ok(Response::report("{}")) });
        let world = setting.over(rows).open().await;
        world.system.resume_job(&at("/root/job")).await.unwrap();
        world.job_over(&at("/root/job")).await;
        insta::assert_snapshot!(world.item_words(&at("/root/job")).await, @r#"a1: failed run 2 failed 1 crashed 1 (3 results were refused, the last because the result does not fit the schema: result: "score" is a required property)"#);
        world.end().await;
    });
}
