//! A row that the process died in again and again runs beside nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;
use understory_store::{Draft, Item, MemoryBackend, Node, Table as Rows};

use super::table::{Table, number};
use super::world::{Setting, World, at, letter, pass, process, until};
use crate::brain::{BrainError, Response};
use crate::job::JobRequest;

const SUSPECT: &str = "/root/job/r00000001";

/// Those at work on the first row and on the second, and what lets the second and the agents go on.
#[derive(Clone)]
struct Seen {
    suspect: Arc<AtomicU32>,
    other: Arc<AtomicU32>,
    gate: Arc<Semaphore>,
    agents: Arc<Semaphore>,
}

impl Seen {
    fn new() -> Seen {
        let gate = || Arc::new(Semaphore::new(0));
        Seen { suspect: Arc::default(), other: Arc::default(), gate: gate(), agents: gate() }
    }

    /// The second row fails with its first run; there are two turn slots.
    fn setting(&self, backend: &MemoryBackend) -> Setting {
        let (of_row, of_agent) = (self.clone(), self.agents.clone());
        World::setting()
            .over(backend.clone())
            .limits(|limits| limits.turns = 2)
            .brain("agent", move |_| {
                let gate = of_agent.clone();
                async move {
                    gate.acquire().await.expect("never closed").forget();
                    Ok(Response::text("done"))
                }
            })
            .brain("row", move |turn| {
                let seen = of_row.clone();
                async move {
                    if turn.row().expect("an item's turn has a row").number == 1 {
                        seen.suspect.fetch_add(1, Ordering::SeqCst);
                        return number(&turn);
                    }
                    seen.other.fetch_add(1, Ordering::SeqCst);
                    seen.gate.acquire().await.expect("never closed").forget();
                    match turn.number() {
                        1 => Err(BrainError::refused("once")),
                        _ => number(&turn),
                    }
                }
            })
    }
}

/// Has the first row be one that the process died in three times.
async fn accuse(world: &World) {
    let row = world.store().get::<Node>(&Rows::Node.at(&at(SUSPECT))).await.unwrap().unwrap();
    let Node::Item(item) = row.value.clone() else { panic!("a row is an item") };
    let mut draft = Draft::new();
    let _ = draft.update(&row, &Node::Item(Item { crashes: 3, ..item }));
    world.store().commit(draft).await.unwrap();
}

#[test]
fn a_suspect_that_waited_for_a_slot_starts_beside_nobody() {
    let (backend, table, seen) = (MemoryBackend::new(), Table::of(2), Seen::new());
    process(async || {
        let world = seen.setting(&backend).open().await;
        for agent in ["/root/x", "/root/y"] {
            world.spawn(agent, "agent").await;
        }
        // Both slots are taken: no row starts.
        let request = JobRequest { concurrency: 2, ..table.request("row") };
        let taken =
            [world.system.assign(letter("/root/x", "go", true)), world.system.assign(letter("/root/y", "go", true))];
        let _taken = futures::future::join_all(taken).await;
        let job = world.system.start_job(request).await.unwrap().job.path;
        until(async || world.system.job(&job).await.unwrap().job.counts.pending == 2).await;
        accuse(&world).await;
        world.abandon();
    });
    process(async || {
        let world = seen.setting(&backend).open().await;
        let count = |of: &AtomicU32| of.load(Ordering::SeqCst);
        let x = world.system.assign(letter("/root/x", "go", true)).await.unwrap();
        world.system.resume_job(&at("/root/job")).await.unwrap();
        until(async || count(&seen.other) == 1).await;
        let y = world.system.assign(letter("/root/y", "go", true)).await.unwrap();
        // The second row waits for its second run, and both slots are taken: nothing starts.
        seen.gate.add_permits(1);
        pass(60).await;
        assert_eq!((count(&seen.suspect), count(&seen.other)), (0, 1));
        seen.agents.add_permits(9);
        until(async || count(&seen.other) == 2).await;
        pass(5).await;
        assert_eq!(count(&seen.suspect), 0, "it was started beside another row");
        seen.gate.add_permits(1);
        world.job_over(&at("/root/job")).await;
        assert_eq!(count(&seen.suspect), 1);
        drop((x, y));
        world.end().await;
    });
}
