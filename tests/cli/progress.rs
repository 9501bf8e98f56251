//! What a job tells of itself while it runs, and at its end.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::folder::Folder;

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
    let lines = told("--progress 1", "of 3 done");
    assert_eq!(lines[0], "job /root/j: 3 rows");
    assert!(lines[1].starts_with("job /root/j: 1 of 3 done, 0 failed, 1 running"), "{lines:?}");
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
