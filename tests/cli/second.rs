//! A second terminal, while another process has the store.

use rustix::process::{Pid, Signal, kill_process};

use super::folder::Folder;
use super::resident::HELD;

const JOB: &str = "job run in.csv --id-column id --brain shell --command ./held --out out.csv --name j --concurrency 2";

fn folder() -> Folder {
    let folder = Folder::with_table(5);
    folder.worker("held", HELD);
    folder
}

#[test]
fn a_running_job_is_shown_and_found_in_the_tree() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    assert!(folder.home().join("control.sock").exists());
    insta::assert_snapshot!(folder.ok("tree"), @"
    /root  idle
      j  running  0 of 5 rows done, 0 failed, 2 running
    ");
    let (code, shown) = folder.json("job show");
    assert_eq!(code, 0);
    assert_eq!(shown["state"], "running");
    let counts = serde_json::json!({ "pending": 3, "running": 2, "completed": 0, "failed": 0, "skipped": 0 });
    assert_eq!(shown["counts"], counts);
    assert!(folder.ok("job show j").contains("rows       5 rows: 2 running, 3 pending"));
    assert!(folder.ok("job list").starts_with("/root/j  running  5 rows: 2 running, 3 pending"));
    assert!(folder.ok("show j/r00000001").contains("status     running"));
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert!(!folder.home().join("control.sock").exists(), "the socket goes with its owner");
}

#[test]
fn a_running_job_is_cancelled() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    assert_eq!(folder.ok("job cancel"), "/root/j is being cancelled: rows that run may finish\n");
    let (code, again) = folder.json("job cancel j");
    assert_eq!((code, &again["new"]), (0, &serde_json::json!(false)));
    job.let_go();
    let ran = job.ended();
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.err, @"
    job /root/j: 5 rows
    job /root/j cancelled, 5 rows: 2 completed, 3 cancelled
    output: [dir]/out.csv
    ");
    let output = folder.lines("out.csv");
    assert_eq!(output.len(), 6, "the output has every row");
    assert_eq!(output.iter().filter(|line| line.contains(",cancelled,0,")).count(), 3, "{output:?}");
    assert_eq!(folder.lines("log").len(), 2);
    // What waits in it reads as cancelled wherever it is shown.
    assert_eq!(folder.json("show j/r00000005").1["status"], "cancelled");
    assert_eq!(folder.json("list --kind item --status cancelled").1["nodes"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_running_job_is_closed_and_resumed() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    assert_eq!(folder.ok("close j --yes"), "/root/j closed: 1 stopped\n");
    let ran = job.ended();
    assert_eq!(ran.code, 4);
    assert!(ran.err.ends_with("error: /root/j is closed\nhint: understory resume /root/j\n"), "{ran:?}");
    drop(job);
    assert_eq!(folder.run(JOB).code, 4, "the same command does not open what was closed");
    let mut job = folder.start("job resume j");
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert_eq!(folder.lines("out.csv").len(), 6);
    assert!(folder.ok("job list").starts_with("/root/j  completed  5 rows: 5 completed"));
}

#[test]
fn agents_are_spawned_and_given_work_by_the_process_that_has_the_store() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    assert_eq!(folder.ok("spawn ada --brain shell --command cat -m 'hello ada'"), "hello ada\n");
    assert_eq!(folder.ok("assign ada again"), "again\n");
    assert!(folder.ok("send ada 'a note'").starts_with("/root/ada: message "));
    // A message that starts no turn is read with the next one that does.
    assert_eq!(folder.ok("assign ada last"), "a note\n\nlast\n");
    let detached = folder.run("assign ada detached --detach");
    assert_eq!((detached.code, detached.err.as_str()), (0, ""), "its owner runs it");
    assert_eq!(folder.ok("wait ada"), "/root/ada  completed  detached\n");
    assert_eq!(folder.ok("close ada --yes"), "/root/ada closed: 1 stopped\n");
    assert_eq!(folder.run("assign ada more").code, 4);
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert!(folder.ok("show ada").contains("closed by  /root/ada"), "it is there in the next process");
}

#[test]
fn a_command_that_needs_the_store_for_itself_names_who_has_it() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    let pid = job.pid().as_raw_nonzero().get();
    for words in [JOB, "job resume j", "run"] {
        let (code, failure) = folder.json(words);
        assert_eq!(code, 4, "{words}: {failure}");
        assert_eq!(failure["code"], "in_use");
        assert_eq!(failure["details"]["pid"], pid);
        assert!(failure["message"].as_str().unwrap().contains(&format!("in use by process {pid}")), "{failure}");
    }
    job.let_go();
    assert_eq!(job.ended().code, 0);
    assert_eq!(folder.lines("log").len(), 5);
}

