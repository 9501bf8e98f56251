//! What a role gives and takes: instructions, tools and limits, as the role stands when a turn begins.

use super::world::{Setting, World, at};
use crate::tools::TOOLS;
use crate::{Error, Response, Role, RoleLimits, SpawnRequest, Turn};

/// A brain `tries` that calls every tool it is asked for, a word each, and tells what came of it.
fn setting() -> Setting {
    World::setting().brain("tries", |turn: Turn| async move {
        let tools = turn.tools().expect("this turn has a runtime");
        let mut said = vec![format!("told: {:?}", turn.instructions())];
        let known = ["spawn", "send", "assign", "report"];
        let names = tools.list().map(|tool| tool.name).filter(|name| known.contains(name));
        said.push(format!("has: {}", names.collect::<Vec<_>>().join(" ")));
        for word in turn.text().split_whitespace() {
            let (name, arguments) = match word.split_once(':') {
                Some((name, child)) => (name, format!(r#"{{"name":"{child}"}}"#)),
                None => (word, r#"{"to":"/root","message":"hi"}"#.to_owned()),
            };
            let answered = tools.call(name, &arguments).await;
            said.push(answered.map_or_else(|error| format!("{word}: {error}"), |_| format!("{word}: done")));
        }
        for (name, refused) in [
            ("spawn", turn.spawn("kid", None).await.err().map(|error| error.to_string())),
            ("send", turn.send("/root", "hi").await.err().map(|error| error.to_string())),
            ("assign", turn.assign("kid", "hi").await.err().map(|error| error.to_string())),
        ] {
            said.push(format!("Turn::{name}: {refused:?}"));
        }
        Ok(Response::text(said.join("\n")))
    })
}

fn of_role(path: &str, role: &str) -> SpawnRequest {
    SpawnRequest { role: Some(role.to_owned()), ..SpawnRequest::at(at(path)) }
}

#[tokio::test(start_paused = true)]
async fn a_hidden_tool_is_not_there_for_a_turn_and_is_for_the_host() {
    let shy = Role::with_brain("tries", "").instructed("say little").without_tools(["send", "spawn"]);
    let world = setting().role("shy", shy).open().await;
    world.system.spawn(vec![of_role("/root/a", "shy")]).await.unwrap();
    insta::assert_snapshot!(world.assign("/root/a", "spawn:b send").await.unwrap().content, @r#"
    told: Some("say little")
    has: assign
    spawn:b: no tool "spawn"
    send: no tool "send"
    Turn::spawn: Some("no tool \"spawn\"")
    Turn::send: Some("no tool \"send\"")
    Turn::assign: Some("/root/a/kid does not exist")
    "#);
    world.system.spawn(vec![SpawnRequest::at(at("/root/a/b"))]).await.unwrap();
    world.send("/root/a", "from the host").await.unwrap();
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_role_is_as_it_stands_when_a_turn_begins() {
    let world = setting().role("r", Role::with_brain("tries", "").instructed("first")).open().await;
    world.system.spawn(vec![of_role("/root/a", "r")]).await.unwrap();
    let said = world.assign("/root/a", "").await.unwrap().content;
    assert!(said.starts_with("told: Some(\"first\")\nhas: spawn send assign"), "{said}");
    let backend = world.backend.clone();
    world.end().await;
    let changed = Role::with_brain("tries", "").instructed("second").without_tools(TOOLS.map(|tool| tool.name));
    let world = setting().over(backend.clone()).role("r", changed).open().await;
    let said = world.assign("/root/a", "").await.unwrap().content;
    assert!(said.starts_with("told: Some(\"second\")\nhas: \n"), "{said}");
    world.end().await;
    // Without the role nobody knows what it took away.
    let world = setting().over(backend).open().await;
    let outcome = world.assign("/root/a", "").await.unwrap();
    assert_eq!(
        (outcome.result.as_str(), outcome.content.as_str()),
        ("errored", "role \"r\" is not known; known are default, explorer, worker")
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_roles_limits_hold_for_what_is_created_below_it() {
    let limits = |agents, depth| Role::with_brain("tries", "").limits(RoleLimits { agents, depth });
    let world = setting()
        .role("lone", limits(Some(0), None))
        .role("few", limits(Some(2), None))
        .role("flat", limits(None, Some(1)))
        .role("wide", limits(Some(1_000_000), Some(100)))
        .role("default", Role::with_brain("tries", ""))
        .limits(|limits| limits.agents = 9)
        .open()
        .await;
    for (path, role) in [("/root/lone", "lone"), ("/root/few", "few"), ("/root/flat", "flat"), ("/root/wide", "wide")] {
        world.system.spawn(vec![of_role(path, role)]).await.unwrap();
    }
    let mut said = Vec::new();
    for (path, asked) in [
        ("/root/lone", "spawn:a"),
        ("/root/few", "spawn:kid spawn:b"),
        ("/root/few/kid", "spawn:c"),
        ("/root/flat", "spawn:kid"),
        ("/root/flat/kid", "spawn:a"),
        ("/root/wide", "spawn:a spawn:b"),
    ] {
        let answer = world.assign(path, asked).await.unwrap().content;
        let lines = answer.lines().filter(|line| line.starts_with("spawn:")).map(|line| format!("{path} {line}"));
        said.extend(lines.collect::<Vec<_>>());
    }
    insta::assert_snapshot!(said.join("\n"), @"
    /root/lone spawn:a: limit role agents of 0 is reached at /root/lone: close agents below it, or give the work to an agent of another role
    /root/few spawn:kid: done
    /root/few spawn:b: done
    /root/few/kid spawn:c: limit role agents of 2 is reached at /root/few: close agents below it, or give the work to an agent of another role
    /root/flat spawn:kid: done
    /root/flat/kid spawn:a: limit role depth of 1 is reached at /root/flat: give the work to an agent higher up, or of another role
    /root/wide spawn:a: done
    /root/wide spawn:b: done
    ");
    let host = world.system.spawn(vec![SpawnRequest::at(at("/root/lone/x"))]).await;
    assert!(host.is_ok(), "a host is not held to what an agent is");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_built_in_roles_are_there_and_have_the_brain_of_the_default() {
    let world = World::setting().role("default", Role::with_brain("echo", "x")).open().await;
    let roles = world.system.roles();
    let mut names: Vec<&str> = roles.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["default", "explorer", "worker"]);
    assert!(["explorer", "worker"].iter().all(|name| roles[*name].brain == roles["default"].brain));
    assert!(["explorer", "worker"].iter().all(|name| !roles[*name].description.is_empty()));
    assert!(matches!(world.system.role("none"), Err(Error::UnknownRole { .. })));
    world.end().await;
    let own = Role::with_brain("echo", "own");
    let world = World::setting().role("worker", own.clone()).open().await;
    assert_eq!(world.system.roles()["worker"], own, "one that is given replaces the built-in one");
    assert_eq!(world.system.roles()["explorer"].brain, None);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_got_is_on_record_and_follows_its_role() {
    let mut backend = None;
    let mut said = Vec::new();
    let long = "x".repeat(10_000);
    for (name, role) in [
        ("plain", Role::with_brain("tries", "")),
        ("brief", Role::with_brain("tries", "").instructed("be brief")),
        ("long", Role::with_brain("tries", "").instructed(long.as_str()).without_tools(["spawn"])),
        ("long again", Role::with_brain("tries", "").instructed(long.as_str()).without_tools(["spawn"])),
        ("limits", Role::with_brain("tries", "").limits(RoleLimits { agents: Some(2), depth: None })),
        ("plain again", Role::with_brain("tries", "")),
    ] {
        let first = backend.is_none();
        let setting = setting().over(backend.take().unwrap_or_default()).role("r", role);
        let world = setting.open().await;
        if first {
            world.system.spawn(vec![of_role("/root/a", "r")]).await.unwrap();
        }
        let before = world.system.granted(&at("/root/a")).await.unwrap();
        for _ in 0..2 {
            world.assign("/root/a", "").await.unwrap();
        }
        let after = world.system.granted(&at("/root/a")).await.unwrap();
        let brief = after.as_ref().map(|grant| {
            let told = grant.instructions.as_ref().map_or(0, String::len);
            format!("{told} bytes told, without {:?}, agents {:?}", grant.hidden, grant.agents)
        });
        said.push(format!("{name}: {}{brief:?}", if before == after { "as before, " } else { "" }));
        let verified = world.store().verify().await.unwrap();
        assert!(verified.is_sound(), "{name}: {verified:?}");
        backend = Some(world.backend.clone());
        world.end().await;
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    plain: as before, None
    brief: Some("8 bytes told, without [], agents None")
    long: Some("10000 bytes told, without [\"spawn\"], agents None")
    long again: as before, Some("10000 bytes told, without [\"spawn\"], agents None")
    limits: Some("0 bytes told, without [], agents Some(2)")
    plain again: None
    "#);
}
