//! kameo's own supervised tree: actors that start those below them and do nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn, WeakActorRef};
use kameo::error::ActorStopReason;
use kameo::supervision::RestartPolicy;

use crate::tally::Tally;
use crate::{Outcome, idle};

/// What it takes to build and to stop a tree.
pub(crate) struct Cascade {
    /// Until the last actor has started.
    pub(crate) built: Duration,
    /// Until the last has stopped, asked through the topmost.
    pub(crate) stopped: Duration,
    /// What that took of the processor, in seconds.
    pub(crate) stopping: f64,
}

/// An actor that supervises those below it.
struct Branch(Plan);

/// What a branch is to be.
#[derive(Clone)]
struct Plan {
    width: usize,
    levels: u32,
    started: Arc<Tally>,
    stopped: Arc<Tally>,
}

/// Builds a tree of so many levels below its top, and stops it.
pub(crate) async fn grow(width: usize, levels: u32) -> Outcome<Cascade> {
    let actors = (0..=levels).map(|level| width.pow(level)).sum();
    let (started, stopped) = (Tally::of(actors), Tally::of(actors));
    let begin = Instant::now();
    let top = Branch::spawn(Plan { width, levels, started: started.clone(), stopped: stopped.clone() });
    started.done().await;
    let built = begin.elapsed();
    let (begin, spent) = (Instant::now(), idle::processor());
    top.stop_gracefully().await?;
    top.wait_for_shutdown().await;
    stopped.done().await;
    Ok(Cascade { built, stopped: begin.elapsed(), stopping: idle::processor() - spent })
}

impl Actor for Branch {
    type Args = Plan;
    type Error = Infallible;

    async fn on_start(plan: Plan, me: ActorRef<Self>) -> Result<Self, Infallible> {
        if let Some(levels) = plan.levels.checked_sub(1) {
            for _ in 0..plan.width {
                let below = Branch::supervise(&me, Plan { levels, ..plan.clone() });
                // One that ends in order stays ended.
                below.restart_policy(RestartPolicy::Transient).spawn().await;
            }
        }
        plan.started.count();
        Ok(Branch(plan))
    }

    async fn on_stop(&mut self, _: WeakActorRef<Self>, _: ActorStopReason) -> Result<(), Infallible> {
        self.0.stopped.count();
        Ok(())
    }
}
