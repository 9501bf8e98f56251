//! The model and effort that brains go on with, and conversations that the other side has lost.

use std::sync::{Arc, Mutex};

use understory_store::{AgentId, BrainSettings, Draft, Event, Session, Table as Rows, Time};

use super::table::Table;
use super::world::{Setting, World, at, process, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Role, SETTING_MAX, SpawnRequest};

type Log = Arc<Mutex<Vec<String>>>;

fn refused(error: impl std::fmt::Display) -> BrainError {
    BrainError::refused(error.to_string())
}

/// A brain that notes what it goes on with, and does as it is told.
fn setting(log: &Log) -> Setting {
    let log = log.clone();
    World::setting().role("default", Role::with_brain("vendor", "")).brain("vendor", move |mut turn: Turn| {
        let log = log.clone();
        async move {
            let has = |turn: &Turn| {
                let [session, model, effort] = [turn.session(), turn.model(), turn.effort()];
                [session, model, effort].map(|name| name.unwrap_or("-").to_owned()).join(" ")
            };
            log.lock().unwrap().push(has(&turn));
            for order in turn.messages().last().map_or(String::new(), |last| last.text.clone()).split(' ') {
                match order.split_once('=') {
                    Some(("session", name)) => turn.keep_session(name).await.map_err(refused)?,
                    Some(("model", name)) => turn.keep_settings(Some(name), None).await.map_err(refused)?,
                    Some(("effort", name)) => turn.keep_settings(None, Some(name)).await.map_err(refused)?,
                    _ if order == "lose" => {
                        turn.lose_session().await.map_err(refused)?;
                        log.lock().unwrap().push(format!("lost: {}", has(&turn)));
                    }
                    _ if order == "hang" && turn.attempt() == 1 => std::future::pending().await,
                    _ => {}
                }
            }
            if let Some(row) = turn.row() {
                let (id, run) = (row.item_id.to_string(), row.run);
                turn.keep_settings(Some(&format!("m{run}")), None).await.map_err(refused)?;
                return if id == "fail" && run == 1 { Err(refused("once")) } else { Ok(Response::report("{}")) };
            }
            Ok(Response::text("done"))
        }
    })
}

