//! What each kind of line comes to.

use std::collections::VecDeque;
use std::io::{self, Read};

use understory_actors::import::{Conversation, Step, Tokens};

use super::super::lines::LINE_MAX;
use super::super::rollout::Rollout;
use super::{FILE, META, open, read, session};

/// An item at a time of its own.
fn item(payload: &str) -> String {
    format!(r#"{{"timestamp":"2026-01-19T15:21:30.500Z","type":"response_item","payload":{payload}}}"#)
}

/// What one item comes to.
fn check(payload: &str, expected: &str) {
    let (parts, thread) = session(&[&item(payload)]);
    let expected: Vec<String> = Some(expected)
        .filter(|part| !part.is_empty())
        .map(|part| format!("1768836090500 {part}"))
        .into_iter()
        .collect();
    assert_eq!((parts, thread.skipped), (expected, 0), "{payload}");
}

#[test]
fn an_item_is_words_a_call_or_an_answer() {
    check(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"fix it"}]}"#, "user: fix it");
    check(r#"{"type":"message","role":"developer","content":"be brief"}"#, "developer: be brief");
    check(
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"}]}"#,
        "assistant: a\nb",
    );
    check(
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"see"},{"type":"input_image","image_url":"data:x"}]}"#,
        "user: see\n[image]",
    );
    check(
        r#"{"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"c1"}"#,
        r#"1 shell({"command":["ls"]})"#,
    );
    check(r#"{"type":"function_call","name":"shell","arguments":"not json","call_id":"c1"}"#, r#"1 shell("not json")"#);
    check(
        r#"{"type":"custom_tool_call","name":"apply_patch","input":"*** Begin","call_id":"c1"}"#,
        r#"1 apply_patch("*** Begin")"#,
    );
    check(
        r#"{"type":"local_shell_call","status":"completed","action":{"type":"exec","command":["ls"]}}"#,
        r#"1 local_shell({"type":"exec","command":["ls"]})"#,
    );
    check(
        r#"{"type":"web_search_call","action":{"type":"search","query":"x"}}"#,
        r#"1 web_search({"type":"search","query":"x"})"#,
    );
    check(r#"{"type":"message","role":"user","content":[{"url":"x"}]}"#, "user: [unknown]");
    check(r#"{"type":"function_call_output","call_id":"gone","output":"done"}"#, "0  answered: done");
    check(
        r#"{"type":"function_call_output","call_id":"c","output":{"content":"no such file","success":false}}"#,
        "0  failed: no such file",
    );
    check(
        r#"{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"a"}]}"#,
        "0  answered: a",
    );
    check(r#"{"type":"custom_tool_call_output","call_id":"c","output":{"exit":1}}"#, r#"0  answered: {"exit":1}"#);
}

#[test]
fn an_item_that_is_no_part_is_left_out() {
    check(r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"x"}"#, "");
    check(r#"{"type":"ghost_snapshot","ghost_commit":{"id":"x"}}"#, "");
    check(r#"{"type":"compaction","encrypted_content":"x"}"#, "");
    check(r#"{"type":"message","role":"user","content":[]}"#, "");
    check(r#"{"type":"message","role":"someone","content":"x"}"#, "");
    check(r#"{"type":"what comes next year"}"#, "");
}

#[test]
fn an_answer_knows_its_call() {
    let call = |n: u32, name: &str| {
        item(&format!(r#"{{"type":"function_call","name":"{name}","arguments":"{{}}","call_id":"c{n}"}}"#))
    };
    let answer = |n: u32| item(&format!(r#"{{"type":"function_call_output","call_id":"c{n}","output":"{n}"}}"#));
    let lines = [call(1, "one"), call(2, "two"), answer(2), answer(1), answer(1)];
    let (parts, _) = session(&lines.each_ref().map(String::as_str));
    let parts: Vec<&str> = parts.iter().map(|part| part.split_once(' ').unwrap().1).collect();
    assert_eq!(parts, ["1 one({})", "2 two({})", "2 two answered: 2", "1 one answered: 1", "0  answered: 1"]);
    // Of calls that nobody answered so many are remembered.
    let mut many: Vec<String> = (1..=4097).map(|n| call(n, "many")).collect();
    many.extend([answer(1), answer(4097)]);
    let (parts, _) = session(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let last: Vec<&str> = parts[4097..].iter().map(|part| part.split_once(' ').unwrap().1).collect();
    assert_eq!(last, ["0  answered: 1", "4097 many answered: 4097"]);
}

#[test]
fn a_compaction_is_what_it_left() {
    let (parts, _) = session(&[
        r#"{"timestamp":"2026-01-19T15:21:30.500Z","type":"compacted","payload":{"message":"we fixed it","replacement_history":[]}}"#,
        r#"{"type":"compacted","payload":{"message":""}}"#,
    ]);
    assert_eq!(
        parts,
        [
            "1768836090500 assistant: [what was said before was compacted to this]\nwe fixed it",
            "- assistant: [what was said before was compacted]",
        ]
    );
}

#[test]
fn lines_that_are_none_are_passed_over_and_counted() {
    let long = item(&format!(r#"{{"type":"message","role":"user","content":"{}"}}"#, "x".repeat(LINE_MAX)));
    let (parts, thread) = session(&[
        "not json",
        r#"{"type":"response_item","payload":{"role":"user"}}"#,
        r#"{"type":"response_item"}"#,
        "",
        "  \r",
        &long,
        r#"{"type":"never heard of","payload":{}}"#,
        &item(r#"{"type":"message","role":"user","content":"hi"}"#),
    ]);
    assert_eq!((parts.len(), thread.skipped), (1, 4), "{} parts", parts.len());
    let (parts, thread) = read(open(FILE, format!("{META}\n{long}")).unwrap()).unwrap();
    assert_eq!((parts.len(), thread.skipped), (0, 1), "one without an end is too long, too");
}

/// A file that is written on while it is read: what it has for each time it is asked.
struct Growing(VecDeque<String>);

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = self.0.pop_front().unwrap_or_default();
        buffer[..part.len()].copy_from_slice(part.as_bytes());
        Ok(part.len())
    }
}

#[test]
fn what_was_read_to_its_end_has_ended_though_it_has_grown_since() {
    let whole = item(r#"{"type":"message","role":"user","content":"hi"}"#);
    let (begun, rest) = whole.split_at(40);
    let parts = [format!("{META}\n{begun}"), String::new(), format!("{rest}\n{whole}\n")];
    let mut rollout = Rollout::open(FILE, Box::new(Growing(parts.into()))).unwrap();
    for _ in 0..3 {
        assert_eq!(rollout.step().unwrap(), Step::End);
    }
    assert_eq!((rollout.bytes() as usize, rollout.thread().skipped), (META.len(), 0));
}

#[test]
fn a_last_line_that_is_not_whole_is_left_for_later() {
    let whole = item(r#"{"type":"message","role":"user","content":"hi"}"#);
    let mut rollout = open(FILE, format!("{META}\n{whole}\n{}", &whole[..40])).unwrap();
    assert!(matches!(rollout.step().unwrap(), Step::Part(..)));
    let (bytes, hash) = (rollout.bytes(), rollout.hash());
    assert_eq!(bytes as usize, META.len() + 1 + whole.len());
    for _ in 0..2 {
        assert_eq!(rollout.step().unwrap(), Step::End);
    }
    assert_eq!((rollout.bytes(), rollout.hash(), rollout.thread().skipped), (bytes, hash, 0));
    // A reader of what the file is later comes to the same place.
    let mut later = open(FILE, format!("{META}\n{whole}\n{whole}\n")).unwrap();
    later.step().unwrap();
    assert_eq!((later.bytes(), later.hash()), (bytes, hash));
    // One that is whole but for its end is taken, wherever the end comes.
    let mut open_end = open(FILE, format!("{META}\n{whole}")).unwrap();
    assert!(matches!(open_end.step().unwrap(), Step::Part(..)));
    assert_eq!((open_end.bytes(), open_end.hash(), open_end.step().unwrap()), (bytes, hash, Step::End));
}

#[test]
fn what_was_spent_is_what_was_told_last() {
    let count = |input: i64, cached: i64, output: i64| {
        format!(
            r#"{{"type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{{"input_tokens":{input},"cached_input_tokens":{cached},"output_tokens":{output},"total_tokens":0}}}}}}}}"#
        )
    };
    let nothing = r#"{"type":"event_msg","payload":{"type":"token_count","info":null}}"#;
    let (_, thread) = session(&[&count(10, 4, 2), &count(100, 60, 30), nothing]);
    assert_eq!((thread.tokens, thread.skipped), (Tokens { input: 40, cached: 60, output: 30 }, 0));
    let (_, thread) = session(&[&count(-5, 4, -1)]);
    assert_eq!(thread.tokens, Tokens { input: 0, cached: 4, output: 0 });
}

#[test]
fn a_title_is_what_a_person_asked_first_or_named_it() {
    let check = |lines: &[&str], expected: Option<&str>| {
        assert_eq!(session(lines).1.title.as_deref(), expected, "{lines:?}");
    };
    let asked =
        |text: &str| format!(r#"{{"type":"event_msg","payload":{{"type":"user_message","message":"{text}"}}}}"#);
    let named =
        r#"{"type":"event_msg","payload":{"type":"thread_name_updated","thread_id":"x","thread_name":" Fix "}}"#;
    let item = item(r#"{"type":"message","role":"user","content":"no title"}"#);
    check(&[&item], None);
    check(&[&asked("\\n  first\\nmore"), &asked("second")], Some("first"));
    check(&[&asked("# Files\\n## My request for Codex:\\ndo it")], Some("do it"));
    // Nothing but a picture.
    check(&[&asked(""), &asked("then this")], Some("then this"));
    check(&[&asked("first"), named, &asked("second")], Some("Fix"));
    check(&[named, &asked("first")], Some("Fix"));
}

#[test]
fn a_file_of_the_first_releases_is_items_alone() {
    let text = concat!(
        r#"{"id":"019bd6d8-b99b-7eb1-847c-87c3da10673a","timestamp":"2025-05-07T17:24:21.500Z","instructions":null,"git":{"branch":"main"}}"#,
        "\n",
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>x</environment_context>"}]}"#,
        "\n",
        r#"{"record_type":"state"}"#,
        "\n",
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"make it so"}]}"#,
        "\n",
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"done"}]}"#,
        "\nnot json\n",
    );
    let (parts, thread) = read(open("sessions/rollout-2025-05-07-x.jsonl", text).unwrap()).unwrap();
    assert_eq!(
        parts,
        ["- user: <environment_context>x</environment_context>", "- user: make it so", "- assistant: done",]
    );
    assert_eq!((thread.title.as_deref(), thread.skipped), (Some("make it so"), 1));
    assert_eq!((thread.created_at, thread.labels["codex/branch"].as_str()), (Some(1_746_638_661_500), "main"));
}
