//! Removal from the terminal.

use serde_json::json;

use super::folder::Folder;

#[test]
fn what_is_closed_is_removed() {
    let folder = Folder::planted();
    let (code, failure) = folder.json("remove ada --yes");
    assert_eq!(code, 4);
    insta::assert_snapshot!(failure, @r#"{"code":"conflict","message":"/root/ada is open: close it before it is removed","details":{"path":"/root/ada"},"hint":"understory close /root/ada","retryable":false}"#);
    folder.ok("close ada --yes");
    assert_eq!(folder.ok("remove ada --dry-run"), "/root/ada would be removed: 2 agents, 1 message\n");
    let (code, asked) = folder.json("remove ada --dry-run");
    let wanted = json!({ "path": "/root/ada", "dry_run": true, "agents": 2, "jobs": 0, "items": 0, "messages": 1 });
    assert_eq!((code, asked), (0, wanted));
    assert!(folder.ok("tree").contains("ada \"Ada\"  closed"), "a dry run removes nothing");
    assert_eq!(folder.ok("remove ada --yes"), "/root/ada removed: 2 agents, 1 message\n");
    assert_eq!(folder.ok("tree"), "/root  idle\n");
    let (code, verified) = folder.json("store verify");
    assert_eq!((code, &verified["agents"]), (0, &json!(1)));
}

#[test]
fn what_was_removed_is_answered_as_removed() {
    let folder = Folder::planted();
    folder.ok("close ada --yes");
    folder.ok("remove ada --yes");
    for words in ["show ada", "send ada hi", "assign ada hi", "ask ada hi", "close ada --yes", "resume ada", "run ada"]
    {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (3, &json!("removed")), "{words}: {failure}");
        assert_eq!(failure["message"], "/root/ada was removed", "{words}");
    }
    assert_eq!(folder.ok("wait ada ada/pages"), "/root/ada  removed\n/root/ada/pages  removed with /root/ada\n");
    let (code, failure) = folder.json("tree ada/pages");
    assert_eq!((code, &failure["code"]), (3, &json!("removed")), "{failure}");
    assert_eq!(failure["details"], json!({ "path": "/root/ada/pages", "removed": "/root/ada" }));
    folder.ok("spawn ada --nickname Ada");
    assert_eq!(folder.run("show ada/pages").code, 3);
    assert!(folder.ok("tree").contains("ada \"Ada\"  idle"));
}

#[test]
fn removing_asks_first() {
    let folder = Folder::planted();
    folder.ok("close ada --yes");
    let ran = folder.run("remove ada");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.err, @"
    error: remove asks before it acts, and there is no terminal to ask on
    hint: --yes does it without asking
    ");
    assert!(folder.ok("tree").contains("pages"));
}

#[test]
fn a_job_that_is_final_is_removed_with_its_items() {
    let folder = Folder::with_table(3);
    folder.worker("answer", "echo '{}'");
    folder.ok("job run in.csv --id-column id --brain shell --command ./answer --out out.csv --name j");
    assert_eq!(folder.ok("remove j --yes"), "/root/j removed: 1 job, 3 items\n");
    assert_eq!(folder.ok("job list"), "no jobs\n");
    assert_eq!(folder.json("job show j").1["code"], "removed");
    assert_eq!(folder.run("store verify").code, 0);
}
