//! A digest as text.

use std::fmt::Write;

use understory_store::{Answered, Below, Child, Digest, GoalInShort, NodeLeft, PlanLeft, Revision, Shortlist, Work};

use super::Digested;

/// How much of a commit's name is told, in characters.
const COMMIT_SHOWN: usize = 12;

/// The text: facts a line each, lists beneath their heads, and nothing for what there is none of.
pub(super) fn text(digested: &Digested) -> String {
    let Digested { agent, digest } = digested;
    let Digest { of: _, at: _, status, goal, plan, work, used, children, below, commits, summary } = digest;
    let mut text = format!("{}: {status}{}\n", agent.path, turns(work));
    if let Some(goal) = goal {
        let _ = writeln!(text, "goal {}: {}", standing(goal), goal.objective);
    }
    if let Some(plan) = plan {
        let _ = writeln!(text, "plan: {}", progress(plan));
        for line in nodes(plan) {
            let _ = writeln!(text, "  {line}");
        }
    }
    list(&mut text, "last answers", work.answers.iter().map(answer));
    if !work.tools.is_empty() {
        let _ = writeln!(text, "tools: {}", tools(work));
    }
    list(&mut text, "children", children.first.iter().map(child).chain(more(children)));
    list(&mut text, "commits", commits.first.iter().map(revision).chain(more(commits)));
    if used.tokens() > 0 {
        let _ = writeln!(text, "used: {} tokens", used.tokens());
    }
    if below.agents + below.jobs > 0 {
        let _ = writeln!(text, "below: {}", all_below(below));
    }
    if let Some(summary) = summary {
        let turn = summary.turn.map(|turn| format!(" in turn {turn}")).unwrap_or_default();
        list(&mut text, &format!("in its own words{turn}"), quoted(&summary.text).lines().map(str::to_owned));
    }
    text
}

/// A text whose lines are told from those around it, without control characters.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let lines = text.lines().map(|line| format!("| {}\n", line.trim_end().chars().map(plain).collect::<String>()));
    lines.collect()
}

/// `2 of 5 done, 1 dropped`: what shall not be done is none of all.
pub(crate) fn progress(plan: &PlanLeft) -> String {
    let (done, all) = (plan.done, plan.done + plan.open_total());
    let dropped = if plan.dropped > 0 { format!(", {} dropped", plan.dropped) } else { String::new() };
    format!("{done} of {all} done{dropped}")
}

/// Its open nodes, a line each, and how many more there are.
pub(crate) fn nodes(plan: &PlanLeft) -> impl Iterator<Item = String> {
    let node = |NodeLeft { number, title, status, ready }: &NodeLeft| {
        let status = if *ready { "ready" } else { status };
        format!("{number} {status}: {title}")
    };
    plan.open.first.iter().map(node).chain(more(&plan.open))
}

fn list(text: &mut String, head: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "{head}:");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

/// `(paused: asked; 7 of 9 tokens used)`.
fn standing(goal: &GoalInShort) -> String {
    let GoalInShort { objective: _, status, why, used, budget } = goal;
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let of = budget.map(|budget| format!(" of {budget}")).unwrap_or_default();
    format!("({}{why}; {used}{of} tokens used)", status.as_str())
}

/// `, 12 turns (10 completed, 2 errored)`.
fn turns(work: &Work) -> String {
    let kinds = [(work.completed, "completed"), (work.errored, "errored"), (work.interrupted, "interrupted")];
    let kinds: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    match work.turns() {
        0 => ", no turns".to_owned(),
        1 => format!(", 1 turn ({})", kinds.join(", ")),
        turns => format!(", {turns} turns ({})", kinds.join(", ")),
    }
}

fn answer(answered: &Answered) -> String {
    let Answered { turn, result, text, at: _ } = answered;
    told(format!("turn {turn} {}", result.as_str()), text)
}

fn tools(work: &Work) -> String {
    let others = Some(("others", work.other_calls)).filter(|(_, calls)| *calls > 0);
    let named = work.tools.iter().map(|(name, calls)| (name.as_str(), *calls)).chain(others);
    named.map(|(name, calls)| format!("{name} {calls}")).collect::<Vec<_>>().join(", ")
}

fn child(child: &Child) -> String {
    let Child { name, status, outcome } = child;
    told(format!("{name} {status}"), outcome)
}

fn revision(revision: &Revision) -> String {
    let Revision { commit, subject } = revision;
    told(commit.get(..COMMIT_SHOWN).unwrap_or(commit).to_owned(), subject)
}

fn told(head: String, text: &str) -> String {
    if text.is_empty() { head } else { format!("{head}: {text}") }
}

fn more<T>(list: &Shortlist<T>) -> Option<String> {
    let least = if list.counted { "" } else { "at least " };
    (list.more > 0).then(|| format!("and {least}{} more", list.more))
}

fn all_below(below: &Below) -> String {
    let Below { agents, jobs, turns, tokens, all } = below;
    let counts = [(agents, "agent"), (jobs, "job"), (turns, "turn"), (tokens, "token")];
    let counted = counts.into_iter().filter(|(count, _)| **count > 0).map(|(count, word)| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{count} {word}{plural}")
    });
    let least = if *all { "" } else { "at least " };
    format!("{least}{}", counted.collect::<Vec<_>>().join(", "))
}
