//! A subtree as a project.

use serde_json::{Value, json};

use super::folder::Folder;

#[test]
fn what_is_done_what_remains_and_what_is_in_the_way_are_on_one_page() {
    let folder = Folder::with_table(3);
    assert_eq!(folder.ok("show --all /root"), "/root  idle\nnothing is planned\n");
    folder.worker("answer", "cat");
    folder.worker("picky", r#"case $UNDERSTORY_ROW in 2) exit 3;; esac; echo "{\"row\":$UNDERSTORY_ROW}""#);
    folder.ok("spawn ada --brain shell --command ./answer -m hello");
    folder.worker("fail", "exit 3");
    folder.run("spawn bob --brain shell --command ./fail -m hello");
    folder.ok("plan add ada survey");
    folder.ok("plan add ada build --after 1");
    folder.ok("plan add ada paint --after 2");
    folder.ok("plan done ada 1");
    folder.ok("plan start ada 2");
    let job = "job run in.csv --id-column id --brain shell --command ./picky --out out.csv --name j --attempts 1";
    assert_eq!(folder.run(job).code, 6);
    let page = folder.ok("show --all /root");
    insta::assert_snapshot!(page, @"
    /root  idle
    1 of 3 nodes of plans done, 3 of 3 rows done, 1 of 1 jobs done

    In the way
      /root/bob  errored: [dir]/fail exited with code 3
      /root/j  rows: 1 of its rows failed

    Plans
      /root/ada  1 of 3 done
        2  doing  build
        3  after 2  paint

    Jobs
      /root/j  completed  3 of 3 rows done, 1 failed, 0 running

    Usage
      /root  0 tokens in 5 turns

    Digests
      /root/ada: completed, 1 turn (1 completed)
      plan: 1 of 3 done
        2 doing: build
        3 todo: paint
      last answers:
        turn 1 completed: hello
      /root/bob: errored, 1 turn (1 errored)
      last answers:
        turn 1 errored: [dir]/fail exited with code 3
    ");
    let (code, page) = folder.json("show --all ada");
    assert_eq!((code, &page["progress"]["nodes"]), (0, &json!({ "done": 1, "all": 3 })));
    assert_eq!((&page["hindrances"], &page["jobs"], &page["whole"]), (&json!([]), &json!([]), &json!(true)));
    assert_eq!(folder.json("show --all nobody").1["code"], "not_found");
}

/// What a program reads of the same page.
#[test]
fn a_page_has_plans_jobs_usage_and_digests_for_programs() {
    let folder = Folder::with_table(3);
    folder.worker("answer", "cat");
    folder.worker("picky", r#"case $UNDERSTORY_ROW in 2) exit 3;; esac; echo "{\"row\":$UNDERSTORY_ROW}""#);
    folder.ok("spawn ada --brain shell --command ./answer -m hello");
    for words in ["survey", "build --after 1", "paint --after 2", "sell", "leave"] {
        folder.ok(&format!("plan add ada {words}"));
    }
    folder.ok("plan done ada 1");
    folder.ok("plan start ada 2");
    folder.ok("plan drop ada 5");
    let job = "job run in.csv --id-column id --brain shell --command ./picky --out out.csv --name j --attempts 1";
    assert_eq!(folder.run(job).code, 6);
    let (code, page) = folder.json("show --all /root");
    assert_eq!((code, &page["more_plans"], &page["more_jobs"]), (0, &json!(0), &json!(0)));

    let picked = |one: &Value, names: &[&str]| json!(names.iter().map(|name| one[*name].clone()).collect::<Vec<_>>());
    let all = |many: &Value, names: &[&str]| {
        json!(many.as_array().unwrap().iter().map(|one| picked(one, names)).collect::<Vec<_>>())
    };
    assert_eq!(
        all(&page["plans"], &["path", "nodes", "more_open", "closed_by"]),
        json!([["/root/ada", { "done": 1, "all": 4 }, 0, null]])
    );
    let open = all(&page["plans"][0]["open"], &["node", "title", "status", "ready", "after", "waits_for"]);
    let expected = json!([
        [4, "sell", "todo", true, [], []],
        [2, "build", "doing", false, [1], []],
        [3, "paint", "todo", false, [2], [2]],
    ]);
    assert_eq!(open, expected);

    let counts = json!({ "pending": 0, "running": 0, "completed": 2, "failed": 1, "skipped": 0 });
    let names = ["path", "state", "finished", "rows", "counts", "attempts", "spent"];
    let expected = json!([["/root/j", "completed", true, 3, counts, 1, { "turns": 3, "tokens": 0 }]]);
    assert_eq!(all(&page["jobs"], &names), expected);

    assert_eq!(
        all(&page["usage"]["nodes"], &["path", "kind", "turns", "total_turns"]),
        json!([["/root", "agent", 0, 4]])
    );
    assert_eq!(page["usage"]["nodes"][0]["total"]["tokens"], 0);

    let names = ["path", "status", "turns", "summary"];
    let turns = json!({ "completed": 1, "errored": 0, "interrupted": 0 });
    assert_eq!(all(&page["digests"], &names), json!([["/root/ada", "completed", turns, null]]));
    let digest = &page["digests"][0];
    assert_eq!(all(&digest["answers"], &["turn", "result", "content"]), json!([[1, "completed", "hello"]]));
    assert_eq!(picked(&digest["plan"], &["done", "dropped", "more_open"]), json!([1, 1, 0]));
    let left = all(&digest["plan"]["open"], &["node", "title", "status"]);
    assert_eq!(left, json!([[4, "sell", "todo"], [2, "build", "doing"], [3, "paint", "todo"]]));
}

/// A worker that says of its goal how it stands.
fn saying(status: &str, why: &str) -> String {
    let call = format!(r#"'BINARY' tool call update_goal '{{"status":"{status}","why":"{why}"}}'"#);
    call.replace("BINARY", env!("CARGO_BIN_EXE_understory"))
}

#[test]
fn goals_stand_below_the_agents_they_belong_to_with_what_stops_them() {
    let folder = Folder::new();
    folder.worker("answer", "cat");
    folder.worker("stuck", &saying("blocked", "no key"));
    folder.worker("finish", &saying("complete", "all counted"));
    folder.worker("picky", r#"case $UNDERSTORY_ROW in 1) exit 3;; esac; echo "{}""#);
    folder.ok("spawn ada --brain shell --command ./answer --goal 'map the town' --budget 1000");
    folder.ok("spawn ada/bea --brain shell --command ./stuck --goal 'count the doors' -m begin");
    folder.ok("spawn ada/cid --brain shell --command ./finish --goal 'count the streets' --budget 300 -m begin");
    folder.ok("plan add ada survey");
    folder.run("plan job ada --name first --brain shell --command ./picky --attempts 1");
    folder.ok("spawn ada/dot --goal 'count the trees' --budget 1000");
    folder.ok("assign ada 'draw it' --detach");
    folder.ok("spawn eve --goal 'paint the town'");
    folder.ok("plan add eve 'buy paint'");
    folder.ok("close eve --yes");
    insta::assert_snapshot!(folder.ok("show --all /root"), @r#"
    /root  idle
    1 of 5 goals complete, 0 of 2 nodes of plans done, 1 of 1 rows done, 1 of 1 jobs done, 1 at work, 1 closed

    In the way
      /root/ada  budget: 0 of 1000 tokens used, 1000 held by goals below
      /root/ada  plan: node 1: /root/ada/first/r00000001 failed: [dir]/picky exited with code 3
      /root/ada  held: mail that would start a turn waits: nothing is left of the budget of /root/ada
      /root/ada/bea  goal: it is blocked: no key
      /root/ada/first  rows: 1 of its rows failed

    Goals
      /root/ada  active  0 of 1,000 tokens  map the town
        /root/ada/bea  blocked  0 tokens  count the doors
        /root/ada/cid  complete  0 of 300 tokens  count the streets
        /root/ada/dot  active  0 of 1,000 tokens  count the trees
      /root/eve  active, closed  0 tokens  paint the town

    Plans
      /root/ada  0 of 1 done
        1  doing  survey  /root/ada/first/r00000001
      /root/eve  0 of 1 done, closed
        1  ready  buy paint

    Jobs
      /root/ada/first  completed  1 of 1 rows done, 1 failed, 0 running

    Usage
      /root  0 tokens in 3 turns
    "#);
    let (code, page) = folder.json("show --all /root");
    let [one, goals, nodes] = [(1, 1), (1, 5), (0, 2)].map(|(done, all)| json!({ "done": done, "all": all }));
    let progress =
        json!({ "goals": goals, "nodes": nodes, "rows": one, "jobs": one, "agents": 6, "at_work": 1, "closed": 1 });
    assert_eq!((code, &page["progress"]), (0, &progress));
    insta::assert_snapshot!(serde_json::to_string_pretty(&page["hindrances"]).unwrap(), @r#"
    [
      {
        "path": "/root/ada",
        "kind": "budget",
        "words": "0 of 1000 tokens used, 1000 held by goals below"
      },
      {
        "path": "/root/ada",
        "kind": "plan",
        "words": "node 1: /root/ada/first/r00000001 failed: [dir]/picky exited with code 3"
      },
      {
        "path": "/root/ada",
        "kind": "held",
        "words": "mail that would start a turn waits: nothing is left of the budget of /root/ada"
      },
      {
        "path": "/root/ada/bea",
        "kind": "goal",
        "words": "it is blocked: no key"
      },
      {
        "path": "/root/ada/first",
        "kind": "rows",
        "words": "1 of its rows failed"
      }
    ]
    "#);
    let goals = page["goals"].as_array().unwrap();
    let stands = goals.iter().map(|goal| {
        let said = ["path", "objective", "status", "used", "budget", "closed_by"].map(|name| goal[name].to_string());
        said.join(" ")
    });
    insta::assert_snapshot!(stands.collect::<Vec<_>>().join("\n"), @r#"
    "/root/ada" "map the town" "active" 0 1000 null
    "/root/ada/bea" "count the doors" "blocked" 0 null null
    "/root/ada/cid" "count the streets" "complete" 0 300 null
    "/root/ada/dot" "count the trees" "active" 0 1000 null
    "/root/eve" "paint the town" "active" 0 null "/root/eve"
    "#);
    assert_eq!((&page["more_goals"], &page["more_hindrances"]), (&json!(0), &json!({})));
    let closed: Vec<_> = page["plans"].as_array().unwrap().iter().map(|plan| &plan["closed_by"]).collect();
    assert_eq!(closed, [&json!(null), &json!("/root/eve")]);
}
