//! What `--json` prints of goals.

use super::shapes;
use crate::cli::folder::Folder;

#[test]
fn of_goals() {
    let folder = Folder::new();
    folder.ok("spawn ada --goal 'map the town' --budget 1000");
    folder.ok("spawn ada/bea");
    insta::assert_snapshot!(shapes(&folder, &[
        "goal set ada/bea 'count the doors' --budget 400",
        "goal pause ada/bea --reason 'it is day'",
        "goal resume ada/bea",
        "goal raise ada/bea --budget 600",
        "goal show ada",
        "goal tree ada --limit 1",
        "goal clear ada/bea",
        "goal raise ada/bea --budget 5",
        "spawn cid --goal 'paint it' --budget 5 --json",
    ]), @r#"
    > goal set ada/bea 'count the doors' --budget 400
    {
      "path": "/root/ada/bea",
      "id": "[id]",
      "objective": "count the doors",
      "status": "active",
      "why": "",
      "since": "[time]",
      "used": 0,
      "budget": 400,
      "budget_from": "/root/ada",
      "held_below": 0,
      "remaining": 400,
      "seconds": 0,
      "turns": 0,
      "spent": null,
      "closed_by": null,
      "created_at": "[time]",
      "updated_at": "[time]"
    }
    > goal pause ada/bea --reason 'it is day'
    {
      "path": "/root/ada/bea",
      "id": "[id]",
      "objective": "count the doors",
      "status": "paused",
      "why": "it is day",
      "since": "[time]",
      "used": 0,
      "budget": 400,
      "budget_from": "/root/ada",
      "held_below": 0,
      "remaining": 400,
      "seconds": 0,
      "turns": 0,
      "spent": null,
      "closed_by": null,
      "created_at": "[time]",
      "updated_at": "[time]"
    }
    > goal resume ada/bea
    {
      "path": "/root/ada/bea",
      "id": "[id]",
      "objective": "count the doors",
      "status": "active",
      "why": "",
      "since": "[time]",
      "used": 0,
      "budget": 400,
      "budget_from": "/root/ada",
      "held_below": 0,
      "remaining": 400,
      "seconds": 0,
      "turns": 0,
      "spent": null,
      "closed_by": null,
      "created_at": "[time]",
      "updated_at": "[time]"
    }
    > goal raise ada/bea --budget 600
    {
      "path": "/root/ada/bea",
      "id": "[id]",
      "objective": "count the doors",
      "status": "active",
      "why": "",
      "since": "[time]",
      "used": 0,
      "budget": 600,
      "budget_from": "/root/ada",
      "held_below": 0,
      "remaining": 600,
      "seconds": 0,
      "turns": 0,
      "spent": null,
      "closed_by": null,
      "created_at": "[time]",
      "updated_at": "[time]"
    }
    > goal show ada
    {
      "path": "/root/ada",
      "id": "[id]",
      "objective": "map the town",
      "status": "active",
      "why": "",
      "since": "[time]",
      "used": 0,
      "budget": 1000,
      "budget_from": null,
      "held_below": 600,
      "remaining": 400,
      "seconds": 0,
      "turns": 0,
      "spent": null,
      "closed_by": null,
      "created_at": "[time]",
      "updated_at": "[time]"
    }
    > goal tree ada --limit 1
    {
      "goals": [
        {
          "path": "/root/ada",
          "id": "[id]",
          "objective": "map the town",
          "status": "active",
          "why": "",
          "since": "[time]",
          "used": 0,
          "budget": 1000,
          "budget_from": null,
          "held_below": 600,
          "remaining": 400,
          "seconds": 0,
          "turns": 0,
          "spent": null,
          "closed_by": null,
          "created_at": "[time]",
          "updated_at": "[time]"
        }
      ],
      "next": "/root/ada"
    }
    > goal clear ada/bea
    {
      "cleared": "/root/ada/bea"
    }
    > goal raise ada/bea --budget 5
    {
      "code": "not_found",
      "message": "/root/ada/bea has no goal",
      "details": {
        "path": "/root/ada/bea"
      },
      "hint": "understory goal set /root/ada/bea TEXT",
      "retryable": false
    }
    > spawn cid --goal 'paint it' --budget 5 --json
    {
      "path": "/root/cid",
      "id": "[id]",
      "nickname": "Laurel",
      "created": true,
      "outcome": null
    }
    "#);
}
