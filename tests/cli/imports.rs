//! The sessions of a Codex home become agents.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::folder::Folder;

const FIRST: &str = "019bd6d8-b99b-7eb1-847c-87c3da10673a";
const SECOND: &str = "019bd6d8-b99b-7eb1-847c-000000000002";

/// The first line of a session.
fn meta(id: &str, source: &Value) -> String {
    let payload = json!({
        "id": id, "timestamp": "2026-01-19T15:21:26.171Z", "cwd": "/repo", "originator": "codex_cli_rs",
        "cli_version": "0.88.0", "source": source, "git": { "branch": "main", "commit_hash": "c0ffee" },
    });
    json!({ "timestamp": "2026-01-19T15:21:26.203Z", "type": "session_meta", "payload": payload }).to_string()
}

fn said(role: &str, text: &str) -> String {
    let content = json!([{ "type": "input_text", "text": text }]);
    let payload = json!({ "type": "message", "role": role, "content": content });
    json!({ "timestamp": "2026-01-19T15:21:30.500Z", "type": "response_item", "payload": payload }).to_string()
}

fn asked(text: &str) -> String {
    let payload = json!({ "type": "user_message", "message": text });
    json!({ "timestamp": "2026-01-19T15:21:30.500Z", "type": "event_msg", "payload": payload }).to_string()
}

fn spent(input: u64) -> String {
    let total =
        json!({ "input_tokens": input, "cached_input_tokens": 10, "output_tokens": 5, "total_tokens": input + 5 });
    let payload = json!({ "type": "token_count", "info": { "total_token_usage": total, "last_token_usage": total } });
    json!({ "timestamp": "2026-01-19T15:21:31.000Z", "type": "event_msg", "payload": payload }).to_string()
}

/// Writes a file of the home `codex` and gives back its name.
fn write(folder: &Folder, name: &str, bytes: &[u8]) -> String {
    let place = folder.at("codex").join(name);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, bytes).unwrap();
    name.to_owned()
}

fn lines(lines: &[String]) -> Vec<u8> {
    (lines.join("\n") + "\n").into_bytes()
}

fn file(id: &str) -> String {
    format!("sessions/2026/01/19/rollout-2026-01-19T15-21-26-{id}.jsonl")
}

/// A home with a session, a packed one that it began, and a file that is none.
fn home() -> Folder {
    let folder = Folder::new();
    let first =
        [meta(FIRST, &json!("cli")), asked("fix it"), said("user", "fix it"), said("assistant", "done"), spent(30)];
    write(&folder, &file(FIRST), &lines(&first));
    let spawn = json!({ "parent_thread_id": FIRST, "depth": 1, "agent_nickname": "Scout", "agent_role": "explorer" });
    let second =
        [meta(SECOND, &json!({ "subagent": { "thread_spawn": spawn } })), said("user", "look"), "torn".to_owned()];
    let packed = zstd::encode_all(lines(&second).as_slice(), 3).unwrap();
    write(&folder, &format!("archived_sessions/rollout-2026-01-19T16-00-00-{SECOND}.jsonl.zst"), &packed);
    write(&folder, "sessions/2026/01/20/rollout-bad.jsonl", b"{}\n");
    folder
}

fn below(id: &str) -> String {
    format!("/root/codex/{}", id.replace('-', "_"))
}

