//! Questions with a deadline, and waits for those that are named or gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::world::{LONG, World, at, letter, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Asked, Nickname, Settled, SpawnRequest, Standing, Target, Until};

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_or_its_deadline_comes_and_the_message_stays() {
    let go = Arc::new(Semaphore::new(0));
    let given = go.clone();
    let world = World::setting().brain("slow", move |turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text(turn.text()))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "slow").await;
    let ask = |text: &str| world.system.ask(letter("/root/a", text, false), Duration::from_secs(30));
    go.add_permits(1);
    let Ok(Asked::Answered(outcome)) = ask("one").await else { panic!("it answers in time") };
    assert_eq!((outcome.turn, outcome.content.as_str()), (1, "one"));
    let begun = Instant::now();
    let Ok(Asked::Pending(accepted)) = ask("two").await else { panic!("nobody lets it answer") };
    assert_eq!((begun.elapsed().as_secs(), accepted.to.path), (30, at("/root/a")));
    assert_eq!(world.inbox("/root/a").await.len(), 1, "the message stays");
    assert_eq!(world.status("/root/a").await, "running", "and so does its turn");
    go.add_permits(1);
    let newer = Target { path: at("/root/a"), after: Some(1) };
    let settled = world.system.wait_for(&[newer], Until::All, LONG).await.unwrap();
    let [Settled { standing: Standing::Rests(Some(outcome)), .. }] = &settled[..] else { panic!("{settled:?}") };
    assert_eq!((outcome.turn, outcome.content.as_str()), (2, "two"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_for_whom_it_calls_by_nickname() {
    let world = World::setting().brain("caller", |turn: Turn| async move {
        let words = |error: &dyn std::fmt::Display| BrainError::refused(error.to_string());
        let tools = turn.tools().map_err(|error| words(&error))?;
        let answer = tools.call("wait", &turn.text()).await;
        Ok(Response::text(answer.unwrap_or_else(|error| error.to_string())))
    });
    let world = world.open().await;
    world.spawn("/root/a", "caller").await;
    let called = |path: &str, nickname: &str| SpawnRequest {
        nickname: Nickname::Given(nickname.to_owned()),
        ..SpawnRequest::at(at(path))
    };
    let born = vec![called("/root/a/x", "Kit"), called("/root/a/y", "Two"), called("/root/a/x/z", "Two")];
    world.system.spawn(born).await.unwrap();
    world.spawn("/root/a/gone", "echo").await;
    world.spawn("/root/a/gone/too", "echo").await;
    world.system.close(&at("/root/a/gone"), LONG).await.unwrap();
    world.system.remove(&at("/root/a/gone")).await.unwrap();
    let mut lines = Vec::new();
    for agents in [r#"["Kit"]"#, r#"["@kit","/root/a/y"]"#, r#"["Two"]"#, r#"["Zed"]"#, r#"["gone","gone/too"]"#] {
        let answer = world.assign("/root/a", &format!(r#"{{"agents":{agents}}}"#)).await.unwrap().content;
        lines.push(format!("{agents}: {answer}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ["Kit"]: {"settled":[{"agent":"/root/a/x","status":"idle"}],"pending":[],"timed_out":false}
    ["@kit","/root/a/y"]: {"settled":[{"agent":"/root/a/x","status":"idle"},{"agent":"/root/a/y","status":"idle"}],"pending":[],"timed_out":false}
    ["Two"]: "Two" may be any of /root/a/y, /root/a/x/z
    ["Zed"]: bad agent path "Zed": 'Z' is not one of a-z, 0-9 and _
    ["gone","gone/too"]: {"settled":[{"agent":"/root/a/gone","status":"removed","removed":"/root/a/gone"},{"agent":"/root/a/gone/too","status":"removed","removed":"/root/a/gone"}],"pending":[],"timed_out":false}
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_removed_is_settled_and_said_to_be_gone() {
    let world = World::setting().brain("wall", |_| std::future::pending()).open().await;
    for path in ["/root/a", "/root/a/b", "/root/busy"] {
        world.spawn(path, "wall").await;
    }
    world.ask("/root/busy", "go").await.unwrap();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/a")).await.unwrap();
    let targets = ["/root/a", "/root/a/b", "/root/busy"].map(at);
    let settled = world.system.wait(&targets, Until::Count(2), LONG).await.unwrap();
    let gone = |path: &str| Settled { path: at(path), standing: Standing::Removed { at: at("/root/a") } };
    assert_eq!(settled, [gone("/root/a"), gone("/root/a/b")]);
    until(async || world.status("/root/busy").await == "running").await;
    world.end().await;
}
