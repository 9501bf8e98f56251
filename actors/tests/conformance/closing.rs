//! Closing and resuming what is above, below and beside.

use understory_store::Event;

use crate::brain::{Response, Turn};
use crate::tests::world::{LONG, Setting, World, at, letter, pass, until};
use crate::{Nickname, Role, SpawnRequest};

const FAMILY: [&str; 3] = ["/root/p", "/root/p/c", "/root/p/c/g"];

/// Three generations, all of them resident.
async fn family() -> World {
    let world = World::new().await;
    for path in FAMILY {
        world.spawn(path, "echo").await;
        world.assign(path, "hello").await.unwrap();
    }
    // What comes of a turn starts one above.
    for path in FAMILY.into_iter().rev() {
        world.settled(path).await;
    }
    world
}

async fn standing(world: &World) -> [&'static str; 3] {
    let mut words = [""; 3];
    for (word, path) in words.iter_mut().zip(FAMILY) {
        *word = if world.status(path).await == "closed" { "closed" } else { "open" };
    }
    words
}

#[tokio::test(start_paused = true)]
async fn a_close_takes_the_subtree_along_each_once() {
    let world = family().await;
    until(async || world.system.residents() == 3).await;
    let after = world.store().last();
    let report = world.system.close(&at("/root/p"), LONG).await.unwrap();
    assert_eq!((report.marked, report.stopped, report.overdue), (true, 3, 0));
    assert_eq!(standing(&world).await, ["closed"; 3]);
    assert_eq!(world.system.residents(), 0);
    let told = world.store().news(after, 100).await.unwrap().told.into_iter().map(|told| told.event);
    assert_eq!(told.collect::<Vec<_>>(), [Event::Closed { path: at("/root/p") }], "one mark, told of once");
    let again = world.system.close(&at("/root/p"), LONG).await.unwrap();
    assert_eq!((again.marked, again.stopped), (false, 0));
    world.end().await;

    let world = family().await;
    until(async || world.system.residents() == 3).await;
    assert_eq!(world.system.close(&at("/root/p/c"), LONG).await.unwrap().stopped, 2);
    assert_eq!(standing(&world).await, ["open", "closed", "closed"]);
    assert_eq!(world.system.close(&at("/root/p"), LONG).await.unwrap().stopped, 1);
    assert_eq!(standing(&world).await, ["closed"; 3]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_resume_brings_back_what_was_open() {
    let world = family().await;
    let mut said = Vec::new();
    for step in
        ["close c", "resume c", "close c", "close p", "resume p", "resume p", "resume g", "resume c", "resume c"]
    {
        let (verb, name) = step.split_once(' ').unwrap();
        let path = at(FAMILY.into_iter().find(|path| path.ends_with(name)).unwrap());
        let answer = match verb {
            "close" => world.system.close(&path, LONG).await.map(|closed| closed.marked),
            _ => world.system.resume(&path).await,
        };
        let answer = answer.map_or_else(|error| error.to_string(), |done| done.to_string());
        said.push(format!("{step}: {answer}; {}", standing(&world).await.join(" ")));
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    close c: true; open closed closed
    resume c: true; open open open
    close c: true; open closed closed
    close p: true; closed closed closed
    resume p: true; open closed closed
    resume p: false; open closed closed
    resume g: /root/p/c/g is closed by /root/p/c; open closed closed
    resume c: true; open open open
    resume c: false; open open open
    ");
    for path in FAMILY {
        assert_eq!(world.assign(path, "again").await.unwrap().content, "again", "{path}");
    }
    for path in ["/root/nobody", "/root/p/nobody"] {
        let error = world.system.resume(&at(path)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{path} does not exist"));
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_is_comes_back_with_it() {
    let world = World::setting().role("kind", Role::with_brain("echo", "settings")).open().await;
    let nickname = Nickname::Given("Kit".to_owned());
    let request = SpawnRequest { nickname, role: Some("kind".to_owned()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![request]).await.unwrap();
    let before = world.agent("/root/a").await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    let backend = world.backend.clone();
    world.end().await;
    let world = World::setting().role("kind", Role::with_brain("other", "new")).over(backend).open().await;
    world.system.resume(&at("/root/a")).await.unwrap();
    assert_eq!(world.agent("/root/a").await, before);
    assert_eq!(
        world.assign("/root/a", "hello").await.unwrap().content,
        "hello",
        "its brain is its own, not the role's"
    );
    world.end().await;
}

/// A brain that says who it was told to be.
fn telling(setting: Setting) -> Setting {
    let role = Role::with_brain("telling", "settings").instructed("be brief").without_tools(["spawn"]);
    setting.role("worker", role).brain("telling", |turn: Turn| async move {
        let tools: Vec<_> = turn.tools().expect("it has a runtime").list().map(|tool| tool.name).collect();
        let (settings, told) = (&turn.seat().settings, turn.instructions().unwrap_or_default());
        Ok(Response::text(format!("{} {settings}, {told}, {}", turn.role(), tools.contains(&"spawn"))))
    })
}

/// After a cold start nobody is in memory, a note starts nothing, and a task finds the agent as it was.
#[tokio::test(start_paused = true)]
async fn a_cold_start_wakes_nobody_and_loses_nothing() {
    let world = telling(World::setting()).open().await;
    for path in ["/root/p", "/root/p/w", "/root/p/s"] {
        let request = SpawnRequest { role: Some("worker".to_owned()), ..SpawnRequest::at(at(path)) };
        world.system.spawn(vec![request]).await.unwrap();
    }
    let warm = world.assign("/root/p/w", "who").await.unwrap().content;
    pass(30).await;
    assert_eq!(world.system.residents(), 0, "idle agents leave");
    assert_eq!(world.assign("/root/p/w", "who").await.unwrap().content, warm);
    world.settled("/root/p").await;
    let backend = world.backend.clone();
    let report = world.system.shutdown(LONG).await;
    assert_eq!(report.overdue, 0);
    world.end().await;

    let world = telling(World::setting()).over(backend).open().await;
    world.system.run(&at("/root")).await.unwrap();
    pass(1).await;
    assert_eq!(world.system.residents(), 0, "running what has no work wakes nobody");
    world.send("/root/p/w", "a note").await.unwrap();
    pass(1).await;
    assert_eq!((world.agent("/root/p/w").await.turns, world.inbox("/root/p/w").await.len()), (2, 1));
    let outcome = world.system.assign(letter("/root/p/w", "who", true)).await.unwrap().outcome().await.unwrap();
    assert_eq!((outcome.content.as_str(), outcome.turn), (warm.as_str(), 3));
    assert_eq!(warm, "worker settings, be brief, false");
    world.settled("/root/p").await;
    // Closing one that is not in memory leaves its sibling as it is.
    pass(30).await;
    let closed = world.system.close(&at("/root/p/w"), LONG).await.unwrap();
    assert_eq!((closed.marked, closed.stopped), (true, 0));
    assert_eq!((world.status("/root/p/w").await, world.status("/root/p/s").await), ("closed", "idle"));
    assert_eq!(world.count("/root/p").await, 1);
    world.end().await;
}

/// A shutdown closes nobody: what was open is open in the next process, and what was closed is not.
#[tokio::test(start_paused = true)]
async fn a_shutdown_is_no_close() {
    let world = family().await;
    world.spawn("/root/shut", "echo").await;
    world.system.close(&at("/root/shut"), LONG).await.unwrap();
    let report = world.system.shutdown(LONG).await;
    assert_eq!((report.stopped, report.overdue), (3, 0));
    let backend = world.backend.clone();
    world.end().await;
    let world = World::setting().over(backend).open().await;
    assert_eq!(standing(&world).await, ["open"; 3]);
    assert_eq!(world.status("/root/shut").await, "closed");
    for path in FAMILY {
        assert_eq!(world.assign(path, "again").await.unwrap().content, "again", "{path}");
    }
    world.end().await;
}

/// The same through the tools of one above them all.
#[tokio::test(start_paused = true)]
async fn what_a_turn_closed_by_itself_stays_closed() {
    let world = super::hand().open().await;
    for path in ["/root/h", "/root/h/p", "/root/h/p/c", "/root/h/p/c/g"] {
        world.spawn(path, if path == "/root/h" { "hand" } else { "echo" }).await;
    }
    let mut said = Vec::new();
    for (tool, agent) in
        [("close", "p/c"), ("resume", "p/c"), ("close", "p/c"), ("close", "p"), ("resume", "p/c"), ("resume", "p")]
    {
        let answer = world.calls("/root/h", &[&format!(r#"{tool} {{"agent":"{agent}"}}"#)]).await;
        let mut standing = Vec::new();
        for path in ["/root/h/p", "/root/h/p/c", "/root/h/p/c/g"] {
            standing.push(if world.status(path).await == "closed" { "closed" } else { "open" });
        }
        said.push(format!("{tool} {agent}: {answer}; {}", standing.join(" ")));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    close p/c: {"marked":true,"stopped":0,"overdue":0}; open closed closed
    resume p/c: {"resumed":true}; open open open
    close p/c: {"marked":true,"stopped":0,"overdue":0}; open closed closed
    close p: {"marked":true,"stopped":0,"overdue":0}; closed closed closed
    resume p/c: /root/h/p/c is closed by /root/h/p; closed closed closed
    resume p: {"resumed":true}; open closed closed
    "#);
    world.end().await;
}
