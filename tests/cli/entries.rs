//! Files of entries that become transcripts.

use serde_json::{Value, json};

use super::folder::Folder;

/// How many entries a file has: more than go at once, twice.
const MANY: usize = 520;

/// A line of a file, with what its kind must have and no more.
pub(crate) fn line(kind: &str, more: &Value) -> Value {
    let mut line =
        json!({ "entry": "", "kind": kind, "turn": null, "at": "2026-01-19T15:21:26.171Z", "bytes": 3, "from": null });
    let rest = json!({ "tool": null, "call": null, "result": null, "text": kind, "usage": null, "entries": null, "digested": null });
    for part in [&rest, more] {
        line.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    line
}

/// A line of each kind, those that leave out what they may among them.
fn kinds() -> Vec<Value> {
    vec![
        line("compacted", &json!({ "entries": 3, "digested": true })),
        line("message", &json!({ "turn": 1, "from": "operator" })),
        line("message", &json!({ "turn": 1, "from": "/root/b" })),
        line("call", &json!({ "turn": 1, "tool": "shell", "call": 1 })),
        line("call", &json!({ "tool": "shell" })),
        line("result", &json!({ "turn": 1, "tool": "shell", "call": 1, "result": "done" })),
        line("result", &json!({ "tool": "shell", "call": 2, "result": "refused" })),
        line("result", &json!({ "tool": "shell" })),
        line("answer", &json!({ "turn": 1, "result": "completed" })),
        line("answer", &json!({ "turn": 2, "result": "errored" })),
        line("said", &json!({ "from": "developer" })),
    ]
}

fn file(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What a page says of each entry, without where and when.
fn drawn(folder: &Folder, path: &str) -> Vec<String> {
    let (_, page) = folder.json(&format!("transcript {path} --after 0.0 --last 500"));
    let said = page["entries"].as_array().unwrap().iter().map(|entry| {
        let parts = ["kind", "turn", "from", "tool", "call", "result", "bytes", "text"];
        parts.map(|name| entry[name].to_string()).join(" ")
    });
    said.collect()
}

#[test]
fn every_kind_of_line_is_taken_in_and_given_out_again() {
    let folder = Folder::new();
    folder.write("in.jsonl", &file(&kinds()));
    let counted = |file: &str, added: u64| (0, json!({ "file": file, "entries": 10, "added": added }));
    folder.ok("spawn ada");
    assert_eq!(folder.json("transcript import ada in.jsonl"), counted("in.jsonl", 10));
    insta::assert_snapshot!(drawn(&folder, "ada").join("\n"), @r#"
    "said" null "user" null null null 7 "message"
    "said" null "user" null null null 7 "message"
    "call" 0 null "shell" 1 null 9 "call"
    "call" 0 null "shell" 0 null 9 "call"
    "result" 0 null "shell" 1 "done" 3 "result"
    "result" 0 null "shell" 2 "refused" 3 "result"
    "result" 0 null "shell" 0 "refused" 3 "result"
    "said" null "assistant" null null null 6 "answer"
    "said" null "system" null null null 6 "answer"
    "said" null "developer" null null null 4 "said"
    "#);
    assert_eq!(folder.ok("transcript ada --within 1h"), "no entries\n", "they are older");
    assert_eq!(folder.json("transcript import ada in.jsonl"), counted("in.jsonl", 0), "again is nothing");
    folder.ok("transcript export ada out.jsonl");
    folder.ok("spawn bob");
    assert_eq!(folder.json("transcript import bob out.jsonl"), counted("out.jsonl", 10));
    assert_eq!(drawn(&folder, "bob"), drawn(&folder, "ada"));
    assert_eq!(folder.json("transcript import bob in.jsonl"), counted("in.jsonl", 0));
}

#[test]
fn a_file_of_many_batches_goes_on_where_it_was_cut_short() {
    let folder = Folder::new();
    let lines = kinds().into_iter().skip(1).cycle().zip(1..=MANY);
    let lines = lines.map(|(mut line, number)| {
        line["text"] = json!(format!("{number}"));
        line
    });
    let lines: Vec<Value> = lines.collect();
    folder.write("all.jsonl", &file(&lines));
    folder.ok("spawn ada");
    for (until, added) in [(255, 255), (257, 2), (513, 256), (MANY, MANY - 513)] {
        folder.write("part.jsonl", &file(&lines[..until]));
        let expected = json!({ "file": "part.jsonl", "entries": until, "added": added });
        assert_eq!(folder.json("transcript import ada part.jsonl"), (0, expected));
    }
    folder.ok("spawn bob");
    let expected = json!({ "file": "all.jsonl", "entries": MANY, "added": MANY });
    assert_eq!(folder.json("transcript import bob all.jsonl"), (0, expected));
    for path in ["ada", "bob"] {
        folder.ok(&format!("transcript export {path} {path}.jsonl"));
        let texts = folder.lines(&format!("{path}.jsonl"));
        let texts = texts.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].clone());
        assert!(texts.eq((1..=MANY).map(|number| json!(number.to_string()))), "{path}");
    }
}

#[test]
fn long_entries_go_in_batches_that_are_not_too_long() {
    let folder = Folder::new();
    let long = "x".repeat(300 << 10);
    let called = json!({ "tool": long, "text": long });
    let lines: Vec<Value> = (0..4)
        .map(|_| line("call", &called))
        .chain((0..5).map(|_| line("message", &json!({ "text": long }))))
        .collect();
    folder.write("long.jsonl", &file(&lines));
    folder.ok("spawn ada");
    let expected = |added: u64| (0, json!({ "file": "long.jsonl", "entries": 9, "added": added }));
    assert_eq!(folder.json("transcript import ada long.jsonl"), expected(9));
    assert_eq!(folder.json("transcript import ada long.jsonl"), expected(0));
    folder.ok("transcript export ada out.jsonl");
    let kept = folder.lines("out.jsonl").into_iter().map(|line| {
        let entry: Value = serde_json::from_str(&line).unwrap();
        (entry["tool"].as_str().map(str::len), entry["text"].as_str().unwrap().len())
    });
    let most = 256 << 10;
    let expected = [(Some(most), most); 4].into_iter().chain([(None, most); 5]);
    assert!(kept.eq(expected), "of a long text the beginning is kept");
}
