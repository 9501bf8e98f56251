//! Lists as tables, and what was written on a node.

use std::collections::BTreeMap;

use understory_server::{CardLine, ListPage, NodeLine};

use super::{escaped, table};

const HEAD: [&str; 6] = ["PATH", "STATUS", "NAME", "ROLE", "ACTIVE", "ABOUT"];

/// A page, its columns beneath each other.
pub(super) fn page(page: &ListPage) -> String {
    let mut text = match page.nodes.as_slice() {
        [] => "nothing\n".to_owned(),
        nodes => columns(HEAD, nodes.iter().map(row)),
    };
    for (cursor, option) in [(&page.previous, "--before"), (&page.next, "--after")] {
        if let Some(cursor) = cursor {
            text.push_str(&format!("more: {option} {cursor}\n"));
        }
    }
    text
}

/// A title and labels.
pub(super) fn card(card: &CardLine) -> String {
    let CardLine { path, title, labels, new: _ } = card;
    table(vec![
        ("of", path.to_string()),
        ("title", title.as_deref().map(escaped).unwrap_or_default()),
        ("labels", self::labels(labels)),
    ])
}

/// Labels in a line.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> String {
    let label = |(key, value): (&String, &String)| format!("{}={}", escaped(key), escaped(value));
    labels.iter().map(label).collect::<Vec<_>>().join(" ")
}

/// A span of time in its two largest units.
pub(super) fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Rows under their head, as wide as they have to be.
pub(super) fn columns<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(node: &NodeLine) -> [String; 6] {
    let NodeLine { path, status, nickname, role, title, labels, task, active_at, elapsed_ms, .. } = node;
    let status = match elapsed_ms {
        Some(ms) => format!("{status} {}", span(*ms)),
        None => status.clone(),
    };
    // To the second: nobody compares milliseconds by eye.
    let active = active_at.as_deref().map(|at| at.split('.').next().unwrap_or(at).replace('T', " "));
    let about = [title.as_deref().map(escaped), (!labels.is_empty()).then(|| format!("[{}]", self::labels(labels)))];
    let about = about.into_iter().flatten().chain(task.as_deref().map(escaped)).collect::<Vec<_>>().join("  ");
    let words = |word: &Option<String>| word.as_deref().map(escaped).unwrap_or_default();
    [path.to_string(), status, words(nickname), words(role), active.unwrap_or_default(), about]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_two_units() {
        let check = |ms: u64, expected: &str| assert_eq!(span(ms), expected);
        check(0, "0 s");
        check(59_999, "59 s");
        check(61_000, "1 min 1 s");
        check(3_600_000, "1 h 0 min");
        check(90_060_000, "1 d 1 h");
    }

    #[test]
    fn a_page_is_a_table_and_says_where_there_is_more() {
        let node = |path: &str, status: &str| NodeLine {
            path: path.parse().unwrap(),
            kind: "agent".to_owned(),
            status: status.to_owned(),
            nickname: None,
            turns: Some(0),
            counts: None,
            role: Some("default".to_owned()),
            title: None,
            labels: BTreeMap::new(),
            task: None,
            active_at: Some("2026-01-02T03:04:05.678Z".to_owned()),
            elapsed_ms: None,
        };
        let mut ada = node("/root/ada", "running");
        (ada.nickname, ada.elapsed_ms) = (Some("Ada\u{7}".to_owned()), Some(61_000));
        (ada.title, ada.task) = (Some("Prices".to_owned()), Some("count\u{1b}[2J them".to_owned()));
        ada.labels.insert("team".to_owned(), "a".to_owned());
        let (next, previous) = (Some("N".to_owned()), Some("P".to_owned()));
        let text = page(&ListPage { nodes: vec![node("/root", "idle"), ada], next, previous });
        insta::assert_snapshot!(text, @r"
        PATH       STATUS             NAME      ROLE     ACTIVE               ABOUT
        /root      idle                         default  2026-01-02 03:04:05
        /root/ada  running 1 min 1 s  Ada\u{7}  default  2026-01-02 03:04:05  Prices  [team=a]  count\u{1b}[2J them
        more: --before P
        more: --after N
        ");
        assert_eq!(page(&ListPage { nodes: Vec::new(), next: None, previous: None }), "nothing\n");
    }
}
