//! What goals used and hold of each other, and agents that go on by themselves.

use understory_store::{BrainChoice, GoalStatus, Sender, Usage};

use super::{Notes, Process, rest, settle, sweep};
use crate::brain::{Response, Turn};
use crate::tests::world::{Setting, World, at};
use crate::{Error, GoalPatch, GoalView, NewGoal, SpawnRequest};

/// A world whose brain `pays` costs as many tokens as the operator says, and 5 by itself, and is done with its second turn.
fn setting(_: Process) -> Setting {
    World::setting().brain("pays", |turn: Turn| async move {
        let said = turn.messages().iter().find(|message| message.from == Sender::Operator);
        let input_tokens = said.map_or(5, |message| message.text.parse().unwrap_or(0));
        if said.is_none() && turn.number() > 1 {
            // A turn that is run again may have said so before.
            let _ = turn.complete_goal("done").await;
        }
        let content = format!("turn {}", turn.number());
        Ok(Response { usage: Usage { input_tokens, ..Usage::default() }, ..Response::text(content) })
    })
}

async fn spawn(world: &World, path: &str, brain: Option<&str>, goal: NewGoal) -> Result<(), Error> {
    let brain = brain.map(|name| BrainChoice { name: name.to_owned(), settings: String::new() });
    let request = SpawnRequest { brain, goal: Some(goal), ..SpawnRequest::at(at(path)) };
    world.system.spawn(vec![request]).await.map(drop)
}

async fn goal(world: &World, path: &str) -> Option<GoalView> {
    world.system.goal(&at(path)).await.ok().flatten()
}

fn of(objective: &str, budget: u64) -> NewGoal {
    NewGoal::new(objective).unwrap().within(budget)
}

/// What its agents have used is what the goal of `/root/a` and those below it say, once each; and what one holds of another
/// is what that has not left.
async fn adds_up(world: &World, when: &str) {
    let mut paid = 0;
    for view in world.system.list(&at("/root/a"), None, 100).await.unwrap_or_default() {
        paid += world.agent(view.path.as_str()).await.used.tokens();
    }
    let Some(top) = goal(world, "/root/a").await else { return };
    let below = world.system.goals_below(&at("/root/a"), None, 100).await.unwrap();
    let below: u64 = below.iter().skip(1).map(|view| view.used - view.goal.shared).sum();
    assert_eq!(top.used + below, paid, "{when}");
    let budget = top.goal.budget.unwrap();
    assert_eq!(top.left, Some(budget - top.used - top.held), "{when}");
}

/// A budget is given, used, raised and returned: each is done or not, and no token is counted twice or lost.
#[test]
fn a_budgets_course() {
    let commits = sweep(
        setting,
        async |world, notes: &Notes| {
            spawn(world, "/root/a", None, of("all", 100)).await?;
            spawn(world, "/root/a/b", Some("pays"), of("part", 50)).await?;
            let b = at("/root/a/b");
            world.system.set_goal(&b, GoalPatch::to(GoalStatus::Paused)).await?;
            world.ask("/root/a/b", "30").await?;
            settle(world, &["/root/a/b"]).await?;
            notes.note("charged");
            world.system.set_goal(&b, GoalPatch { status: None, ..GoalPatch::raise(60) }).await?;
            notes.note("raised");
            world.system.set_goal(&b, GoalPatch::to(GoalStatus::Complete)).await?;
            world.system.create_goal(&b, of("next", 40)).await?;
            notes.note("replaced");
            world.system.clear_goal(&b).await?;
            notes.note("cleared");
            Ok(())
        },
        async |world, notes, point| {
            adds_up(world, &format!("{point:?}, as it is found")).await;
            if let Some(part) = goal(world, "/root/a/b").await {
                let top = goal(world, "/root/a").await.expect("it was there before");
                let budget = part.goal.budget.unwrap();
                let held = if part.goal.is_complete() { part.used } else { budget.max(part.used) };
                assert_eq!(top.held, held, "{point:?}");
                assert!(part.used == 30 || !notes.has("charged") || notes.has("raised"), "{point:?}: {}", part.used);
                assert!(budget != 50 || !notes.has("raised"), "{point:?}");
                assert!(!notes.has("cleared"), "{point:?}");
                let pause = world.system.set_goal(&at("/root/a/b"), GoalPatch::to(GoalStatus::Paused)).await;
                assert!(pause.is_ok() || part.goal.is_complete(), "{point:?}: {pause:?}");
            }
            rest(world).await;
            adds_up(world, &format!("{point:?}, in the end")).await;
            if notes.has("replaced") {
                assert_eq!(goal(world, "/root/a").await.unwrap().used, 30, "{point:?}");
            }
        },
    );
    assert!(commits >= 9, "{commits} commits");
}

/// An agent that goes on by itself does so in the next process, until it has said that it is done.
#[test]
fn going_on() {
    let commits = sweep(
        setting,
        async |world, notes: &Notes| {
            spawn(world, "/root/a", None, of("all", 100)).await?;
            spawn(world, "/root/a/b", Some("pays"), of("count to two", 50)).await?;
            notes.note("asked");
            world.system.run_to_rest(&at("/root")).await?;
            notes.note("rests");
            Ok(())
        },
        async |world, notes, point| {
            adds_up(world, &format!("{point:?}, as it is found")).await;
            rest(world).await;
            adds_up(world, &format!("{point:?}, in the end")).await;
            let Some(part) = goal(world, "/root/a/b").await else {
                assert!(!notes.has("asked"), "{point:?}");
                return;
            };
            // A turn that dies twice is blamed on its goal.
            assert_eq!(part.goal.status, GoalStatus::Complete, "{point:?}: {}", part.goal.why);
            assert!(world.inbox("/root/a/b").await.is_empty(), "{point:?}: nothing is left that it said to itself");
            assert!(world.agent("/root/a/b").await.turns >= 2, "{point:?}");
        },
    );
    assert!(commits >= 8, "{commits} commits");
}

/// Who is removed leaves what it used with the goal above.
#[test]
fn a_removal() {
    let commits = sweep(
        setting,
        async |world, notes: &Notes| {
            spawn(world, "/root/a", None, of("all", 100)).await?;
            spawn(world, "/root/a/b", Some("pays"), of("part", 50)).await?;
            spawn(world, "/root/a/b/c", None, of("part of it", 20)).await?;
            let b = at("/root/a/b");
            world.system.set_goal(&b, GoalPatch::to(GoalStatus::Paused)).await?;
            world.ask("/root/a/b", "7").await?;
            settle(world, &["/root/a/b"]).await?;
            world.system.close(&b, super::WITHIN).await?;
            notes.note("closed");
            world.system.remove(&b).await?;
            notes.note("removed");
            Ok(())
        },
        async |world, notes, point| {
            if !notes.has("closed") {
                return;
            }
            let gone = world.system.remove(&at("/root/a/b")).await;
            assert!(gone.is_ok() != notes.has("removed") || gone.is_err(), "{point:?}: {gone:?}");
            let top = goal(world, "/root/a").await.unwrap();
            assert_eq!((top.used, top.held, top.left), (7, 0, Some(93)), "{point:?}");
        },
    );
    assert!(commits >= 8, "{commits} commits");
}
