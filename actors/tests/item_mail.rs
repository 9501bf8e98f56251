//! Mail to a job's items: only while a run is under way, and gone with it.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use understory_paths::AgentPath;
use understory_store::{Draft, Message, MessageKind, Sender, Store, Table as Rows, Time};

use super::table::{Table, number};
use super::world::{Setting, World, at, process, until};
use crate::Error;
use crate::brain::{Response, Turn};
use crate::job::JobRequest;

const ITEM: &str = "/root/job/r00000001";

/// A world whose brain `open` goes on for each permit it is given: it takes its mail, and reports what it was told.
fn open() -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = World::setting().brain("open", move |turn: Turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            let told: Vec<_> = turn.take_mail().await.unwrap().into_iter().map(|message| message.text).collect();
            Ok(Response::report(serde_json::json!({ "told": told }).to_string()))
        }
    });
    (setting, permits)
}

async fn running(world: &World, job: &AgentPath) {
    until(async || world.item_words(job).await.contains("running")).await;
    // Its worker is called once that is durable here.
    until(async || world.send(ITEM, "").await.is_ok()).await;
}

async fn clean(world: &World) {
    until(async || world.inbox(ITEM).await.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn an_item_takes_mail_while_it_runs_and_not_before_or_after() {
    let (setting, permits) = open();
    let world = setting.limits(|limits| limits.turns = 1).open().await;
    let table = Table::of(2);
    let started = world.system.start_job(JobRequest { concurrency: 2, ..table.request("open") }).await.unwrap();
    running(&world, &started.job.path).await;
    world.send(ITEM, "one").await.unwrap();
    world.send(ITEM, "two").await.unwrap();
    let refused = |outcome: Result<(), Error>| outcome.unwrap_err().to_string();
    let waits = refused(world.send("/root/job/r00000002", "early").await);
    assert_eq!(waits, "/root/job/r00000002 does not run: a job's item takes messages only while it does");
    let task = refused(world.ask(ITEM, "task").await);
    assert_eq!(task, "/root/job/r00000001 is a job's item, which cannot be asked to take a turn");
    permits.add_permits(2);
    world.job_over(&started.job.path).await;
    let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    assert_eq!(results, [r#"{"told":["","one","two"]}"#, r#"{"told":[]}"#]);
    clean(&world).await;
    assert!(matches!(world.send(ITEM, "late").await, Err(Error::NotRunning { .. })));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_run_did_not_take_is_not_for_the_next() {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let world = World::setting().brain("second", move |turn: Turn| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            if turn.row().is_some_and(|row| row.run == 1) {
                return Err(crate::brain::BrainError::refused("the first run fails"));
            }
            let told = turn.take_mail().await.unwrap().len();
            Ok(Response::report(format!("{{\"told\":{told}}}")))
        }
    });
    let world = world.open().await;
    let table = Table::of(1);
    let started = world.system.start_job(JobRequest { attempts: 2, ..table.request("second") }).await.unwrap();
    running(&world, &started.job.path).await;
    world.send(ITEM, "for the first").await.unwrap();
    permits.add_permits(2);
    world.job_over(&started.job.path).await;
    assert_eq!(table.output()[0].result, r#"{"told":0}"#);
    clean(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_helpers_result_goes_to_the_run_that_asked_for_it() {
    let world =
        World::setting().role("default", crate::Role::with_brain("echo", "")).brain("boss", |turn: Turn| async move {
            turn.spawn("kid", Some("help")).await.unwrap();
            let mut told = Vec::new();
            while told.is_empty() {
                tokio::task::yield_now().await;
                told = turn.take_mail().await.unwrap();
            }
            Ok(Response::report(serde_json::json!({ "told": told[0].text }).to_string()))
        });
    let world = world.open().await;
    let table = Table::of(3);
    world.run_job(table.request("boss")).await;
    let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    assert_eq!(results, [r#"{"told":"help"}"#; 3]);
    clean(&world).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_helpers_result_for_a_run_that_is_over_goes_to_no_one() {
    let done = Arc::new(Semaphore::new(0));
    let over = done.clone();
    let world = World::setting()
        .role("default", crate::Role::with_brain("late", ""))
        .brain("late", move |turn: Turn| {
            let over = over.clone();
            async move {
                over.acquire().await.expect("never closed").forget();
                Ok(Response::text(turn.text()))
            }
        })
        .brain("boss", |turn: Turn| async move {
            turn.spawn("kid", Some("help")).await.unwrap();
            turn.report("{}", false).await.unwrap();
            std::future::pending().await
        });
    let world = world.open().await;
    let table = Table::of(1);
    let view = world.run_job(table.request("boss")).await;
    // Its turn has some seconds left, its run is over.
    assert!(matches!(world.send(ITEM, "late").await, Err(Error::NotRunning { .. })));
    done.add_permits(1);
    until(async || world.system.agents.len() == 0).await;
    assert!(world.inbox(ITEM).await.is_empty());
    assert_eq!(view.job.counts.completed, 1);
    world.end().await;
}

/// A letter may be committed just before its run's end, and be found only after the next run has begun.
#[tokio::test(start_paused = true)]
async fn a_letter_that_nobody_has_seen_yet_is_not_for_the_next_run() {
    let store: Arc<std::sync::OnceLock<Store>> = Arc::default();
    let write = store.clone();
    let world = World::setting().brain("second", move |turn: Turn| {
        let write = write.clone();
        async move {
            if turn.row().is_some_and(|row| row.run == 1) {
                let mut draft = Draft::new();
                let letter = Message {
                    to: turn.seat().id,
                    from: Sender::Operator,
                    kind: MessageKind::Said,
                    trigger: false,
                    text: "for the first".to_owned(),
                    at: Time(1),
                    message_id: None,
                    metadata: Default::default(),
                };
                draft.append(Rows::Inbox.below(turn.path()), &letter);
                write.get().unwrap().commit(draft).await.unwrap();
                return Err(crate::brain::BrainError::refused("the first run fails"));
            }
            let told = turn.take_mail().await.unwrap().len();
            Ok(Response::report(format!("{{\"told\":{told}}}")))
        }
    });
    let world = world.open().await;
    assert!(store.set(world.store().clone()).is_ok());
    let table = Table::of(1);
    world.run_job(JobRequest { attempts: 2, ..table.request("second") }).await;
    assert_eq!((table.output()[0].result.as_str(), world.inbox(ITEM).await.len()), (r#"{"told":0}"#, 1));
    world.end().await;
}

/// A process that dies leaves mail of a run that never ends; the next one drops it with the run.
#[test]
fn mail_of_a_run_that_the_process_died_in_is_dropped() {
    let table = Table::of(1);
    let told: Arc<Mutex<Vec<usize>>> = Arc::default();
    let rows = process(async || {
        let (setting, _permits) = open();
        let world = setting.open().await;
        let started = world.system.start_job(table.request("open")).await.unwrap();
        running(&world, &started.job.path).await;
        assert!(!world.inbox(ITEM).await.is_empty());
        world.abandon()
    });
    process(async || {
        let tell = told.clone();
        let setting = World::setting().over(rows.clone()).brain("open", move |turn: Turn| {
            let tell = tell.clone();
            async move {
                let mail = turn.take_mail().await.unwrap();
                tell.lock().unwrap().push(mail.len());
                number(&turn)
            }
        });
        let world = setting.open().await;
        assert!(matches!(world.send(ITEM, "nobody is there").await, Err(Error::NotRunning { .. })));
        world.system.resume_job(&at("/root/job")).await.unwrap();
        world.job_over(&at("/root/job")).await;
        clean(&world).await;
        world.end().await;
    });
    assert_eq!(*told.lock().unwrap(), [0]);
}
