//! Results as text for people: pure functions, nothing is printed here.
//!
//! What agents, tables and workers wrote is shown with its control characters escaped, so that none of it moves the cursor
//! or hides something.

mod dead;
mod details;
mod directory;
mod event;
mod fan_out;
mod goal;
mod import;
mod job;
mod list;
mod memory;
mod parcel;
mod planning;
mod project;
mod removed;
mod role;
mod session;
mod summary;
mod tool;
mod transcript;
mod tree;

use std::fmt::Write as _;

use serde_json::Value;
use understory_server::{
    Accepted, AgentLine, AskedCancel, AskedClose, AskedInterrupt, AskedResume, BrainLine, ErrorLine, ItemLine, JobLine,
    OutcomeLine, Reply, SettledLine, Shown, Spawned, StandingLine, VerifiedLine, Waited,
};

pub(crate) use event::event;
pub(crate) use import::imported;
pub(crate) use job::{retried, standing};
pub(crate) use summary::summary;
pub(crate) use transcript::turns;

/// How much of an answer stands in one line, in characters.
const LINE_MAX: usize = 100;
/// How many kinds of failure a summary tells of.
const KINDS_MAX: usize = 10;

/// A result for people.
pub(crate) fn text(reply: &Reply) -> String {
    match reply {
        Reply::Tree(found) => tree::tree(found),
        Reply::Project(project) => project::project(project),
        Reply::Shown(Shown::Agent(agent)) => self::agent(agent),
        Reply::Shown(Shown::Job(job)) => self::job(job),
        Reply::Shown(Shown::Item(item)) => self::item(item),
        Reply::Shown(Shown::Outline(outline)) => tool::outline(outline),
        Reply::Listed(page) => list::page(page),
        Reply::Labelled(card) => list::card(card),
        // What was followed has been printed.
        Reply::Watched(_) => String::new(),
        Reply::Jobs(jobs) if jobs.jobs.is_empty() => "no jobs\n".to_owned(),
        Reply::Jobs(jobs) => jobs.jobs.iter().map(|job| job_in_a_line(job) + "\n").collect(),
        Reply::Job(job) => self::job(job),
        Reply::Cancelled(cancelled) => self::cancelled(cancelled),
        Reply::JobControl(answer) => job::answer(answer),
        Reply::Spawned(spawned) => self::spawned(spawned),
        Reply::Accepted(accepted) => self::accepted(accepted),
        Reply::SentToSubtree(asked) => fan_out::sent(asked),
        Reply::Assigned(assigned) => match &assigned.outcome {
            Some(outcome) => answer(outcome),
            None => accepted(&assigned.accepted),
        },
        Reply::Waited(waited) => self::waited(waited),
        Reply::Closed(closed) => self::closed(closed),
        Reply::Resumed(resumed) => self::resumed(resumed),
        Reply::Roles(roles) => role::many(roles),
        Reply::Role(role) => role::whole(role),
        Reply::Interrupted(interrupted) => self::interrupted(interrupted),
        Reply::Removed(asked) => removed::removed(asked),
        Reply::Digest(digest) => lines(&digest.text),
        Reply::Dead(reply) => dead::dead(reply),
        Reply::Dir(line) => directory::dir(line),
        Reply::Session(line) => session::session(line),
        Reply::Goal(reply) => goal::goal(reply),
        Reply::Plan(reply) => planning::plan(reply),
        Reply::Transcript(reply) => transcript::transcript(reply),
        Reply::Usage(table) => transcript::usage(table),
        Reply::Memory(reply) => memory::memory(reply),
        Reply::Token(minted) => format!("{}\n", minted.token.reveal()),
        Reply::Tools(list) => tool::list(list),
        Reply::Tool(answer) => tool::answer(answer),
        Reply::Verified(verified) => self::verified(verified),
        Reply::Parcel(reply) => parcel::parcel(reply),
    }
}

