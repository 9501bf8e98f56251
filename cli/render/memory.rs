//! Memories as text.

use understory_server::{
    ForgottenLine, MarkLine, MarkedLine, MarksLine, MemoryGone, MemoryLine, MemoryPageLine, MemoryReply, NotedLine,
};

use super::{escaped, lines, short, table};

pub(super) fn memory(reply: &MemoryReply) -> String {
    match reply {
        MemoryReply::Page(MemoryPageLine { memories, .. }) if memories.is_empty() => "no memories\n".to_owned(),
        MemoryReply::Page(MemoryPageLine { memories, next }) => {
            let more = next.as_ref().map(|next| format!("there are more: --after {next}\n"));
            memories.iter().map(in_a_line).chain(more).collect()
        }
        MemoryReply::Memory(memory) => whole(memory),
        MemoryReply::Noted(NotedLine { noted, redacted: 0 }) => format!("{noted} noted\n"),
        MemoryReply::Noted(NotedLine { noted, redacted }) => format!("{noted} noted, {redacted} secrets taken out\n"),
        MemoryReply::Gone(MemoryGone { forgotten }) => format!("{forgotten} forgotten\n"),
        MemoryReply::Forgotten(forgotten) => many(forgotten),
        MemoryReply::Marks(MarksLine { marks, .. }) if marks.is_empty() => "no marks\n".to_owned(),
        MemoryReply::Marks(MarksLine { marks, next }) => {
            let more = next.as_ref().map(|next| format!("there may be more: --after {next}\n"));
            let line = |mark: &MarkLine| format!("{}  {}  {}\n", mark.path, mark.at, short(&mark.reason));
            marks.iter().map(line).chain(more).collect()
        }
        MemoryReply::Marked(MarkedLine { path, marked, changed }) => {
            let marked = if *marked { "is marked" } else { "is not marked" };
            format!("{path} {marked}{}\n", if *changed { "" } else { ", as before" })
        }
    }
}

fn in_a_line(memory: &MemoryLine) -> String {
    let MemoryLine { memory, scope, role, text, tainted, uses, .. } = memory;
    let scope = role.as_ref().map_or_else(|| scope.clone(), |role| format!("{scope} {}", escaped(role)));
    let tainted = if *tainted { "  tainted" } else { "" };
    format!("{memory}  {scope}  {uses} uses{tainted}  {}\n", short(text))
}

fn whole(memory: &MemoryLine) -> String {
    let words = |tags: &std::collections::BTreeSet<String>| tags.iter().cloned().collect::<Vec<_>>().join(" ");
    let written = match (&memory.author, memory.turn) {
        (None, _) => "operator".to_owned(),
        (Some(author), Some(turn)) => format!("{author}, turn {turn}"),
        (Some(author), None) => author.to_string(),
    };
    let used =
        memory.used_at.as_ref().map_or_else(|| "never".to_owned(), |at| format!("{} times, last {at}", memory.uses));
    let mut shown = table(vec![
        ("memory", memory.memory.clone()),
        (
            "seen by",
            memory.role.as_ref().map_or_else(|| memory.scope.clone(), |role| format!("role {}", escaped(role))),
        ),
        ("by", written),
        ("commit", memory.commit.clone().unwrap_or_default()),
        ("tags", words(&memory.tags)),
        ("tainted", if memory.tainted { "its author had read what nobody vouches for" } else { "" }.to_owned()),
        ("used", used),
        ("written", memory.at.clone()),
        ("edited", memory.edited_at.clone().unwrap_or_default()),
    ]);
    shown.push('\n');
    shown.push_str(&lines(&memory.text));
    shown.push('\n');
    shown
}

fn many(forgotten: &ForgottenLine) -> String {
    let ForgottenLine { dry_run, seen, forgotten, bytes, memories } = forgotten;
    let more = forgotten.saturating_sub(memories.len());
    let more = (more > 0).then(|| format!("and {more} more\n"));
    let would = if *dry_run { "would be forgotten" } else { "forgotten" };
    let end = format!("{forgotten} of {seen} {would}, {bytes} bytes\n");
    memories.iter().map(in_a_line).chain(more).chain([end]).collect()
}
