//! Where the rows of a job are worked on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use understory_store::{Checkout, Directory, Event};

use super::directories::{Disk, on};
use super::table::Table;
use super::world::{LONG, Setting, World, at, process, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{OnDrift, Role, SpawnRequest};

type Log = Arc<Mutex<Vec<String>>>;

/// Workers that note where they are and what they were told, and do what their rows say.
fn setting(disk: &Disk, log: &Log, on_drift: OnDrift) -> Setting {
    let (working, log, last) = (disk.clone(), log.clone(), Arc::new(Notify::new()));
    let role = Role::with_brain("worker", "").on_drift(on_drift);
    World::setting().surveyor(Arc::new(disk.clone())).role("default", role).brain("worker", move |turn: Turn| {
        let (disk, log, last) = (working.clone(), log.clone(), last.clone());
        async move {
            let row = turn.row().unwrap().clone();
            let directory = turn.directory().map(|directory| directory.display().to_string()).unwrap_or_default();
            let drift = turn.drift().map(|drift| format!(" ({drift})")).unwrap_or_default();
            log.lock().unwrap().push(format!("{} {directory}{drift}", row.item_id));
            match row.item_id.split('-').next() {
                Some("commit") => disk.set("/repo", on("main", &row.item_id)),
                Some(word @ ("branch" | "push")) => {
                    disk.set("/repo", if word == "push" { on("main", &row.item_id) } else { on("dev", "a1") });
                    // A look is good for a second.
                    tokio::time::advance(Duration::from_secs(2)).await;
                }
                Some("wait") => last.notified().await,
                Some("last") => last.notify_one(),
                Some("hang") if row.run == 1 => std::future::pending().await,
                Some(word @ ("stop" | "blind")) if row.run == 1 => {
                    turn.cancelled().await;
                    if word == "blind" {
                        disk.forget();
                    }
                    return Err(BrainError::refused("stopped"));
                }
                Some("edit") if row.run == 1 => {
                    disk.set("/repo", on("main", &row.item_id));
                    std::future::pending().await
                }
                Some("child") => {
                    turn.spawn("kid", None).await.map_err(|error| BrainError::refused(error.to_string()))?;
                }
                Some("fail") if row.run == 1 => return Err(BrainError::refused("once")),
                _ => {}
            }
            Ok(Response::report("{}"))
        }
    })
}

fn request(table: &Table) -> JobRequest {
    let directory = Some(PathBuf::from("/repo"));
    JobRequest { directory, concurrency: 1, ..table.request("worker") }
}

fn logged(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

/// Lines of rows that started together, whichever was first.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

async fn kept(world: &World, path: &understory_paths::AgentPath) -> Directory {
    world.system.directory(path).await.unwrap().expect("it has a directory")
}

async fn drifts(world: &World) -> usize {
    let news = world.store().news(0, 10_000).await.unwrap();
    news.told.iter().filter(|told| matches!(told.event, Event::Drifted { .. })).count()
}

#[tokio::test(start_paused = true)]
async fn rows_are_worked_on_there_and_what_they_do_is_no_drift() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::text("id\na\ncommit-1\nb\ncommit-2\n");
    let world = setting(&disk, &log, OnDrift::Block).open().await;
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    world.job_over(&job).await;
    assert_eq!(logged(&log), ["a /repo", "commit-1 /repo", "b /repo", "commit-2 /repo"]);
    assert_eq!((kept(&world, &job).await.left, drifts(&world).await), (Some(on("main", "commit-2")), 0));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_works_where_its_owner_does_unless_it_is_said() {
    let (disk, log) = (Disk::new(), Log::default());
    disk.set("/else", Checkout::Plain);
    let world = setting(&disk, &log, OnDrift::Warn).open().await;
    let owner = SpawnRequest { directory: Some("/else".into()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![owner]).await.unwrap();
    let tables = ["id\none\n", "id\ntwo\n", "id\nthree\n"].map(Table::text);
    let owned = JobRequest { owner: at("/root/a"), directory: None, ..request(&tables[0]) };
    let said = JobRequest { owner: at("/root/a"), name: Some("said".to_owned()), ..request(&tables[1]) };
    let none = JobRequest { directory: None, ..request(&tables[2]) };
    for request in [owned, said, none] {
        let job = world.system.start_job(request).await.unwrap().job.path;
        world.job_over(&job).await;
    }
    assert_eq!(logged(&log), ["one /else", "two /repo", "three "]);
    let missing = JobRequest { directory: Some("/none".into()), ..request(&Table::text("id\nx\n")) };
    assert!(world.system.start_job(missing).await.is_err());
    world.end().await;
}

/// Not even a row at work may check out another branch: that is told, held or nobody's matter, as the role says.
#[tokio::test(start_paused = true)]
async fn another_branch_is_told_to_the_rows_that_start_then() {
    for (policy, told) in [(OnDrift::Warn, " (branch main -> branch dev)"), (OnDrift::Block, ""), (OnDrift::Ignore, "")]
    {
        let (disk, log) = (Disk::new(), Log::default());
        let table = Table::text("id\nwait\nbranch-1\nb\nlast\n");
        let world = setting(&disk, &log, policy).open().await;
        let job = world.system.start_job(JobRequest { concurrency: 2, ..request(&table) }).await.unwrap().job.path;
        if policy == OnDrift::Block {
            until(async || world.system.job(&job).await.unwrap().job.pause.is_some()).await;
            assert_eq!(sorted(logged(&log)), ["branch-1 /repo", "wait /repo"], "nothing more starts");
            let held = kept(&world, &job).await;
            assert!(held.is_held() && held.left == Some(on("main", "a1")), "{held:?}");
            world.system.accept_directory(&job).await.unwrap();
            world.job_over(&job).await;
            assert_eq!(logged(&log), ["b /repo", "last /repo"]);
        } else {
            world.job_over(&job).await;
            let mut met = logged(&log);
            let later = met.split_off(2);
            assert_eq!(sorted(met), ["branch-1 /repo", "wait /repo"], "{policy:?}");
            assert_eq!(later, [format!("b /repo{told}"), "last /repo".to_owned()], "{policy:?}");
        }
        assert_eq!(drifts(&world).await, usize::from(policy != OnDrift::Ignore), "{policy:?}");
        assert_eq!(kept(&world, &job).await.left, Some(on("dev", "a1")), "{policy:?}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_theirs_while_rows_are_at_work_and_somebody_elses_otherwise() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::text("id\nwait\npush-1\nb\nlast\nstop-1\nc\n");
    let world = setting(&disk, &log, OnDrift::Warn).open().await;
    let job = world.system.start_job(JobRequest { concurrency: 2, ..request(&table) }).await.unwrap().job.path;
    until(async || log.lock().unwrap().len() == 6).await;
    assert!(logged(&log).iter().all(|line| line.ends_with(" /repo")), "nothing is told of what a row did");
    world.system.pause_job(&job, "a while").await.unwrap();
    world.system.interrupt(&understory_store::keys::item_path(&job, 5).unwrap()).await.unwrap();
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 0).await;
    disk.set("/repo", on("main", "z9"));
    tokio::time::advance(Duration::from_secs(2)).await;
    world.system.unpause_job(&job).await.unwrap();
    world.job_over(&job).await;
    assert_eq!(logged(&log), ["stop-1 /repo (commit push-1 -> z9)"]);
    assert_eq!(drifts(&world).await, 1);
    world.end().await;
}

/// What a row did is its own though nobody could tell how it left the directory.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_when_a_row_ended_is_taken_for_its_own() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::text("id\nblind-1\nb\n");
    let world = setting(&disk, &log, OnDrift::Block).open().await;
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    until(async || log.lock().unwrap().len() == 1).await;
    world.system.pause_job(&job, "a while").await.unwrap();
    world.system.interrupt(&understory_store::keys::item_path(&job, 1).unwrap()).await.unwrap();
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 0).await;
    disk.set("/repo", on("main", "b2"));
    tokio::time::advance(Duration::from_secs(2)).await;
    world.system.unpause_job(&job).await.unwrap();
    world.job_over(&job).await;
    assert_eq!((kept(&world, &job).await.left, drifts(&world).await), (Some(on("main", "b2")), 0));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_job_goes_on_when_the_directory_is_as_it_was() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::text("id\nwait\nbranch-1\nb\nlast\n");
    let world = setting(&disk, &log, OnDrift::Block).open().await;
    let job = world.system.start_job(JobRequest { concurrency: 2, ..request(&table) }).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.pause.is_some()).await;
    disk.set("/repo", on("main", "a1"));
    tokio::time::advance(Duration::from_secs(2)).await;
    world.system.unpause_job(&job).await.unwrap();
    world.job_over(&job).await;
    assert_eq!((kept(&world, &job).await.found, drifts(&world).await), (None, 1));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_item_works_where_its_job_does_and_its_children_with_it() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::text("id\nchild\n");
    let world = setting(&disk, &log, OnDrift::Warn).open().await;
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    world.job_over(&job).await;
    let item = understory_store::keys::item_path(&job, 1).unwrap();
    for path in [item.clone(), item.join("kid").unwrap()] {
        assert_eq!(kept(&world, &path).await.path, "/repo", "{path}");
    }
    let refused = world.system.set_directory(&item, Path::new("/repo")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("{item} is a job's item, which cannot be asked to work elsewhere than its job")
    );
    world.end().await;
}

/// Each process runs one row at the most: the next begins with what it finds.
#[test]
fn a_job_that_goes_on_elsewhere_than_it_was_left_is_told_or_paused() {
    for (policy, expected) in [(OnDrift::Warn, "b /repo (branch main -> branch dev)"), (OnDrift::Block, "b /repo")] {
        let (disk, log) = (Disk::new(), Log::default());
        let table = Table::text("id\na\nhang-1\nb\n");
        let rows = process(async || {
            let world = setting(&disk, &log, policy).open().await;
            world.system.start_job(request(&table)).await.unwrap();
            until(async || log.lock().unwrap().len() == 2).await;
            world.abandon()
        });
        disk.set("/repo", on("dev", "a1"));
        logged(&log);
        process(async || {
            let world = setting(&disk, &log, policy).over(rows).open().await;
            let job = world.system.start_job(request(&table)).await.unwrap().job.path;
            if policy == OnDrift::Block {
                until(async || world.system.job(&job).await.unwrap().job.pause.is_some()).await;
                let view = world.system.job(&job).await.unwrap();
                let reason = view.job.pause.unwrap().reason;
                assert!(reason.contains("is not as it was left: branch main -> branch dev; understory dir accept"));
                assert!(kept(&world, &job).await.is_held());
                assert_eq!(logged(&log), Vec::<String>::new(), "nothing starts");
                assert_eq!(world.items(&job).await[1].item.failures, 0);
                world.system.accept_directory(&job).await.unwrap();
            }
            world.job_over(&job).await;
            let mut met = logged(&log);
            met.sort();
            assert_eq!(met.len(), 2, "{met:?}");
            match policy {
                OnDrift::Block => assert!(met.contains(&expected.to_owned()), "{met:?}"),
                _ => assert!(met.iter().any(|line| line.ends_with("(branch main -> branch dev)")), "{met:?}"),
            }
            assert_eq!(drifts(&world).await, 1);
            world.end().await;
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_rows_cost_few_looks() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::of(1000);
    let world = setting(&disk, &log, OnDrift::Warn).open().await;
    let before = disk.looks("/repo");
    let job = world.system.start_job(JobRequest { concurrency: 16, ..request(&table) }).await.unwrap().job.path;
    world.job_over(&job).await;
    let looks = disk.looks("/repo") - before;
    assert!(looks <= 250, "{looks} looks");
    assert_eq!(world.system.set_directory(&job, Path::new("/repo")).await.unwrap().path, "/repo");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn how_rows_leave_a_directory_says_nothing_of_the_one_that_was_set_meanwhile() {
    let (disk, log) = (Disk::new(), Log::default());
    disk.set("/else", on("dev", "z9"));
    let table = Table::text("id\nstop-1\nb\n");
    let world = setting(&disk, &log, OnDrift::Block).open().await;
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    until(async || log.lock().unwrap().len() == 1).await;
    world.system.pause_job(&job, "a while").await.unwrap();
    world.system.set_directory(&job, Path::new("/else")).await.unwrap();
    let item = understory_store::keys::item_path(&job, 1).unwrap();
    world.system.interrupt(&item).await.unwrap();
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 0).await;
    assert_eq!(kept(&world, &job).await.left, Some(on("dev", "z9")), "that is how it was when it was set");
    world.system.unpause_job(&job).await.unwrap();
    world.job_over(&job).await;
    assert_eq!(drifts(&world).await, 0);
    assert!(logged(&log).iter().skip(1).all(|line| line.ends_with(" /else")));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_rows_did_before_a_close_is_theirs_when_the_job_is_resumed() {
    let (disk, log) = (Disk::new(), Log::default());
    let table = Table::text("id\nedit-1\nb\n");
    let world = setting(&disk, &log, OnDrift::Block).open().await;
    let job = world.system.start_job(request(&table)).await.unwrap().job.path;
    until(async || log.lock().unwrap().len() == 1).await;
    world.system.close(&job, LONG).await.unwrap();
    assert_eq!(kept(&world, &job).await.left, Some(on("main", "edit-1")));
    world.system.resume(&job).await.unwrap();
    world.job_over(&job).await;
    assert_eq!(drifts(&world).await, 0);
    world.end().await;
}
