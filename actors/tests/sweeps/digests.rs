//! Closes, each of which leaves a digest behind it.

use understory_store::{Digest, Draft, Table};

use super::{Notes, rest, sweep};
use crate::Error;
use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::{LONG, World, at, letter, until};

async fn kept(world: &World) -> Option<Digest> {
    world.store().get::<Digest>(&Table::Digest.at(&at("/root/a"))).await.unwrap().map(|row| row.value)
}

async fn turn_and_close(world: &World, notes: &Notes, turn: u64) -> Result<(), Error> {
    let assigned = world.system.assign(letter("/root/a", "do it", true)).await?;
    assigned.outcome().await?;
    notes.note(format!("turn {turn}"));
    world.system.close(&at("/root/a"), LONG).await?;
    notes.note(format!("close {turn}"));
    // Nobody is told when it is there; a store that failed never has it.
    let is_kept = async || kept(world).await.is_some_and(|digest| digest.work.turns() == turn);
    until(async || is_kept().await || world.store().commit(Draft::new()).await.is_err()).await;
    Ok(())
}

async fn scenario(world: &World, notes: &Notes) -> Result<(), Error> {
    world.try_spawn("/root/a", "echo").await?;
    world.try_spawn("/root/a/kid", "echo").await?;
    notes.note("there");
    turn_and_close(world, notes, 1).await?;
    world.system.resume(&at("/root/a")).await?;
    turn_and_close(world, notes, 2).await?;
    world.system.remove(&at("/root/a")).await?;
    notes.note("removed");
    Ok(())
}

#[test]
fn a_close_and_the_digest_behind_it() {
    let commits = sweep(
        |_| World::setting(),
        scenario,
        async |world, notes, point| {
            let kept = kept(world).await;
            let digest = match world.system.digest(&at("/root/a")).await {
                Ok(digested) => digested.digest,
                Err(error) => {
                    let gone = matches!(error, Error::NotFound { .. } | Error::Removed { .. });
                    assert!(gone && kept.is_none(), "{point:?}: {error}");
                    assert!(!notes.has("there") || notes.has("close 2"), "{point:?}: {error}");
                    return;
                }
            };
            let told = [1, 2].iter().filter(|turn| notes.has(&format!("turn {turn}"))).count() as u64;
            assert!(digest.work.turns() >= told, "{point:?}: {digest:?}");
            assert!(!notes.has("close 2") || digest.status == "closed", "{point:?}: {digest:?}");
            // Whether one was kept makes no difference, while the transcript is whole.
            let mut draft = Draft::new();
            draft.delete(Table::Digest.at(&at("/root/a")));
            world.store().commit(draft).await.unwrap();
            let afresh = world.system.digest(&at("/root/a")).await.unwrap().digest;
            // What is being removed has lost some of its rows.
            assert!(afresh == digest || notes.has("close 2"), "{point:?}: {afresh:?} {digest:?}");
        },
    );
    assert!(commits >= 12, "{commits} commits");
}

#[test]
fn a_summary_that_was_taken_is_there() {
    let says = |turn: Turn| async move {
        turn.summarise(&turn.text()).await.map_err(|error| BrainError::refused(error.to_string()))?;
        Ok(Response::text("done"))
    };
    let commits = sweep(
        |_| World::setting().brain("says", says),
        async |world, notes| {
            world.try_spawn("/root/a", "says").await?;
            for turn in ["1", "2"] {
                world.system.assign(letter("/root/a", turn, true)).await?.outcome().await?;
                notes.note(turn);
                world.system.refresh_digest(&at("/root/a")).await?;
            }
            Ok(())
        },
        async |world, notes, point| {
            rest(world).await;
            let Ok(digested) = world.system.digest(&at("/root/a")).await else { return };
            let said = digested.digest.summary.map(|summary| (summary.turn, summary.text)).unwrap_or_default();
            let least = if notes.has("2") {
                "2"
            } else if notes.has("1") {
                "1"
            } else {
                ""
            };
            assert!(said.1.as_str() >= least, "{point:?}: {said:?}");
            assert!(said.0.is_none_or(|turn| turn.to_string() == said.1), "{point:?}: {said:?}");
        },
    );
    assert!(commits >= 8, "{commits} commits");
}
