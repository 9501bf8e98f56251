//! Memories that go into a file with their subtree, and are found where it comes to lie.

use tempfile::TempDir;
use understory_store::{Memory, Table};

use super::*;
use crate::brain::{BrainError, Response};
use crate::tests::world::LONG;

#[tokio::test(start_paused = true)]
async fn what_came_in_is_found_and_what_was_removed_is_not() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    let world = World::setting().brain("notes", |turn: crate::brain::Turn| async move {
        let noted = turn.remember(note(Scope::Subtree, &turn.text())).await;
        noted.map_err(|error| BrainError::refused(error.to_string()))?;
        Ok(Response::text("noted"))
    });
    let world = world.open().await;
    world.spawn("/root/a", "notes").await;
    world.spawn("/root/a/kid", "notes").await;
    world.spawn("/root/b", "echo").await;
    world.assign("/root/a", "the harbour freezes").await.unwrap();
    world.assign("/root/a/kid", "the harbour thaws").await.unwrap();
    world.note("/root/a", Scope::Tree, "the harbour is everybody's").await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.export(&at("/root/a"), &file).await.unwrap();
    let harbour = words(below("/root"), "harbour");
    assert_eq!(world.found(&harbour).await.len(), 3);
    world.system.remove(&at("/root/a")).await.unwrap();
    assert_eq!(world.found(&harbour).await, ["the harbour is everybody's"], "what is for all lies at the root");
    // The index is there, and is told.
    for to in ["/root/a", "/root/b/copy"] {
        world.system.import_subtree(&file, Some(at(to))).await.unwrap();
        let mut found = world.found(&words(below(to), "harbour")).await;
        found.sort();
        assert_eq!(found, ["the harbour freezes", "the harbour thaws"]);
        let kid = format!("{to}/kid");
        assert_eq!(world.found(&words(seen_by(&kid), "freezes")).await, ["the harbour freezes"]);
        let author = world.rows::<Memory>(Table::Memory, &kid).await.remove(0).author.unwrap();
        assert_eq!(author.path, at(&kid));
    }
    world.sound().await;
    world.system.remove(&at("/root/b/copy")).await.unwrap();
    assert_eq!(world.found(&words(below("/root/b"), "harbour")).await, Vec::<String>::new());
    assert_eq!(world.found(&harbour).await.len(), 3);
    world.end().await;
}
