//! A message to all of a subtree: who gets it, what is told of the others, and that nobody gets it twice.

use std::collections::BTreeMap;

use super::crashes::at_every_commit;
use super::table::Table;
use super::world::{LONG, Setting, World, at, letter};
use crate::{Error, FanOut, Letter, Missed, SpawnRequest};

/// More than two commits of a fan-out take.
const CROWD: usize = 150;

fn crowd() -> Vec<SpawnRequest> {
    let kids = (0..CROWD).map(|n| SpawnRequest::at(at(&format!("/root/a/k{n:03}"))));
    std::iter::once(SpawnRequest::at(at("/root/a"))).chain(kids).collect()
}

fn to_all(id: Option<&str>) -> Letter {
    Letter { message_id: id.map(str::to_owned), ..letter("/root/a", "hear", false) }
}

/// How many there are that have so many messages.
async fn copies(world: &World) -> BTreeMap<usize, usize> {
    let mut copies = BTreeMap::new();
    for request in crowd() {
        *copies.entry(world.inbox(request.path.as_str()).await.len()).or_default() += 1;
    }
    copies
}

fn words(report: &FanOut) -> String {
    let FanOut { delivered, known, missed, broken } = report;
    let mut words = format!("{delivered} delivered, {known} known");
    for (why, misses) in missed {
        let first: Vec<_> = misses.first.iter().map(|path| path.as_str()).collect();
        words += &format!("; {} {why:?}: {}", misses.agents, first.join(" "));
    }
    words + &broken.as_ref().map(|error| format!("; broken: {error}")).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn every_open_agent_gets_it_and_the_others_are_told_with_the_reason() {
    let world = World::setting().limits(|limits| limits.inbox_messages = 2).open().await;
    world.system.spawn(crowd()).await.unwrap();
    for path in ["/root/a/k001/x", "/root/a/k001/x/y", "/root/a/k002/z", "/root/ab"] {
        world.spawn(path, "echo").await;
    }
    world.system.close(&at("/root/a/k001/x"), LONG).await.unwrap();
    world.system.close(&at("/root/a/k001"), LONG).await.unwrap();
    for _ in 0..2 {
        world.send("/root/a/k100", "before").await.unwrap();
    }
    let table = Table::of(3);
    world.run_job(crate::job::JobRequest { owner: at("/root/a"), ..table.request("echo") }).await;
    let dry = world.system.reached_subtree(&to_all(None)).await.unwrap();
    insta::assert_snapshot!(words(&dry), @"151 delivered, 0 known; 3 Closed: /root/a/k001 /root/a/k001/x /root/a/k001/x/y");
    assert_eq!(copies(&world).await, [(0, CROWD), (2, 1)].into(), "a dry run sends nothing");
    let sent = world.system.send_subtree(&to_all(Some("once"))).await.unwrap();
    insta::assert_snapshot!(words(&sent), @"150 delivered, 0 known; 3 Closed: /root/a/k001 /root/a/k001/x /root/a/k001/x/y; 1 Full: /root/a/k100");
    assert_eq!(copies(&world).await, [(0, 1), (1, CROWD - 1), (2, 1)].into());
    assert_eq!(world.inbox("/root/a/k002/z").await.len(), 1);
    assert!(world.inbox("/root/ab").await.is_empty() && world.inbox("/root").await.is_empty());
    let again = world.system.send_subtree(&to_all(Some("once"))).await.unwrap();
    assert_eq!((again.delivered, again.known), (0, 150));
    assert_eq!(again.missed.get(&Missed::Full).map(|misses| misses.agents), Some(1));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_begin_is_refused() {
    let world = World::new().await;
    world.system.spawn(crowd()).await.unwrap();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert!(matches!(world.system.send_subtree(&to_all(None)).await, Err(Error::Closed { .. })));
    let nobody = letter("/root/b", "hear", false);
    assert!(matches!(world.system.send_subtree(&nobody).await, Err(Error::NotFound { .. })));
    let long = letter("/root/a", &"x".repeat((256 << 10) + 1), false);
    assert!(matches!(world.system.send_subtree(&long).await, Err(Error::TooLong { .. })));
    assert_eq!(copies(&world).await, [(0, CROWD + 1)].into());
    world.end().await;
}

/// The longest text, with the most attached: each batch fits a commit.
#[tokio::test(start_paused = true)]
async fn the_longest_message_reaches_all_too() {
    let world = World::new().await;
    world.system.spawn(crowd()).await.unwrap();
    let value = "v".repeat(500);
    let attached = ["a", "b", "c", "d"].map(|key| (key.to_owned(), value.clone()));
    let metadata = understory_store::Metadata::new(attached.into()).unwrap();
    let text = "x".repeat(256 << 10);
    let sent = world.system.send_subtree(&Letter { text, metadata, ..to_all(None) }).await.unwrap();
    assert_eq!(words(&sent), format!("{} delivered, 0 known", CROWD + 1));
    let short = Letter { text: "x".repeat(9000), ..to_all(None) };
    assert_eq!(words(&world.system.send_subtree(&short).await.unwrap()), format!("{} delivered, 0 known", CROWD + 1));
    world.end().await;
}

#[test]
fn nobody_gets_it_twice_whatever_commit_the_process_dies_at() {
    let setting = || -> Setting { World::setting() };
    let commits = at_every_commit(
        async |faulty| {
            let Ok(world) = setting().try_open_on(faulty.clone()).await else { return };
            let spawned = world.system.spawn(crowd()).await;
            if spawned.is_ok() {
                let report = world.system.send_subtree(&to_all(Some("once"))).await.unwrap();
                assert_eq!(report.broken.is_some(), faulty.failed(), "{}", words(&report));
                if report.broken.is_none() {
                    assert_eq!(report.delivered, CROWD as u64 + 1);
                }
            }
            world.abandon();
        },
        async |rows, point| {
            let world = setting().over(rows).open().await;
            let requests = crowd().into_iter().map(|request| SpawnRequest { or_existing: true, ..request });
            world.system.spawn(requests.collect()).await.unwrap();
            let had = copies(&world).await.get(&1).copied().unwrap_or_default() as u64;
            let report = world.system.send_subtree(&to_all(Some("once"))).await.unwrap();
            assert_eq!((report.known, report.delivered), (had, CROWD as u64 + 1 - had), "{point:?}");
            assert_eq!(copies(&world).await, [(1, CROWD + 1)].into(), "{point:?}");
            world.end().await;
        },
    );
    assert!(commits >= 5, "{commits} commits");
}
