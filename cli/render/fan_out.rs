//! A message to a subtree, for people.

use std::fmt::Write as _;

use understory_server::AskedSubtree;

use super::{escaped, number_of};

pub(super) fn sent(asked: &AskedSubtree) -> String {
    let AskedSubtree { path, dry_run, delivered, known, missed, broken } = asked;
    let word = if *dry_run { "would be delivered" } else { "delivered" };
    let mut text = format!("{path} and below: {word} to {}\n", agents(*delivered));
    if *known > 0 {
        let _ = writeln!(text, "{} had it already", agents(*known));
    }
    for missed in missed {
        let first: Vec<&str> = missed.first.iter().map(|path| path.as_str()).collect();
        let more = if missed.agents > first.len() as u64 { ", …" } else { "" };
        let reason = missed.reason.replace('_', " ");
        let _ = writeln!(text, "not to {}, {reason}: {}{more}", agents(missed.agents), first.join(", "));
    }
    if let Some(why) = broken {
        let _ = writeln!(text, "it ended early, and some more may have it: {}", escaped(why));
    }
    text
}

fn agents(count: u64) -> String {
    number_of(count, "agent")
}
