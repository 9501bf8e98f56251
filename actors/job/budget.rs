//! What a job may use: runs, tokens, time. Once that is used up it pauses with the reason: what runs finishes, and nothing
//! more is started until somebody raises it and has the job go on.

use understory_store::{JobLimits, Spent, Time, Usage};

use super::actor::Held;
use crate::caller::ItemRun;
use crate::system::System;

/// How many runs a job that has used this may start now, or why none.
pub(super) fn runs_left(limits: JobLimits, spent: Spent, now: Time) -> Result<usize, String> {
    if let Some(tokens) = limits.tokens.filter(|tokens| spent.tokens >= *tokens) {
        return Err(format!("its budget of {tokens} tokens is used up, by {}", spent.tokens));
    }
    if limits.until.is_some_and(|until| now >= until) {
        return Err("its time is up".to_owned());
    }
    match limits.turns {
        Some(turns) if spent.turns >= turns => Err(format!("its budget of {turns} turns is used up")),
        Some(turns) => Ok(usize::try_from(turns - spent.turns).unwrap_or(usize::MAX)),
        None => Ok(usize::MAX),
    }
}

impl System {
    /// Notes what a brain's answer in a run has cost; it is on record with the commit that takes up the run's end.
    pub(super) fn note_usage(&self, run: &ItemRun, usage: Usage) {
        let noted = |held: &mut Held| {
            if let Some(entry) = held.runs.get_mut(&run.row).filter(|entry| entry.run == run.run) {
                entry.cost.tokens = entry.cost.tokens.saturating_add(usage.tokens());
            }
        };
        self.jobs.held(&run.job, noted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_first_is_told() {
        let left = |limits: JobLimits, turns, tokens| runs_left(limits, Spent { turns, tokens }, Time(1_000));
        let none = JobLimits::default();
        assert_eq!(left(none, 9, 9), Ok(usize::MAX));
        let turns = JobLimits { turns: Some(10), ..none };
        assert_eq!(left(turns, 7, 0), Ok(3));
        assert_eq!(left(turns, 10, 0), Err("its budget of 10 turns is used up".to_owned()));
        assert_eq!(left(turns, 11, 0), Err("its budget of 10 turns is used up".to_owned()));
        let tokens = JobLimits { tokens: Some(500), ..none };
        assert_eq!(left(tokens, 9, 499), Ok(usize::MAX));
        assert_eq!(left(tokens, 9, 512), Err("its budget of 500 tokens is used up, by 512".to_owned()));
        let until = |at| JobLimits { until: Some(Time(at)), ..none };
        assert_eq!(left(until(1_001), 0, 0), Ok(usize::MAX));
        assert_eq!(left(until(1_000), 0, 0), Err("its time is up".to_owned()));
    }
}
