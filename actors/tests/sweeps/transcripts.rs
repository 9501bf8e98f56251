//! Transcripts: a turn that calls and notes, and a child that begins with its conversation.

use understory_store::{GoalStatus, Table, TranscriptEntry};

use super::{Notes, rest, sweep};
use crate::brain::{BrainError, Response, Turn};
use crate::tests::retention::{said, set_goal};
use crate::tests::world::{Setting, World, at};
use crate::{PruneRequest, Role};

async fn forks(turn: Turn) -> Result<Response, BrainError> {
    let said = |error: crate::tools::ToolError| BrainError::refused(error.to_string());
    if turn.text() != "fork" {
        return Ok(Response::text("noted"));
    }
    turn.note_tool("look", "{}", &Ok("seen".to_owned())).await.map_err(said)?;
    let tools = turn.tools().map_err(said)?;
    tools.call("spawn", r#"{"name":"kid","fork":"all"}"#).await.map_err(said)?;
    Ok(Response::text("forked"))
}

fn setting() -> Setting {
    World::setting().brain("forks", forks).role("default", Role::with_brain("forks", ""))
}

async fn told(world: &World, path: &str) -> Vec<String> {
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, path).await;
    entries.iter().map(|entry| format!("{} {}", entry.kind().as_str(), entry.text())).collect()
}

#[test]
fn a_turn_that_forks() {
    let commits = sweep(
        |_| setting(),
        async |world, notes: &Notes| {
            world.try_spawn("/root/a", "forks").await?;
            world.assign("/root/a", "one").await?;
            notes.note("one");
            world.assign("/root/a", "fork").await?;
            notes.note("fork");
            Ok(())
        },
        async |world, notes, point| {
            rest(world).await;
            let entries = told(world, "/root/a").await;
            for message in ["message one", "message fork"] {
                let count = entries.iter().filter(|entry| *entry == message).count();
                assert!(count <= 1, "{point:?}: {entries:?}");
                assert!(count == 1 || !notes.has(&message[8..]), "{point:?}: {entries:?}");
            }
            if entries.contains(&"answer forked".to_owned()) {
                // The attempt that ended it is there whole, behind what it is about.
                let at = |line: &str| entries.iter().rposition(|entry| entry == line);
                let order = [at("message fork"), at("result seen"), at("answer forked")];
                assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{point:?}: {entries:?}");
                let kid = told(world, "/root/a/kid").await;
                assert_eq!(kid, ["said one", "said noted", "said fork"], "{point:?}");
            }
        },
    );
    assert!(commits >= 7, "{commits} commits");
}

#[test]
fn a_transcript_that_is_pruned() {
    const TURNS: u64 = 12;
    let text = |turn: u64| format!("{turn} {}", "x".repeat(200 << 10));
    let request = || PruneRequest { top: at("/root"), older_than: None, keep_bytes: Some(0), dry_run: false };
    // Everything there is, by its own account and by what is gone.
    let sum = async |world: &World| {
        let entries = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
        let gone = entries.iter().filter(|entry| matches!(entry, TranscriptEntry::Compacted(_))).count();
        assert!(gone <= 1, "{gone} records of what went");
        let count = |entry: &TranscriptEntry| match entry {
            TranscriptEntry::Compacted(gone) => (gone.entries, gone.bytes),
            entry => (1, entry.bytes()),
        };
        entries.iter().map(count).fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    };
    let commits = sweep(
        |_| World::setting(),
        async |world, notes: &Notes| {
            world.try_spawn("/root/a", "echo").await?;
            for turn in 1..=TURNS {
                world.assign("/root/a", &text(turn)).await?;
            }
            notes.note("answered");
            let (entries, bytes) = sum(world).await;
            world.system.prune(&request()).await?;
            notes.note("pruned");
            assert_eq!(sum(world).await, (entries, bytes), "nothing goes without a word");
            Ok(())
        },
        async |world, notes, point| {
            if notes.has("answered") {
                // Whatever went is told of, and by the digest as well.
                let digest = world.system.digest(&at("/root/a")).await.unwrap().digest;
                assert_eq!(digest.work.turns(), TURNS, "{point:?}");
            }
            rest(world).await;
            if notes.has("answered") {
                let bytes: u64 = (1..=TURNS).map(|turn| 2 * text(turn).len() as u64).sum();
                assert_eq!(sum(world).await, (2 * TURNS, bytes), "{point:?}");
                let entries = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
                let last = entries.last().map(|entry| entry.text().to_owned());
                assert_eq!(last, Some(text(TURNS)), "{point:?}: the last turn is there");
                world.system.prune(&request()).await.unwrap();
                let left = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
                assert_eq!(left.len(), 3, "{point:?}");
                assert_eq!(sum(world).await, (2 * TURNS, bytes), "{point:?}");
            }
            let parts = world.store().peek_keys(Table::Chunk.all(), None, 10_000).await.unwrap();
            let range = Table::Transcript.all();
            let kept = world.store().peek_stubs(range, understory_store::Direction::Forward, 100).await.unwrap();
            if notes.has("answered") {
                let named: usize = kept.iter().map(|stub| stub.writes() - 1).sum();
                let outcome = 51;
                assert!(parts.len() <= named + outcome, "{point:?}: {} parts, {named} of entries", parts.len());
            }
        },
    );
    assert!(commits >= 3 * TURNS + 3, "{commits} commits");
}

#[test]
fn a_goal_that_keeps_what_came_since_it_was_set() {
    let request = || PruneRequest { top: at("/root"), older_than: None, keep_bytes: Some(0), dry_run: false };
    let commits = sweep(
        |_| World::setting(),
        async |world, notes: &Notes| {
            world.try_spawn("/root/a", "echo").await?;
            said(world, "/root/a", 1..=9).await?;
            set_goal(world, "/root/a", GoalStatus::Active, 5).await?;
            notes.note("set");
            world.system.prune(&request()).await?;
            notes.note("pruned");
            Ok(())
        },
        async |world, notes, point| {
            if notes.has("set") {
                let there = told(world, "/root/a").await;
                let kept: Vec<_> = (5..=9).map(|n| format!("said {n}")).collect();
                assert!(there.ends_with(&kept), "{point:?}: {there:?}");
                assert!(there.len() == 9 || there[0] == "compacted ", "{point:?}: {there:?}");
                assert!(!notes.has("pruned") || there.len() == 6, "{point:?}: {there:?}");
            }
        },
    );
    assert!(commits >= 13, "{commits} commits");
}
