//! Retention: what goes out of transcripts, what stays, and what they say of it.

use std::time::Duration;

use understory_store::{Digest, Draft, Goal, GoalStatus, Keep, Objective, Said, Speaker, Table, Time, TranscriptEntry};

use super::parcels::half_import;
use super::table::Table as JobTable;
use super::world::{LONG, World, at, letter, until};
use crate::brain::{Response, Turn};
use crate::job::JobRequest;
use crate::registrar::Request;
use crate::{Error, Hold, PruneReport, PruneRequest};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn request(top: &str) -> PruneRequest {
    PruneRequest { top: at(top), older_than: None, keep_bytes: None, dry_run: false }
}

fn older(top: &str, than: Duration) -> PruneRequest {
    PruneRequest { older_than: Some(than), ..request(top) }
}

pub(super) fn within(top: &str, bytes: u64) -> PruneRequest {
    PruneRequest { keep_bytes: Some(bytes), ..request(top) }
}

pub(super) async fn prune(world: &World, request: &PruneRequest) -> PruneReport {
    let dry = world.system.prune(&PruneRequest { dry_run: true, ..request.clone() }).await.unwrap();
    let before = sizes(world).await;
    let report = world.system.prune(request).await.unwrap();
    assert_eq!(dry, report, "a dry run tells what comes of it");
    let after = sizes(world).await;
    assert_eq!((before.0 - after.0, before.1 - after.1), (report.entries, report.bytes));
    assert_eq!(after.2 - before.2, report.entries, "what is gone is accounted for");
    report
}

/// Entries and their bytes in all transcripts, and how many are gone by their own account.
async fn sizes(world: &World) -> (u64, u64, u64) {
    let range = Table::Transcript.all();
    let rows = world.store().peek_page::<TranscriptEntry>(range, None, 100_000).await.unwrap();
    rows.iter().fold((0, 0, 0), |(entries, bytes, gone), row| match &row.value {
        TranscriptEntry::Compacted(compaction) => (entries, bytes, gone + compaction.entries),
        entry => (entries + 1, bytes + entry.bytes(), gone),
    })
}

pub(super) async fn texts(world: &World, path: &str) -> Vec<String> {
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, path).await;
    let text = |entry: &TranscriptEntry| match entry {
        TranscriptEntry::Compacted(gone) => format!("{} gone", gone.entries),
        entry => entry.text().to_owned(),
    };
    entries.iter().map(text).collect()
}

