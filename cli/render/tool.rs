//! What programs that are agents ask for, for people.

use serde_json::Value;
use understory_server::{Outline, ToolList};

use super::{escaped, table};

/// The tools, a line each; their parameters are for programs.
pub(super) fn list(list: &ToolList) -> String {
    list.tools.iter().map(|tool| format!("{}  {}\n", escaped(&tool.name), escaped(&tool.description))).collect()
}

/// What a tool answered: a document whoever asks.
pub(super) fn answer(answer: &Value) -> String {
    format!("{answer}\n")
}

/// What an agent may know of another.
pub(super) fn outline(outline: &Outline) -> String {
    let Outline { path, status, role, nickname } = outline;
    table(vec![
        ("path", path.to_string()),
        ("status", escaped(status)),
        ("role", role.as_deref().map(escaped).unwrap_or_default()),
        ("nickname", nickname.as_deref().map(escaped).unwrap_or_default()),
    ])
}
