//! Many forgotten at once.

use std::time::Duration;

use understory_store::Scope;

use super::{below, texts};
use crate::tests::conformance::hand;
use crate::tests::world::{World, at, pass};
use crate::{FORGOTTEN_SHOWN_MAX, Forgotten, Unused};

const MINUTE: Duration = Duration::from_secs(60);

/// What was forgotten, in a line.
fn said(report: &Forgotten) -> String {
    let Forgotten { seen, forgotten, bytes, shown } = report;
    format!("{forgotten} of {seen}, {bytes} bytes: {}", texts(shown).join(" | "))
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_for_long_is_forgotten_and_what_was_stays() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    for text in ["old and idle", "old and kept", "old, used long ago"] {
        world.note("/root/a", Scope::Agent, text).await;
    }
    world.calls("/root/a", &[r#"recall {"query":"ago"}"#]).await;
    pass(70).await;
    world.calls("/root/a", &[r#"recall {"query":"kept"}"#]).await;
    world.note("/root", Scope::Tree, "fresh").await;
    let unused = Unused { idle: Some(MINUTE), keep: None, dry_run: true };
    let all = world.found(&below("/root")).await;
    assert_eq!(all.len(), 4);
    let expected = "2 of 4, 30 bytes: old, used long ago | old and idle";
    assert_eq!(said(&world.system.forget_unused(&at("/root"), unused).await.unwrap()), expected);
    assert_eq!(world.found(&below("/root")).await, all, "a dry run forgets nothing");
    let unused = Unused { dry_run: false, ..unused };
    assert_eq!(said(&world.system.forget_unused(&at("/root"), unused).await.unwrap()), expected);
    assert_eq!(world.found(&below("/root")).await, ["old and kept", "fresh"]);
    assert_eq!(said(&world.system.forget_unused(&at("/root"), unused).await.unwrap()), "0 of 2, 0 bytes: ");
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_kept_those_of_most_use() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    for n in 0..5 {
        world.note("/root/a", Scope::Agent, &format!("n{n}")).await;
        pass(1).await;
    }
    world.calls("/root/a", &[r#"recall {"query":"n1"}"#]).await;
    let keep = |keep| Unused { keep: Some(keep), ..Unused::default() };
    assert_eq!(said(&world.system.forget_unused(&at("/root/a"), keep(3)).await.unwrap()), "2 of 5, 4 bytes: n2 | n0");
    assert_eq!(world.found(&below("/root")).await, ["n1", "n4", "n3"]);
    assert_eq!(said(&world.system.forget_unused(&at("/root"), Unused::default()).await.unwrap()), "0 of 3, 0 bytes: ");
    // Both together: those past the time first, then those past the number.
    pass(100).await;
    world.note("/root/a", Scope::Agent, "n5").await;
    pass(1).await;
    world.note("/root/a", Scope::Agent, "n6").await;
    let both = Unused { idle: Some(MINUTE), keep: Some(1), dry_run: false };
    assert_eq!(
        said(&world.system.forget_unused(&at("/root"), both).await.unwrap()),
        "4 of 5, 8 bytes: n5 | n1 | n4 | n3"
    );
    assert_eq!(world.found(&below("/root")).await, ["n6"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_all_in_bounded_commits_and_keeps_the_marks() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.system.mark_untrusted(&at("/root/a"), "a page").await.unwrap();
    for n in 0..300 {
        let long = "x".repeat(if n % 3 == 0 { 6000 } else { 1 });
        world.note("/root/a", Scope::Agent, &format!("note {n} {long}")).await;
    }
    world.note("/root", Scope::Tree, "elsewhere").await;
    let before = world.store().last();
    let dry = world.system.reset_memories(&at("/root/a"), true).await.unwrap();
    assert_eq!((dry.forgotten, dry.shown.len(), world.store().last()), (300, FORGOTTEN_SHOWN_MAX, before));
    let reset = world.system.reset_memories(&at("/root/a"), false).await.unwrap();
    assert_eq!((reset.forgotten, reset.bytes), (300, dry.bytes));
    assert_eq!(world.store().last() - before, 3, "128 a commit");
    assert_eq!(world.found(&below("/root")).await, ["elsewhere"]);
    assert_eq!(world.system.untrusted_marks(&at("/root"), None, 9).await.unwrap().len(), 1);
    assert!(world.system.show(&at("/root/a")).await.is_ok(), "its agents stay");
    world.sound().await;
    world.end().await;
}

/// Whatever is used while others are forgotten stays, and so does what is written anew.
#[tokio::test(start_paused = true)]
async fn what_is_used_meanwhile_stays() {
    let world = World::new().await;
    let me = world.spawn("/root/a", "echo").await;
    let mut keys = Vec::new();
    for n in 0..200 {
        keys.push(world.note("/root", Scope::Tree, &format!("note {n}")).await);
    }
    pass(120).await;
    let unused = Unused { idle: Some(MINUTE), ..Unused::default() };
    let top = at("/root");
    let forget = world.system.forget_unused(&top, unused);
    let uses = world.system.count_uses(keys.clone(), me.id, Some(1));
    let (report, counted) = futures::join!(forget, uses);
    counted.unwrap();
    let left = world.system.memories(&below("/root")).await.unwrap().memories;
    assert_eq!(left.len() + report.unwrap().forgotten, 200);
    assert!(left.iter().all(|one| one.uses == 1), "what is left was used");
    world.sound().await;
    world.end().await;
}
