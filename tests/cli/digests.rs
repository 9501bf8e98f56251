//! What came of an agent's work, from the terminal.

use serde_json::json;

use super::folder::Folder;

#[test]
fn a_digest_tells_what_was_done_before_and_after_a_close() {
    let folder = Folder::new();
    folder.worker("answer", "cat");
    folder.ok("spawn ada --brain shell --command ./answer -m hello");
    folder.ok("spawn ada/kid --brain shell --command ./answer -m 'and you'");
    insta::assert_snapshot!(folder.ok("digest ada"), @"
    /root/ada: queued, 1 turn (1 completed)
    last answers:
      turn 1 completed: hello
    children:
      kid completed: and you
    below: 1 agent, 1 turn
    ");
    folder.ok("close ada --yes");
    insta::assert_snapshot!(folder.ok("digest ada --refresh"), @"
    /root/ada: closed, 1 turn (1 completed)
    last answers:
      turn 1 completed: hello
    children:
      kid closed: and you
    below: 1 agent, 1 turn
    ");
    folder.ok("resume ada");
    folder.ok("assign ada again");
    let (code, digest) = folder.json("digest Lark");
    assert_eq!((code, &digest["path"]), (0, &json!("/root/ada")));
    assert_eq!(digest["turns"], json!({ "completed": 3, "errored": 0, "interrupted": 0 }));
    assert_eq!(folder.run("store verify").code, 0);
    let (code, failure) = folder.json("digest nobody");
    assert_eq!((code, &failure["code"]), (3, &json!("not_found")));
}

#[test]
fn what_an_agent_wrote_does_nothing_to_the_terminal() {
    let folder = Folder::new();
    folder.worker("answer", r"printf 'a\033[2Jb\342\200\256c\nd'");
    folder.run("spawn ada --brain shell --command ./answer -m hello");
    insta::assert_snapshot!(folder.ok("digest ada"), @r"
    /root/ada: completed, 1 turn (1 completed)
    last answers:
      turn 1 completed: a [2Jb\u{202e}c d
    ");
}

#[test]
fn a_program_reads_the_digests_of_its_agent_and_those_below() {
    let folder = Folder::new();
    let binary = env!("CARGO_BIN_EXE_understory");
    let script = format!(
        "for who in /root/ada kid /root/bob /root; do {binary} digest $who 2>&1; done; {binary} tool call digest '{{\"agent\":\"kid\"}}'"
    );
    folder.worker("act", &script);
    folder.ok("spawn ada --brain shell --command ./act");
    folder.ok("spawn ada/kid");
    folder.ok("spawn bob");
    insta::assert_snapshot!(folder.ok("assign ada go"), @r#"
    /root/ada: running, no turns
    children:
      kid idle
    below: 1 agent
    /root/ada/kid: idle, no turns
    error: /root/bob does not exist
    error: /root does not exist
    {"path":"/root/ada/kid","digest":"/root/ada/kid: idle, no turns\n"}
    "#);
}
