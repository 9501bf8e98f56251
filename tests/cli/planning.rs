//! Plans from the terminal.

use serde_json::json;

use super::folder::Folder;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.worker("answer", "cat");
    folder.ok("spawn ada --brain shell --command ./answer");
    folder.ok("plan add ada 'survey the site' --notes 'Both floors.'");
    folder.ok("plan add ada 'buy \"oak\" & <pine>' --after 1");
    folder.ok("plan add ada build --after 1,2");
    folder
}

#[test]
fn a_plan_is_shown_and_drawn() {
    let folder = folder();
    insta::assert_snapshot!(folder.ok("plan show ada"), @r#"
    NODE  STATUS  AFTER  OWNER  TITLE
    1     ready                 survey the site
    2     todo    1             buy "oak" & <pine>
    3     todo    1, 2          build
    "#);
    insta::assert_snapshot!(folder.ok("plan graph ada"), @r#"
    1 survey the site  [ready]
      2 buy "oak" & <pine>  [todo]  after 1
        3 build  [todo]  after 1, 2
    "#);
    insta::assert_snapshot!(folder.ok("plan graph ada --mermaid"), @r#"
    flowchart TD
        n1["1: survey the site"]:::ready
        n2["2: buy #34;oak#34; #38; #60;pine#62;"]:::todo
        n3["3: build"]:::todo
        n1 --> n2
        n1 --> n3
        n2 --> n3
        classDef todo fill:#eeeeee,stroke:#999999,color:#222222
        classDef ready fill:#fff3c4,stroke:#c99a00,color:#222222
        classDef doing fill:#cfe2ff,stroke:#2f6fd0,color:#222222
        classDef done fill:#d1e7dd,stroke:#2e7d4f,color:#222222
        classDef dropped fill:#ffffff,stroke:#bbbbbb,stroke-dasharray:4,color:#222222
    "#);
    let (_, graph) = folder.json("plan graph ada");
    assert_eq!(graph["edges"], json!([[1, 2], [1, 3], [2, 3]]));
    assert_eq!(folder.ok("plan show"), "/root: no nodes\n");
    assert_eq!(folder.ok("plan graph"), "/root: no nodes\n");
    assert!(folder.ok("plan show ada 1").ends_with("\nBoth floors.\n"));
    for words in ["plan show ada 9", "plan show nobody", "plan done ada 9"] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (3, &json!("not_found")), "{words}: {failure}");
    }
    let (code, failure) = folder.json("plan edit ada 1 --after 3");
    assert_eq!((code, &failure["details"]), (4, &json!({ "path": "/root/ada", "node": 1 })), "{failure}");
    assert_eq!(failure["message"], "node 1 of the plan of /root/ada cannot come after 3: 3 comes after 1");
}

#[test]
fn a_node_goes_its_way() {
    let folder = folder();
    let steps = [
        "plan start ada 1",
        "plan done ada 1 --evidence '12 pages' --commit c0ffee1",
        "plan done ada 1 --evidence '12 pages'",
        "plan drop ada 2 --reason 'too dear'",
        "plan edit ada 3 --title 'build it' --after 1",
        "plan reopen ada 2",
        "plan edit ada 2 --first",
        "plan show ada --ready",
        "plan clear ada --finished --yes",
        "plan show ada",
    ];
    let said: String = steps.iter().map(|words| format!("$ {words}\n{}", folder.ok(words))).collect();
    insta::assert_snapshot!(said, @r#"
    $ plan start ada 1
    /root/ada: node 1 is doing
    $ plan done ada 1 --evidence '12 pages' --commit c0ffee1
    /root/ada: node 1 is done
    $ plan done ada 1 --evidence '12 pages'
    /root/ada: node 1 is done, as it was
    $ plan drop ada 2 --reason 'too dear'
    /root/ada: node 2 is dropped
    $ plan edit ada 3 --title 'build it' --after 1
    /root/ada: node 3 is ready
    $ plan reopen ada 2
    /root/ada: node 2 is ready
    $ plan edit ada 2 --first
    /root/ada: node 2 is ready
    $ plan show ada --ready
    NODE  STATUS  AFTER  OWNER  TITLE
    2     ready                 buy "oak" & <pine>
    3     ready   1             build it
    $ plan clear ada --finished --yes
    /root/ada: 1 taken out of its plan
    $ plan show ada
    NODE  STATUS  AFTER  OWNER  TITLE
    2     ready                 buy "oak" & <pine>
    3     ready                 build it
    "#);
    let (code, failure) = folder.json("plan clear ada");
    assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{failure}");
    let happened = folder.ok("watch ada --after 0.0");
    let plan: Vec<&str> =
        happened.lines().filter_map(|line| line.split_once("  plan: ").map(|(_, said)| said)).collect();
    insta::assert_snapshot!(plan.join("\n"), @r#"
    added 1
    added 2
    added 3
    started 1
    done 1
    dropped 2
    edited 3
    reopened 2
    edited 2
    edited 3
    cleared 1
    "#);
    assert_eq!(folder.run("store verify").code, 0);
}

#[test]
fn a_node_is_given_to_an_agent_that_may_be_created() {
    let folder = folder();
    folder.ok("spawn bea --brain shell --command ./answer");
    assert_eq!(
        folder.ok("plan assign ada 1 bea -m 'By noon.'"),
        "survey the site\n\nBoth floors.\n\nBy noon.\n\n(node 1 of the plan of /root/ada)\n"
    );
    assert_eq!(folder.ok("plan assign ada 1 bea"), "/root/ada: node 1 was assigned to /root/bea before\n");
    folder.ok("plan done ada 1");
    std::fs::create_dir_all(folder.at("home/roles")).unwrap();
    folder.worker("home/roles/answer", "cat");
    folder.write("home/roles/clerk.toml", "description = 'c'\ncommand = './answer'\n");
    let (code, assigned) = folder.json("plan assign ada 2 ada/cai --spawn --role clerk --detach");
    assert_eq!((code, &assigned["assigned"]["owner"]), (0, &json!("/root/ada/cai")), "{assigned}");
    assert!(folder.ok("tree").contains("cai"));
    folder.ok("run --until-idle");
    assert!(folder.ok("show ada/cai").contains("(node 2 of the plan of /root/ada)"));
    let (code, failure) = folder.json("plan assign ada 3 bea");
    assert_eq!((code, &failure["code"]), (4, &json!("conflict")), "{failure}");
    let (code, failure) = folder.json("plan assign ada 3 ada/dee --spawn");
    assert_eq!((code, &failure["code"]), (4, &json!("conflict")), "{failure}");
    assert!(!folder.ok("tree").contains("dee"), "nobody is created for it");
}

#[test]
fn ready_nodes_are_the_rows_of_a_job() {
    let folder = folder();
    folder.ok("plan add ada 'count doors'");
    folder.worker("report", r#"read title; echo "{\"did\":\"$title\"}""#);
    let ran = folder.run("plan job ada --name first --brain shell --command ./report");
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(folder.ok("plan show ada"), @r#"
    NODE  STATUS  AFTER  OWNER                      TITLE
    1     done           /root/ada/first/r00000001  survey the site
    2     ready   1                                 buy "oak" & <pine>
    3     todo    1, 2                              build
    4     done           /root/ada/first/r00000002  count doors
    "#);
    folder.ok("remove ada/first --yes");
    assert!(folder.ok("plan show ada 4").contains("evidence   {\"did\":\"count doors\"}\n"));
    assert_eq!(folder.run("store verify").code, 0);
    folder.ok("plan drop ada 2");
    folder.ok("plan done ada 3");
    let (code, failure) = folder.json("plan job ada --brain shell --command ./report");
    assert_eq!((code, &failure["message"]), (4, &json!("no node of the plan of /root/ada is ready")));
}
