//! Agents from the terminal, by a process that opens the store itself.

use super::folder::Folder;

const CAT: &str = "--brain shell --command cat";

#[test]
fn a_spawned_agent_answers_its_message() {
    let folder = Folder::new();
    let ran = folder.run(&format!("spawn ada {CAT} -m 'hello there' --nickname Ada"));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "hello there\n", ""));
    assert_eq!(folder.ok("assign /root/ada again"), "again\n");
    insta::assert_snapshot!(folder.ok("tree"), @r#"
    /root  idle
      ada "Ada"  completed  2 turns
    "#);
}

#[test]
fn what_an_agent_says_cannot_move_the_cursor() {
    let folder = Folder::new();
    folder.worker("answer", r"printf '\033[2Jone\ntwo'");
    let said = folder.ok("spawn ada --brain shell --command ./answer -m go");
    assert_eq!(said, "\\u{1b}[2Jone\ntwo\n");
    assert!(folder.ok("wait ada").ends_with("completed  \\u{1b}[2Jone\\ntwo\n"));
    let (_, shown) = folder.json("show ada");
    assert_eq!(shown["outcome"]["content"], "\u{1b}[2Jone\ntwo");
}

#[test]
fn a_failed_turn_is_an_error() {
    let folder = Folder::new();
    folder.worker("answer", "echo why >&2; exit 3");
    let ran = folder.run("spawn ada --brain shell --command ./answer -m go");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    insta::assert_snapshot!(ran.err, @"error: turn 1 errored: [dir]/answer exited with code 3: why");
    let (code, assigned) = folder.json("assign ada more");
    assert_eq!((code, &assigned["outcome"]["result"]), (1, &serde_json::json!("errored")));
}

#[test]
fn a_detached_message_waits_for_a_run() {
    let folder = Folder::new();
    let ran = folder.run(&format!("spawn ada {CAT} -m 'hello' --detach"));
    assert_eq!((ran.code, ran.out.as_str()), (0, "/root/ada spawned\n"));
    assert_eq!(ran.err, "no process has the store: nothing runs until `understory run`\n");
    assert_eq!(folder.run("assign ada more --detach").code, 0);
    assert!(folder.ok("tree").contains("ada \"Lark\"  queued"));
    assert_eq!(folder.run("run --until-idle").code, 0);
    assert_eq!(folder.ok("wait ada"), "/root/ada  completed  more\n");
    assert!(folder.ok("tree").contains("ada \"Lark\"  completed  2 turns"));
}

#[test]
fn a_closed_agent_refuses_work_and_names_the_mark() {
    let folder = Folder::new();
    folder.ok(&format!("spawn ada {CAT}"));
    folder.ok(&format!("spawn ada/pages {CAT}"));
    folder.ok("close ada --yes");
    assert_eq!(folder.ok("close ada --yes"), "/root/ada was closed already\n");
    let (code, failure) = folder.json("assign ada/pages go");
    assert_eq!(code, 4);
    insta::assert_snapshot!(failure, @r#"{"code":"closed","message":"/root/ada/pages is closed by /root/ada","details":{"path":"/root/ada/pages","closed_by":"/root/ada"},"hint":"understory resume /root/ada","retryable":false}"#);
    assert_eq!(folder.ok("wait ada/pages"), "/root/ada/pages  closed by /root/ada\n");
    assert_eq!(folder.run("resume ada/pages").code, 4);
    assert_eq!(folder.ok("resume ada"), "/root/ada resumed\n");
    assert_eq!(folder.ok("assign ada/pages go"), "go\n");
}

#[test]
fn closing_asks_first() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    let ran = folder.run("close ada");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.err, @"
    error: close asks before it acts, and there is no terminal to ask on
    hint: --yes does it without asking
    ");
    assert!(folder.ok("tree").contains("ada \"Lark\"  idle"));
}

#[test]
fn an_existing_agent_will_do_if_that_is_said() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    let ran = folder.run("spawn ada");
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("/root/ada exists already"), "{ran:?}");
    assert_eq!(folder.ok("spawn ada --or-existing"), "/root/ada was there already\n");
}

#[test]
fn what_is_not_there_is_not_found() {
    let folder = Folder::new();
    for words in [
        "show nobody",
        "tree nobody",
        "send nobody hi",
        "assign nobody hi",
        "wait nobody",
        "close nobody --yes",
        "resume nobody",
        "spawn nobody/child",
        "job show nobody",
        "job cancel",
        "job show",
        "job resume",
        "run nobody",
    ] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (3, &serde_json::json!("not_found")), "{words}: {failure}");
    }
    let (_, verified) = folder.json("store verify");
    assert_eq!((&verified["agents"], &verified["sound"]), (&serde_json::json!(1), &serde_json::json!(true)));
}

#[test]
fn many_children_are_folded() {
    let folder = Folder::new();
    for n in 0..4 {
        folder.ok(&format!("spawn a{n}"));
    }
    folder.ok("spawn a1/b");
    insta::assert_snapshot!(folder.ok("tree --children 2"), @r#"
    /root  idle
      a0 "Lark"  idle
      a1 "Laurel"  idle
        b "Granite"  idle
      … and 2 more
    "#);
}

#[test]
fn an_agent_without_a_brain_is_not_waited_for() {
    let folder = Folder::new();
    let ran = folder.run("spawn ada -m hi");
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("no brain"), "{ran:?}");
    let ran = folder.run("assign ada hi");
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("an agent without a brain"), "{ran:?}");
    assert_eq!(folder.run("run --until-idle").code, 0);
}

#[test]
fn a_wait_ends_with_as_many_as_were_asked_for() {
    let folder = Folder::new();
    folder.worker("stuck", "exec cat never");
    folder.pipe("never");
    folder.ok("spawn busy --brain shell --command ./stuck -m go --detach");
    folder.ok("spawn ada");
    folder.ok("spawn bob");
    assert_eq!(folder.ok("wait busy ada --any"), "/root/ada  idle\n");
    assert_eq!(folder.ok("wait busy ada bob --count 2").lines().count(), 2);
    let (code, failure) = folder.json("wait busy --timeout 0");
    assert_eq!((code, &failure["complete"]), (124, &serde_json::json!(false)));
}

#[test]
fn what_is_said_of_a_failure_cannot_move_the_cursor() {
    let folder = Folder::new();
    let ran = folder.run("job run 'no\u{1b}[2J\u{9b}.csv' --brain shell --command cat");
    assert_eq!((ran.code, ran.err.as_str()), (3, "error: table no\\u{1b}[2J\\u{9b}.csv does not exist\n"));
    folder.write("in.csv", "id\u{7},n\n1,2\n");
    let ran = folder.run("job run in.csv --out out.csv --brain shell --command true --instruction '{\u{1b}[2J}'");
    assert!(ran.err.starts_with("warning: the template names \"\\u{1b}[2J\""), "{ran:?}");
    assert!(!ran.err.contains(|c: char| c.is_control() && c != '\n'), "{ran:?}");
}

#[test]
fn as_many_as_are_named_can_be_waited_for() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    for words in ["wait ada --count 0", "wait ada --count 2"] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (2, &serde_json::json!("usage")), "{words}: {failure}");
    }
    assert_eq!(folder.ok("wait ada --count 1"), "/root/ada  idle\n");
}
