//! Workers that mean harm: the job ends, each row with what it has brought or the reason why it has none, and nothing that
//! they started is left.

use std::fs;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;

use super::folder::Folder;
use super::resident::HELD;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./worker --out out.csv --name j --attempts 1 --concurrency 1";
const BINARY: &str = env!("CARGO_BIN_EXE_understory");
/// A process that is there longer than this is left.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much a worker writes to stderr, in bytes.
#[cfg(target_os = "linux")]
const FLOOD: usize = 256 << 20;

/// A folder with a table of `rows` rows and this worker.
fn folder(rows: usize, worker: &str) -> Folder {
    let folder = Folder::with_table(rows);
    folder.worker("worker", &worker.replace("BINARY", BINARY));
    folder
}

/// Tells when the last process that has this pipe open for writing is gone; somebody must open it.
fn last_gone(folder: &Folder, pipe: &str) -> Receiver<Vec<u8>> {
    folder.pipe(pipe);
    let (sender, receiver) = mpsc::channel();
    let alive = folder.at(pipe);
    std::thread::spawn(move || sender.send(fs::read(alive).unwrap()));
    receiver
}

/// Each row's state, and its result or error.
fn rows(folder: &Folder) -> String {
    let (_, page) = folder.json("job items j");
    let told = page["items"].as_array().unwrap().iter().map(|item| {
        let (_, shown) = folder.json(&format!("show j/r{:08}", item["row"].as_u64().unwrap()));
        let said = |value: &Value| value.as_str().map(str::to_owned);
        let said = said(&shown["result"]).or_else(|| said(&item["last_error"])).unwrap_or_default();
        format!("{}: {}", item["status"].as_str().unwrap(), said)
    });
    let told = told.collect::<Vec<_>>().join("\n");
    assert_eq!(folder.lines("out.csv").len(), folder.lines("in.csv").len(), "the output has every row once");
    assert_eq!(fs::read_dir(folder.home().join("run")).unwrap().count(), 0, "a worker is on record still");
    told
}

/// The most memory that a process has had, in KiB.
#[cfg(target_os = "linux")]
pub(crate) fn peak(pid: rustix::process::Pid) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Of stdout as much is read as a result may have, and then the worker is killed; of stderr the end is kept.
#[cfg(target_os = "linux")]
#[test]
fn a_flood_is_cut_and_takes_no_memory() {
    let worker = format!(
        "case $UNDERSTORY_ROW in
        1) exec 9>alive; trap '' TERM; yes & yes; echo not killed >>log;;
        2) head -c {FLOOD} /dev/zero | tr '\\0' x >&2; echo 'the end' >&2; exit 3;;
        3) {HELD}
           echo '{{}}';;
        esac"
    );
    let folder = folder(3, &worker);
    let gone = last_gone(&folder, "alive");
    let mut job = folder.start(JOB);
    assert_eq!(job.began(1), ["3"]);
    let peak = peak(job.pid());
    job.let_go();
    assert_eq!(job.ended().code, 6);
    gone.recv_timeout(PATIENCE).expect("a flood goes on");
    assert!(peak < FLOOD / 1024 / 2, "{peak} KiB for a flood of {} KiB", FLOOD / 1024);
    assert_eq!(folder.lines("log"), ["1 1", "2 1", "3 1"]);
    let mut told: Vec<char> = rows(&folder).chars().collect();
    told.dedup_by(|next, before| (*next, *before) == ('x', 'x'));
    insta::assert_snapshot!(told.into_iter().collect::<String>(), @"
    failed: [dir]/worker wrote more than a worker's stdout may hold, output_max = 262144 bytes as a report; let it write a file and print its name
    failed: [dir]/worker exited with code 3: …xthe end
    completed: {}
    ");
}

#[test]
fn a_worker_that_never_reads_ends_by_itself_or_by_its_deadline() {
    let folder = folder(
        3,
        "case $UNDERSTORY_ROW in
        1) echo '{\"read\":0}';;
        2) exec <&-; echo '{\"closed\":0}';;
        3) exec 9>alive; trap '' TERM; while :; do sleep 1000; done;;
        esac",
    );
    folder.write("in.csv", "id,n,seconds\nk1,1,\nk2,2,\nk3,3,1\n");
    // More than a pipe holds.
    folder.write("ask", &"x".repeat(200_000));
    let gone = last_gone(&folder, "alive");
    assert_eq!(folder.run(&format!("{JOB} --template ask --timeout-column seconds")).code, 6);
    gone.recv_timeout(PATIENCE).expect("a worker outlives its deadline");
    insta::assert_snapshot!(rows(&folder), @r#"
    completed: {"read":0}
    completed: {"closed":0}
    failed: worker exceeded max runtime of 1 s
    "#);
}

