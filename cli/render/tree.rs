//! A tree: a node in a line, what lies below it indented.

use understory_server::{Counts, NodeLine, Tree, TreeLine};

use super::{escaped, grouped, list};

/// A node whose children are not all listed.
struct Hiding {
    at: usize,
    hidden: u64,
    uncounted: bool,
}

/// A tree for people.
pub(super) fn tree(tree: &Tree) -> String {
    let top = tree.nodes.first().map_or(0, |line| line.node.path.depth());
    let mut text = String::new();
    // Of those whose children are not all listed: how deep, and how many are hidden. The innermost is the last.
    let mut hiding: Vec<Hiding> = Vec::new();
    for line in &tree.nodes {
        let depth = line.node.path.depth() - top;
        say_hidden(&mut text, &mut hiding, depth);
        text.push_str(&node(line, depth));
        if line.hidden > 0 {
            hiding.push(Hiding { at: depth, hidden: line.hidden, uncounted: line.uncounted });
        }
    }
    say_hidden(&mut text, &mut hiding, 0);
    if tree.cut {
        text.push_str("… there is more: look at a smaller part, or list fewer --children\n");
    }
    text
}

/// Says how many children are hidden below those nodes that nothing more is listed below.
fn say_hidden(text: &mut String, hiding: &mut Vec<Hiding>, depth: usize) {
    while let Some(Hiding { hidden, uncounted, .. }) = hiding.pop_if(|hiding| hiding.at >= depth) {
        let indent = "  ".repeat(hiding.last().map_or(0, |hiding| hiding.at).max(depth) + 1);
        let least = if uncounted { "at least " } else { "" };
        text.push_str(&format!("{indent}… and {least}{} more\n", grouped(hidden)));
    }
}

fn node(line: &TreeLine, depth: usize) -> String {
    let NodeLine { path, status, nickname, turns, counts, title, labels, .. } = &line.node;
    let name = if depth == 0 { path.as_str() } else { path.name() };
    let mut text = format!("{}{name}", "  ".repeat(depth));
    if let Some(nickname) = nickname {
        text.push_str(&format!(" \"{}\"", escaped(nickname)));
    }
    text.push_str(&format!("  {status}"));
    if let Some(turns @ 1..) = turns {
        text.push_str(&format!("  {} {}", grouped(*turns), if *turns == 1 { "turn" } else { "turns" }));
    }
    if let Some(counts) = counts {
        text.push_str(&format!("  {}", rows(*counts)));
    }
    if let Some(title) = title {
        text.push_str(&format!("  {}", escaped(title)));
    }
    if !labels.is_empty() {
        text.push_str(&format!("  [{}]", list::labels(labels)));
    }
    text.push('\n');
    text
}

fn rows(counts: Counts) -> String {
    let Counts { pending, running, failed, .. } = counts;
    let [done, all, failed, running] =
        [counts.done(), pending + running + counts.done(), failed, running].map(|count| grouped(count.into()));
    format!("{done} of {all} rows done, {failed} failed, {running} running")
}
