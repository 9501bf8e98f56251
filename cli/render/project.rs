//! A project: a page for whoever comes back to it.

use std::fmt::Write as _;

use understory_server::{
    Counts, DigestLine, DriftingLine, GoalLine, HindranceLine, JobLine, OpenPlanLine, PlanNodeLine, ProgressLine,
    ProjectLine, ShareLine, SpendingLine,
};

use super::{escaped, goal, grouped, lines, planning, short};

/// A project for people.
pub(super) fn project(project: &ProjectLine) -> String {
    let ProjectLine { top, progress, usage, digests, whole, .. } = project;
    let mut text = format!("{}  {}", top.path, top.status);
    if let Some(title) = &top.title {
        let _ = write!(text, "  {}", escaped(title));
    }
    let _ = writeln!(text, "\n{}", done(progress));
    section(&mut text, "In the way", project.hindrances.iter().map(hindrance), &more_hindrances(project));
    let below = |line: &GoalLine| project.goals.iter().filter(|above| above.path.contains(&line.path)).count() - 1;
    section(&mut text, "Goals", project.goals.iter().map(|line| pursued(line, below(line))), &more(project.more_goals));
    section(&mut text, "Plans", project.plans.iter().map(plan), &more(project.more_plans));
    section(&mut text, "Jobs", project.jobs.iter().map(job), &more(project.more_jobs));
    section(&mut text, "Drift", project.drifts.iter().map(drifting), &more(project.more_drifts));
    let spent = usage.nodes.iter().filter(|node| node.total_turns > 0).map(spending);
    section(&mut text, "Usage", spent, &more(usage.others));
    section(&mut text, "Digests", digests.iter().map(digest), "");
    if !whole {
        text.push_str("\nThere is more than was looked at: look at a smaller part.\n");
    }
    text
}

/// Nothing is said of what there is nothing of.
fn section(text: &mut String, head: &str, entries: impl Iterator<Item = String>, more: &str) {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{head}");
    for entry in entries {
        let _ = writeln!(text, "  {}", entry.trim_end().replace('\n', "\n  "));
    }
    if !more.is_empty() {
        let _ = writeln!(text, "  … and {more} more");
    }
}

fn more(count: u64) -> String {
    if count > 0 { grouped(count) } else { String::new() }
}

fn more_hindrances(project: &ProjectLine) -> String {
    let of_kind = |(kind, count): (&String, &u64)| format!("{} {kind}", grouped(*count));
    project.more_hindrances.iter().map(of_kind).collect::<Vec<_>>().join(", ")
}

fn done(progress: &ProgressLine) -> String {
    let ProgressLine { goals, nodes, rows, jobs, agents: _, at_work, closed } = progress;
    let share = |share: &ShareLine, what: &str| {
        let ShareLine { done, all } = *share;
        (all > 0).then(|| format!("{} of {} {what}", grouped(done), grouped(all)))
    };
    let parts = [
        share(goals, "goals complete"),
        share(nodes, "nodes of plans done"),
        share(rows, "rows done"),
        share(jobs, "jobs done"),
        (*at_work > 0).then(|| format!("{} at work", grouped(*at_work))),
    ];
    let mut parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        parts.push("nothing is planned".to_owned());
    }
    parts.extend((*closed > 0).then(|| format!("{} closed", grouped(*closed))));
    parts.join(", ")
}

fn hindrance(hindrance: &HindranceLine) -> String {
    let HindranceLine { path, kind, words } = hindrance;
    format!("{path}  {kind}: {}", escaped(words))
}

/// A goal, further to the right for each that it is below.
fn pursued(line: &GoalLine, below: usize) -> String {
    let budget = line.budget.map(|budget| format!(" of {}", grouped(budget))).unwrap_or_default();
    let used = format!("{}{budget} tokens", grouped(line.used));
    format!("{}{}  {}  {used}  {}", "  ".repeat(below), line.path, goal::standing(line), short(&line.objective))
}

fn plan(plan: &OpenPlanLine) -> String {
    let OpenPlanLine { path, closed_by, nodes, open, more_open } = plan;
    let closed = if closed_by.is_some() { ", closed" } else { "" };
    let mut text = format!("{path}  {} of {} done{closed}\n", grouped(nodes.done), grouped(nodes.all));
    for node in open {
        let _ = writeln!(text, "  {}", open_node(node));
    }
    if *more_open > 0 {
        let _ = writeln!(text, "  … and {} more", grouped(*more_open));
    }
    text
}

fn open_node(node: &PlanNodeLine) -> String {
    let status = match node.waits_for.as_slice() {
        [] if node.ready => "ready".to_owned(),
        [] => node.status.clone(),
        waits => format!("after {}", planning::numbers(waits)),
    };
    let owner = node.owner.as_ref().map(|owner| format!("  {owner}")).unwrap_or_default();
    format!("{}  {status}  {}{owner}", node.node, short(&node.title))
}

fn job(job: &JobLine) -> String {
    let JobLine { path, state, counts, closed_by, .. } = job;
    let closed = if closed_by.is_some() { ", closed" } else { "" };
    let Counts { pending, running, failed, .. } = *counts;
    let [done, all, failed, running] =
        [counts.done(), pending + running + counts.done(), failed, running].map(|count| grouped(count.into()));
    format!("{path}  {state}{closed}  {done} of {all} rows done, {failed} failed, {running} running")
}

fn drifting(drifting: &DriftingLine) -> String {
    let DriftingLine { path, directory, drift, held } = drifting;
    let held = if *held { ", held" } else { "" };
    format!("{path}  {}: {}{held}", escaped(directory), escaped(drift))
}

fn spending(spending: &SpendingLine) -> String {
    let SpendingLine { path, total_turns, total, own, .. } = spending;
    let turns = if *total_turns == 1 { "turn" } else { "turns" };
    let own = if own.tokens == total.tokens { String::new() } else { format!(", {} by itself", grouped(own.tokens)) };
    format!("{path}  {} tokens in {} {turns}{own}", grouped(total.tokens), grouped(*total_turns))
}

fn digest(digest: &DigestLine) -> String {
    lines(&digest.text)
}
