//! The limits of creation: each is reached from every way to create an agent that it is for, and by as many as it says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;
use understory_store::{Node, Table as Rows};

use super::resting::{STEPS, Slow, a_while};
use super::table::Table;
use super::world::{LONG, Setting, World, at, letter, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Error, Limits, SpawnRequest};

/// What sets a limit.
type Bound = fn(&mut Limits);

/// A way to create agents.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The host does.
    Host,
    /// The turn of an agent does.
    Turn,
    /// The run of a job's item does.
    Item,
}

/// Creates `k1` to `k5` by a way, with a first message or without; says how far it came.
async fn five(setting: Setting, way: Way, task: Option<&'static str>) -> String {
    let setting = setting.brain("maker", move |turn: Turn| async move {
        let mut outcome = "5 created".to_owned();
        for number in 1..=5 {
            if let Err(error) = turn.spawn(&format!("k{number}"), task).await {
                outcome = format!("{} created, {error}", number - 1);
                break;
            }
        }
        let report = Some(serde_json::json!({ "outcome": outcome }).to_string());
        Ok(Response { report, ..Response::text(outcome) })
    });
    let world = setting.open().await;
    let outcome = match way {
        Way::Host => {
            world.spawn("/root/p", "maker").await;
            let mut outcome = "5 created".to_owned();
            for number in 1..=5 {
                let path = at(&format!("/root/p/k{number}"));
                let request = SpawnRequest { task: task.map(str::to_owned), ..SpawnRequest::at(path) };
                if let Err(error) = world.system.spawn(vec![request]).await {
                    outcome = format!("{} created, {error}", number - 1);
                    break;
                }
            }
            outcome
        }
        Way::Turn => {
            world.spawn("/root/p", "maker").await;
            world.assign("/root/p", "go").await.unwrap().content
        }
        Way::Item => {
            let table = Table::of(1);
            world.run_job(table.request("maker")).await;
            table.output()[0].result.clone()
        }
    };
    world.end().await;
    outcome
}

