//! One rollout file, read line by line as a conversation.

use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;
use understory_actors::import::{ArchiveError, Conversation, Part, Speaks, Step, Thread, Tokens};

use super::FOLDERS;
use super::error::CodexError;
use super::item::{Calls, Item};
use super::lines::{Kind, Lines};
use super::meta::{Meta, time};

/// What stands before what a person asked for, when an editor says more before it.
const ASKED: &str = "## My request for Codex:";

/// A rollout file that says whose it is.
pub(super) struct Rollout {
    lines: Lines<Box<dyn Read + Send + Sync>>,
    thread: Thread,
    calls: Calls,
    /// Its lines are items, as in files of the first releases.
    flat: bool,
    ended: bool,
}

/// A line.
#[derive(Deserialize)]
struct Line<'a> {
    timestamp: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// An event, as far as it is looked into.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    message: Option<Box<RawValue>>,
    thread_name: Option<String>,
    info: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Spent {
    total_token_usage: Option<Total>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Total {
    input_tokens: i64,
    cached_input_tokens: i64,
    output_tokens: i64,
}

/// What holds for a turn.
#[derive(Deserialize)]
struct Context {
    cwd: Option<String>,
    model: Option<String>,
    effort: Option<String>,
}

/// What stands for all that was said before.
#[derive(Deserialize)]
struct Compacted {
    message: Option<String>,
}

impl Rollout {
    /// Begins to read a file of this name.
    pub(super) fn open(name: &str, inner: Box<dyn Read + Send + Sync>) -> Result<Rollout, CodexError> {
        let mut lines = Lines::new(inner);
        let kind = loop {
            match lines.read().map_err(CodexError::Io)?.ok_or(CodexError::Empty)? {
                Kind::Whole if lines.line().trim_ascii().is_empty() => lines.take(),
                kind => break kind,
            }
        };
        if kind == Kind::Long {
            return Err(CodexError::NoMeta(None));
        }
        let bad = |error| CodexError::NoMeta(Some(error));
        let line: Line<'_> = serde_json::from_slice(lines.line()).map_err(bad)?;
        let archived = name.split('/').next() == Some(FOLDERS[0]);
        let (meta, flat): (Meta, bool) = match (line.kind.as_deref(), line.payload) {
            (Some("session_meta"), Some(payload)) => (serde_json::from_str(payload.get()).map_err(bad)?, false),
            (None, None) => (serde_json::from_slice(lines.line()).map_err(bad)?, true),
            _ => return Err(CodexError::NoMeta(None)),
        };
        let mut thread = meta.thread(name, archived)?;
        thread.created_at = thread.created_at.or_else(|| line.timestamp.as_deref().and_then(time));
        lines.take();
        Ok(Rollout { lines, thread, calls: Calls::default(), flat, ended: false })
    }

    /// What the line that was read last comes to; nothing if it is none.
    fn look(&mut self) -> Option<Step> {
        let line: Line<'_> = serde_json::from_slice(self.lines.line()).ok()?;
        if self.flat {
            return Some(flat(self.lines.line(), &mut self.calls, &mut self.thread));
        }
        let (kind, payload) = (line.kind?, line.payload?.get());
        let at = line.timestamp.as_deref().and_then(time);
        let part = match kind.as_str() {
            "response_item" => self.calls.part(serde_json::from_str::<Item<'_>>(payload).ok()?),
            "compacted" => Some(compacted(serde_json::from_str(payload).ok()?)),
            "event_msg" => {
                hear(serde_json::from_str(payload).ok()?, &mut self.thread);
                None
            }
            "turn_context" => {
                place(serde_json::from_str(payload).ok()?, &mut self.thread);
                None
            }
            // The meta of the one it was forked from, or what this does not know.
            _ => None,
        };
        Some(part.map_or(Step::Nothing, |part| Step::Part(part, at)))
    }
}

impl Conversation for Rollout {
    fn thread(&self) -> &Thread {
        &self.thread
    }

    fn step(&mut self) -> Result<Step, ArchiveError> {
        if self.ended {
            return Ok(Step::End);
        }
        let kind = self.lines.read().map_err(CodexError::Io)?;
        let looked = match kind {
            None => None,
            Some(Kind::Whole | Kind::Open) => self.look(),
            Some(Kind::Long) => None,
        };
        let step = match (kind, looked) {
            (Some(_), Some(step)) => step,
            (Some(Kind::Whole), None) => {
                self.thread.skipped += u64::from(!self.lines.line().trim_ascii().is_empty());
                Step::Nothing
            }
            (Some(Kind::Long), None) => {
                self.thread.skipped += 1;
                Step::Nothing
            }
            // Nothing follows, or what does is not whole yet.
            (Some(Kind::Open) | None, None) | (None, Some(_)) => {
                self.ended = true;
                return Ok(Step::End);
            }
        };
        self.lines.take();
        Ok(step)
    }

    fn bytes(&self) -> u64 {
        self.lines.bytes()
    }

    fn hash(&self) -> [u8; 32] {
        self.lines.hash()
    }
}

/// A line of a file whose lines are items. No event tells what it is about: the first words of a person do.
fn flat(line: &[u8], calls: &mut Calls, thread: &mut Thread) -> Step {
    let Ok(item) = serde_json::from_slice::<Item<'_>>(line) else { return Step::Nothing };
    let Some(part) = calls.part(item) else { return Step::Nothing };
    if let Part::Said { by: Speaks::User, text } = &part
        && !text.trim_start().starts_with('<')
    {
        entitle(thread, text);
    }
    Step::Part(part, None)
}

fn compacted(item: Compacted) -> Part {
    let text = match item.message.filter(|message| !message.trim().is_empty()) {
        Some(message) => format!("[what was said before was compacted to this]\n{message}"),
        None => "[what was said before was compacted]".to_owned(),
    };
    Part::Said { by: Speaks::Assistant, text }
}

fn hear(event: Event, thread: &mut Thread) {
    match event.kind.as_str() {
        "user_message" => {
            let message = event.message.and_then(|message| serde_json::from_str::<String>(message.get()).ok());
            entitle(thread, &message.unwrap_or_default());
        }
        "thread_name_updated" => {
            if let Some(name) = event.thread_name.filter(|name| !name.trim().is_empty()) {
                thread.title = Some(name.trim().to_owned());
            }
        }
        "token_count" => {
            let spent = event.info.and_then(|info| serde_json::from_str::<Spent>(info.get()).ok());
            if let Some(total) = spent.and_then(|spent| spent.total_token_usage) {
                thread.tokens = total.tokens();
            }
        }
        _ => {}
    }
}

fn place(context: Context, thread: &mut Thread) {
    let known = |value: Option<String>| value.filter(|value| !value.trim().is_empty());
    if let Some(cwd) = known(context.cwd) {
        thread.labels.entry("codex/cwd").or_insert(cwd);
    }
    for (key, value) in [("codex/model", context.model), ("codex/effort", context.effort)] {
        if let Some(value) = known(value) {
            thread.labels.insert(key, value);
        }
    }
}

/// Notes what a conversation is about, unless that is known.
fn entitle(thread: &mut Thread, asked: &str) {
    let asked = asked.split_once(ASKED).map_or(asked, |(_, asked)| asked);
    if let (None, Some(line)) = (&thread.title, asked.lines().map(str::trim).find(|line| !line.is_empty())) {
        thread.title = Some(line.to_owned());
    }
}

impl Total {
    fn tokens(&self) -> Tokens {
        let of = |count: i64| u64::try_from(count).unwrap_or(0);
        let cached = of(self.cached_input_tokens);
        Tokens { input: of(self.input_tokens).saturating_sub(cached), cached, output: of(self.output_tokens) }
    }
}
