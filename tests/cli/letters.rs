//! Messages from the terminal: what is attached to them, and whom they are for.

use serde_json::json;

use super::folder::Folder;

#[test]
fn what_is_attached_reaches_the_worker() {
    let folder = Folder::new();
    folder.worker("answer", "echo \"$UNDERSTORY_METADATA\"");
    let spawned = folder.ok("spawn ada --brain shell --command ./answer -m go --meta trace=7 --meta ld_preload=x=y");
    assert_eq!(spawned, "{\"ld_preload\":\"x=y\",\"trace\":\"7\"}\n");
    folder.ok("send ada note --meta trace=8 --meta from=me");
    assert_eq!(folder.ok("assign ada go --meta from="), "{\"from\":\"\",\"trace\":\"8\"}\n");
    assert_eq!(folder.ok("assign ada go"), "\n", "nothing is left over from the turns before");
}

#[test]
fn what_may_not_be_attached_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    folder.ok("spawn ada");
    for verb in ["send ada text", "assign ada text --detach", "spawn bob -m text --detach"] {
        let check = |meta: &str, code: u8, word: &str| {
            let (exit, failure) = folder.json(&format!("{verb} {meta}"));
            assert_eq!((exit, &failure["code"]), (code.into(), &json!(word)), "{verb} {meta}: {failure}");
        };
        check("--meta understory.turn=1", 5, "invalid_text");
        check("--meta Trace=1", 5, "invalid_text");
        check(&format!("--meta trace={}", "x".repeat(513)), 4, "limit");
        check("--meta trace", 2, "usage");
        check("--meta trace=1 --meta trace=2", 2, "usage");
    }
    let (exit, _) = folder.json("spawn bob --meta trace=1");
    assert_eq!(exit, 2);
    assert!(folder.ok("tree").ends_with("ada \"Lark\"  idle\n"));
}

#[test]
fn who_is_there_is_named_by_nickname() {
    let folder = Folder::new();
    folder.ok("spawn ada --brain shell --command cat --nickname 'Ada L'");
    folder.ok("spawn ada/pages --brain shell --command cat --nickname Reader");
    folder.ok("spawn bob --no-nickname");
    folder.ok("spawn bob/ada --nickname Twin");
    folder.ok("spawn ada/bob --nickname Twin");
    folder.ok("spawn bob/reader --nickname Bob");
    let check = |words: &str, beginning: &str| {
        let said = folder.ok(words);
        assert!(said.starts_with(beginning), "{words}: {said}");
    };
    check("send 'Ada L' note", "/root/ada: message ");
    check("assign Reader 'read it'", "read it\n");
    check("ask @reader again", "again\n");
    check("wait Reader ada", "/root/ada");
    check("show reader", "agent      /root/ada/pages\n");
    check("show bob", "agent      /root/bob\n");
    check("show @bob", "agent      /root/bob/reader\n");
    check("tree 'Ada L'", "/root/ada \"Ada L\"");
    check("interrupt Reader", "/root/ada/pages: no turn");
    check("dead list Reader", "no dead letters\n");
    check("close Reader --yes", "/root/ada/pages closed");
    check("resume Reader", "/root/ada/pages resumed");
    check("close Reader --yes", "/root/ada/pages closed");
    check("remove Reader --yes", "/root/ada/pages");
    assert_eq!(folder.run("run Reader --until-idle").code, 5, "it is nobody's nickname now, and no path");
    let (code, failure) = folder.json("show Twin");
    assert_eq!((code, &failure["code"]), (4, &json!("conflict")));
    assert_eq!(failure["details"]["paths"], json!(["/root/ada/bob", "/root/bob/ada"]), "{failure}");
    let (code, failure) = folder.json("show @nobody");
    assert_eq!((code, &failure["code"]), (3, &json!("not_found")));
    let (code, failure) = folder.json("show ada/pages");
    assert_eq!((code, &failure["code"]), (3, &json!("removed")));
    assert_eq!(folder.run("spawn 'Ada L'").code, 5, "what is to be made has a path");
    assert_eq!(folder.run("run 'Ada L' --until-idle").code, 0);
}

#[test]
fn a_question_has_a_deadline_and_its_message_stays() {
    let folder = Folder::new();
    folder.pipe("pipe");
    folder.worker("answer", "cat pipe");
    folder.ok("spawn ada --brain shell --command ./answer --nickname 'Ada L'");
    let ran = folder.run("ask 'Ada L' 'what is it?' --timeout 1");
    assert_eq!(ran.code, 124);
    insta::assert_snapshot!(ran.err, @r"
    error: 1 s have passed without an answer; the message stays
    hint: understory wait 'Ada L' tells the outcome
    ");
    std::fs::remove_file(folder.at("pipe")).unwrap();
    folder.write("pipe", "the answer");
    assert_eq!(folder.ok("wait 'Ada L'"), "/root/ada  completed  the answer\n");
    assert_eq!(folder.ok("wait ada --after 0"), "/root/ada  completed  the answer\n");
    assert_eq!(folder.run("wait ada --after 1 --timeout 1").code, 124);
    assert_eq!(folder.ok("ask ada again"), "the answer\n");
}

#[test]
fn a_message_goes_to_a_whole_subtree() {
    let folder = Folder::new();
    for path in ["ada", "ada/one", "ada/two", "ada/two/x", "eve"] {
        folder.ok(&format!("spawn {path} --brain shell --command cat"));
    }
    folder.ok("close ada/two --yes");
    let asks = folder.run("send ada 'hear this' --subtree");
    assert_eq!(asks.code, 2, "{}", asks.err);
    let missed = "not to 2 agents, closed: /root/ada/two, /root/ada/two/x\n";
    let would = folder.ok("send ada 'hear this' --subtree --dry-run");
    assert_eq!(would, format!("/root/ada and below: would be delivered to 2 agents\n{missed}"));
    let sent = folder.ok("send ada 'hear this' --subtree --yes --id n1 --meta k=v");
    assert_eq!(sent, format!("/root/ada and below: delivered to 2 agents\n{missed}"));
    folder.ok("resume ada/two");
    let again = folder.json("send ada 'hear this' --subtree --yes --id n1 --meta k=v");
    let expected = json!({
        "path": "/root/ada", "dry_run": false, "delivered": 2, "known": 2, "missed": [], "broken": null,
    });
    assert_eq!(again, (0, expected));
    assert_eq!(folder.ok("assign ada/two go"), "hear this\n\ngo\n");
    assert_eq!(folder.ok("assign eve go"), "go\n");
    assert_eq!(folder.run("send ada text --id n1").code, 2, "an id is for a subtree");
}