#[tokio::test(start_paused = true)]
async fn every_limit_is_reached_from_every_way_it_is_for() {
    let bounds: [(&str, Bound); 5] = [
        ("depth", |limits| limits.depth = 1),
        ("agents", |limits| limits.agents = 3),
        ("children", |limits| limits.children = 2),
        ("spawns_per_minute", |limits| limits.spawns_per_minute = 2),
        ("agents_by_host", |limits| limits.agents_by_host = 3),
    ];
    let mut lines = Vec::new();
    for (name, bound) in bounds {
        for way in [Way::Host, Way::Turn, Way::Item] {
            let plain = five(World::setting().limits(bound), way, None).await;
            let asked = five(World::setting().limits(bound), way, Some("task")).await;
            assert_eq!(plain, asked, "{name} {way:?}: a first message makes no difference");
            lines.push(format!("{name} {way:?}: {plain}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    depth Host: 5 created
    depth Turn: 0 created, limit depth of 1 is reached at /root/p/k1: give the work to an agent higher up
    depth Item: {"outcome":"0 created, limit depth of 1 is reached at /root/job/r00000001/k1: give the work to an agent higher up"}
    agents Host: 5 created
    agents Turn: 2 created, limit agents of 3 is reached at /root: close agents below it, or raise the limit
    agents Item: {"outcome":"3 created, limit agents of 3 is reached at /root: close agents below it, or raise the limit"}
    children Host: 5 created
    children Turn: 2 created, limit children of 2 is reached at /root/p: close children that are done, or give them the work
    children Item: {"outcome":"2 created, limit children of 2 is reached at /root/job/r00000001: close children that are done, or give them the work"}
    spawns_per_minute Host: 5 created
    spawns_per_minute Turn: 2 created, limit spawns_per_minute of 2 is reached at /root/p: wait a minute, or give the work to agents there are
    spawns_per_minute Item: {"outcome":"2 created, limit spawns_per_minute of 2 is reached at /root/job/r00000001: wait a minute, or give the work to agents there are"}
    agents_by_host Host: 2 created, limit agents of 3 is reached at /root: close agents below it, or raise the limit
    agents_by_host Turn: 5 created
    agents_by_host Item: {"outcome":"5 created"}
    "#);
}

/// Helpers of an item's earlier run that a later one asks for again are open again: as if it had made them.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_made_comes_back_within_the_limits() {
    for (limit, bound) in
        [("children", (|limits| limits.children = 3) as Bound), ("agents", |limits| limits.agents = 3)]
    {
        let world = World::setting().limits(bound).brain("maker", |turn: Turn| async move {
            let again = turn.row().is_some_and(|row| row.run == 2);
            let names = if again { ["n1", "n2", "k1", "k2", "k1"] } else { ["k1", "k2", "k3", "k1", "k2"] };
            let made = turn.spawn(names[0], None).await.is_ok() && turn.spawn(names[1], None).await.is_ok();
            assert!(made, "there is room");
            let mut said = Vec::new();
            for name in &names[2..] {
                said.push(turn.spawn(name, None).await.map_or_else(|error| error.to_string(), |path| path.to_string()));
            }
            match again {
                true => Ok(Response::report(serde_json::json!({ "said": said }).to_string())),
                false => Err(BrainError::refused("the first run fails")),
            }
        });
        let world = world.open().await;
        let table = Table::of(1);
        world.run_job(JobRequest { attempts: 2, ..table.request("maker") }).await;
        let holder = if limit == "children" { "/root/job/r00000001" } else { "/root" };
        let result = &table.output()[0].result;
        let full = format!("limit {limit} of 3 is reached at {holder}: ");
        assert!(result.starts_with(r#"{"said":["/root/job/r00000001/k1","#), "{result}");
        assert_eq!(result.matches(&full).count(), 1, "{result}");
        assert!(result.ends_with(r#","/root/job/r00000001/k1"]}"#), "{result}");
        world.end().await;
    }
}

/// A brain that creates the children its task names, some at once and the next before those are durable; it answers how many
/// it got, and why not the rest.
fn crowd(setting: Setting) -> Setting {
    setting.brain("crowd", |turn: Turn| async move {
        let text = turn.text();
        let spawn = async |(number, name): (usize, &str)| {
            a_while(number / 20 * 5).await;
            turn.spawn(name, None).await
        };
        let spawned = join_all(text.split_whitespace().enumerate().map(spawn)).await;
        let made = spawned.iter().filter(|one| one.is_ok()).count();
        let mut words: Vec<String> = spawned.iter().filter_map(|one| Some(one.as_ref().err()?.to_string())).collect();
        words.sort();
        words.dedup();
        Ok(Response::text(format!("{made} made. {}", words.join(" | "))))
    })
}

fn names(letter: char, count: usize) -> String {
    (0..count).map(|number| format!("{letter}{number} ")).collect()
}

const FULL: &str = "limit children of 64 is reached at /root/a: close children that are done, or give them the work";

/// Whatever the host does to them meanwhile, and wherever a drain is refused, there are never more than the limit.
async fn storm(conflict: u64) -> u64 {
    let slow = Slow::new();
    let setting = crowd(World::setting()).limits(|limits| limits.spawns_per_minute = 1_000_000);
    let world = setting.open_on(slow.clone()).await;
    world.spawn("/root/a", "crowd").await;
    // They count, too.
    for path in ["/root/a/h0", "/root/a/h1", "/root/a/h0/deep", "/root/a/closed"] {
        world.spawn(path, "echo").await;
    }
    world.system.close(&at("/root/a/closed"), LONG).await.unwrap();
    // One more is the start of the turn.
    slow.begin(if conflict == 0 { 0 } else { conflict + 2 });
    let answer = world.assign("/root/a", &names('k', 1000)).await.unwrap().content;
    assert_eq!(answer, format!("62 made. {FULL}"), "conflict {conflict}");
    assert_eq!(world.count("/root/a").await, 65, "with the one further below");
    let spawns = slow.asked.load(Ordering::SeqCst);
    let twice = slow.most.load(Ordering::SeqCst) >= 2;
    assert!(twice || conflict > 0, "drains rested on one another");

    let gone = [at("/root/a/h0"), at("/root/a/h1")];
    let closed = join_all(gone.iter().map(|path| world.system.close(path, LONG))).await;
    assert!(closed.into_iter().all(|closed| closed.unwrap().marked));
    let more = async |letter| world.assign("/root/a", &names(letter, 10)).await.unwrap().content;
    assert_eq!(more('n').await, format!("2 made. {FULL}"), "conflict {conflict}");
    // What a host resumes or spawns is exempt, and counts.
    world.system.resume(&at("/root/a/h0")).await.unwrap();
    world.spawn("/root/a/h2", "echo").await;
    for (path, expected) in [("/root/a/h1", 0), ("/root/a/h2", 0), ("/root/a/h0", 0), ("/root/a/h0/deep", 0)] {
        world.system.close(&at(path), LONG).await.unwrap();
        assert!(more('o').await.starts_with(&format!("{expected} made.")), "conflict {conflict}, {path}");
    }
    let child = world.system.children(&at("/root/a"), 100, 0).await.unwrap().first;
    let open = child.iter().find(|child| child.closed.is_none()).expect("64 are open");
    world.system.close(&open.path, LONG).await.unwrap();
    assert!(more('p').await.starts_with("1 made."), "conflict {conflict}");
    world.end().await;
    spawns
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_spawns_at_once_as_many_as_there_is_room_for_are_made() {
    let commits = storm(0).await;
    assert!(commits > 3, "{commits}");
    for conflict in 1..commits {
        storm(conflict).await;
    }
}

/// The rate goes by what is not durable yet, and what a refused drain would have made does not count.
#[tokio::test(start_paused = true)]
async fn of_a_thousand_spawns_at_once_no_more_are_made_than_a_minute_has() {
    for conflict in 0..6 {
        let slow = Slow::new();
        let setting = crowd(World::setting()).limits(|limits| limits.children = 1_000_000);
        let world = setting.open_on(slow.clone()).await;
        world.spawn("/root/a", "crowd").await;
        slow.begin(if conflict == 0 { 0 } else { conflict + 2 });
        let answer = world.assign("/root/a", &names('k', 1000)).await.unwrap().content;
        assert!(answer.starts_with("120 made. limit spawns_per_minute of 120"), "conflict {conflict}: {answer}");
        world.end().await;
    }
}

/// A child that the host makes counts from the moment that it is with the store, however near the agent's own comes.
#[tokio::test(start_paused = true)]
async fn children_are_counted_with_what_is_under_way() {
    let go = Arc::new(Semaphore::new(0));
    let given = go.clone();
    let setting = World::setting().limits(|limits| limits.children = 1).brain("late", move |turn: Turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            a_while(STEPS).await;
            let spawned = turn.spawn("kid", None).await;
            Ok(Response::text(spawned.map_or_else(|error| error.to_string(), |path| path.to_string())))
        }
    });
    let world = setting.open_on(Slow::new()).await;
    let mut made = Vec::new();
    for offset in 0..4 * STEPS {
        let path = format!("/root/a{offset}");
        world.spawn(&path, "late").await;
        let assigned = world.system.assign(letter(&path, "go", true)).await.unwrap();
        until(async || world.status(&path).await == "running").await;
        go.add_permits(1);
        a_while(offset).await;
        world.spawn(&format!("{path}/host"), "echo").await;
        let answer = assigned.outcome().await.unwrap().content;
        let version = async |name: &str| {
            let row = world.store().get::<Node>(&Rows::Node.at(&at(&format!("{path}/{name}")))).await.unwrap();
            row.map(|row| row.version)
        };
        let (host, kid) = (version("host").await, version("kid").await);
        assert!(kid.is_none() || kid <= host, "{offset}: the host's came first, in {host:?}, not {kid:?}");
        assert_eq!(kid.is_some(), answer.starts_with(&path), "{answer}");
        made.push(kid.is_some());
    }
    assert!(made.contains(&true) && made.contains(&false), "each came first: {made:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn spawns_are_counted_over_the_last_minute() {
    let world = crowd(World::setting()).limits(|limits| (limits.spawns_per_minute, limits.children) = (3, 1000));
    let world = world.open().await;
    world.spawn("/root/a", "crowd").await;
    world.spawn("/root/b", "crowd").await;
    let mut made = Vec::new();
    let mut spawn = async |path: &str, letter, count| {
        let answer = world.assign(path, &names(letter, count)).await.unwrap().content;
        made.push(answer.split_whitespace().next().unwrap().parse::<u32>().unwrap());
    };
    spawn("/root/a", 'k', 2).await;
    pass(30).await;
    spawn("/root/a", 'l', 9).await;
    spawn("/root/b", 'l', 9).await;
    pass(29).await;
    spawn("/root/a", 'm', 9).await;
    pass(1).await;
    spawn("/root/a", 'n', 9).await;
    pass(30).await;
    spawn("/root/a", 'o', 9).await;
    assert_eq!(made, [2, 1, 3, 0, 2, 1]);
    world.end().await;
}

/// What is known of one agent's children is not held against another at its path, nor lost with the process.
#[tokio::test(start_paused = true)]
async fn children_are_counted_anew_by_the_next_process() {
    let backend = {
        let world = crowd(World::setting()).open().await;
        world.spawn("/root/a", "crowd").await;
        world.assign("/root/a", &names('k', 60)).await.unwrap();
        for number in 0..5 {
            world.system.close(&at(&format!("/root/a/k{number}")), LONG).await.unwrap();
        }
        assert!(matches!(world.try_spawn("/root/a/k9", "echo").await, Err(Error::Exists { .. })));
        let backend = world.backend.clone();
        world.end().await;
        backend
    };
    let world = crowd(World::setting()).over(backend).open().await;
    let answer = world.assign("/root/a", &names('l', 20)).await.unwrap().content;
    assert_eq!(answer, format!("9 made. {FULL}"));
    world.system.close(&at("/root/a/k5"), Duration::ZERO).await.unwrap();
    assert!(world.assign("/root/a", "m n").await.unwrap().content.starts_with("1 made."));
    world.end().await;
}