#[test]
fn a_wait_in_a_second_terminal_outlives_neither_its_deadline_nor_the_owner() {
    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    folder.worker("slow", ": <never");
    folder.pipe("never");
    folder.ok("spawn slow --brain shell --command ./slow --detach -m begin");
    let late = folder.run("--json wait slow --timeout 1");
    assert_eq!(late.code, 124);
    assert!(late.err.contains(r#""code":"deadline""#), "{late:?}");
    assert!(late.out.contains(r#""complete":false"#), "{late:?}");
    let waiting = folder.command("wait slow").spawn().unwrap();
    job.signal(Signal::INT);
    assert_eq!(job.ended().code, 130);
    // Either the owner ended under it, or it came too late for that and has the store itself now: then it waits on.
    kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
    let ran = folder.ended(waiting);
    assert!([1, 130, -1].contains(&ran.code), "{ran:?}");
}

#[test]
fn many_at_once_each_have_their_answer() {
    let folder = folder();
    folder.worker("answer", "cat");
    let commands = |n: usize| match n % 3 {
        0 => (format!("spawn a{n} --brain shell --command ./answer -m 'answer {n}'"), format!("answer {n}\n")),
        1 => (format!("spawn a{n}"), format!("/root/a{n} spawned\n")),
        _ => ("wait root_mate".to_owned(), "/root/root_mate  idle\n".to_owned()),
    };
    folder.ok("spawn root_mate");
    let all: Vec<_> = (0..12).map(|n| (commands(n), folder.command(&commands(n).0).spawn().unwrap())).collect();
    for ((words, expected), child) in all {
        let ran = folder.ended(child);
        assert_eq!((ran.code, ran.out), (0, expected), "{words}: {}", ran.err);
    }
    let (_, verified) = folder.json("store verify");
    assert_eq!((&verified["sound"], &verified["agents"]), (&serde_json::json!(true), &serde_json::json!(10)));
}

#[test]
fn a_process_that_has_the_store_ends_when_others_have_their_answers() {
    let folder = Folder::new();
    folder.pipe("gate2");
    folder.worker("first", "echo first >began; : <gate; echo one");
    folder.worker("second", "echo second >began; : <gate2; echo two");
    folder.ok("spawn idle --brain shell --command ./first -m go --detach");
    for (owner, said) in [("spawn first --brain shell --command ./first -m go", "one\n"), ("run idle --until-idle", "")]
    {
        let mut first = folder.start(owner);
        first.began(1);
        folder.ok("spawn second --brain shell --command ./second --or-existing");
        let second = folder.command("assign second go").spawn().unwrap();
        assert_eq!(first.began(1), ["second"], "it is the first's process that runs it");
        first.let_go();
        first.says("other terminals still wait");
        drop(folder.reached("gate2"));
        let ran = folder.ended(second);
        assert_eq!((ran.code, ran.out.as_str()), (0, "two\n"), "{}", ran.err);
        let ran = first.ended();
        assert_eq!((ran.code, ran.out.as_str()), (0, said), "{owner}");
    }
}

#[test]
fn a_home_too_deep_for_a_socket_has_one_all_the_same() {
    let folder = folder();
    let deep = folder.at(&"d".repeat(120));
    let words = format!("--home {} {JOB}", deep.display());
    let mut job = folder.start(&words);
    job.began(2);
    let shown = folder.ok(&format!("--home {} job show", deep.display()));
    assert!(shown.contains("2 running"), "{shown}");
    job.let_go();
    let ran = job.ended();
    assert_eq!(ran.code, 0);
    assert!(!ran.err.contains("warning"), "{ran:?}");
}

#[test]
fn the_socket_and_the_home_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let mut job = folder.start(JOB);
    job.began(2);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.home()), 0o700);
    assert_eq!(mode(&folder.home().join("control.sock")), 0o600);
    job.let_go();
    assert_eq!(job.ended().code, 0);
}

#[test]
fn a_first_message_is_answered_by_its_own_turn() {
    let folder = Folder::new();
    folder.worker("held", "read -r line; [ $line = one ] && echo began >began && : <gate; echo $line");
    let mut spawn = folder.start("spawn ada --brain shell --command ./held -m one");
    spawn.began(1);
    folder.ok("assign ada two --detach");
    spawn.let_go();
    let ran = spawn.ended();
    assert_eq!((ran.code, ran.out.as_str()), (0, "one\n"), "{}", ran.err);
}
