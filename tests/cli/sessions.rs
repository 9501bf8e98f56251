//! Conversations that programs have elsewhere, told and given back through the terminal.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::folder::Folder;

/// A folder whose agent `ada` is answered by this script; `u` calls the command as the agent.
fn folder(script: &str) -> Folder {
    let folder = Folder::new();
    let call = format!("u() {{ '{}' \"$@\" >/dev/null; }}", env!("CARGO_BIN_EXE_understory"));
    folder.worker("answer", &format!("{call}\n{script}"));
    folder.ok("spawn ada --brain shell --command ./answer --model m1");
    folder
}

const TELL: &str = r#"echo "${UNDERSTORY_SESSION-none} ${UNDERSTORY_MODEL-none} ${UNDERSTORY_EFFORT-none}""#;

#[test]
fn a_program_keeps_its_conversation_and_is_given_it_back() {
    let script = format!("{TELL}\ncase $(cat) in begin) u session keep c1 && u session set --effort high;; esac");
    let folder = folder(&script);
    assert_eq!(folder.ok("assign ada begin"), "none m1 none\n");
    assert_eq!(folder.ok("assign ada more"), "c1 m1 high\n");
    let (_, mut shown) = folder.json("session show ada");
    assert!(shown["kept_at"].is_string(), "{shown}");
    shown["kept_at"] = json!("[time]");
    insta::assert_snapshot!(shown, @r#"{"path":"/root/ada","session":"c1","kept_at":"[time]","model":"m1","effort":"high","briefing":null}"#);
    folder.ok("session set ada --model m2");
    assert_eq!(folder.ok("assign ada more"), "c1 m2 high\n");
    let shown = folder.ok("show ada");
    assert!(shown.contains("session    c1\nmodel      m2\neffort     high\n"), "{shown}");
    assert_eq!(folder.run("store verify").code, 0);
}

#[test]
fn a_conversation_that_is_lost_is_begun_anew_within_the_turn() {
    let script =
        format!("{TELL}\ncase $(cat) in begin) u session keep c1;; gone) u session lost; u session keep c2;; esac");
    let folder = folder(&script);
    assert_eq!(folder.ok("assign ada begin"), "none m1 none\n");
    assert_eq!(folder.ok("assign ada gone"), "c1 m1 none\n");
    assert_eq!(folder.ok("assign ada more"), "c2 m1 none\n");
    assert!(folder.ok("watch --after 0.0").contains("/root/ada  its brain's conversation was lost\n"));
    assert_eq!(folder.ok("session lost ada"), "model      m1\n");
    assert_eq!(folder.ok("assign ada more"), "none m1 none\n");
    for words in ["session keep c3", "session lost", "session set --model m3"] {
        let (code, failure) = folder.json(words);
        assert_eq!((code, &failure["code"]), (2, &json!("usage")), "{words}: {failure}");
    }
    assert_eq!(folder.run("session show nobody").code, 3);
}

#[test]
fn a_new_conversation_begins_with_what_was_done_so_far() {
    let me = env!("CARGO_BIN_EXE_understory");
    let script = format!(
        "case $(cat) in begin) u session keep c1; echo found the mill;; more) echo \"[$UNDERSTORY_BRIEFING]\";; \\
         gone) '{me}' session lost;; esac"
    );
    let folder = folder(&script);
    folder.ok("assign ada begin");
    folder.ok("assign ada x");
    let told = folder.ok("assign ada gone");
    assert!(told.contains("## So far") && told.contains("turn 1 completed: found the mill"), "{told}");
}

/// Each command is a process of its own.
#[test]
fn the_last_model_and_effort_outlive_a_close_and_a_resume_until_others_are_set() {
    let script =
        format!("{TELL}\ncase $(cat) in begin) u session keep c1; u session set --model m2 --effort high;; esac");
    let folder = folder(&script);
    folder.ok("assign ada begin");
    folder.ok("close ada --yes");
    assert_eq!(folder.run("assign ada more").code, 4, "it is closed");
    folder.ok("resume ada");
    assert_eq!(folder.ok("assign ada more"), "c1 m2 high\n");
    folder.ok("session set ada --effort low");
    assert_eq!(folder.ok("assign ada more"), "c1 m2 low\n");
    folder.ok("close ada --yes");
    folder.ok("session set ada --model m3");
    folder.ok("resume ada");
    assert_eq!(folder.ok("assign ada more"), "c1 m3 low\n");
    let (_, shown) = folder.json("session show ada");
    assert_eq!((&shown["model"], &shown["effort"]), (&json!("m3"), &json!("low")), "{shown}");
}

/// The program keeps its conversation and hangs; its owner is killed before it answers.
#[test]
fn a_conversation_survives_the_death_of_the_process() {
    let script = format!("{TELL}\n[ -n \"$UNDERSTORY_SESSION\" ] || {{ u session keep c1; cat >reached; sleep 600; }}");
    let folder = folder(&script);
    folder.pipe("reached");
    let child = folder.command("assign ada begin").spawn().unwrap();
    let reader = std::fs::File::open(folder.at("reached")).unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap(), "begin");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    folder.ended(child);
    folder.ok("run --until-idle");
    assert!(folder.ok("show ada").ends_with("\nc1 m1 none\n"), "{}", folder.ok("show ada"));
}
