//! A worker does nothing before it is on record.

use std::process::Child;

use super::super::gate;
use super::super::process::Process;
use super::super::record::Record;
use super::{Home, pid};

#[tokio::test]
async fn a_worker_that_reads_nothing_is_on_record_when_it_begins() {
    let home = Home::new();
    let said = home.ask("echo $$; cat \"$1/group-$$\"; echo; cat /proc/$$/stat").await.unwrap();
    let mut lines = said.lines();
    let worker = pid(lines.next().unwrap());
    let record: Record = serde_json::from_str(lines.next().unwrap()).unwrap();
    let process = Process::parse(lines.next().unwrap()).unwrap();
    assert_eq!((process.pid, process.group), (worker, worker));
    assert_eq!((record.group, record.start), (worker, process.start));
    let owner = Process::find(std::process::id().cast_signed()).unwrap().unwrap();
    assert_eq!((record.owner, record.owner_start), (owner.pid, owner.start));
    assert_eq!(home.run_files(), [""; 0]);
}

fn behind_the_gate(home: &Home) -> Child {
    let seat = home.script("touch begun", &home.run_dir());
    let settings = super::ShellSettings::from_json(&seat.settings).unwrap();
    let path = home.shell.ground.allow.clone();
    gate::command(&settings, &settings.cwd, gate::borrowed(&path)).spawn().unwrap()
}

#[test]
fn a_gate_whose_owner_dies_lets_nothing_through() {
    let home = Home::new();
    let begun = home.dir.path().join("begun");
    let mut child = behind_the_gate(&home);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(125));
    assert!(!begun.exists());

    let mut child = behind_the_gate(&home);
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &[gate::OPEN]).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(begun.exists());
}
