//! What is taken of conversations, and that it is taken once.

use understory_store::{Card, Creation, Event, Table, TranscriptEntry, Usage};

use super::shelf::Shelf;
use super::{agents, import, of, said, shown, sound, try_import};
use crate::import::ImportRequest;
use crate::tests::world::{World, at};
use crate::{CardPatch, TEXT_MAX};

async fn card(world: &World, path: &str) -> Card {
    world.store().get::<Card>(&Table::Card.at(&at(path))).await.unwrap().unwrap().value
}

#[tokio::test(start_paused = true)]
async fn a_conversation_becomes_an_agent_without_a_brain() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread t1 nickname=Ada cwd=/repo|user hi|bad|answer there|title Fix it|tokens 5")]);
    assert_eq!(import(&world, &shelf).await, "1 files, 1 new, 2 entries, 1 skipped");
    let path = of("/root/codex", "t1");
    assert_eq!(agents(&world).await, ["/root/codex".to_owned(), path.clone()]);
    assert_eq!(said(&world, &path).await, ["hi", "there"]);
    let agent = world.agent(&path).await;
    assert_eq!((agent.created_at.0, agent.nickname.as_deref(), agent.brain), (1_000, Some("Ada"), None));
    assert_eq!((agent.creation, agent.turns), (Creation::Host, 0));
    assert_eq!(agent.used, Usage { input_tokens: 5, cached_tokens: 1, output_tokens: 2 });
    let card = card(&world, &path).await;
    assert_eq!((card.title.as_deref(), card.labels["codex/cwd"].as_str()), (Some("Fix it"), "/repo"));
    assert_eq!(world.count("/root/codex").await, 1);
    let news = world.store().news(0, 10_000).await.unwrap().told;
    assert!(news.iter().any(|told| matches!(&told.event, Event::Labelled { node } if node.path == at(&path))));
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_no_time_of_its_own_was_said_with_what_stands_before_it() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread t1|user one|then 5000 two|user three")]);
    import(&world, &shelf).await;
    shelf.grow("a", "user four");
    import(&world, &shelf).await;
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, &of("/root/codex", "t1")).await;
    assert_eq!(entries.iter().map(|entry| entry.at().0).collect::<Vec<_>>(), [1_000, 5_000, 5_000, 5_000]);
    world.end().await;
}

