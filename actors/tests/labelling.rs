//! Titles and labels: patched without losing one another, gone with their node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use understory_store::{
    Backend, Card, Direction, Entry, Event, Key, MemoryBackend, Read, StoreError, Table as Tables, Wrapper,
};

use super::table::Table;
use super::world::{World, at};
use crate::{CardPatch, Error, LABELS_MAX, Labelled};

fn patch(title: Option<Option<&str>>, labels: &[(&str, Option<&str>)]) -> CardPatch {
    let owned = |text: &str| text.to_owned();
    let labels = labels.iter().map(|(key, value)| (owned(key), value.map(owned))).collect();
    CardPatch { title: title.map(|title| title.map(owned)), labels }
}

/// What is on a card, in a line.
fn said(card: &Card) -> String {
    format!("{:?} {:?}", card.title, card.labels)
}

async fn events(world: &World) -> usize {
    let told = world.store().news(0, 100_000).await.unwrap().told;
    told.iter().filter(|told| matches!(told.event, Event::Labelled { .. })).count()
}

#[tokio::test(start_paused = true)]
async fn a_patch_keeps_what_it_does_not_name() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let mut events_before = 0;
    for (change, expected, new) in [
        (patch(None, &[]), r#"None {}"#, false),
        (patch(None, &[("x", None)]), r#"None {}"#, false),
        (patch(Some(Some("T")), &[("k", Some("v"))]), r#"Some("T") {"k": "v"}"#, true),
        (patch(None, &[("l", Some("w"))]), r#"Some("T") {"k": "v", "l": "w"}"#, true),
        (patch(None, &[("l", Some("w"))]), r#"Some("T") {"k": "v", "l": "w"}"#, false),
        (patch(Some(None), &[]), r#"None {"k": "v", "l": "w"}"#, true),
        (patch(None, &[("k", None), ("l", Some("u"))]), r#"None {"l": "u"}"#, true),
        (patch(None, &[("l", None)]), r#"None {}"#, true),
    ] {
        let Labelled { card, changed } = world.system.label(&at("/root/a"), &change).await.unwrap();
        assert_eq!((said(&card).as_str(), changed), (expected, new), "{change:?}");
        assert_eq!(world.system.show(&at("/root/a")).await.unwrap().card, card);
        let events_after = events(&world).await;
        assert_eq!(events_after - events_before, usize::from(new), "{change:?}");
        events_before = events_after;
    }
    let rows = world.store().page::<Card>(Tables::Card.all(), None, Direction::Forward, 9).await.unwrap();
    assert!(rows.is_empty(), "a blank one is no row");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shown_in_a_line_or_is_too_much_is_refused() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let (long, key) = ("x".repeat(201), "k".repeat(65));
    for (change, words) in [
        (patch(Some(Some(&long)), &[]), "title has 201 bytes, over the limit of 200"),
        (patch(Some(Some(" ")), &[]), "title \" \" is blank"),
        (patch(Some(Some("a\nb")), &[]), "title \"a\\nb\" has control characters"),
        (patch(Some(Some("a\u{1b}[2J")), &[]), "title \"a\\u{1b}[2J\" has control characters"),
        (patch(Some(Some("a\u{202e}b")), &[]), "title \"a\\u{202e}b\" has control characters"),
        (patch(None, &[("k", Some(&long))]), "label has 201 bytes, over the limit of 128"),
        (patch(None, &[("k", Some(""))]), "label \"\" is blank"),
        (patch(None, &[("", Some("v"))]), "label key \"\" must be 1 to 64 of letters, digits, _ . - and /"),
        (patch(None, &[("a b", None)]), "label key \"a b\" must be 1 to 64 of letters, digits, _ . - and /"),
        (patch(None, &[(&key, None)]), &format!("label key {key:?} must be")),
    ] {
        let error = world.system.label(&at("/root/a"), &change).await.unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    let labels = |from: usize, to: usize| {
        let labels: BTreeMap<_, _> = (from..to).map(|n| (format!("k{n}"), Some("v".to_owned()))).collect();
        CardPatch { title: None, labels }
    };
    world.system.label(&at("/root/a"), &labels(0, LABELS_MAX)).await.unwrap();
    let error = world.system.label(&at("/root/a"), &labels(LABELS_MAX, LABELS_MAX + 1)).await.unwrap_err();
    assert_eq!(error.to_string(), "limit labels of 16 is reached at /root/a: take one away");
    let mut swap = labels(LABELS_MAX, LABELS_MAX + 1);
    swap.labels.insert("k0".to_owned(), None);
    assert!(world.system.label(&at("/root/a"), &swap).await.unwrap().changed);
    world.end().await;
}

/// Lets others go on between a read and what comes of it.
pub(super) struct Polite(pub(super) MemoryBackend);

impl Wrapper for Polite {
    fn inner(&self) -> &dyn Backend {
        &self.0
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Read<Vec<Option<Entry>>>, StoreError>> {
        async move {
            let found = self.0.get(keys).await;
            tokio::task::yield_now().await;
            found
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn patches_at_once_lose_nothing() {
    let world = World::setting().open_on(Arc::new(Polite(MemoryBackend::new()))).await;
    world.spawn("/root/a", "echo").await;
    let system = Arc::new(world.system.clone());
    let patches = (0..LABELS_MAX).map(|n| {
        let system = system.clone();
        tokio::spawn(async move {
            let change = patch(None, &[(&format!("k{n}"), Some("v"))]);
            system.label(&at("/root/a"), &change).await.unwrap();
        })
    });
    join_all(patches.collect::<Vec<_>>()).await;
    assert_eq!(world.system.show(&at("/root/a")).await.unwrap().card.labels.len(), LABELS_MAX);
    assert_eq!(events(&world).await, LABELS_MAX);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_card_is_gone_with_its_node_and_a_newcomer_has_none() {
    let world = World::new().await;
    for path in ["/root/a", "/root/a/b"] {
        world.spawn(path, "echo").await;
        world.system.label(&at(path), &patch(Some(Some(path)), &[])).await.unwrap();
    }
    world.system.close(&at("/root/a"), Duration::from_secs(1)).await.unwrap();
    // What is closed may still be titled.
    assert!(world.system.label(&at("/root/a/b"), &patch(None, &[("k", Some("v"))])).await.unwrap().changed);
    world.system.remove(&at("/root/a")).await.unwrap();
    assert!(matches!(world.system.label(&at("/root/a"), &patch(Some(None), &[])).await, Err(Error::Removed { .. })));
    world.spawn("/root/a", "echo").await;
    assert_eq!(world.system.show(&at("/root/a")).await.unwrap().card.title, None);
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_has_a_card_and_its_items_have_none() {
    let world = World::setting().brain("report", |_| async { Ok(crate::Response::report("{}".to_owned())) });
    let world = world.open().await;
    let table = Table::of(1);
    world.run_job(table.request("report")).await;
    let change = patch(Some(Some("Prices")), &[]);
    assert!(world.system.label(&at("/root/job"), &change).await.unwrap().changed);
    let error = world.system.label(&at("/root/job/r00000001"), &change).await.unwrap_err();
    assert_eq!(error.to_string(), "/root/job/r00000001 is a job's item, which cannot be asked to take labels");
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}
