//! What the runtime says, as it goes over the wire.

use std::time::Duration;

use understory::{
    BrainChoice, Counts as RowCounts, ErrorGroup, ItemView, JobView, Outcome, Phase, Problem, Running, Settled,
    Standing, Time, TranscriptEntry, Verified, View, WholeItem,
};

use crate::details::details_line;
use crate::jobs::{limits_line, pause_line, spent_line};
use crate::lines::{
    AgentLine, BrainLine, Counts, EntryLine, ErrorLine, ItemLine, JobLine, NodeLine, OutcomeLine, ProblemLine,
    RunningLine, SettledLine, StandingLine, VerifiedLine,
};

/// A job, with its failed rows by what went wrong.
pub fn job_line(view: &JobView, errors: Vec<ErrorGroup>) -> JobLine {
    let JobView { path, job, spec, closed } = view;
    JobLine {
        path: path.clone(),
        id: job.id.to_string(),
        state: job.state.as_str().to_owned(),
        reason: job.state.reason().map(str::to_owned),
        closed_by: closed.clone(),
        finished: !job.unfinished(),
        input: spec.input.clone(),
        output: spec.output.clone(),
        rows: spec.rows,
        counts: counts(job.counts),
        id_column: spec.id_column.clone(),
        template: spec.template.clone(),
        schema: spec.schema.clone(),
        brain: spec.brain.as_ref().map(brain),
        role: spec.role.clone(),
        columns: spec.columns.named().map(|(what, column)| (what.to_owned(), column.to_owned())).collect(),
        directory: None,
        concurrency: job.limits.concurrency,
        limits: limits_line(&job.limits),
        spent: spent_line(job.spent),
        pause: job.pause.as_ref().map(pause_line),
        attempts: spec.attempts,
        timeout_ms: spec.timeout_ms,
        created_at: moment(job.created_at),
        exported_at: job.exported.map(moment),
        errors: errors.into_iter().map(error_line).collect(),
    }
}

/// A node of a tree.
pub(crate) fn node_line(view: &View) -> NodeLine {
    let agent = view.agent();
    NodeLine {
        path: view.path.clone(),
        kind: view.node.kind().to_owned(),
        status: view.status().to_owned(),
        nickname: agent.and_then(|agent| agent.nickname.clone()),
        turns: agent.map(|agent| agent.turns),
        counts: view.job().map(|job| counts(job.counts)),
        role: agent.map(|agent| agent.role.clone()),
        title: view.card.title.clone(),
        labels: view.card.labels.clone(),
        task: view.task.clone(),
        active_at: view.active().map(moment),
        elapsed_ms: view.elapsed().map(millis),
    }
}

/// An agent; nothing if it is something else.
pub(crate) fn agent_line(view: &View) -> Option<AgentLine> {
    let agent = view.agent()?;
    let fault = match &agent.phase {
        Phase::Faulted { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    Some(AgentLine {
        path: view.path.clone(),
        id: agent.id.to_string(),
        status: view.status().to_owned(),
        closed_by: view.closed.clone(),
        fault,
        role: agent.role.clone(),
        granted: None,
        brain: agent.brain.as_ref().map(brain),
        nickname: agent.nickname.clone(),
        created_at: moment(agent.created_at),
        turns: agent.turns,
        running: agent.running().map(running_line),
        outcome: agent.outcome.as_ref().map(outcome_line),
        directory: None,
        session: None,
        model: None,
        effort: None,
        details: details_line(view, agent),
    })
}

/// An item; `view` tells whether it is closed.
pub(crate) fn item_line(view: &View, whole: WholeItem) -> ItemLine {
    let WholeItem { view: ItemView { item, status, .. }, row, result, kept } = whole;
    ItemLine {
        path: view.path.clone(),
        id: item.id.to_string(),
        status: if view.closed.is_some() { view.status() } else { status }.to_owned(),
        item_id: item.item_id,
        runs: item.run,
        failures: item.failures,
        crashes: item.crashes,
        last_error: item.last_error,
        row,
        result,
        kept: kept.iter().map(entry_line).collect(),
    }
}

fn entry_line(entry: &TranscriptEntry) -> EntryLine {
    let (turn, at, what, text) = match entry {
        TranscriptEntry::Message { turn, message } => (*turn, message.at, "message", message.text.clone()),
        TranscriptEntry::Tool(tool) => (tool.turn, tool.at, "tool", format!("{} {}", tool.name, tool.arguments)),
        TranscriptEntry::Answer { turn, result, content, at, .. } => (*turn, *at, result.as_str(), content.clone()),
        entry => (entry.turn().unwrap_or_default(), entry.at(), entry.kind().as_str(), entry.text().to_owned()),
    };
    EntryLine { run: turn, at: moment(at), what: what.to_owned(), text }
}

/// How a turn ended.
pub(crate) fn outcome_line(outcome: &Outcome) -> OutcomeLine {
    OutcomeLine {
        turn: outcome.turn,
        result: outcome.result.as_str().to_owned(),
        content: outcome.content.clone(),
        at: moment(outcome.at),
    }
}

/// An agent that is settled.
pub(crate) fn settled_line(settled: Settled) -> SettledLine {
    let standing = match settled.standing {
        Standing::Rests(outcome) => StandingLine::Rests { outcome: outcome.as_ref().map(outcome_line) },
        Standing::Closed { at } => StandingLine::Closed { closed_by: at },
        Standing::Removed { at } => StandingLine::Removed { removed: at },
        Standing::Held { goal } => StandingLine::Held { held_by: goal },
        Standing::Faulted { reason } => StandingLine::Faulted { reason },
        Standing::Reserved { status, turn } => StandingLine::Reserved { status: status.to_owned(), turn },
    };
    SettledLine { path: settled.path, standing }
}

/// What a store was found to hold.
pub(crate) fn verified_line(verified: Verified) -> VerifiedLine {
    VerifiedLine {
        sound: verified.is_sound(),
        rows: verified.rows,
        agents: verified.agents,
        jobs: verified.jobs,
        items: verified.items,
        problems: verified.problems.into_iter().map(problem_line).collect(),
        problems_total: verified.problems_total,
    }
}

fn problem_line(problem: Problem) -> ProblemLine {
    ProblemLine { place: problem.place, what: problem.what }
}

fn running_line(running: &Running) -> RunningLine {
    RunningLine { turn: running.turn, attempt: running.attempt, started_at: moment(running.started_at) }
}

fn brain(choice: &BrainChoice) -> BrainLine {
    BrainLine { name: choice.name.clone(), settings: choice.settings.clone() }
}

/// Where rows stand.
pub(crate) fn counts(counts: RowCounts) -> Counts {
    let RowCounts { pending, running, completed, failed, skipped } = counts;
    Counts { pending, running, completed, failed, skipped }
}

fn error_line(group: ErrorGroup) -> ErrorLine {
    ErrorLine { error: group.error, rows: group.rows, first: group.first }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A moment as RFC 3339 with milliseconds, in UTC.
pub(crate) fn moment(time: Time) -> String {
    let moment = i64::try_from(time.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(|| time.0.to_string(), |moment| format!("{moment:.3}"))
}
