//! How many agents are resident: the least recently used leave, nobody at work does, and mail keeps nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::world::{World, at, pass, until};
use crate::brain::Response;

fn resident(world: &World) -> String {
    let mut paths: Vec<String> = world.system.agents.residents(&at("/root")).iter().map(ToString::to_string).collect();
    paths.sort();
    paths.join(" ")
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_leave_at_once() {
    let world = World::setting().limits(|limits| limits.residents = 3).open().await;
    for path in ["/root/a", "/root/b", "/root/c", "/root/d", "/root/e"] {
        world.spawn(path, "echo").await;
    }
    let begun = Instant::now();
    for path in ["/root/a", "/root/b", "/root/c"] {
        world.assign(path, "one").await.unwrap();
    }
    until(async || resident(&world) == "/root/a /root/b /root/c").await;
    world.assign("/root/a", "two").await.unwrap();
    // It lies there and keeps nobody.
    world.send("/root/b", "note").await.unwrap();
    world.assign("/root/d", "one").await.unwrap();
    until(async || resident(&world) == "/root/a /root/c /root/d").await;
    world.assign("/root/e", "one").await.unwrap();
    until(async || resident(&world) == "/root/a /root/d /root/e").await;
    world.assign("/root/b", "two").await.unwrap();
    until(async || resident(&world) == "/root/b /root/d /root/e").await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody left of age");
    let taken: Vec<_> = world.turns("/root/b").await.into_iter().map(|(taken, _)| taken.join(" ")).collect();
    assert_eq!(taken, ["one", "note two"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_leaves_its_turn_and_all_leave_when_they_can() {
    let go = Arc::new(Semaphore::new(0));
    let given = go.clone();
    let setting = World::setting().limits(|limits| limits.residents = 2).brain("gate", move |turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text(turn.text()))
        }
    });
    let world = setting.open().await;
    let paths: Vec<String> = (0..5).map(|number| format!("/root/a{number}")).collect();
    for path in &paths {
        world.spawn(path, "gate").await;
        world.ask(path, "go").await.unwrap();
    }
    world.system.run(&at("/root")).await.unwrap();
    pass(3).await;
    assert_eq!((world.system.residents(), world.system.agents.departed()), (5, 0), "all are at work");
    go.add_permits(5);
    for path in &paths {
        assert_eq!(world.settled(path).await.path, at(path));
    }
    let begun = Instant::now();
    until(async || {
        tokio::time::advance(Duration::from_millis(10)).await;
        world.system.residents() == 2
    })
    .await;
    assert!(begun.elapsed() < world.system.limits.linger / 2, "nobody left of age");
    world.end().await;
}
