//! The tree: who can be created, closed and resumed, and how many are counted.

use std::time::Duration;

use understory_store::BrainChoice;

use super::world::{LONG, World, at};
use crate::{Error, Nickname, Role, SpawnRequest};

/// Creates what it is asked in one batch, and says what came of it.
async fn spawn(world: &World, requests: Vec<SpawnRequest>) -> String {
    match world.system.spawn(requests).await {
        Ok(spawned) => {
            let words =
                |one: &crate::Spawned| format!("{}{}", one.agent.path, if one.created { "" } else { " (known)" });
            spawned.iter().map(words).collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    }
}

fn named(path: &str, nickname: &str) -> SpawnRequest {
    SpawnRequest { nickname: Nickname::Given(nickname.to_owned()), ..SpawnRequest::at(at(path)) }
}

fn plain(path: &str) -> SpawnRequest {
    SpawnRequest::at(at(path))
}

/// Counts of open agents below each of these, as text.
async fn counts(world: &World, paths: &[&str]) -> String {
    let mut words = Vec::new();
    for path in paths {
        words.push(format!("{path} {}", world.count(path).await));
    }
    words.join(", ")
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_refused_in_words() {
    let world = World::setting().role("deaf", Role::default()).open().await;
    spawn(&world, vec![plain("/root/a"), plain("/root/shut"), named("/root/n", "Nan")]).await;
    world.system.close(&at("/root/shut"), LONG).await.unwrap();
    let brain = Some(BrainChoice { name: "none".to_owned(), settings: String::new() });
    let cases = vec![
        plain("/root"),
        plain("/root/a"),
        plain("/root/b/c"),
        plain("/root/shut/c"),
        SpawnRequest { or_existing: true, ..plain("/root/a") },
        named("/root/b", "Nan"),
        named("/root/b", "nan"),
        named("/root/a/n", "Nan"),
        named("/root/b", &"n".repeat(65)),
        SpawnRequest { role: Some("gone".to_owned()), ..plain("/root/b") },
        SpawnRequest { brain, ..plain("/root/b") },
        SpawnRequest { task: Some("x".repeat((256 << 10) + 1)), ..plain("/root/b") },
    ];
    let mut answers = Vec::new();
    for request in cases {
        answers.push(spawn(&world, vec![request]).await);
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    /root exists already
    /root/a exists already
    /root/b does not exist
    /root/shut is closed
    /root/a (known)
    nickname "Nan" is taken below /root
    nickname "nan" is taken below /root
    /root/a/n
    nickname has 65 bytes, over the limit of 64
    role "gone" is not known; known are deaf, default, explorer, worker
    brain "none" is not known; known are echo
    task has 262145 bytes, over the limit of 262144
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_created_whole_or_not_at_all() {
    let world = World::new().await;
    spawn(&world, vec![plain("/root/a")]).await;
    for bad in [plain("/root/a"), plain("/root/b"), plain("/root/x/y"), named("/root/c", "Bee")] {
        let answer = spawn(&world, vec![named("/root/b", "Bee"), bad]).await;
        assert!(world.system.show(&at("/root/b")).await.is_err(), "{answer}");
        assert_eq!(world.count("/root").await, 1, "{answer}");
    }
    assert_eq!(spawn(&world, vec![named("/root/b", "Bee"), plain("/root/c")]).await, "/root/b, /root/c");
    let family = vec![plain("/root/d"), plain("/root/d/e"), plain("/root/d/e/f")];
    assert_eq!(spawn(&world, family).await, "/root/d, /root/d/e, /root/d/e/f", "a parent may come in the same batch");
    assert_eq!((world.count("/root").await, world.count("/root/d").await), (6, 2));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn counts_follow_every_close_and_resume() {
    const ALL: [&str; 4] = ["/root", "/root/a", "/root/a/b", "/root/a/b/c"];
    let world = World::new().await;
    let mut seen = Vec::new();
    for path in ["/root/a", "/root/a/b", "/root/a/b/c", "/root/a/b/d", "/root/e"] {
        spawn(&world, vec![plain(path)]).await;
    }
    seen.push(format!("spawned: {}", counts(&world, &ALL).await));
    for (verb, path) in [
        ("close", "/root/a/b"),
        ("close", "/root/a/b/c"),
        ("close", "/root/a"),
        ("close", "/root/a"),
        ("resume", "/root/a"),
        ("resume", "/root/a/b"),
        ("resume", "/root/a/b/c"),
    ] {
        let path = at(path);
        let done = match verb {
            "close" => world.system.close(&path, LONG).await.unwrap().marked,
            _ => world.system.resume(&path).await.unwrap(),
        };
        seen.push(format!("{verb} {path} ({done}): {}", counts(&world, &ALL).await));
    }
    insta::assert_snapshot!(seen.join("\n"), @r#"
    spawned: /root 5, /root/a 3, /root/a/b 2, /root/a/b/c 0
    close /root/a/b (true): /root 2, /root/a 0, /root/a/b 2, /root/a/b/c 0
    close /root/a/b/c (true): /root 2, /root/a 0, /root/a/b 1, /root/a/b/c 0
    close /root/a (true): /root 1, /root/a 0, /root/a/b 1, /root/a/b/c 0
    close /root/a (false): /root 1, /root/a 0, /root/a/b 1, /root/a/b/c 0
    resume /root/a (true): /root 2, /root/a 0, /root/a/b 1, /root/a/b/c 0
    resume /root/a/b (true): /root 4, /root/a 2, /root/a/b 1, /root/a/b/c 0
    resume /root/a/b/c (true): /root 5, /root/a 3, /root/a/b 2, /root/a/b/c 0
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_closed_by_itself_stays_closed() {
    let world = World::new().await;
    for path in ["/root/a", "/root/a/b", "/root/a/c"] {
        world.spawn(path, "echo").await;
    }
    world.system.close(&at("/root/a/b"), LONG).await.unwrap();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    let refused = world.system.resume(&at("/root/a/c")).await.unwrap_err();
    assert_eq!(refused.to_string(), "/root/a/c is closed by /root/a");
    assert!(world.system.resume(&at("/root/a")).await.unwrap());
    assert_eq!(world.status("/root/a/b").await, "closed");
    assert_eq!(world.assign("/root/a/c", "hello").await.unwrap().content, "hello");
    assert!(matches!(world.send("/root/a/b", "hello").await, Err(Error::Closed { .. })));
    assert!(!world.system.resume(&at("/root/a")).await.unwrap(), "there was nothing to take away");
    for path in ["/root", "/root/none"] {
        world.system.close(&at(path), Duration::ZERO).await.unwrap_err();
        world.system.resume(&at(path)).await.unwrap_err();
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn agents_have_their_own_limits() {
    let world = World::setting()
        .limits(|limits| (limits.depth, limits.agents, limits.agents_by_host) = (3, 4, 6))
        .role("maker", Role::with_brain("maker", ""))
        .brain("maker", |turn| async move {
            // The names to create, one a word; below the maker.
            let mut said = Vec::new();
            for name in turn.text().split_whitespace() {
                said.push(match turn.spawn(name, None).await {
                    Ok(path) => path.to_string(),
                    Err(error) => error.to_string(),
                });
            }
            Ok(crate::brain::Response::text(said.join("\n")))
        })
        .open()
        .await;
    for path in ["/root/a", "/root/a/b", "/root/a/b/c"] {
        world.spawn(path, "maker").await;
    }
    let deep = world.assign("/root/a/b/c", "d").await.unwrap().content;
    let wide = world.assign("/root/a", "e f").await.unwrap().content;
    for path in ["/root/x", "/root/y"] {
        world.spawn(path, "echo").await;
    }
    let host = world.try_spawn("/root/z", "echo").await.unwrap_err().to_string();
    insta::assert_snapshot!([deep, wide, host].join("\n"), @r#"
    limit depth of 3 is reached at /root/a/b/c/d: give the work to an agent higher up
    /root/a/e
    limit agents of 4 is reached at /root: close agents below it, or raise the limit
    limit agents of 6 is reached at /root: close agents below it, or raise the limit
    "#);
    world.system.close(&at("/root/x"), LONG).await.unwrap();
    world.spawn("/root/z", "echo").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_asks_again_gets_the_child_it_made() {
    let world = World::setting()
        .brain("twice", |turn| async move {
            let first = turn.spawn("kid", Some("task")).await.map_err(|error| error.to_string());
            let again = turn.spawn("kid", Some("task")).await.map_err(|error| error.to_string());
            Ok(crate::brain::Response::text(format!("{first:?} {again:?}")))
        })
        .role("default", Role::with_brain("echo", ""))
        .open()
        .await;
    world.spawn("/root/a", "twice").await;
    let path = "Ok(/root/a/kid)";
    assert_eq!(world.assign("/root/a", "go").await.unwrap().content, format!("{path} {path}"));
    world.settled("/root/a/kid").await;
    assert_eq!(world.turns("/root/a/kid").await, [(vec!["task".to_owned()], "completed: task".to_owned())]);
    let later = world.assign("/root/a", "go").await.unwrap().content;
    assert_eq!(later, r#"Err("/root/a/kid exists already") Err("/root/a/kid exists already")"#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_turn_creates_is_in_its_transcript() {
    let world = World::setting()
        .brain("maker", |turn| async move {
            let arguments = r#"{"name":"kid","task":"help","nickname":"Kit"}"#;
            let tools = turn.tools().map_err(|error| crate::BrainError::refused(error.to_string()))?;
            for _ in 0..2 {
                tools.call("spawn", arguments).await.map_err(|error| crate::BrainError::refused(error.to_string()))?;
            }
            let long = format!(r#"{{"name":"other","nickname":"{}"}}"#, "n".repeat(65));
            let refused = tools.call("spawn", &long).await.unwrap_err();
            Ok(crate::Response::text(refused.to_string()))
        })
        .open()
        .await;
    world.spawn("/root/a", "maker").await;
    let outcome = world.assign("/root/a", "go").await.unwrap();
    assert_eq!(outcome.content, "nickname has 65 bytes, over the limit of 64");
    let call = r#"1 spawn {"name":"kid","task":"help","nickname":"Kit"}"#;
    assert_eq!(world.tool_calls("/root/a").await, [call, call]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_for_a_commit_says_so() {
    let world = World::new().await;
    let born = |name: &str, number: usize, task: usize| SpawnRequest {
        nickname: Nickname::Given(format!("{name}{number}")),
        task: Some("x".repeat(task)),
        ..plain(&format!("/root/{name}{number}"))
    };
    let mut answers = Vec::new();
    for (name, agents, task) in [("a", 256, 1000), ("b", 512, 1000), ("c", 40, 128 << 10)] {
        let spawned = world.system.spawn((0..agents).map(|number| born(name, number, task)).collect()).await;
        answers.push(spawned.map_or_else(|error| error.to_string(), |spawned| spawned.len().to_string()));
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    256
    limit batch of 1024 is reached at /root/b0: create fewer agents at once, or send them their tasks later
    limit batch of 1024 is reached at /root/c0: create fewer agents at once, or send them their tasks later
    "#);
    assert_eq!(world.count("/root").await, 256);
    world.end().await;
}
