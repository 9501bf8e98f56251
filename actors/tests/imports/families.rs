//! Conversations that others began lie below them.

use super::shelf::Shelf;
use super::{agents, import, of, said, sound};
use crate::tests::world::{LONG, World, at};

#[tokio::test(start_paused = true)]
async fn a_child_lies_below_its_parent_in_whatever_order_they_come() {
    let world = World::new().await;
    let shelf = Shelf::of(&[
        ("a", "thread grandchild parent=child|user 3"),
        ("b", "thread child parent=top|user 2"),
        ("c", "thread top|user 1"),
        ("d", "thread second parent=top|user 2"),
        ("e", "thread below parent=orphan|user 5"),
        ("f", "thread orphan parent=never|user 4"),
        ("g", "thread self parent=self|user 6"),
        ("h", "thread one parent=other|user 7"),
        ("i", "thread other parent=one|user 8"),
    ]);
    assert_eq!(import(&world, &shelf).await, "9 files, 9 new, 9 entries");
    let top = of("/root/codex", "top");
    let (child, orphan) = (of(&top, "child"), of("/root/codex", "orphan"));
    for (path, text) in [
        (top.clone(), "1"),
        (child.clone(), "2"),
        (of(&top, "second"), "2"),
        (of(&child, "grandchild"), "3"),
        (orphan.clone(), "4"),
        (of(&orphan, "below"), "5"),
        (of("/root/codex", "self"), "6"),
        (of("/root/codex", "one"), "7"),
        (of(&of("/root/codex", "one"), "other"), "8"),
    ] {
        assert_eq!(said(&world, &path).await, [text], "{path}");
    }
    assert_eq!(agents(&world).await.len(), 10);
    assert_eq!(import(&world, &shelf).await, "9 files, 9 unchanged");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_parent_failed_waits_for_nobody() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread child parent=top|user 2"), ("b", "nonsense")]);
    assert_eq!(import(&world, &shelf).await, "2 files, 1 new, 1 failed, 1 entries, b (1): it begins with \"nonsense\"");
    assert_eq!(agents(&world).await, ["/root/codex".to_owned(), of("/root/codex", "child")]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_family_deeper_than_paths_are_long_goes_on_below_the_top() {
    let world = World::new().await;
    let name = |n: usize| format!("{n:036}");
    let files: Vec<(String, String)> =
        (0..20).map(|n| (format!("{n:02}"), format!("thread {} parent={}|user {n}", name(n + 1), name(n)))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, lines)| (name.as_str(), lines.as_str())).collect();
    let shelf = Shelf::of(&files);
    assert_eq!(import(&world, &shelf).await, "20 files, 20 new, 20 entries");
    let lengths: Vec<usize> = agents(&world).await.iter().map(String::len).collect();
    assert!(lengths.iter().any(|length| *length > 400), "{lengths:?}");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_removed_stays_away_and_children_come_below_the_top() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread top|user 1")]);
    import(&world, &shelf).await;
    let top = at(&of("/root/codex", "top"));
    world.system.close(&top, LONG).await.unwrap();
    world.system.remove(&top).await.unwrap();
    assert_eq!(import(&world, &shelf).await, "1 files, 1 unchanged");
    shelf.grow("a", "user 2");
    shelf.write("b", "thread child parent=top|user 3");
    assert_eq!(import(&world, &shelf).await, "2 files, 1 new, 1 removed, 1 entries");
    assert_eq!(agents(&world).await, ["/root/codex".to_owned(), of("/root/codex", "child")]);
    assert_eq!(import(&world, &shelf).await, "2 files, 2 unchanged");
    // Who lies there since is somebody else.
    world.spawn(&of("/root/codex", "top"), "echo").await;
    shelf.grow("a", "user 4");
    assert_eq!(import(&world, &shelf).await, "2 files, 1 unchanged, 1 removed");
    assert_eq!(said(&world, &of("/root/codex", "top")).await, [""; 0]);
    // With the top everything is forgotten.
    world.system.close(&at("/root/codex"), LONG).await.unwrap();
    world.system.remove(&at("/root/codex")).await.unwrap();
    assert_eq!(import(&world, &shelf).await, "2 files, 2 new, 4 entries");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_nickname_that_cannot_be_given_is_left_out() {
    let world = World::new().await;
    let shelf = Shelf::of(&[
        ("a", "thread t1 nickname=Ada|user 1"),
        ("b", "thread t2 nickname=ada|user 2"),
        ("c", &format!("thread t3 nickname={}|user 3", "x".repeat(65))),
    ]);
    assert_eq!(import(&world, &shelf).await, "3 files, 3 new, 3 entries");
    let mut nicknames = Vec::new();
    for thread in ["t1", "t2", "t3"] {
        nicknames.push(world.agent(&of("/root/codex", thread)).await.nickname);
    }
    assert_eq!(nicknames, [Some("Ada".to_owned()), None, None]);
    sound(&world).await;
    world.end().await;
}
