//! Removal: what is left of a subtree, who may be told of it, and what a newcomer at its path finds.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use understory_store::{AgentId, Creation, Draft, Message, MessageKind, Sender, Table as Rows, TranscriptEntry};

use super::crashes::at_every_commit;
use super::table::{Table, number};
use super::world::{LONG, Setting, World, at, letter};
use crate::brain::{BrainError, Response};
use crate::job::JobRequest;
use crate::registrar::Request;
use crate::{Error, Letter, RemovedReport, Role, SpawnRequest, Until};

/// More agents than one batch deletes, with a message each.
const MANY: usize = 300;

fn setting() -> Setting {
    World::setting().role("default", Role::with_brain("echo", ""))
}

fn plain(path: &str) -> SpawnRequest {
    SpawnRequest::at(at(path))
}

fn named(path: &str, nickname: &str) -> SpawnRequest {
    SpawnRequest { nickname: crate::Nickname::Given(nickname.to_owned()), ..plain(path) }
}

fn words<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    }
}

async fn close(world: &World, path: &str) {
    world.system.close(&at(path), LONG).await.unwrap();
}

async fn remove(world: &World, path: &str) -> Result<RemovedReport, Error> {
    world.system.remove(&at(path)).await
}

/// Everything fits together, and this many agents are open.
async fn check(world: &World, open: u64, when: &str) {
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "{when}: {:?}", verified.problems);
    assert_eq!(world.count("/root").await, open, "{when}");
}

/// How many rows of a table lie at and below a path.
async fn rows(world: &World, table: Rows, path: &str) -> usize {
    world.store().peek_keys(table.subtree(&at(path)), None, 10_000).await.unwrap().len()
}

/// A subtree with something in every table that agents have.
async fn plant(world: &World) -> Result<(), Error> {
    let crowd = (0..MANY).map(|n| SpawnRequest { task: Some("task".to_owned()), ..plain(&format!("/root/a/k{n}")) });
    world.system.spawn(vec![named("/root/a", "Ada"), named("/root/b", "Bob")]).await?;
    world.system.spawn(crowd.collect()).await?;
    world.system.spawn(vec![named("/root/a/k1/low", "Low"), plain("/root/a/k2/low")]).await?;
    let long = Letter { message_id: Some("once".to_owned()), ..letter("/root/a", &"x".repeat(50_000), false) };
    world.system.send(long).await?;
    world.system.assign(letter("/root/a/k1/low", "work", true)).await?.outcome().await?;
    world.system.close(&at("/root/a/k2"), LONG).await?;
    world.system.close(&at("/root/a"), LONG).await?;
    Ok(())
}

