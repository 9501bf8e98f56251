//! What a job tells of itself while it runs, and at its end.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::folder::{Folder, said};
use super::resident::HELD;

const JOB: &str =
    "job run in.csv --id-column id --brain shell --command ./double --concurrency 1 --out out.csv --name j";

/// A job that tells nothing for longer than this never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A job of three rows whose second waits; runs it until it has told a line that holds `sign`, and gives back all lines.
fn told(words: &str, sign: &str) -> Vec<String> {
    let folder = Folder::with_table(3);
    folder.pipe("go");
    folder.worker("double", "[ $UNDERSTORY_ROW = 2 ] && read line <go; echo fine");
    let mut child = folder.command(&format!("{words} {JOB}")).spawn().unwrap();
    let err = BufReader::new(child.stderr.take().unwrap());
    let (sender, coming) = mpsc::channel();
    thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut lines: Vec<String> = Vec::new();
    while !lines.last().is_some_and(|line| line.contains(sign)) {
        let Ok(line) = coming.recv_timeout(PATIENCE) else {
            child.kill().unwrap();
            panic!("it told nothing like {sign}: {lines:?}");
        };
        lines.push(line);
    }
    drop(folder.reached("go"));
    lines.extend(coming);
    assert_eq!(folder.ended(child).code, 0);
    lines
}

#[test]
fn a_job_tells_lines_at_intervals_where_there_is_no_terminal() {
    let sign = "job /root/j: 1 of 3 done, ";
    let lines = told("--progress 1", sign);
    assert_eq!(lines[0], "job /root/j: 3 rows");
    let far = lines.iter().find(|line| line.starts_with(sign)).expect("it is what was waited for");
    assert!(far.ends_with("0 failed, 1 running"), "{lines:?}");
    assert!(lines.iter().any(|line| line == "job /root/j completed, 3 rows: 3 completed"), "{lines:?}");
}

#[test]
fn a_program_is_told_events() {
    let lines = told("--json --progress 1", "\"progress\"");
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((words[0], words[words.len() - 1]), ("begun", "ended"));
    assert!(words.len() > 2 && words[1..words.len() - 1].iter().all(|word| *word == "progress"), "{words:?}");
    assert!(events.iter().all(|event| event["job"] == "/root/j" && event["rows"] == 3), "{events:?}");
    let [first, last] = [&events[0], &events[events.len() - 1]];
    assert_eq!((&last["state"], &last["counts"]["completed"]), (&"completed".into(), &3.into()));
    assert_ne!(first["state"], last["state"]);
    let mut slowest: Vec<&Value> = last["slowest"].as_array().unwrap().iter().map(|row| &row["item_id"]).collect();
    slowest.sort_by_key(|id| id.as_str());
    assert_eq!(slowest, ["k1", "k2", "k3"]);
}

#[test]
fn whatever_a_program_is_told_is_a_document() {
    let folder = Folder::with_table(2);
    folder.worker("double", "exit 3");
    let words = format!("--json {JOB} --attempts 1 --instruction '{{zz}}'");
    let warned = said(&folder.run(&words).err);
    assert_eq!(warned[0], json!({ "warning": r#"the template names "zz", but the table has "id", "n""# }));
    assert_eq!((&warned[1]["event"], &warned[1]["begun"]), (&json!("begun"), &json!("new")));
    let again = said(&folder.run("--json job retry j").err);
    assert_eq!((&again[0]["event"], &again[0]["begun"]), (&json!("begun"), &json!("goes_on")));
    assert_eq!(again[again.len() - 1]["event"], "ended");
    let over = said(&folder.run(&words).err);
    assert_eq!((&over[1]["begun"], over.len()), (&json!("finished"), 3));
    assert_eq!(folder.json("spawn ada -m hello --detach --no-nickname").0, 0);
    // One that is ended by a signal says so.
    folder.worker("double", HELD);
    let mut job = folder.start("--json job retry j");
    job.began(1);
    job.signal(Signal::INT);
    let ran = job.ended();
    let lines = said(&ran.err);
    assert_eq!((ran.code, &lines[lines.len() - 1]["code"]), (130, &json!("interrupted")), "{ran:?}");
    let last = &lines[lines.len() - 2];
    assert_eq!((&last["event"], &last["state"]), (&json!("ended"), &json!("running")), "it is followed no longer");
    folder.worker("double", "echo fine");
    let other = words.replace("name j", "name k").replace("out.csv", "k.csv");
    let paused = said(&folder.run(&format!("{other} --max-turns 1")).err);
    let last = &paused[paused.len() - 2];
    assert_eq!((&last["event"], &last["paused"], &last["left_ms"]), (&json!("ended"), &json!(true), &json!(null)));
    assert_eq!(paused.iter().filter(|line| line["event"] == "ended").count(), 1);
}

/// Its result is more than a pipe holds, and nobody reads it: it has told how it ended, and has not.
#[test]
fn a_job_ends_once_though_it_is_interrupted_while_it_prints() {
    let folder = Folder::with_table(1);
    folder.worker("double", "echo fine");
    folder.write("long.txt", &"x".repeat(200_000));
    let mut child = folder.command(&format!("--json {JOB} --template long.txt")).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(r#""event":"ended""#) {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it never ended");
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).unwrap();
    let rest = std::io::read_to_string(told).unwrap();
    assert!(!rest.contains(r#""event":"ended""#) && rest.contains("interrupted"), "{rest}");
    assert_eq!(folder.ended(child).code, 130);
}

#[test]
fn a_quiet_job_tells_nothing() {
    let folder = Folder::with_table(3);
    for words in ["--quiet", "--quiet --json"] {
        let ran = folder.run(&format!("{words} {JOB}"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    }
}

#[test]
fn what_differs_in_numbers_went_wrong_alike() {
    let folder = Folder::with_table(5);
    folder.worker("double", "echo \"no k$UNDERSTORY_ROW among $((UNDERSTORY_ROW * 7)) rows\" >&2; exit 1");
    let ran = folder.run(&format!("{JOB} --attempts 2"));
    assert_eq!(ran.code, 6);
    let kinds: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(kinds, ["  5 rows (k1, k2, k3, …): [dir]/double exited with code 1: no k1 among 7 rows"]);
    let (_, document) = folder.json("job show j");
    assert_eq!(document["errors"][0]["rows"], 5, "{document}");
}
