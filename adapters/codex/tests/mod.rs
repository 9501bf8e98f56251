//! Rollout files written by hand, and what they come to.

mod files;
mod garbage;
mod lines;
mod meta;

use std::io::Cursor;

use understory_actors::import::{ArchiveError, Conversation, Part, Speaks, Step, Thread};

use super::error::CodexError;
use super::rollout::Rollout;

/// Where a file of the session [`ID`] lies.
const FILE: &str = "sessions/2026/01/19/rollout-2026-01-19T15-21-26-019bd6d8-b99b-7eb1-847c-87c3da10673a.jsonl";
const ID: &str = "019bd6d8-b99b-7eb1-847c-87c3da10673a";
/// What a session begins with.
const META: &str = concat!(
    r#"{"timestamp":"2026-01-19T15:21:26.203Z","type":"session_meta","payload":"#,
    r#"{"id":"019bd6d8-b99b-7eb1-847c-87c3da10673a","timestamp":"2026-01-19T15:21:26.171Z","cwd":"/repo","source":"cli"}}"#,
);

fn open(name: &str, text: impl Into<Vec<u8>>) -> Result<Box<dyn Conversation>, CodexError> {
    Ok(Box::new(Rollout::open(name, Box::new(Cursor::new(text.into())))?))
}

/// All parts of a conversation, a line each, and what it says of itself.
fn read(mut rollout: Box<dyn Conversation>) -> Result<(Vec<String>, Thread), ArchiveError> {
    let mut parts = Vec::new();
    loop {
        match rollout.step()? {
            Step::Part(part, at) => {
                parts.push(format!("{} {}", at.map_or("-".to_owned(), |at| at.to_string()), shown(&part)))
            }
            Step::Nothing => {}
            Step::End => return Ok((parts, rollout.thread().clone())),
        }
    }
}

/// A session that begins with [`META`] and goes on with these lines.
fn session(lines: &[&str]) -> (Vec<String>, Thread) {
    let text = format!("{META}\n{}\n", lines.join("\n"));
    read(open(FILE, text).unwrap()).unwrap()
}

fn shown(part: &Part) -> String {
    match part {
        Part::Said { by, text } => {
            let by = match by {
                Speaks::System => "system",
                Speaks::Developer => "developer",
                Speaks::User => "user",
                Speaks::Assistant => "assistant",
            };
            format!("{by}: {text}")
        }
        Part::Called { call, name, arguments } => format!("{call} {name}({arguments})"),
        Part::Answered { call, name, done, text } => {
            format!("{call} {name} {}: {text}", if *done { "answered" } else { "failed" })
        }
    }
}
