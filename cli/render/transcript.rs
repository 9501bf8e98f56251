//! Transcripts and what work has cost, as text.

use understory_server::{
    EntriesPage, HeldLine, PrunedLine, SpendingLine, TranscriptLine, TranscriptReply, UsageLine, UsageTable,
};

use super::{escaped, grouped, lines};

pub(super) fn transcript(reply: &TranscriptReply) -> String {
    match reply {
        TranscriptReply::Page(page) => self::page(page),
        TranscriptReply::Imported(imported) => format!("{}\n", imported.path),
        TranscriptReply::Pruned(pruned) => self::pruned(pruned),
    }
}

/// What each turn of an agent has cost.
pub(crate) fn turns(page: &EntriesPage) -> String {
    let line = |line: &TranscriptLine| {
        let turn = line.turn.unwrap_or_default();
        let cost = line.usage.as_ref().map_or_else(|| "not known".to_owned(), tokens);
        format!("turn {turn}  {}  {}  {cost}\n", line.result.as_deref().unwrap_or("ended"), line.at)
    };
    let older = page.older.as_ref().map(|older| format!("older ones: --before {older}\n"));
    if page.entries.is_empty() {
        "no turns\n".to_owned()
    } else {
        older.into_iter().chain(page.entries.iter().map(line)).collect()
    }
}

pub(super) fn usage(table: &UsageTable) -> String {
    let width = table.nodes.iter().map(|node| node.path.as_str().len()).max().unwrap_or_default();
    let line = |node: &SpendingLine| {
        let path = node.path.as_str();
        let own = match node.own == node.total {
            true => String::new(),
            false => format!("  by itself {}", grouped(node.own.tokens)),
        };
        format!("{path:<width$}  {}  {} turns{own}\n", tokens(&node.total), grouped(node.total_turns))
    };
    let others = (table.others > 0).then(|| format!("and {} others\n", grouped(table.others)));
    table.nodes.iter().map(line).chain(others).collect()
}

fn tokens(usage: &UsageLine) -> String {
    let UsageLine { tokens, input_tokens, cached_tokens, output_tokens } = *usage;
    let all = grouped(tokens);
    match input_tokens + cached_tokens + output_tokens {
        0 => format!("{all} tokens"),
        _ => {
            let (read, cached, wrote) = (grouped(input_tokens), grouped(cached_tokens), grouped(output_tokens));
            format!("{all} tokens ({read} read, {cached} cached, {wrote} written)")
        }
    }
}

fn page(page: &EntriesPage) -> String {
    let EntriesPage { path: _, entries, older, newer, more } = page;
    if entries.is_empty() && !more {
        return "no entries\n".to_owned();
    }
    let older = older.as_ref().map(|older| format!("older ones: --before {older}\n"));
    let newer = more.then(|| format!("newer ones: --after {newer}\n")).filter(|_| older.is_none());
    older.into_iter().chain(entries.iter().map(entry)).chain(newer).collect()
}

fn entry(line: &TranscriptLine) -> String {
    let TranscriptLine { entry, kind, turn, at, bytes, from, tool, call, result, text, usage, entries, digested } =
        line;
    let mut head = vec![entry.clone(), at.clone()];
    let through = if entries.is_some() { "through turn" } else { "turn" };
    head.extend(turn.map(|turn| format!("{through} {turn}")));
    let name = tool.as_deref().map(escaped);
    let call = call.filter(|call| *call > 0).map(|call| format!("#{call}"));
    head.push([Some(kind.clone()), name, call, result.clone()].into_iter().flatten().collect::<Vec<_>>().join(" "));
    head.extend(from.as_deref().map(|from| format!("from {}", escaped(from))));
    head.extend(entries.map(|entries| format!("{} entries are gone", grouped(entries))));
    head.push(format!("{} bytes", grouped(*bytes)));
    head.extend(digested.filter(|digested| *digested).map(|_| "digest tells of them".to_owned()));
    head.extend(usage.as_ref().map(tokens));
    let text = lines(text);
    let body = text.lines().map(|line| format!("    {line}\n"));
    std::iter::once(head.join("  ") + "\n").chain(body).collect()
}

fn pruned(pruned: &PrunedLine) -> String {
    let PrunedLine { path, transcripts, entries, bytes, held, held_total, dry_run } = pruned;
    let went = if *dry_run { "would go" } else { "gone" };
    let (entries, bytes, transcripts) = (grouped(*entries), grouped(*bytes), grouped(*transcripts));
    let first = format!("{path}: {entries} entries of {bytes} bytes {went}, out of {transcripts} transcripts\n");
    let line = |held: &HeldLine| format!("{} was left alone: {}\n", held.path, held.why);
    let more = held_total.saturating_sub(held.len() as u64);
    let more = (more > 0).then(|| format!("and {} others\n", grouped(more)));
    std::iter::once(first).chain(held.iter().map(line)).chain(more).collect()
}
