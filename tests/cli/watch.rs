//! `watch` from the terminal.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::folder::Folder;
use super::resident::HELD;

/// Lines without the ids that they begin with.
fn without_ids(text: &str) -> String {
    let line = |line: &str| {
        let (id, rest) = line.split_once("  ").unwrap();
        assert!(id.split('.').all(|part| part.parse::<u64>().is_ok()), "{line}");
        format!("{rest}\n")
    };
    text.lines().map(line).collect()
}

fn documents(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn without_an_owner_what_is_stored_is_told() {
    let folder = Folder::new();
    folder.ok("spawn ada --brain shell --command cat -m hello");
    folder.ok("spawn bob");
    folder.ok("label ada --title T");
    let ran = folder.run("watch --after 0.0");
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(without_ids(&ran.out), @r"
    /root  spawned
    /root/ada  spawned
    /root/ada  has a message, which starts a turn
    /root/ada  turn 1 started
    /root/ada  turn 1 completed
    /root/bob  spawned
    /root/ada  title or labels changed
    ");
    let told = documents(&folder.run("watch ada --after 0.0 --json").out);
    assert_eq!(told.last().unwrap()["event"], "labelled");
    assert!(told.iter().all(|event| event["path"] == "/root/ada"), "{told:?}");
    let last = told.last().unwrap()["id"].as_str().unwrap();
    let second = told[told.len() - 2]["id"].as_str().unwrap();
    let ran = folder.run(&format!("watch ada --after {second} --json"));
    assert_eq!(documents(&ran.out), [json!({ "id": last, "path": "/root/ada", "event": "labelled" })]);
    let said = format!(
        "no process has the store: nothing runs until `understory run`; understory watch /root/ada --after {last} goes on here\n"
    );
    assert_eq!(ran.err, "", "a program has it from the last event");
    assert_eq!(folder.run(&format!("watch ada --after {second}")).err, said);
    let ran = folder.run("watch");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "from now on, and nothing runs");
    for (words, said) in [
        ("watch --after 7", "\"7\" is no event's id: NUMBER.NUMBER"),
        ("watch --after 999999.0", "event 999999.0 has not happened yet: the last commit is "),
    ] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{words}");
        assert!(failure["message"].as_str().unwrap().starts_with(said), "{failure}");
    }
}

#[test]
fn events_of_an_owner_are_followed_until_it_ends() {
    let folder = Folder::new();
    folder.worker("held", HELD);
    folder.ok("spawn ada --brain shell --command ./held --detach -m go");
    let mut owner = folder.start("run");
    owner.began(1);
    let watch = folder.command("--json watch ada --after 0.0").spawn().unwrap();
    let plain = folder.command("watch ada --after 0.0").spawn().unwrap();
    let mut cut = folder.command("watch --after 0.0").spawn().unwrap();
    let mut first = [0; 1];
    std::io::Read::read_exact(cut.stdout.as_mut().unwrap(), &mut first).unwrap();
    // Nobody reads what it prints any more: it ends by itself with the next event.
    drop(cut.stdout.take());
    owner.let_go();
    assert_eq!(folder.ok("wait ada"), "/root/ada  completed  \n");
    assert_eq!(folder.ended(cut).code, 0);
    owner.signal(Signal::INT);
    assert_eq!(owner.ended().code, 130);
    let ran = folder.ended(watch);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told: Vec<String> = documents(&ran.out).iter().map(|event| event["event"].to_string()).collect();
    assert_eq!(told, [r#""spawned""#, r#""mailed""#, r#""turn_started""#, r#""turn_ended""#]);
    assert_eq!(ran.err, "", "a program has it from the last event");
    let ran = folder.ended(plain);
    assert!(ran.err.contains("which had the store, has ended; understory watch /root/ada --after "), "{ran:?}");
}

#[test]
fn a_signal_ends_a_watch_and_says_how_to_go_on() {
    let folder = Folder::new();
    folder.worker("held", HELD);
    folder.ok("spawn ada --brain shell --command ./held --detach -m go");
    let mut owner = folder.start("run");
    owner.began(1);
    let mut watch = folder.command("watch --after 0.0").spawn().unwrap();
    let mut first = [0; 1];
    std::io::Read::read_exact(watch.stdout.as_mut().unwrap(), &mut first).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&watch), Signal::INT).unwrap();
    let ran = folder.ended(watch);
    assert_eq!(ran.code, 130);
    assert!(ran.err.starts_with("error: interrupted\nhint: understory watch /root --after "), "{ran:?}");
    owner.let_go();
    owner.signal(Signal::INT);
    owner.ended();
}
