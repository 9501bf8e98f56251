//! What came of an agent's work, from the terminal.

use rustix::process::Signal;
use serde_json::json;

use super::folder::Folder;
use super::resident::HELD;

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

/// How many rows the store has.
fn rows(folder: &Folder) -> u64 {
    let (_, verified) = folder.json("store verify");
    assert_eq!(verified["sound"], true, "{verified}");
    verified["rows"].as_u64().unwrap()
}

/// Its row is there before anybody asks: asking for it to be kept writes nothing.
#[test]
fn a_plain_close_leaves_a_digest() {
    let folder = Folder::new();
    folder.worker("answer", "cat");
    folder.ok("spawn idle");
    let before = rows(&folder);
    folder.ok("close idle --yes");
    assert_eq!(rows(&folder), before, "of one that had no turn there is none");
    folder.ok("spawn ada --brain shell --command ./answer -m hello");
    let before = rows(&folder);
    folder.ok("close ada --yes");
    assert_eq!(rows(&folder), before + 1);
    let told = folder.ok("digest ada");
    assert_eq!(told, "/root/ada: closed, 1 turn (1 completed)\nlast answers:\n  turn 1 completed: hello\n");
    assert_eq!((folder.ok("digest ada --refresh"), rows(&folder)), (told, before + 1));
    folder.ok("spawn bob --brain shell --command ./answer -m hello");
    let before = rows(&folder);
    folder.ok("digest bob");
    assert_eq!(rows(&folder), before, "to ask keeps nothing");
    folder.ok("digest bob --refresh");
    assert_eq!(rows(&folder), before + 1);
}

/// Whether it had been written or not, it is told the same.
#[test]
fn a_digest_is_told_though_the_process_was_killed_behind_the_close() {
    let folder = Folder::with_table(1);
    folder.worker("answer", "cat");
    folder.worker("held", HELD);
    folder.ok("spawn ada --brain shell --command ./answer -m hello");
    let words = "job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j";
    let mut job = folder.start(words);
    job.began(1);
    folder.ok("assign ada again");
    folder.ok("close ada --yes");
    job.signal(Signal::KILL);
    job.let_go();
    job.ended();
    let found = rows(&folder);
    let told = folder.ok("digest ada");
    let expected = "/root/ada: closed, 2 turns (2 completed)\nlast answers:\n  turn 1 completed: hello\n  turn 2 completed: again\n";
    assert_eq!(told, expected);
    assert_eq!(folder.ok("digest ada --refresh"), told);
    assert!((found..=found + 1).contains(&rows(&folder)), "one row holds it");
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