/// More than one commit takes, in one conversation or in many.
#[tokio::test(start_paused = true)]
async fn what_is_long_or_many_is_taken_by_several_commits() {
    let world = World::new().await;
    let texts = vec![format!("long {TEXT_MAX}"); 20].join("|");
    let lines: String = (0..100).map(|n| format!("|user {n}")).collect();
    let mut files = vec![("long".to_owned(), format!("thread long|{texts}"))];
    files.extend((0..16).map(|n| (format!("many{n:02}"), format!("thread many{n:02}{lines}"))));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, lines)| (name.as_str(), lines.as_str())).collect();
    let shelf = Shelf::of(&files);
    assert_eq!(import(&world, &shelf).await, "17 files, 17 new, 1620 entries");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_run_adds_nothing_and_what_has_grown_is_added() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread t1|user one|tokens 5|bad"), ("b", "thread t2|user two")]);
    import(&world, &shelf).await;
    assert_eq!(import(&world, &shelf).await, "2 files, 2 unchanged");
    shelf.grow("a", "user three|tokens 9|bad");
    assert_eq!(import(&world, &shelf).await, "2 files, 1 unchanged, 1 grown, 1 entries, 1 skipped");
    let path = of("/root/codex", "t1");
    assert_eq!(said(&world, &path).await, ["one", "three"]);
    let used = Usage { input_tokens: 9, cached_tokens: 1, output_tokens: 2 };
    assert_eq!(world.agent(&path).await.used, used);
    // It was written, and nothing came of it.
    shelf.grow("a", "bad|tokens 3");
    assert_eq!(import(&world, &shelf).await, "2 files, 1 unchanged, 1 known, 1 skipped");
    assert_eq!(world.agent(&path).await.used, used, "nothing is taken back");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_moved_or_copied_is_no_second_conversation() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("b", "thread t1|user one")]);
    import(&world, &shelf).await;
    shelf.move_to("b", "a");
    assert_eq!(import(&world, &shelf).await, "1 files, 1 known");
    shelf.move_to("a", "c");
    shelf.grow("c", "user two");
    assert_eq!(import(&world, &shelf).await, "1 files, 1 grown, 1 entries");
    shelf.write("d", "thread t1|user one|user two|user three");
    assert_eq!(import(&world, &shelf).await, "2 files, 1 unchanged, 1 grown, 1 entries");
    assert_eq!(said(&world, &of("/root/codex", "t1")).await, ["one", "two", "three"]);
    // Two at once.
    let both = "thread t2|user one";
    let shelf = Shelf::of(&[("x", both), ("y", both)]);
    assert_eq!(import(&world, &shelf).await, "2 files, 1 new, 1 known, 1 entries");
    // Nothing is kept of files that are gone.
    let rows = world.rows::<understory_store::ImportState>(Table::ImportState, "/root/codex").await;
    assert_eq!(rows.len(), 2 + 2, "{rows:?}");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_conversation_is_taken_in_order_and_a_long_text_is_cut() {
    let world = World::new().await;
    let lines: Vec<String> = (0..1_000).map(|n| format!("user {n}")).collect();
    let long = format!("thread t2|long {}|long {}|call {}", TEXT_MAX, TEXT_MAX + 1, TEXT_MAX + 1);
    let shelf = Shelf::of(&[("a", &format!("thread t1|{}", lines.join("|"))), ("b", &long)]);
    assert_eq!(import(&world, &shelf).await, "2 files, 2 new, 1003 entries, 2 cut");
    let expected: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    assert_eq!(said(&world, &of("/root/codex", "t1")).await, expected);
    let texts = said(&world, &of("/root/codex", "t2")).await;
    assert_eq!(texts[0].len(), TEXT_MAX);
    assert!(texts[1].len() <= TEXT_MAX && texts[1].ends_with("\n[cut: 262145 bytes]"), "{}", texts[1].len());
    let arguments: String = serde_json::from_str(&texts[2]).unwrap();
    assert!(arguments.starts_with("yyy") && arguments.ends_with("[cut: 262145 bytes]"));
    assert_eq!(import(&world, &shelf).await, "2 files, 2 unchanged");
    sound(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_wrote_on_an_agent_stays() {
    let world = World::new().await;
    let shelf = Shelf::of(&[("a", "thread t1|title one"), ("b", "thread t2|title two")]);
    import(&world, &shelf).await;
    let (one, two) = (of("/root/codex", "t1"), of("/root/codex", "t2"));
    let patch = CardPatch { title: Some(Some("mine".to_owned())), ..CardPatch::default() };
    world.system.label(&at(&one), &patch).await.unwrap();
    shelf.grow("a", "title other");
    shelf.grow("b", "title other");
    import(&world, &shelf).await;
    assert_eq!(card(&world, &one).await.title.as_deref(), Some("mine"));
    assert_eq!(card(&world, &two).await.title.as_deref(), Some("other"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_would_come_and_changes_nothing() {
    let world = World::new().await;
    let shelf = Shelf::of(&[
        ("a", "thread t2 parent=t1|user two"),
        ("b", "thread t1|user one"),
        ("c", "nonsense"),
        ("l", "a link"),
    ]);
    let dry = ImportRequest { at: at("/root/codex"), archive: shelf.clone(), dry_run: true };
    let before = world.store().last();
    let report = world.system.import(&dry, &|_| ()).await.unwrap();
    let failed = "c (1): it begins with \"nonsense\"";
    assert_eq!(shown(&report), format!("3 files, 2 new, 1 failed, 2 entries, {failed}"));
    assert_eq!((world.store().last(), agents(&world).await.len()), (before, 0));
    let taken = try_import(&world, &shelf).await.unwrap();
    assert_eq!(shown(&taken), shown(&report));
    assert_eq!((taken.links, taken.went_on_behind), (vec!["l".to_owned()], None));
    shelf.grow("a", "user three");
    let before = world.store().last();
    let report = world.system.import(&dry, &|_| ()).await.unwrap();
    assert_eq!(
        shown(&report),
        format!("3 files, 1 unchanged, 1 grown, 1 failed, 1 entries, {}", failed.replace('1', "2"))
    );
    assert_eq!(world.store().last(), before);
    world.end().await;
}
