//! Files that fail: they are told of, tried again by every run, and in nobody's way.

use super::shelf::Shelf;
use super::{agents, import, of, said, sound, try_import};
use crate::Error;
use crate::tests::table::{Table, number};
use crate::tests::world::{LONG, World, at};

#[tokio::test(start_paused = true)]
async fn a_file_that_fails_is_tried_by_every_run_until_it_is_taken() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "nonsense"), ("b", "thread t2|user 2"), ("c", "thread t3|user 3|broken|user 4")]);
    let check = async |expected: &str| assert_eq!(import(&world, &shelf).await, expected);
    let a = |n: u32| format!("a ({n}): it begins with \"nonsense\"");
    let c = |n: u32| format!("c ({n}): it breaks at \"broken\"");
    check(&format!("3 files, 1 new, 2 failed, 2 entries, {}, {}", a(1), c(1))).await;
    check(&format!("3 files, 1 unchanged, 2 failed, {}, {}", a(2), c(2))).await;
    shelf.write("a", "thread t1|user 1");
    check(&format!("3 files, 1 unchanged, 1 new, 1 failed, 1 entries, {}", c(3))).await;
    // What was taken before it broke is not taken again.
    shelf.write("c", "thread t3|user 3|user 4");
    check("3 files, 2 unchanged, 1 grown, 1 entries").await;
    assert_eq!(said(&world, &of("/root/codex", "t3")).await, ["3", "4"]);
    check("3 files, 3 unchanged").await;
    shelf.write("a", "nonsense");
    check(&format!("3 files, 2 unchanged, 1 failed, {}", a(1))).await;
    // One that is gone is forgotten.
    shelf.remove("a");
    check("2 files, 2 unchanged").await;
    shelf.write("a", "nonsense");
    check(&format!("3 files, 2 unchanged, 1 failed, {}", a(1))).await;
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_read_is_among_them() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "a locked folder"), ("b", "thread t2 parent=none|user 2")]);
    assert_eq!(import(&world, &shelf).await, "2 files, 1 new, 1 failed, 1 entries, a (1): locked");
    assert_eq!(import(&world, &shelf).await, "2 files, 1 unchanged, 1 failed, a (2): locked");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_what_was_taken_fails_and_adds_nothing() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread t1|user one|user two")]);
    import(&world, &shelf).await;
    shelf.write("a", "thread t1|user ONE|user two|user three");
    let otherwise = "it begins with something else than what was taken of its conversation";
    assert_eq!(import(&world, &shelf).await, format!("1 files, 1 failed, a (1): {otherwise}"));
    shelf.write("a", "thread t1|user one");
    let shorter = "it is shorter than what was taken of its conversation";
    assert_eq!(import(&world, &shelf).await, format!("1 files, 1 failed, a (2): {shorter}"));
    assert_eq!(said(&world, &of("/root/codex", "t1")).await, ["one", "two"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_lies_in_the_way_is_left_alone() {
    let world = World::new().await;
    world.spawn("/root/codex", "echo").await;
    let path = of("/root/codex", "t1");
    world.spawn(&path, "echo").await;
    let shelf = Shelf::of(&[("a", "thread t1|user 1"), ("b", "thread t2|user 2"), ("c", "thread |user 3")]);
    let expected = format!(
        "3 files, 1 new, 2 failed, 1 entries, a (1): {path} exists already, c (1): its conversation has no name that could be kept"
    );
    // Those that fail as they are opened are told of first.
    let report = import(&world, &shelf).await;
    assert_eq!(report.split(", ").count(), expected.split(", ").count(), "{report}");
    assert!(expected.split(", ").all(|words| report.contains(words)), "{report}");
    assert_eq!(said(&world, &path).await, [""; 0]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_imported_below_what_is_closed_or_no_agent() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread t1|user 1")]);
    import(&world, &shelf).await;
    let path = of("/root/codex", "t1");
    world.system.close(&at(&path), LONG).await.unwrap();
    shelf.grow("a", "user 2");
    let closed = format!("1 files, 1 failed, a (1): {path} is closed");
    assert_eq!(import(&world, &shelf).await, closed);
    world.system.resume(&at(&path)).await.unwrap();
    assert_eq!(import(&world, &shelf).await, "1 files, 1 grown, 1 entries");
    world.system.close(&at("/root/codex"), LONG).await.unwrap();
    assert!(matches!(try_import(&world, &shelf).await, Err(Error::Closed { .. })));
    world.system.remove(&at("/root/codex")).await.unwrap();
    let nowhere = crate::import::ImportRequest { at: at("/root/no/where"), archive: shelf.clone(), dry_run: false };
    assert!(matches!(world.system.import(&nowhere, &|_| ()).await, Err(Error::NotFound { .. })));
    assert_eq!(agents(&world).await, [""; 0]);
    world.end().await;
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let at = world.run_job(Table::of(1).request("number")).await.path;
    let job = crate::import::ImportRequest { at, archive: shelf.clone(), dry_run: false };
    let refused = world.system.import(&job, &|_| ()).await.unwrap_err();
    assert_eq!(refused.to_string(), "/root/job is a job, which cannot be asked to hold what is imported");
    world.end().await;
}
