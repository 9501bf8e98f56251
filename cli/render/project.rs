//! A project: a page for whoever comes back to it.

use std::fmt::Write as _;

use understory_server::{
    Counts, DigestLine, HindranceLine, JobLine, OpenPlanLine, PlanNodeLine, ProgressLine, ProjectLine, ShareLine,
    SpendingLine,
};

use super::{escaped, grouped, lines, planning, short};

/// A project for people.
pub(super) fn project(project: &ProjectLine) -> String {
    let ProjectLine { top, progress, usage, digests, whole, .. } = project;
    let mut text = format!("{}  {}", top.path, top.status);
    if let Some(title) = &top.title {
        let _ = write!(text, "  {}", escaped(title));
    }
    let _ = writeln!(text, "\n{}", done(progress));
    section(&mut text, "In the way", project.hindrances.iter().map(hindrance), project.more_hindrances);
    section(&mut text, "Plans", project.plans.iter().map(plan), project.more_plans);
    section(&mut text, "Jobs", project.jobs.iter().map(job), project.more_jobs);
    section(&mut text, "Usage", usage.nodes.iter().filter(|node| node.total_turns > 0).map(spending), usage.others);
    section(&mut text, "Digests", digests.iter().map(digest), 0);
    if !whole {
        text.push_str("\nThere is more than was looked at: look at a smaller part.\n");
    }
    text
}

/// Nothing is said of what there is nothing of.
fn section(text: &mut String, head: &str, entries: impl Iterator<Item = String>, more: u64) {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{head}");
    for entry in entries {
        let _ = writeln!(text, "  {}", entry.trim_end().replace('\n', "\n  "));
    }
    if more > 0 {
        let _ = writeln!(text, "  … and {} more", grouped(more));
    }
}

fn done(progress: &ProgressLine) -> String {
    let ProgressLine { nodes, rows, jobs, at_work } = progress;
    let share = |share: &ShareLine, what: &str| {
        let ShareLine { done, all } = *share;
        (all > 0).then(|| format!("{} of {} {what} done", grouped(done), grouped(all)))
    };
    let parts = [share(nodes, "nodes of plans"), share(rows, "rows"), share(jobs, "jobs")];
    let at_work = (*at_work > 0).then(|| format!("{} at work", grouped(*at_work)));
    let parts: Vec<String> = parts.into_iter().flatten().chain(at_work).collect();
    if parts.is_empty() { "nothing is planned".to_owned() } else { parts.join(", ") }
}

fn hindrance(hindrance: &HindranceLine) -> String {
    let HindranceLine { path, kind, words } = hindrance;
    format!("{path}  {kind}: {}", escaped(words))
}

fn plan(plan: &OpenPlanLine) -> String {
    let OpenPlanLine { path, nodes, open, more_open } = plan;
    let mut text = format!("{path}  {} of {} done\n", grouped(nodes.done), grouped(nodes.all));
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
    let JobLine { path, state, counts, .. } = job;
    let Counts { pending, running, failed, .. } = *counts;
    let [done, all, failed, running] =
        [counts.done(), pending + running + counts.done(), failed, running].map(|count| grouped(count.into()));
    format!("{path}  {state}  {done} of {all} rows done, {failed} failed, {running} running")
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
