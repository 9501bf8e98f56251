//! What is asked of a runtime that has ended, and of one that is opened again.

use crate::SpawnRequest;
use crate::tests::world::{LONG, World, at};

#[tokio::test(start_paused = true)]
async fn a_runtime_that_has_ended_says_so() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.system.shutdown(LONG).await;
    let mut said = Vec::new();
    let words = |error: crate::Error| error.to_string();
    said.push(world.try_spawn("/root/b", "echo").await.map_err(words).unwrap_err());
    said.push(world.system.resume(&at("/root/a")).await.map_err(words).unwrap_err());
    said.push(world.system.close(&at("/root/a"), LONG).await.map_err(words).unwrap_err());
    said.push(world.assign("/root/a", "hello").await.map_err(words).unwrap_err());
    said.push(world.system.run(&at("/root")).await.map_err(words).unwrap_err());
    assert_eq!(said, ["the runtime is stopping"; 5].map(str::to_owned));
    assert_eq!(world.status("/root/a").await, "idle", "what is on disk can still be looked at");
    assert_eq!(world.system.show(&at("/root/b")).await.unwrap_err().to_string(), "/root/b does not exist");
    world.end().await;
}

/// The root is made with the store, once.
#[tokio::test(start_paused = true)]
async fn the_root_is_made_once() {
    let world = World::new().await;
    let root = world.agent("/root").await;
    let again = world.system.spawn(vec![SpawnRequest::at(at("/root"))]).await.unwrap_err();
    assert_eq!(again.to_string(), "/root exists already");
    let backend = world.backend.clone();
    world.end().await;
    let world = World::setting().over(backend).open().await;
    assert_eq!(world.agent("/root").await, root);
    world.end().await;
}
