//! Goals from the terminal.

use serde_json::json;

use super::folder::Folder;

#[test]
fn a_goal_is_set_shown_paused_raised_and_cleared() {
    let folder = Folder::new();
    assert_eq!(folder.run("spawn ada --goal 'count the stars' --budget 1000").code, 0);
    assert_eq!(folder.run("spawn ada/bea --goal 'count the red ones' --budget 400").code, 0);
    let (code, shown) = folder.json("goal show ada");
    assert_eq!(code, 0);
    assert_eq!(
        (&shown["status"], &shown["budget"], &shown["held_below"], &shown["remaining"]),
        (&json!("active"), &json!(1000), &json!(400), &json!(600))
    );
    let (_, below) = folder.json("goal show ada/bea");
    assert_eq!((&below["budget_from"], &below["used"]), (&json!("/root/ada"), &json!(0)));
    let (_, paused) = folder.json("goal pause ada/bea --reason 'it is day'");
    assert_eq!((&paused["status"], &paused["why"]), (&json!("paused"), &json!("it is day")));
    folder.ok("goal resume ada/bea");
    let (_, paused) = folder.json("goal pause ada/bea");
    assert_eq!((&paused["status"], &paused["why"]), (&json!("paused"), &json!("an operator paused it")));
    let (_, raised) = folder.json("goal raise ada/bea --budget 500");
    assert_eq!((&raised["status"], &raised["budget"]), (&json!("active"), &json!(500)));
    let (code, failure) = folder.json("goal raise ada/bea --budget 1001");
    assert_eq!((code, &failure["code"], &failure["details"]["limit"]), (4, &json!("limit"), &json!("goal_budget")));
    let (_, reworded) = folder.json("goal set ada 'count all stars'");
    assert_eq!((&reworded["id"], &reworded["objective"]), (&shown["id"], &json!("count all stars")));
    let (_, free) = folder.json("goal set ada/bea --no-budget");
    assert_eq!((&free["budget"], &free["remaining"]), (&json!(null), &json!(null)));
    assert_eq!(folder.ok("goal tree").lines().count(), 3);
    let (_, page) = folder.json("goal tree ada --limit 1");
    assert_eq!((page["goals"].as_array().map(Vec::len), &page["next"]), (Some(1), &json!("/root/ada")));
    let (_, page) = folder.json("goal tree ada --after ada");
    assert_eq!((&page["goals"][0]["path"], &page["next"]), (&json!("/root/ada/bea"), &json!(null)));
    assert_eq!(folder.json("goal clear ada"), (0, json!({ "cleared": "/root/ada" })));
    assert_eq!(folder.run("goal show ada").code, 3, "it is gone");
    assert_eq!(folder.json("goal show ada/bea").1["status"], "active", "and no other");
    assert_eq!(folder.run("store verify").code, 0);
}

#[test]
fn what_cannot_be_a_goal_is_refused() {
    let folder = Folder::new();
    folder.run("spawn ada");
    for (words, code, name) in [
        ("goal show ada", 3, "not_found"),
        ("goal pause ada", 3, "not_found"),
        ("goal show nobody", 3, "not_found"),
        ("goal set ada", 2, "usage"),
        ("goal set ada ' '", 5, "invalid_text"),
        ("goal set ada text --budget 0", 2, "usage"),
        ("goal raise ada", 2, "usage"),
        ("spawn bob --budget 5", 2, "usage"),
    ] {
        let (found, failure) = folder.json(words);
        assert_eq!((found, &failure["code"]), (code, &json!(name)), "{words}: {failure}");
    }
    assert_eq!(folder.ok("goal tree"), "no goals\n");
}

#[test]
fn an_agent_with_a_goal_goes_on_until_it_says_that_it_is_reached() {
    let folder = Folder::new();
    let says = r#"cat > seen; BINARY tool call update_goal '{"status":"complete","why":"all counted"}'"#;
    folder.worker("count", &says.replace("BINARY", env!("CARGO_BIN_EXE_understory")));
    let spawned = folder.run("spawn ada --brain shell --command ./count --goal 'count the <stars>'");
    assert_eq!(spawned.code, 0);
    assert_eq!(folder.json("goal show ada").1["turns"], 0, "a spawn runs nobody that is not asked");
    assert_eq!(folder.run("run --until-idle").code, 0);
    let (_, shown) = folder.json("goal show ada");
    assert_eq!((&shown["status"], &shown["why"]), (&json!("complete"), &json!("all counted")));
    let seen = folder.read("seen");
    assert!(seen.contains("<goal>\ncount the &lt;stars&gt;\n</goal>"), "{seen}");
    assert!(folder.ok("watch --after 0.0").contains("/root/ada  goal complete, 0 tokens used: all counted"));
}

