//! An import that is killed at each of its commits, and asked for again.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;
use understory_store::{GoalStatus, Scope};

use super::{Notes, sweep};
use crate::tests::parcels::{plant, setting};
use crate::tests::table::Table;
use crate::tests::world::{LONG, World, at, process};
use crate::{Error, GoalPatch, MemoryQuery, MemoryView, NewGoal, Note, System};

fn note() -> Note {
    Note { text: "the harbour freezes".to_owned(), scope: Scope::Subtree, tags: BTreeSet::new() }
}

/// Gives the root a goal that the import's budget is from, unless it has one.
async fn endow(system: &System) -> Result<(), Error> {
    match system.create_goal(&at("/root"), NewGoal::new("all").unwrap().within(100)).await {
        Err(Error::GoalExists { .. }) => Ok(()),
        other => other,
    }
}

#[test]
fn an_import() {
    let (dir, table) = (TempDir::new().unwrap(), Table::of(2));
    let file = dir.path().join("file");
    process(async || {
        let world: World = setting().open().await;
        // More than one batch takes.
        plant(&world, &table, 450).await.unwrap();
        world.system.resume(&at("/root/a")).await.unwrap();
        world.system.create_goal(&at("/root/a"), NewGoal::new("part").unwrap().within(60)).await.unwrap();
        world.system.set_goal(&at("/root/a"), GoalPatch::to(GoalStatus::Paused)).await.unwrap();
        world.system.note(&at("/root/a"), note()).await.unwrap();
        world.system.close(&at("/root/a"), LONG).await.unwrap();
        world.system.export(&at("/root/a"), &file).await.unwrap();
        world.end().await;
    });
    let first = fs::read(&file).unwrap();
    let commits = sweep(
        |_| setting(),
        async |world, notes: &Notes| {
            endow(&world.system).await?;
            world.system.import_subtree(&file, None).await?;
            notes.note("imported");
            Ok(())
        },
        async |world, notes, point| {
            let found = world.system.show(&at("/root/a")).await;
            assert!(found.is_ok() || !notes.has("imported"), "{point:?}");
            if let Ok(view) = found {
                assert_eq!(view.status(), "closed", "{point:?}");
            }
            let again = world.system.export(&at("/root/a"), dir.path().join("again")).await;
            if again.is_err() {
                // It is not there, or only half: asking again does it.
                endow(&world.system).await.unwrap();
                world.system.import_subtree(&file, None).await.unwrap();
                world.system.export(&at("/root/a"), dir.path().join("again")).await.unwrap();
            }
            assert!(fs::read(dir.path().join("again")).unwrap() == first, "{point:?}: it is another file");
            fs::remove_file(dir.path().join("again")).unwrap();
            let above = world.system.goal(&at("/root")).await.unwrap().unwrap();
            assert_eq!((above.held, above.left), (60, Some(40)), "{point:?}");
            let query =
                MemoryQuery { text: Some("harbour".to_owned()), ..MemoryQuery::of(MemoryView::Below(at("/root"))) };
            assert_eq!(world.system.memories(&query).await.unwrap().memories.len(), 1, "{point:?}");
            world.system.resume(&at("/root/a")).await.unwrap();
        },
    );
    assert!(commits >= 8, "{commits} commits");
}
