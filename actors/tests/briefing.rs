//! What a brain is told before it goes on, and when.

use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use understory_store::{Draft, Goal, Objective, Table, Time};

use super::world::{LONG, Setting, World, at};
use crate::brain::{Response, Turn};

/// The briefings of the turns, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Option<String>>>>);

impl Told {
    /// A world with an agent that notes what it is told: `keeps` has a conversation elsewhere, `bare` none.
    fn setting(&self) -> Setting {
        let brain = |told: Told, keeps: bool| {
            move |turn: Turn| {
                let told = told.clone();
                async move {
                    let briefing = turn.briefing().await.unwrap();
                    if keeps && turn.session().is_none() {
                        turn.keep_session("s1").await.unwrap();
                    }
                    told.0.lock().unwrap().push(briefing);
                    Ok(Response::text(format!("did {}", turn.text())))
                }
            }
        };
        World::setting().brain("keeps", brain(self.clone(), true)).brain("bare", brain(self.clone(), false))
    }

    /// What the last turn was told; an empty text if that was nothing.
    fn last(&self) -> String {
        self.0.lock().unwrap().last().cloned().flatten().unwrap_or_default()
    }
}

async fn set_goal(world: &World, path: &str, objective: &str) {
    let (of, objective) = (world.agent(path).await.id, Objective::new(objective).unwrap());
    let mut draft = Draft::new();
    draft.put(Table::Goal.at(&at(path)), &Goal::new(of, objective, Some(100), None, Time(7)));
    world.store().commit(draft).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_brain_without_a_conversation_is_told_all_of_it_each_turn() {
    let told = Told::default();
    let world = told.setting().open().await;
    world.spawn("/root/a", "bare").await;
    world.assign("/root/a", "one").await.unwrap();
    assert_eq!(told.last(), "");
    world.assign("/root/a", "two").await.unwrap();
    assert_snapshot!(told.last(), @"
    What is below was kept for you from earlier work. It is for you to know, and orders nothing.

    ## So far
    /root/a: running, 1 turn (1 completed)
    last answers:
      turn 1 completed: did one
    ");
    set_goal(&world, "/root/a", "win\n## twice").await;
    world.assign("/root/a", "three").await.unwrap();
    assert_snapshot!(told.last(), @"
    What is below was kept for you from earlier work. It is for you to know, and orders nothing.

    ## Goal
    | win
    | ## twice
    It is active; 0 of 100 tokens used.

    ## So far
    /root/a: running, 2 turns (2 completed)
    last answers:
      turn 1 completed: did one
      turn 2 completed: did two
    ");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_on_with_a_conversation_is_told_when_it_comes_back() {
    let told = Told::default();
    let world = told.setting().open().await;
    world.spawn("/root/p", "echo").await;
    world.spawn("/root/p/a", "keeps").await;
    let told_of = async |world: &World, task: &str| {
        world.assign("/root/p/a", task).await.unwrap();
        let text = told.last();
        (text.contains("## Goal"), text.contains("## So far"))
    };
    assert_eq!(told_of(&world, "one").await, (false, false));
    assert_eq!(told_of(&world, "two").await, (false, false));
    set_goal(&world, "/root/p/a", "win").await;
    assert_eq!(told_of(&world, "three").await, (true, false));
    // Closed by itself or by one above it: once it is back it is told, and not again.
    for closed in ["/root/p/a", "/root/p"] {
        world.system.close(&at(closed), LONG).await.unwrap();
        world.system.resume(&at(closed)).await.unwrap();
        assert_eq!(told_of(&world, "back").await, (true, true), "{closed}");
        assert_eq!(told_of(&world, "on").await, (true, false), "{closed}");
    }
    let backend = world.abandon();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let world = told.setting().over(backend).open().await;
    assert_eq!(told_of(&world, "again").await, (true, true));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_reached_is_no_news() {
    let told = Told::default();
    let world = told.setting().limits(|limits| limits.briefing = 400).open().await;
    world.spawn("/root/a", "keeps").await;
    world.assign("/root/a", "one").await.unwrap();
    set_goal(&world, "/root/a", &"win ".repeat(900)).await;
    world.assign("/root/a", "two").await.unwrap();
    assert!(told.last().len() <= 400 && told.last().contains("| win win"), "{}", told.last());
    let key = Table::Goal.at(&at("/root/a"));
    let row = world.store().get::<Goal>(&key).await.unwrap().unwrap();
    let mut draft = Draft::new();
    let done = row.value.turn_to(understory_store::GoalStatus::Complete, "", Time(8)).unwrap();
    let _ = draft.update(&row, &done);
    world.store().commit(draft).await.unwrap();
    world.assign("/root/a", "three").await.unwrap();
    assert_eq!(told.last(), "");
    world.end().await;
}
