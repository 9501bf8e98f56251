//! Conversations of brains: kept before anything else is done, there after a crash, and begun anew after a failure.

use std::sync::{Arc, Mutex};

use super::crashes::{WITHIN, at_every_commit};
use super::table::Table;
use super::world::{Setting, World, at, pass, process, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Role, SESSION_MAX};

/// For each turn that came so far who was at it, what it was to go on with, and what it kept.
type Log = Arc<Mutex<Vec<String>>>;

fn refused(error: impl std::fmt::Display) -> BrainError {
    BrainError::refused(error.to_string())
}

/// A brain that goes on with its session or begins one, named for its turn and attempt, and then does as it is asked.
fn setting(log: &Log) -> Setting {
    let log = log.clone();
    World::setting().role("default", Role::with_brain("vendor", "")).brain("vendor", move |turn: Turn| {
        let log = log.clone();
        async move {
            let found = turn.session().unwrap_or("none").to_owned();
            let name = match turn.session() {
                Some(name) => name.to_owned(),
                None => format!("s{}.{}", turn.number(), turn.attempt()),
            };
            turn.keep_session(&name).await.map_err(refused)?;
            log.lock().unwrap().push(format!("{}: {found}, {name}", turn.path().name()));
            match turn.row().map_or(turn.text(), |row| row.item_id.to_string()).as_str() {
                "fail" if turn.number() == 1 => Err(BrainError::refused("once")),
                "hang" if turn.number() == 1 => std::future::pending().await,
                _ => Ok(Response { report: Some("{}".to_owned()), ..Response::text("done") }),
            }
        }
    })
}

fn logged(log: &Log) -> Vec<String> {
    let mut lines = std::mem::take(&mut *log.lock().unwrap());
    lines.sort();
    lines
}

#[test]
fn an_agents_turns_go_on_with_one_conversation_in_another_process_too() {
    let log = Log::default();
    let rows = process(async || {
        let world = setting(&log).open().await;
        world.spawn("/root/a", "vendor").await;
        for text in ["one", "fail", "three"] {
            world.assign("/root/a", text).await.unwrap();
        }
        world.abandon()
    });
    process(async || {
        let world = setting(&log).over(rows).open().await;
        world.system.run(&at("/root")).await.unwrap();
        world.assign("/root/a", "four").await.unwrap();
        world.end().await;
    });
    assert_eq!(logged(&log), ["a: none, s1.1", "a: s1.1, s1.1", "a: s1.1, s1.1", "a: s1.1, s1.1"]);
}

#[test]
fn a_row_goes_on_after_a_crash_and_begins_anew_after_a_failure() {
    let (log, table) = (Log::default(), Table::text("id\nfail\nhang\n"));
    let rows = process(async || {
        let world = setting(&log).open().await;
        world.system.start_job(table.request("vendor")).await.unwrap();
        until(async || log.lock().unwrap().len() == 2).await;
        pass(60).await;
        world.abandon()
    });
    let first = ["r00000001: none, s1.1", "r00000001: none, s2.2", "r00000002: none, s1.1"];
    assert_eq!(logged(&log), first);
    process(async || {
        let world = setting(&log).over(rows).open().await;
        let job = world.system.start_job(table.request("vendor")).await.unwrap().job.path;
        world.job_over(&job).await;
        world.end().await;
    });
    assert!(logged(&log).contains(&"r00000002: s1.1, s1.1".to_owned()), "the row that hung goes on");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_has_a_short_name() {
    let world = World::setting().brain("vendor", |turn: Turn| async move {
        let long = turn.keep_session(&"x".repeat(SESSION_MAX + 1)).await.unwrap_err();
        turn.keep_session(&"x".repeat(SESSION_MAX)).await.map_err(refused)?;
        Ok(Response::text(long.to_string()))
    });
    let world = world.open().await;
    world.spawn("/root/a", "vendor").await;
    let outcome = world.assign("/root/a", "go").await.unwrap();
    assert_eq!(outcome.content, "session has 1025 bytes, over the limit of 1024");
    world.end().await;
}

/// What was kept is found by whatever runs next, unless that begins anew for a failure.
#[test]
fn what_was_kept_survives_a_crash_at_every_commit() {
    let (log, table) = (Log::default(), Table::text("id\nplain\nfail\n"));
    let commits = at_every_commit(
        async |faulty| {
            log.lock().unwrap().clear();
            let _ = std::fs::remove_file(table.output_path());
            let Ok(world) = setting(&log).try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world, &table)).await;
            assert!(matches!(outcome, Ok(Ok(()))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let before = logged(&log);
            let world = setting(&log).over(rows).open().await;
            // Rows that the process died in, and what their last run kept.
            let mut cut = Vec::new();
            for job in world.system.jobs(&at("/root"), None, 9).await.unwrap() {
                let running = world.items(&job.path).await.into_iter().filter(|view| view.status == "running");
                cut.extend(running.map(|view| (format!("r{:08}", view.number), format!("s{0}.{0}", view.item.run))));
            }
            cut.retain(|(row, kept)| before.contains(&format!("{row}: none, {kept}")));
            tokio::time::timeout(WITHIN, host(&world, &table)).await.unwrap().unwrap();
            let after = logged(&log);
            let goes_on = |(row, kept): &(String, String)| after.contains(&format!("{row}: {kept}, {kept}"));
            assert!(cut.iter().all(goes_on), "{point:?}: {cut:?} were cut short, {after:?}");
            world.end().await;
        },
    );
    assert!(commits >= 8, "{commits} commits");
}

async fn host(world: &World, table: &Table) -> Result<(), Error> {
    let job = world.system.start_job(table.request("vendor")).await?.job.path;
    world.system.job_finished(&job).await?;
    Ok(())
}
