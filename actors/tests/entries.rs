//! Entries from elsewhere, as transcripts of agents that have done nothing.

use understory_store::{Said, Speaker, Table, Time, ToolUse, TranscriptEntry};

use super::world::{LONG, World, at, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, IMPORT_BYTES_MAX, IMPORT_ENTRIES_MAX};

fn said(texts: &[&str]) -> Vec<TranscriptEntry> {
    let said = |text: &&str| Said { speaker: Speaker::User, text: (*text).to_owned(), at: Time(1) };
    texts.iter().map(|text| TranscriptEntry::Said(said(text))).collect()
}

#[tokio::test(start_paused = true)]
async fn entries_come_in_their_order_and_once() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let path = at("/root/a");
    let first = world.system.import_entries(&path, None, &said(&["one", "two"])).await.unwrap();
    for after in [None, first.map(|row| understory_store::InboxKey { n: 0, ..row })] {
        let refused = world.system.import_entries(&path, after, &said(&["one"])).await.unwrap_err().to_string();
        assert_eq!(refused, "/root/a has a transcript that these entries do not go on from");
    }
    let last = world.system.import_entries(&path, first, &said(&["three"])).await.unwrap();
    assert!(last > first);
    assert_eq!(world.system.import_entries(&path, last, &[]).await.unwrap(), last);
    let found = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
    assert_eq!(found, said(&["one", "two", "three"]));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_that_import_at_once_double_nothing() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let (path, entries) = (at("/root/a"), said(&["one"]));
    let both = futures::join!(
        world.system.import_entries(&path, None, &entries),
        world.system.import_entries(&path, None, &entries)
    );
    assert!(both.0.is_ok() != both.1.is_ok(), "{both:?}");
    assert_eq!(world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await.len(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_who_has_done_nothing_is_imported_into() {
    let world = World::new().await;
    let one = said(&["x"]);
    for path in ["/root/a", "/root/b"] {
        world.spawn(path, "echo").await;
    }
    world.assign("/root/a", "go").await.unwrap();
    let refused = world.system.import_entries(&at("/root/a"), None, &one).await.unwrap_err().to_string();
    assert_eq!(refused, "/root/a has taken turns: only one that has not is imported into");
    let missing = world.system.import_entries(&at("/root/none"), None, &one).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    let many: Vec<&str> = (0..=IMPORT_ENTRIES_MAX).map(|_| "x").collect();
    let full = world.system.import_entries(&at("/root/b"), None, &said(&many)).await;
    assert!(matches!(full, Err(Error::Limit { .. })), "{full:?}");
    let long = "x".repeat(300 << 10);
    let full = world.system.import_entries(&at("/root/b"), None, &said(&[long.as_str(); 4])).await;
    assert!(matches!(full, Err(Error::Limit { .. })), "{full:?}");
    world.system.close(&at("/root/b"), LONG).await.unwrap();
    let closed = world.system.import_entries(&at("/root/b"), None, &one).await;
    assert!(matches!(closed, Err(Error::Closed { .. })), "{closed:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_imported_into_who_is_at_its_first_turn() {
    let waits = |turn: Turn| async move {
        turn.cancelled().await;
        Ok(Response::default())
    };
    let world = World::setting().brain("waits", waits).open().await;
    world.spawn("/root/a", "waits").await;
    world.ask("/root/a", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    let last = world.system.transcript(&crate::TranscriptQuery::of(at("/root/a"))).await.unwrap().newer;
    let refused = world.system.import_entries(&at("/root/a"), Some(last), &said(&["x"])).await.unwrap_err();
    assert_eq!(refused.to_string(), "/root/a has taken turns: only one that has not is imported into");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_imported_is_what_the_agent_goes_on_from() {
    let world = World::setting().brain("remembers", |turn: Turn| async move {
        let history = turn.history(1000).await.map_err(|error| BrainError::refused(error.to_string()))?;
        let words: Vec<_> = history.said.iter().map(|said| said.text.as_str()).collect();
        Ok(Response::text(words.join(" ")))
    });
    let world = world.open().await;
    world.spawn("/root/a", "remembers").await;
    world.system.import_entries(&at("/root/a"), None, &said(&["one", "two"])).await.unwrap();
    assert_eq!(world.assign("/root/a", "and?").await.unwrap().content, "one two");
    world.end().await;
}

/// As many as go at once do, and one more, of either kind, is refused and leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_in_entries_and_bytes() {
    let world = World::new().await;
    let named = |name: &str| {
        let (name, arguments) = (name.to_owned(), "{}".to_owned());
        TranscriptEntry::Tool(ToolUse { turn: 0, call: 1, name, arguments, at: Time(1) })
    };
    let quarter = "x".repeat(usize::try_from(IMPORT_BYTES_MAX).unwrap() / 4);
    let most = said(&[quarter.as_str(); 4]);
    // A tool's name counts, too.
    let named = [&said(&[quarter.as_str(); 3])[..], &[named(&quarter)]].concat();
    let cases = [
        (said(&["x"; IMPORT_ENTRIES_MAX]), true),
        (said(&["x"; IMPORT_ENTRIES_MAX + 1]), false),
        (most.clone(), true),
        ([most, said(&["x"])].concat(), false),
        (named, false),
    ];
    for (number, (entries, fits)) in (1..).zip(cases) {
        let path = format!("/root/a{number}");
        world.spawn(&path, "echo").await;
        let imported = world.system.import_entries(&at(&path), None, &entries).await;
        let there = world.rows::<TranscriptEntry>(Table::Transcript, &path).await;
        match fits {
            true => assert_eq!((imported.unwrap().is_some(), there == entries), (true, true), "{path}"),
            false => {
                let refused = imported.unwrap_err().to_string();
                let words = format!("limit import_entries of 256 is reached at {path}");
                assert!(refused.starts_with(&words) && refused.contains("1 MiB"), "{refused}");
                assert!(there.is_empty(), "{path}");
            }
        }
    }
    world.end().await;
}