#[test]
fn a_crash_at_any_commit_leaves_what_a_second_removal_ends() {
    let commits = at_every_commit(
        async |faulty| {
            let Ok(world) = setting().try_open_on(faulty.clone()).await else { return };
            let removed = async { plant(&world).await.map(|()| remove(&world, "/root/a")) };
            let outcome = match removed.await {
                Ok(removal) => removal.await.map(drop),
                Err(error) => Err(error),
            };
            assert!(outcome.is_ok() || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async |rows_left, point| {
            let when = format!("{point:?}");
            let world = setting().over(rows_left).open().await;
            let verified = world.store().verify().await.unwrap();
            assert!(verified.is_sound(), "{when}, what is left: {:?}", verified.problems);
            match world.system.show(&at("/root/a")).await {
                Ok(view) if view.closed.is_none() => close(&world, "/root/a").await,
                Ok(_) | Err(Error::Removed { .. } | Error::NotFound { .. }) => {}
                Err(error) => panic!("{when}: {error}"),
            }
            match remove(&world, "/root/a").await {
                Ok(_) | Err(Error::Removed { .. } | Error::NotFound { .. }) => {}
                Err(error) => panic!("{when}: {error}"),
            }
            let open = world.count("/root").await;
            check(&world, open, &when).await;
            for table in [Rows::Node, Rows::Inbox, Rows::Transcript, Rows::Closed, Rows::Count, Rows::Seen] {
                assert_eq!(rows(&world, table, "/root/a").await, 0, "{when}: {table:?}");
            }
            world.system.spawn(vec![named("/root/a", "Ada"), plain("/root/a/k1")]).await.unwrap();
            let (a, kid) = (world.inbox("/root/a").await, world.inbox("/root/a/k1").await);
            assert!(a.is_empty() && kid.is_empty(), "{when}: {a:?} {kid:?}");
            assert_eq!(world.assign("/root/a", "hello").await.unwrap().content, "hello", "{when}");
            check(&world, open + 2, &when).await;
            world.end().await;
        },
    );
    assert!(commits >= 12, "{commits} commits");
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_refused_in_words() {
    let table = Table::of(2);
    let setting = setting().brain("boss", |turn| async move {
        turn.spawn("kid", None).await.map_err(|error| BrainError::refused(error.to_string()))?;
        Ok(Response::report("{}"))
    });
    let world = setting.open().await;
    world.system.spawn(vec![plain("/root/a"), plain("/root/a/b")]).await.unwrap();
    let job = world.run_job(JobRequest { name: Some("job".to_owned()), ..table.request("boss") }).await.path;
    let mut answers = Vec::new();
    for path in ["/root", "/root/a", "/root/nobody", "/root/job/r00000001", "/root/job/r00000001/kid"] {
        answers.push(words(remove(&world, path).await));
        answers.push(words(world.system.removal(&at(path)).await));
    }
    insta::assert_snapshot!(answers.join("\n"), @r"
    /root is the root of the tree, which cannot be asked to be removed
    /root is the root of the tree, which cannot be asked to be removed
    /root/a is open: close it before it is removed
    /root/a is open: close it before it is removed
    /root/nobody does not exist
    /root/nobody does not exist
    /root/job/r00000001 is a job's item, which cannot be asked to be removed
    /root/job/r00000001 is a job's item, which cannot be asked to be removed
    /root/job/r00000001/kid is an agent below a job's item, which cannot be asked to be removed
    /root/job/r00000001/kid is an agent below a job's item, which cannot be asked to be removed
    ");
    // A job that is final need not be closed, and what lies below a closed node neither.
    let all = RemovedReport { agents: 2, jobs: 1, items: 2, messages: 0 };
    assert_eq!((world.system.removal(&job).await.unwrap(), rows(&world, Rows::Node, "/root/job").await), (all, 5));
    assert_eq!(world.system.remove(&job).await.unwrap(), all);
    close(&world, "/root/a").await;
    remove(&world, "/root/a/b").await.unwrap();
    check(&world, 0, "at the end").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_removed_is_answered_as_removed() {
    let world = setting().open().await;
    world.system.spawn(vec![plain("/root/a"), plain("/root/a/b")]).await.unwrap();
    close(&world, "/root/a").await;
    remove(&world, "/root/a").await.unwrap();
    let path = at("/root/a");
    let answers = [
        words(world.system.show(&path).await),
        words(world.send("/root/a", "x").await),
        words(world.system.assign(letter("/root/a", "x", true)).await.map(drop)),
        words(world.system.wait(std::slice::from_ref(&path), Until::All, LONG).await),
        words(world.system.close(&path, LONG).await),
        words(world.system.resume(&path).await),
        words(world.system.interrupt(&path).await),
        words(remove(&world, "/root/a").await),
        words(world.system.show(&at("/root/a/b")).await),
        words(world.system.spawn(vec![plain("/root/a/c")]).await),
        words(world.system.job(&path).await),
        words(world.system.show(&at("/root/aa")).await),
    ];
    insta::assert_snapshot!(answers.join("\n"), @r"
    /root/a was removed
    /root/a was removed
    /root/a was removed
    [Settled { path: /root/a, standing: Removed { at: /root/a } }]
    /root/a was removed
    /root/a was removed
    /root/a was removed
    /root/a was removed
    /root/a/b is not there: /root/a was removed
    /root/a was removed
    /root/a was removed
    /root/aa does not exist
    ");
    world.system.spawn(vec![plain("/root/a")]).await.unwrap();
    assert_eq!(words(world.system.show(&at("/root/a/b")).await), "/root/a/b does not exist");
    assert_eq!(rows(&world, Rows::Tombstone, "/root").await, 0, "a newcomer takes it away");
    check(&world, 1, "with a newcomer").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn removals_are_remembered_for_a_day_and_not_without_bound() {
    let world = setting().limits(|limits| limits.tombstones = 3).open().await;
    for n in 0..5 {
        let path = format!("/root/a{n}");
        world.system.spawn(vec![plain(&path)]).await.unwrap();
        close(&world, &path).await;
        remove(&world, &path).await.unwrap();
        check(&world, 0, &path).await;
    }
    let known = async || {
        let asked: Vec<_> = (0..6).map(|n| at(&format!("/root/a{n}"))).collect();
        let answers = join_all(asked.iter().map(|path| world.system.show(path))).await;
        answers.into_iter().map(|answer| matches!(answer, Err(Error::Removed { .. }))).collect::<Vec<_>>()
    };
    assert_eq!(known().await, [false, false, true, true, true, false]);
    assert_eq!(rows(&world, Rows::Tombstone, "/root").await, 3);
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(known().await, [false; 6]);
    world.system.spawn(vec![plain("/root/a5")]).await.unwrap();
    close(&world, "/root/a5").await;
    remove(&world, "/root/a5").await.unwrap();
    assert_eq!(known().await, [false, false, false, false, false, true]);
    assert_eq!(rows(&world, Rows::Tombstone, "/root").await, 1, "those that were too old are swept");
    assert_eq!(rows(&world, Rows::Burial, "/root").await, 1, "with what they were found by");
    check(&world, 0, "swept").await;
    world.end().await;
}

/// A path that is removed twice: its second tombstone outlives what the first was found by.
#[tokio::test(start_paused = true)]
async fn a_newer_tombstone_is_not_swept_for_an_older() {
    let world = setting().limits(|limits| limits.tombstones = 2).open().await;
    for path in ["/root/a", "/root/a", "/root/b"] {
        world.system.spawn(vec![plain(path)]).await.unwrap();
        close(&world, path).await;
        remove(&world, path).await.unwrap();
        check(&world, 0, path).await;
    }
    assert_eq!(words(world.system.show(&at("/root/a")).await), "/root/a was removed");
    assert_eq!(words(world.system.show(&at("/root/b")).await), "/root/b was removed");
    world.end().await;
}

/// Mail that was addressed before the removal and committed behind it.
#[tokio::test(start_paused = true)]
async fn mail_to_the_removed_never_reaches_a_newcomer() {
    let world = setting().open().await;
    let old = world.spawn("/root/a", "echo").await;
    close(&world, "/root/a").await;
    remove(&world, "/root/a").await.unwrap();
    let new = world.spawn("/root/a", "echo").await;
    assert_ne!(old.id, new.id);
    mail_to(&world, "/root/a", old.id).await;
    assert_eq!(world.assign("/root/a", "mine").await.unwrap().content, "mine");
    let dead = world.dead("/root/a").await;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].message.to, dead[0].error.as_str()), (old.id, "the agent it was for was removed"));
    assert_eq!(world.turns("/root/a").await, [(vec!["mine".to_owned()], "completed: mine".to_owned())]);
    world.end().await;
}

pub(crate) async fn mail_to(world: &World, path: &str, to: AgentId) {
    let message = Message {
        to,
        from: Sender::Operator,
        kind: MessageKind::Said,
        trigger: true,
        text: "for the removed".to_owned(),
        at: world.system.clock.now(),
        message_id: None,
        metadata: Default::default(),
    };
    let mut draft = Draft::new();
    draft.append(Rows::Inbox.below(&at(path)), &message);
    world.store().commit(draft).await.unwrap();
}

/// Inboxes are counted in memory: what was full is not full for a newcomer.
#[tokio::test(start_paused = true)]
async fn a_newcomers_inbox_has_room() {
    let world = setting().limits(|limits| limits.inbox_messages = 2).open().await;
    for _ in 0..2 {
        world.spawn("/root/a", "echo").await;
        world.send("/root/a", "one").await.unwrap();
        world.send("/root/a", "two").await.unwrap();
        let full = world.send("/root/a", "three").await.unwrap_err();
        assert!(matches!(full, Error::Limit { limit: "inbox", .. }), "{full}");
        close(&world, "/root/a").await;
        remove(&world, "/root/a").await.unwrap();
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_being_removed_is_not_resumed() {
    let world = setting().open().await;
    plant(&world).await.unwrap();
    // What a removal does first; its caller is gone then.
    world.system.register(Request::Remove { path: at("/root/a"), mark: true }).await.unwrap();
    assert_eq!(words(world.system.resume(&at("/root/a")).await), "/root/a is being removed and cannot be resumed");
    assert_eq!(words(world.system.resume(&at("/root/a/k2")).await), "/root/a/k2 is closed by /root/a");
    assert!(!world.system.close(&at("/root/a"), LONG).await.unwrap().marked);
    remove(&world, "/root/a").await.unwrap();
    check(&world, 1, "at the end").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_removed_job_leaves_its_command_to_an_older_one() {
    let table = Table::of(700);
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let request = |name: &str| JobRequest {
        name: Some(name.to_owned()),
        fresh: true,
        overwrite: true,
        template: Some("x".repeat(20_000)),
        ..table.request("number")
    };
    for name in ["one", "two", "three"] {
        world.run_job(request(name)).await;
    }
    for (removed, then) in [("/root/three", Some("/root/two")), ("/root/one", Some("/root/two")), ("/root/two", None)] {
        let report = remove(&world, removed).await.unwrap();
        assert_eq!((report.jobs, report.items), (1, 700), "{removed}");
        check(&world, 0, removed).await;
        for table in [Rows::Spec, Rows::ItemId, Rows::Node, Rows::Unfinished, Rows::Result, Rows::Row] {
            assert_eq!(rows(&world, table, removed).await, 0, "{removed}: {table:?}");
        }
        let again = JobRequest { fresh: false, name: None, ..request("x") };
        if let Some(then) = then {
            assert_eq!(world.system.start_job(again).await.unwrap().job.path, at(then), "after {removed}");
        } else {
            assert!(world.run_job(again).await.path != at("/root/two"));
        }
    }
    world.end().await;
}

/// Five thousand agents go while others are served.
#[tokio::test(start_paused = true)]
async fn five_thousand_agents_go_while_others_are_served() {
    let world = setting().open().await;
    world.system.spawn(vec![plain("/root/a")]).await.unwrap();
    for hundred in 0..50 {
        let some = (0..100).map(|n| named(&format!("/root/a/k{hundred:02}{n:02}"), &format!("Kid {hundred} {n}")));
        world.system.spawn(some.collect()).await.unwrap();
    }
    close(&world, "/root/a").await;
    let removed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let gone = removed.clone();
    let removal = async {
        let report = remove(&world, "/root/a").await.unwrap();
        gone.store(true, std::sync::atomic::Ordering::SeqCst);
        report
    };
    let others = async {
        let mut served = 0;
        while !removed.load(std::sync::atomic::Ordering::SeqCst) {
            world.system.spawn(vec![plain(&format!("/root/o{served}"))]).await.unwrap();
            served += 1;
        }
        served
    };
    let (report, served) = tokio::join!(removal, others);
    assert_eq!(report, RemovedReport { agents: 5001, ..RemovedReport::default() });
    assert!(served >= 10, "{served} were served meanwhile");
    check(&world, served, "at the end").await;
    world.end().await;
}

/// Senders, spawners and closers at the paths of a removal, each with its own seed.
#[tokio::test(start_paused = true)]
async fn a_removal_under_fire_keeps_the_books() {
    for seed in 0..20 {
        let world = setting().open().await;
        world.system.run(&at("/root")).await.unwrap();
        let paths = ["/root/a", "/root/a/b", "/root/a/b/c", "/root/a/d"];
        let fighters = (0..8_u64).map(|fighter| {
            let (world, mut random) = (&world, fastrand::Rng::with_seed(seed * 100 + fighter));
            async move {
                let mut removed = 0;
                for _ in 0..60 {
                    let path = at(random.choice(paths).unwrap());
                    match random.u8(0..10) {
                        0..3 => drop(world.system.spawn(vec![plain(path.as_str())]).await),
                        3..7 => drop(world.ask(path.as_str(), "hello").await),
                        7 => drop(world.system.close(&path, LONG).await),
                        8 => drop(world.system.resume(&path).await),
                        _ => removed += u32::from(world.system.remove(&path).await.is_ok()),
                    }
                }
                removed
            }
        });
        let removed: u32 = join_all(fighters).await.into_iter().sum();
        assert!(removed > 0, "seed {seed}: nothing was removed");
        let _ = world.system.resume(&at("/root/a")).await;
        let open = world.count("/root").await;
        check(&world, open, &format!("seed {seed}")).await;
        for path in paths {
            if let Ok(view) = world.system.show(&at(path)).await {
                own_mail_only(&world, path, view.node.id(), seed).await;
            }
        }
        world.end().await;
    }
}

/// What an agent took was meant for it, and who made it is not somebody who was removed.
async fn own_mail_only(world: &World, path: &str, id: AgentId, seed: u64) {
    let range = Rows::Transcript.rows_of(&at(path));
    for row in world.store().peek_page::<TranscriptEntry>(range, None, 10_000).await.unwrap() {
        if let TranscriptEntry::Message { message, .. } = row.value {
            assert_eq!(message.to, id, "seed {seed}: {path} took another's mail");
        }
    }
    assert_eq!(world.agent(path).await.creation, Creation::Host);
}
