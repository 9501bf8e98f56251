//! What `--json` prints of memories.

use super::shapes;
use crate::cli::folder::Folder;

#[test]
fn of_memories() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    let (_, noted) = folder.json("memory add 'deploy on Mondays' --for ada --scope tree --tag ops");
    let one = noted["noted"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(shapes(&folder, &[
        "memory add 'workers deploy twice' --role worker",
        "memory list ada --seen --limit 1",
        "memory search deploy --limit 1",
        &format!("memory show {one}"),
        &format!("memory edit {one} 'deploy on Tuesdays'"),
        "memory forget --unused 0 --dry-run",
        &format!("memory forget {one} --yes"),
        "memory reset --yes",
        "memory mark ada 'read a page'",
        "memory marks",
        "memory unmark ada",
        &format!("memory show {one}"),
    ]), @r#"
    > memory add 'workers deploy twice' --role worker
    {
      "noted": "/root@[id]",
      "redacted": 0
    }
    > memory list ada --seen --limit 1
    {
      "memories": [
        {
          "memory": "/root@[id]",
          "path": "/root",
          "scope": "tree",
          "role": null,
          "text": "deploy on Mondays",
          "bytes": 17,
          "tags": [
            "ops"
          ],
          "author": null,
          "turn": null,
          "commit": null,
          "tainted": false,
          "uses": 0,
          "used_at": null,
          "at": "[time]",
          "edited_at": null
        }
      ],
      "next": null
    }
    > memory search deploy --limit 1
    {
      "memories": [
        {
          "memory": "/root@[id]",
          "path": "/root",
          "scope": "tree",
          "role": null,
          "text": "deploy on Mondays",
          "bytes": 17,
          "tags": [
            "ops"
          ],
          "author": null,
          "turn": null,
          "commit": null,
          "tainted": false,
          "uses": 0,
          "used_at": null,
          "at": "[time]",
          "edited_at": null
        }
      ],
      "next": null
    }
    > memory show /root@[id]
    {
      "memory": "/root@[id]",
      "path": "/root",
      "scope": "tree",
      "role": null,
      "text": "deploy on Mondays",
      "bytes": 17,
      "tags": [
        "ops"
      ],
      "author": null,
      "turn": null,
      "commit": null,
      "tainted": false,
      "uses": 0,
      "used_at": null,
      "at": "[time]",
      "edited_at": null
    }
    > memory edit /root@[id] 'deploy on Tuesdays'
    {
      "noted": "/root@[id]",
      "redacted": 0
    }
    > memory forget --unused 0 --dry-run
    {
      "dry_run": true,
      "seen": 2,
      "forgotten": 2,
      "bytes": 38,
      "memories": [
        {
          "memory": "/root@[id]",
          "path": "/root",
          "scope": "tree",
          "role": null,
          "text": "deploy on Tuesdays",
          "bytes": 18,
          "tags": [
            "ops"
          ],
          "author": null,
          "turn": null,
          "commit": null,
          "tainted": false,
          "uses": 0,
          "used_at": null,
          "at": "[time]",
          "edited_at": "[time]"
        },
        {
          "memory": "/root@[id]",
          "path": "/root",
          "scope": "role",
          "role": "worker",
          "text": "workers deploy twice",
          "bytes": 20,
          "tags": [],
          "author": null,
          "turn": null,
          "commit": null,
          "tainted": false,
          "uses": 0,
          "used_at": null,
          "at": "[time]",
          "edited_at": null
        }
      ]
    }
    > memory forget /root@[id] --yes
    {
      "forgotten": "/root@[id]"
    }
    > memory reset --yes
    {
      "dry_run": false,
      "seen": 1,
      "forgotten": 1,
      "bytes": 20,
      "memories": [
        {
          "memory": "/root@[id]",
          "path": "/root",
          "scope": "role",
          "role": "worker",
          "text": "workers deploy twice",
          "bytes": 20,
          "tags": [],
          "author": null,
          "turn": null,
          "commit": null,
          "tainted": false,
          "uses": 0,
          "used_at": null,
          "at": "[time]",
          "edited_at": null
        }
      ]
    }
    > memory mark ada 'read a page'
    {
      "path": "/root/ada",
      "marked": true,
      "changed": true
    }
    > memory marks
    {
      "marks": [
        {
          "path": "/root/ada",
          "reason": "read a page",
          "turn": null,
          "at": "[time]"
        }
      ],
      "next": null
    }
    > memory unmark ada
    {
      "path": "/root/ada",
      "marked": false,
      "changed": true
    }
    > memory show /root@[id]
    {
      "code": "not_found",
      "message": "no memory /root@[id]",
      "details": {
        "memory": "/root@[id]"
      },
      "hint": null,
      "retryable": false
    }
    "#);
}
