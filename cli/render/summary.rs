//! What came of a job, in a few lines.

use std::fmt::Write as _;

use understory_server::{JobLine, SlowLine};

use super::{KINDS_MAX, counted, escaped, failed_alike, grouped, job as parts};

/// A row that took less than this is not slow, in milliseconds.
const SLOW: u64 = 2000;

/// What came of a job that is finished, or that nobody runs any more.
pub(crate) fn summary(job: &JobLine, slowest: &[SlowLine]) -> String {
    let mut text = format!("job {} {}, {}", job.path, job.state, counted(job));
    for error in job.errors.iter().take(KINDS_MAX) {
        let _ = write!(text, "\n  {}", failed_alike(error));
    }
    if let Some(more @ 1..) = job.errors.len().checked_sub(KINDS_MAX) {
        let _ = write!(text, "\n  and {more} more kinds of failure");
    }
    let slow: Vec<String> = slowest.iter().filter(|row| row.took_ms >= SLOW).map(slow).collect();
    if !slow.is_empty() {
        let _ = write!(text, "\nslowest: {}", slow.join(", "));
    }
    let done = u64::from(job.counts.done());
    // A run a row is what every job takes.
    if job.spent.tokens > 0 || job.spent.turns > done {
        let _ = write!(text, "\nspent: {}", parts::spent(job));
    }
    if job.pause.is_some() {
        let _ = write!(text, "\npaused: {}", parts::pause(job));
    }
    if job.exported_at.is_some() && !job.output.is_empty() {
        let _ = write!(text, "\noutput: {}", escaped(&job.output));
    }
    text
}

fn slow(row: &SlowLine) -> String {
    let tenths = row.took_ms / 100;
    format!("{} {}.{} s", escaped(&row.item_id), grouped(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_slow_spent_and_put_off_is_told() {
        let changes = serde_json::json!({
            "rows": 4, "counts": { "pending": 1, "running": 0, "completed": 3, "failed": 0, "skipped": 0 },
            "limits": { "turns": 1000, "tokens": null, "until": null }, "spent": { "turns": 3, "tokens": 0 },
        });
        let mut job = super::super::tests::job_line(&changes);
        let row = |item_id: &str, took_ms| SlowLine { row: 1, item_id: item_id.to_owned(), took_ms };
        assert_eq!(summary(&job, &[row("a", 1999)]), "job /root/j running, 4 rows: 3 completed, 1 pending");
        job.spent.turns = 4;
        job.spent.tokens = 45_120;
        job.pause = serde_json::from_value(
            serde_json::json!({ "reason": "enough", "until": null, "used_up": true, "goal": null }),
        )
        .unwrap();
        job.exported_at = Some(String::new());
        insta::assert_snapshot!(summary(&job, &[row("k\u{1b}7", 1_234_567), row("b", 2000), row("a", 1999)]), @r"
        job /root/j running, 4 rows: 3 completed, 1 pending
        slowest: k\u{1b}7 1,234.5 s, b 2.0 s
        spent: 4 of 1,000 turns, 45,120 tokens
        paused: enough
        output: out.csv
        ");
    }
}