/// A result for programs: the document alone, without what kind of reply it is.
pub(crate) fn document(reply: &Reply) -> String {
    match serde_json::to_value(reply) {
        Ok(Value::Object(tagged)) => tagged.into_iter().next().map_or(Value::Null, |(_, inner)| inner).to_string(),
        other => other.unwrap_or_default().to_string(),
    }
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something, in words: `1 row`, `2 rows`, `2 entries`.
pub(crate) fn number_of(count: u64, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{} {stem}ies", grouped(count)),
        (_, None) => format!("{} {what}s", grouped(count)),
    }
}

/// How many there are of each; what there is none of is left out.
fn numbers_of<const KINDS: usize>(counts: [(u64, &str); KINDS]) -> String {
    let met = counts.into_iter().filter(|(count, _)| *count > 0);
    met.map(|(count, what)| number_of(count, what)).collect::<Vec<_>>().join(", ")
}

/// So many rows, in words.
pub(crate) fn rows(count: u64) -> String {
    number_of(count, "row")
}

/// So many attempts, in words.
pub(crate) fn attempts(count: u32) -> String {
    number_of(count.into(), "attempt")
}

/// A text in which nothing acts on a terminal. Every control character is escaped, line ends too.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // What turns the direction of writing around can make a text read as another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => shown.extend(c.escape_unicode()),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// The same, in lines as it was written.
pub(crate) fn lines(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| line.split('\t').map(escaped).collect::<Vec<_>>().join("\t")).collect();
    lines.join("\n")
}

/// The beginning of a text, in one line.
fn short(text: &str) -> String {
    let shown = escaped(text.trim());
    match shown.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

fn answer(outcome: &OutcomeLine) -> String {
    // What went wrong is said as an error, not as a result.
    if outcome.result == "completed" { lines(&outcome.content) + "\n" } else { String::new() }
}

fn accepted(accepted: &Accepted) -> String {
    let Accepted { path, message, interrupted } = accepted;
    let turn = if *interrupted { ", and its turn interrupted" } else { "" };
    format!("{path}: message {message} accepted{turn}\n")
}

fn spawned(spawned: &Spawned) -> String {
    match &spawned.outcome {
        Some(outcome) => answer(outcome),
        None if spawned.created => format!("{} spawned\n", spawned.path),
        None => format!("{} was there already\n", spawned.path),
    }
}

fn waited(waited: &Waited) -> String {
    waited.settled.iter().map(|settled| settled_in_a_line(settled) + "\n").collect()
}

fn settled_in_a_line(settled: &SettledLine) -> String {
    let path = &settled.path;
    match &settled.standing {
        StandingLine::Rests { outcome: Some(outcome) } => {
            format!("{path}  {}  {}", outcome.result, short(&outcome.content))
        }
        StandingLine::Rests { outcome: None } => format!("{path}  idle"),
        StandingLine::Closed { closed_by } if closed_by == path => format!("{path}  closed"),
        StandingLine::Closed { closed_by } => format!("{path}  closed by {closed_by}"),
        StandingLine::Removed { removed } if removed == path => format!("{path}  removed"),
        StandingLine::Removed { removed } => format!("{path}  removed with {removed}"),
        StandingLine::Held { held_by } => format!("{path}  held: nothing is left of the budget of {held_by}"),
        StandingLine::Faulted { reason } => format!("{path}  faulted  {}", short(reason)),
        StandingLine::Reserved { status, .. } => format!("{path}  {status}"),
    }
}

fn cancelled(cancelled: &AskedCancel) -> String {
    let AskedCancel { path, new, state } = cancelled;
    match (new, state.as_str()) {
        (_, "cancelling") => format!("{path} is being cancelled: rows that run may finish\n"),
        (_, state) => format!("{path} is {state}\n"),
    }
}

fn closed(closed: &AskedClose) -> String {
    let AskedClose { path, new, stopped, overdue } = closed;
    if !new {
        return format!("{path} was closed already\n");
    }
    let killed = if *overdue > 0 { format!(", {overdue} killed") } else { String::new() };
    format!("{path} closed: {stopped} stopped{killed}\n")
}

fn resumed(resumed: &AskedResume) -> String {
    let AskedResume { path, new } = resumed;
    if *new { format!("{path} resumed\n") } else { format!("{path} was open: nothing to resume\n") }
}

fn interrupted(asked: &AskedInterrupt) -> String {
    let AskedInterrupt { path, interrupted, paths, dry_run } = asked;
    let word = if *dry_run { "would be interrupted" } else { "interrupted" };
    let mut text: String = paths.iter().map(|path| format!("{path} {word}\n")).collect();
    match interrupted - paths.len() {
        _ if *interrupted == 0 => format!("{path}: no turn is under way\n"),
        0 => text,
        more => {
            let _ = writeln!(text, "and {} more", grouped(more as u64));
            text
        }
    }
}

fn job_in_a_line(job: &JobLine) -> String {
    let closed = match (&job.closed_by, &job.pause) {
        (Some(_), _) => " (closed)",
        (None, Some(_)) => " (paused)",
        (None, None) => "",
    };
    format!("{}  {}{closed}  {}  {}", job.path, job.state, counted(job), escaped(&job.output))
}

/// Where a job's rows stand, in words; what is none is left out.
fn counted(job: &JobLine) -> String {
    let counts = job.counts;
    // What waits in a job that was cancelled is never started.
    let waiting = if job.state.starts_with("cancel") { "cancelled" } else { "pending" };
    let parts = [
        (counts.completed, "completed"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.running, "running"),
        (counts.pending, waiting),
    ];
    let mut text = rows(job.rows.into());
    let mut separator = ": ";
    for (count, word) in parts.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, "{separator}{} {word}", grouped(count.into()));
        separator = ", ";
    }
    text
}

