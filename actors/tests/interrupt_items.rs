//! Interrupts of a job's items: they fail a run, and are charged to its row.

use std::sync::Arc;

use tokio::sync::Semaphore;
use understory_store::Node;

use super::table::{Table, number};
use super::world::{Setting, World, at, letter, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Error, Reach};

/// Rows are worked on one at a time, and each run waits until it is cancelled, or for a permit.
fn at_rows() -> (Setting, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let setting = World::setting().brain("rows", move |turn: Turn| {
        let given = given.clone();
        async move {
            tokio::select! {
                permit = given.acquire() => permit.expect("never closed").forget(),
                () = turn.cancelled() => {}
            }
            number(&turn)
        }
    });
    (setting, permits)
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_of_an_item_fails_its_run() {
    let (setting, permits) = at_rows();
    let world = setting.open().await;
    let table = Table::of(2);
    let request = JobRequest { concurrency: 1, attempts: 2, ..table.request("rows") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    let (first, second) = (at("/root/job/r00000001"), at("/root/job/r00000002"));
    let running = async |path: &str, run: u32| {
        until(async || {
            let node = world.system.show(&at(path)).await.map(|view| view.node);
            matches!(node, Ok(Node::Item(item)) if item.run == run && item.state.as_str() == "running")
        })
        .await;
    };
    running("/root/job/r00000001", 1).await;
    assert!(matches!(world.system.interrupt(&job).await, Err(Error::WrongKind { .. })));
    assert!(matches!(world.system.interrupt_subtree(&job).await, Err(Error::WrongKind { .. })));
    assert!(world.system.interrupt_subtree(&at("/root")).await.unwrap().is_empty(), "a job's rows are not agents");
    assert!(!world.system.interrupt(&second).await.unwrap(), "it does not run");
    let sent = world.system.send_interrupting(letter("/root/job/r00000001", "x", false)).await;
    assert!(matches!(sent, Err(Error::WrongKind { .. })));
    for run in 1..=2 {
        running("/root/job/r00000001", run).await;
        assert_eq!(world.system.interruptible(&first, Reach::Node).await.unwrap(), std::slice::from_ref(&first));
        assert!(world.system.interrupt(&first).await.unwrap());
        // The next row is worked on while this one waits to be tried again.
        if run == 1 {
            running("/root/job/r00000002", 1).await;
            permits.add_permits(1);
            pass(60).await;
        }
    }
    world.job_over(&job).await;
    assert!(!world.system.interrupt(&first).await.unwrap());
    let items = world.items(&job).await;
    let words: Vec<_> = items.iter().map(|view| (view.status, view.item.failures, view.item.crashes)).collect();
    assert_eq!(words, [("failed", 2, 0), ("completed", 0, 0)], "what it answered in its grace does not count");
    assert_eq!(items[0].item.last_error.as_deref(), Some("interrupted by the operator"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_item_whose_report_was_taken_is_not_interrupted() {
    let world = World::setting().brain("reports", |turn: Turn| async move {
        turn.report("{}", false).await.map_err(|error| BrainError::refused(error.to_string()))?;
        turn.cancelled().await;
        Ok(Response::text("late"))
    });
    let world = world.open().await;
    let table = Table::of(1);
    let job = world.system.start_job(table.request("reports")).await.unwrap().job.path;
    until(async || world.system.job(&job).await.unwrap().job.counts.completed == 1).await;
    assert!(!world.system.interrupt(&at("/root/job/r00000001")).await.unwrap());
    world.job_over(&job).await;
    assert_eq!(world.items(&job).await[0].status, "completed");
    world.end().await;
}
