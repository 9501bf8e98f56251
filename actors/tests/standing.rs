//! What turns do to the standing of those below them: close and resume, fenced by the turn, and crashed at every commit.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use understory_store::{MemoryBackend, Phase};

use super::crashes::{WITHIN, at_every_commit, host};
use super::world::{LONG, Setting, World, at, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Role, SpawnRequest};

/// A world with the brain `teller`, each line of whose task is a tool call; what they answer is its own answer.
fn setting() -> Setting {
    World::setting()
        .brain("teller", |turn: Turn| async move {
            let (tools, mut said) = (turn.tools().expect("it has tools"), Vec::new());
            for line in turn.text().lines() {
                let (name, arguments) = line.split_once(' ').unwrap_or((line, "{}"));
                let answer = tools.call(name, arguments).await;
                said.push(answer.unwrap_or_else(|error| error.to_string()));
            }
            Ok(Response::text(said.join("\n")))
        })
        .brain("deaf", |_| std::future::pending())
}

async fn family(setting: Setting) -> World {
    let world = setting.open().await;
    for (path, brain) in
        [("/root/a", "teller"), ("/root/a/kid", "echo"), ("/root/a/kid/deep", "echo"), ("/root/b", "echo")]
    {
        world.spawn(path, brain).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn a_turn_closes_and_resumes_those_below_it_and_nobody_else() {
    let world = family(setting()).await;
    let mut said = Vec::new();
    for call in [
        r#"close {"agent":"kid"}"#,
        r#"close {"agent":"kid"}"#,
        r#"resume {"agent":"kid/deep"}"#,
        r#"send {"to":"kid/deep","message":"hi"}"#,
        r#"resume {"agent":"kid"}"#,
        r#"resume {"agent":"kid"}"#,
        r#"close {"agent":"none"}"#,
        r#"close {"agent":"/root/a"}"#,
        r#"close {"agent":"/root"}"#,
        r#"close {"agent":"/root/b"}"#,
        r#"close {"agent":"/root/none"}"#,
        r#"resume {"agent":"/root/a"}"#,
        r#"resume {"agent":"/root/b"}"#,
        r#"close {"path":"kid"}"#,
    ] {
        said.push(format!("{call}: {}", world.assign("/root/a", call).await.unwrap().content));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    close {"agent":"kid"}: {"marked":true,"stopped":0,"overdue":0}
    close {"agent":"kid"}: {"marked":false,"stopped":0,"overdue":0}
    resume {"agent":"kid/deep"}: /root/a/kid/deep is closed by /root/a/kid
    send {"to":"kid/deep","message":"hi"}: /root/a/kid/deep is closed by /root/a/kid
    resume {"agent":"kid"}: {"resumed":true}
    resume {"agent":"kid"}: {"resumed":false}
    close {"agent":"none"}: /root/a/none does not exist
    close {"agent":"/root/a"}: /root/a does not exist
    close {"agent":"/root"}: /root does not exist
    close {"agent":"/root/b"}: /root/b does not exist
    close {"agent":"/root/none"}: /root/none does not exist
    resume {"agent":"/root/a"}: /root/a does not exist
    resume {"agent":"/root/b"}: /root/b does not exist
    close {"path":"kid"}: wrong arguments: unknown field `path`, expected `agent` at line 1 column 7
    "#);
    let calls = world.tool_calls("/root/a").await;
    assert_eq!(calls[..2], [r#"1 close {"agent":"/root/a/kid"}"#, r#"2 close {"agent":"/root/a/kid"}"#]);
    assert_eq!(calls[2], r#"5 resume {"agent":"/root/a/kid"}"#, "a refused call leaves no line");
    assert_eq!(world.count("/root/a").await, 2);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_brain_that_does_not_end_is_waited_for_as_long_as_its_grace() {
    let world = setting().open().await;
    world.spawn("/root/a", "teller").await;
    world.spawn("/root/a/kid", "deaf").await;
    world.ask("/root/a/kid", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/a/kid").await == "running").await;
    let begun = Instant::now();
    let said = world.assign("/root/a", r#"close {"agent":"kid"}"#).await.unwrap().content;
    assert_eq!(said, r#"{"marked":true,"stopped":1,"overdue":0}"#);
    assert_eq!(begun.elapsed(), world.system.limits().grace);
    let kid = world.agent("/root/a/kid").await;
    assert!(matches!(kid.phase, Phase::Ready { charged: 0, .. }), "it went back uncharged: {:?}", kid.phase);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_over_closes_and_resumes_nobody() {
    let kept: Arc<Mutex<Option<Turn>>> = Arc::default();
    let keep = kept.clone();
    let keeps = move |turn: Turn| {
        let keep = keep.clone();
        async move {
            *keep.lock().unwrap() = Some(turn);
            Ok(Response::text("kept"))
        }
    };
    let world = setting().brain("keeps", keeps).open().await;
    world.spawn("/root/a", "keeps").await;
    world.spawn("/root/a/kid", "echo").await;
    world.assign("/root/a", "go").await.unwrap();
    let turn = kept.lock().unwrap().take().unwrap();
    assert_eq!(turn.close("kid").await.unwrap_err().to_string(), "this turn of /root/a is over");
    assert_eq!(world.status("/root/a/kid").await, "idle");
    world.system.close(&at("/root/a/kid"), LONG).await.unwrap();
    assert_eq!(turn.resume("kid").await.unwrap_err().to_string(), "this turn of /root/a is over");
    assert_eq!(world.status("/root/a/kid").await, "closed");
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert_eq!(turn.close("kid").await.unwrap_err().to_string(), "this turn of /root/a is over");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_role_may_hide_them() {
    let shy = Role::with_brain("teller", "").without_tools(["close", "resume"]);
    let world = setting().role("shy", shy).open().await;
    let shy = SpawnRequest { role: Some("shy".to_owned()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![shy]).await.unwrap();
    world.spawn("/root/a/kid", "echo").await;
    let calls = "close {\"agent\":\"kid\"}\nresume {\"agent\":\"kid\"}";
    assert_eq!(world.assign("/root/a", calls).await.unwrap().content, "no tool \"close\"\nno tool \"resume\"");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_isolated_agent_and_those_below_it_send_to_nobody_beside_it() {
    let alone = Role::with_brain("teller", "").isolated();
    let setting = setting().role("alone", alone).role("default", Role::with_brain("teller", ""));
    let world = setting.open().await;
    let alone = SpawnRequest { role: Some("alone".to_owned()), ..SpawnRequest::at(at("/root/p/a")) };
    let plain = |path| SpawnRequest::at(at(path));
    let family = [plain("/root/p"), plain("/root/p/b"), alone, plain("/root/p/a/kid"), plain("/root/p/a/twin")];
    world.system.spawn(family.to_vec()).await.unwrap();
    let mut said = Vec::new();
    for (from, to) in [
        ("/root/p/a", "/root/p/b"),
        ("/root/p/a", "/root/p/none"),
        ("/root/p/a", "/root/p"),
        ("/root/p/a", "/root"),
        ("/root/p/a", "/root/p/a/kid"),
        ("/root/p/a/kid", "/root/p/b"),
        ("/root/p/a/kid", "/root/p/a/twin"),
        ("/root/p/a/kid", "/root/p"),
        ("/root/p/b", "/root/p/a"),
    ] {
        let call = format!(r#"send {{"to":"{to}","message":"hi"}}"#);
        let answer = world.assign(from, &call).await.unwrap().content;
        // What was sent to it before is no call.
        said.push(format!("{from} to {to}: {}", answer.lines().last().unwrap()));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    /root/p/a to /root/p/b: /root/p/b does not exist
    /root/p/a to /root/p/none: /root/p/none does not exist
    /root/p/a to /root/p: {"accepted":true}
    /root/p/a to /root: {"accepted":true}
    /root/p/a to /root/p/a/kid: {"accepted":true}
    /root/p/a/kid to /root/p/b: /root/p/b does not exist
    /root/p/a/kid to /root/p/a/twin: {"accepted":true}
    /root/p/a/kid to /root/p: {"accepted":true}
    /root/p/b to /root/p/a: {"accepted":true}
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_may_only_look_waits_without_being_told_what_came_of_it() {
    let world = family(setting().brain("fails", |_| async { Err(BrainError::refused("a secret")) })).await;
    world.spawn("/root/c", "fails").await;
    world.assign("/root/b", "a secret").await.unwrap();
    world.assign("/root/c", "go").await.unwrap();
    world.assign("/root/a/kid", "for a").await.unwrap();
    let said = world.assign("/root/a", r#"wait {"agents":["/root/b","/root/c","kid"]}"#).await.unwrap().content;
    assert!(said.contains(r#"{"agent":"/root/b","status":"completed","turn":1}"#), "{said}");
    assert!(said.contains(r#"{"agent":"/root/c","status":"errored","turn":1}"#), "{said}");
    assert!(said.contains(r#""content":"for a""#) && !said.contains("secret"), "{said}");
    world.end().await;
}

/// A boss that closes its child at work, resumes it, and closes it for good.
fn crashed() -> Setting {
    World::setting().role("default", Role::with_brain("echo", "")).brain("boss", |turn| async move {
        if turn.text() != "go" {
            return Ok(Response::text("heard"));
        }
        let order = async {
            turn.spawn("kid", Some("task")).await?;
            turn.close("kid").await?;
            turn.resume("kid").await?;
            turn.spawn("other", None).await?;
            turn.close("other").await.map(drop)
        };
        order.await.map_err(|error| BrainError::refused(error.to_string()))?;
        Ok(Response::text("ordered"))
    })
}

#[test]
fn close_and_resume_by_a_turn_survive_a_crash_at_every_commit() {
    let commits = at_every_commit(
        async |faulty| {
            let Ok(world) = crashed().try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world)).await;
            assert!(matches!(outcome, Ok(Ok(()))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows: MemoryBackend, point| {
            let world = crashed().over(rows).open().await;
            world.system.run(&at("/root")).await.unwrap();
            host(&world).await.unwrap();
            let kid = world.turns("/root/boss/kid").await;
            assert_eq!(kid, [(vec!["task".to_owned()], "completed: task".to_owned())], "{point:?}");
            assert_eq!(world.status("/root/boss/other").await, "closed", "{point:?}: closed stays closed");
            assert_eq!((world.count("/root").await, world.count("/root/boss").await), (2, 1), "{point:?}");
            let boss = world.turns("/root/boss").await;
            let results = boss.iter().flat_map(|(taken, _)| taken).filter(|text| *text == "task").count();
            assert_eq!(results, 1, "{point:?}: {boss:?}");
            world.end().await;
        },
    );
    assert!(commits >= 12, "{commits} commits");
}
