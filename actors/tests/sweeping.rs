//! What is kept for a time only.

use std::time::Duration;

use understory_store::{Direction, Table};

use super::world::{World, at, until};
use crate::{Error, Letter};

const HOUR: Duration = Duration::from_secs(3600);

async fn send(world: &World, id: &str) -> Result<(), Error> {
    let letter = Letter { message_id: Some(id.to_owned()), ..Letter::to(at("/root/a"), id) };
    world.system.send(letter).await.map(drop)
}

async fn remembered(world: &World) -> usize {
    world.store().page::<u64>(Table::Seen.all(), None, Direction::Forward, 10_000).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_messages_id_is_remembered_for_a_day() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    // More than are looked at in one go.
    for id in 0..300 {
        send(&world, &id.to_string()).await.unwrap();
    }
    tokio::time::advance(23 * HOUR).await;
    send(&world, "young").await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(remembered(&world).await, 301);
    assert!(matches!(send(&world, "7").await, Err(Error::AlreadyAccepted { .. })));
    // One look later.
    tokio::time::advance(HOUR + Duration::from_secs(300)).await;
    until(async || remembered(&world).await == 1).await;
    send(&world, "7").await.unwrap();
    assert!(matches!(send(&world, "young").await, Err(Error::AlreadyAccepted { .. })));
    assert_eq!(world.inbox("/root/a").await.len(), 302);
    world.end().await;
}
