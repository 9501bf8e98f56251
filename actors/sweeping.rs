//! What is kept for a time only: the ids that callers gave to messages, so that none is accepted twice.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use understory_store::{CommitError, Draft, Row, Table, Time};

use crate::error::Error;
use crate::limits::REMEMBERED;
use crate::system::System;

/// When a process looks first: those that live shorter leave it to others.
const FIRST: Duration = Duration::from_secs(60);
/// How often it looks.
const EVERY: Duration = Duration::from_secs(3600);
/// How many ids are read, and forgotten, at a time.
const PAGE: usize = 256;

/// Forgets what is past its time, until the system stops.
pub(crate) async fn sweep(system: System) {
    let mut tick = tokio::time::interval_at(Instant::now() + FIRST, EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = system.stopping.cancelled() => return,
        }
        if let Err(error) = forget_ids(&system).await {
            tracing::warn!(%error, "ids of messages that are past their time were not forgotten");
        }
    }
}

async fn forget_ids(system: &System) -> Result<(), Error> {
    let now = system.clock.now();
    let mut ids = system.store.pages(Table::Seen.all(), PAGE);
    while let Some(rows) = ids.peek::<u64>().await? {
        let past: Vec<&Row<u64>> = rows.iter().filter(|row| Time(row.value).after(REMEMBERED) <= now).collect();
        if !past.is_empty() {
            let mut draft = Draft::new();
            for row in past {
                draft.expect(row);
                draft.remove(row);
            }
            match system.store.commit(draft).await {
                // What was removed meanwhile, with its agent, is no longer ours; the rest is past its time in an hour, too.
                Ok(_) | Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
