//! Giving up on an agent, and making room for its dead letters.

use understory_store::Phase;

use super::{Notes, Process, met, settle, sweep};
use crate::brain::BrainError;
use crate::tests::world::{Setting, World, at};
use crate::{Error, Policy, Role, SpawnRequest};

/// A world whose role `frail` always breaks, and is given up on at fault number `faults + 1`.
fn frail(faults: usize) -> impl Fn(Process) -> Setting {
    move |_| {
        let policy = Policy { faults, ..Policy::default() };
        let setting = World::setting().role("frail", Role::with_brain("frail", "").policy(policy));
        setting.brain("frail", |_| async { Err(BrainError::broken("it broke")) })
    }
}

async fn spawn(world: &World, path: &str) -> Result<(), Error> {
    let request = SpawnRequest { role: Some("frail".to_owned()), ..SpawnRequest::at(at(path)) };
    world.system.spawn(vec![request]).await.map(drop)
}

/// It is told of once, in the commit that gives the agent up, and what it was given up on over stays.
#[test]
fn an_escalation() {
    let commits = sweep(
        frail(1),
        async |world, notes| {
            world.try_spawn("/root/up", "echo").await?;
            spawn(world, "/root/up/kid").await?;
            world.ask("/root/up/kid", "go").await?;
            notes.note("asked");
            settle(world, &["/root/up/kid"]).await?;
            notes.note("given up");
            settle(world, &["/root/up"]).await
        },
        async |world, notes, point| {
            if !notes.has("asked") && world.system.show(&at("/root/up/kid")).await.is_err() {
                return;
            }
            let given_up = async || matches!(world.agent("/root/up/kid").await.phase, Phase::Faulted { .. });
            assert!(given_up().await || !notes.has("given up"), "{point:?}");
            world.system.run(&at("/root")).await.unwrap();
            settle(world, &["/root/up/kid"]).await.unwrap();
            settle(world, &["/root/up"]).await.unwrap();
            let told = met(world, "/root/up").await;
            let mail = met(world, "/root/up/kid").await;
            if !notes.has("asked") && mail.is_empty() && world.dead("/root/up/kid").await.is_empty() {
                return;
            }
            // A crash in an attempt costs that attempt; a fault in the last one buries the letter, which is told of as well.
            let errors =
                told.iter().filter(|(text, _)| text.contains("it broke") || text.contains("died")).map(|(_, n)| *n);
            assert_eq!(errors.sum::<u32>(), 1, "{point:?}: {told:?}");
            let buried = u32::try_from(world.dead("/root/up/kid").await.len()).unwrap();
            let lies = u32::try_from(world.inbox("/root/up/kid").await.len()).unwrap();
            assert_eq!((lies + buried, lies == 1), (1, given_up().await), "{point:?}: {mail:?}");
        },
    );
    assert!(commits >= 7, "{commits} commits");
}

/// There are never too many, and those that came last are there.
#[test]
fn the_oldest_dead_letters_make_room() {
    const TEXTS: [&str; 4] = ["one", "two", "three", "four"];
    let setting = |process| frail(1000)(process).limits(|limits| limits.dead_letters = 2);
    let commits = sweep(
        setting,
        async |world, notes: &Notes| {
            spawn(world, "/root/a").await?;
            world.system.run(&at("/root")).await?;
            for text in TEXTS {
                world.ask("/root/a", text).await?;
                notes.note(text);
                settle(world, &["/root/a"]).await?;
                notes.note(format!("{text} died"));
            }
            Ok(())
        },
        async |world, notes, point| {
            if world.system.show(&at("/root/a")).await.is_err() {
                return;
            }
            assert!(world.dead("/root/a").await.len() <= 2, "{point:?}");
            world.system.run(&at("/root")).await.unwrap();
            settle(world, &["/root/a"]).await.unwrap();
            let met = met(world, "/root/a").await;
            let left: Vec<String> = world.dead("/root/a").await.into_iter().map(|dead| dead.message.text).collect();
            for text in TEXTS.into_iter().filter(|text| notes.has(text)) {
                assert_eq!(met.get(text), Some(&1), "{point:?}: {text} had its turn once");
            }
            let died: Vec<&str> = TEXTS.into_iter().filter(|text| met.contains_key(*text)).collect();
            assert_eq!(left, died[died.len().saturating_sub(2)..], "{point:?}");
        },
    );
    assert!(commits >= 12, "{commits} commits");
}
