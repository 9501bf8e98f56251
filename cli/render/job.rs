//! What is answered of one job.

use understory_server::{AskedPause, AskedRetry, AskedSet, ItemsPage, JobAnswer, JobLine, PauseLine, RowLine};

use super::list::columns;
use super::{escaped, grouped, removed, short};

/// An answer.
pub(super) fn answer(answer: &JobAnswer) -> String {
    match answer {
        JobAnswer::Items(page) => items(page),
        JobAnswer::Watched(watched) => super::summary(&watched.job, &watched.slowest) + "\n",
        JobAnswer::Retried(asked) => retried(asked) + "\n",
        JobAnswer::Paused(asked) => paused(asked),
        JobAnswer::Set(asked) => set(asked),
        JobAnswer::Exported(asked) => {
            format!("{}: {} in {}\n", asked.job, super::rows(asked.rows.into()), escaped(&asked.output))
        }
        JobAnswer::Removed(asked) => removed::removed(asked),
    }
}

/// What came of a retry.
pub(crate) fn retried(asked: &AskedRetry) -> String {
    let AskedRetry { job, retried, cancelled, left } = asked;
    let mut parts = match retried {
        0 if *cancelled > 0 => Vec::new(),
        0 => vec!["no row is tried again".to_owned()],
        1 => vec!["1 row is tried again".to_owned()],
        rows => vec![format!("{} rows are tried again", grouped(*rows))],
    };
    match cancelled {
        0 => {}
        1 => parts.push("1 row that a cancel left goes on".to_owned()),
        rows => parts.push(format!("{} rows that a cancel left go on", grouped(*rows))),
    }
    match left {
        0 => {}
        1 => parts.push("1 that was named is neither failed nor skipped".to_owned()),
        rows => parts.push(format!("{} that were named are neither failed nor skipped", grouped(*rows))),
    }
    format!("{job}: {}", parts.join("; "))
}

fn paused(asked: &AskedPause) -> String {
    let AskedPause { job, new, pause } = asked;
    match (pause, new) {
        (Some(pause), true) => format!("{job} is paused, rows that run may finish: {}\n", paused_for(pause)),
        (Some(pause), false) => format!("{job} was paused already: {}\n", paused_for(pause)),
        (None, true) => format!("{job} goes on\n"),
        (None, false) => format!("{job} was not paused\n"),
    }
}

fn set(asked: &AskedSet) -> String {
    let AskedSet { job, new: _, concurrency, limits } = asked;
    let of = |limit: Option<u64>, what: &str| limit.map(|limit| format!("{} {what}", grouped(limit)));
    let until = limits.until.as_ref().map(|until| format!("starts no rows after {until}"));
    let bounds = [of(limits.turns, "turns"), of(limits.tokens, "tokens"), until];
    let parts = std::iter::once(format!("{concurrency} at once")).chain(bounds.into_iter().flatten());
    format!("{job}: {}\n", parts.collect::<Vec<_>>().join(", "))
}

/// How a job stands and how far it is: `closed (running, 312 of 3,376)`.
pub(crate) fn standing(job: &JobLine) -> String {
    let [done, rows] = [job.counts.done(), job.rows].map(|count| grouped(count.into()));
    let state = format!("{}, {done} of {rows}", job.state);
    match (&job.closed_by, &job.pause) {
        (Some(_), _) => format!("closed ({state})"),
        (None, Some(_)) => format!("paused ({state})"),
        (None, None) => state,
    }
}

/// Why it starts no rows for now, and how it goes on.
pub(super) fn pause(job: &JobLine) -> String {
    job.pause.as_ref().map(paused_for).unwrap_or_default()
}

fn paused_for(pause: &PauseLine) -> String {
    match &pause.until {
        Some(until) => format!("{}, until {until}", escaped(&pause.reason)),
        None => escaped(&pause.reason),
    }
}

/// What it has used, and what of it is bounded.
pub(super) fn spent(job: &JobLine) -> String {
    let of = |used: u64, limit: Option<u64>, what: &str| match limit {
        Some(limit) => Some(format!("{} of {} {what}", grouped(used), grouped(limit))),
        None => (used > 0).then(|| format!("{} {what}", grouped(used))),
    };
    let (spent, limits) = (job.spent, &job.limits);
    let until = limits.until.as_ref().map(|until| format!("starts no rows after {until}"));
    let parts = [of(spent.turns, limits.turns, "turns"), of(spent.tokens, limits.tokens, "tokens"), until];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn items(page: &ItemsPage) -> String {
    let mut text = match page.items.as_slice() {
        [] => "no rows\n".to_owned(),
        items => columns(["ROW", "ITEM", "STATUS", "RUNS", "ERROR"], items.iter().map(row)),
    };
    if let Some(next) = page.next {
        text.push_str(&format!("more: --after {next}\n"));
    }
    text
}

fn row(line: &RowLine) -> [String; 5] {
    let error = line.last_error.as_deref().map(short).unwrap_or_default();
    [line.row.to_string(), escaped(&line.item_id), line.status.clone(), line.runs.to_string(), error]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::job_line as line;
    use super::*;

    #[test]
    fn standing_comes_before_state() {
        let check = |changes: serde_json::Value, expected: &str| assert_eq!(standing(&line(&changes)), expected);
        let paused = json!({ "reason": "asked", "until": null, "used_up": false, "goal": null });
        check(json!({}), "running, 312 of 3,376");
        check(json!({ "pause": paused }), "paused (running, 312 of 3,376)");
        check(json!({ "pause": paused, "closed_by": "/root" }), "closed (running, 312 of 3,376)");
    }

    #[test]
    fn a_pause_says_why_and_until_when() {
        let check = |changes: serde_json::Value, expected: &str| assert_eq!(pause(&line(&changes)), expected);
        check(json!({}), "");
        check(
            json!({ "pause": { "reason": "asked\u{1b}", "until": null, "used_up": false, "goal": null } }),
            "asked\\u{1b}",
        );
        check(
            json!({ "pause": { "reason": "slow", "until": "noon", "used_up": false, "goal": null } }),
            "slow, until noon",
        );
    }

    #[test]
    fn what_is_neither_used_nor_bounded_is_not_told() {
        let check = |changes: serde_json::Value, expected: &str| assert_eq!(spent(&line(&changes)), expected);
        check(json!({}), "");
        check(json!({ "spent": { "turns": 1200, "tokens": 0 } }), "1,200 turns");
        check(
            json!({ "limits": { "turns": 5, "tokens": 9000, "until": "noon" } }),
            "0 of 5 turns, 0 of 9,000 tokens, starts no rows after noon",
        );
    }
}
