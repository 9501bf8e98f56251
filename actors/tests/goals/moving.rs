//! Goals that go into a file with their subtree, and come out of it below the same goal or another one.

use std::sync::atomic::Ordering;

use tempfile::TempDir;
use understory_store::Goal;

use super::*;
use crate::Budget;
use crate::registrar::Request;
use crate::tests::parcels::half_import;
use crate::tests::resting::Slow;
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
    assert_eq!(world.stands("/root/p").await, ("active", 25, 35, Some(40)), "60, of which 25 are counted above");
    assert_eq!(world.stands("/root/p/a").await, ("paused", 25, 10, Some(25)), "what is left of it is the same");
    assert_eq!(world.stands("/root/p/a/kid").await, ("paused", 10, 0, Some(10)));
    assert_eq!((world.log("/root/p/a").await, world.log("/root/p/a/kid").await), (0, 0), "the logs are counted");
    world.system.export(&at("/root/p/a"), file("again")).await.unwrap();
    assert_eq!(std::fs::read(file("again")).unwrap(), std::fs::read(file("first")).unwrap());
    world.sound().await;
    // They are charged as before, and what is not used goes back.
    world.system.resume(&at("/root/p/a")).await.unwrap();
    world.assign("/root/p/a/kid", "5").await.unwrap();
    assert_eq!(world.stands("/root/p/a/kid").await, ("paused", 15, 0, Some(5)));
    assert_eq!(world.stands("/root/p").await, ("active", 25, 35, Some(40)));
    world.system.close(&at("/root/p/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/p/a")).await.unwrap();
    assert_eq!(world.stands("/root/p").await, ("active", 30, 0, Some(70)), "each token is counted once");
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
        assert_eq!(world.stands("/root/q").await, ("active", 0, 35, Some(15)));
        assert_eq!(world.stands("/root/q/free/a").await, ("paused", 25, 10, Some(25)));
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
    let less = GoalPatch { budget: Budget::Tokens(90), ..GoalPatch::default() };
    world.patch("/root/p", less).await.unwrap();
    let refused = async |to: &str| {
        let error = world.system.import_subtree(&file, Some(at(to))).await.unwrap_err();
        assert!(world.system.show(&at(to)).await.is_err(), "nothing is there");
        error.to_string()
    };
    assert_eq!(
        refused("/root/p/b").await,
        "limit goal_budget of 30 is reached at /root/p: ask for no more than that is left of its goal's budget, or raise that"
    );
    assert_eq!(world.stands("/root/p").await, ("active", 0, 60, Some(30)));
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

/// What a goal below used before it went into a file is counted above, whichever goal that comes to be.
#[tokio::test(start_paused = true)]
async fn what_was_used_is_not_held_again_when_a_goal_between_goes() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let world = paying().open().await;
    family(&world).await;
    world.system.export(&at("/root/p/a"), &file).await.unwrap();
    world.system.remove(&at("/root/p/a")).await.unwrap();
    world.system.import_subtree(&file, None).await.unwrap();
    world.system.clear_goal(&at("/root/p/a")).await.unwrap();
    assert_eq!(world.stands("/root/p/a/kid").await, ("paused", 10, 0, Some(10)));
    assert_eq!(world.stands("/root/p").await, ("active", 25, 10, Some(65)));
    world.sound().await;
    world.end().await;
}

/// The ledger has goals of a file once that is there: whoever changed one before would be forgotten by it.
#[tokio::test(start_paused = true)]
async fn goals_of_what_is_half_there_are_left_as_they_are() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let world = paying().open().await;
    family(&world).await;
    // It has a mark of its own below that of the import.
    world.system.close(&at("/root/p/a/kid"), LONG).await.unwrap();
    world.system.export(&at("/root/p/a"), &file).await.unwrap();
    world.system.remove(&at("/root/p/a")).await.unwrap();
    let import = half_import(&world, &file).await;
    let half = "/root/p/a is only half there: remove it, or import it again";
    for path in ["/root/p/a", "/root/p/a/kid"] {
        assert_eq!(world.system.clear_goal(&at(path)).await.unwrap_err().to_string(), half);
        assert_eq!(world.patch(path, GoalPatch::raise(70)).await.unwrap_err().to_string(), half);
    }
    world.system.register(Request::ImportEnd { import }).await.unwrap();
    assert_eq!(world.stands("/root/p/a/kid").await, ("paused", 10, 0, Some(10)));
    world.system.clear_goal(&at("/root/p/a/kid")).await.unwrap();
    world.sound().await;
    world.end().await;
}

/// Whichever commit of it is refused and made again, the goals come once.
#[tokio::test(start_paused = true)]
async fn goals_come_with_an_import_whose_commit_is_made_again() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let world = paying().open().await;
    family(&world).await;
    world.system.export(&at("/root/p/a"), &file).await.unwrap();
    world.end().await;
    for conflict in 0..=3 {
        let slow = Slow::new();
        let world = paying().open_on(slow.clone()).await;
        world.endow("/root/p", None, goal("all").within(100)).await.unwrap();
        slow.begin(conflict);
        world.system.import_subtree(&file, None).await.unwrap();
        assert!(slow.asked.load(Ordering::SeqCst) >= 3, "the top, the rows and the end");
        assert_eq!(world.stands("/root/p/a").await, ("paused", 25, 10, Some(25)), "commit {conflict}");
        world.end().await;
    }
}
