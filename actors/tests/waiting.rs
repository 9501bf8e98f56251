//! Waiting: for any, all or some of several agents, whatever becomes of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::world::{LONG, World, at, letter};
use crate::brain::{BrainError, Response};
use crate::{Policy, Role, Settled, SpawnRequest, Standing, Until};

/// A world in which `/root/a` to `/root/d` answer when the semaphore of their name has a permit.
async fn four() -> (World, [Arc<Semaphore>; 4]) {
    let permits: [Arc<Semaphore>; 4] = std::array::from_fn(|_| Arc::new(Semaphore::new(0)));
    let given = permits.clone();
    let world = World::setting().brain("slow", move |turn| {
        let place = usize::from(turn.path().name().as_bytes()[0] - b'a');
        let given = given[place].clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text(turn.text()))
        }
    });
    let world = world.open().await;
    for path in ["/root/a", "/root/b", "/root/c", "/root/d"] {
        world.spawn(path, "slow").await;
        world.ask(path, "go").await.unwrap();
    }
    (world, permits)
}

fn words(settled: &[Settled]) -> String {
    let word = |one: &Settled| match &one.standing {
        Standing::Rests(None) => format!("{} idle", one.path),
        Standing::Rests(Some(outcome)) => format!("{} {}", one.path, outcome.content),
        Standing::Closed { at } => format!("{} closed by {at}", one.path),
        Standing::Removed { at } => format!("{} removed with {at}", one.path),
        Standing::Faulted { reason } => format!("{} faulted: {reason}", one.path),
        Standing::Reserved { status, .. } => format!("{} {status}", one.path),
        Standing::Held { goal } => format!("{} held by {goal}", one.path),
    };
    settled.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[tokio::test(start_paused = true)]
async fn any_some_or_all_are_waited_for() {
    let (world, permits) = four().await;
    let all = ["/root/a", "/root/b", "/root/c", "/root/d"].map(at);
    let none = world.system.wait(&all, Until::Any, Duration::from_secs(5)).await.unwrap();
    assert_eq!(words(&none), "", "the deadline came first");
    permits[2].add_permits(1);
    let any = world.system.wait(&all, Until::Any, LONG).await.unwrap();
    assert_eq!(words(&any), "/root/c go");
    permits[0].add_permits(1);
    let two = world.system.wait(&all, Until::Count(2), LONG).await.unwrap();
    let mut two: Vec<String> = two.iter().map(|one| words(std::slice::from_ref(one))).collect();
    two.sort();
    assert_eq!(two, ["/root/a go", "/root/c go"], "who is settled before counts");
    permits[1].add_permits(1);
    let wait = world.system.wait(&all, Until::All, Duration::from_secs(5)).await.unwrap();
    assert_eq!(wait.len(), 3, "those that are settled at the deadline");
    permits[3].add_permits(1);
    assert_eq!(world.system.wait(&all, Until::All, LONG).await.unwrap().len(), 4);
    assert_eq!(world.system.wait(&all, Until::Count(9), LONG).await.unwrap().len(), 4, "there are no more");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_settle_is_an_answer() {
    let policy = Policy { faults: 0, ..Policy::default() };
    let world = World::setting()
        .role("brittle", Role::with_brain("broken", "").policy(policy))
        .brain("broken", |_| async { Err(BrainError::broken("it broke")) })
        .brain("wall", |_| std::future::pending())
        .open()
        .await;
    let brittle = SpawnRequest { role: Some("brittle".to_owned()), ..SpawnRequest::at(at("/root/f")) };
    world.system.spawn(vec![brittle, SpawnRequest::at(at("/root/deaf"))]).await.unwrap();
    for path in ["/root/a", "/root/a/b", "/root/i"] {
        world.spawn(path, "wall").await;
    }
    world.ask("/root/f", "go").await.unwrap();
    world.ask("/root/deaf", "go").await.unwrap();
    world.ask("/root/a/b", "go").await.unwrap();
    let paths = ["/root/a/b", "/root/f", "/root/deaf", "/root/i"].map(at);
    let path = at("/root/a");
    let closing = async {
        // Everybody else is settled when nothing more happens by itself.
        let rest = world.system.wait(&paths[1..], Until::All, LONG).await.unwrap();
        world.system.close(&path, LONG).await.unwrap();
        rest.len()
    };
    let (settled, _) = futures::join!(world.system.wait(&paths, Until::All, LONG), closing);
    let mut settled: Vec<String> = settled.unwrap().iter().map(|one| words(std::slice::from_ref(one))).collect();
    settled.sort();
    insta::assert_snapshot!(settled.join("\n"), @r#"
    /root/a/b closed by /root/a
    /root/deaf idle
    /root/f faulted: brain broken: it broke
    /root/i idle
    "#);
    for (path, error) in [("/root/none", "/root/none does not exist")] {
        assert_eq!(world.system.wait(&[at(path)], Until::All, LONG).await.unwrap_err().to_string(), error);
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_every_wait() {
    let world = World::setting().brain("wall", |_| std::future::pending()).open().await;
    world.spawn("/root/a", "wall").await;
    let assigned = world.system.assign(letter("/root/a", "go", true)).await.unwrap();
    let system = world.system.clone();
    let path = [at("/root/a")];
    let (wait, outcome, ()) = futures::join!(system.wait(&path, Until::All, LONG), assigned.outcome(), world.end());
    assert_eq!(wait.unwrap_err().to_string(), "the runtime is stopping");
    assert_eq!(outcome.unwrap_err().to_string(), "the runtime is stopping");
}