#[test]
fn a_codex_home_is_imported_once() {
    let folder = home();
    let ran = folder.run("import codex codex");
    assert_eq!((ran.code, ran.err.as_str()), (6, ""), "{ran:?}");
    insta::assert_snapshot!(ran.out, @r"
    imported below /root/codex: 2 new conversations, 0 that have grown, 3 entries; 3 files met
      1 lines that are none, passed over
      1 failed, and tried again by the next run
    failed: sessions/2026/01/20/rollout-bad.jsonl: its first line does not say which session it is: missing field `id` at line 1 column 2
    ");
    let (path, child) = (below(FIRST), format!("{}/{}", below(FIRST), SECOND.replace('-', "_")));
    let (_, shown) = folder.json(&format!("show {path}"));
    assert_eq!(shown["title"], "fix it", "{shown}");
    assert_eq!(shown["labels"]["codex/branch"], "main", "{shown}");
    let (_, shown) = folder.json(&format!("show {child}"));
    assert_eq!((shown["nickname"].as_str(), shown["labels"]["codex/role"].as_str()), (Some("Scout"), Some("explorer")));
    let transcript = folder.ok(&format!("transcript {path}"));
    let places = ["fix it", "done"].map(|words| transcript.find(words));
    assert!(places[0].is_some() && places[0] < places[1], "{transcript}");
    let usage = folder.ok("usage /root/codex");
    assert!(usage.contains("25"), "{usage}");
    // A second time there is nothing to do but what failed, until that is mended.
    let (code, again) = folder.json("import codex codex");
    assert_eq!((code, &again["counts"]["unchanged"], &again["counts"]["entries"]), (6, &json!(2), &json!(0)));
    assert_eq!(again["failures"][0]["attempts"], 2);
    write(&folder, "sessions/2026/01/20/rollout-bad.jsonl", &lines(&[meta("t3", &json!("exec"))]));
    let (code, mended) = folder.json("import codex codex");
    assert_eq!((code, &mended["counts"]["new"]), (0, &json!(1)), "{mended}");
    assert_eq!(folder.json("store verify").1["sound"], true);
}

#[test]
fn a_session_that_has_grown_or_was_archived_is_the_same() {
    let folder = home();
    folder.run("import codex codex");
    let name = file(FIRST);
    let mut bytes = fs::read(folder.at("codex").join(&name)).unwrap();
    bytes.extend(lines(&[said("user", "more"), spent(50)]));
    // The line that is being written is left for later.
    bytes.extend_from_slice(&said("assistant", "half").as_bytes()[..50]);
    write(&folder, &name, &bytes);
    let counts = |report: &Value| {
        let counts = &report["counts"];
        ["new", "grown", "known", "entries"].map(|name| counts[name].as_u64().unwrap())
    };
    let (_, grown) = folder.json("import codex codex");
    assert_eq!(counts(&grown), [0, 1, 0, 1], "{grown}");
    let place = folder.at("codex");
    fs::rename(place.join(&name), place.join("archived_sessions").join(name.rsplit('/').next().unwrap())).unwrap();
    let (_, moved) = folder.json("import codex codex");
    assert_eq!(counts(&moved), [0, 0, 1, 0], "{moved}");
    let (_, shown) = folder.json(&format!("show {}", below(FIRST)));
    assert_eq!(shown["labels"]["codex/archived"], "yes", "{shown}");
}

#[test]
fn what_an_import_prints_is_a_promise_to_programs() {
    let folder = home();
    symlink(folder.at("codex"), folder.at("codex/sessions/rollout-link.jsonl")).unwrap();
    let ran = folder.run("--json import codex codex/sessions --at old --dry-run");
    assert_eq!(
        ran.err,
        concat!(
            r#"{"warning":"sessions/rollout-link.jsonl is a symbolic link, which is not followed: import the folder it leads to"}"#,
            "\n"
        )
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&serde_json::from_str::<Value>(&ran.out).unwrap()).unwrap(), @r#"
    {
      "path": "/root/old",
      "dry_run": true,
      "went_on_behind": null,
      "counts": {
        "files": 2,
        "unchanged": 0,
        "new": 1,
        "grown": 0,
        "known": 0,
        "removed": 0,
        "failed": 1,
        "entries": 2,
        "skipped_lines": 0,
        "cut_texts": 0,
        "last": "sessions/2026/01/20/rollout-bad.jsonl"
      },
      "failures": [
        {
          "file": "sessions/2026/01/20/rollout-bad.jsonl",
          "error": "its first line does not say which session it is: missing field `id` at line 1 column 2",
          "attempts": 1
        }
      ],
      "links": [
        "sessions/rollout-link.jsonl"
      ]
    }
    "#);
    assert_eq!(folder.json("show old").0, 3, "nothing was made");
}

#[test]
fn what_cannot_be_imported_is_said() {
    let folder = home();
    let failure = |words: &str| {
        let (code, failure) = folder.json(words);
        (code, failure["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        failure("import codex nowhere"),
        (3, "failed to read [dir]/nowhere: No such file or directory (os error 2)".to_owned())
    );
    let none =
        "[dir]/codex/sessions/2026 is no Codex home: it holds neither sessions nor archived_sessions, and is neither";
    assert_eq!(failure("import codex codex/sessions/2026"), (5, none.to_owned()));
    assert_eq!(failure("import codex codex --at no/where"), (3, "/root/no does not exist".to_owned()));
    assert_eq!(failure("import codex codex --at Nowhere").0, 5);
    folder.ok("spawn old");
    folder.ok("close old --yes");
    assert_eq!(failure("import codex codex --at old"), (4, "/root/old is closed".to_owned()));
}
