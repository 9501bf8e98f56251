//! The one place that prints: data on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;
use understory_server::{Code, Failure};

use crate::arguments::General;

/// Where the command prints. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Terminal(Arc<Inner>);

struct Inner {
    json: bool,
    quiet: bool,
    colours: bool,
    /// The bar being drawn: what is printed meanwhile goes above it.
    bar: Mutex<Option<ProgressBar>>,
}

impl Terminal {
    /// Reads how to print off the command line and the environment.
    pub(crate) fn new(general: &General) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Terminal::with(general.json, general.quiet, !plain && io::stderr().is_terminal())
    }

    /// A terminal for a command line that could not be read.
    pub(crate) fn bare(json: bool) -> Self {
        Terminal::with(json, false, false)
    }

    fn with(json: bool, quiet: bool, colours: bool) -> Self {
        Terminal(Arc::new(Inner { json, quiet, colours, bar: Mutex::new(None) }))
    }

    /// Whether results and errors are JSON.
    pub(crate) fn json(&self) -> bool {
        self.0.json
    }

    /// Whether a bar may be drawn.
    pub(crate) fn draws(&self) -> bool {
        !self.0.quiet && io::stderr().is_terminal()
    }

    /// Whether colours may be used.
    pub(crate) fn colours(&self) -> bool {
        self.0.colours
    }

    /// Prints a result. A reader that has gone away is no failure.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        let print = || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            if !text.is_empty() && !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
            out.flush()
        };
        match self.aside(print) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Code::Unwritable, format!("failed to write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Prints what is good to know and no part of the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.0.quiet {
            self.stderr(&format!("{text}\n"));
        }
    }

    /// Prints what the user may not have meant.
    pub(crate) fn warn(&self, text: &str) {
        self.stderr(&format!("{} {text}\n", self.label("warning:", "33")));
    }

    /// Prints why the command fails.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.0.json {
            let text = serde_json::to_string(failure).unwrap_or_else(|_| failure.message.clone());
            return self.stderr(&format!("{text}\n"));
        }
        self.stderr(&format!("{} {}\n", self.label("error:", "31"), failure.message));
        if let Some(hint) = &failure.hint {
            self.stderr(&format!("{} {hint}\n", self.label("hint:", "36")));
        }
    }

    /// Prints bytes on stderr, above the bar. A stderr that cannot be written is nobody's to tell.
    pub(crate) fn stderr(&self, text: &str) {
        let _ = self.aside(|| io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Asks a question that yes or no answers; nothing if there is nobody to ask.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() {
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

    fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
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
        self.aside(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