fn logged(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

#[test]
fn the_last_model_and_effort_hold_until_another_is_said() {
    let log = Log::default();
    let rows = process(async || {
        let world = setting(&log).open().await;
        world.spawn("/root/a", "vendor").await;
        for text in ["model=m1", "effort=high", "model=m2 hang"] {
            if text.ends_with("hang") {
                world.ask("/root/a", text).await.unwrap();
                until(async || {
                    let kept = world.system.brain_settings(&at("/root/a")).await.unwrap().unwrap();
                    kept.model.as_deref() == Some("m2")
                })
                .await;
            } else {
                world.assign("/root/a", text).await.unwrap();
            }
        }
        world.abandon()
    });
    assert_eq!(logged(&log), ["- - -", "- m1 -", "- m1 high"]);
    process(async || {
        let world = setting(&log).over(rows).open().await;
        world.settled("/root/a").await;
        assert_eq!(logged(&log), ["- m2 high"], "what was kept is there after a crash");
        let said = world.system.set_brain_settings(&at("/root/a"), None, Some("low".to_owned())).await.unwrap();
        assert_eq!((said.model.as_deref(), said.effort.as_deref()), (Some("m2"), Some("low")));
        world.assign("/root/a", "x").await.unwrap();
        assert_eq!(logged(&log), ["- m2 low"]);
        world.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_child_may_be_created_with_a_model() {
    let log = Log::default();
    let world = setting(&log).open().await;
    let request = SpawnRequest { model: Some("m1".to_owned()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![request.clone()]).await.unwrap();
    world.assign("/root/a", "x").await.unwrap();
    assert_eq!(logged(&log), ["- m1 -"]);
    for (model, expected) in [
        ("x".repeat(SETTING_MAX + 1), "model has 257 bytes, over the limit of 256"),
        (" ".to_owned(), "model \" \" is blank or holds a NUL"),
    ] {
        let bad = SpawnRequest { model: Some(model), path: at("/root/b"), ..request.clone() };
        assert_eq!(world.system.spawn(vec![bad]).await.unwrap_err().to_string(), expected);
    }
    let refused = world.system.set_brain_settings(&at("/root/b"), None, None).await.unwrap_err();
    assert!(matches!(refused, Error::NotFound { .. }), "{refused}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_lost_is_begun_anew_and_told_of() {
    let log = Log::default();
    let world = setting(&log).open().await;
    world.spawn("/root/a", "vendor").await;
    for text in ["session=s1", "lose", "x", "session=s2", "lose session=s3", "x"] {
        world.assign("/root/a", text).await.unwrap();
    }
    let expected = ["- - -", "s1 - -", "lost: - - -", "- - -", "- - -", "s2 - -", "lost: - - -", "s3 - -"];
    assert_eq!(logged(&log), expected);
    assert_eq!(
        world.tool_calls("/root/a").await,
        [r#"2 session lost {"session":"s1"}"#, r#"5 session lost {"session":"s2"}"#]
    );
    assert!(world.system.forget_session(&at("/root/a")).await.unwrap());
    assert!(!world.system.forget_session(&at("/root/a")).await.unwrap(), "there is none any more");
    let news = world.store().news(0, 10_000).await.unwrap().told;
    assert_eq!(news.iter().filter(|told| matches!(told.event, Event::SessionLost { .. })).count(), 3);
    world.assign("/root/a", "lose").await.unwrap();
    assert_eq!(logged(&log), ["- - -", "lost: - - -"], "what is not there cannot be lost");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_over_keeps_and_loses_nothing() {
    let kept: Arc<Mutex<Option<Turn>>> = Arc::default();
    let keeping = kept.clone();
    let world = World::setting().brain("leaky", move |turn: Turn| {
        let kept = keeping.clone();
        async move {
            turn.keep_session("s1").await.map_err(refused)?;
            *kept.lock().unwrap() = Some(turn);
            Ok(Response::text("done"))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "leaky").await;
    world.assign("/root/a", "x").await.unwrap();
    let mut turn = kept.lock().unwrap().take().unwrap();
    let answers = [
        turn.lose_session().await,
        turn.keep_session("s2").await,
        turn.keep_settings(Some("m"), None).await,
        turn.summarise("all is done").await,
    ];
    for answer in answers {
        assert_eq!(answer.unwrap_err().to_string(), "this turn of /root/a is over");
    }
    let session = world.system.session(&at("/root/a")).await.unwrap().unwrap();
    assert_eq!(session.name, "s1");
    assert_eq!(world.system.brain_settings(&at("/root/a")).await.unwrap(), None);
    assert_eq!(world.system.digest(&at("/root/a")).await.unwrap().digest.summary, None);
    world.end().await;
}

/// Not even if its rows were there.
#[tokio::test(start_paused = true)]
async fn a_newcomer_goes_on_with_nothing_of_who_was_there_before() {
    let log = Log::default();
    let world = setting(&log).open().await;
    world.spawn("/root/a", "vendor").await;
    let (of, name) = (AgentId::from_u128(1), "old".to_owned());
    let settings = BrainSettings { of, failures: 0, model: Some("m".to_owned()), effort: None, at: Time(1) };
    let mut draft = Draft::new();
    draft.put(Rows::Session.at(&at("/root/a")), &Session { of, failures: 0, name, at: Time(1) });
    draft.put(Rows::BrainSettings.at(&at("/root/a")), &settings);
    world.store().commit(draft).await.unwrap();
    world.assign("/root/a", "x").await.unwrap();
    assert_eq!(logged(&log), ["- - -"]);
    drop(world.abandon());
}

#[tokio::test(start_paused = true)]
async fn a_row_that_failed_is_begun_anew_with_the_jobs_own_model() {
    let (log, table) = (Log::default(), Table::text("id\nfail\n"));
    let world = setting(&log).open().await;
    let job = world.system.start_job(table.request("vendor")).await.unwrap().job.path;
    world.job_over(&job).await;
    assert_eq!(logged(&log), ["- - -", "- - -"]);
    world.end().await;
}
