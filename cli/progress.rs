//! How far a job is: a bar on a terminal, a line now and then elsewhere.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use understory::{AgentPath, Counts, JobView};

use crate::render::{grouped, rows};
use crate::terminal::Terminal;

/// How often a line is printed where no bar can be drawn.
const LINES_EVERY: Duration = Duration::from_secs(10);
const TEMPLATE: &str = "{spinner} [{bar:30}] {msg}  {rate} rows/s  {eta} left";

/// How far a job is.
pub(crate) struct Progress {
    terminal: Terminal,
    lines: tokio::sync::Mutex<Interval>,
    state: Mutex<Option<State>>,
}

struct State {
    job: AgentPath,
    rows: u32,
    counts: Counts,
    /// Rows done when this process began, and when that was: what it is measured from.
    from: (u32, Instant),
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new(terminal: &Terminal) -> Self {
        let mut lines = interval_at(tokio::time::Instant::now() + LINES_EVERY, LINES_EVERY);
        lines.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Progress { terminal: terminal.clone(), lines: tokio::sync::Mutex::new(lines), state: Mutex::new(None) }
    }

    /// Begins to show a job.
    pub(crate) fn begin(&self, view: &JobView) {
        let (rows, counts) = (view.spec.rows, view.job.counts);
        let bar = (self.terminal.draws() && view.job.unfinished()).then(|| bar(rows, counts));
        self.terminal.draw(bar.clone());
        let from = (counts.done(), Instant::now());
        *self.state() = Some(State { job: view.path.clone(), rows, counts, from, bar });
    }

    /// Takes where its rows stand now.
    pub(crate) fn moved(&self, word: &str, counts: Counts) {
        let mut state = self.state();
        let Some(state) = state.as_mut() else { return };
        state.counts = counts;
        if let Some(bar) = &state.bar {
            bar.set_position(counts.done().into());
            bar.set_message(message(state.rows, word, counts));
        }
    }

    /// Prints a line when it is time for one. Resolves then; may be dropped and called again.
    pub(crate) async fn tick(&self) {
        self.lines.lock().await.tick().await;
        let state = self.state();
        if let Some(state) = state.as_ref().filter(|state| state.bar.is_none()) {
            self.terminal.note(&line(state.rows, state.counts, state.from.0, state.from.1.elapsed()));
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.terminal.draw(None);
        if let Some(bar) = self.state().as_mut().and_then(|state| state.bar.take()) {
            bar.finish_and_clear();
        }
    }

    /// The job being shown.
    pub(crate) fn job(&self) -> Option<AgentPath> {
        self.state().as_ref().map(|state| state.job.clone())
    }

    /// How far it is, in words.
    pub(crate) fn standing(&self) -> Option<String> {
        let state = self.state();
        let state = state.as_ref()?;
        Some(format!("{} of {} are done", grouped(state.counts.done().into()), rows(state.rows.into())))
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        // Nothing that runs under the lock leaves half a change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bar(rows: u32, counts: Counts) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(rows.into()), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        let rate = |state: &ProgressState, text: &mut dyn Write| {
            // A bar that cannot be drawn is no failure.
            let _ = write!(text, "{:.1}", state.per_sec());
        };
        bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
    }
    bar.set_position(counts.done().into());
    // The rate is this process's own: what was done before does not count.
    bar.reset_eta();
    bar.set_message(message(rows, "", counts));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What stands beside the bar.
fn message(rows: u32, word: &str, counts: Counts) -> String {
    if word == "importing" {
        return format!("reading the table: {} of {} rows", grouped(counts.total().into()), grouped(rows.into()));
    }
    let cancelling = if word == "cancelling" { ", being cancelled" } else { "" };
    format!("{}{cancelling}", standing(rows, counts))
}

/// A line for where no bar can be drawn. `before` rows were done when this process began, `elapsed` ago.
fn line(rows: u32, counts: Counts, before: u32, elapsed: Duration) -> String {
    let here = f64::from(counts.done().saturating_sub(before));
    let rate = here / elapsed.as_secs_f64().max(0.001);
    let left = f64::from(rows.saturating_sub(counts.done()));
    let eta = if rate > 0.0 { format!(", {} left", seconds(left / rate)) } else { String::new() };
    format!("{}, {rate:.1} rows/s{eta}", standing(rows, counts))
}

fn standing(rows: u32, counts: Counts) -> String {
    let [done, rows] = [counts.done(), rows].map(|count| grouped(count.into()));
    format!(
        "{done} of {rows} done, {} failed, {} running",
        grouped(counts.failed.into()),
        grouped(counts.running.into())
    )
}

fn seconds(seconds: f64) -> String {
    match seconds.ceil() {
        long if long >= 3600.0 => format!("{:.0} h {:.0} min", (long / 3600.0).floor(), (long % 3600.0 / 60.0).floor()),
        long if long >= 60.0 => format!("{:.0} min {:.0} s", (long / 60.0).floor(), long % 60.0),
        short => format!("{short:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts = Counts { pending: 2140, running: 16, completed: 1218, failed: 2 };

    #[test]
    fn a_line_tells_done_failed_running_rate_and_time_left() {
        let check = |before, elapsed, expected: &str| {
            assert_eq!(line(3376, COUNTS, before, Duration::from_secs(elapsed)), expected);
        };
        check(0, 10, "1,220 of 3,376 done, 2 failed, 16 running, 122.0 rows/s, 18 s left");
        check(1100, 10, "1,220 of 3,376 done, 2 failed, 16 running, 12.0 rows/s, 3 min 0 s left");
        check(1219, 10, "1,220 of 3,376 done, 2 failed, 16 running, 0.1 rows/s, 5 h 59 min left");
        check(1220, 10, "1,220 of 3,376 done, 2 failed, 16 running, 0.0 rows/s");
    }

    #[test]
    fn the_bar_says_what_the_job_is_at() {
        assert_eq!(message(3376, "running", COUNTS), "1,220 of 3,376 done, 2 failed, 16 running");
        assert_eq!(message(3376, "cancelling", COUNTS), "1,220 of 3,376 done, 2 failed, 16 running, being cancelled");
        assert_eq!(message(4000, "importing", COUNTS), "reading the table: 3,376 of 4,000 rows");
    }
}
