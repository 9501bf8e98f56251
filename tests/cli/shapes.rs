//! What `--json` prints: a promise to programs.

mod asked;
mod goals;
mod jobs;
mod kept;
mod memories;

use serde_json::{Value, json};

use super::folder::{Folder, project};

/// A document with what differs from run to run left out.
fn shape(folder: &Folder, words: &str) -> String {
    let (_, mut document) = folder.json(words);
    settle(&mut document);
    serde_json::to_string_pretty(&document).unwrap()
}

/// The documents of several commands, one behind the other.
fn shapes(folder: &Folder, commands: &[&str]) -> String {
    let told = commands.iter().map(|words| {
        let words_shown = words.split(' ').map(without_id).collect::<Vec<_>>().join(" ");
        format!("> {words_shown}\n{}", shape(folder, words))
    });
    told.collect::<Vec<_>>().join("\n")
}

/// The name of a memory without what differs from run to run.
fn without_id(text: &str) -> String {
    match text.split_once('@') {
        Some((path, id)) if id.len() == 36 => format!("{path}@[id]"),
        _ => text.to_owned(),
    }
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let fields_of_verify = fields.contains_key("sound");
            let fields_of_file = ["backup", "restored", "compacted", "exported", "imported"]
                .iter()
                .any(|name| fields.contains_key(*name));
            for (name, value) in fields.iter_mut() {
                let word = match name.as_str() {
                    "id" => Some("[id]"),
                    "message" if value.as_str().is_some_and(|text| text.contains('.') && text.len() < 8) => {
                        Some("[message]")
                    }
                    "took_ms" => Some("[number]"),
                    "rows" if fields_of_verify => Some("[rows]"),
                    "rows" | "commit" | "bytes" | "bytes_before" | "bytes_after" if fields_of_file => Some("[number]"),
                    name if name == "since" || name == "at" || name.ends_with("_at") => Some("[time]"),
                    _ => None,
                };
                match word.filter(|_| !value.is_null()) {
                    Some(word) => *value = json!(word),
                    None => settle(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(settle),
        Value::String(text) => *text = without_id(text),
        _ => {}
    }
}

#[test]
fn of_agents() {
    let folder = Folder::new();
    folder.worker("answer", "cat");
    insta::assert_snapshot!(shape(&folder, "spawn ada --brain shell --command ./answer -m hello --nickname Ada"), @r#"
    {
      "path": "/root/ada",
      "id": "[id]",
      "nickname": "Ada",
      "created": true,
      "outcome": {
        "turn": 1,
        "result": "completed",
        "content": "hello",
        "at": "[time]"
      }
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "spawn bob"), @r#"
    {
      "path": "/root/bob",
      "id": "[id]",
      "nickname": "Lark",
      "created": true,
      "outcome": null
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "send bob hello"), @r#"
    {
      "path": "/root/bob",
      "message": "[message]",
      "interrupted": false
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "assign ada again"), @r#"
    {
      "path": "/root/ada",
      "message": "[message]",
      "interrupted": false,
      "outcome": {
        "turn": 2,
        "result": "completed",
        "content": "again",
        "at": "[time]"
      }
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "assign ada later --detach"), @r#"
    {
      "path": "/root/ada",
      "message": "[message]",
      "interrupted": false,
      "outcome": null
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "wait ada bob"), @r#"
    {
      "settled": [
        {
          "path": "/root/bob",
          "standing": "rests",
          "outcome": null
        },
        {
          "path": "/root/ada",
          "standing": "rests",
          "outcome": {
            "turn": 3,
            "result": "completed",
            "content": "later",
            "at": "[time]"
          }
        }
      ],
      "complete": true
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "show ada"), @r#"
    {
      "kind": "agent",
      "path": "/root/ada",
      "id": "[id]",
      "status": "completed",
      "closed_by": null,
      "fault": null,
      "role": "default",
      "granted": null,
      "brain": {
        "name": "shell",
        "settings": "{\"program\":\"[dir]/answer\",\"args\":[],\"cwd\":\"[dir]\"}"
      },
      "nickname": "Ada",
      "created_at": "[time]",
      "turns": 3,
      "running": null,
      "outcome": {
        "turn": 3,
        "result": "completed",
        "content": "later",
        "at": "[time]"
      },
      "directory": null,
      "session": null,
      "model": null,
      "effort": null,
      "phase": {
        "is": "ready",
        "charged": 0,
        "unavailable": 0,
        "not_before": null
      },
      "created_by": null,
      "active_at": "[time]",
      "elapsed_ms": null,
      "waits_for": null,
      "task": "later",
      "title": null,
      "labels": {},
      "faults": [],
      "mail": {
        "messages": 0,
        "bytes": 0
      },
      "open_children": 0
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "digest ada"), @r#"
    {
      "path": "/root/ada",
      "id": "[id]",
      "at": "[time]",
      "status": "completed",
      "goal": null,
      "plan": null,
      "turns": {
        "completed": 3,
        "errored": 0,
        "interrupted": 0
      },
      "answers": [
        {
          "turn": 1,
          "result": "completed",
          "content": "hello",
          "at": "[time]"
        },
        {
          "turn": 2,
          "result": "completed",
          "content": "again",
          "at": "[time]"
        },
        {
          "turn": 3,
          "result": "completed",
          "content": "later",
          "at": "[time]"
        }
      ],
      "tools": [],
      "other_calls": 0,
      "children": [],
      "more_children": 0,
      "children_counted": true,
      "used": {
        "input_tokens": 0,
        "cached_tokens": 0,
        "output_tokens": 0
      },
      "below": {
        "agents": 0,
        "jobs": 0,
        "turns": 0,
        "tokens": 0,
        "all": true
      },
      "commits": [],
      "more_commits": 0,
      "commits_counted": true,
      "summary": null,
      "text": "/root/ada: completed, 3 turns (3 completed)\nlast answers:\n  turn 1 completed: hello\n  turn 2 completed: again\n  turn 3 completed: later\n"
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "close ada --yes"), @r#"
    {
      "path": "/root/ada",
      "new": true,
      "stopped": 0,
      "overdue": 0
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "resume ada"), @r#"
    {
      "path": "/root/ada",
      "new": true
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "run --until-idle"), @r#"
    {
      "path": "/root",
      "unwritten": []
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "tree"), @r#"
    {
      "nodes": [
        {
          "path": "/root",
          "kind": "agent",
          "status": "idle",
          "nickname": null,
          "turns": 0,
          "counts": null,
          "role": "default",
          "title": null,
          "labels": {},
          "task": null,
          "active_at": "[time]",
          "elapsed_ms": null,
          "hidden": 0,
          "uncounted": false
        },
        {
          "path": "/root/ada",
          "kind": "agent",
          "status": "completed",
          "nickname": "Ada",
          "turns": 3,
          "counts": null,
          "role": "default",
          "title": null,
          "labels": {},
          "task": "later",
          "active_at": "[time]",
          "elapsed_ms": null,
          "hidden": 0,
          "uncounted": false
        },
        {
          "path": "/root/bob",
          "kind": "agent",
          "status": "idle",
          "nickname": "Lark",
          "turns": 0,
          "counts": null,
          "role": "default",
          "title": null,
          "labels": {},
          "task": null,
          "active_at": "[time]",
          "elapsed_ms": null,
          "hidden": 0,
          "uncounted": false
        }
      ],
      "cut": false
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "store verify"), @r#"
    {
      "sound": true,
      "rows": "[rows]",
      "agents": 3,
      "jobs": 0,
      "items": 0,
      "problems": [],
      "problems_total": 0
    }
    "#);
}

#[test]
fn of_subtrees_in_files() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    folder.ok("close ada --yes");
    insta::assert_snapshot!(shape(&folder, "export ada kept"), @r#"
    {
      "exported": "/root/ada",
      "file": "[dir]/kept",
      "agents": 1,
      "jobs": 0,
      "items": 0,
      "rows": "[number]",
      "bytes": "[number]"
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "--home other import kept"), @r#"
    {
      "imported": "/root/ada",
      "agents": 1,
      "jobs": 0,
      "items": 0,
      "rows": "[number]"
    }
    "#);
}

#[test]
fn every_exit_code_is_in_the_help_and_in_the_readme() {
    let help = Folder::new().ok("--help");
    let readme = std::fs::read_to_string(project("README.md")).unwrap();
    for code in ["0", "1", "2", "3", "4", "5", "6", "124", "130", "143"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}: {help}");
        assert!(readme.lines().any(|line| line.starts_with(&format!("| {code} | "))), "{code}");
    }
}
