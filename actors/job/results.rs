//! A stream of results as they land.

use std::collections::VecDeque;

use understory_paths::AgentPath;
use understory_store::{GrowthOrder, Item};

use super::follow::{Follow, Found, Look, Place, ResultCursor};
use super::output::result_text;
use super::run::row_text;
use crate::error::Error;
use crate::system::System;

/// A row that came to its end.
#[derive(Clone, Debug)]
pub struct RowResult {
    /// Its number, from 1.
    pub number: u32,
    /// Its record: completed, failed or skipped.
    pub item: Item,
    /// The row as a JSON object.
    pub row: String,
    /// What was reported, as a JSON object, if it is completed.
    pub result: Option<String>,
    /// Behind this row: whoever has taken it goes on from here, in another process too.
    pub cursor: ResultCursor,
}

/// The rows of a job that come to their ends, each once: those that have already, by their numbers, then the others as they
/// do.
///
/// A row that is tried again after its end comes to another, which is given too. A slow reader slows nobody, and nothing
/// piles up for it: it reads from the store.
pub struct Results {
    system: System,
    path: AgentPath,
    follow: Follow,
    found: VecDeque<Found>,
}

impl System {
    /// Follows the results of a job, from a place on that an earlier look at the same job gave; from the start without one.
    pub fn job_results(&self, path: &AgentPath, after: Option<ResultCursor>) -> Results {
        let place = after.map_or_else(|| Place::start(self, GrowthOrder::Ends), ResultCursor::place);
        let follow = Follow::new(self, path, place);
        Results { system: self.clone(), path: path.clone(), follow, found: VecDeque::new() }
    }
}

impl Results {
    /// The next one; waits for it. Nothing when the job is final and all were given: rows that a cancelled job never ran came
    /// to no end.
    ///
    /// # Errors
    /// The job is closed or not there, the runtime stops, or the store failed.
    pub async fn next(&mut self) -> Result<Option<RowResult>, Error> {
        loop {
            // Taken away when nothing is waited for any more: whoever gives up waiting misses none.
            if let Some(Found { number, me, item, place }) = self.found.front().cloned() {
                let row = row_text(&self.system.store, &me, &item).await?;
                let result = result_text(&self.system, &me, &item).await?;
                self.found.pop_front();
                return Ok(Some(RowResult { number, item, row, result, cursor: ResultCursor::new(place) }));
            }
            match self.follow.look().await? {
                Look::Found(found) => self.found.extend(found),
                Look::Nothing => self.follow.wait().await?,
                Look::Over => return Ok(None),
            }
        }
    }

    /// The job whose they are.
    pub fn path(&self) -> &AgentPath {
        &self.path
    }
}
