//! Turns that are interrupted from a second terminal.

use super::folder::Folder;

/// What an agent's worker does: it tells that it began and never ends by itself if it is asked to wait, else it answers.
const WAITS: &str = "read -r line; case $line in *wait*) echo began >began; : <gate;; *) echo \"$line\";; esac";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.worker("waits", WAITS);
    folder
}

#[test]
fn a_turn_is_interrupted_from_a_second_terminal() {
    let folder = folder();
    let mut first = folder.start("spawn ada --brain shell --command ./waits -m wait");
    first.began(1);
    assert_eq!(folder.ok("interrupt ada --dry-run"), "/root/ada would be interrupted\n");
    assert!(folder.ok("show ada").contains("status     running"), "a dry run ends nothing");
    assert_eq!(folder.ok("interrupt ada"), "/root/ada interrupted\n");
    let ran = first.ended();
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error: turn 1 interrupted: interrupted by the operator"), "{ran:?}");
    assert_eq!(folder.ok("interrupt ada"), "/root/ada: no turn is under way\n");
    assert!(folder.ok("show ada").contains("last       turn 1 interrupted at"));
    assert_eq!(folder.ok("assign ada hello"), "hello\n", "it takes its next message");
}

#[test]
fn a_message_takes_the_place_of_a_turn() {
    let folder = folder();
    let mut first = folder.start("spawn ada --brain shell --command ./waits -m wait");
    first.began(1);
    assert_eq!(folder.ok("assign ada instead --interrupt"), "instead\n");
    let ran = first.ended();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(folder.ok("show ada").contains("last       turn 2 completed at"));
    assert_eq!(folder.ok("assign ada again --interrupt"), "again\n", "without a turn under way it is a message");
}

#[test]
fn a_note_that_interrupts_waits_for_the_next_turn() {
    let folder = folder();
    let mut first = folder.start("spawn ada --brain shell --command ./waits -m wait");
    first.began(1);
    let sent = folder.ok("send ada note --interrupt");
    assert!(sent.ends_with(" accepted, and its turn interrupted\n"), "{sent}");
    assert_eq!(first.ended().code, 1);
    assert_eq!(folder.ok("assign ada go"), "note\n", "it is the first line of what the worker reads");
}

#[test]
fn a_cascade_interrupts_all_below_and_says_whom() {
    let folder = folder();
    let mut owner = folder.start("run");
    for name in ["ada", "ada/bob", "eve"] {
        let spawn = format!("spawn {name} --brain shell --command ./waits --or-existing --detach -m wait");
        // Before the owner has the store, this process has it, and leaves the message to the owner.
        folder.ok(&spawn);
    }
    owner.began(3);
    let (code, shown) = folder.json("interrupt ada --cascade");
    let expected = serde_json::json!({
        "path": "/root/ada",
        "interrupted": 2,
        "paths": ["/root/ada", "/root/ada/bob"],
        "dry_run": false,
    });
    assert_eq!((code, shown), (0, expected));
    assert!(folder.ok("show eve").contains("status     running"));
    assert_eq!(folder.ok("interrupt --cascade /root"), "/root/eve interrupted\n");
    owner.signal(rustix::process::Signal::INT);
    assert_eq!(owner.ended().code, 130);
}

#[test]
fn an_interrupt_of_a_row_fails_its_run() {
    let folder = Folder::with_table(1);
    folder.worker("held", super::resident::HELD);
    let job = "job run in.csv --brain shell --command ./held --out out.csv --name j --attempts 1";
    let mut job = folder.start(job);
    job.began(1);
    let (code, failure) = folder.json("interrupt j");
    assert_eq!((code, &failure["code"]), (4, &serde_json::json!("conflict")), "{failure}");
    assert_eq!(folder.ok("interrupt j/r00000001"), "/root/j/r00000001 interrupted\n");
    let ran = job.ended();
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.err.contains("interrupted by the operator"), "{ran:?}");
}

#[test]
fn what_cannot_be_interrupted_is_told() {
    let folder = folder();
    let (code, failure) = folder.json("interrupt nobody");
    assert_eq!((code, &failure["code"]), (3, &serde_json::json!("not_found")), "{failure}");
    folder.ok("spawn ada --brain shell --command ./waits");
    assert_eq!(folder.ok("interrupt ada"), "/root/ada: no turn is under way\n");
    folder.ok("close ada --yes");
    let (code, failure) = folder.json("interrupt ada");
    assert_eq!((code, &failure["code"]), (4, &serde_json::json!("closed")), "{failure}");
    assert_eq!(folder.run("interrupt Ada").code, 5);
}
