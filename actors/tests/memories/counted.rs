//! Uses: counted once a turn, together for all who recall at once, and no more for what is gone.

use futures::future::join_all;
use understory_store::{AgentId, MemoryBackend, MemoryUse, Scope, Table, keys};

use super::{below, texts};
use crate::brain::{BrainError, Response, Turn};
use crate::tests::conformance::hand;
use crate::tests::lagging::Lagging;
use crate::tests::world::{World, at, process, until};
use crate::{MemoryEdit, MemoryKey, MemoryQuery, Role};

impl World {
    async fn uses(&self, key: &MemoryKey) -> u64 {
        self.system.memory(key).await.unwrap().uses
    }
}

#[tokio::test(start_paused = true)]
async fn a_recall_is_counted_once_a_turn() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let (one, two) =
        (world.note("/root", Scope::Tree, "word one").await, world.note("/root", Scope::Tree, "word two").await);
    let recall = [r#"recall {"query":"word"}"#, r#"recall {"query":"one"}"#, r#"recall {"query":"word"}"#];
    let before = world.store().last();
    world.calls("/root/a", &recall).await;
    // The message, the start and the end of the turn, and one count.
    assert_eq!(world.store().last() - before, 4);
    assert_eq!((world.uses(&one).await, world.uses(&two).await), (1, 1));
    world.calls("/root/a", &[r#"recall {"query":"one"}"#]).await;
    assert_eq!((world.uses(&one).await, world.uses(&two).await), (2, 1));
    // Looking is no use.
    world.system.memories(&below("/root")).await.unwrap();
    assert_eq!(world.uses(&one).await, 2);
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn many_turns_that_recall_at_once_are_counted_together() {
    const TURNS: u64 = 40;
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(usize::try_from(TURNS).unwrap()));
    let world =
        World::setting().role("default", Role::with_brain("recalls", "")).brain("recalls", move |turn: Turn| {
            let gate = gate.clone();
            async move {
                gate.wait().await;
                let found = turn.recall("word").await.map_err(|error| BrainError::refused(error.to_string()))?;
                Ok(Response::text(texts(&found).join(" ")))
            }
        });
    let world = world.open_on(std::sync::Arc::new(Lagging::everywhere(MemoryBackend::new()))).await;
    let key = world.note("/root", Scope::Tree, "word").await;
    let paths: Vec<String> = (0..TURNS).map(|n| format!("/root/a{n}")).collect();
    for path in &paths {
        world.spawn(path, "recalls").await;
    }
    let outcomes = join_all(paths.iter().map(|path| world.assign(path, "go"))).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap().content == "word"));
    assert_eq!(world.uses(&key).await, TURNS);
    // What comes while one counts is one commit.
    let ids: Vec<AgentId> = (0..u128::from(TURNS)).map(AgentId::from_u128).collect();
    let before = world.store().last();
    let counts = ids.iter().map(|id| world.system.count_uses(vec![key.clone()], *id, Some(1)));
    assert!(join_all(counts).await.into_iter().all(|counted| counted.is_ok()));
    assert_eq!((world.uses(&key).await, world.store().last() - before), (2 * TURNS, 2));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_while_it_is_counted_leaves_nothing() {
    let world = World::new().await;
    let me = world.spawn("/root/a", "echo").await;
    for n in 0..20 {
        let key = world.note("/root", Scope::Tree, &format!("note {n}")).await;
        let stays = world.note("/root", Scope::Tree, &format!("stays {n}")).await;
        let count = world.system.count_uses(vec![key.clone(), stays.clone()], me.id, Some(n));
        let (counted, forgotten) = futures::join!(count, world.system.forget_memory(&key));
        counted.unwrap();
        forgotten.unwrap();
        assert_eq!(world.uses(&stays).await, 1);
        let uses = keys::memory_use(&key.place, key.id);
        assert!(world.store().get::<MemoryUse>(&uses).await.unwrap().is_none());
    }
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_recall_has_so_much_text_and_says_where_it_goes_on() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    for n in 0..12 {
        world.note("/root", Scope::Tree, &format!("word {n} {}", "x".repeat(8000))).await;
    }
    let first = world.calls("/root/a", &[r#"recall {"limit":200}"#]).await;
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["memories"].as_array().unwrap().len(), 8, "64 KiB of text");
    // Those that were told are used now, so the others come behind them.
    let next = world.system.memories(&MemoryQuery { limit: 8, ..below("/root") }).await.unwrap();
    assert!(next.memories.iter().all(|one| one.uses == 1));
    let rest = format!(r#"recall {{"limit":200,"after":{}}}"#, first["next"]);
    let rest: serde_json::Value = serde_json::from_str(&world.calls("/root/a", &[&rest]).await).unwrap();
    assert_eq!((rest["memories"].as_array().unwrap().len(), &rest["next"]), (4, &serde_json::Value::Null));
    let searched = world.calls("/root/a", &[r#"recall {"query":"word","limit":200}"#]).await;
    let searched: serde_json::Value = serde_json::from_str(&searched).unwrap();
    assert_eq!((searched["memories"].as_array().unwrap().len(), &searched["next"]), (8, &serde_json::Value::Null));
    world.end().await;
}

/// A turn that is run again in another process is the same turn.
#[test]
fn a_turn_that_is_run_again_is_counted_once_and_notes_once() {
    let setting = || {
        World::setting().role("default", Role::with_brain("notes", "")).brain("notes", |turn: Turn| async move {
            let refused = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
            turn.recall("given").await.map_err(refused)?;
            for scope in [Scope::Agent, Scope::Tree] {
                turn.remember(super::note(scope, "noted")).await.map_err(refused)?;
            }
            if turn.attempt() == 1 {
                std::future::pending::<()>().await;
            }
            Ok(Response::text("done"))
        })
    };
    let rows = process(async || {
        let world = setting().open().await;
        world.spawn("/root/a", "notes").await;
        world.note("/root", Scope::Tree, "given").await;
        world.ask("/root/a", "go").await.unwrap();
        world.system.run(&at("/root")).await.unwrap();
        let range = Table::Memory.all();
        until(async || world.store().peek_keys(range.clone(), None, 9).await.unwrap().len() == 3).await;
        world.abandon()
    });
    process(async || {
        let world = setting().over(rows).open().await;
        world.settled("/root/a").await;
        let page = world.system.memories(&below("/root")).await.unwrap();
        let mut all = texts(&page.memories);
        all.sort_unstable();
        assert_eq!(all, ["given", "noted", "noted"]);
        assert_eq!(page.memories.iter().map(|one| one.uses).collect::<Vec<_>>(), [1, 0, 0]);
        world.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn what_is_written_anew_is_listed_with_its_uses() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let key = world.note("/root", Scope::Tree, "old").await;
    world.calls("/root/a", &["recall"]).await;
    let edit = MemoryEdit { text: Some("new".to_owned()), ..MemoryEdit::default() };
    world.system.edit_memory(&key, &edit).await.unwrap();
    let page = world.system.memories(&below("/root")).await.unwrap();
    assert_eq!((texts(&page.memories), page.memories[0].uses), (vec!["new"], 1));
    assert!(page.memories[0].used_at.is_some());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_turn_notes_twice_is_there_twice() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let call = r#"remember {"text":"again"}"#;
    world.calls("/root/a", &[call, call]).await;
    assert_eq!(world.found(&below("/root")).await, ["again", "again"]);
    world.end().await;
}
