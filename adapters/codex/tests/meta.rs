//! What the first line says, and what is no first line.

use understory_actors::chain;

use super::super::lines::LINE_MAX;
use super::{FILE, ID, META, open, read, session};

fn labelled(payload: &str) -> String {
    let text = format!(r#"{{"timestamp":"2026-01-19T15:21:26.203Z","type":"session_meta","payload":{payload}}}"#);
    let (_, thread) = read(open(FILE, text.replace('\n', "")).unwrap()).unwrap();
    let labels: Vec<String> = thread.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{} {:?} {:?}\n{}", thread.name, thread.parent, thread.nickname, labels.join("\n"))
}

#[test]
fn all_that_a_session_says_of_itself_is_kept() {
    insta::assert_snapshot!(labelled(
        r#"{"id":"a1","cwd":"/repo","originator":"codex_cli_rs","cli_version":"0.88.0","source":"cli","model_provider":"openai",
            "forked_from_id":"a0","git":{"commit_hash":"c0ffee","branch":"main","repository_url":"git@example.org:x.git"}}"#
    ), @r"
    a1 None None
    codex/archived=no
    codex/branch=main
    codex/commit=c0ffee
    codex/cwd=/repo
    codex/forked=a0
    codex/repository=git@example.org:x.git
    codex/source=cli
    codex/thread=a1
    codex/version=0.88.0
    ");
    insta::assert_snapshot!(labelled(
        r#"{"id":"b2","source":{"subagent":{"thread_spawn":{"parent_thread_id":"a1","depth":1,"agent_path":"/root/scout",
            "agent_nickname":"Scout","agent_role":"explorer"}}},"cwd":" "}"#
    ), @r#"
    b2 Some("a1") Some("Scout")
    codex/archived=no
    codex/nickname=Scout
    codex/parent=a1
    codex/path=/root/scout
    codex/role=explorer
    codex/source=subagent
    codex/thread=b2
    "#);
    insta::assert_snapshot!(labelled(r#"{"id":"b3","source":{"subagent":"review"},"parent_thread_id":"a1"}"#), @r#"
    b3 Some("a1") None
    codex/archived=no
    codex/parent=a1
    codex/source=review
    codex/thread=b3
    "#);
    insta::assert_snapshot!(labelled(r#"{"id":"b4","source":[1]}"#), @r"
    b4 None None
    codex/archived=no
    codex/thread=b4
    ");
}

#[test]
fn a_file_that_does_not_say_whose_it_is_fails() {
    let check = |text: &str, expected: &str| {
        let error = open(FILE, text).err().map(|error| chain(&error));
        assert_eq!(error.as_deref(), Some(expected), "{text}");
    };
    let no_meta = "its first line does not say which session it is";
    check("", "it is empty");
    check("\n\n  \n", "it is empty");
    check(r#"{"type":"response_item","payload":{"type":"message"}}"#, no_meta);
    check(r#"{"type":"session_meta"}"#, no_meta);
    check(&"x".repeat(LINE_MAX + 1), no_meta);
    check(&META[..60], &format!("{no_meta}: EOF while parsing a string at line 1 column 60"));
    check("{}", &format!("{no_meta}: missing field `id` at line 1 column 2"));
    let of = |fields: &str| format!(r#"{{"type":"session_meta","payload":{{{fields}}}}}"#);
    check(&of(r#""id":"""#), r#"its session has no id that could be kept: """#);
    check(&of(r#""id":"../x""#), r#"its session has no id that could be kept: "../x""#);
    let long = "x".repeat(1000);
    let told = format!("its session has no id that could be kept: {:?}", &long[..100]);
    check(&of(&format!(r#""id":"{long}""#)), &told);
    check(&of(r#""id":"x","history_mode":"quantum""#), r#"its history is kept in a mode that is not known: "quantum""#);
    assert!(open(FILE, of(r#""id":"x","history_mode":"paginated""#)).is_ok());
}

#[test]
fn a_session_began_when_it_says_or_when_its_first_line_was_written() {
    let began = |meta: &str| read(open(FILE, meta).unwrap()).unwrap().1.created_at;
    assert_eq!(began(META), Some(1_768_836_086_171));
    let own = r#""timestamp":"2026-01-19T15:21:26.171Z","#;
    assert_eq!(began(&META.replace(own, "")), Some(1_768_836_086_203));
    assert_eq!(began(&META.replace("2026-01-19T15:21:26.171Z", "yesterday")), Some(1_768_836_086_203));
}

#[test]
fn the_first_meta_is_the_files_own() {
    let other = META.replace(ID, "another").replace("/repo", "/elsewhere");
    let context = r#"{"type":"turn_context","payload":{"cwd":"/later","model":"m1","effort":"high"}}"#;
    let (_, thread) = session(&[&other, context, &context.replace("m1", "m2")]);
    assert_eq!((thread.name.as_str(), thread.labels["codex/cwd"].as_str()), (ID, "/repo"));
    assert_eq!((thread.labels["codex/model"].as_str(), thread.labels["codex/effort"].as_str()), ("m2", "high"));
    let (_, thread) =
        read(open(FILE, format!("{}\n{context}", META.replace(r#""cwd":"/repo","#, ""))).unwrap()).unwrap();
    assert_eq!(thread.labels["codex/cwd"], "/later", "where there was none");
}

#[test]
fn a_session_that_was_begun_anew_has_another_name() {
    let check = |file: &str, expected: &str| {
        let (_, thread) = read(open(file, META).unwrap()).unwrap();
        assert_eq!(thread.name, expected, "{file}");
    };
    check(FILE, ID);
    check(&format!("sessions/rollout-x-{ID}_b7.jsonl"), &format!("{ID}_b7"));
    check(&format!("archived_sessions/rollout-x-{ID}_b7.jsonl.zst"), &format!("{ID}_b7"));
    check(&format!("sessions/rollout-x-{ID}_.jsonl"), ID);
    check("sessions/rollout-renamed.jsonl", ID);
}

#[test]
fn where_a_file_lies_says_whether_it_is_archived() {
    let archived = |file: &str| read(open(file, META).unwrap()).unwrap().1.labels["codex/archived"].clone();
    assert_eq!(archived(FILE), "no");
    assert_eq!(archived("archived_sessions/rollout-x.jsonl"), "yes");
}
