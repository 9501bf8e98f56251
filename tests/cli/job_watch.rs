//! `job watch`: a job that another process runs.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::folder::Folder;
use super::resident::HELD;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./held --attempts 1 --out out.csv --name j";

/// A job of three rows, of which the second fails once they are let go.
fn held() -> Folder {
    let folder = Folder::with_table(3);
    folder.worker("held", &format!("{HELD}\n[ \"$UNDERSTORY_ROW\" = 2 ] && exit 1\necho '{{}}'"));
    folder
}

#[test]
fn a_job_of_another_process_is_followed_to_its_end() {
    let folder = held();
    let mut job = folder.start(JOB);
    job.began(3);
    let mut watch = folder.command("--json --progress 1 job watch").spawn().unwrap();
    let mut told = std::io::BufReader::new(watch.stderr.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    let begun = next();
    assert_eq!((&begun["event"], &begun["counts"]["running"]), (&json!("begun"), &json!(3)));
    assert_eq!(next()["event"], "progress", "as often as it was asked for");
    job.let_go();
    let ended = std::iter::from_fn(|| Some(next())).find(|event| event["event"] != "progress").unwrap();
    assert_eq!((&ended["event"], &ended["counts"]["failed"]), (&json!("ended"), &json!(1)));
    assert_eq!(ended["slowest"].as_array().unwrap().len(), 3);
    let ran = folder.ended(watch);
    assert_eq!(ran.code, 6, "as that of the job itself: {ran:?}");
    let whole: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&whole["path"], &whole["errors"][0]["first"]), (&json!("/root/j"), &json!(["k2"])));
    let ran = job.ended();
    assert_eq!(ran.code, 6);
    // Nobody has it any more, and what came of it is told all the same.
    let again = folder.run("job watch j");
    assert_eq!(again.code, 6);
    assert!(again.err.starts_with("job /root/j completed, 3 rows: 2 completed, 1 failed\n"), "{again:?}");
    assert!(ran.err.ends_with(&again.err), "{ran:?} {again:?}");
}

#[test]
fn a_job_that_nobody_runs_any_more_is_told_with_how_it_goes_on() {
    let folder = held();
    let mut job = folder.start(JOB);
    job.began(3);
    let watch = folder.command("job watch j").spawn().unwrap();
    job.signal(Signal::KILL);
    job.ended();
    let ran = folder.ended(watch);
    assert_eq!(ran.code, 1);
    let said = "error: no process runs /root/j: running, 0 of 3\nhint: understory job resume /root/j\n";
    assert!(ran.err.ends_with(said), "{ran:?}");
    folder.ok("close j --yes");
    let ran = folder.run("job watch");
    assert_eq!((ran.code, ran.err.as_str()), (4, "error: /root/j is closed\nhint: understory resume /root/j\n"));
    assert_eq!(folder.run("job watch nowhere").code, 3);
}

#[test]
fn a_signal_ends_a_watch_and_not_the_job() {
    let folder = held();
    let mut job = folder.start(JOB);
    job.began(3);
    let mut watch = folder.command("--json job watch j").spawn().unwrap();
    let mut told = std::io::BufReader::new(watch.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut told, &mut String::new()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&watch), Signal::INT).unwrap();
    let said = std::io::read_to_string(told).unwrap();
    let failure: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(failure["code"], "interrupted");
    assert!(failure["hint"].as_str().unwrap().ends_with(" goes on with it"), "{failure}");
    assert_eq!(folder.ended(watch).code, 130);
    job.let_go();
    assert_eq!(job.ended().code, 6);
}

#[test]
fn rows_tried_again_by_another_process_are_followed() {
    let folder = held();
    let mut job = folder.start(JOB);
    job.began(3);
    job.let_go();
    assert_eq!(job.ended().code, 6);
    drop(job);
    folder.worker("held", &format!("{HELD}\necho '{{}}'"));
    let mut owner = folder.start("run");
    let retry = folder.command("job retry j").spawn().unwrap();
    assert_eq!(owner.began(1), ["2"]);
    owner.let_go();
    let ran = folder.ended(retry);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.starts_with("/root/j: 1 row is tried again\n"), "{ran:?}");
    assert!(ran.err.contains("job /root/j completed, 3 rows: 3 completed\n"), "{ran:?}");
    owner.signal(Signal::INT);
    owner.ended();
}
