//! The dispatcher: committed events in commit order, to whoever has to act on them or listens.
//!
//! ```text
//!   store --durable--> news --+--> gate (wake, within the active subtrees)
//!                             +--> watchers of one node
//!                             +--> listeners to all
//! ```

use std::sync::Arc;
use std::time::Duration;

use understory_paths::AgentPath;
use understory_store::{Event, GoalStatus, StoreError, Table, Told, Version, keys};

use crate::error::Error;
use crate::job::JobSignal;
use crate::system::System;

/// How many commits' events are read at a time.
const NEWS: usize = 512;
/// How many keys a scan for pending work reads at a time.
const PAGE: usize = 1024;
/// How often idle residents are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Dispatches the events of commits after `from` until the system stops.
pub(crate) async fn dispatch(system: System, from: Version) {
    let run = async {
        let mut through = from;
        loop {
            system.store.durable(through + 1).await?;
            through = pass_on(&system, through).await?;
        }
    };
    let outcome: Option<Result<std::convert::Infallible, Error>> = tokio::select! {
        outcome = run => Some(outcome),
        () = system.stopping.cancelled() => None,
    };
    if let Some(Err(error)) = outcome {
        tracing::error!(%error, "no more events are dispatched: the store failed");
        system.watchers.end();
    }
}

async fn pass_on(system: &System, after: Version) -> Result<Version, Error> {
    let news = system.store.news(after, NEWS).await?;
    if let Some(gap) = news.gap {
        tracing::warn!(after, gap, "events were dropped before they were dispatched; looking for pending work again");
        for top in system.active.tops() {
            activate(system, &top).await?;
        }
        system.watchers.tell_gap();
    }
    for told in news.told {
        let told = Arc::new(told);
        tell(system, &told).await?;
    }
    Ok(news.through.max(after))
}

async fn tell(system: &System, told: &Arc<Told>) -> Result<(), Error> {
    match &told.event {
        // To an item, as a rule; an agent may have such a name too.
        Event::Mailed { to, .. } if told_job(system, &to.path) => {}
        Event::Mailed { to, trigger: true, .. } if system.active.contains(&to.path) => {
            system.agents.wake(system, &to.path)
        }
        // Given with the agent, or set while nobody was there.
        Event::GoalChanged { agent, goal }
            if goal.status == Some(GoalStatus::Active) && system.active.contains(&agent.path) =>
        {
            system.goals.start_clocks(&agent.path, system.clock.now());
            system.agents.wake(system, &agent.path);
        }
        Event::Resumed { path } => {
            for top in system.active.tops() {
                if top.contains(path) {
                    activate(system, path).await?;
                } else if path.contains(&top) {
                    activate(system, &top).await?;
                }
            }
        }
        _ => {}
    }
    let below = match &told.event {
        Event::Closed { .. } | Event::Resumed { .. } | Event::Removed { .. } => true,
        // Who waits for somebody below need not any longer.
        Event::GoalChanged { goal, .. } => goal.status == Some(GoalStatus::BudgetLimited),
        _ => false,
    };
    system.watchers.tell(told, below);
    // Nobody listening is no failure.
    let _ = system.told.send(told.clone());
    Ok(())
}

/// Tells the job whose item has got mail, if there is one at work.
fn told_job(system: &System, to: &AgentPath) -> bool {
    let (Some(job), Some(row)) = (to.parent(), keys::item_number(to)) else { return false };
    system.jobs.tell_resident(&job, JobSignal::Mailed(row)).is_ok()
}

/// Activates what has pending work at and below `top`: agents with mail or an active goal, jobs that are not finished.
pub(crate) async fn activate(system: &System, top: &AgentPath) -> Result<(), StoreError> {
    each_path(system, Table::Unfinished, top, |path| system.jobs.wake(system, path)).await?;
    each_path(system, Table::Inbox, top, |path| system.agents.wake(system, path)).await?;
    system.goals.ready(&system.store).await?;
    for path in system.goals.start_clocks(top, system.clock.now()) {
        system.agents.wake(system, &path);
    }
    Ok(())
}

/// Calls `found` once for each path at and below `top` that has rows in `table`.
async fn each_path(
    system: &System,
    table: Table,
    top: &AgentPath,
    found: impl Fn(&AgentPath),
) -> Result<(), StoreError> {
    let mut last: Option<AgentPath> = None;
    let mut pages = system.store.pages(table.subtree(top), PAGE);
    while let Some(keys) = pages.keys().await? {
        for path in keys.iter().filter_map(|key| table.path_of(key)) {
            if last.as_ref() != Some(&path) {
                found(&path);
                last = Some(path);
            }
        }
    }
    Ok(())
}

/// Lets actors go that nothing came for in a while, or that there is no room for, until the system stops.
pub(crate) async fn passivate(system: System) {
    let spans = system.limits.linger.as_secs().max(1);
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = tick.tick() => system.agents.grow_old(spans),
            () = system.agents.crowded() => {}
            () = system.stopping.cancelled() => return,
        }
        system.agents.make_room();
    }
}