#[test]
fn a_wait_and_a_job_say_whose_budget_holds_them() {
    let folder = Folder::with_table(2);
    folder.worker("answer", "cat");
    folder.ok("spawn ada --brain shell --command ./answer --goal 'map the town' --budget 1000");
    folder.ok("goal pause ada");
    folder.ok("spawn ada/dot --goal 'count the trees' --budget 1000");
    for words in [
        "assign ada 'draw it'",
        "ask ada 'draw it' --timeout 60",
        "spawn ada/kid --brain shell --command ./answer -m 'draw it'",
    ] {
        let (code, failure) = folder.json(words);
        let path = if words.starts_with("spawn") { "/root/ada/kid" } else { "/root/ada" };
        let message = format!("{path} is held: nothing is left of the budget of /root/ada");
        assert_eq!((code, &failure["code"], &failure["message"]), (4, &json!("conflict"), &json!(message)), "{words}");
        assert_eq!(failure["hint"], "understory goal raise /root/ada --budget N; what was accepted is kept", "{words}");
    }
    let (_, waited) = folder.json("wait ada --timeout 60");
    assert_eq!(waited["settled"], json!([{ "path": "/root/ada", "standing": "held", "held_by": "/root/ada" }]));
    assert_eq!(
        folder.run("wait ada --timeout 60").out,
        "/root/ada  held: nothing is left of the budget of /root/ada\n"
    );
    let job = "job run in.csv --id-column id --brain shell --command ./double --out out.csv --owner ada --name j";
    let ran = folder.run(job);
    let said = "error: /root/ada/j is paused: nothing is left of the budget of /root/ada\n\
                hint: understory goal raise /root/ada --budget N, and then understory job resume /root/ada/j\n";
    assert!(ran.code == 1 && ran.err.ends_with(said), "{ran:?}");
    assert!(folder.ok("job show ada/j").contains("paused     nothing is left of the budget of /root/ada\n"));
    folder.ok("goal set ada --budget 1500");
    let ran = folder.run("job resume ada/j");
    assert_eq!((ran.code, folder.lines("out.csv").len()), (0, 3), "{ran:?}");
}

#[test]
fn an_agent_gives_no_budget_to_itself_and_touches_no_goal_above_it() {
    let folder = Folder::new();
    let script = r#"
say() { echo "> $*"; "BINARY" "$@" 2>&1 || true; }
for whose in ada/bea ada; do
    say goal raise /root/$whose --budget 500
    say goal set /root/$whose 'do as you like' --budget 500
    say goal set /root/$whose --no-budget
    say goal resume /root/$whose
    say goal pause /root/$whose
    say goal clear /root/$whose
done
say spawn cid
say goal set cid 'count the blue ones' --budget 150
say goal pause cid
say goal raise cid --budget 401
"#;
    folder.worker("act", &script.replace("BINARY", env!("CARGO_BIN_EXE_understory")));
    folder.ok("spawn ada --goal 'count the stars' --budget 1000");
    folder.ok("spawn ada/bea --brain shell --command ./act --goal 'count the red ones' --budget 400");
    folder.ok("goal pause ada --reason 'it is day'");
    folder.ok("goal pause ada/bea --reason 'it is day'");
    let said = folder.ok("assign ada/bea go");
    let refused: Vec<&str> = said.lines().skip(1).step_by(2).take(12).collect();
    let missing = |path: &str| vec![format!("error: {path} does not exist"); 6];
    assert_eq!(refused, [missing("/root/ada/bea"), missing("/root/ada")].concat(), "{said}");
    // Below it, it may, as far as its own budget goes.
    let below = said.split_once("> goal raise cid --budget 401\n").expect(&said);
    assert!(below.0.contains("paused") && below.0.contains("/root/ada/bea paused it"), "{said}");
    assert!(below.1.starts_with("error: limit goal_budget of 250 is reached at /root/ada/bea: "), "{said}");
    for (path, budget, objective) in [("ada", 1000, "count the stars"), ("ada/bea", 400, "count the red ones")] {
        let (_, shown) = folder.json(&format!("goal show {path}"));
        let stands = (&shown["status"], &shown["why"], &shown["budget"], &shown["objective"]);
        assert_eq!(stands, (&json!("paused"), &json!("it is day"), &json!(budget), &json!(objective)), "{path}");
    }
}
