//! Memories noted, recalled, written anew, forgotten and swept, by turns and by a host.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use understory_store::{Memory, Scope};

use super::{Notes, Process, rest, settle, sweep};
use crate::brain::{BrainError, Response, Turn};
use crate::tests::world::{LONG, Setting, World, at};
use crate::{Error, MemoryEdit, MemoryQuery, MemoryView, Note, Unused};

fn note(scope: Scope, text: &str) -> Note {
    Note { text: text.to_owned(), scope, tags: ["t".to_owned()].into() }
}

/// The calls of the turn that were answered.
type Answered = Arc<Mutex<BTreeSet<&'static str>>>;

/// A world whose brain `notes` keeps two memories, forgets a third, and marks itself; each of its tool calls is a commit.
fn notes(answered: &Answered) -> Setting {
    let answered = answered.clone();
    World::setting().brain("notes", move |turn: Turn| {
        let answered = answered.clone();
        async move {
            work(&turn, &answered).await.map_err(|error| BrainError::refused(error.to_string()))?;
            Ok(Response::text("done"))
        }
    })
}

async fn work(turn: &Turn, answered: &Answered) -> Result<(), crate::tools::ToolError> {
    let answer = |what| {
        answered.lock().unwrap().insert(what);
    };
    turn.recall("").await?;
    turn.remember(note(Scope::Tree, "for all")).await?;
    answer("for all");
    let draft = turn.remember(note(Scope::Subtree, &format!("draft {}", "x".repeat(5000)))).await?;
    turn.mark_untrusted("a page").await?;
    let edit = MemoryEdit { text: Some("final".to_owned()), ..MemoryEdit::default() };
    turn.edit_memory(&draft.key, &edit).await?;
    answer("final");
    let third = turn.remember(note(Scope::Agent, "third")).await?;
    turn.forget(&third.key).await?;
    answer("forgotten");
    Ok(())
}

async fn scenario(world: &World, told: &Notes) -> Result<(), Error> {
    world.try_spawn("/root/a", "notes").await?;
    world.system.note(&at("/root/a"), note(Scope::Agent, "given")).await?;
    told.note("given");
    world.ask("/root/a", "go").await?;
    world.system.run(&at("/root")).await?;
    settle(world, &["/root/a"]).await?;
    let marks = world.system.clear_mark(&at("/root/a")).await?;
    told.note(if marks { "cleared" } else { "no mark" });
    world.system.forget_unused(&at("/root/a"), Unused { keep: Some(1), ..Unused::default() }).await?;
    told.note("swept");
    world.system.close(&at("/root/a"), LONG).await?;
    world.system.remove(&at("/root/a")).await?;
    told.note("removed");
    Ok(())
}

async fn memories(world: &World) -> Vec<(Memory, u64)> {
    let page = world.system.memories(&MemoryQuery::of(MemoryView::Below(at("/root")))).await.unwrap();
    page.memories.into_iter().map(|one| (one.memory, one.uses)).collect()
}

#[test]
fn memories_of_a_turn_and_a_host() {
    let answered = Answered::default();
    let setting = |process| {
        if process == Process::First {
            answered.lock().unwrap().clear();
        }
        notes(&answered)
    };
    let commits = sweep(setting, scenario, async |world, told, point| {
        let found = memories(world).await;
        let lies = |text: &str| found.iter().filter(|(memory, _)| memory.text.starts_with(text)).count();
        assert!(found.iter().all(|(_, uses)| *uses <= 1), "{point:?}: {found:?}");
        for text in ["for all", "draft", "third", "given", "final"] {
            assert!(lies(text) <= 1, "{point:?}: {text} {found:?}");
        }
        // What a turn was answered holds as well.
        let answered = answered.lock().unwrap().clone();
        let begun = told.has("cleared") || told.has("no mark");
        assert!(!answered.contains("for all") || lies("for all") == 1, "{point:?}: {found:?}");
        assert!(!answered.contains("final") || begun || lies("final") == 1, "{point:?}: {found:?}");
        assert!(!answered.contains("forgotten") || lies("third") == 0, "{point:?}: {found:?}");
        if told.has("given") && !told.has("swept") {
            // What was acknowledged is there, unless the host has begun to forget.
            assert!(lies("given") == 1 || told.has("cleared"), "{point:?}: {found:?}");
        }
        if told.has("removed") {
            assert_eq!((found.len(), lies("for all")), (1, 1), "{point:?}: {found:?}");
        }
        rest(world).await;
        // A turn that was cut noted no more for being run again.
        let found = memories(world).await;
        for (text, most) in [("for all", 1), ("given", 1), ("third", 0)] {
            let lies = found.iter().filter(|(memory, _)| memory.text == text).count();
            let gone = world.system.show(&at("/root/a")).await.is_err() || lies <= most;
            assert!(lies <= most && gone, "{point:?}: {text} {found:?}");
        }
    });
    assert!(commits >= 12, "{commits} commits");
}

#[test]
fn a_reset_of_many() {
    const MANY: usize = 200;
    let commits = sweep(
        |_| World::setting(),
        async |world, told| {
            let root = at("/root");
            for n in 0..MANY {
                world.system.note(&root, note(Scope::Tree, &format!("note {n}"))).await?;
            }
            told.note("noted");
            world
                .system
                .forget_unused(&root, Unused { idle: Some(Duration::from_secs(3600)), ..Unused::default() })
                .await?;
            world.system.reset_memories(&root, false).await?;
            told.note("reset");
            Ok(())
        },
        async |world, told, point| {
            let before = memories(world).await.len();
            assert!(before <= MANY && (!told.has("reset") || before == 0), "{point:?}: {before}");
            assert!(told.has("noted") || before + 1 >= told.0.lock().unwrap().len(), "{point:?}: {before}");
            world.system.reset_memories(&at("/root"), false).await.unwrap();
            assert!(memories(world).await.is_empty(), "{point:?}");
        },
    );
    assert!(commits >= 200, "{commits} commits");
}
