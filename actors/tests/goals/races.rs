//! What changes above a goal, or comes below one, while a change of it is under way.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use understory_paths::AgentPath;
use understory_store::{Backend, Commit, CommitError, MemoryBackend, Version, Wrapper, Write};

use super::*;
use crate::Budget;
use crate::registrar::Request;
use crate::tests::parcels::half_import;
use crate::tests::world::{LONG, pass, until};

type Act = BoxFuture<'static, ()>;

/// A store in memory that has something done right before the first commit that writes or clears a goal, or charges it, once
/// that is set.
struct Raced {
    rows: MemoryBackend,
    first: Mutex<Option<(What, Act)>>,
}

/// What the commit does.
enum What {
    Writes(AgentPath),
    Charges(AgentPath),
}

impl Raced {
    fn new() -> Arc<Raced> {
        Arc::new(Raced { rows: MemoryBackend::new(), first: Mutex::new(None) })
    }

    fn set(&self, goal: &str, act: impl Future<Output = ()> + Send + 'static) {
        *self.first.lock().unwrap() = Some((What::Writes(at(goal)), act.boxed()));
    }

    fn set_charge(&self, goal: &str, act: impl Future<Output = ()> + Send + 'static) {
        *self.first.lock().unwrap() = Some((What::Charges(at(goal)), act.boxed()));
    }

    fn is_over(&self) -> bool {
        self.first.lock().unwrap().is_none()
    }

    fn due(&self, commit: &Commit) -> Option<Act> {
        let mut first = self.first.lock().unwrap();
        let what = &first.as_ref()?.0;
        commit.writes.iter().any(|write| what.is_in(write)).then(|| first.take().expect("it was there").1)
    }
}

impl What {
    fn is_in(&self, write: &Write) -> bool {
        match (self, write) {
            (What::Writes(path), Write::Put(key, _) | Write::Delete(key)) => *key == Table::Goal.at(path),
            (What::Charges(path), Write::Append(prefix, _)) => *prefix == Table::Charge.below(path),
            _ => false,
        }
    }
}

impl Wrapper for Raced {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        let first = self.due(&commit);
        async move {
            if let Some(first) = first {
                first.await;
            }
            self.rows.commit(commit).await
        }
        .boxed()
    }
}

fn tokens(budget: u64) -> GoalPatch {
    GoalPatch { budget: Budget::Tokens(budget), ..GoalPatch::default() }
}

/// `/root/x` with 1,000 tokens, `/root/x/a` with as many as that leaves it, and `/root/x/a/b` with 10.
async fn family(raced: &Arc<Raced>) -> World {
    let world = paying().open_on(raced.clone()).await;
    world.endow("/root/x", None, goal("all").within(1_000)).await.unwrap();
    world.endow("/root/x/a", None, goal("most")).await.unwrap();
    world.endow("/root/x/a/b", None, goal("part").within(10)).await.unwrap();
    world
}

fn child(path: &str, budget: u64) -> Vec<SpawnRequest> {
    vec![SpawnRequest { goal: Some(goal("late").within(budget)), ..SpawnRequest::at(at(path)) }]
}

