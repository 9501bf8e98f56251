//! Who waits for an agent that no turn starts for is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use understory_store::{Backend, Commit, CommitError, Draft, MemoryBackend, Version, Wrapper};

use super::*;
use crate::Standing;
use crate::tests::world::{LONG, letter, until};

/// A store in memory that answers a commit, once it is applied, only when it is told to.
struct Gated {
    rows: MemoryBackend,
    /// The next commit is the one.
    shut: AtomicBool,
    applied: Semaphore,
    gate: Semaphore,
}

impl Wrapper for Gated {
    fn inner(&self) -> &dyn Backend {
        &self.rows
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Version, CommitError>> {
        async move {
            let answer = self.rows.commit(commit).await;
            if self.shut.swap(false, Ordering::SeqCst) {
                self.applied.add_permits(1);
                drop(self.gate.acquire().await);
            }
            answer
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_who_is_held_by_a_budget_says_by_whose() {
    let world = paying().open().await;
    world.endow_paused("/root/a", "pays", goal("all").within(100)).await;
    world.spawn("/root/a/b", "pays").await;
    world.assign("/root/a/b", "100").await.unwrap();
    assert!(matches!(world.settled("/root/a/b").await.standing, Standing::Rests(Some(_))), "nothing is asked of it");
    let asked = world.system.assign(letter("/root/a/b", "1", true)).await.unwrap();
    let held = tokio::time::timeout(LONG, asked.outcome()).await.expect("it says so at once").unwrap_err();
    assert_eq!(held.to_string(), "/root/a/b is held: nothing is left of the budget of /root/a");
    assert_eq!(world.settled("/root/a/b").await.standing, Standing::Held { goal: at("/root/a") });
    world.patch("/root/a", GoalPatch { status: None, ..GoalPatch::raise(200) }).await.unwrap();
    assert!(matches!(world.settled("/root/a/b").await.standing, Standing::Rests(Some(outcome)) if outcome.turn == 2));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_as_soon_as_a_budget_is_used_up() {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let setting = World::setting().limits(|limits| limits.turns = 1).brain("slow", move |_: Turn| {
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            Ok(costing(100, "done"))
        }
    });
    let world = setting.open().await;
    world.endow("/root/a", None, goal("all").within(100)).await.unwrap();
    world.spawn("/root/a/b", "slow").await;
    world.spawn("/root/a/c", "slow").await;
    world.ask("/root/a/b", "first").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/a/b").await == "running").await;
    world.ask("/root/a/c", "second").await.unwrap();
    {
        let mut waiting = std::pin::pin!(world.settled("/root/a/c"));
        // It waits for the slot.
        assert!(futures::poll!(&mut waiting).is_pending());
        gate.add_permits(1);
        assert_eq!(waiting.await.standing, Standing::Held { goal: at("/root/a") });
    }
    world.end().await;
}

/// The commit that raises a budget is applied, the last tokens of the earlier one are charged, and then the ledger is told.
#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_while_it_is_raised_holds_nobody() {
    let [applied, gate] = [(); 2].map(|()| Semaphore::new(0));
    let gated = Arc::new(Gated { rows: MemoryBackend::new(), shut: false.into(), applied, gate });
    let world = paying().open_on(gated.clone()).await;
    world.endow_paused("/root/a", "pays", goal("all").within(100)).await;
    world.spawn("/root/a/b", "pays").await;
    world.ask("/root/a/b", "1").await.unwrap();
    gated.shut.store(true, Ordering::SeqCst);
    let meanwhile = async {
        gated.applied.acquire().await.unwrap().forget();
        let owed = world.system.goals.payers(&at("/root/a")).into_iter().map(|payer| (payer, 100));
        let bill = world.system.goals.bill(&owed.collect::<Vec<_>>(), &mut Draft::new());
        assert_eq!(bill.paid(), [at("/root/a")]);
        assert_eq!(world.settled("/root/a/b").await.standing, Standing::Held { goal: at("/root/a") });
        gated.gate.add_permits(1);
    };
    let raise = GoalPatch { status: None, ..GoalPatch::raise(200) };
    let (raised, ()) = tokio::join!(world.patch("/root/a", raise), meanwhile);
    assert!(raised.unwrap());
    until(async || world.inbox("/root/a/b").await.is_empty()).await;
    world.end().await;
}
