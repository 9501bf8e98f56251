//! The words for how an agent stands, and who is listed.

use std::sync::Arc;

use tokio::sync::Semaphore;
use understory_store::Phase;

use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::{LONG, Setting, World, at, until};
use crate::{Policy, Role, SpawnRequest, View};

/// A world whose brain `slow` does what its message says once it is given a permit.
fn slow() -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let policy = Policy { faults: 0, ..Policy::default() };
    let setting = World::setting().role("slow", Role::with_brain("slow", "").policy(policy));
    let setting = setting.brain("slow", move |turn: Turn| {
        let given = given.clone();
        async move {
            tokio::select! {
                permit = given.acquire() => permit.expect("never closed").forget(),
                () = turn.cancelled() => return Err(BrainError::refused("cancelled")),
            }
            match turn.text().as_str() {
                "no" => Err(BrainError::refused("no")),
                "break" => Err(BrainError::broken("it broke")),
                text => Ok(Response::text(text)),
            }
        }
    });
    (setting, permits)
}

#[tokio::test(start_paused = true)]
async fn every_step_of_a_life_has_its_word() {
    let (setting, permits) = slow();
    let world = setting.open().await;
    let request = SpawnRequest { role: Some("slow".to_owned()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![request]).await.unwrap();
    let mut said = vec![format!("new: {}", world.status("/root/a").await)];
    for text in ["yes", "no", "wait", "break"] {
        world.ask("/root/a", text).await.unwrap();
        if text == "yes" {
            said.push(format!("asked: {}", world.status("/root/a").await));
        }
        world.system.run(&at("/root/a")).await.unwrap();
        until(async || world.status("/root/a").await == "running").await;
        match text {
            "wait" => assert!(world.system.interrupt(&at("/root/a")).await.unwrap()),
            _ => permits.add_permits(1),
        }
        world.settled("/root/a").await;
        let agent = world.agent("/root/a").await;
        let content = match agent.phase {
            Phase::Faulted { reason, .. } => reason,
            _ => agent.outcome.unwrap().content,
        };
        said.push(format!("told {text}: {} ({content})", world.status("/root/a").await));
    }
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    said.push(format!("closed: {}", world.status("/root/a").await));
    world.system.resume(&at("/root/a")).await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    said.push("resumed: running, its message is still there".to_owned());
    permits.add_permits(1);
    world.settled("/root/a").await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/a")).await.unwrap();
    for path in ["/root/a", "/root/nobody"] {
        said.push(world.system.show(&at(path)).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    new: idle
    asked: queued
    told yes: completed (yes)
    told no: errored (no)
    told wait: interrupted (interrupted by the operator)
    told break: faulted (brain broken: it broke)
    closed: closed
    resumed: running, its message is still there
    /root/a was removed
    /root/nobody does not exist
    ");
    world.end().await;
}

/// Everybody is listed, parents first, whoever is closed or not in memory; a mark reads for all below it.
#[tokio::test(start_paused = true)]
async fn all_that_is_there_is_listed() {
    let world = World::new().await;
    for path in ["/root/b", "/root/a", "/root/a/y", "/root/a/y/z", "/root/a/x", "/root/ab"] {
        world.spawn(path, "echo").await;
    }
    world.assign("/root/b", "done").await.unwrap();
    world.system.close(&at("/root/a/y"), LONG).await.unwrap();
    let backend = world.backend.clone();
    world.end().await;
    let world = World::setting().over(backend).open().await;
    let line = |view: &View| {
        let by = view.closed.as_ref().map_or_else(String::new, |at| format!(" by {at}"));
        format!("{} {}{by}", view.path, view.status())
    };
    let list = async |top| {
        let views = world.system.list(&at(top), None, 100).await.unwrap();
        views.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    let children = async |parent| {
        let found = world.system.children(&at(parent), 100, 0).await.unwrap().first;
        found.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    let mut said = vec![list("/root").await, list("/root/a").await, children("/root/a").await];
    world.system.resume(&at("/root/a/y")).await.unwrap();
    said.push(children("/root/a").await);
    insta::assert_snapshot!(said.join("\n"), @r"
    /root idle, /root/a idle, /root/a/x idle, /root/a/y closed by /root/a/y, /root/a/y/z closed by /root/a/y, /root/ab idle, /root/b completed
    /root/a idle, /root/a/x idle, /root/a/y closed by /root/a/y, /root/a/y/z closed by /root/a/y
    /root/a/x idle, /root/a/y closed by /root/a/y
    /root/a/x idle, /root/a/y idle
    ");
    assert_eq!(world.system.residents(), 0, "looking wakes nobody");
    world.end().await;
}
