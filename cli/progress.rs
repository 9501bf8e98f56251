//! How far a job is: a bar on a terminal, lines at intervals elsewhere, events in JSON with `--json`.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use understory::{AgentPath, Begun, Counts, Spent};
use understory_server::{JobLine, SlowLine};

use crate::pace::Pace;
use crate::render::{grouped, rows};
use crate::terminal::Terminal;

/// How often the bar moves when nothing else does.
const TICK: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{spinner} [{bar:10}] {wide_msg}";

/// How far a job is.
pub(crate) struct Progress {
    terminal: Terminal,
    every: Duration,
    state: Mutex<Option<State>>,
    /// The word for whether the job was there when it was asked for.
    begun: OnceLock<&'static str>,
}

/// Where a job stands, as far as progress tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) job: AgentPath,
    pub(crate) rows: u32,
    /// The word for its state.
    pub(crate) state: String,
    pub(crate) paused: bool,
    pub(crate) counts: Counts,
    pub(crate) spent: Spent,
}

struct State {
    standing: Standing,
    pace: Pace,
    /// When it was last told in a line.
    told: Instant,
    bar: Option<ProgressBar>,
    /// Programs were told that it is followed no longer.
    ended: bool,
}

impl From<&JobLine> for Standing {
    fn from(job: &JobLine) -> Self {
        let understory_server::Counts { pending, running, completed, failed, skipped } = job.counts;
        Standing {
            job: job.path.clone(),
            rows: job.rows,
            state: job.state.clone(),
            paused: job.pause.is_some(),
            counts: Counts { pending, running, completed, failed, skipped },
            spent: Spent { turns: job.spent.turns, tokens: job.spent.tokens },
        }
    }
}

impl Progress {
    /// Shows nothing yet. Where no bar is drawn, it tells `every` so often.
    pub(crate) fn new(terminal: &Terminal, every: Duration) -> Self {
        Progress { terminal: terminal.clone(), every, state: Mutex::new(None), begun: OnceLock::new() }
    }

    /// Takes whether the job was there, before anything is shown.
    pub(crate) fn asked(&self, begun: Begun) {
        let word = match begun {
            Begun::New => "new",
            Begun::GoesOn => "goes_on",
            Begun::WritesAgain => "writes_again",
            Begun::Finished => "finished",
        };
        // Of several the first is told.
        let _ = self.begun.set(word);
    }

    /// Begins to show a job.
    pub(crate) fn begin(&self, standing: Standing, unfinished: bool) {
        let now = Instant::now();
        let pace = Pace::new(now, standing.counts.done());
        let draws = self.terminal.draws() && !self.terminal.json() && unfinished;
        let bar = draws.then(|| bar(ProgressDrawTarget::stderr(), &standing, &pace));
        if let Some(bar) = &bar {
            bar.enable_steady_tick(TICK);
        }
        self.terminal.draw(bar.clone());
        if self.terminal.json() {
            let mut event = told("begun", &standing, &pace);
            event["begun"] = self.begun.get().copied().into();
            self.terminal.event(&event.to_string());
        }
        *self.state() = Some(State { standing, pace, told: now, bar, ended: false });
    }

    /// Takes where its rows stand now.
    pub(crate) fn moved(&self, word: &str, counts: Counts) {
        let mut state = self.state();
        let Some(state) = state.as_mut() else { return };
        state.standing = Standing { state: word.to_owned(), counts, ..state.standing.clone() };
        state.show(Instant::now());
    }

