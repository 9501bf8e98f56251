//! Transcripts: a turn that calls and notes, and a child that begins with its conversation.

use understory_store::{Table, TranscriptEntry};

use super::{Notes, rest, sweep};
use crate::Role;
use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::{Setting, World};

async fn forks(turn: Turn) -> Result<Response, BrainError> {
    let said = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
    if turn.text() != "fork" {
        return Ok(Response::text("noted"));
    }
    turn.note_tool("look", "{}", &Ok("seen".to_owned())).await.map_err(said)?;
    let tools = turn.tools().map_err(said)?;
    tools.call("spawn", r#"{"name":"kid","fork":"all"}"#).await.map_err(said)?;
    Ok(Response::text("forked"))
}

fn setting() -> Setting {
    World::setting().brain("forks", forks).role("default", Role::with_brain("forks", ""))
}

async fn told(world: &World, path: &str) -> Vec<String> {
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, path).await;
    entries.iter().map(|entry| format!("{} {}", entry.kind().as_str(), entry.text())).collect()
}

#[test]
fn a_turn_that_forks() {
    let commits = sweep(
        |_| setting(),
        async |world, notes: &Notes| {
            world.try_spawn("/root/a", "forks").await?;
            world.assign("/root/a", "one").await?;
            notes.note("one");
            world.assign("/root/a", "fork").await?;
            notes.note("fork");
            Ok(())
        },
        async |world, notes, point| {
            rest(world).await;
            let entries = told(world, "/root/a").await;
            for message in ["message one", "message fork"] {
                let count = entries.iter().filter(|entry| *entry == message).count();
                assert!(count <= 1, "{point:?}: {entries:?}");
                assert!(count == 1 || !notes.has(&message[8..]), "{point:?}: {entries:?}");
            }
            if entries.contains(&"answer forked".to_owned()) {
                // The attempt that ended it is there whole, behind what it is about.
                let at = |line: &str| entries.iter().rposition(|entry| entry == line);
                let order = [at("message fork"), at("result seen"), at("answer forked")];
                assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{point:?}: {entries:?}");
                let kid = told(world, "/root/a/kid").await;
                assert_eq!(kid, ["said one", "said noted", "said fork"], "{point:?}");
            }
        },
    );
    assert!(commits >= 7, "{commits} commits");
}
