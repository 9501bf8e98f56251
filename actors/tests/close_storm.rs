//! Agents that have children by the thousand while whatever lies above them is closed and resumed, and closed for good.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use understory_paths::AgentPath;

use super::world::{LONG, Setting, World, at, pass};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, Role};

/// How many children each has, and how many generations there are below the first.
#[derive(Clone, Copy)]
struct Size {
    children: usize,
    generations: usize,
}

impl Size {
    /// All there are when everybody has had their children.
    fn all(self) -> usize {
        (0..=self.generations).map(|level| self.children.pow(u32::try_from(level).unwrap())).sum()
    }
}

/// A world in which everybody who is told to has children, and tells them to. What was made goes to the set.
fn fertile(size: Size, made: &Arc<Mutex<BTreeSet<AgentPath>>>) -> Setting {
    let made = made.clone();
    let setting = World::setting().role("default", Role::with_brain("fertile", "")).limits(|limits| {
        (limits.depth, limits.children, limits.spawns_per_minute, limits.agents) = (9, 1000, u64::MAX, 1_000_000);
    });
    setting.brain("fertile", move |turn: Turn| {
        let made = made.clone();
        async move {
            let told = turn.messages().iter().any(|message| message.text == "go");
            let names = if told && turn.path().depth() <= size.generations { size.children } else { 0 };
            for n in 0..names {
                // Refused, it is because somebody closed it: the turn goes back and is run again.
                let child = turn.spawn(&format!("k{n}"), Some("go")).await;
                made.lock().unwrap().insert(child.map_err(|error| BrainError::refused(error.to_string()))?);
            }
            Ok(Response::text("done"))
        }
    })
}

/// Closes and resumes at random until there are enough.
async fn harass(world: &World, enough: usize, random: &mut fastrand::Rng) {
    loop {
        let all = world.system.list(&at("/root/p"), None, 100_000).await.unwrap();
        if all.len() >= enough {
            return;
        }
        let view = &all[random.usize(..all.len())];
        let done = match random.bool() {
            true => world.system.close(&view.path, LONG).await.map(drop),
            false => world.system.resume(&view.path).await.map(drop),
        };
        assert!(matches!(done, Ok(()) | Err(Error::Closed { .. })), "{done:?}");
        // Most of the time nothing is closed for long.
        if random.u8(..4) > 0 {
            let _ = world.system.resume(&at("/root/p")).await;
            let _ = world.system.resume(&view.path).await;
        }
        for _ in 0..random.usize(..200) {
            tokio::task::yield_now().await;
        }
    }
}

async fn everybody(world: &World) -> BTreeSet<AgentPath> {
    let all = world.system.list(&at("/root/p"), None, 100_000).await.unwrap();
    all.into_iter().map(|view| view.path).collect()
}

async fn check(world: &World, made: &Mutex<BTreeSet<AgentPath>>, seed: u64) -> BTreeSet<AgentPath> {
    let (found, made) = (everybody(world).await, made.lock().unwrap().clone());
    assert!(made.is_subset(&found), "seed {seed}: {:?} were told of and are not there", made.difference(&found));
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "seed {seed}: {:?}", verified.problems);
    found
}

async fn storm(seed: u64, size: Size) {
    let mut random = fastrand::Rng::with_seed(seed);
    let made = Arc::new(Mutex::new(BTreeSet::new()));
    let world = fertile(size, &made).open().await;
    world.spawn("/root/p", "fertile").await;
    world.ask("/root/p", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    harass(&world, size.all() / 3, &mut random).await;

    // Closed for good: from here on nobody is born.
    let report = world.system.close(&at("/root/p"), LONG).await.unwrap();
    assert_eq!(report.overdue, 0, "seed {seed}");
    let found = check(&world, &made, seed).await;
    // Whom a wake-up from before the close reaches behind it finds the mark and leaves, or has nothing to do and leaves of age.
    pass(u32::try_from(world.system.limits.linger.as_secs()).unwrap() + 2).await;
    assert_eq!(everybody(&world).await, found, "seed {seed}: somebody was born below what is closed");
    assert_eq!((world.count("/root").await, world.system.residents()), (0, 0), "seed {seed}");
    for path in found.iter().take(50) {
        assert_eq!(world.status(path.as_str()).await, "closed", "seed {seed}: {path}");
    }

    // Resumed, parents first, everybody has all the children they were told to have, each once.
    for path in &found {
        world.system.resume(path).await.unwrap();
    }
    world.system.run_to_rest(&at("/root")).await.unwrap();
    for path in everybody(&world).await {
        // A child that was closed before its parent's turn was over is met again as it is.
        let _ = world.system.resume(&path).await.unwrap();
    }
    world.system.run_to_rest(&at("/root")).await.unwrap();
    let found = check(&world, &made, seed).await;
    assert_eq!(found.len(), size.all(), "seed {seed}");
    assert_eq!(world.count("/root").await, size.all() as u64, "seed {seed}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn agents_that_are_closed_while_they_spawn() {
    let long = std::env::var_os("UNDERSTORY_LONG").is_some();
    let (size, seeds) = match long {
        true => (Size { children: 10, generations: 4 }, 0..1),
        false => (Size { children: 5, generations: 3 }, 0..4),
    };
    for seed in seeds {
        storm(seed, size).await;
    }
}
