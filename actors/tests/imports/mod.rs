//! What another program keeps, imported: once, whatever happens to its files and meanwhile.

mod failures;
mod families;
mod meanwhile;
pub(crate) mod shelf;
mod taken;

use std::sync::Arc;

use futures::future::BoxFuture;
use understory_store::{Table, TranscriptEntry};

use self::shelf::Shelf;
use super::world::{World, at};
use crate::Error;
use crate::import::{ImportReport, ImportRequest};

pub(crate) async fn try_import(world: &World, shelf: &Arc<Shelf>) -> Result<ImportReport, Error> {
    let request = ImportRequest { at: at("/root/codex"), archive: shelf.clone(), dry_run: false };
    // One that may be spawned.
    let import: BoxFuture<'_, _> = Box::pin(world.system.import(&request, &|_| ()));
    import.await
}

/// Imports, and says what of it is not nothing.
pub(crate) async fn import(world: &World, shelf: &Arc<Shelf>) -> String {
    shown(&try_import(world, shelf).await.unwrap())
}

pub(crate) fn shown(report: &ImportReport) -> String {
    let tally = &report.tally;
    let counts = [
        ("files", tally.files),
        ("unchanged", tally.unchanged),
        ("new", tally.new),
        ("grown", tally.grown),
        ("known", tally.known),
        ("removed", tally.removed),
        ("failed", tally.failed),
        ("entries", tally.entries),
        ("skipped", tally.skipped_lines),
        ("cut", tally.cut_texts),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}"));
    let failures =
        report.failures.iter().map(|failure| format!("{} ({}): {}", failure.file, failure.attempts, failure.error));
    counts.chain(failures).collect::<Vec<_>>().join(", ")
}

/// What a transcript says, entry by entry.
pub(crate) async fn said(world: &World, path: &str) -> Vec<String> {
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, path).await;
    let text = |entry| match entry {
        TranscriptEntry::Said(said) => said.text,
        TranscriptEntry::Tool(tool) => tool.arguments,
        TranscriptEntry::Result(result) => result.content,
        entry => panic!("{entry:?} was not imported"),
    };
    entries.into_iter().map(text).collect()
}

/// Who is there, without `/root` itself.
pub(crate) async fn agents(world: &World) -> Vec<String> {
    let all = world.system.list(&at("/root"), None, 10_000).await.unwrap();
    all.into_iter().map(|view| view.path.to_string()).skip(1).collect()
}

/// The path of a conversation's agent below another.
pub(crate) fn of(above: &str, thread: &str) -> String {
    format!("{above}/{}", crate::import::name_of(thread))
}

async fn sound(world: &World) {
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "{:?}", verified.problems);
}
