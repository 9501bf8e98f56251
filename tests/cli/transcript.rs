//! Transcripts and what work has cost, from the terminal.

use serde_json::json;

use super::folder::Folder;

/// An agent that has taken three turns, with what they cost where its brain says so.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.worker("answer", r#"read text; echo "you said $text""#);
    folder.run("spawn ada --brain shell --command ./answer -m one");
    for text in ["two", "three"] {
        folder.run(&format!("assign ada {text}"));
    }
    folder
}

/// What a page says, a word or two an entry.
fn words(page: &serde_json::Value) -> Vec<String> {
    let entries = page["entries"].as_array().unwrap_or_else(|| panic!("{page}"));
    entries.iter().map(|entry| format!("{} {}", entry["turn"], entry["text"].as_str().unwrap())).collect()
}

#[test]
fn a_transcript_is_shown_in_pages_both_ways() {
    let folder = folder();
    let (code, newest) = folder.json("transcript ada --last 2");
    assert_eq!((code, words(&newest)), (0, vec!["3 three".to_owned(), "3 you said three".to_owned()]));
    let older = newest["older"].as_str().unwrap();
    let (_, before) = folder.json(&format!("transcript ada --last 2 --before {older}"));
    assert_eq!(words(&before), ["2 two", "2 you said two"]);
    let (_, first) = folder.json("transcript ada --after 0.0 --last 2");
    assert_eq!((words(&first), &first["more"]), (vec!["1 one".to_owned(), "1 you said one".to_owned()], &json!(true)));
    let newer = newest["newer"].as_str().unwrap();
    let (_, none) = folder.json(&format!("transcript ada --after {newer}"));
    assert_eq!((words(&none), &none["newer"]), (vec![], &json!(newer)));
    folder.run("assign ada four");
    let (_, news) = folder.json(&format!("transcript ada --after {newer}"));
    assert_eq!(words(&news), ["4 four", "4 you said four"]);
}

#[test]
fn entries_are_found() {
    let folder = folder();
    let check = |words_asked: &str, expected: &[&str]| {
        let (code, page) = folder.json(&format!("transcript ada {words_asked}"));
        assert_eq!(
            (code, words(&page)),
            (0, expected.iter().map(|line| (*line).to_owned()).collect()),
            "{words_asked}"
        );
    };
    check("--search TWO", &["2 two", "2 you said two"]);
    check("--kind answer --turn 3", &["3 you said three"]);
    check("--kind call,result", &[]);
    check("--within 1h --turn 1", &["1 one", "1 you said one"]);
    let text = folder.ok("transcript ada --turn 2");
    let heads: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    assert!(heads[0].ends_with("  turn 2  message  from operator  3 bytes"), "{text}");
    assert!(heads[1].ends_with("  turn 2  answer completed  12 bytes"), "{text}");
    assert!(text.contains("\n    you said two"), "{text}");
    assert_eq!(folder.ok("transcript /root"), "no entries\n");
    for (words, code) in [
        ("transcript ada --after x", 2),
        ("transcript ada --after 1.0 --before 2.0", 2),
        ("transcript ada --within soon", 2),
        ("transcript none", 3),
        ("transcript", 2),
    ] {
        assert_eq!(folder.run(words).code, code, "{words}");
    }
}

#[test]
fn a_transcript_is_written_to_a_file() {
    let folder = folder();
    assert_eq!(folder.json("transcript export ada out.jsonl"), (0, json!({ "file": "out.jsonl", "entries": 6 })));
    let lines = folder.lines("out.jsonl");
    let (_, page) = folder.json("transcript ada");
    let entries: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(entries), page["entries"]);
    let (code, failure) = folder.json("transcript export ada out.jsonl");
    assert_eq!((code, &failure["code"]), (4, &json!("exists")), "{failure}");
    assert_eq!(folder.run("transcript export none other.jsonl").code, 3);
    assert!(!folder.at("other.jsonl").exists(), "nothing is left behind");
}

