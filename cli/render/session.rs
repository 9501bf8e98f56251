//! Conversations of brains as text.

use understory_server::SessionLine;

use super::{escaped, table};

pub(super) fn session(line: &SessionLine) -> String {
    let SessionLine { path, session, kept_at, model, effort, briefing } = line;
    if let Some(briefing) = briefing {
        return briefing.clone();
    }
    if session.is_none() && model.is_none() && effort.is_none() {
        return format!("{path} has nothing to go on with\n");
    }
    let said = |name: &Option<String>| name.as_deref().map(escaped).unwrap_or_default();
    table(vec![
        ("session", said(session)),
        ("kept", kept_at.clone().unwrap_or_default()),
        ("model", said(model)),
        ("effort", said(effort)),
    ])
}
