//! How far a job is: a bar on a terminal, nothing elsewhere.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use understory::{AgentPath, Counts, JobView};

use crate::render::{grouped, rows};
use crate::terminal::Terminal;

/// How often the bar moves when nothing else does.
const TICK: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{spinner} [{bar:30}] {msg}  {rate} rows/s{left}";

/// How far a job is.
pub(crate) struct Progress {
    terminal: Terminal,
    state: Mutex<Option<State>>,
}

struct State {
    job: AgentPath,
    rows: u32,
    counts: Counts,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new(terminal: &Terminal) -> Self {
        Progress { terminal: terminal.clone(), state: Mutex::new(None) }
    }

    /// Begins to show a job.
    pub(crate) fn begin(&self, view: &JobView) {
        let (rows, counts) = (view.spec.rows, view.job.counts);
        let bar =
            (self.terminal.draws() && view.job.unfinished()).then(|| bar(ProgressDrawTarget::stderr(), rows, counts));
        if let Some(bar) = &bar {
            bar.enable_steady_tick(TICK);
        }
        self.terminal.draw(bar.clone());
        *self.state() = Some(State { job: view.path.clone(), rows, counts, bar });
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

fn bar(target: ProgressDrawTarget, rows: u32, counts: Counts) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(rows.into()), target);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        let rate = |state: &ProgressState, text: &mut dyn Write| {
            // A bar that cannot be drawn is no failure.
            let _ = write!(text, "{:.1}", state.per_sec());
        };
        let left = |state: &ProgressState, text: &mut dyn Write| {
            if state.per_sec() > 0.0 {
                let _ = write!(text, "  {:#} left", HumanDuration(state.eta()));
            }
        };
        bar.set_style(style.progress_chars("=> ").with_key("rate", rate).with_key("left", left));
    }
    bar.set_position(counts.done().into());
    // The rate is this process's own: what was done before does not count.
    bar.reset_eta();
    bar.set_message(message(rows, "", counts));
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

fn standing(rows: u32, counts: Counts) -> String {
    let [done, rows] = [counts.done(), rows].map(|count| grouped(count.into()));
    format!(
        "{done} of {rows} done, {} failed, {} running",
        grouped(counts.failed.into()),
        grouped(counts.running.into())
    )
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    const COUNTS: Counts = Counts { pending: 2140, running: 16, completed: 1218, failed: 2, skipped: 0 };

    #[test]
    fn the_bar_says_what_the_job_is_at() {
        assert_eq!(message(3376, "running", COUNTS), "1,220 of 3,376 done, 2 failed, 16 running");
        assert_eq!(message(3376, "cancelling", COUNTS), "1,220 of 3,376 done, 2 failed, 16 running, being cancelled");
        assert_eq!(message(4000, "importing", COUNTS), "reading the table: 3,376 of 4,000 rows");
    }

    #[test]
    fn the_bar_is_drawn_in_a_line_and_taken_away() {
        let screen = InMemoryTerm::new(10, 120);
        let bar = bar(ProgressDrawTarget::term_like(Box::new(screen.clone())), 3376, COUNTS);
        bar.tick();
        // Nothing was done yet that a time could be told from.
        insta::assert_snapshot!(screen.contents(), @"⠉ [==========>                   ] 1,220 of 3,376 done, 2 failed, 16 running  0.0 rows/s");
        bar.inc(5);
        bar.tick();
        assert!(screen.contents().ends_with(" left"), "{}", screen.contents());
        bar.finish_and_clear();
        assert_eq!(screen.contents(), "");
    }
}
