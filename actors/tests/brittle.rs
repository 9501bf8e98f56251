//! Brains that panic where nobody expects it of them: as their factory looks about, and as they are dropped.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::panics;
use super::table::Table;
use super::world::{Setting, World, at, pass, until};
use crate::Error;
use crate::brain::{AnyBrain, Brain, BrainError, BrainFactory, Response, Seat, Turn};

/// A factory that cannot even look for what is left.
struct Stuck;

impl BrainFactory for Stuck {
    fn make(&self, _: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        Err(BrainError::refused("never"))
    }

    fn sweep(&self) -> BoxFuture<'_, Result<(), BrainError>> {
        std::panic::panic_any(panics::BRAIN)
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_as_it_sweeps_runs_nothing_and_ends_nobody() {
    panics::hush();
    let world = World::setting().factory("stuck", Arc::new(Stuck)).open().await;
    world.spawn("/root/a", "echo").await;
    let error = world.system.run(&at("/root")).await.unwrap_err();
    assert!(
        matches!(&error, Error::Sweep(BrainError::Broken { message }) if message.contains(panics::BRAIN)),
        "{error:?}"
    );
    world.end().await;
}

/// Panics whenever it is dropped, in a panic of its turn, too; and so does what its turn leaves.
struct Brittle;

struct Shard;

impl Drop for Brittle {
    fn drop(&mut self) {
        std::panic::panic_any(panics::BRAIN);
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        std::panic::panic_any(panics::BRAIN);
    }
}

impl Brain for Brittle {
    async fn turn(&mut self, turn: Turn) -> Result<Response, BrainError> {
        if turn.text() == "wait" {
            let _shard = Shard;
            std::future::pending::<()>().await;
        }
        Ok(Response { report: Some("{}".to_owned()), ..Response::text(turn.text()) })
    }
}

fn brittle() -> Setting {
    panics::hush();
    World::setting().factory("brittle", Arc::new(|_: &Seat| Ok(Brittle)))
}

#[tokio::test(start_paused = true)]
async fn a_brain_that_panics_when_it_is_dropped_takes_nobody_along() {
    let world = brittle().limits(|limits| limits.residents = 4).open().await;
    for n in 0..8 {
        let path = format!("/root/a{n}");
        world.spawn(&path, "brittle").await;
        assert_eq!(world.assign(&path, "hello").await.unwrap().content, "hello");
    }
    // Idle, they leave memory; those that have left count for nothing.
    pass(30).await;
    assert_eq!(world.system.residents(), 0);
    assert_eq!(world.system.agents.population(), 0);
    // Dropped with its turn, in the midst of the panic of what that leaves.
    world.ask("/root/a1", "wait").await.unwrap();
    until(async || world.status("/root/a1").await == "running").await;
    assert!(world.system.interrupt(&at("/root/a1")).await.unwrap());
    world.settled("/root/a1").await;
    assert_eq!(world.status("/root/a1").await, "interrupted");
    assert_eq!(world.assign("/root/a1", "again").await.unwrap().content, "again");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_worker_panics_when_it_is_dropped_keeps_its_result() {
    let world = brittle().open().await;
    let table = Table::of(2);
    world.run_job(table.request("brittle")).await;
    assert_eq!(table.output().into_iter().map(|line| line.result).collect::<Vec<_>>(), ["{}", "{}"]);
    world.end().await;
}