    /// Takes where it stands, and tells of it if that is due.
    pub(crate) fn stands(&self, standing: Standing) {
        let mut state = self.state();
        let Some(state) = state.as_mut() else { return };
        let now = Instant::now();
        state.standing = standing;
        state.show(now);
        if state.bar.is_none() && now.duration_since(state.told) >= self.every {
            state.told = now;
            match self.terminal.json() {
                true => self.terminal.event(&told("progress", &state.standing, &state.pace).to_string()),
                false => self.terminal.note(&line(&state.standing, &state.pace)),
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.terminal.draw(None);
        if let Some(bar) = self.state().as_mut().and_then(|state| state.bar.take()) {
            bar.finish_and_clear();
        }
    }

    /// Tells programs once how it ended, and which rows took longest.
    pub(crate) fn ended(&self, standing: Standing, slowest: &[SlowLine]) {
        let mut state = self.state();
        let Some(state) = state.as_mut().filter(|state| self.terminal.json() && !state.ended) else { return };
        (state.standing, state.ended) = (standing, true);
        state.show(Instant::now());
        let mut event = told("ended", &state.standing, &state.pace);
        event["slowest"] = json!(slowest);
        self.terminal.event(&event.to_string());
    }

    /// Tells programs that it is followed no longer, wherever it stands.
    pub(crate) fn cut(&self) {
        let standing = self.state().as_ref().map(|state| state.standing.clone());
        if let Some(standing) = standing {
            self.ended(standing, &[]);
        }
    }

    /// The job being shown.
    pub(crate) fn job(&self) -> Option<AgentPath> {
        self.state().as_ref().map(|state| state.standing.job.clone())
    }

    /// How far it is, in words.
    pub(crate) fn standing(&self) -> Option<String> {
        let state = self.state();
        let Standing { rows: all, counts, .. } = &state.as_ref()?.standing;
        Some(format!("{} of {} are done", grouped(counts.done().into()), rows((*all).into())))
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        // Nothing that runs under the lock leaves half a change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn show(&mut self, now: Instant) {
        let done = self.standing.counts.done();
        self.pace.mark(now, done);
        if let Some(bar) = &self.bar {
            bar.set_position(done.into());
            bar.set_message(message(&self.standing, &self.pace));
        }
    }
}

impl Standing {
    /// Rows that are still to come to their ends.
    fn left(&self) -> u32 {
        match self.state.as_str() {
            "cancelling" => self.counts.running,
            _ => self.rows.saturating_sub(self.counts.done()),
        }
    }

    /// How long they take, if that can be told and they are worked on.
    fn time_left(&self, pace: &Pace) -> Option<Duration> {
        pace.left(self.left()).filter(|_| self.left() > 0 && !self.paused)
    }
}

fn bar(target: ProgressDrawTarget, standing: &Standing, pace: &Pace) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(standing.rows.into()), target);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_position(standing.counts.done().into());
    bar.set_message(message(standing, pace));
    bar
}

/// A line of progress where there is no bar.
fn line(standing: &Standing, pace: &Pace) -> String {
    format!("job {}: {}", standing.job, message(standing, pace))
}

/// What stands beside the bar.
fn message(standing: &Standing, pace: &Pace) -> String {
    let Standing { rows, counts, spent, .. } = standing;
    if standing.state == "importing" {
        return format!("reading the table: {} of {} rows", grouped(counts.total().into()), grouped((*rows).into()));
    }
    let number = |count: u32| grouped(count.into());
    let mut parts = vec![format!("{} of {} done", number(counts.done()), number(*rows))];
    match (standing.state.as_str(), standing.paused) {
        ("cancelling", _) => parts.push("being cancelled".to_owned()),
        (_, true) => parts.push("paused".to_owned()),
        _ => {}
    }
    // Before what may have no room on a narrow terminal.
    if let Some(left) = standing.time_left(pace) {
        parts.push(format!("{:#} left", HumanDuration(left)));
    }
    if let Some(rate) = pace.rate() {
        parts.push(format!("{rate:.1} rows/s"));
    }
    parts.push(format!("{} failed", number(counts.failed)));
    if counts.skipped > 0 {
        parts.push(format!("{} skipped", number(counts.skipped)));
    }
    parts.push(format!("{} running", number(counts.running)));
    if spent.tokens > 0 {
        parts.push(format!("{} tokens", grouped(spent.tokens)));
    }
    parts.join(", ")
}

/// An event for programs.
fn told(event: &str, standing: &Standing, pace: &Pace) -> serde_json::Value {
    let Standing { job, rows, state, paused, counts, spent } = standing;
    let left = standing.time_left(pace).map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    json!({
        "event": event,
        "job": job,
        "state": state,
        "paused": paused,
        "rows": rows,
        "counts": {
            "pending": counts.pending,
            "running": counts.running,
            "completed": counts.completed,
            "failed": counts.failed,
            "skipped": counts.skipped,
        },
        "rows_per_second": pace.rate(),
        "left_ms": left,
        "spent": { "turns": spent.turns, "tokens": spent.tokens },
    })
}

#[cfg(test)]
mod tests;
