//! Interrupts of a subtree, by a turn, and of a job's item.

use std::sync::Arc;

use tokio::sync::Semaphore;
use understory_store::{FaultPoint, Node};

use super::{Notes, Process, met, rest, settle, sweep};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::tests::table::{Table, number};
use crate::tests::world::{Setting, World, at, until};
use crate::{Error, Role};

const FAMILY: [&str; 3] = ["/root/a", "/root/a/b", "/root/a/b/c"];

/// A world whose brain `waits` waits for its end over the text `wait` in the first process, and answers in the second.
fn waits(process: Process) -> Setting {
    World::setting().brain("waits", move |turn: Turn| async move {
        if process == Process::First && turn.text() == "wait" {
            turn.cancelled().await;
        }
        Ok(Response::text(format!("did {}", turn.text())))
    })
}

/// Until it runs, or the store has failed.
async fn running(world: &World, path: &str) {
    until(async || match world.system.show(&at(path)).await.map(|view| view.node) {
        Ok(Node::Agent(agent)) => agent.running().is_some(),
        Ok(Node::Item(item)) => item.state.as_str() == "running",
        Err(Error::NotFound { .. }) => false,
        _ => true,
    })
    .await;
}

/// Each was given its task once; that ended once, as interrupted or run again; and the one above was told of each turn once.
async fn check_family(world: &World, family: &[&str], point: FaultPoint) {
    let there = rest(world).await;
    for (place, path) in family.iter().enumerate().filter(|(_, path)| there.contains(**path)) {
        let turns = world.turns(path).await;
        let tasks = turns.iter().filter(|(taken, _)| taken.contains(&"wait".to_owned()));
        let ends: Vec<&str> = tasks.map(|(_, end)| end.as_str()).collect();
        let once = matches!(ends[..], [] | ["completed: did wait"] | ["interrupted: interrupted by the operator"])
            || matches!(ends[..], [end] if end.starts_with("interrupted: interrupted by /root/"));
        assert!(once, "{point:?}: {path} {turns:?}");
        assert!(world.inbox(path).await.is_empty() && world.dead(path).await.is_empty(), "{point:?}: {path}");
        let below = family.get(place + 1).filter(|path| there.contains(**path));
        let ended = match below {
            Some(below) => world.turns(below).await.len(),
            None => 0,
        };
        let own = usize::try_from(met(world, path).await.values().sum::<u32>()).unwrap() - ended;
        assert!(own <= 1, "{point:?}: {path} heard of {ended} turns and more: {turns:?}");
    }
}

#[test]
fn an_interrupt_of_a_subtree() {
    let commits = sweep(
        waits,
        async |world, notes| {
            for path in FAMILY {
                world.try_spawn(path, "waits").await?;
                world.ask(path, "wait").await?;
                notes.note(path);
            }
            world.system.run(&at("/root")).await?;
            for path in FAMILY {
                running(world, path).await;
            }
            let ended = world.system.interrupt_subtree(&at("/root/a")).await?;
            assert_eq!(ended, FAMILY.map(at));
            settle(world, &["/root/a/b/c"]).await?;
            notes.note("interrupted");
            settle(world, &["/root/a/b"]).await?;
            settle(world, &["/root/a"]).await
        },
        async |world, notes, point| {
            check_family(world, &FAMILY, point).await;
            for path in FAMILY.into_iter().filter(|path| notes.has(path)) {
                assert_eq!(met(world, path).await.get("wait"), Some(&1), "{point:?}: {path}");
            }
            let last = notes.has("interrupted").then(|| "interrupted: interrupted by the operator".to_owned());
            if let Some(expected) = last {
                assert_eq!(world.turns(FAMILY[2]).await[0].1, expected, "{point:?}");
            }
        },
    );
    assert!(commits >= 12, "{commits} commits");
}

