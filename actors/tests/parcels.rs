//! Subtrees that go from one store to another.

mod kept;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;
use understory_store::{
    AgentId, AgentRef, Backend, Commit, Direction, Entry, Key, KeyRange, Mark, MemoryBackend, ParcelReader, Read,
    Sender, StoreError, Table as Rows, Tombstone, TranscriptEntry, Wrapper, Write,
};

use super::table::{Table, number};
use super::world::{LONG, Setting, World, at, letter};
use crate::goals::Estate;
use crate::job::JobRequest;
use crate::registrar::{Import, Request};
use crate::{CardPatch, Error, Letter, Nickname, ParcelError, Role, SpawnRequest};

/// More agents than one batch takes, with a message each.
const MANY: usize = 300;

pub(crate) fn setting() -> Setting {
    let setting = World::setting().role("default", Role::with_brain("echo", ""));
    setting.brain("number", |turn| async move { number(&turn) })
}

fn plain(path: &str) -> SpawnRequest {
    SpawnRequest::at(at(path))
}

fn named(path: &str, nickname: &str) -> SpawnRequest {
    SpawnRequest { nickname: Nickname::Given(nickname.to_owned()), ..plain(path) }
}

/// A subtree with something in every table that agents and jobs have, closed.
pub(crate) async fn plant(world: &World, table: &Table, many: usize) -> Result<(), Error> {
    let crowd = (0..many).map(|n| SpawnRequest { task: Some("task".to_owned()), ..plain(&format!("/root/a/k{n}")) });
    world.system.spawn(vec![named("/root/a", "Ada"), named("/root/b", "Bob")]).await?;
    world.system.spawn(crowd.collect()).await?;
    world.system.spawn(vec![named("/root/a/k1/low", "Low"), plain("/root/a/k2/low")]).await?;
    let long = Letter { message_id: Some("once".to_owned()), ..letter("/root/a", &"x".repeat(50_000), false) };
    world.system.send(long).await?;
    world.system.assign(letter("/root/a/k1/low", "work", true)).await?.outcome().await?;
    let card = CardPatch { title: Some(Some("Reads".to_owned())), ..CardPatch::default() };
    world.system.label(&at("/root/a/k1"), &card).await?;
    world.system.mint_token(&at("/root/a/k1")).await?;
    let job = world.system.start_job(JobRequest { owner: at("/root/a"), ..table.request("number") }).await?.job.path;
    world.system.job_finished(&job).await?;
    world.system.close(&at("/root/a/k2"), LONG).await?;
    world.system.close(&at("/root/a"), LONG).await?;
    Ok(())
}

async fn check(world: &World, open: u64, when: &str) {
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "{when}: {:?}", verified.problems);
    assert_eq!(world.count("/root").await, open, "{when}");
}

