//! Entries from elsewhere that become a transcript, a batch a commit.

use understory_store::{InboxKey, Said, Speaker, Table, Time, ToolResult, ToolUse, TranscriptEntry, keys};

use super::{Notes, sweep};
use crate::Error;
use crate::tests::world::{World, at};

const ENTRIES: usize = 7;

/// Words of everybody who speaks, a call and its result: all that an import makes of a file.
fn entries() -> Vec<TranscriptEntry> {
    let said = Speaker::ALL.map(|speaker| Said { speaker, text: format!("as {}", speaker.as_str()), at: Time(1) });
    let name = "shell".to_owned();
    let call = ToolUse { turn: 0, call: 1, name: name.clone(), arguments: r#"{"cmd":"ls"}"#.to_owned(), at: Time(2) };
    let done = ToolResult { turn: 0, call: 1, name, done: true, content: "a b".to_owned(), bytes: 9, at: Time(3) };
    let refused = ToolResult { call: 2, done: false, ..done.clone() };
    let results = [done, refused].map(TranscriptEntry::Result);
    let said = said.into_iter().map(TranscriptEntry::Said);
    said.chain([TranscriptEntry::Tool(call)]).chain(results).collect()
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