/// `/root/a` and `/root/b` take turns that answer with what they were asked, a day apart.
async fn days(count: usize) -> World {
    let world = World::new().await;
    for path in ["/root/a", "/root/b"] {
        world.spawn(path, "echo").await;
    }
    for day in 1..=count {
        for path in ["/root/a", "/root/b"] {
            world.assign(path, &format!("day {day}")).await.unwrap();
        }
        tokio::time::advance(DAY).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn what_is_older_goes_and_the_transcript_says_so() {
    let world = days(5).await;
    let report = prune(&world, &older("/root", DAY * 3)).await;
    assert_eq!((report.transcripts, report.entries, report.bytes), (2, 8, 8 * 5));
    assert_eq!(texts(&world, "/root/a").await, ["4 gone", "day 3", "day 3", "day 4", "day 4", "day 5", "day 5"]);
    // Again is nothing, and more adds up.
    assert_eq!(prune(&world, &older("/root", DAY * 3)).await, PruneReport::default());
    let report = prune(&world, &older("/root/b", DAY * 2)).await;
    assert_eq!((report.transcripts, report.entries), (1, 2));
    assert_eq!(texts(&world, "/root/b").await, ["6 gone", "day 4", "day 4", "day 5", "day 5"]);
    assert_eq!(texts(&world, "/root/a").await[0], "4 gone");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_all_go_until_the_rest_fits() {
    let world = days(5).await;
    let report = prune(&world, &within("/root", 50)).await;
    assert_eq!((report.entries, report.bytes), (10, 50));
    // Of one day both are older than of the next: it is not a share for each.
    assert_eq!(texts(&world, "/root/a").await, ["6 gone", "day 4", "day 4", "day 5", "day 5"]);
    assert_eq!(texts(&world, "/root/b").await[..3], ["4 gone", "day 3", "day 3"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_turn_stays_whatever_was_asked() {
    let world = days(3).await;
    let report = prune(&world, &PruneRequest { older_than: Some(Duration::ZERO), ..within("/root", 0) }).await;
    assert_eq!(report.entries, 8);
    for path in ["/root/a", "/root/b"] {
        assert_eq!(texts(&world, path).await, ["4 gone", "day 3", "day 3"]);
        assert_eq!(world.settled(path).await.path, at(path), "its outcome is there");
    }
    world.end().await;
}

/// The long layer has what the short one loses, and the short one says so.
#[tokio::test(start_paused = true)]
async fn what_goes_is_in_the_digest_before() {
    let world = days(5).await;
    let before = world.system.digest(&at("/root/a")).await.unwrap();
    prune(&world, &older("/root/a", DAY * 3)).await;
    let kept = world.store().get::<Digest>(&Table::Digest.at(&at("/root/a"))).await.unwrap().unwrap().value;
    assert_eq!((kept.work.turns(), &kept), (5, &before.digest));
    assert_eq!(world.system.digest(&at("/root/a")).await.unwrap(), before, "it is as it was");
    assert_eq!(compacted(&world, "/root/a").await, Some((2, true)));
    assert_eq!(compacted(&world, "/root/b").await, None, "nobody asked for it");
    // One that has all that goes needs no other.
    world.assign("/root/a", "day 6").await.unwrap();
    prune(&world, &older("/root/a", DAY * 2)).await;
    let again = world.store().get::<Digest>(&Table::Digest.at(&at("/root/a"))).await.unwrap().unwrap().value;
    assert_eq!((again, compacted(&world, "/root/a").await), (kept, Some((3, true))));
    assert_eq!(world.system.digest(&at("/root/a")).await.unwrap().digest.work.turns(), 6);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_active_goal_keeps_what_came_since_it_was_set() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    said(&world, "/root/a", 1..=9).await.unwrap();
    set_goal(&world, "/root/a", GoalStatus::Active, 5).await.unwrap();
    let part = prune(&world, &within("/root", 7)).await;
    assert_eq!((part.entries, part.held_total), (2, 0));
    // The record of what went is newer than the goal, and keeps nothing.
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!((report.entries, report.held), (2, vec![(at("/root/a"), Hold::ActiveGoal)]));
    let held = prune(&world, &within("/root", 0)).await;
    assert_eq!((held.entries, held.transcripts, held.held_total), (0, 0, 1));
    assert_eq!(texts(&world, "/root/a").await, ["4 gone", "5", "6", "7", "8", "9"]);
    // What nobody wants to be gone is not held.
    let recent = PruneRequest { older_than: Some(DAY * 365 * 100), ..request("/root") };
    assert_eq!(prune(&world, &recent).await, PruneReport::default());
    set_goal(&world, "/root/a", GoalStatus::Paused, 5).await.unwrap();
    assert_eq!(prune(&world, &within("/root", 0)).await.entries, 5);
    world.end().await;
}

/// Words at these moments.
pub(super) async fn said(world: &World, path: &str, moments: std::ops::RangeInclusive<u64>) -> Result<(), Error> {
    for moment in moments {
        let said = Said { speaker: Speaker::User, text: moment.to_string(), at: Time(moment) };
        let mut draft = Draft::new();
        let _ = draft.append(Table::Transcript.below(&at(path)), &TranscriptEntry::Said(said));
        world.store().commit(draft).await?;
    }
    Ok(())
}

pub(super) async fn set_goal(world: &World, path: &str, status: GoalStatus, since: u64) -> Result<(), Error> {
    let (of, objective) = (world.agent(path).await.id, Objective::new("win").unwrap());
    let goal = Goal { status, ..Goal::new(of, objective, None, None, Time(since)) };
    let mut draft = Draft::new();
    draft.put(Table::Goal.at(&at(path)), &goal);
    world.store().commit(draft).await?;
    Ok(())
}

/// What a transcript says of what went: the last turn, and whether a digest tells of it.
async fn compacted(world: &World, path: &str) -> Option<(u64, bool)> {
    let entries = world.rows::<TranscriptEntry>(Table::Transcript, path).await;
    entries.iter().find_map(|entry| match entry {
        TranscriptEntry::Compacted(gone) => Some((gone.turn, gone.digested)),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_turn_under_way_keeps_what_it_is_about() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let world = World::setting().brain("open", move |turn: Turn| {
        let held = held.clone();
        async move {
            turn.note_tool("look", "{}", &Ok("seen".to_owned()))
                .await
                .map_err(|_| crate::BrainError::refused("over"))?;
            held.acquire().await.expect("never closed").forget();
            let history = turn.history(1000).await.map_err(|_| crate::BrainError::refused("over"))?;
            Ok(Response::text(format!("{} before", history.said.len())))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "open").await;
    for day in ["one", "two"] {
        gate.add_permits(1);
        world.assign("/root/a", day).await.unwrap();
    }
    world.system.run(&at("/root/a")).await.unwrap();
    world.ask("/root/a", "three").await.unwrap();
    until(async || world.status("/root/a").await == "running").await;
    tokio::time::advance(DAY).await;
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!((report.entries, report.held.len()), (4, 0));
    gate.add_permits(1);
    world.settled("/root/a").await;
    assert_eq!(
        texts(&world, "/root/a").await,
        ["4 gone", "two", "{}", "seen", "2 before", "three", "{}", "seen", "2 before"]
    );
    world.end().await;
}

/// Whoever waits reads the outcome of the turn that took the message, however many have ended since.
#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_waited_for_stays() {
    let world = days(1).await;
    let assigned = world.system.assign(letter("/root/a", "asked", true)).await.unwrap();
    until(async || world.agent("/root/a").await.turns == 2).await;
    for text in ["newer", "newest"] {
        world.ask("/root/a", text).await.unwrap();
    }
    until(async || world.agent("/root/a").await.turns == 4).await;
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!(report.held, [(at("/root/a"), Hold::Awaited)]);
    assert_eq!(assigned.outcome().await.unwrap().content, "asked");
    assert_eq!(prune(&world, &within("/root", 0)).await.entries, 6);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_job_keeps_the_transcripts_of_its_rows() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
    let held = gate.clone();
    let world = World::setting().brain("worker", move |turn: Turn| {
        let held = held.clone();
        async move {
            turn.spawn("kid", None).await.map_err(|_| crate::BrainError::refused("no kid"))?;
            held.acquire().await.expect("never closed").forget();
            Ok(Response::report("{}"))
        }
    });
    let (world, table) = (world.open().await, JobTable::of(2));
    let request = JobRequest { keep: Keep::All, ..table.request("worker") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    let kept = async || world.store().peek_keys(Table::Transcript.beneath(&job), None, 99).await.unwrap().len();
    until(async || kept().await >= 6).await;
    let before = kept().await;
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!((report.entries, report.held_total), (0, 2));
    assert!(report.held.iter().all(|(_, hold)| *hold == Hold::OpenJob), "{report:?}");
    assert_eq!(kept().await, before);
    gate.add_permits(1);
    world.job_over(&job).await;
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!((report.entries, report.transcripts, report.held_total), (8, 2, 0));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn long_entries_and_many_go_in_commits_that_are_not_too_large() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    for text in ["x".repeat(256 << 10), "y".to_owned()].iter().cycle().take(60) {
        world.assign("/root/a", text).await.unwrap();
    }
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!(report.entries, 118);
    assert_eq!(texts(&world, "/root/a").await, ["118 gone", "y", "y"]);
    let left = world.store().peek_keys(Table::Chunk.all(), None, 9).await.unwrap();
    assert!(left.is_empty(), "the parts of what is gone are gone: {left:?}");
    world.end().await;
}

/// No digest is kept of what an import has not ended for, so that its entries would be gone without one.
#[tokio::test(start_paused = true)]
async fn transcripts_of_what_is_half_there_are_left_alone() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("file");
    let world = days(3).await;
    world.spawn("/root/a/kid", "echo").await;
    for text in ["one", "two"] {
        world.assign("/root/a/kid", text).await.unwrap();
    }
    // It takes the results.
    world.settled("/root/a").await;
    // It has a mark of its own below that of the import.
    for path in ["/root/a/kid", "/root/a"] {
        world.system.close(&at(path), LONG).await.unwrap();
    }
    world.system.export(&at("/root/a"), &file).await.unwrap();
    world.system.remove(&at("/root/a")).await.unwrap();
    let import = half_import(&world, &file).await;
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!((report.entries, report.transcripts), (4, 1), "of /root/b alone");
    assert_eq!(texts(&world, "/root/a/kid").await, ["one", "one", "two", "two"]);
    world.system.register(Request::ImportEnd { import }).await.unwrap();
    let report = prune(&world, &within("/root", 0)).await;
    assert_eq!(report.entries, 10, "its child's two results were turns of /root/a");
    let records = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
    assert!(matches!(&records[0], TranscriptEntry::Compacted(gone) if gone.digested), "{:?}", records[0]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_must_be_something_of_somebody() {
    let world = World::new().await;
    let refused = world.system.prune(&request("/root")).await;
    assert!(matches!(refused, Err(Error::BadQuery(_))), "{refused:?}");
    let missing = world.system.prune(&within("/root/none", 0)).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    world.end().await;
}
