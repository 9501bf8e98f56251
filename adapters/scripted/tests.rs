use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use understory_actors::{BrainError, BrainFactory, JobRow, Response, Seat, Turn};
use understory_paths::AgentPath;
use understory_store::AgentId;

use super::{Reply, Scripted};

fn seat(settings: &str) -> Seat {
    Seat { path: AgentPath::root(), id: AgentId::from_u128(1), role: "default".into(), settings: settings.into() }
}

fn turn(seat: Seat, text: &str) -> Turn {
    let (job, json, text) = (AgentPath::root(), "{}".into(), text.into());
    let row = JobRow { job, item_id: "1".into(), number: 1, run: 1, json, instruction: Some(text), schema: None };
    Turn::detached(seat, Vec::new(), Some(row))
}

/// What a newly made brain answers.
async fn ask(scripted: &Scripted, text: &str) -> Result<Response, BrainError> {
    scripted.make(&seat("")).unwrap().turn_boxed(turn(seat(""), text)).await
}

/// What it says, or how it fails.
async fn said(scripted: &Scripted, text: &str) -> String {
    match ask(scripted, text).await {
        Ok(response) => response.report.unwrap_or(response.content),
        Err(error) => format!("{error:?}"),
    }
}

fn file(dir: &TempDir, lines: &str) -> PathBuf {
    let path = dir.path().join("script.jsonl");
    fs::write(&path, lines).unwrap();
    path
}

#[tokio::test]
async fn the_first_reply_that_matches_and_is_not_used_up_is_given() {
    let scripted = Scripted::replies(vec![
        Reply::content("pages").matching("page"),
        Reply::content("twice").times(2),
        Reply::content("last").matching("b"),
    ]);
    // Each is asked of another brain.
    for (text, expected) in [("a", "twice"), ("page b", "pages"), ("b", "twice"), ("b", "last"), ("b", "last")] {
        assert_eq!(said(&scripted, text).await, expected, "{text}");
    }
    assert_eq!(ask(&scripted, "a").await.unwrap_err().to_string(), "the script has no reply left for: a");
}

#[tokio::test]
async fn a_file_says_all_that_a_reply_can() {
    let dir = TempDir::new().unwrap();
    let lines = r#"{"match": "1", "content": "one"}

{"match": "2", "report": {"b": 1, "a": [true]}}
{"match": "3", "report": {}, "content": "both", "times": 1}
{"match": "4", "fail": "no"}
{"match": "5", "fail": "down", "class": "unavailable"}
{"match": "6", "fail": "spent", "class": "exhausted", "delay_ms": 1}
{"match": "7", "fail": "gone", "class": "broken"}
"#;
    let path = file(&dir, lines);
    let scripted = Scripted::from_file(&path).unwrap();
    assert_eq!(ask(&scripted, "1").await.unwrap(), Response::text("one"));
    assert_eq!(ask(&scripted, "2").await.unwrap(), Response::report(r#"{"b":1,"a":[true]}"#));
    let both = Response { content: "both".to_owned(), ..Response::report("{}") };
    assert_eq!(ask(&scripted, "3").await.unwrap(), both);
    for (text, failure) in [
        ("4", r#"Refused { message: "no" }"#),
        ("5", r#"Unavailable { message: "down", retry_after: None }"#),
        ("6", r#"Exhausted { message: "spent" }"#),
        ("7", r#"Broken { message: "gone" }"#),
    ] {
        assert_eq!(said(&scripted, text).await, failure, "{text}");
    }
    let left = format!("{} has no reply left for: 3", path.display());
    assert_eq!(ask(&scripted, "3").await.unwrap_err().to_string(), left);
}

#[test]
fn an_error_names_the_file_and_line() {
    let dir = TempDir::new().unwrap();
    for (line, message) in [
        ("not json", "not a reply"),
        (r#"{"content": "a", "colour": "b"}"#, "not a reply"),
        (r#"{"report": [1]}"#, "not a reply"),
        (r#"{"fail": "a", "class": "odd"}"#, "not a reply"),
        (r#"{"delay_ms": 5}"#, "none of `content`, `report`, `fail` and `panic`"),
        (r#"{"content": "a", "fail": "b"}"#, "more than one of an answer, `fail` and `panic`"),
        (r#"{"panic": "a", "fail": "b"}"#, "more than one of an answer, `fail` and `panic`"),
        (r#"{"content": "a", "class": "refused"}"#, "`class` without `fail`"),
        (r#"{"content": "a", "times": 0}"#, "a reply used 0 times is never given"),
    ] {
        let path = file(&dir, &format!("{{\"content\": \"a\"}}\n\n{line}\n"));
        let error = Scripted::from_file(&path).map(drop).unwrap_err().to_string();
        assert_eq!(error, format!("{}:3: {message}", path.display()), "{line}");
    }
    let missing = dir.path().join("none");
    let error = Scripted::from_file(&missing).map(drop).unwrap_err().to_string();
    assert_eq!(error, format!("cannot read the script {}", missing.display()));
}

#[tokio::test]
async fn seats_that_name_one_file_share_it() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "{\"content\": \"first\", \"times\": 1}\n{\"content\": \"then\"}");
    let scripted = Scripted::from_settings();
    let seat = seat(&format!("{{\"file\": {:?}}}", path.to_str().unwrap()));
    for expected in ["first", "then"] {
        let mut brain = scripted.make(&seat).unwrap();
        assert_eq!(brain.turn_boxed(turn(seat.clone(), "")).await.unwrap().content, expected);
    }
}

#[test]
fn settings_that_name_no_script_are_refused() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "{}");
    let named = format!("{{\"file\": {:?}}}", path.to_str().unwrap());
    for (settings, message) in [
        ("", "scripted settings of /root are not {\"file\": …}"),
        (r#"{"file": "/f", "more": 1}"#, "unknown field `more`"),
        (r#"{"file": "/nowhere/script"}"#, "cannot read the script /nowhere/script: No such file"),
        (named.as_str(), "script.jsonl:1: none of"),
    ] {
        let error = Scripted::from_settings().make(&seat(settings)).map(drop).unwrap_err().to_string();
        assert!(error.contains(message), "{settings}: {error}");
    }
}

#[tokio::test]
async fn a_closure_answers_each_turn() {
    let scripted = Scripted::answers(|turn| Reply::content(turn.text().to_uppercase()));
    assert_eq!(said(&scripted, "loud").await, "LOUD");
}

#[tokio::test]
async fn a_delayed_reply_can_be_cancelled() {
    let scripted = Scripted::replies(vec![Reply::content("late").after(Duration::from_secs(3600))]);
    let cancel = CancellationToken::new();
    let mut brain = scripted.make(&seat("")).unwrap();
    let mut answer = brain.turn_boxed(turn(seat(""), "").cancelled_by(cancel.clone()));
    assert!(futures::poll!(&mut answer).is_pending());
    cancel.cancel();
    assert_eq!(answer.await.unwrap_err().to_string(), "the scripted reply was cancelled");
}

#[tokio::test]
async fn a_scripted_panic_is_one() {
    let dir = TempDir::new().unwrap();
    let scripted = Scripted::from_file(&file(&dir, r#"{"panic": "by the script"}"#)).unwrap();
    let panic = tokio::spawn(async move { ask(&scripted, "").await }).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "by the script");
}
