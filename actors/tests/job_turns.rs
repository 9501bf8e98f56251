//! Jobs and agents that share the turn slots: each is next in its turn, however many rows of another wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Semaphore;
use understory_paths::AgentPath;

use super::table::Table;
use super::world::{World, at, until};
use crate::brain::{Response, Seat, Turn, brain_fn};
use crate::job::JobRequest;

/// Turn slots, and places of each job.
const TURNS: usize = 8;

#[tokio::test(start_paused = true)]
async fn two_jobs_and_an_agent_go_round() {
    let (log, permits) = (Arc::new(Mutex::new(Vec::<String>::new())), Arc::new(Semaphore::new(0)));
    let (started, given) = (log.clone(), permits.clone());
    let world = World::setting().limits(|limits| limits.turns = TURNS).brain("worker", move |turn| {
        let (started, given) = (started.clone(), given.clone());
        async move {
            started.lock().unwrap().push(turn.row().map_or("agent", |row| row.job.name()).to_owned());
            given.acquire().await.expect("never closed").forget();
            Ok(Response::report("{}"))
        }
    });
    let world = world.open().await;
    let (one, two) = (Table::of(40), Table::of(40));
    let start = async |table: &Table, name: &str| -> AgentPath {
        let request = table.request("worker");
        let request = JobRequest { name: Some(name.to_owned()), concurrency: TURNS as u32, ..request };
        world.system.start_job(request).await.unwrap().job.path
    };
    let first = start(&one, "first").await;
    until(async || log.lock().unwrap().len() == TURNS).await;
    // All of its places wait before the agent comes.
    let second = start(&two, "second").await;
    until(async || world.system.slots.waiting() == TURNS).await;
    world.spawn("/root/agent", "worker").await;
    world.system.run(&at("/root/agent")).await.unwrap();
    world.ask("/root/agent", "work").await.unwrap();
    until(async || world.system.slots.waiting() == TURNS + 1).await;
    permits.add_permits(3);
    until(async || log.lock().unwrap().len() == TURNS + 3).await;
    let next = log.lock().unwrap()[TURNS..].to_vec();
    assert!(next.contains(&"agent".to_owned()), "{next:?}");
    permits.add_permits(100);
    for job in [first, second] {
        assert_eq!(world.job_over(&job).await.job.counts.completed, 40);
    }
    world.end().await;
}

/// What a run is told it had is what it was given, not what its start left of that.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_late_names_the_time_it_was_given() {
    let slow = |_: &Seat| {
        // The clock goes on while the brain is made.
        let _ = tokio::time::advance(Duration::from_millis(300)).now_or_never();
        Ok(brain_fn(|_: Turn| std::future::pending()))
    };
    let (world, table) = (World::setting().factory("slow", Arc::new(slow)).open().await, Table::of(1));
    let request = JobRequest { attempts: 1, timeout: Duration::from_secs(1), ..table.request("slow") };
    let job = world.run_job(request).await.path;
    assert_eq!(world.item_words(&job).await, "a1: failed run 1 failed 1 (worker exceeded max runtime of 1 s)");
    world.end().await;
}
