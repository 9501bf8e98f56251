//! The one place that prints: data on stdout, everything else on stderr.
//!
//! What is said on stderr may quote agents and tables: its control characters are escaped here, whoever says it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use understory_server::{Code, Failure};

use crate::arguments::General;
use crate::render::lines;

/// Where the command prints. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Terminal(Arc<Inner>);

struct Inner {
    json: bool,
    quiet: bool,
    draws: bool,
    colours: bool,
    every: Duration,
    /// The bar being drawn: what is printed meanwhile goes above it.
    bar: Mutex<Option<ProgressBar>>,
}

impl Terminal {
    /// Reads how to print off the command line and the environment.
    pub(crate) fn new(general: &General) -> Self {
        let able = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colours = able && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let General { json, quiet, progress, .. } = *general;
        let every = Duration::from_secs(progress.into());
        Terminal(Arc::new(Inner { json, quiet, draws: able && !quiet, colours, every, bar: Mutex::new(None) }))
    }

    /// A terminal for a command line that could not be read.
    pub(crate) fn bare(json: bool) -> Self {
        Terminal(Arc::new(Inner {
            json,
            quiet: false,
            draws: false,
            colours: false,
            every: Duration::MAX,
            bar: Mutex::new(None),
        }))
    }

    /// Whether results and errors are JSON.
    pub(crate) fn json(&self) -> bool {
        self.0.json
    }

    /// Whether a bar may be drawn: never where stderr is no terminal.
    pub(crate) fn draws(&self) -> bool {
        self.0.draws
    }

    /// Whether colours may be used.
    pub(crate) fn colours(&self) -> bool {
        self.0.colours
    }

    /// Prints a result, above which no bar is drawn any more. A reader that has gone away is no failure.
    ///
    /// Waits for a reader that is slow: see [`Session::data`](crate::command::Session::data).
    pub(crate) fn data(text: &str) -> Result<(), Failure> {
        Terminal::data_to_reader(text).map(drop)
    }

    /// As [`Terminal::data`], for a stream: false when its reader has gone away.
    pub(crate) fn data_to_reader(text: &str) -> Result<bool, Failure> {
        let print = || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            if !text.is_empty() && !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
            out.flush()
        };
        match print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Code::Unwritable, format!("failed to write to stdout: {error}")))
            }
            printed => Ok(printed.is_ok()),
        }
    }

    /// Prints what is good to know and no part of the result, for people: programs are told nothing of it.
    pub(crate) fn note(&self, text: &str) {
        if !self.0.quiet && !self.0.json {
            self.stderr(&format!("{}\n", lines(text)));
        }
    }

    /// Prints an event for programs, a line of JSON.
    pub(crate) fn event(&self, json: &str) {
        if !self.0.quiet {
            self.stderr(&format!("{json}\n"));
        }
    }

    /// How often progress is told where no bar is drawn.
    pub(crate) fn every(&self) -> Duration {
        self.0.every
    }

    /// Prints what the user may not have meant.
    pub(crate) fn warn(&self, text: &str) {
        if self.0.json {
            return self.stderr(&format!("{}\n", serde_json::json!({ "warning": text })));
        }
        self.stderr(&format!("{} {}\n", self.label("warning:", "33"), lines(text)));
    }

    /// Prints why the command fails.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.0.json {
            let text = serde_json::to_string(failure).unwrap_or_else(|_| failure.message.clone());
            return self.stderr(&format!("{text}\n"));
        }
        self.stderr(&format!("{} {}\n", self.label("error:", "31"), lines(&failure.message)));
        if let Some(hint) = &failure.hint {
            self.stderr(&format!("{} {}\n", self.label("hint:", "36"), lines(hint)));
        }
    }

    /// Asks a question that yes or no answers, and waits; nothing if there is nobody who reads it and answers.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        self.stderr(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        Some(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Sets or takes away the bar being drawn.
    pub(crate) fn draw(&self, bar: Option<ProgressBar>) {
        *self.0.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Prints on stderr. One that cannot be written is nobody's to tell.
    fn stderr(&self, text: &str) {
        let _ = self.above(|| io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Prints above the bar.
    fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        let bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match bar.as_ref() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn label(&self, text: &str, colour: &str) -> String {
        if self.0.colours { format!("\u{1b}[1;{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// As the log's destination.
impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.above(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