/// A world whose brain `boss` has a child that waits, and interrupts it when it is let.
fn boss(process: Process, go: &Arc<Semaphore>) -> Setting {
    let go = go.clone();
    waits(process).role("default", Role::with_brain("waits", "")).brain("boss", move |turn: Turn| {
        let go = go.clone();
        async move {
            if turn.text() != "go" {
                return Ok(Response::text(turn.text()));
            }
            let refused = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
            turn.spawn("kid", Some("wait")).await.map_err(refused)?;
            go.acquire().await.expect("never closed").forget();
            let ended = turn.interrupt("kid", false).await.map_err(refused)?;
            Ok(Response::text(format!("{ended} ended")))
        }
    })
}

#[test]
fn an_interrupt_by_a_turn() {
    let go = Arc::new(Semaphore::new(0));
    let commits = sweep(
        |process| boss(process, &go),
        async |world, notes| {
            go.forget_permits(usize::MAX >> 3);
            world.try_spawn("/root/boss", "boss").await?;
            world.system.run(&at("/root")).await?;
            world.ask("/root/boss", "go").await?;
            notes.note("go");
            running(world, "/root/boss/kid").await;
            go.add_permits(1);
            settle(world, &["/root/boss"]).await?;
            settle(world, &["/root/boss/kid"]).await?;
            notes.note("interrupted");
            settle(world, &["/root/boss"]).await
        },
        async |world, notes, point| {
            go.add_permits(9);
            check_family(world, &["/root/boss", "/root/boss/kid"], point).await;
            if notes.has("go") {
                assert_eq!(met(world, "/root/boss").await.get("go"), Some(&1), "{point:?}");
                assert_eq!(met(world, "/root/boss/kid").await.get("wait"), Some(&1), "{point:?}: made and asked once");
            }
            if notes.has("interrupted") {
                let end = world.turns("/root/boss/kid").await.remove(0).1;
                assert_eq!(end, "interrupted: interrupted by /root/boss", "{point:?}");
            }
        },
    );
    assert!(commits >= 8, "{commits} commits");
}

#[test]
fn an_interrupt_of_an_item() {
    let table = Table::of(3);
    let setting = |process| {
        World::setting().brain("rows", move |turn: Turn| async move {
            if process == Process::First && turn.row().is_some_and(|row| (row.number, row.run) == (1, 1)) {
                turn.cancelled().await;
            }
            number(&turn)
        })
    };
    let request = || JobRequest { attempts: 2, ..table.request("rows") };
    let commits = sweep(
        setting,
        async |world, notes| {
            let job = world.system.start_job(request()).await?.job.path;
            notes.note("job");
            running(world, "/root/job/r00000001").await;
            if world.system.interrupt(&at("/root/job/r00000001")).await? {
                notes.note("interrupted");
            }
            world.system.job_finished(&job).await?;
            notes.note("finished");
            Ok(())
        },
        async |world, notes: &Notes, point| {
            let path = at("/root/job");
            if world.system.show(&path).await.is_err() {
                assert!(!notes.has("job"), "{point:?}");
                return;
            }
            if world.system.job(&path).await.unwrap().job.unfinished() {
                world.system.start_job(request()).await.unwrap();
            }
            world.job_over(&path).await;
            let items = world.items(&path).await;
            for view in &items {
                let (failures, crashes) = (view.item.failures, view.item.crashes);
                assert!(view.status == "completed" && failures <= u32::from(view.number == 1), "{point:?}: {view:?}");
                assert!(crashes <= 1, "{point:?}: {view:?}");
            }
            let charged = items[0].item.failures == 1;
            assert!(charged || !(notes.has("interrupted") && notes.has("finished")), "{point:?}: {:?}", items[0]);
            let results: Vec<String> = table.output().into_iter().map(|line| line.result).collect();
            assert_eq!(results, [r#"{"row":1}"#, r#"{"row":2}"#, r#"{"row":3}"#], "{point:?}");
        },
    );
    assert!(commits >= 6, "{commits} commits");
}