fn words<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn exported(world: &World, path: &str, file: &Path) -> Vec<u8> {
    let report = world.system.export(&at(path), file).await.unwrap();
    let bytes = fs::read(file).unwrap();
    assert_eq!(report.bytes, bytes.len() as u64);
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_subtree_comes_to_another_store_and_back_byte_for_byte() {
    let (dir, table) = (TempDir::new().unwrap(), Table::of(3));
    let world = setting().open().await;
    plant(&world, &table, MANY).await.unwrap();
    let first = exported(&world, "/root/a", &dir.path().join("first")).await;
    assert_eq!(exported(&world, "/root/a", &dir.path().join("again")).await, first);
    let mail = world.inbox("/root/a").await;
    world.end().await;

    let other = setting().open().await;
    let (path, report) = other.system.import_subtree(dir.path().join("first"), None).await.unwrap();
    assert_eq!((path, report.agents, report.jobs, report.items), (at("/root/a"), MANY as u64 + 3, 1, 3));
    check(&other, 0, "imported").await;
    assert_eq!(exported(&other, "/root/a", &dir.path().join("second")).await, first);
    assert_eq!((other.status("/root/a").await, other.inbox("/root/a").await), ("closed", mail));
    assert!(other.rows::<understory_store::Credential>(Rows::Credential, "/root/a/k1").await.is_empty());
    // What was closed by itself stays closed, all else goes on.
    other.system.resume(&at("/root/a")).await.unwrap();
    check(&other, MANY as u64 + 1, "resumed").await;
    assert_eq!(other.assign("/root/a/k7", "more").await.unwrap().content, "more");
    let turn = |text: &str| (vec![text.to_owned()], format!("completed: {text}"));
    assert_eq!(other.turns("/root/a/k7").await, [turn("task"), turn("more")]);
    assert_eq!(other.status("/root/a/k2").await, "closed");
    assert_eq!(other.system.resolve_target(&at("/root"), "@Low").await.unwrap(), at("/root/a/k1/low"));
    assert_eq!(other.system.show(&at("/root/a/k1")).await.unwrap().card.title.as_deref(), Some("Reads"));
    // The command that made the job leads to it.
    let known = other.system.start_job(JobRequest { owner: at("/root/a"), ..table.request("number") }).await.unwrap();
    assert_eq!(known.job.path, at("/root/a/job"));
    other.end().await;
}

/// What is appended comes behind what was imported, though this store has made fewer commits than the other.
#[tokio::test(start_paused = true)]
async fn what_comes_later_lies_behind_what_was_imported() {
    let dir = TempDir::new().unwrap();
    let world = setting().open().await;
    world.system.spawn(vec![plain("/root/a"), plain("/root/b")]).await.unwrap();
    for n in 0..200 {
        world.send("/root/b", &format!("noise {n}")).await.unwrap();
    }
    for text in ["one", "two"] {
        world.send("/root/a", text).await.unwrap();
    }
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    exported(&world, "/root/a", &dir.path().join("file")).await;
    let last = world.store().last();
    world.end().await;
    let other = setting().open().await;
    assert!(other.store().last() < 10);
    other.system.import_subtree(dir.path().join("file"), None).await.unwrap();
    assert!((last - 5..last + 10).contains(&other.store().last()), "it goes on behind the last letter");
    other.system.resume(&at("/root/a")).await.unwrap();
    other.send("/root/a", "three").await.unwrap();
    assert_eq!(other.assign("/root/a", "four").await.unwrap().content, "one\n\ntwo\n\nthree\n\nfour");
    check(&other, 1, "in the end").await;
    other.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_subtree_comes_to_lie_elsewhere() {
    let (dir, table) = (TempDir::new().unwrap(), Table::of(2));
    let world = setting().brain("boss", |turn| async move {
        turn.spawn("kid", Some("task")).await.map_err(|error| crate::BrainError::refused(error.to_string()))?;
        Ok(crate::Response::text("done"))
    });
    let world = world.open().await;
    plant(&world, &table, 3).await.unwrap();
    world.system.resume(&at("/root/a")).await.unwrap();
    world.spawn("/root/a/boss", "boss").await;
    world.assign("/root/a/boss", "go").await.unwrap();
    world.settled("/root/a/boss/kid").await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    let first = exported(&world, "/root/a", &dir.path().join("first")).await;
    // Two agents of one id, at two paths, are two agents.
    let to = at("/root/b/copy");
    let (path, _) = world.system.import_subtree(dir.path().join("first"), Some(to.clone())).await.unwrap();
    assert_eq!(path, to);
    check(&world, 1, "imported").await;
    let senders = |entries: Vec<TranscriptEntry>| {
        let from = entries.into_iter().filter_map(|entry| match entry {
            TranscriptEntry::Message { message, .. } => Some(message.from),
            _ => None,
        });
        from.collect::<Vec<_>>()
    };
    let kid = senders(world.rows(Rows::Transcript, "/root/b/copy/boss/kid").await);
    let boss = world.agent("/root/b/copy/boss").await.id;
    assert_eq!(kid, [Sender::Agent(AgentRef::new(at("/root/b/copy/boss"), boss))]);
    exported(&world, "/root/b/copy", &dir.path().join("copy")).await;
    world.system.resume(&to).await.unwrap();
    assert_eq!(world.assign("/root/b/copy/k1/low", "more").await.unwrap().content, "more");
    world.end().await;
    // From there to where it was it is the same file again.
    let other = setting().open().await;
    other.system.import_subtree(dir.path().join("copy"), Some(at("/root/a"))).await.unwrap();
    assert_eq!(exported(&other, "/root/a", &dir.path().join("back")).await, first);
    other.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_export_is_refused_in_words() {
    let (dir, table) = (TempDir::new().unwrap(), Table::of(1));
    let world = setting().open().await;
    let agents = ["/root/a", "/root/a/b", "/root/a/open", "/root/c"].map(plain);
    world.system.spawn(agents.to_vec()).await.unwrap();
    let job = world.run_job(table.request("number")).await.path;
    let file = dir.path().join("file");
    let mut answers = Vec::new();
    for path in ["/root", "/root/a", "/root/nobody", "/root/job/r00000001"] {
        answers.push(words(world.system.export(&at(path), &file).await));
    }
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    let mark = |mark: Mark| {
        let mut draft = understory_store::Draft::new();
        draft.put(Rows::Closed.at(&at("/root/a/b")), &mark);
        draft
    };
    world.store().commit(mark(Mark::Removing)).await.unwrap();
    for path in ["/root/a", "/root/a/b"] {
        answers.push(words(world.system.export(&at(path), &file).await));
    }
    world.store().commit(mark(Mark::Closed)).await.unwrap();
    fs::write(&file, "theirs").unwrap();
    answers
        .push(words(world.system.export(&at("/root/a"), &file).await).replace(dir.path().to_str().unwrap(), "[dir]"));
    insta::assert_snapshot!(answers.join("\n"), @r"
    the root of the tree is neither exported nor imported
    /root/a is open: close it before it is exported
    /root/nobody does not exist
    /root/job/r00000001 is a job's item, which cannot be asked to be exported
    /root/a/b is only half there: remove it, or import it again
    /root/a/b is only half there: remove it, or import it again
    [dir]/file is there already
    ");
    assert_eq!((names(dir.path()), fs::read_to_string(&file).unwrap().as_str()), (vec!["file".to_owned()], "theirs"));
    // What lies below a closed node need not be closed, nor a job that is final.
    world.system.export(&at("/root/a/open"), dir.path().join("open")).await.unwrap();
    let report = world.system.export(&job, dir.path().join("job")).await.unwrap();
    assert_eq!((report.agents, report.jobs, report.items), (0, 1, 1));
    // A job that comes back is what the same command leads to.
    world.system.close(&job, LONG).await.unwrap();
    world.system.remove(&job).await.unwrap();
    world.system.import_subtree(dir.path().join("job"), None).await.unwrap();
    world.system.resume(&job).await.unwrap();
    assert_eq!(world.system.start_job(table.request("number")).await.unwrap().job.path, job);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_import_is_refused_in_words() {
    let dir = TempDir::new().unwrap();
    let world = setting().limits(|limits| limits.agents_by_host = 6).open().await;
    world.system.spawn(vec![named("/root/a", "Ada"), plain("/root/a/b"), plain("/root/c")]).await.unwrap();
    world.system.spawn(vec![plain("/root/d"), plain("/root/d/e")]).await.unwrap();
    for path in ["/root/a", "/root/d"] {
        world.system.close(&at(path), LONG).await.unwrap();
    }
    let file = dir.path().join("file");
    exported(&world, "/root/a", &file).await;
    let mut answers = Vec::new();
    for to in [None, Some("/root"), Some("/root/c"), Some("/root/x"), Some("/root/x/y"), Some("/root/d/f")] {
        answers.push(words(world.system.import_subtree(&file, to.map(at)).await));
    }
    let crowd = ["/root/f", "/root/f/g", "/root/f/h", "/root/f/i"].map(plain);
    world.system.spawn(crowd.to_vec()).await.unwrap();
    for path in ["/root/a/b", "/root/a"] {
        world.system.remove(&at(path)).await.unwrap();
    }
    answers.push(words(world.system.import_subtree(&file, None).await));
    insta::assert_snapshot!(answers.join("\n"), @r#"
    /root/a exists already
    the root of the tree is neither exported nor imported
    /root/c exists already
    nickname "Ada" is taken below /root, and what comes to /root/x keeps it: import it to a path below another agent
    /root/x does not exist
    /root/d is closed
    limit agents of 6 is reached at /root: close agents below it, or raise the limit
    "#);
    check(&world, 5, "nothing was imported").await;
    world.system.close(&at("/root/f"), LONG).await.unwrap();
    world.system.import_subtree(&file, None).await.unwrap();
    check(&world, 1, "imported").await;
    let stone = world.store().get::<Tombstone>(&Rows::Tombstone.at(&at("/root/a/b"))).await.unwrap();
    assert!(stone.is_none(), "who is there again was not removed");
    world.end().await;
}

/// Has a file lie where it was, its rows too, with the import not ended yet.
pub(crate) async fn half_import(world: &World, file: &Path) -> Arc<Import> {
    let (system, mut goals, mut rows) = (&world.system, Estate::default(), Vec::new());
    let reader = ParcelReader::open(file, None, |row| {
        goals.meet(row, 100);
        rows.push(row.clone());
    });
    let reader = reader.unwrap();
    let (path, node) = (reader.top().clone(), reader.node().clone());
    system.goals.ready(world.store()).await.unwrap();
    let goals = Arc::new(system.goals.expect(system.limits(), &path, goals).unwrap());
    let import = Arc::new(Import { top: AgentRef::new(path, node.id()), id: AgentId::new(), goals });
    let (open, newest) = (reader.open_below(), reader.parcel().newest);
    let begin = Request::Import { import: import.clone(), node: Box::new(node), open, newest };
    system.register(begin).await.unwrap();
    let rows = rows.into_iter().map(|row| import.goals.tied(row).unwrap()).collect();
    system.register(Request::ImportRows { import: import.clone(), rows }).await.unwrap();
    import
}

/// What is removed, or imported anew, takes nothing more of the import before.
#[tokio::test(start_paused = true)]
async fn an_import_that_another_takes_over_adds_nothing_more() {
    let dir = TempDir::new().unwrap();
    let world = setting().open().await;
    world.system.spawn(vec![named("/root/a", "Ada"), plain("/root/a/b")]).await.unwrap();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    let file = dir.path().join("file");
    let first = exported(&world, "/root/a", &file).await;
    let node = world.system.show(&at("/root/a")).await.unwrap().node;
    world.system.remove(&at("/root/a")).await.unwrap();
    world.system.goals.ready(world.store()).await.unwrap();
    let goals = world.system.goals.expect(world.system.limits(), &at("/root/a"), Estate::default()).unwrap();
    let (top, goals) = (AgentRef::new(at("/root/a"), node.id()), Arc::new(goals));
    let import = Arc::new(Import { top, id: AgentId::new(), goals });
    let begin = Request::Import { import: import.clone(), node: Box::new(node), open: 1, newest: 0 };
    world.system.register(begin).await.unwrap();
    check(&world, 0, "half there").await;
    let half = "/root/a is only half there: remove it, or import it again";
    assert_eq!(words(world.system.resume(&at("/root/a")).await), half);
    assert_eq!(words(world.system.export(&at("/root/a"), dir.path().join("half")).await), half);
    assert!(matches!(world.send("/root/a", "hello").await, Err(Error::Closed { .. })));
    world.system.import_subtree(&file, None).await.unwrap();
    let given_up = |answer: Result<_, Error>| {
        assert!(matches!(answer, Err(Error::Parcel(ParcelError::GivenUp { .. }))), "{:?}", answer.map(drop));
    };
    given_up(world.system.register(Request::ImportRows { import: import.clone(), rows: Vec::new() }).await);
    given_up(world.system.register(Request::ImportEnd { import }).await);
    assert_eq!(exported(&world, "/root/a", &dir.path().join("again")).await, first);
    check(&world, 0, "imported").await;
    world.end().await;
}

/// Changes a row of the subtree before some of the scans of its table.
struct Meddler {
    inner: MemoryBackend,
    row: Key,
    left: AtomicU64,
}

impl Wrapper for Meddler {
    fn inner(&self) -> &dyn Backend {
        &self.inner
    }

    fn scan(
        &self,
        range: KeyRange,
        from: Option<Key>,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'_, Result<Read<Vec<Entry>>, StoreError>> {
        let table = Rows::Card.subtree(&at("/root/a"));
        async move {
            let meddles = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if range == table && meddles.is_ok() {
                let row = self.inner.get(vec![self.row.clone()]).await?.rows.remove(0).unwrap();
                let writes = vec![Write::Put(row.key, row.payload)];
                self.inner.commit(Commit { writes, ..Commit::default() }).await.unwrap();
            }
            self.inner.scan(range, from, direction, limit).await
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_it_is_read_is_read_again() {
    let dir = TempDir::new().unwrap();
    let row = Rows::Card.at(&at("/root/a"));
    for (changes, done) in [(0, true), (5, true), (1_000, false)] {
        let inner = MemoryBackend::new();
        let backend = Arc::new(Meddler { inner: inner.clone(), row: row.clone(), left: AtomicU64::new(0) });
        let world = setting().over(inner).open_on(backend.clone()).await;
        world.system.spawn(vec![plain("/root/a")]).await.unwrap();
        let card = CardPatch { title: Some(Some("Reads".to_owned())), ..CardPatch::default() };
        world.system.label(&at("/root/a"), &card).await.unwrap();
        world.system.close(&at("/root/a"), LONG).await.unwrap();
        backend.left.store(changes, Ordering::SeqCst);
        let file: PathBuf = dir.path().join(format!("file{changes}"));
        let exported = world.system.export(&at("/root/a"), &file).await;
        assert_eq!((exported.is_ok(), file.exists()), (done, done), "{exported:?}");
        if let Err(error) = exported {
            assert_eq!(error.to_string(), "/root/a was changed while it was read: export it again");
        }
        world.end().await;
    }
    assert_eq!(names(dir.path()), ["file0", "file5"]);
}
