//! What `--json` prints of what is asked of nodes, their mail and their jobs.

use super::shapes;
use crate::cli::folder::Folder;

#[test]
fn of_what_is_asked_of_nodes() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    folder.ok("spawn ada/kid");
    insta::assert_snapshot!(shapes(&folder, &[
        "label ada --title Counter --label team=red",
        "list ada --limit 1",
        "send ada hello --subtree --dry-run",
        "send ada hello --subtree --yes",
        "interrupt ada --cascade",
        "role list",
        "close ada --yes",
        "remove ada --dry-run",
        "remove ada --yes",
        "tree ada",
        "show --all /root",
    ]), @r#"
    > label ada --title Counter --label team=red
    {
      "path": "/root/ada",
      "title": "Counter",
      "labels": {
        "team": "red"
      },
      "new": true
    }
    > list ada --limit 1
    {
      "nodes": [
        {
          "path": "/root/ada",
          "kind": "agent",
          "status": "idle",
          "nickname": "Lark",
          "turns": 0,
          "counts": null,
          "role": "default",
          "title": "Counter",
          "labels": {
            "team": "red"
          },
          "task": null,
          "active_at": "[time]",
          "elapsed_ms": null
        }
      ],
      "next": "pb0./root/ada",
      "previous": null
    }
    > send ada hello --subtree --dry-run
    {
      "path": "/root/ada",
      "dry_run": true,
      "delivered": 2,
      "known": 0,
      "missed": [],
      "broken": null
    }
    > send ada hello --subtree --yes
    {
      "path": "/root/ada",
      "dry_run": false,
      "delivered": 2,
      "known": 0,
      "missed": [],
      "broken": null
    }
    > interrupt ada --cascade
    {
      "path": "/root/ada",
      "interrupted": 0,
      "paths": [],
      "dry_run": false
    }
    > role list
    {
      "roles": [
        {
          "name": "default",
          "description": "does what it is asked",
          "instructions": null,
          "brain": null,
          "policy": {
            "restart": "permanent",
            "faults": 5,
            "within_ms": 60000
          },
          "nicknames": null,
          "hidden_tools": [],
          "limits": {
            "agents": null,
            "depth": null
          },
          "isolated": false,
          "wake_on_result": true,
          "drift": "warn",
          "untrusted": false,
          "summary": false,
          "shared_memory": "clean"
        },
        {
          "name": "explorer",
          "description": "looks around and tells what it found",
          "instructions": null,
          "brain": null,
          "policy": {
            "restart": "permanent",
            "faults": 5,
            "within_ms": 60000
          },
          "nicknames": null,
          "hidden_tools": [],
          "limits": {
            "agents": null,
            "depth": null
          },
          "isolated": false,
          "wake_on_result": true,
          "drift": "warn",
          "untrusted": false,
          "summary": false,
          "shared_memory": "clean"
        },
        {
          "name": "worker",
          "description": "does a piece of work and tells what came of it",
          "instructions": null,
          "brain": null,
          "policy": {
            "restart": "permanent",
            "faults": 5,
            "within_ms": 60000
          },
          "nicknames": null,
          "hidden_tools": [],
          "limits": {
            "agents": null,
            "depth": null
          },
          "isolated": false,
          "wake_on_result": true,
          "drift": "warn",
          "untrusted": false,
          "summary": false,
          "shared_memory": "clean"
        }
      ]
    }
    > close ada --yes
    {
      "path": "/root/ada",
      "new": true,
      "stopped": 0,
      "overdue": 0
    }
    > remove ada --dry-run
    {
      "path": "/root/ada",
      "dry_run": true,
      "agents": 2,
      "jobs": 0,
      "items": 0,
      "messages": 2
    }
    > remove ada --yes
    {
      "path": "/root/ada",
      "dry_run": false,
      "agents": 2,
      "jobs": 0,
      "items": 0,
      "messages": 2
    }
    > tree ada
    {
      "code": "removed",
      "message": "/root/ada was removed",
      "details": {
        "path": "/root/ada",
        "removed": "/root/ada"
      },
      "hint": null,
      "retryable": false
    }
    > show --all /root
    {
      "top": {
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
        "elapsed_ms": null
      },
      "progress": {
        "goals": {
          "done": 0,
          "all": 0
        },
        "nodes": {
          "done": 0,
          "all": 0
        },
        "rows": {
          "done": 0,
          "all": 0
        },
        "jobs": {
          "done": 0,
          "all": 0
        },
        "agents": 1,
        "at_work": 0,
        "closed": 0
      },
      "hindrances": [],
      "more_hindrances": {},
      "goals": [],
      "more_goals": 0,
      "plans": [],
      "more_plans": 0,
      "jobs": [],
      "more_jobs": 0,
      "drifts": [],
      "more_drifts": 0,
      "usage": {
        "nodes": [
          {
            "path": "/root",
            "kind": "agent",
            "turns": 0,
            "own": {
              "tokens": 0,
              "input_tokens": 0,
              "cached_tokens": 0,
              "output_tokens": 0
            },
            "total_turns": 0,
            "total": {
              "tokens": 0,
              "input_tokens": 0,
              "cached_tokens": 0,
              "output_tokens": 0
            }
          }
        ],
        "others": 0
      },
      "digests": [],
      "whole": true
    }
    "#);
}

