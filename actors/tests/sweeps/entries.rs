//! Entries from elsewhere that become a transcript, a batch a commit.

use understory_store::{InboxKey, Said, Speaker, Table, Time, TranscriptEntry, keys};

use super::{Notes, sweep};
use crate::Error;
use crate::tests::world::{World, at};

const ENTRIES: usize = 7;

fn entries() -> Vec<TranscriptEntry> {
    let said = |number: usize| Said { speaker: Speaker::User, text: format!("line {number}"), at: Time(1) };
    (0..ENTRIES).map(|number| TranscriptEntry::Said(said(number))).collect()
}

/// Where the transcript ends, and how long it is.
async fn end(world: &World) -> (Option<InboxKey>, usize) {
    let keys = world.store().peek_keys(Table::Transcript.rows_of(&at("/root/a")), None, 100).await.unwrap();
    (keys.last().and_then(keys::inbox_key), keys.len())
}

/// Adds what is not there, two entries at a time.
async fn take_in(world: &World) -> Result<(), Error> {
    let (mut last, there) = end(world).await;
    for batch in entries()[there..].chunks(2) {
        last = world.system.import_entries(&at("/root/a"), last, batch).await?;
    }
    Ok(())
}

#[test]
fn entries_that_are_taken_in() {
    let commits = sweep(
        |_| World::setting(),
        async |world, notes: &Notes| {
            world.try_spawn("/root/a", "echo").await?;
            take_in(world).await?;
            notes.note("whole");
            Ok(())
        },
        async |world, notes, point| {
            if world.system.show(&at("/root/a")).await.is_err() {
                world.spawn("/root/a", "echo").await;
            }
            let there = end(world).await.1;
            assert!(there == ENTRIES || !notes.has("whole"), "{point:?}: {there}");
            take_in(world).await.unwrap();
            assert_eq!(world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await, entries(), "{point:?}");
        },
    );
    assert!(commits >= 5, "{commits} commits");
}
