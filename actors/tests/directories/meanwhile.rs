//! What happens while somebody looks at a directory.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::{Disk, given, on, setting};
use crate::OnDrift;
use crate::tests::world::{LONG, at, letter, until};

/// What is accepted is the directory that was looked at, and no other that is set meanwhile.
#[tokio::test(start_paused = true)]
async fn one_that_is_set_during_the_look_is_taken_as_it_was_found_itself() {
    let disk = Disk::new();
    disk.set("/else", on("dev", "z9"));
    let world = setting(&disk, OnDrift::Block).open().await;
    given(&world, "/root/a", Some("/work")).await.unwrap();
    let (gate, looks) = (disk.1.write().await, disk.looks("/work"));
    let system = world.system.clone();
    let accepting = tokio::spawn(async move { system.accept_directory(&at("/root/a")).await });
    until(async || disk.looks("/work") > looks).await;
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
    given(&world, "/root/a", Some("/work")).await.unwrap();
    let (gate, looks) = (disk.1.write().await, disk.looks("/work"));
    let _asked = world.system.assign(letter("/root/a", "one", true)).await.unwrap();
    until(async || disk.looks("/work") > looks).await;
    let before = Instant::now();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    drop(gate);
    world.end().await;
}
