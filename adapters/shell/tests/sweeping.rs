//! What a killed owner left is ended, and nothing else.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use understory_actors::BrainFactory;

use super::super::mark::{Mark, Owner, VARIABLE};
use super::super::process::{Process, boot};
use super::super::record::Record;
use super::super::sweep::is_recorded;
use super::{Home, ended, leaver, pid, runs, within};

/// A group of `sleep`s, killed when the test is over.
struct Sleepers {
    child: Child,
    leader: Process,
    /// The second process of the group, which outlives the first.
    member: i32,
}

impl Sleepers {
    /// Two sleepers that carry the mark.
    fn marked(mark: Mark) -> Self {
        let script = "sleep 1000 </dev/null >/dev/null & echo $!; exec sleep 1000 >/dev/null";
        Sleepers::of(Command::new("/bin/sh"), script, mark)
    }

    /// A shell that carries the mark and leads a group, and says which process is to be watched.
    fn of(mut shell: Command, script: &str, mark: Mark) -> Self {
        shell.args(["-c", script]).env(VARIABLE, mark.to_string()).process_group(0);
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        let leader = Process::find(child.id().cast_signed()).unwrap().unwrap();
        Sleepers { child, leader, member: pid(&said) }
    }

    /// Ends the leader alone.
    fn behead(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn record(&self, mark: Mark) -> Record {
        Record {
            group: self.leader.pid,
            start: self.leader.start,
            owner: mark.owner.pid,
            owner_start: mark.owner.start,
            boot: boot().unwrap(),
            mark: mark.to_string(),
        }
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_raw(self.leader.pid).unwrap(), Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that was, and is no more.
fn dead() -> Owner {
    let mut child = Command::new("/bin/sh").args(["-c", "read x"]).stdin(Stdio::piped()).spawn().unwrap();
    let process = Process::find(child.id().cast_signed()).unwrap().unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    Owner { pid: process.pid, start: process.start }
}

/// Sweeps a home with one record, and tells whether the group's leader or else member still runs and the record is there.
async fn swept(sleepers: &Sleepers, record: &Record) -> (bool, bool) {
    let home = Home::new();
    fs::create_dir_all(home.run_dir()).unwrap();
    let file = home.run_dir().join(format!("group-{}", record.group));
    fs::write(&file, serde_json::to_string(record).unwrap()).unwrap();
    within(home.shell.sweep()).await.unwrap();
    within(home.shell.sweep()).await.unwrap();
    (runs(sleepers.member), file.exists())
}

const KILLED: (bool, bool) = (false, false);
const LEFT_ALONE: (bool, bool) = (true, false);
const NOT_TOUCHED: (bool, bool) = (true, true);

#[tokio::test]
async fn a_dead_owners_group_is_killed() {
    let mark = Mark::next(dead());
    let sleepers = Sleepers::marked(mark);
    assert_eq!(swept(&sleepers, &sleepers.record(mark)).await, KILLED);
    assert!(!runs(sleepers.leader.pid));
}

/// The system cuts a program's name after 15 bytes: what it calls this one is no UTF-8.
#[tokio::test]
async fn a_worker_is_seen_under_any_name() {
    let dir = tempfile::TempDir::new().unwrap();
    let program = dir.path().join("fourteen_lettr\u{e9}");
    symlink("/bin/sh", &program).unwrap();
    let mark = Mark::next(dead());
    let mut shell = Command::new(&program);
    shell.arg0("sh");
    let sleepers = Sleepers::of(shell, "echo $$; exec >/dev/null; read x", mark);
    assert_eq!(swept(&sleepers, &sleepers.record(mark)).await, KILLED);
}

#[tokio::test]
async fn a_leader_that_left_its_group_is_killed() {
    let (home, mark) = (Home::new(), Mark::next(dead()));
    let fifo = home.fifo();
    let script = format!("set {}; echo $$; exec >/dev/null; {}", fifo.display(), leaver());
    let mut sleepers = Sleepers::of(Command::new("/bin/sh"), &script, mark);
    assert_eq!(pid(&fs::read_to_string(fifo).unwrap()), sleepers.leader.pid);
    sleepers.leader = Process::find(sleepers.leader.pid).unwrap().unwrap();
    assert_ne!(sleepers.leader.group, sleepers.leader.pid);
    assert_eq!(swept(&sleepers, &sleepers.record(mark)).await, KILLED);
}

#[tokio::test]
async fn a_group_whose_leader_ended_is_known_by_its_mark() {
    let mark = Mark::next(dead());
    let mut sleepers = Sleepers::marked(mark);
    sleepers.behead();
    let other = Record { mark: Mark::next(mark.owner).to_string(), ..sleepers.record(mark) };
    assert_eq!(swept(&sleepers, &other).await, LEFT_ALONE);
    assert_eq!(swept(&sleepers, &sleepers.record(mark)).await, KILLED);
}

#[tokio::test]
async fn a_group_that_is_not_surely_the_recorded_one_is_left_alone() {
    let mark = Mark::next(dead());
    let sleepers = Sleepers::marked(mark);
    let record = sleepers.record(mark);
    // The mark says nothing against a leader's start: it is in the environment of whatever the worker started.
    let later = Record { start: record.start + 1, ..record.clone() };
    assert_eq!(swept(&sleepers, &later).await, LEFT_ALONE);
    let rebooted = Record { boot: "another".to_owned(), ..record };
    assert_eq!(swept(&sleepers, &rebooted).await, LEFT_ALONE);
}

#[tokio::test]
async fn a_living_owners_group_is_not_touched() {
    let owner = Owner::current().unwrap();
    let mark = Mark::next(owner);
    let sleepers = Sleepers::marked(mark);
    let record = sleepers.record(mark);
    assert_eq!(swept(&sleepers, &record).await, NOT_TOUCHED);
    // Another process has this one's pid: the owner is dead.
    let recycled = Record { owner_start: owner.start - 1, ..record };
    assert_eq!(swept(&sleepers, &recycled).await, KILLED);
}

#[tokio::test]
async fn files_of_dead_owners_are_removed() {
    let home = Home::new();
    within(home.shell.sweep()).await.unwrap();
    fs::create_dir_all(home.run_dir()).unwrap();
    let (dead, alive) = (Mark::next(dead()), Mark::next(Owner::current().unwrap()));
    let kept = [format!("new-{alive}"), "notes.txt".to_owned(), format!("row-{alive}.json"), "row-x.json".to_owned()];
    let stale = [format!("row-{dead}.json"), format!("new-{dead}"), "group-4".to_owned()];
    for name in kept.iter().chain(&stale) {
        fs::write(home.run_dir().join(name), "{").unwrap();
    }
    within(home.shell.sweep()).await.unwrap();
    assert_eq!(home.run_files(), kept);
}

#[tokio::test]
async fn a_sweep_leaves_the_turns_of_its_own_process() {
    let home = Home::new();
    let begun = home.begin("sleep 1000 & echo $! > \"$1\"; wait").await;
    within(home.shell.sweep()).await.unwrap();
    assert!(runs(pid(&begun.said)));
    assert_eq!(home.run_files().len(), 2);
    begun.cancel.cancel();
    within(begun.turn).await.unwrap().unwrap_err();
    ended(pid(&begun.said)).await;
}

#[test]
fn the_leaders_start_decides_and_else_the_mark() {
    let record = Record { group: 10, start: 500, owner: 1, owner_start: 1, boot: String::new(), mark: String::new() };
    let process = |pid, start, zombie| Process { pid, group: 10, start, zombie };
    for (members, marked, expected) in [
        (vec![], true, false),
        (vec![process(10, 500, false)], false, true),
        (vec![process(10, 500, true), process(11, 501, false)], false, true),
        (vec![process(10, 499, false), process(11, 501, false)], true, false),
        (vec![process(11, 501, false)], true, true),
        (vec![process(11, 500, false)], false, false),
    ] {
        assert_eq!(is_recorded(&record, &members, |_| Ok(marked)).unwrap(), expected, "{members:?} {marked}");
    }
}

#[test]
fn a_stat_line_is_read_after_the_name() {
    let rest = "S 1 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 8 9";
    for (name, zombie) in [("sh", false), ("a) Z (b c", false), (")", false)] {
        let expected = Process { pid: 42, group: 77, start: 123_456, zombie };
        assert_eq!(Process::parse(&format!("42 ({name}) {rest}\n")), Some(expected), "{name}");
    }
    let zombie = Process::parse(&format!("42 (sh) {}", rest.replacen('S', "Z", 1))).unwrap();
    assert!(zombie.zombie);
    assert_eq!(Process::parse("42 (sh) S 1"), None);
}

/// A process that cannot be looked at for want of descriptors, say, may well live: its workers are not to be killed.
#[test]
fn what_the_system_does_not_say_is_an_error() {
    assert_eq!(Process::read(Path::new("/proc/0/stat")).unwrap(), None);
    assert!(Process::read(Path::new("/proc/self/")).is_err());
}
