//! A brain that answers from a script, for tests and demonstrations.

mod reply;
mod script;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use understory_actors::{AnyBrain, Brain, BrainError, BrainFactory, Response, Seat, Turn, chain};

pub use reply::Reply;
pub use script::ScriptError;

use script::Script;

type Answer = dyn Fn(&Turn) -> Reply + Send + Sync;

/// Makes brains that answer from a script, which all of them share: a reply that is used up is so for each.
///
/// The first reply that matches the turn's text and is not used up is given; if there is none the turn is refused.
pub struct Scripted {
    source: Source,
}

enum Source {
    Script(Arc<Script>),
    Answer(Arc<Answer>),
    /// The scripts that settings named so far.
    Named(Mutex<HashMap<PathBuf, Arc<Script>>>),
}

enum ScriptedBrain {
    Script(Arc<Script>),
    Answer(Arc<Answer>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: PathBuf,
}

impl Scripted {
    /// Answers with these replies, whatever a seat's settings say.
    pub fn replies(replies: Vec<Reply>) -> Self {
        Scripted { source: Source::Script(Arc::new(Script::new("the script".to_owned(), replies))) }
    }

    /// Answers with what the closure says to each turn; a reply's own match and times are of no account.
    pub fn answers(answer: impl Fn(&Turn) -> Reply + Send + Sync + 'static) -> Self {
        Scripted { source: Source::Answer(Arc::new(answer)) }
    }

    /// Answers with the replies of a file of JSON lines, whatever a seat's settings say.
    ///
    /// A line has one of `content` and `report` (or both), `fail` with a `class` (`refused`, which is the default,
    /// `unavailable`, `exhausted` or `broken`), or `panic`; and, if it likes, `match` (a piece of the turn's text), `times`
    /// (how often it is used) and `delay_ms`; an answer also `usage`, what it has cost: `input`, `cached` and `output` tokens.
    ///
    /// # Errors
    /// The file cannot be read, or a line is something else; the error names both.
    pub fn from_file(path: &Path) -> Result<Self, ScriptError> {
        Ok(Scripted { source: Source::Script(Arc::new(Script::read(path)?)) })
    }

    /// Answers from the file that a seat's settings name as `{"file": "…"}`; it is read once for all seats that do.
    pub fn from_settings() -> Self {
        Scripted { source: Source::Named(Mutex::default()) }
    }
}

impl BrainFactory for Scripted {
    fn make(&self, seat: &Seat) -> Result<Box<dyn AnyBrain>, BrainError> {
        let brain = match &self.source {
            Source::Script(script) => ScriptedBrain::Script(script.clone()),
            Source::Answer(answer) => ScriptedBrain::Answer(answer.clone()),
            Source::Named(scripts) => {
                let Settings { file } = serde_json::from_str(&seat.settings).map_err(|error| {
                    let path = &seat.path;
                    BrainError::refused(format!("scripted settings of {path} are not {{\"file\": …}}: {error}"))
                })?;
                // What is behind the lock is only ever added to, whole.
                let mut scripts = scripts.lock().unwrap_or_else(PoisonError::into_inner);
                let script = match scripts.get(&file) {
                    Some(script) => script.clone(),
                    None => {
                        let script = Script::read(&file).map_err(|error| BrainError::refused(chain(&error)))?;
                        scripts.entry(file).or_insert(Arc::new(script)).clone()
                    }
                };
                ScriptedBrain::Script(script)
            }
        };
        Ok(Box::new(brain))
    }

    fn judge(&self, settings: &str) -> Result<(), BrainError> {
        match &self.source {
            Source::Script(_) | Source::Answer(_) => Ok(()),
            Source::Named(_) => serde_json::from_str::<Settings>(settings)
                .map(drop)
                .map_err(|error| BrainError::refused(error.to_string())),
        }
    }
}

impl Brain for ScriptedBrain {
    async fn turn(&mut self, turn: Turn) -> Result<Response, BrainError> {
        let reply = match self {
            ScriptedBrain::Script(script) => script.take(&turn.text())?,
            ScriptedBrain::Answer(answer) => answer(&turn),
        };
        reply.give(&turn).await
    }
}
