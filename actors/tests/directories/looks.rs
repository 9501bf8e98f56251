//! What happens while a directory is looked at.

use super::super::world::letter;
use super::*;
use crate::Reach;

#[tokio::test(start_paused = true)]
async fn a_look_at_where_an_agent_worked_before_is_held_against_nobody() {
    let disk = Disk::new();
    disk.set("/else", on("dev", "z9"));
    let world = setting(&disk, OnDrift::Block).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    let (gate, looks) = (disk.1.write().await, disk.looks("/repo"));
    let asked = world.system.assign(letter("/root/a", "one", true)).await.unwrap();
    until(async || disk.looks("/repo") > looks).await;
    world.system.set_directory(&at("/root/a"), Path::new("/else")).await.unwrap();
    drop(gate);
    assert_eq!(asked.outcome().await.unwrap().content, "one");
    assert_eq!(told(&world).await, ["/root/a set"]);
    assert_eq!(kept(&world, "/root/a").await.left, Some(on("dev", "z9")));
    world.end().await;
}

/// What is accepted is the directory that was looked at, and no other that is set meanwhile.
#[tokio::test(start_paused = true)]
async fn one_that_is_set_during_the_look_is_taken_as_it_was_found_itself() {
    let disk = Disk::new();
    disk.set("/else", on("dev", "z9"));
    let world = setting(&disk, OnDrift::Block).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    let (gate, looks) = (disk.1.write().await, disk.looks("/repo"));
    let system = world.system.clone();
    let accepting = tokio::spawn(async move { system.accept_directory(&at("/root/a")).await });
    until(async || disk.looks("/repo") > looks).await;
    world.system.set_directory(&at("/root/a"), Path::new("/else")).await.unwrap();
    drop(gate);
    let accepted = accepting.await.unwrap().unwrap();
    assert_eq!((accepted.path.as_str(), accepted.left), ("/else", Some(on("dev", "z9"))));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_look_that_takes_long_holds_up_no_close() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Ignore).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    let (gate, looks) = (disk.1.write().await, disk.looks("/repo"));
    let _asked = world.system.assign(letter("/root/a", "one", true)).await.unwrap();
    until(async || disk.looks("/repo") > looks).await;
    let before = tokio::time::Instant::now();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert!(before.elapsed() < std::time::Duration::from_secs(2), "{:?}", before.elapsed());
    drop(gate);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_of_a_turn_whose_brain_has_answered_takes_nothing_back() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Ignore).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    let (gate, looks) = (disk.1.write().await, disk.looks("/repo"));
    let asked = world.system.assign(letter("/root/a", "one", true)).await.unwrap();
    until(async || disk.looks("/repo") > looks).await;
    let (system, path) = (&world.system, at("/root/a"));
    assert!(system.interruptible(&path, Reach::Node).await.unwrap().is_empty());
    assert!(!system.interrupt(&path).await.unwrap(), "it has answered");
    let (_, interrupted) = system.send_interrupting(letter("/root/a", "two", true)).await.unwrap();
    assert!(!interrupted);
    assert_eq!(world.status("/root/a").await, "running", "it is not over before that is seen");
    drop(gate);
    assert_eq!(asked.outcome().await.unwrap().content, "one");
    world.settled("/root/a").await;
    let ends: Vec<String> = world.turns("/root/a").await.into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends, ["completed: one", "completed: two"]);
    world.end().await;
}