fn failed_alike(error: &ErrorLine) -> String {
    let ErrorLine { error, rows, first } = error;
    let first: Vec<String> = first.iter().map(|id| escaped(id)).collect();
    let more = if *rows > first.len() as u64 { ", …" } else { "" };
    format!("{} ({}{more}): {}", self::rows(*rows), first.join(", "), lines(error.trim()).replace('\n', "\n    "))
}

fn job(job: &JobLine) -> String {
    let directory = job.directory.as_ref();
    let found = directory.and_then(|directory| directory.found.as_ref());
    let mut fields = vec![
        ("job", job.path.to_string()),
        ("id", job.id.clone()),
        ("state", standing(job)),
        ("reason", job.reason.as_deref().map(escaped).unwrap_or_default()),
        ("paused", job::pause(job)),
        ("closed by", job.closed_by.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("rows", counted(job)),
        ("table", escaped(&job.input)),
        ("output", escaped(&job.output)),
        ("written", job.exported_at.clone().unwrap_or_default()),
        ("id column", job.id_column.as_deref().map(escaped).unwrap_or_default()),
        ("template", job.template.as_deref().map(short).unwrap_or_default()),
        ("schema", job.schema.as_deref().map(short).unwrap_or_default()),
        ("brain", job.brain.as_ref().map_or_else(|| "of the role".to_owned(), brain)),
        ("role", escaped(&job.role)),
        ("by column", list::labels(&job.columns)),
        ("directory", directory.map(directory::at).unwrap_or_default()),
        ("left", directory.map(directory::left).unwrap_or_default()),
        ("drift", found.map(|found| directory::found(job.path.as_str(), found)).unwrap_or_default()),
        ("pace", format!("{} at once, {}, {} s each", job.concurrency, attempts(job.attempts), job.timeout_ms / 1000)),
        ("spent", job::spent(job)),
        ("created", job.created_at.clone()),
    ];
    fields.extend(job.errors.iter().take(KINDS_MAX).map(|error| ("failure", failed_alike(error))));
    table(fields)
}

fn agent(agent: &AgentLine) -> String {
    let running = agent.running.as_ref();
    let running = running.map(|run| {
        let elapsed = agent.details.elapsed_ms.map(list::span).unwrap_or_default();
        format!("turn {}, attempt {}, since {}, {elapsed}", run.turn, run.attempt, run.started_at)
    });
    let outcome = agent.outcome.as_ref();
    let last = outcome.map(|outcome| format!("turn {} {} at {}", outcome.turn, outcome.result, outcome.at));
    let details = &agent.details;
    let created = match &details.created_by {
        Some(creator) => format!("{} by {creator}", agent.created_at),
        None => agent.created_at.clone(),
    };
    let directory = agent.directory.as_ref();
    let found = directory.and_then(|directory| directory.found.as_ref());
    let mut shown = table(vec![
        ("agent", agent.path.to_string()),
        ("id", agent.id.clone()),
        ("status", agent.status.clone()),
        ("closed by", agent.closed_by.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("fault", agent.fault.as_deref().map(escaped).unwrap_or_default()),
        ("nickname", agent.nickname.as_deref().map(escaped).unwrap_or_default()),
        ("role", escaped(&agent.role)),
        ("got", agent.granted.as_ref().map(role::got).unwrap_or_default()),
        ("brain", agent.brain.as_ref().map_or_else(|| "none".to_owned(), brain)),
        ("title", details.title.as_deref().map(escaped).unwrap_or_default()),
        ("labels", list::labels(&details.labels)),
        ("created", created),
        ("active", details.active_at.clone().unwrap_or_default()),
        ("turns", grouped(agent.turns)),
        ("running", running.unwrap_or_default()),
        ("next", details::next(&details.phase)),
        ("waits for", details.waits_for.as_ref().map(details::waits).unwrap_or_default()),
        ("directory", directory.map(directory::at).unwrap_or_default()),
        ("left", directory.map(directory::left).unwrap_or_default()),
        ("drift", found.map(|found| directory::found(agent.path.as_str(), found)).unwrap_or_default()),
        ("session", agent.session.as_deref().map(escaped).unwrap_or_default()),
        ("model", agent.model.as_deref().map(escaped).unwrap_or_default()),
        ("effort", agent.effort.as_deref().map(escaped).unwrap_or_default()),
        ("about", details.task.as_deref().map(escaped).unwrap_or_default()),
        ("faults", details::faults(&details.faults)),
        ("mail", details::mail(details.mail)),
        ("children", details::children(details.open_children)),
        ("last", last.unwrap_or_default()),
    ]);
    if let Some(outcome) = outcome {
        shown.push('\n');
        shown.push_str(&lines(&outcome.content));
        shown.push('\n');
    }
    shown
}

fn item(item: &ItemLine) -> String {
    let mut shown = table(vec![
        ("item", item.path.to_string()),
        ("id", item.id.clone()),
        ("item id", escaped(&item.item_id)),
        ("status", item.status.clone()),
        ("runs", format!("{}, {} failed, {} crashed", item.runs, item.failures, item.crashes)),
        ("error", item.last_error.as_deref().map(escaped).unwrap_or_default()),
        ("row", escaped(&item.row)),
        ("result", item.result.as_deref().map(escaped).unwrap_or_default()),
    ]);
    for entry in &item.kept {
        let _ = writeln!(shown, "{}  run {}  {}: {}", entry.at, entry.run, entry.what, escaped(&entry.text));
    }
    shown
}

fn verified(verified: &VerifiedLine) -> String {
    let VerifiedLine { rows, agents, jobs, items, problems, problems_total, .. } = verified;
    let [rows, agents, jobs, items] = [*rows, *agents, *jobs, *items].map(grouped);
    let mut text = format!("{rows} rows read: {agents} agents, {jobs} jobs, {items} items\n");
    for problem in problems {
        let _ = writeln!(text, "{}: {}", escaped(&problem.place), escaped(&problem.what));
    }
    match problems_total {
        0 => text.push_str("nothing is wrong\n"),
        total => drop(writeln!(text, "{} problems", grouped(*total))),
    }
    text
}

fn brain(brain: &BrainLine) -> String {
    format!("{} {}", escaped(&brain.name), escaped(&brain.settings)).trim_end().to_owned()
}

/// Names and values beneath each other; those without a value are left out.
fn table(fields: Vec<(&str, String)>) -> String {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(name, value)| format!("{name:<10} {value}\n")).collect()
}

#[cfg(test)]
mod tests;
