//! Signals to a command that owns the store.

use std::io::Read;

use rustix::process::Signal;

use super::folder::Folder;
use super::resident::HELD;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j --concurrency 2";

fn folder() -> Folder {
    let folder = Folder::with_table(5);
    folder.worker("held", HELD);
    folder
}

#[test]
fn an_interrupted_job_goes_on_by_the_same_command() {
    let folder = Folder::with_table(5);
    // The first two end by themselves, and are done once others have taken their places.
    folder.worker("held", &format!("[ $UNDERSTORY_ROW -le 2 ] && echo done && exit\n{HELD}"));
    let mut job = folder.start(JOB);
    job.began(2);
    job.signal(Signal::INT);
    let ran = job.ended();
    assert_eq!(ran.code, 130);
    insta::assert_snapshot!(ran.err, @"
    job /root/j: 5 rows
    interrupted: what runs has 5 s to end; once more ends it at once
    error: interrupted: 2 of 5 rows are done
    hint: the same command goes on, and so does: understory job resume /root/j
    ");
    assert!(!folder.at("out.csv").exists());
    assert!(!folder.home().join("control.sock").exists());
    drop(job);
    // Nobody's work: the job stands as it is until somebody runs it.
    assert!(folder.ok("job show").contains("rows       5 rows: 2 completed, 3 pending"));
    assert_eq!(folder.lines("log").len(), 4);

    let mut job = folder.start(JOB);
    job.let_go();
    let ran = job.ended();
    assert_eq!(ran.code, 0);
    assert!(ran.err.starts_with("job /root/j goes on: 2 of 5 rows are done\n"), "{ran:?}");
    assert_eq!(folder.lines("out.csv").len(), 6);
    let runs: Vec<String> = folder.lines("log").into_iter().skip(4).collect();
    assert_eq!(runs.len(), 3, "rows already done are not run again: {runs:?}");
    assert_eq!(folder.json("show j/r00000003").1["runs"], 2);
    assert_eq!(folder.json("show j/r00000003").1["failures"], 0, "what was taken back is not charged");
}

#[test]
fn a_terminated_job_goes_on_by_job_resume() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    job.signal(Signal::TERM);
    let ran = job.ended();
    assert_eq!(ran.code, 143);
    assert!(ran.err.contains("job resume /root/j"), "{ran:?}");
    drop(job);
    let mut job = folder.start("job resume");
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert_eq!(folder.lines("out.csv").len(), 6);
}

#[test]
fn workers_that_do_not_end_are_killed_by_a_second_signal() {
    let folder = folder();
    folder.pipe("alive");
    // Its end of the pipe is closed when it and all it started are gone.
    folder.worker("held", "trap '' TERM INT\nexec 9>alive\necho deaf >began\nwhile :; do : <gate; done");
    let alive = folder.at("alive");
    let gone = std::thread::spawn(move || std::fs::read(alive).unwrap());
    let mut job = folder.start(&JOB.replace("--concurrency 2", "--concurrency 1"));
    assert_eq!(job.began(1), ["deaf"]);
    job.signal(Signal::INT);
    job.says("once more ends it at once");
    job.signal(Signal::TERM);
    let ran = job.ended();
    assert_eq!(ran.code, 130, "the first signal decides: {ran:?}");
    assert!(gone.join().unwrap().is_empty());
    let counts = folder.json("job show").1["counts"].take();
    assert_eq!(counts["running"], 1, "nobody waited for it to be taken back: {counts}");
}

#[test]
fn run_ends_at_a_signal_and_tells_how_to_go_on() {
    let folder = folder();
    folder.ok("spawn ada --brain shell --command ./held --detach -m begin");
    let mut run = folder.start("run");
    run.began(1);
    assert!(folder.ok("tree").contains("ada \"Lark\"  running"));
    run.signal(Signal::TERM);
    let ran = run.ended();
    assert_eq!(ran.code, 143);
    insta::assert_snapshot!(ran.err, @"
    running /root; Ctrl-C ends it
    terminated: what runs has 5 s to end; once more ends it at once
    error: terminated
    hint: understory run /root
    ");
    assert!(folder.ok("tree").contains("ada \"Lark\"  queued"), "{}", folder.ok("tree"));
}

#[test]
fn an_interrupted_spawn_keeps_its_message() {
    let folder = folder();
    let mut spawn = folder.start("spawn ada --brain shell --command ./held -m begin");
    spawn.began(1);
    spawn.signal(Signal::INT);
    let ran = spawn.ended();
    assert_eq!(ran.code, 130);
    assert!(ran.err.contains("understory run /root/ada"), "{ran:?}");
    drop(spawn);
    let mut run = folder.start("run ada --until-idle");
    run.let_go();
    assert_eq!(run.ended().code, 0);
    assert!(folder.ok("tree").contains("ada \"Lark\"  completed  1 turn\n"));
}

#[test]
fn a_file_that_does_not_come_is_not_waited_for_beyond_a_signal() {
    let folder = folder();
    folder.pipe("pipe");
    for flag in ["--template", "--script"] {
        let brain = if flag == "--script" { "" } else { "--brain shell --command true" };
        let mut job = folder.start(&format!("job run in.csv --out out.csv {brain} {flag} pipe"));
        let pipe = folder.reached("pipe");
        job.signal(Signal::INT);
        let ran = job.ended();
        assert_eq!((ran.code, ran.err.as_str()), (130, "error: interrupted\n"), "{flag}");
        drop(pipe);
    }
}

#[test]
fn a_result_that_nobody_reads_is_not_waited_for_beyond_a_signal() {
    let folder = folder();
    // More than a pipe holds.
    folder.worker("long", "head -c 200000 /dev/zero | tr '\\0' x");
    folder.ok("spawn ada --brain shell --command ./long -m go --detach");
    let mut waits = folder.start("assign ada more");
    let mut out = waits.stdout();
    out.read_exact(&mut [0]).unwrap();
    waits.signal(Signal::TERM);
    assert_eq!(waits.ended().code, 143);
    drop(out);
}

#[test]
fn an_interrupted_wait_goes_on_by_the_same_command() {
    let folder = folder();
    folder.ok("spawn ada --brain shell --command ./held --detach -m begin");
    let mut wait = folder.start("wait ada");
    wait.began(1);
    wait.signal(Signal::INT);
    let ran = wait.ended();
    assert_eq!((ran.code, ran.out.as_str()), (130, ""));
    insta::assert_snapshot!(ran.err, @"
    interrupted: what runs has 5 s to end; once more ends it at once
    error: interrupted
    hint: the same command goes on
    ");
    let mut wait = folder.start("wait ada");
    wait.let_go();
    assert_eq!(wait.ended().out, "/root/ada  completed  \n");
}
