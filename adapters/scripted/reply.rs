//! One reply of a script, and the line of a file it is read from.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use understory_actors::{BrainError, Response, Turn};

/// What is said to a turn, to which turns, how often and after what delay.
#[derive(Clone, Debug)]
pub struct Reply {
    says: Says,
    piece: Option<String>,
    times: Option<u32>,
    delay: Duration,
}

#[derive(Clone, Debug)]
enum Says {
    Response(Response),
    Failure(BrainError),
    Panic(String),
}

/// A line of a script file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    #[serde(rename = "match")]
    piece: Option<String>,
    content: Option<String>,
    report: Option<Map<String, Value>>,
    fail: Option<String>,
    class: Option<Class>,
    panic: Option<String>,
    #[serde(default)]
    delay_ms: u64,
    times: Option<u32>,
    usage: Option<Cost>,
}

/// What a reply says it has cost, in tokens.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    #[serde(default)]
    input: u64,
    #[serde(default)]
    cached: u64,
    #[serde(default)]
    output: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Class {
    Refused,
    Unavailable,
    Exhausted,
    Broken,
}

impl Reply {
    /// Gives this response, to every turn and any number of times.
    pub fn new(response: Response) -> Self {
        Reply::says(Says::Response(response))
    }

    /// Answers in words.
    pub fn content(content: impl Into<String>) -> Self {
        Reply::new(Response::text(content))
    }

    /// Reports for a job item: a JSON object as text, which is not looked into here.
    pub fn report(json: impl Into<String>) -> Self {
        Reply::new(Response::report(json))
    }

    /// Fails the turn.
    pub fn fail(error: BrainError) -> Self {
        Reply::says(Says::Failure(error))
    }

    /// Panics.
    pub fn panic(message: impl Into<String>) -> Self {
        Reply::says(Says::Panic(message.into()))
    }

    /// Is only said to turns whose text has this piece.
    pub fn matching(mut self, piece: impl Into<String>) -> Self {
        self.piece = Some(piece.into());
        self
    }

    /// Is said at most so often.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Is said after this time, unless the turn is cancelled before.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn says(says: Says) -> Self {
        Reply { says, piece: None, times: None, delay: Duration::ZERO }
    }

    /// Uses the reply once for a turn with this text, if it is for it and not used up.
    pub(crate) fn take(&mut self, text: &str) -> Option<Self> {
        if self.times == Some(0) || self.piece.as_ref().is_some_and(|piece| !text.contains(piece)) {
            return None;
        }
        self.times = self.times.map(|times| times - 1);
        Some(self.clone())
    }

    #[expect(clippy::panic, reason = "a scripted panic shows what a panic of a brain does")]
    pub(crate) async fn give(self, turn: &Turn) -> Result<Response, BrainError> {
        if !self.delay.is_zero() {
            tokio::select! {
                () = turn.cancelled() => return Err(BrainError::refused("the scripted reply was cancelled")),
                () = tokio::time::sleep(self.delay) => {}
            }
        }
        match self.says {
            Says::Response(response) => Ok(response),
            Says::Failure(error) => Err(error),
            Says::Panic(message) => panic!("{message}"),
        }
    }
}

impl Line {
    /// The reply this line means; `Err` tells what is wrong with it.
    pub(crate) fn reply(self) -> Result<Reply, &'static str> {
        if self.times == Some(0) {
            return Err("a reply used 0 times is never given");
        }
        if self.class.is_some() && self.fail.is_none() {
            return Err("`class` without `fail`");
        }
        if self.usage.is_some() && self.content.is_none() && self.report.is_none() {
            return Err("`usage` without an answer");
        }
        let says = match (self.content, self.report, self.fail, self.panic) {
            (None, None, None, None) => return Err("none of `content`, `report`, `fail` and `panic`"),
            (None, None, None, Some(message)) => Says::Panic(message),
            (None, None, Some(message), None) => Says::Failure(self.class.unwrap_or(Class::Refused).error(message)),
            (content, report, None, None) => {
                let report = report.map(|object| Value::Object(object).to_string());
                let mut response = Response { report, ..Response::text(content.unwrap_or_default()) };
                let Cost { input, cached, output } = self.usage.unwrap_or_default();
                response.usage.input_tokens = input;
                response.usage.cached_tokens = cached;
                response.usage.output_tokens = output;
                Says::Response(response)
            }
            _ => return Err("more than one of an answer, `fail` and `panic`"),
        };
        let delay = Duration::from_millis(self.delay_ms);
        Ok(Reply { says, piece: self.piece, times: self.times, delay })
    }
}

impl Class {
    fn error(self, message: String) -> BrainError {
        match self {
            Class::Refused => BrainError::refused(message),
            Class::Unavailable => BrainError::unavailable(message),
            Class::Exhausted => BrainError::exhausted(message),
            Class::Broken => BrainError::broken(message),
        }
    }
}
