//! What each event makes of each state.

use std::fmt::Write as _;

use super::*;

fn agent_words(agent: Result<Agent, Refusal>) -> String {
    let agent = match agent {
        Ok(agent) => agent,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let phase = match &agent.phase {
        Phase::Ready { charged, waits, not_before } => {
            let later = not_before.map(|at| format!(", not before {}", at.0)).unwrap_or_default();
            format!("ready, {charged} charged, {waits} waits{later}")
        }
        Phase::Running(running) => format!(
            "turn {} runs, attempt {}, {} waits, {} in hand, since {}",
            running.turn,
            running.attempt,
            running.waits,
            running.in_hand.len(),
            running.started_at.0
        ),
        Phase::Faulted { reason, .. } => format!("faulted: {reason}"),
    };
    let outcome = agent.outcome.expect("these agents have one");
    format!("{phase}; {} turns, last {}; {} faults", agent.turns, outcome.content, agent.faults.len())
}

#[test]
fn an_agent() {
    let now = Time(100);
    type Event = (&'static str, Box<dyn Fn(&Agent) -> Result<Agent, Refusal>>);
    let events: [Event; 9] = [
        ("start", Box::new(move |agent| agent.start(vec![row(9, 0)], now))),
        ("restart", Box::new(move |agent| agent.restart(now))),
        ("join", Box::new(|agent| agent.join(&[row(9, 0)]))),
        ("end", Box::new(move |agent| agent.end(TurnResult::Errored, "ended".to_owned(), now))),
        ("release", Box::new(Agent::release)),
        ("put off, charged", Box::new(move |agent| agent.put_off(true, vec![now], now))),
        ("put off", Box::new(move |agent| agent.put_off(false, vec![], now))),
        ("fault", Box::new(move |agent| Ok(agent.fault("too often".to_owned(), now)))),
        ("clear", Box::new(|agent| Ok(agent.clear()))),
    ];
    let states = [("idle", Phase::IDLE), ("put off", put_off()), ("running", running()), ("faulted", faulted())];
    let mut table = String::new();
    for (state, phase) in states {
        let agent = agent(phase);
        for (event, apply) in &events {
            writeln!(table, "{state} | {event} | {}", agent_words(apply(&agent))).unwrap();
        }
    }
    insta::assert_snapshot!(table, @"");
}

fn item_words(item: Result<Item, Refusal>) -> String {
    let item = match item {
        Ok(item) => item,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let state = match &item.state {
        ItemState::Pending { not_before: Some(at) } => format!("pending, not before {}", at.0),
        ItemState::Running { deadline, .. } => format!("running until {}", deadline.0),
        state => state.as_str().to_owned(),
    };
    let error = item.last_error.unwrap_or_else(|| "none".to_owned());
    format!("{state}; run {}, {} failures, {} crashes; error {error}", item.run, item.failures, item.crashes)
}

#[test]
fn an_item() {
    let (now, later) = (Time(100), Time(200));
    let limits = FailureLimits { attempts: 3, crashes: 3 };
    let (last_attempt, last_crash) = (FailureLimits { attempts: 2, ..limits }, FailureLimits { crashes: 2, ..limits });
    type Event = (&'static str, Box<dyn Fn(&Item) -> Result<Item, Refusal>>);
    let fail = move |item: &Item, run, limits| item.fail(run, "failed".to_owned(), limits, now, later);
    let result = || Text::Inline("{}".to_owned());
    let events: [Event; 10] = [
        ("start", Box::new(move |item| item.start(now, later, limits))),
        ("start, crashes used up", Box::new(move |item| item.start(now, later, last_crash))),
        ("crash out", Box::new(move |item| Ok(item.crash_out(now)))),
        ("complete", Box::new(move |item| item.complete(2, result(), now))),
        ("complete, older run", Box::new(move |item| item.complete(1, result(), now))),
        ("fail", Box::new(move |item| fail(item, 2, limits))),
        ("fail, attempts used up", Box::new(move |item| fail(item, 2, last_attempt))),
        ("fail, older run", Box::new(move |item| fail(item, 1, limits))),
        ("release", Box::new(|item| item.release(2))),
        ("release, older run", Box::new(|item| item.release(1))),
    ];
    let mut table = String::new();
    for (name, state) in item_states() {
        let item = item(state);
        for (event, apply) in &events {
            writeln!(table, "{name} | {event} | {}", item_words(apply(&item))).unwrap();
        }
    }
    insta::assert_snapshot!(table, @"");
}

fn job_words(job: Result<Job, Refusal>) -> String {
    let job = match job {
        Ok(job) => job,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let reason = job.state.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let Counts { pending, running, completed, failed } = job.counts;
    let unfinished = if job.unfinished() { "unfinished" } else { "finished" };
    format!("{}{reason}, {unfinished}; {pending} {running} {completed} {failed}", job.state.as_str())
}

#[test]
fn a_job() {
    let why = |reason: &str| reason.to_owned();
    let states = [
        job(JobState::Importing, [3, 0, 0, 0]),
        job(JobState::Running, [1, 1, 1, 0]),
        job(JobState::Cancelling { reason: why("enough") }, [1, 1, 1, 0]),
        job(JobState::Completed, [0, 0, 2, 1]),
        job(JobState::Failed { reason: why("changed") }, [3, 0, 0, 0]),
        job(JobState::Cancelled { reason: why("enough") }, [2, 0, 1, 0]),
    ];
    let counts = |pending, running, completed, failed| Counts { pending, running, completed, failed };
    type Event = (&'static str, Box<dyn Fn(&Job) -> Result<Job, Refusal>>);
    let events: [Event; 9] = [
        ("import", Box::new(|job| job.import(2, 9))),
        ("import the last", Box::new(|job| job.import(2, 5))),
        ("count", Box::new(move |job| Ok(job.count(counts(0, 2, 1, 0), 2)))),
        ("count, none runs", Box::new(move |job| Ok(job.count(counts(2, 0, 1, 0), 2)))),
        ("count, all final", Box::new(move |job| Ok(job.count(counts(0, 0, 2, 1), 4)))),
        ("cancel", Box::new(|job| job.cancel("by request"))),
        ("fail", Box::new(|job| job.fail("no table"))),
        ("export", Box::new(|job| Ok(job.export(Time(100))))),
        ("nothing", Box::new(|job| Ok(job.clone()))),
    ];
    let mut table = String::new();
    for job in states {
        for (event, apply) in &events {
            writeln!(table, "{} | {event} | {}", job.state.as_str(), job_words(apply(&job))).unwrap();
        }
    }
    insta::assert_snapshot!(table, @"");
}

#[test]
fn an_empty_table_is_completed_by_its_import() {
    let job = Job::new(id(4), Time(1)).import(0, 0).unwrap();
    assert_eq!(job.state, JobState::Completed);
}
