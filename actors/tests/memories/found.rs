//! Lists and searches: what comes first, pages, filters, and what a process that begins finds.

use std::collections::BTreeSet;

use understory_store::{MemoryId, Scope, Time};

use super::{below, note, role, seen_by, texts, words};
use crate::tests::conformance::hand;
use crate::tests::world::{World, at, pass, process};
use crate::{MemoryKey, MemoryOrder, MemoryQuery, Note};

#[tokio::test(start_paused = true)]
async fn the_most_used_come_first_then_the_latest() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    for text in ["red one", "red two", "blue three", "green four"] {
        world.note("/root", Scope::Tree, text).await;
        pass(1).await;
    }
    assert_eq!(world.found(&below("/root")).await, ["green four", "blue three", "red two", "red one"]);
    world.calls("/root/a", &[r#"recall {"query":"red"}"#]).await;
    pass(1).await;
    world.calls("/root/a", &[r#"recall {"query":"blue"}"#]).await;
    pass(1).await;
    world.calls("/root/a", &[r#"recall {"query":"one"}"#]).await;
    assert_eq!(world.found(&below("/root")).await, ["red one", "blue three", "red two", "green four"]);
    let newest = MemoryQuery { order: MemoryOrder::Newest, ..below("/root") };
    assert_eq!(world.found(&newest).await, ["green four", "blue three", "red two", "red one"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_that_others_do_not_move() {
    let world = World::new().await;
    for n in 0..7 {
        world.note("/root", Scope::Tree, &format!("note {n}")).await;
        pass(1).await;
    }
    let all = world.found(&below("/root")).await;
    for order in [MemoryOrder::Rank, MemoryOrder::Newest] {
        for limit in [1, 3, 7, 8] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = world.system.memories(&MemoryQuery { order, limit, after, ..below("/root") }).await.unwrap();
                assert!(page.memories.len() <= limit);
                found.extend(texts(&page.memories).into_iter().map(str::to_owned));
                after = page.next.map(|next| next.to_string().parse().unwrap());
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, all, "{order:?}, {limit} at a time");
        }
    }
    let first = world.system.memories(&MemoryQuery { limit: 3, ..below("/root") }).await.unwrap();
    world.note("/root", Scope::Tree, "one more").await;
    let rest = MemoryQuery { after: first.next, ..below("/root") };
    assert_eq!(world.found(&rest).await, all[3..]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn filters_hold_together_for_lists_and_searches() {
    let world = hand().open().await;
    for path in ["/root/a", "/root/a/b", "/root/z"] {
        world.spawn(path, "hand").await;
    }
    world.calls("/root/a", &[r#"remember {"text":"word one","scope":"tree","tags":["x","y"]}"#]).await;
    pass(10).await;
    let middle = at_now(&world).await;
    world.calls("/root/a/b", &[r#"remember {"text":"word two","scope":"role","tags":["x"]}"#]).await;
    world.calls("/root/z", &[r#"remember {"text":"word three","scope":"subtree"}"#]).await;
    world.note("/root/z", Scope::Agent, "word four").await;
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<BTreeSet<_>>();
    let base = || below("/root");
    for (query, expected) in [
        (MemoryQuery { by: Some(at("/root/a")), ..base() }, vec!["word one", "word two"]),
        (MemoryQuery { by: Some(at("/root/a/b")), ..base() }, vec!["word two"]),
        (MemoryQuery { tags: tags(&["x"]), ..base() }, vec!["word one", "word two"]),
        (MemoryQuery { tags: tags(&["x", "y"]), ..base() }, vec!["word one"]),
        (MemoryQuery { scopes: vec!["tree".to_owned(), "agent".to_owned()], ..base() }, vec!["word four", "word one"]),
        (MemoryQuery { role: Some("default".to_owned()), ..base() }, vec!["word two"]),
        (MemoryQuery { role: Some("other".to_owned()), ..base() }, vec![]),
        (MemoryQuery { since: Some(middle), ..base() }, vec!["word four", "word three", "word two"]),
        (MemoryQuery { before: Some(middle), ..base() }, vec!["word one"]),
        (MemoryQuery { tainted: Some(true), ..base() }, vec![]),
        (below("/root/z"), vec!["word four", "word three"]),
        (MemoryQuery { tags: tags(&["x"]), ..seen_by("/root/z") }, vec!["word one", "word two"]),
    ] {
        let mut listed = world.found(&query).await;
        listed.sort();
        assert_eq!(listed, expected, "{query:?}");
        let mut searched = world.found(&words(query.clone(), "WORD")).await;
        searched.sort();
        assert_eq!(searched, expected, "{query:?}");
        assert!(world.found(&words(query, "nothing")).await.is_empty());
    }
    world.end().await;
}

/// A moment behind all that was noted and before all that will be.
async fn at_now(world: &World) -> Time {
    let key = world.note("/root", role("default"), "now").await;
    let now = world.system.memory(&key).await.unwrap().memory.at;
    world.system.forget_memory(&key).await.unwrap();
    now
}

#[test]
fn another_process_finds_what_was_noted_and_how_often_it_was_used() {
    let rows = process(async || {
        let world = hand().open().await;
        world.spawn("/root/a", "hand").await;
        for n in 0..600 {
            world.note("/root", Scope::Tree, &format!("note number {n}")).await;
        }
        world.calls("/root/a", &[r#"recall {"query":"77"}"#]).await;
        world.abandon()
    });
    process(async || {
        let world = hand().over(rows).open().await;
        let page = world.system.memories(&MemoryQuery { limit: 2, ..below("/root") }).await.unwrap();
        assert_eq!((texts(&page.memories), page.memories[0].uses), (vec!["note number 77", "note number 599"], 1));
        assert_eq!(world.found(&words(seen_by("/root/a"), "310")).await, ["note number 310"]);
        world.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_behind_the_shelf_is_not_found() {
    let world = World::new().await;
    let keys = [world.note("/root", Scope::Tree, "word one").await, world.note("/root", Scope::Tree, "word two").await];
    assert_eq!(world.found(&words(below("/root"), "word")).await.len(), 2);
    let mut draft = understory_store::Draft::new();
    draft.delete(understory_store::keys::memory(&keys[0].place, keys[0].id));
    world.store().commit(draft).await.unwrap();
    assert_eq!(world.found(&words(below("/root"), "word")).await, ["word two"]);
    assert_eq!(world.found(&below("/root")).await, ["word two"]);
    assert_eq!(world.system.shelf.len(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_badly_is_refused_in_words() {
    let world = World::new().await;
    world.note("/root", Scope::Tree, "one").await;
    world.note("/root", Scope::Tree, "two").await;
    let next = world.system.memories(&MemoryQuery { limit: 1, ..below("/root") }).await.unwrap().next;
    let mut said = Vec::new();
    for query in [
        MemoryQuery { limit: 0, ..below("/root") },
        MemoryQuery { limit: 201, ..below("/root") },
        MemoryQuery { scopes: vec!["mine".to_owned()], ..below("/root") },
        MemoryQuery { after: next, order: MemoryOrder::Newest, ..below("/root") },
        MemoryQuery { after: next, ..words(below("/root"), "x") },
        words(below("/root"), &"x".repeat(5000)),
        below("/root/nobody"),
    ] {
        said.push(world.system.memories(&query).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    a page has 1 to 200 memories, not 0
    a page has 1 to 200 memories, not 201
    no scope "mine"; there are agent, subtree, role, tree
    the cursor is of a list in another order
    a search has no pages: ask for more words
    question has 5000 bytes, over the limit of 4096
    /root/nobody does not exist
    "#);
    for bad in ["", "x", "/root@x", "/root/A@00000000-0000-0000-0000-000000000007"] {
        assert!(bad.parse::<MemoryKey>().is_err(), "{bad:?}");
    }
    let key = MemoryKey { place: at("/root/a"), id: MemoryId::from_u128(7) };
    assert_eq!(key.to_string().parse::<MemoryKey>().unwrap(), key);
    assert_eq!(key.to_string()["/root/".len()..].parse::<MemoryKey>().unwrap(), key, "below the root");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_relevant_fits_the_budget_and_is_what_the_agent_sees() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.spawn("/root/z", "echo").await;
    for text in ["deploy with care", "lunch is at noon", "deployments need a ticket, and two who look at it"] {
        world.note("/root/a", Scope::Subtree, text).await;
        pass(1).await;
    }
    world.note("/root/z", Scope::Agent, "deploy secretly").await;
    let relevant = async |query: &str, budget| {
        let found = world.system.relevant_memories(&at("/root/a"), query, budget).await.unwrap();
        texts(&found).join(" | ")
    };
    let (short, long) = ("deploy with care", "deployments need a ticket, and two who look at it");
    assert_eq!(relevant("how to deploy", 1000).await, format!("{short} | {long} | lunch is at noon"));
    assert_eq!(relevant("how to deploy", long.len()).await, format!("{short} | lunch is at noon"));
    assert_eq!(relevant("", 1000).await, format!("{long} | lunch is at noon | {short}"));
    assert_eq!(relevant("how to deploy", 3).await, "");
    assert_eq!(relevant(&"é".repeat(5000), 20).await, "lunch is at noon");
    let first = world.system.memories(&below("/root/a")).await.unwrap().memories.remove(0);
    assert_eq!(first.uses, 0, "it is no use");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn many_write_and_search_at_once() {
    let world = World::new().await;
    let path = at("/root");
    let write = async |n: usize| {
        let tags = BTreeSet::new();
        world.system.note(&path, Note { tags, ..note(Scope::Tree, &format!("word w{n}")) }).await.unwrap();
        world.found(&words(below("/root"), &format!("w{n}"))).await
    };
    let found = futures::future::join_all((0..40).map(write)).await;
    for (n, found) in found.into_iter().enumerate() {
        assert_eq!(found, [format!("word w{n}")]);
    }
    world.end().await;
}