#[test]
fn a_file_becomes_a_transcript_whole_or_not_at_all() {
    let folder = folder();
    folder.ok("transcript export ada out.jsonl");
    folder.run("spawn bob");
    let added = |count: u64| json!({ "file": "out.jsonl", "entries": 6, "added": count });
    assert_eq!(folder.json("transcript import bob out.jsonl"), (0, added(6)));
    let (_, page) = folder.json("transcript bob");
    let all = ["null one", "null you said one", "null two", "null you said two", "null three", "null you said three"];
    assert_eq!(words(&page), all);
    assert_eq!((&page["entries"][0]["from"], &page["entries"][1]["from"]), (&json!("user"), &json!("assistant")));
    assert_eq!(folder.json("transcript import bob out.jsonl"), (0, added(0)), "again is nothing");
    // What was cut short is gone on with.
    folder.run("spawn kit");
    let lines = folder.lines("out.jsonl");
    folder.write("half.jsonl", &(lines[..3].join("\n") + "\n"));
    folder.ok("transcript import kit half.jsonl");
    assert_eq!(folder.json("transcript import kit out.jsonl"), (0, added(3)));
    assert_eq!(words(&folder.json("transcript kit").1), all);
    // One that has another is left alone, and so is one that has taken turns.
    folder.write("other.jsonl", &(lines[2..].join("\n") + "\n"));
    let changed = lines.join("\n").replace("you said one", "you said ONE");
    folder.write("changed.jsonl", &format!("{changed}\n{}\n", lines[0]));
    for (path, file) in [("kit", "other"), ("ada", "other"), ("kit", "changed")] {
        let (code, failure) = folder.json(&format!("transcript import {path} {file}.jsonl"));
        assert_eq!((code, &failure["code"]), (4, &json!("conflict")), "{path}: {failure}");
    }
    // A bad line keeps the whole file out, and is named.
    folder.run("spawn none");
    let call = super::entries::line("call", &json!({})).to_string();
    for bad in [
        "{}",
        "not a line",
        &call,
        &lines[0].replace("message", "rumour"),
        &lines[0].replace("\"at\":\"2", "\"at\":\"x"),
    ] {
        folder.write("bad.jsonl", &format!("{}\n{bad}\n", lines.join("\n")));
        let (code, failure) = folder.json("transcript import none bad.jsonl");
        assert_eq!((code, &failure["code"]), (5, &json!("invalid_text")), "{failure}");
        assert!(failure["message"].as_str().unwrap().starts_with("bad.jsonl:7: not an entry: "), "{failure}");
    }
    assert_eq!(folder.ok("transcript none"), "no entries\n");
    assert_eq!(folder.run("transcript import none missing.jsonl").code, 3);
}

#[test]
fn what_is_old_is_taken_out_when_that_is_said() {
    let folder = folder();
    let (code, failure) = folder.json("transcript prune ada --keep-bytes 0");
    assert_eq!((code, &failure["code"]), (2, &json!("usage")), "it asks");
    let (code, failure) = folder.json("transcript prune ada --yes");
    assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{failure}");
    let pruned = |dry_run: bool| json!({ "path": "/root/ada", "transcripts": 1, "entries": 4, "bytes": 30, "held": [], "held_total": 0, "dry_run": dry_run });
    assert_eq!(folder.json("transcript prune ada --keep-bytes 0 --dry-run"), (0, pruned(true)));
    assert_eq!(folder.json("transcript prune ada --keep-bytes 0 --yes"), (0, pruned(false)));
    let text = folder.ok("transcript ada");
    assert!(
        text.lines()
            .next()
            .unwrap()
            .ends_with("  through turn 2  compacted  4 entries are gone  30 bytes  digest tells of them"),
        "{text}"
    );
    assert_eq!(folder.run("store verify").code, 0);
    let said = folder.ok("transcript prune ada --older-than 1d --yes");
    assert_eq!(said, "/root/ada: 0 entries of 0 bytes gone, out of 0 transcripts\n");
}

#[test]
fn a_child_begins_with_its_parents_conversation() {
    let folder = folder();
    assert_eq!(folder.run("spawn ada/kid --fork 2").code, 0);
    let (_, page) = folder.json("transcript ada/kid");
    assert_eq!(words(&page), ["null two", "null you said two", "null three", "null you said three"]);
    assert_eq!(page["entries"][0]["from"], json!("user"));
    let (code, failure) = folder.json("spawn ada/other --fork some");
    assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{failure}");
}

#[test]
fn what_work_has_cost_is_shown() {
    let folder = Folder::new();
    let line = r#"{"content":"done","usage":{"input":10,"cached":5,"output":2}}"#;
    folder.write("script.jsonl", line);
    folder.run("spawn team");
    folder.run("spawn team/ada --brain scripted --script script.jsonl -m one");
    folder.run("assign team/ada two");
    let (code, table) = folder.json("usage");
    assert_eq!(code, 0, "{table}");
    let nodes: Vec<_> = table["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            (
                node["path"].as_str().unwrap(),
                node["own"]["tokens"].as_u64().unwrap(),
                node["total"]["tokens"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(nodes, [("/root", 0, 24), ("/root/team", 0, 24), ("/root/team/ada", 24, 24)]);
    insta::assert_snapshot!(folder.ok("usage"), @r"
    /root           24 tokens (20 read, 10 cached, 4 written)  2 turns  by itself 0
    /root/team      24 tokens (20 read, 10 cached, 4 written)  2 turns  by itself 0
    /root/team/ada  24 tokens (20 read, 10 cached, 4 written)  2 turns
    ");
    let (_, turns) = folder.json("usage team/ada --turns");
    let costs: Vec<_> =
        turns["entries"].as_array().unwrap().iter().map(|entry| entry["usage"]["tokens"].clone()).collect();
    assert_eq!(costs, [json!(12), json!(12)]);
    let last = folder.ok("usage team/ada --turns --last 1");
    assert!(last.contains("turn 2  completed"), "{last}");
    let older = last.lines().find_map(|line| line.strip_prefix("older ones: ")).unwrap();
    let first = folder.ok(&format!("usage team/ada --turns --last 1 {older}"));
    assert!(first.contains("turn 1  completed"), "{first}");
}