/// What the goals of the family are in this process, and in the next one.
async fn stand(raced: &Raced, world: World) -> [(&'static str, u64, u64, Option<u64>); 2] {
    let stand = async |world: &World| [world.stands("/root/x").await, world.stands("/root/x/a").await];
    let (here, rows) = (stand(&world).await, raced.rows.clone());
    world.sound().await;
    world.end().await;
    let next = paying().over(rows).open().await;
    assert_eq!(stand(&next).await, here, "the next process adds up the same");
    next.end().await;
    here
}

#[tokio::test(start_paused = true)]
async fn who_is_created_while_a_budget_comes_takes_its_own_from_that() {
    let raced = Raced::new();
    let world = family(&raced).await;
    let system = world.system.clone();
    raced.set("/root/x/a", async move {
        system.spawn(child("/root/x/a/late", 30)).await.unwrap();
        let refused = system.spawn(child("/root/x/a/much", 61)).await.unwrap_err().to_string();
        assert!(refused.starts_with("limit goal_budget of 60 is reached at /root/x/a: "), "{refused}");
        system.spawn(child("/root/x/beside", 200)).await.unwrap();
    });
    world.patch("/root/x/a", tokens(100)).await.unwrap();
    assert!(raced.is_over());
    let expected = [("active", 0, 300, Some(700)), ("active", 0, 40, Some(60))];
    assert_eq!(stand(&raced, world).await, expected);
}

#[tokio::test(start_paused = true)]
async fn who_is_being_created_when_a_budget_comes_is_told_of_it() {
    let raced = Raced::new();
    let world = family(&raced).await;
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (told, held) = (begun.clone(), gate.clone());
    raced.set("/root/x/a/late", async move {
        told.add_permits(1);
        held.acquire().await.expect("never closed").forget();
    });
    let system = world.system.clone();
    let spawned = tokio::spawn(async move { system.spawn(child("/root/x/a/late", 30)).await.map(drop) });
    until(async || begun.available_permits() > 0).await;
    let system = world.system.clone();
    let patched = tokio::spawn(async move { system.set_goal(&at("/root/x/a"), tokens(100)).await });
    pass(1).await;
    gate.add_permits(1);
    spawned.await.unwrap().unwrap();
    assert!(patched.await.unwrap().unwrap());
    let expected = [("active", 0, 100, Some(900)), ("active", 0, 40, Some(60))];
    assert_eq!(stand(&raced, world).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_does_not_come_in_the_end_leaves_who_came_for_it_with_the_goal_above() {
    let raced = Raced::new();
    let world = family(&raced).await;
    world.system.clear_goal(&at("/root/x/a")).await.unwrap();
    let system = world.system.clone();
    // Right before it is told.
    raced.set("/root/x/a/b", async move {
        system.spawn(child("/root/x/a/late", 30)).await.unwrap();
        system.close(&at("/root/x/a"), LONG).await.unwrap();
    });
    let refused = world.system.create_goal(&at("/root/x/a"), goal("most").within(100)).await.unwrap_err();
    assert!(matches!(refused, Error::Closed { .. }) && raced.is_over(), "{refused}");
    assert_eq!(world.stands("/root/x").await, ("active", 0, 40, Some(960)));
    world.endow("/root/x/c", None, goal("all that is left").within(960)).await.unwrap();
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_created_while_a_goal_is_cleared_holds_of_the_one_above() {
    let raced = Raced::new();
    let world = family(&raced).await;
    world.patch("/root/x/a", tokens(100)).await.unwrap();
    let system = world.system.clone();
    raced.set("/root/x/a", async move {
        system.spawn(child("/root/x/a/late", 30)).await.unwrap();
    });
    world.system.clear_goal(&at("/root/x/a")).await.unwrap();
    assert!(raced.is_over());
    assert_eq!(world.stands("/root/x").await, ("active", 0, 40, Some(960)));
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_in_place_of_one_that_is_complete_has_what_was_held_below_that() {
    let raced = Raced::new();
    let world = family(&raced).await;
    world.patch("/root/x/a", tokens(100)).await.unwrap();
    world.patch("/root/x/a", GoalPatch::to(GoalStatus::Complete)).await.unwrap();
    assert_eq!(world.stands("/root/x").await, ("active", 0, 10, Some(990)));
    let create = async |budget| world.system.create_goal(&at("/root/x/a"), goal("more").within(budget)).await;
    let refused = create(9).await.unwrap_err().to_string();
    assert!(refused.contains("goals below hold 10"), "{refused}");
    create(50).await.unwrap();
    let expected = [("active", 0, 50, Some(950)), ("active", 0, 10, Some(40))];
    assert_eq!(stand(&raced, world).await, expected);
}

/// What a file's goals hold is set aside where they are told to hold it: one that comes between, or takes that one's place, would
/// not know of them.
#[tokio::test(start_paused = true)]
async fn an_import_does_not_end_below_another_goal_than_it_began() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let raced = Raced::new();
    let world = family(&raced).await;
    world.system.close(&at("/root/x/a/b"), LONG).await.unwrap();
    world.system.export(&at("/root/x/a/b"), &file).await.unwrap();
    for what in ["set", "completed", "cleared"] {
        world.system.remove(&at("/root/x/a/b")).await.unwrap();
        let import = half_import(&world, &file).await;
        match what {
            "set" => drop(world.patch("/root/x/a", tokens(100)).await.unwrap()),
            "completed" => drop(world.patch("/root/x/a", GoalPatch::to(GoalStatus::Complete)).await.unwrap()),
            _ => world.system.clear_goal(&at("/root/x")).await.unwrap(),
        }
        let refused = world.system.register(Request::ImportEnd { import }).await.unwrap_err();
        let expected = "the goals above /root/x/a/b changed while it was imported: import it again";
        assert_eq!(refused.to_string(), expected, "{what}");
        world.system.import_subtree(&file, None).await.unwrap();
        assert_eq!(world.stands("/root/x/a/b").await, ("active", 0, 0, Some(10)), "{what}");
        world.sound().await;
    }
    world.end().await;
}

/// The bill of a turn is made before its end is committed, and names the goal that is there then.
#[tokio::test(start_paused = true)]
async fn what_is_billed_to_a_goal_that_is_gone_by_then_is_charged_above() {
    for replaced in [false, true] {
        let raced = Raced::new();
        let world = paying().open_on(raced.clone()).await;
        world.endow("/root/x", None, goal("all").within(1_000)).await.unwrap();
        world.endow_paused("/root/x/a", "pays", goal("first").within(100)).await;
        let system = world.system.clone();
        raced.set_charge("/root/x/a", async move {
            system.clear_goal(&at("/root/x/a")).await.unwrap();
            if replaced {
                system.create_goal(&at("/root/x/a"), goal("second").within(50)).await.unwrap();
            }
        });
        world.assign("/root/x/a", "30").await.unwrap();
        assert!(raced.is_over());
        if replaced {
            // What lies in its log comes before what is asked of a goal.
            world.patch("/root/x/a", GoalPatch::to(GoalStatus::Paused)).await.unwrap();
            assert_eq!(world.stands("/root/x/a").await, ("paused", 0, 0, Some(50)));
        }
        let held = if replaced { 50 } else { 0 };
        assert_eq!(world.stands("/root/x").await, ("active", 30, held, Some(970 - held)), "{replaced}");
        world.sound().await;
        world.end().await;
    }
}
