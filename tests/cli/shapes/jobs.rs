//! What `--json` prints of jobs.

use serde_json::json;

use super::shape;
use crate::cli::folder::Folder;

#[test]
fn of_jobs() {
    let folder = Folder::with_table(2);
    folder.worker("double", "[ $UNDERSTORY_ROW = 1 ] && echo no >&2 && exit 9; echo '{\"b\":1,\"a\":2}'");
    let job = "job run in.csv --id-column id --brain shell --command ./double --out out.csv --name j --attempts 1";
    insta::assert_snapshot!(shape(&folder, job), @r#"
    {
      "path": "/root/j",
      "id": "[id]",
      "state": "completed",
      "reason": null,
      "closed_by": null,
      "finished": true,
      "input": "[dir]/in.csv",
      "output": "[dir]/out.csv",
      "rows": 2,
      "counts": {
        "pending": 0,
        "running": 0,
        "completed": 1,
        "failed": 1,
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
      "concurrency": 16,
      "limits": {
        "turns": null,
        "tokens": null,
        "until": null
      },
      "spent": {
        "turns": 2,
        "tokens": 0
      },
      "pause": null,
      "attempts": 1,
      "timeout_ms": 1800000,
      "created_at": "[time]",
      "exported_at": "[time]",
      "errors": [
        {
          "error": "[dir]/double exited with code 9: no",
          "rows": 1,
          "first": [
            "k1"
          ]
        }
      ]
    }
    "#);
    assert_eq!(shape(&folder, "job show"), shape(&folder, job), "a finished job is shown as it was told");
    let (mut listed, mut shown) = (folder.json("job list").1, folder.json("job show").1);
    shown["errors"] = json!([]);
    assert_eq!(listed["jobs"].take(), json!([shown]), "a list leaves out what went wrong");
    insta::assert_snapshot!(shape(&folder, "show j/r00000001"), @r#"
    {
      "kind": "item",
      "path": "/root/j/r00000001",
      "id": "[id]",
      "status": "failed",
      "item_id": "k1",
      "runs": 1,
      "failures": 1,
      "crashes": 0,
      "last_error": "[dir]/double exited with code 9: no",
      "row": "{\"id\":\"k1\",\"n\":\"1\"}",
      "result": null,
      "kept": []
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "show j/r00000002"), @r#"
    {
      "kind": "item",
      "path": "/root/j/r00000002",
      "id": "[id]",
      "status": "completed",
      "item_id": "k2",
      "runs": 1,
      "failures": 0,
      "crashes": 0,
      "last_error": null,
      "row": "{\"id\":\"k2\",\"n\":\"2\"}",
      "result": "{\"b\":1,\"a\":2}",
      "kept": []
    }
    "#);
    insta::assert_snapshot!(shape(&folder, "tree j"), @r#"
    {
      "nodes": [
        {
          "path": "/root/j",
          "kind": "job",
          "status": "completed",
          "nickname": null,
          "turns": null,
          "counts": {
            "pending": 0,
            "running": 0,
            "completed": 1,
            "failed": 1,
            "skipped": 0
          },
          "role": null,
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
    insta::assert_snapshot!(shape(&folder, "job cancel j"), @r#"
    {
      "code": "conflict",
      "message": "/root/j: the job cannot be cancelled: it is completed",
      "details": {
        "path": "/root/j"
      },
      "hint": null,
      "retryable": false
    }
    "#);
}