#[test]
fn of_dead_letters() {
    let folder = Folder::new();
    folder.write("script.jsonl", "{\"fail\":\"no luck\",\"class\":\"broken\"}\n");
    folder.run("spawn ada --brain scripted --script script.jsonl -m 'do it'");
    let (_, page) = folder.json("dead list");
    let letter = page["letters"][0]["letter"].as_str().unwrap().to_owned();
    let told = shapes(
        &folder,
        &[
            "dead list",
            &format!("dead show {letter}"),
            &format!("dead retry {letter}"),
            &format!("dead drop {letter} --yes"),
        ],
    );
    insta::assert_snapshot!(told.replace(&letter, "[letter]"), @r#"
    > dead list
    {
      "letters": [
        {
          "letter": "[letter]",
          "path": "/root/ada",
          "from": null,
          "trigger": true,
          "text": "do it",
          "metadata": {},
          "bytes": 5,
          "error": "brain broken: no luck",
          "sent_at": "[time]",
          "dead_at": "[time]"
        }
      ],
      "next": null
    }
    > dead show [letter]
    {
      "letter": "[letter]",
      "path": "/root/ada",
      "from": null,
      "trigger": true,
      "text": "do it",
      "metadata": {},
      "bytes": 5,
      "error": "brain broken: no luck",
      "sent_at": "[time]",
      "dead_at": "[time]"
    }
    > dead retry [letter]
    {
      "retried": "[letter]",
      "accepted": {
        "path": "/root/ada",
        "message": "[message]",
        "interrupted": false
      }
    }
    > dead drop [letter] --yes
    {
      "code": "not_found",
      "message": "/root/ada has no dead letter 6.2",
      "details": {
        "path": "/root/ada",
        "row": "6.2"
      },
      "hint": null,
      "retryable": false
    }
    "#);
}

#[test]
fn of_jobs_that_are_steered() {
    let folder = Folder::with_table(2);
    let job = "job run in.csv --id-column id --brain shell --command ./double --out out.csv --name j --max-turns 1";
    assert_eq!(folder.run(&format!("{job} --concurrency 1")).code, 1);
    insta::assert_snapshot!(shapes(&folder, &[
        "job items j --limit 1",
        "job pause j --reason lunch",
        "job unpause j",
        "job set j --max-turns 5",
        "job cancel j",
        "job resume j",
        "job retry j --item k9",
        "job export j --out now.csv",
        "job remove j --dry-run",
        "job remove j --yes",
        "job list",
    ]), @r#"
    > job items j --limit 1
    {
      "job": "/root/j",
      "items": [
        {
          "row": 1,
          "item_id": "k1",
          "status": "completed",
          "runs": 1,
          "failures": 0,
          "crashes": 0,
          "last_error": null,
          "after": [],
          "took_ms": "[number]"
        }
      ],
      "next": 1
    }
    > job pause j --reason lunch
    {
      "job": "/root/j",
      "new": true,
      "pause": {
        "reason": "lunch",
        "until": null,
        "used_up": false,
        "goal": null
      }
    }
    > job unpause j
    {
      "job": "/root/j",
      "new": true,
      "pause": null
    }
    > job set j --max-turns 5
    {
      "job": "/root/j",
      "new": true,
      "concurrency": 1,
      "limits": {
        "turns": 5,
        "tokens": null,
        "until": null
      }
    }
    > job cancel j
    {
      "path": "/root/j",
      "new": true,
      "state": "cancelled"
    }
    > job resume j
    {
      "path": "/root/j",
      "id": "[id]",
      "state": "cancelled",
      "reason": "cancelled by request",
      "closed_by": null,
      "finished": true,
      "input": "[dir]/in.csv",
      "output": "[dir]/out.csv",
      "rows": 2,
      "counts": {
        "pending": 1,
        "running": 0,
        "completed": 1,
        "failed": 0,
        "skipped": 0
      },
      "id_column": "id",
      "template": null,
      "schema": null,
      "brain": {
        "name": "shell",
        "settings": "{\"program\":\"[dir]/double\",\"args\":[],\"cwd\":\"[dir]\"}"
      },
      "role": "default",
      "columns": {},
      "directory": null,
      "concurrency": 1,
      "limits": {
        "turns": 5,
        "tokens": null,
        "until": null
      },
      "spent": {
        "turns": 1,
        "tokens": 0
      },
      "pause": null,
      "attempts": 3,
      "timeout_ms": 1800000,
      "created_at": "[time]",
      "exported_at": "[time]",
      "errors": []
    }
    > job retry j --item k9
    {
      "code": "usage",
      "message": "/root/j has no row \"k9\"",
      "details": {},
      "hint": null,
      "retryable": false
    }
    > job export j --out now.csv
    {
      "job": "/root/j",
      "output": "[dir]/now.csv",
      "rows": 2
    }
    > job remove j --dry-run
    {
      "path": "/root/j",
      "dry_run": true,
      "agents": 0,
      "jobs": 1,
      "items": 2,
      "messages": 0
    }
    > job remove j --yes
    {
      "path": "/root/j",
      "dry_run": false,
      "agents": 0,
      "jobs": 1,
      "items": 2,
      "messages": 0
    }
    > job list
    {
      "jobs": []
    }
    "#);
}
