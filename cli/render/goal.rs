//! Goals as text.

use understory_server::{GoalCleared, GoalLine, GoalPage, GoalReply};

use super::list::{columns, span};
use super::{escaped, grouped, lines, short, table};

const HEAD: [&str; 5] = ["PATH", "STATUS", "USED", "LEFT", "OBJECTIVE"];

pub(super) fn goal(reply: &GoalReply) -> String {
    match reply {
        GoalReply::Goal(line) => one(line),
        GoalReply::Page(page) => self::page(page),
        GoalReply::Cleared(GoalCleared { cleared }) => format!("{cleared} has no goal any more\n"),
    }
}

fn one(line: &GoalLine) -> String {
    let spent = match &line.spent {
        Some(path) if *path == line.path => "no turn starts: the budget is used up".to_owned(),
        Some(path) => format!("no turn starts: the budget of {path} is used up"),
        None => String::new(),
    };
    let from = line.budget_from.as_ref().map(|path| format!(", from {path}")).unwrap_or_default();
    let budget = line.budget.map_or("none".to_owned(), |budget| format!("{} tokens{from}", grouped(budget)));
    let mut rows = vec![
        ("goal of", line.path.to_string()),
        ("status", line.status.replace('_', " ")),
        ("why", escaped(&line.why)),
        ("waits", spent),
        ("closed", line.closed_by.as_ref().map(|at| format!("at {at}")).unwrap_or_default()),
        ("used", format!("{} tokens", grouped(line.used))),
        ("budget", budget),
        ("held", format!("{} tokens by goals below", grouped(line.held_below))),
        ("left", line.remaining.map(|left| format!("{} tokens", grouped(left))).unwrap_or_default()),
        ("active", span(line.seconds * 1000)),
        ("turns", format!("{} by itself", line.turns)),
        ("since", line.since.clone()),
    ];
    rows.retain(|(name, value)| !value.is_empty() && (*name != "held" || line.held_below > 0));
    format!("{}\n{}\n", table(rows), lines(&line.objective))
}

/// The word for how a goal stands, and whether its agent is closed.
pub(super) fn standing(line: &GoalLine) -> String {
    let closed = if line.closed_by.is_some() { ", closed" } else { "" };
    format!("{}{closed}", line.status.replace('_', " "))
}

fn page(page: &GoalPage) -> String {
    if page.goals.is_empty() {
        return "no goals\n".to_owned();
    }
    let row = |line: &GoalLine| {
        [
            line.path.to_string(),
            standing(line),
            grouped(line.used),
            line.remaining.map_or("-".to_owned(), grouped),
            short(&line.objective),
        ]
    };
    let more = page.next.as_ref().map(|next| format!("more: --after {next}\n")).unwrap_or_default();
    columns(HEAD, page.goals.iter().map(row)) + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> GoalLine {
        GoalLine {
            path: "/root/ada".parse().unwrap(),
            id: "id".to_owned(),
            objective: "count\u{1b}[2J the stars".to_owned(),
            status: "budget_limited".to_owned(),
            why: "its budget is used up".to_owned(),
            since: "[time]".to_owned(),
            used: 1_200,
            budget: Some(1_000),
            budget_from: Some("/root".parse().unwrap()),
            held_below: 40,
            remaining: Some(0),
            seconds: 75,
            turns: 3,
            spent: Some("/root/ada".parse().unwrap()),
            closed_by: None,
            created_at: "[time]".to_owned(),
            updated_at: "[time]".to_owned(),
        }
    }

    #[test]
    fn a_goal_says_how_it_stands_and_what_is_left() {
        insta::assert_snapshot!(goal(&GoalReply::Goal(Box::new(line()))), @r"
        goal of    /root/ada
        status     budget limited
        why        its budget is used up
        waits      no turn starts: the budget is used up
        used       1,200 tokens
        budget     1,000 tokens, from /root
        held       40 tokens by goals below
        left       0 tokens
        active     1 min 15 s
        turns      3 by itself
        since      [time]

        count\u{1b}[2J the stars
        ");
        let free = GoalLine { budget: None, remaining: None, held_below: 0, spent: None, budget_from: None, ..line() };
        let free = goal(&GoalReply::Goal(Box::new(free)));
        assert!(free.contains("\nbudget     none\n"), "{free}");
        assert!(!["held", "left", "waits"].iter().any(|name| free.contains(&format!("\n{name} "))), "{free}");
        let next = Some("/root/ada".parse().unwrap());
        let closed = GoalLine { closed_by: Some("/root".parse().unwrap()), ..line() };
        assert!(goal(&GoalReply::Goal(Box::new(closed.clone()))).contains("\nclosed     at /root\n"));
        let page = goal(&GoalReply::Page(GoalPage { goals: vec![closed], next }));
        assert!(page.contains("budget limited, closed") && page.ends_with("\nmore: --after /root/ada\n"), "{page}");
        assert_eq!(goal(&GoalReply::Page(GoalPage { goals: Vec::new(), next: None })), "no goals\n");
    }
}
