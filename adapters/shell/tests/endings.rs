//! Nothing that a worker started outlives its turn.

use std::fs;
use std::process::Command;

use rustix::process::Pid;
use tokio::task::yield_now;

use super::super::exit::Exit;
use super::super::process::Process;
use super::{Home, ended, leaver, pid, runs, within};

/// Its own end is heard of, and left to be waited for, in both ways.
#[tokio::test]
async fn an_exit_is_heard_without_being_waited_for() {
    for by_signal in [false, true] {
        let mut child =
            Command::new("/bin/sh").args(["-c", "read x; exit 5"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let leader = Pid::from_child(&child);
        let mut exit = if by_signal { Exit::by_signal(leader).unwrap() } else { Exit::of(leader).unwrap() };
        assert!(futures::FutureExt::now_or_never(exit.ended()).is_none(), "by signal: {by_signal}");
        drop(child.stdin.take());
        within(exit.ended()).await.unwrap();
        within(exit.ended()).await.unwrap();
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(5), "by signal: {by_signal}");
    }
}

#[tokio::test]
async fn what_a_worker_leaves_running_is_killed_with_its_end() {
    let home = Home::new();
    for script in
        ["sleep 1000 & echo $!", "(trap '' TERM HUP; sleep 1000 & echo $!)", "sleep 1000 & echo $! >&2; exit 1"]
    {
        let said = match home.ask(script).await {
            Ok(said) => said,
            Err(error) => error.to_string().rsplit(' ').next().unwrap().to_owned(),
        };
        assert!(!runs(pid(&said)), "{script}");
        assert_eq!(home.run_files(), [""; 0], "{script}");
    }
}

#[tokio::test]
async fn a_cancelled_worker_is_asked_to_end() {
    let home = Home::new();
    let bye = home.dir.path().join("bye");
    let begun = home.begin("trap 'echo bye > bye; exit 0' TERM; sleep 1000 & echo $! > \"$1\"; wait").await;
    assert!(runs(pid(&begun.said)));
    begun.cancel.cancel();
    let error = within(begun.turn).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the worker was cancelled");
    assert_eq!(fs::read_to_string(bye).unwrap(), "bye\n");
    assert!(!runs(pid(&begun.said)));
    assert_eq!(home.run_files(), [""; 0]);
}

/// It takes the grace a worker has, two seconds.
#[tokio::test]
async fn a_cancelled_worker_that_goes_on_is_killed() {
    let home = Home::new();
    let begun = home.begin("trap '' TERM; sleep 1000 & echo $! > \"$1\"; while :; do wait; done").await;
    begun.cancel.cancel();
    within(begun.turn).await.unwrap().unwrap_err();
    assert!(!runs(pid(&begun.said)));
    assert_eq!(home.run_files(), [""; 0]);
}

#[tokio::test]
async fn a_cancelled_worker_that_left_its_group_is_ended() {
    let home = Home::new();
    let begun = home.begin(&leaver()).await;
    assert_ne!(Process::find(pid(&begun.said)).unwrap().unwrap().group, pid(&begun.said));
    begun.cancel.cancel();
    within(begun.turn).await.unwrap().unwrap_err();
    assert!(!runs(pid(&begun.said)));
    assert_eq!(home.run_files(), [""; 0]);
}

#[tokio::test]
async fn a_turn_cancelled_before_it_begins_starts_nothing() {
    let home = Home::new();
    let (seat, row) = (home.script("touch begun", &home.run_dir()), super::row("{}", None));
    let turn = understory_actors::Turn::detached(seat, Vec::new(), Some(row));
    turn.cancel().cancel();
    assert_eq!(home.turn(turn).await.unwrap_err().to_string(), "the worker was cancelled");
    assert!(!home.run_dir().exists(), "not even a record");
}

#[tokio::test]
async fn a_dropped_turn_is_killed() {
    let home = Home::new();
    let begun = home.begin("trap '' TERM HUP; sleep 1000 & echo $! $$ > \"$1\"; while :; do wait; done").await;
    let (stray, worker) = begun.said.split_once(' ').unwrap();
    assert_eq!(home.run_files().len(), 2, "{:?}", home.run_files());
    begun.turn.abort();
    assert!(within(begun.turn).await.unwrap_err().is_cancelled());
    ended(pid(stray)).await;
    ended(pid(worker)).await;
    within(async {
        while !home.run_files().is_empty() {
            yield_now().await;
        }
    })
    .await;
}

/// A turn dropped while its process is being made: the group is killed as soon as it is there.
#[tokio::test]
async fn a_turn_dropped_at_its_start_leaves_nothing() {
    let home = Home::new();
    let turn =
        understory_actors::Turn::detached(home.script("echo > begun; sleep 1000", &home.run_dir()), Vec::new(), None);
    let mut brain = understory_actors::BrainFactory::make(&home.shell, turn.seat()).unwrap();
    let polled = futures::FutureExt::now_or_never(brain.turn_boxed(turn));
    assert!(polled.is_none(), "the process is made elsewhere");
    // Both processes are made one after the other, so the next one's answer comes after the first was there.
    assert_eq!(home.ask("echo ok").await.unwrap(), "ok");
    within(async {
        while !home.run_files().is_empty() {
            yield_now().await;
        }
    })
    .await;
    assert!(!home.dir.path().join("begun").exists());
}
