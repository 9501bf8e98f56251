//! What `--json` prints of what an agent keeps, and of files that carry it.

use super::{settle, shape};
use crate::cli::folder::Folder;

#[test]
fn of_files_that_carry_what_is_kept() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    insta::assert_snapshot!(shape(&folder, "store backup kept"), @r#"
    {
      "backup": "[dir]/kept",
      "commit": "[number]",
      "rows": "[number]",
      "batches": 0,
      "bytes": "[number]"
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "--home other store restore kept"), @r#"
    {
      "restored": "[dir]/other/store",
      "commit": "[number]",
      "rows": "[number]",
      "batches": 0
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "--home other store compact"), @r#"
    {
      "compacted": "[dir]/other/store",
      "rows": "[number]",
      "bytes_before": "[number]",
      "bytes_after": "[number]"
    }
    "#);
}

#[test]
fn of_plans() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    insta::assert_snapshot!(shape(&folder, "plan add ada survey"), @r#"
    {
      "path": "/root/ada",
      "added": [
        1
      ]
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "plan done ada 1 --evidence seen --commit c0ffee1"), @r#"
    {
      "path": "/root/ada",
      "changed": {
        "node": 1,
        "title": "survey",
        "notes": "",
        "status": "done",
        "reason": null,
        "ready": false,
        "owner": null,
        "after": [],
        "waits_for": [],
        "level": 0,
        "trouble": null,
        "evidence": [
          "seen"
        ],
        "commit": "c0ffee1",
        "created_at": "[time]",
        "changed_at": "[time]"
      },
      "new": true
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "plan graph ada"), @r#"
    {
      "path": "/root/ada",
      "nodes": [
        {
          "node": 1,
          "title": "survey",
          "status": "done",
          "ready": false,
          "owner": null,
          "level": 0
        }
      ],
      "edges": [],
      "drawn_as": "lines"
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "plan clear ada --yes"), @r#"
    {
      "path": "/root/ada",
      "cleared": 1
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "plan show ada"), @r#"
    {
      "path": "/root/ada",
      "nodes": []
    }
    "#);
}

#[test]
fn of_transcripts() {
    let folder = Folder::new();
    folder.write("script.jsonl", r#"{"content":"done","usage":{"input":1,"output":2}}"#);
    folder.run("spawn ada --brain scripted --script script.jsonl -m go");
    let (_, mut page) = folder.json("transcript ada --kind answer");
    // Where it lies is a number of the store's.
    let entry = page["entries"][0]["entry"].take();
    assert_eq!(page["newer"].take().as_str().map(|text| text.split('.').count()), Some(2));
    assert_eq!(entry.as_str().map(|text| text.split('.').count()), Some(2), "{entry}");
    settle(&mut page);
    insta::assert_snapshot!(serde_json::to_string_pretty(&page).unwrap(), @r#"
    {
      "path": "/root/ada",
      "entries": [
        {
          "entry": null,
          "kind": "answer",
          "turn": 1,
          "at": "[time]",
          "bytes": 4,
          "from": null,
          "tool": null,
          "call": null,
          "result": "completed",
          "text": "done",
          "usage": {
            "tokens": 3,
            "input_tokens": 1,
            "cached_tokens": 0,
            "output_tokens": 2
          },
          "entries": null,
          "digested": null
        }
      ],
      "older": null,
      "newer": null,
      "more": false
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "usage ada"), @r#"
    {
      "nodes": [
        {
          "path": "/root/ada",
          "kind": "agent",
          "turns": 1,
          "own": {
            "tokens": 3,
            "input_tokens": 1,
            "cached_tokens": 0,
            "output_tokens": 2
          },
          "total_turns": 1,
          "total": {
            "tokens": 3,
            "input_tokens": 1,
            "cached_tokens": 0,
            "output_tokens": 2
          }
        }
      ],
      "others": 0
    }
    "#);
}
