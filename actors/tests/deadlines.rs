//! Every length of time that the runtime holds itself to, by the paused clock, and where each is shown:
//!
//! | What | Shown in |
//! |---|---|
//! | `wait_min`, `wait_default`, `wait_max` | `pausing`, `conformance::tools` |
//! | a host's wait | `waiting` |
//! | `grace` of a turn that is cancelled: close, interrupt, shutdown, a run's deadline | here, `stopping`, `interrupt`, `jobs` |
//! | the grace of a close and of a shutdown | here |
//! | `linger` | here |
//! | a minute of spawns | `limits` |
//! | a role's window of faults, its back-offs | `faults`, `supervision` |
//! | a row's deadline, its back-offs | `jobs`, `pausing` |
//! | what a turn has left after its report | `reports` |
//! | the pause after a fault of ours | here |
//! | the pauses of a full disk | `full` |
//! | `tombstone_life`, a message's id | `remove`, `sweeping` |

use std::time::Duration;

use tokio::time::Instant;
use understory_store::Phase;

use super::panics;
use super::table::Table;
use super::world::{LONG, Setting, World, at, pass, until};
use crate::agent::AgentSignal;
use crate::brain::{Response, Turn};
use crate::job::JobRequest;

/// Brains of which none minds that its answer is no longer wanted: one never answers, one does so late, one in its grace.
fn deaf() -> Setting {
    let never = |_| std::future::pending();
    let after = |seconds| {
        move |turn: Turn| async move {
            turn.cancelled().await;
            let _ = tokio::time::timeout(Duration::from_secs(seconds), std::future::pending::<()>()).await;
            Ok(Response::text("too late"))
        }
    };
    World::setting().brain("never", never).brain("late", after(60)).brain("slow", after(3))
}

const BRAINS: [&str; 3] = ["never", "late", "slow"];

async fn all_running(world: &World, paths: &[String]) {
    for path in paths {
        until(async || world.status(path).await == "running").await;
    }
}

/// Who is closed, interrupted or shut down does not wait for them longer than their grace, however many they are.
#[tokio::test(start_paused = true)]
async fn brains_that_never_return_hold_nobody_up() {
    let world = deaf().limits(|limits| limits.grace = Duration::from_secs(5)).open().await;
    let (mut closed, mut cut, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for (top, paths) in [("/root/c", &mut closed), ("/root/i", &mut cut), ("/root/s", &mut left)] {
        world.spawn(top, "echo").await;
        for n in 0..30 {
            let path = format!("{top}/k{n}");
            world.spawn(&path, BRAINS[n % 3]).await;
            world.ask(&path, "go").await.unwrap();
            paths.push(path);
        }
    }
    world.system.run(&at("/root")).await.unwrap();
    let table = Table::of(6);
    let job = world.system.start_job(JobRequest { concurrency: 6, ..table.request("never") }).await.unwrap().job.path;
    for paths in [&closed, &cut, &left] {
        all_running(&world, paths).await;
    }
    until(async || world.system.job(&job).await.unwrap().job.counts.running == 6).await;

    let begun = Instant::now();
    assert_eq!(world.system.interrupt_subtree(&at("/root/i")).await.unwrap().len(), 30);
    assert_eq!(begun.elapsed(), Duration::ZERO, "an interrupt is answered at once");
    let (tree, rows) = (at("/root/c"), job.clone());
    let (tree, rows) = futures::join!(world.system.close(&tree, LONG), world.system.close(&rows, LONG));
    assert_eq!((tree.unwrap().overdue, rows.unwrap().overdue), (0, 0));
    assert_eq!(begun.elapsed().as_secs(), 5, "all have their grace at the same time");
    for path in &cut {
        world.settled(path).await;
        assert_eq!(world.status(path).await, "interrupted", "{path}");
    }
    assert_eq!(begun.elapsed().as_secs(), 5);
    let begun = Instant::now();
    let report = world.system.shutdown(LONG).await;
    assert_eq!((report.overdue, begun.elapsed().as_secs()), (0, 5));
    // What was taken back is there to be run again, uncharged; a shutdown takes an answer that comes in time, a close none.
    for (n, path) in closed.iter().chain(&left).enumerate() {
        let (agent, inbox) = (world.agent(path).await, world.inbox(path).await.len());
        let answered = u64::from(n >= closed.len() && BRAINS[n % 3] == "slow");
        assert_eq!((agent.phase, agent.turns), (Phase::IDLE, answered), "{path}");
        assert_eq!(inbox as u64, 1 - answered, "{path}");
    }
    world.end().await;
}

/// A close or a shutdown that has less time than a turn's grace kills who is at work, and says so.
#[tokio::test(start_paused = true)]
async fn a_close_and_a_shutdown_take_no_longer_than_they_were_given() {
    for seconds in [0, 2, 4] {
        let world = deaf().limits(|limits| limits.grace = Duration::from_secs(5)).open().await;
        for path in ["/root/a", "/root/b"] {
            world.spawn(path, "never").await;
            world.ask(path, "go").await.unwrap();
        }
        world.system.run(&at("/root")).await.unwrap();
        all_running(&world, &["/root/a", "/root/b"].map(str::to_owned)).await;
        let (begun, grace) = (Instant::now(), Duration::from_secs(seconds));
        assert_eq!(world.system.close(&at("/root/a"), grace).await.unwrap().overdue, 1);
        assert_eq!(begun.elapsed().as_secs(), seconds);
        let begun = Instant::now();
        assert!(world.system.shutdown(grace).await.overdue >= 1);
        // Once for the actors, once for what they have under way.
        assert!(begun.elapsed().as_secs() <= 2 * seconds, "{:?} of {grace:?}", begun.elapsed());
        pass(6).await;
        world.abandon();
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_agent_stays_as_long_as_it_is_to_linger() {
    for linger in [3, 10] {
        let world = World::setting().limits(|limits| limits.linger = Duration::from_secs(linger)).open().await;
        world.spawn("/root/a", "echo").await;
        world.assign("/root/a", "hello").await.unwrap();
        let linger = u32::try_from(linger).unwrap();
        // Ages are counted in whole seconds.
        pass(linger - 1).await;
        assert_eq!(world.system.residents(), 1, "{linger}");
        pass(2).await;
        assert_eq!(world.system.residents(), 0, "{linger}");
        world.end().await;
    }
}

/// An actor that panics has a successor, but not at once: a fault of ours does not spin.
#[tokio::test(start_paused = true)]
async fn a_fault_of_ours_waits_a_second() {
    panics::hush();
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.assign("/root/a", "hello").await.unwrap();
    let begun = Instant::now();
    assert!(world.system.agents.tell_resident(&at("/root/a"), AgentSignal::Panic(panics::ACTOR)).is_ok());
    assert_eq!(world.assign("/root/a", "again").await.unwrap().content, "again");
    assert_eq!(begun.elapsed().as_secs(), 1);
    world.end().await;
}