/// The first report is the row's result, whatever comes then: the same run is answered as before.
#[test]
fn a_second_report_changes_nothing() {
    let folder = folder(
        3,
        "[ $UNDERSTORY_ROW = 3 ] && : <done-1 && : <done-2 && echo '{\"n\":0}' && exit
        u='BINARY'
        \"$u\" report '{\"n\":1}' >>said 2>&1
        \"$u\" report '{\"n\":2}' >>said 2>&1
        \"$u\" report --stop '{\"n\":3}' >>said 2>&1
        echo '{\"n\":4}'
        : >done-$UNDERSTORY_ROW
        [ $UNDERSTORY_ROW = 1 ]",
    );
    ["done-1", "done-2"].into_iter().for_each(|name| folder.pipe(name));
    let ran = folder.run(JOB);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(rows(&folder), @r#"
    completed: {"n":1}
    completed: {"n":1}
    completed: {"n":0}
    "#);
    insta::assert_snapshot!(folder.read("said"), @r#"
    {"accepted":true}
    {"accepted":true}
    {"accepted":true}
    {"accepted":true}
    {"accepted":true}
    {"accepted":true}
    "#);
    assert_eq!(folder.lines("log"), ["1 1", "2 1", "3 1"], "a second report stops no job and starts no row again");
}

/// The first row's worker tries to report for the second, which is at work meanwhile, in every way there is.
#[test]
fn a_report_for_another_row_changes_nothing() {
    let folder = folder(
        2,
        "u='BINARY'
        other=${UNDERSTORY_PATH%1}2
        say() { echo \"> $*\" >>said; \"$@\" >>said 2>&1; }
        if [ $UNDERSTORY_ROW = 2 ]; then : >at_work; : <tried; echo '{\"by\":2}'; exit; fi
        : <at_work
        say env UNDERSTORY_PATH=$other \"$u\" report '{\"by\":1}'
        say env UNDERSTORY_PATH=$other UNDERSTORY_TOKEN=understory_0 \"$u\" report '{\"by\":1}'
        say \"$u\" tool call report '{\"result\":{\"by\":1},\"row\":2}'
        say \"$u\" tool call report \"{\\\"result\\\":{\\\"by\\\":1},\\\"path\\\":\\\"$other\\\"}\"
        say env -u UNDERSTORY_TOKEN \"$u\" report '{\"by\":1}'
        say env -u UNDERSTORY_TOKEN -u UNDERSTORY_PATH \"$u\" report '{\"by\":1}'
        : >tried
        echo '{\"own\":1}'",
    );
    folder.pipe("at_work");
    folder.pipe("tried");
    let ran = folder.run(&JOB.replace("--concurrency 1", "--concurrency 2"));
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(folder.read("said").replace(BINARY, "understory"), @r#"
    > env UNDERSTORY_PATH=/root/j/r00000002 understory report {"by":1}
    error: the token is not good for /root/j/r00000002
    > env UNDERSTORY_PATH=/root/j/r00000002 UNDERSTORY_TOKEN=understory_0 understory report {"by":1}
    error: the token is not good for /root/j/r00000002
    > understory tool call report {"result":{"by":1},"row":2}
    error: wrong arguments: unknown field `row`, expected `result` or `stop` at line 1 column 24
    > understory tool call report {"result":{"by":1},"path":"/root/j/r00000002"}
    error: wrong arguments: unknown field `path`, expected `result` or `stop` at line 1 column 25
    > env -u UNDERSTORY_TOKEN understory report {"by":1}
    error: tools are an agent's: who calls one says which agent it is, and proves it
    hint: UNDERSTORY_PATH and UNDERSTORY_TOKEN in the environment
    > env -u UNDERSTORY_TOKEN -u UNDERSTORY_PATH understory report {"by":1}
    error: tools are an agent's: who calls one says which agent it is, and proves it
    hint: UNDERSTORY_PATH and UNDERSTORY_TOKEN in the environment
    "#);
    insta::assert_snapshot!(rows(&folder), @r#"
    completed: {"own":1}
    completed: {"by":2}
    "#);
}

/// They hold the worker's pipes open, are deaf to requests and have children of their own.
#[test]
fn what_a_worker_leaves_running_is_killed_and_not_waited_for() {
    let folder = folder(
        2,
        "exec 9>alive-$UNDERSTORY_ROW
        trap '' TERM HUP INT
        i=0
        while [ $i -lt 20 ]; do
            (while :; do sleep 1000 & wait; done) &
            i=$((i + 1))
        done
        echo '{\"forked\":20}'
        [ $UNDERSTORY_ROW = 1 ]",
    );
    let gone = ["alive-1", "alive-2"].map(|pipe| last_gone(&folder, pipe));
    assert_eq!(folder.run(JOB).code, 6);
    gone.iter().for_each(|gone| drop(gone.recv_timeout(PATIENCE).expect("a child of a worker is left")));
    insta::assert_snapshot!(rows(&folder), @r#"
    completed: {"forked":20}
    failed: [dir]/worker exited with code 1
    "#);
}

/// A process that left its worker's group lives on, and its run is over: what it reports is nobody's.
#[test]
fn who_outlives_its_run_reports_nothing() {
    let folder = folder(
        2,
        "if [ $UNDERSTORY_ROW = 2 ]; then : >next; : <said; echo '{\"n\":2}'; exit; fi
        setsid sh -c ': >left; : <next; \"BINARY\" report \"{\\\"late\\\":1}\" >told 2>&1; : >said' &
        : <left
        echo '{\"n\":1}'",
    );
    ["left", "next", "said"].into_iter().for_each(|name| folder.pipe(name));
    let ran = folder.run(JOB);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(folder.read("told"), @"error: the token is not good for /root/j/r00000001");
    insta::assert_snapshot!(rows(&folder), @r#"
    completed: {"n":1}
    completed: {"n":2}
    "#);
}
