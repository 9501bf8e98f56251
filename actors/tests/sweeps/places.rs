//! An agent whose directory changes behind its back, and one that is held.

use std::path::Path;
use std::sync::Arc;

use understory_store::Directory;

use super::{Notes, Process, rest, sweep};
use crate::brain::BrainError;
use crate::job::JobRequest;
use crate::tests::directories::{Disk, on};
use crate::tests::table::Table;
use crate::tests::world::{LONG, Setting, World, at, letter};
use crate::{Error, Letter, OnDrift, Response, Role, SpawnRequest, Until};

fn setting(disk: &Disk) -> Setting {
    let block = Role::with_brain("worker", "").on_drift(OnDrift::Block);
    let working = disk.clone();
    let world = World::setting().surveyor(Arc::new(disk.clone())).role("block", block);
    world.role("default", Role::with_brain("worker", "")).brain("worker", move |turn| {
        let disk = working.clone();
        async move {
            if turn.messages().last().is_some_and(|message| message.text == "commit") {
                disk.set("/repo", on("main", "b2"));
            }
            Ok(Response::text(turn.text()))
        }
    })
}

/// Sends a message once, whatever crashes.
async fn post(world: &World, notes: &Notes, path: &str, text: &str) -> Result<(), Error> {
    notes.note(format!("{path} {text}"));
    let letter = Letter { message_id: Some(text.to_owned()), ..letter(path, text, true) };
    match world.system.send(letter).await {
        Ok(_) | Err(Error::AlreadyAccepted { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn scenario(world: &World, disk: &Disk, notes: &Notes) -> Result<(), Error> {
    disk.set("/repo", on("main", "a1"));
    disk.set("/held", on("main", "a1"));
    for (path, directory, role) in [("/root/a", "/repo", None), ("/root/h", "/held", Some("block"))] {
        let (role, directory) = (role.map(str::to_owned), Some(directory.into()));
        world.system.spawn(vec![SpawnRequest { role, directory, ..SpawnRequest::at(at(path)) }]).await?;
    }
    world.system.run(&at("/root")).await?;
    post(world, notes, "/root/a", "commit").await?;
    world.system.wait(&[at("/root/a")], Until::All, LONG).await?;
    disk.set("/repo", on("dev", "b2"));
    disk.set("/held", on("dev", "a1"));
    notes.note("drifted");
    post(world, notes, "/root/a", "look").await?;
    world.system.wait(&[at("/root/a")], Until::All, LONG).await?;
    post(world, notes, "/root/h", "held").await?;
    match world.system.wait(&[at("/root/h")], Until::All, LONG).await {
        Err(Error::Drifted { .. }) => notes.note("held"),
        Err(error) => return Err(error),
        Ok(settled) => panic!("{settled:?}"),
    }
    world.system.accept_directory(&at("/root/h")).await?;
    notes.note("accepted");
    world.system.wait(&[at("/root/h")], Until::All, LONG).await?;
    world.system.set_directory(&at("/root/h"), Path::new("/repo")).await.map(drop)
}

async fn kept(world: &World, path: &str) -> Option<Directory> {
    world.system.directory(&at(path)).await.unwrap()
}

#[test]
fn a_drift_is_told_and_held_whatever_crashes() {
    let disk = Disk::new();
    let commits = sweep(
        |process| {
            if process == Process::First {
                disk.set("/repo", on("main", "a1"));
            }
            setting(&disk)
        },
        async |world, notes| scenario(world, &disk, notes).await,
        async |world, notes, point| {
            let there = world.system.show(&at("/root/h")).await.is_ok();
            if there {
                // Nothing has run there before it was accepted, and nothing does now.
                let directory = kept(world, "/root/h").await.unwrap();
                let accepted = directory.path == "/repo" || directory.left == Some(on("dev", "a1"));
                assert!(accepted || !notes.has("accepted"), "{point:?}: what was accepted is forgotten");
                rest(world).await;
                let ran = world.turns("/root/h").await;
                if notes.has("drifted") && !accepted {
                    assert!(ran.is_empty(), "{point:?}: {ran:?}");
                    world.system.accept_directory(&at("/root/h")).await.unwrap();
                }
                rest(world).await;
                let ran = world.turns("/root/h").await;
                let asked = usize::from(!ran.is_empty() || !world.inbox("/root/h").await.is_empty());
                assert_eq!(ran.len(), asked, "{point:?}: {ran:?}");
            }
            if world.system.show(&at("/root/a")).await.is_ok() {
                rest(world).await;
                let directory = kept(world, "/root/a").await.unwrap();
                let turns = world.turns("/root/a").await;
                if !turns.is_empty() {
                    assert_ne!(directory.left, Some(on("main", "a1")), "{point:?}: what a turn did is its own");
                }
                if let Some((_, answer)) = turns.iter().find(|(taken, _)| taken.contains(&"look".to_owned())) {
                    assert!(answer.contains("branch main -> branch dev"), "{point:?}: {answer}");
                }
            }
        },
    );
    assert!(commits >= 12, "{commits} commits");
}

/// Rows that commit where they work, and what others do there before the job is done.
#[test]
fn the_rows_of_a_job_are_worked_on_where_it_was_accepted_whatever_crashes() {
    let (disk, table) = (Disk::new(), Table::text("id\ncommit\nb\nc\n"));
    let commits = sweep(
        |process| {
            if process == Process::First {
                disk.set("/repo", on("main", "a1"));
            }
            let (block, working) = (Role::with_brain("worker", "").on_drift(OnDrift::Block), disk.clone());
            let world = World::setting().surveyor(Arc::new(disk.clone())).role("default", block);
            world.brain("worker", move |turn| {
                let disk = working.clone();
                async move {
                    if turn.row().is_some_and(|row| &*row.item_id == "commit") {
                        disk.set("/repo", on("main", "b2"));
                    }
                    match turn.directory() {
                        Some(there) if there == Path::new("/repo") => Ok(Response::report("{}")),
                        other => Err(BrainError::refused(format!("in {other:?}"))),
                    }
                }
            })
        },
        async |world, notes| {
            let request = JobRequest { directory: Some("/repo".into()), concurrency: 1, ..table.request("worker") };
            let job = world.system.start_job(request).await?.job.path;
            notes.note("asked");
            world.system.job_finished(&job).await.map(drop)
        },
        async |world, notes, point| {
            let job = at("/root/job");
            if world.system.show(&job).await.is_err() {
                assert!(!notes.has("asked"), "{point:?}: what was accepted is there");
                return;
            }
            rest(world).await;
            // A crash in the row that commits leaves a directory of which nobody knows who changed it.
            world.system.accept_directory(&job).await.unwrap();
            world.system.unpause_job(&job).await.unwrap();
            rest(world).await;
            let counts = world.system.job(&job).await.unwrap().job.counts;
            assert_eq!((counts.completed, counts.total()), (3, 3), "{point:?}");
            assert_eq!(kept(world, "/root/job").await.unwrap().left, Some(on("main", "b2")), "{point:?}");
        },
    );
    assert!(commits >= 5, "{commits} commits");
}
