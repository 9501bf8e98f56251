//! Who takes a place under a limit, and what gives it back.

use std::fmt::Write as _;

use super::hand;
use crate::tests::world::{LONG, at};

#[tokio::test(start_paused = true)]
async fn a_place_is_taken_by_what_is_open_and_by_nothing_else() {
    let world = hand().limits(|limits| (limits.children, limits.depth) = (1, 2)).open().await;
    world.spawn("/root/p", "hand").await;
    let mut said = String::new();
    for step in [
        "spawn k1",
        "spawn k2",
        "close none",
        "spawn k2",
        "close k1",
        "close k1",
        "spawn Bad",
        "spawn k2",
        "spawn k3",
        "resume none",
        "resume k1",
        "resume k1",
        "close k1",
        "spawn k3",
        "close k2",
        "spawn k1",
        "spawn k4",
    ] {
        let (verb, name) = step.split_once(' ').unwrap();
        let path = format!("/root/p/{name}");
        let answer = match verb {
            "spawn" => world.calls("/root/p", &[&format!(r#"spawn {{"name":"{name}","role":"hand"}}"#)]).await,
            "close" => match world.system.close(&at(&path), LONG).await {
                Ok(closed) => format!("marked {}", closed.marked),
                Err(error) => error.to_string(),
            },
            _ => match world.system.resume(&at(&path)).await {
                Ok(resumed) => format!("resumed {resumed}"),
                Err(error) => error.to_string(),
            },
        };
        writeln!(said, "{step}: {answer}; {} open", world.count("/root/p").await).unwrap();
    }
    // As deep as may be, and no deeper.
    let deeper = world.calls("/root/p/k4", &[r#"spawn {"name":"x"}"#]).await;
    writeln!(said, "below k4: {deeper}").unwrap();
    insta::assert_snapshot!(said, @r#"
    spawn k1: {"path":"/root/p/k1","nickname":"Opal"}; 1 open
    spawn k2: limit children of 1 is reached at /root/p: close children that are done, or give them the work; 1 open
    close none: /root/p/none does not exist; 1 open
    spawn k2: limit children of 1 is reached at /root/p: close children that are done, or give them the work; 1 open
    close k1: marked true; 0 open
    close k1: marked false; 0 open
    spawn Bad: bad agent name "Bad": 'B' is not one of a-z, 0-9 and _; 0 open
    spawn k2: {"path":"/root/p/k2","nickname":"Osprey"}; 1 open
    spawn k3: limit children of 1 is reached at /root/p: close children that are done, or give them the work; 1 open
    resume none: /root/p/none does not exist; 1 open
    resume k1: resumed true; 2 open
    resume k1: resumed false; 2 open
    close k1: marked true; 1 open
    spawn k3: limit children of 1 is reached at /root/p: close children that are done, or give them the work; 1 open
    close k2: marked true; 0 open
    spawn k1: /root/p/k1 exists already; 0 open
    spawn k4: {"path":"/root/p/k4","nickname":"Pebble"}; 1 open
    below k4: limit depth of 2 is reached at /root/p/k4/x: give the work to an agent higher up
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_one_child_leaves_the_others_record_alone() {
    let world = hand().open().await;
    for path in ["/root/a", "/root/a/deep", "/root/b"] {
        world.spawn(path, "echo").await;
        world.assign(path, "hello").await.unwrap();
    }
    let before = (world.agent("/root/b").await, world.turns("/root/b").await);
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/a")).await.unwrap();
    assert_eq!((world.agent("/root/b").await, world.turns("/root/b").await), before);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_no_depth_no_agent_creates_another() {
    let world = hand().limits(|limits| limits.depth = 0).open().await;
    world.spawn("/root/p", "hand").await;
    let said = world.calls("/root/p", &[r#"spawn {"name":"x"}"#]).await;
    assert_eq!(said, "limit depth of 0 is reached at /root/p/x: give the work to an agent higher up");
    assert_eq!(world.count("/root/p").await, 0);
    world.end().await;
}
