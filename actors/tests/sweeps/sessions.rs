//! A brain that keeps a conversation and a model, loses the one and changes the other.

use std::sync::{Arc, Mutex};

use super::{Notes, Process, rest, sweep};
use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::{LONG, Setting, World, at, letter};
use crate::{Error, Letter, Until};

/// What the brain was to go on with when it was asked this, the last time.
type Met = Arc<Mutex<Vec<(String, String)>>>;

fn setting(met: &Met) -> Setting {
    let met = met.clone();
    World::setting().brain("vendor", move |mut turn: Turn| {
        let met = met.clone();
        async move {
            let refused = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
            let asked = turn.messages().last().map_or(String::new(), |last| last.text.clone());
            let found = [turn.session(), turn.model()].map(|name| name.unwrap_or("-").to_owned()).join(" ");
            met.lock().unwrap().push((asked.clone(), found));
            if asked == "lose" {
                turn.lose_session().await.map_err(refused)?;
            }
            let session = match turn.session() {
                Some(name) => name.to_owned(),
                None => {
                    turn.keep_session(&asked).await.map_err(refused)?;
                    asked
                }
            };
            if turn.model() != Some(&session) {
                turn.keep_settings(Some(&session), None).await.map_err(refused)?;
            }
            Ok(Response::text("done"))
        }
    })
}

async fn scenario(world: &World, notes: &Notes) -> Result<(), Error> {
    match world.try_spawn("/root/a", "vendor").await {
        Ok(_) | Err(Error::Exists { .. }) => {}
        Err(error) => return Err(error),
    }
    world.system.run(&at("/root")).await?;
    for text in ["first", "go", "lose", "end"] {
        let once = Letter { message_id: Some(text.to_owned()), ..letter("/root/a", text, true) };
        match world.system.send(once).await {
            Ok(_) | Err(Error::AlreadyAccepted { .. }) => {}
            Err(error) => return Err(error),
        }
        world.system.wait(&[at("/root/a")], Until::All, LONG).await?;
        notes.note(text);
    }
    Ok(())
}

#[test]
fn a_conversation_and_its_loss_survive_a_crash_at_every_commit() {
    let met = Met::default();
    let commits = sweep(
        |process| {
            if process == Process::First {
                met.lock().unwrap().clear();
            }
            setting(&met)
        },
        scenario,
        async |world, notes, point| {
            rest(world).await;
            scenario(world, notes).await.unwrap();
            let met = std::mem::take(&mut *met.lock().unwrap());
            let last = |asked: &str| met.iter().rev().find(|(text, _)| text == asked).map(|(_, found)| found.as_str());
            // What was kept holds for every turn after it, in whichever process that is.
            assert_eq!(last("go"), Some("first first"), "{point:?}: {met:?}");
            assert_eq!(last("end"), Some("lose lose"), "{point:?}: {met:?}");
            // One that was lost is never met again.
            let lost = met.iter().position(|(text, _)| text == "end").unwrap_or(met.len());
            assert!(met[lost..].iter().all(|(_, found)| found == "lose lose"), "{point:?}: {met:?}");
        },
    );
    assert!(commits >= 14, "{commits} commits");
}
