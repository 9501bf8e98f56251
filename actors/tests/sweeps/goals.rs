//! What goals used and hold of each other, and agents that go on by themselves.

use understory_store::{BrainChoice, GoalStatus, Sender, Usage};

use super::{Notes, Process, rest, settle, sweep};
use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::{Setting, World, at};
use crate::tools::ToolError;
use crate::{Budget, Error, GoalPatch, GoalView, NewGoal, SpawnRequest};

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
    // What those without a budget used lies in the goal above, too.
    let apart = below.iter().skip(1).filter(|view| view.goal.budget.is_some());
    let below: u64 = apart.map(|view| view.used - view.goal.shared).sum();
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

/// A budget that comes over many goals, which takes several commits: it is there with what all of them hold, or not at all.
#[test]
fn a_budget_that_comes_late() {
    const BELOW: u64 = 90;
    let late = async |world: &World| {
        let patch = GoalPatch { budget: Budget::Tokens(1000), ..GoalPatch::default() };
        world.system.set_goal(&at("/root/x/a"), patch).await
    };
    let stands = async |world: &World, path: &str| {
        let view = goal(world, path).await?;
        Some((view.used, view.held, view.left))
    };
    for above in [Some(5000), None] {
        let commits = sweep(
            setting,
            async |world, notes: &Notes| {
                let top = NewGoal { budget: above, ..NewGoal::new("all").unwrap() };
                spawn(world, "/root/x", None, top).await?;
                spawn(world, "/root/x/a", None, NewGoal::new("most").unwrap()).await?;
                let below = (0..BELOW).map(|n| {
                    let path = at(&format!("/root/x/a/n{n}"));
                    SpawnRequest { goal: Some(of("part", 10)), ..SpawnRequest::at(path) }
                });
                world.system.spawn(below.collect()).await?;
                notes.note("born");
                late(world).await?;
                notes.note("late");
                Ok(())
            },
            async |world, notes, point| {
                if !notes.has("born") {
                    return;
                }
                let held = BELOW * 10;
                // The goal above holds what they hold, or the budget that they have theirs from.
                let before = (above.map_or(0, |_| held), None);
                let after = (above.map_or(0, |_| 1000), Some(1000 - held));
                let check = async |come: bool, when: &str| {
                    let (over, left) = if come { after } else { before };
                    let wanted = Some((0, over, above.map(|above| above - over)));
                    assert_eq!(stands(world, "/root/x").await, wanted, "{point:?}, {when}");
                    let held = if come { held } else { 0 };
                    assert_eq!(stands(world, "/root/x/a").await, Some((0, held, left)), "{point:?}, {when}");
                };
                let come = goal(world, "/root/x/a").await.unwrap().goal.budget.is_some();
                assert!(come || !notes.has("late"), "{point:?}");
                check(come, "as it is found").await;
                assert_eq!(late(world).await.unwrap(), !come, "{point:?}");
                check(true, "once it is asked again").await;
                world.system.clear_goal(&at("/root/x/a/n7")).await.unwrap();
                assert_eq!(goal(world, "/root/x/a").await.unwrap().held, held - 10, "{point:?}");
            },
        );
        assert!(commits >= 7, "{commits} commits");
    }
}

/// What a turn says of its goal and of one below is there exactly if its transcript says so, and once.
#[test]
fn goals_that_a_turn_sets() {
    let setting = |_| {
        World::setting().brain("sets", |turn: Turn| async move {
            sets(&turn).await.map_err(|error| BrainError::refused(error.to_string()))?;
            Ok(Response { usage: Usage { input_tokens: 7, ..Usage::default() }, ..Response::text("done") })
        })
    };
    let commits = sweep(
        setting,
        async |world, notes: &Notes| {
            spawn(world, "/root/a", None, of("all", 100)).await?;
            world.try_spawn("/root/a/b", "sets").await?;
            world.try_spawn("/root/a/b/c", "sets").await?;
            world.ask("/root/a/b", "go").await?;
            notes.note("asked");
            settle(world, &["/root/a/b"]).await?;
            notes.note("done");
            Ok(())
        },
        async |world, notes, point| {
            let calls = async |tool: &str| {
                let calls = world.tool_calls("/root/a/b").await;
                calls.iter().filter(|call| call.contains(tool)).count()
            };
            let (own, below) = (goal(world, "/root/a/b").await, goal(world, "/root/a/b/c").await);
            assert_eq!(own.is_some(), calls(" create_goal ").await == 1, "{point:?}");
            assert_eq!(below.is_some(), calls(" set_goal ").await == 1, "{point:?}");
            assert!(below.is_some() || !notes.has("done"), "{point:?}");
            // A turn that is run again once its goal is complete is charged to the one above alone.
            let done = own.is_some_and(|own| own.goal.is_complete());
            let paid = if done && world.agent("/root/a/b").await.turns == 0 { 0 } else { 7 };
            if let Some(top) = goal(world, "/root/a").await {
                let held = if below.is_some() { 30 } else { 0 };
                assert_eq!((top.held, top.left), (held, Some(100 - held - top.used)), "{point:?}");
            }
            adds_up(world, &format!("{point:?}, as it is found")).await;
            rest(world).await;
            adds_up(world, &format!("{point:?}, in the end")).await;
            if notes.has("asked") {
                let own = goal(world, "/root/a/b").await.unwrap();
                assert_eq!((own.goal.status, own.used), (GoalStatus::Complete, paid), "{point:?}");
                let below = goal(world, "/root/a/b/c").await.unwrap().goal;
                assert_eq!((below.status, below.budget), (GoalStatus::Paused, Some(30)), "{point:?}");
                assert_eq!(below.why, "/root/a/b paused it", "{point:?}");
                let top = goal(world, "/root/a").await.unwrap();
                assert_eq!((top.used, top.held, top.left), (7, 30, Some(63)), "{point:?}");
                assert_eq!((calls(" create_goal ").await, calls(" update_goal ").await), (1, 1), "{point:?}");
            }
        },
    );
    assert!(commits >= 8, "{commits} commits");
}

/// Sets the agent a goal, gives one below a budget, and is done: what an earlier attempt has done stands.
async fn sets(turn: &Turn) -> Result<(), ToolError> {
    let before = turn.goal().map(|view| view.goal.status);
    if before.is_none() {
        turn.create_goal("count").await?;
    }
    let objective = NewGoal::new("part")?.objective;
    let patch =
        GoalPatch { objective: Some(objective), budget: Budget::Tokens(30), ..GoalPatch::to(GoalStatus::Paused) };
    turn.set_goal("c", patch).await?;
    if before != Some(GoalStatus::Complete) {
        turn.complete_goal("counted").await?;
    }
    Ok(())
}
