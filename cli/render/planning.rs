//! Plans as text, and as Mermaid flowcharts.

use std::fmt::Write as _;

use understory_server::{
    Drawing, GraphNodeLine, PlanAdded, PlanAssigned, PlanChanged, PlanCleared, PlanGraphLine, PlanLine, PlanNodeLine,
    PlanReply,
};

use super::{answer, escaped, lines, list, short, table};

const HEAD: [&str; 5] = ["NODE", "STATUS", "AFTER", "OWNER", "TITLE"];

pub(super) fn plan(reply: &PlanReply) -> String {
    match reply {
        PlanReply::Plan(plan) => whole(plan),
        PlanReply::Node(node) => self::node(node),
        PlanReply::Graph(graph) if graph.nodes.is_empty() => nothing(graph.path.as_str()),
        PlanReply::Graph(graph) => match graph.drawn_as {
            Drawing::Lines => drawn(graph),
            Drawing::Mermaid => mermaid(graph),
        },
        PlanReply::Added(PlanAdded { path, added }) => format!("{path}: node {} added\n", numbers(added)),
        PlanReply::Changed(PlanChanged { path, changed, new }) => {
            let was = if *new { "" } else { ", as it was" };
            format!("{path}: node {} is {}{was}\n", changed.node, standing(changed))
        }
        PlanReply::Assigned(assigned) => self::assigned(assigned),
        PlanReply::Cleared(PlanCleared { path, cleared }) => format!("{path}: {cleared} taken out of its plan\n"),
    }
}

fn assigned(assigned: &PlanAssigned) -> String {
    let PlanAssigned { path, assigned, message, outcome } = assigned;
    let to = assigned.owner.as_ref().map(ToString::to_string).unwrap_or_default();
    match (message, outcome) {
        (_, Some(outcome)) => answer(outcome),
        (Some(message), None) => {
            format!("{path}: node {} assigned to {to}: message {message} accepted\n", assigned.node)
        }
        (None, None) => format!("{path}: node {} was assigned to {to} before\n", assigned.node),
    }
}

fn whole(plan: &PlanLine) -> String {
    let row = |node: &PlanNodeLine| {
        let owner = node.owner.as_ref().map(ToString::to_string).unwrap_or_default();
        [node.node.to_string(), standing(node), numbers(&node.after), owner, short(&node.title)]
    };
    match plan.nodes.is_empty() {
        true => nothing(plan.path.as_str()),
        false => list::columns(HEAD, plan.nodes.iter().map(row)),
    }
}

fn node(node: &PlanNodeLine) -> String {
    let mut fields = vec![
        ("node", node.node.to_string()),
        ("title", escaped(&node.title)),
        ("status", standing(node)),
        ("reason", node.reason.as_deref().map(escaped).unwrap_or_default()),
        ("owner", node.owner.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("after", numbers(&node.after)),
        ("trouble", node.trouble.as_deref().map(short).unwrap_or_default()),
        ("waits for", numbers(&node.waits_for)),
        ("commit", node.commit.as_deref().map(escaped).unwrap_or_default()),
        ("added", node.created_at.clone()),
        ("changed", node.changed_at.clone()),
    ];
    fields.extend(node.evidence.iter().map(|text| ("evidence", lines(text).replace('\n', "\n           "))));
    let mut shown = table(fields);
    if !node.notes.is_empty() {
        let _ = writeln!(shown, "\n{}", lines(&node.notes));
    }
    shown
}

/// Nodes in lines, each further in than those it comes after.
fn drawn(graph: &PlanGraphLine) -> String {
    let line = |node: &GraphNodeLine| {
        let before: Vec<u32> = graph.edges.iter().filter(|edge| edge.1 == node.node).map(|edge| edge.0).collect();
        let after = if before.is_empty() { String::new() } else { format!("  after {}", numbers(&before)) };
        let owner = node.owner.as_ref().map(|owner| format!("  {owner}")).unwrap_or_default();
        let indent = "  ".repeat(node.level.min(20));
        let word = word(&node.status, node.ready);
        format!("{indent}{} {}  [{word}]{after}{owner}\n", node.node, short(&node.title))
    };
    graph.nodes.iter().map(line).collect()
}

/// The same as a Mermaid flowchart.
fn mermaid(graph: &PlanGraphLine) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for GraphNodeLine { node, title, status, ready, .. } in &graph.nodes {
        let _ = writeln!(text, "    n{node}[\"{node}: {}\"]:::{}", quoted(title), word(status, *ready));
    }
    for (before, after) in &graph.edges {
        let _ = writeln!(text, "    n{before} --> n{after}");
    }
    for (class, style) in [
        ("todo", "fill:#eeeeee,stroke:#999999"),
        ("ready", "fill:#fff3c4,stroke:#c99a00"),
        ("doing", "fill:#cfe2ff,stroke:#2f6fd0"),
        ("done", "fill:#d1e7dd,stroke:#2e7d4f"),
        ("dropped", "fill:#ffffff,stroke:#bbbbbb,stroke-dasharray:4"),
    ] {
        let _ = writeln!(text, "    classDef {class} {style},color:#222222");
    }
    text
}

/// A text that a flowchart takes for nothing but a text.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '.' | '-' | '_' | '/' | ':' | '(' | ')');
    let mut shown = String::new();
    for c in text.chars() {
        match plain(c) {
            true => shown.push(c),
            false => drop(write!(shown, "#{};", u32::from(c))),
        }
    }
    shown
}

fn standing(node: &PlanNodeLine) -> String {
    word(&node.status, node.ready).to_owned()
}

fn word(status: &str, ready: bool) -> &str {
    if ready { "ready" } else { status }
}

pub(super) fn numbers(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn nothing(path: &str) -> String {
    format!("{path}: no nodes\n")
}
