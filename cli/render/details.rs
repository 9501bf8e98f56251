//! Parts of what is shown of one agent.

use understory_server::{MailLine, PhaseLine, WaitsLine};

use super::{attempts, grouped};

/// How many paths stand in one line.
const PATHS_MAX: usize = 5;
/// How far open children are counted.
const CHILDREN_COUNTED_MAX: u64 = 10_000;

/// What is held against the turn that comes next; nothing in most cases.
pub(super) fn next(phase: &PhaseLine) -> String {
    let PhaseLine::Ready { charged, unavailable, not_before } = phase else { return String::new() };
    let mut words = Vec::new();
    words.extend((*charged > 0).then(|| format!("{} charged", attempts(*charged))));
    words.extend((*unavailable > 0).then(|| format!("brain unavailable {unavailable} times")));
    words.extend(not_before.as_ref().map(|at| format!("not before {at}")));
    words.join(", ")
}

pub(super) fn waits(waits: &WaitsLine) -> String {
    let WaitsLine { agents, wanted, since } = waits;
    if agents.is_empty() {
        return format!("mail, since {since}");
    }
    let paths: Vec<&str> = agents.iter().take(PATHS_MAX).map(|path| path.as_str()).collect();
    let more = if agents.len() > PATHS_MAX { ", …" } else { "" };
    format!("{wanted} of {}: {}{more}, since {since}", agents.len(), paths.join(", "))
}

pub(super) fn faults(faults: &[String]) -> String {
    faults.last().map(|last| format!("{} lately, the last at {last}", faults.len())).unwrap_or_default()
}

pub(super) fn mail(mail: MailLine) -> String {
    let MailLine { messages, bytes } = mail;
    match messages {
        0 => String::new(),
        1 => format!("1 message, {} bytes", grouped(bytes)),
        _ => format!("{} messages, {} bytes", grouped(messages), grouped(bytes)),
    }
}

pub(super) fn children(open: u64) -> String {
    match open {
        0 => String::new(),
        CHILDREN_COUNTED_MAX.. => format!("at least {} open", grouped(open)),
        _ => format!("{} open", grouped(open)),
    }
}
