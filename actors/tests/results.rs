//! Whether a result from below starts a turn, by the role of whom it comes to.

use super::table::Table;
use super::world::{World, at, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Nickname, OnResult, Role, SpawnRequest, Standing};

fn said(error: impl std::fmt::Display) -> BrainError {
    BrainError::refused(error.to_string())
}

/// An agent that makes a kid at work when it is told to, and the turns it had when all is done.
async fn turns_of_a_boss(on_result: OnResult) -> (World, Vec<(Vec<String>, String)>) {
    let world = World::setting()
        .role("default", Role::with_brain("echo", ""))
        .role("boss", Role::with_brain("boss", "").on_result(on_result))
        .brain("boss", |turn: Turn| async move {
            if turn.text() == "go" {
                turn.spawn("kid", Some("work")).await.map_err(said)?;
            }
            Ok(Response::text("done"))
        })
        .open()
        .await;
    let request = SpawnRequest { role: Some("boss".to_owned()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![request]).await.unwrap();
    world.assign("/root/a", "go").await.unwrap();
    world.settled("/root/a/kid").await;
    world.settled("/root/a").await;
    let turns = world.turns("/root/a").await;
    (world, turns)
}

#[tokio::test(start_paused = true)]
async fn a_result_starts_a_turn_if_nothing_is_said() {
    let (world, turns) = turns_of_a_boss(OnResult::Wake).await;
    let done = "completed: done".to_owned();
    assert_eq!(turns, [(vec!["go".to_owned()], done.clone()), (vec!["work".to_owned()], done)]);
    assert_eq!(world.system.granted(&at("/root/a")).await.unwrap(), None, "it got nothing of its own");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_that_starts_none_joins_the_next() {
    let (world, turns) = turns_of_a_boss(OnResult::Keep).await;
    let done = "completed: done".to_owned();
    assert_eq!(turns, [(vec!["go".to_owned()], done.clone())]);
    until(async || world.inbox("/root/a").await.len() == 1).await;
    assert!(!world.inbox("/root/a").await[0].trigger);
    assert!(matches!(world.settled("/root/a").await.standing, Standing::Rests(Some(_))), "it is at rest with it");
    let granted = world.system.granted(&at("/root/a")).await.unwrap().unwrap();
    assert!(!granted.wake_on_result, "{granted:?}");
    world.assign("/root/a", "and now").await.unwrap();
    let both = (vec!["work".to_owned(), "and now".to_owned()], done);
    assert_eq!(world.turns("/root/a").await[1..], [both]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_run_of_a_row_has_its_results_as_ever() {
    let world = World::setting().role("default", Role::with_brain("echo", "").on_result(OnResult::Keep)).brain(
        "worker",
        |turn: Turn| async move {
            turn.spawn("kid", Some("work")).await.map_err(said)?;
            turn.wait_for_mail(None).await.map_err(said)?;
            let mail = turn.take_mail().await.map_err(said)?;
            let triggers: Vec<bool> = mail.iter().map(|message| message.trigger).collect();
            Ok(Response::report(serde_json::json!({ "triggers": triggers }).to_string()))
        },
    );
    let world = world.open().await;
    let table = Table::of(2);
    world.run_job(JobRequest { concurrency: 2, ..table.request("worker") }).await;
    let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    assert_eq!(results, [r#"{"triggers":[true]}"#; 2]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_role_without_nicknames_gives_none_and_takes_one() {
    let quiet = Role::with_brain("echo", "").called(crate::NicknamePool::none());
    let world = World::setting().role("quiet", quiet).open().await;
    let born = |path: &str, nickname: Nickname| SpawnRequest {
        role: Some("quiet".to_owned()),
        nickname,
        ..SpawnRequest::at(at(path))
    };
    let given = Nickname::Given("Ann".to_owned());
    let requests = vec![born("/root/a", Nickname::Picked), born("/root/b", given), born("/root/c", Nickname::Picked)];
    let called: Vec<_> = world.system.spawn(requests).await.unwrap().into_iter().map(|one| one.nickname).collect();
    assert_eq!(called, [None, Some("Ann".to_owned()), None]);
    world.end().await;
}
