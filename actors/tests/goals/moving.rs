//! Goals that go into a file with their subtree, and come out of it below the same goal or another one.

use tempfile::TempDir;
use understory_store::Goal;

use super::*;
use crate::tests::world::{LONG, process};

/// `/root/p` with 100 tokens, `/root/p/a` with 60 of them and `/root/p/a/kid` with 20 of those; 15 and 10 were used.
async fn family(world: &World) {
    world.endow("/root/p", None, goal("all").within(100)).await.unwrap();
    world.endow_paused("/root/p/a", "pays", goal("part").within(60)).await;
    world.endow_paused("/root/p/a/kid", "pays", goal("part of it").within(20)).await;
    world.assign("/root/p/a", "15").await.unwrap();
    world.assign("/root/p/a/kid", "10").await.unwrap();
    world.system.close(&at("/root/p/a"), LONG).await.unwrap();
}

async fn record(world: &World, path: &str) -> Goal {
    world.store().get::<Goal>(&Table::Goal.at(&at(path))).await.unwrap().unwrap().value
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_budget_is_taken_from_above_again() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name);
    let world = paying().open().await;
    family(&world).await;
    assert_eq!(world.stands("/root/p").await, ("active", 0, 60, Some(40)));
    assert_eq!((world.log("/root/p/a").await, world.log("/root/p/a/kid").await), (1, 1));
    world.system.export(&at("/root/p/a"), file("first")).await.unwrap();
    assert_eq!((world.log("/root/p/a").await, world.log("/root/p/a/kid").await), (1, 1), "nothing is changed");
    world.system.remove(&at("/root/p/a")).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("active", 25, 0, Some(75)));

    world.system.import_subtree(file("first"), None).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("active", 25, 45, Some(30)), "60, of which 15 are counted above");
    assert_eq!(world.stands("/root/p/a").await, ("paused", 15, 20, Some(25)));
    assert_eq!(world.stands("/root/p/a/kid").await, ("paused", 10, 0, Some(10)));
    assert_eq!(
        (world.log("/root/p/a").await, world.log("/root/p/a/kid").await),
        (0, 1),
        "a log of the subtree comes too"
    );
    world.system.export(&at("/root/p/a"), file("again")).await.unwrap();
    assert_eq!(std::fs::read(file("again")).unwrap(), std::fs::read(file("first")).unwrap());
    world.sound().await;
    // They are charged as before, and what is not used goes back.
    world.system.resume(&at("/root/p/a")).await.unwrap();
    world.assign("/root/p/a/kid", "5").await.unwrap();
    assert_eq!(world.stands("/root/p/a/kid").await, ("paused", 15, 0, Some(5)));
    assert_eq!(world.stands("/root/p").await, ("active", 25, 45, Some(30)));
    world.system.close(&at("/root/p/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/p/a")).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("active", 40, 0, Some(60)));
    world.end().await;
}

#[test]
fn a_budget_comes_from_the_nearest_goal_above_where_it_comes_to_lie() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let backend = process(async || {
        let world = paying().open().await;
        family(&world).await;
        world.system.export(&at("/root/p/a"), &file).await.unwrap();
        world.endow("/root/q", None, goal("another").within(50)).await.unwrap();
        world.endow("/root/q/free", None, goal("without")).await.unwrap();
        world.endow("/root/o", None, goal("without")).await.unwrap();
        world.system.import_subtree(&file, Some(at("/root/q/free/a"))).await.unwrap();
        world.system.import_subtree(&file, Some(at("/root/o/a"))).await.unwrap();
        let source = async |path| record(&world, path).await.source.map(|source| source.path);
        assert_eq!(source("/root/q/free/a").await, Some(at("/root/q")));
        assert_eq!(source("/root/q/free/a/kid").await, Some(at("/root/q/free/a")));
        assert_eq!((source("/root/o/a").await, source("/root/o/a/kid").await), (None, Some(at("/root/o/a"))));
        assert_eq!(world.stands("/root/p").await, ("active", 0, 60, Some(40)), "there nothing has changed");
        world.sound().await;
        world.abandon()
    });
    // Another process adds up the same.
    process(async || {
        let world = paying().over(backend).open().await;
        assert_eq!(world.stands("/root/q").await, ("active", 0, 45, Some(5)));
        assert_eq!(world.stands("/root/q/free/a").await, ("paused", 15, 20, Some(25)));
        world.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn an_import_that_asks_for_more_than_is_left_is_refused_as_a_goal_is() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let world = paying().limits(|limits| (limits.goals, limits.agents_by_host) = (6, 4)).open().await;
    family(&world).await;
    world.system.export(&at("/root/p/a"), &file).await.unwrap();
    let refused = async |to: &str| {
        let error = world.system.import_subtree(&file, Some(at(to))).await.unwrap_err();
        assert!(world.system.show(&at(to)).await.is_err(), "nothing is there");
        error.to_string()
    };
    assert_eq!(
        refused("/root/p/b").await,
        "limit goal_budget of 40 is reached at /root/p: ask for no more than that is left of its goal's budget, or raise that"
    );
    assert_eq!(world.stands("/root/p").await, ("active", 0, 60, Some(40)));
    world.endow("/root/q", None, goal("another").within(50)).await.unwrap();
    // What was set aside for one that is refused later is given back.
    world.system.spawn(vec![SpawnRequest::at(at("/root/r"))]).await.unwrap();
    assert!(refused("/root/q/a").await.starts_with("limit agents of 4 is reached at /root: "));
    assert_eq!(world.stands("/root/q").await, ("active", 0, 0, Some(50)));
    world.endow("/root/q/one", None, goal("one more")).await.unwrap();
    assert_eq!(refused("/root/q/a").await, "limit goals of 6 is reached at /root: clear goals that are complete");
    world.sound().await;
    world.end().await;
}
