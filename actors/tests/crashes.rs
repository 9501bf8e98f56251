//! The process dies at each commit of a message's life in turn, before and after it applied; the next one goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use understory_store::{FaultPoint, FaultyBackend, MemoryBackend, Phase};

use super::world::{Setting, World, at, letter, process};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Letter, Role, SpawnRequest, Until};

/// Longer than the scenario with its retries takes by the paused clock.
pub(crate) const WITHIN: Duration = Duration::from_secs(600);

/// Each commit of a scenario in turn, before and after: runs `first` on a store that fails there, and `then` on what is
/// left of it. Gives back how many commits there are.
pub(crate) fn at_every_commit(
    first: impl AsyncFn(Arc<FaultyBackend<MemoryBackend>>),
    then: impl AsyncFn(MemoryBackend, FaultPoint),
) -> u64 {
    let whole = Arc::new(FaultyBackend::new(MemoryBackend::new(), None));
    process(async || first(whole.clone()).await);
    let commits = whole.commits();
    for n in 1..=commits {
        for point in [FaultPoint::Before(n), FaultPoint::After(n)] {
            let rows = MemoryBackend::new();
            let faulty = Arc::new(FaultyBackend::new(rows.clone(), Some(point)));
            process(async || first(faulty.clone()).await);
            process(async || then(rows.clone(), point).await);
        }
    }
    commits
}

fn setting() -> Setting {
    World::setting().role("default", Role::with_brain("echo", "")).brain("boss", |turn| async move {
        match turn.text().as_str() {
            "go" => order(&turn).await.map_err(|error| BrainError::refused(error.to_string())),
            heard => Ok(Response::text(format!("heard {heard}"))),
        }
    })
}

async fn order(turn: &Turn) -> Result<Response, crate::tools::ToolError> {
    turn.spawn("kid", Some("task")).await?;
    turn.send("kid", "note").await?;
    turn.assign("kid", "work").await?;
    Ok(Response::text("ordered"))
}

/// What a host does, and does again after a crash.
pub(crate) async fn host(world: &World) -> Result<(), Error> {
    let brain = Some(understory_store::BrainChoice { name: "boss".to_owned(), settings: String::new() });
    let request = SpawnRequest { brain, or_existing: true, ..SpawnRequest::at(at("/root/boss")) };
    world.system.spawn(vec![request]).await?;
    world.system.run(&at("/root")).await?;
    let go = Letter { message_id: Some("go".to_owned()), ..letter("/root/boss", "go", true) };
    match world.system.send(go).await {
        Ok(_) | Err(Error::AlreadyAccepted { .. }) => {}
        Err(error) => return Err(error),
    }
    world.system.wait(&[at("/root/boss")], Until::All, WITHIN).await?;
    // The boss may rest before its kid does; then the kid's results wake it again.
    world.system.wait(&[at("/root/boss/kid")], Until::All, WITHIN).await?;
    world.system.wait(&[at("/root/boss")], Until::All, WITHIN).await?;
    Ok(())
}

#[test]
fn a_message_survives_a_crash_at_every_commit() {
    let commits = at_every_commit(
        async |faulty| {
            let Ok(world) = setting().try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, host(&world)).await;
            let ended = matches!(outcome, Ok(Ok(())));
            assert!(ended || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows, point| {
            let world = setting().over(rows).open().await;
            world.system.run(&at("/root")).await.unwrap();
            host(&world).await.unwrap();
            check(&world, point).await;
            world.end().await;
        },
    );
    assert!(commits >= 12, "{commits} commits");
}

async fn check(world: &World, point: FaultPoint) {
    let (boss, kid) = (world.turns("/root/boss").await, world.turns("/root/boss/kid").await);
    let count = |turns: &[(Vec<String>, String)]| {
        let mut times = BTreeMap::<String, usize>::new();
        turns.iter().flat_map(|(taken, _)| taken).for_each(|text| *times.entry(text.clone()).or_default() += 1);
        times
    };
    let (to_boss, to_kid) = (count(&boss), count(&kid));
    assert_eq!(to_boss.get("go"), Some(&1), "{point:?}: {boss:?}");
    assert_eq!(to_kid.get("task"), Some(&1), "{point:?}: the child came once, with one task: {kid:?}");
    // What a brain does outside its turn's end is done at least once; a turn that is run again does it again.
    for text in ["note", "work"] {
        assert!((1..=2).contains(&to_kid[text]), "{point:?}: {text} {kid:?}");
    }
    // Each turn of the kid that ended told its boss once: in the same commit.
    let results: usize = to_boss.iter().filter(|(text, _)| *text != "go").map(|(_, times)| times).sum();
    assert_eq!(results, kid.len(), "{point:?}: {boss:?} {kid:?}");
    assert!(boss.iter().chain(&kid).all(|(_, end)| end.starts_with("completed")), "{point:?}: {boss:?} {kid:?}");
    for path in ["/root/boss", "/root/boss/kid"] {
        assert_eq!(world.agent(path).await.phase, Phase::IDLE, "{point:?}: {path}");
        assert!(world.inbox(path).await.is_empty() && world.dead(path).await.is_empty(), "{point:?}: {path}");
    }
    assert_eq!((world.count("/root").await, world.count("/root/boss").await), (2, 1), "{point:?}");
}
