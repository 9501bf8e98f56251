//! Events, each in a line.

use understory_server::{Happened, RunLine, WatchLine};

use super::{grouped, short};

/// An event in a line.
pub(crate) fn event(line: &WatchLine) -> String {
    let WatchLine { id, path, happened } = line;
    let words = words(happened);
    match path {
        Some(path) => format!("{id}  {path}  {words}\n"),
        None => format!("{id}  {words}\n"),
    }
}

fn words(happened: &Happened) -> String {
    match happened {
        Happened::Spawned => "spawned".to_owned(),
        Happened::Closed => "closed".to_owned(),
        Happened::Resumed => "resumed".to_owned(),
        Happened::Mailed { trigger: true, .. } => "has a message, which starts a turn".to_owned(),
        Happened::Mailed { trigger: false, .. } => "has a message".to_owned(),
        Happened::TurnStarted { turn, attempt: 1, .. } => format!("turn {turn} started"),
        Happened::TurnStarted { turn, attempt, .. } => format!("turn {turn} started, attempt {attempt}"),
        Happened::TurnPutOff { turn, reason } => format!("turn {turn} put off: {}", short(reason)),
        Happened::TurnEnded { turn, result, .. } => format!("turn {turn} {result}"),
        Happened::Faulted { reason } => format!("faulted: {}", short(reason)),
        Happened::DeadLettered { messages } => format!("{messages} to the dead letters"),
        Happened::DeadDropped { messages } => format!("{messages} of the oldest dead letters dropped"),
        Happened::JobCreated => "job created".to_owned(),
        Happened::JobChanged { state, counts } => {
            let [pending, running, completed, failed] =
                [counts.pending, counts.running, counts.completed, counts.failed].map(|count| grouped(count.into()));
            format!("job {state}: {completed} completed, {failed} failed, {running} running, {pending} pending")
        }
        Happened::ItemsMoved { started, ended } => {
            let ending = |run: &&RunLine| run.ending.as_deref() == Some("completed");
            let completed = ended.iter().filter(ending).count();
            format!(
                "rows: {} started, {completed} completed, {} ended otherwise",
                started.len(),
                ended.len() - completed
            )
        }
        Happened::JobExported => "output written".to_owned(),
        Happened::JobExportFailed { reason } => format!("output not written: {}", short(reason)),
        Happened::Removed => "removed".to_owned(),
        Happened::Labelled => "title or labels changed".to_owned(),
        Happened::Drifted { drift, held, .. } => {
            let held = if *held { "; nothing runs there until it is accepted" } else { "" };
            format!("directory not as it was left: {}{held}", short(drift))
        }
        Happened::SessionLost => "its brain's conversation was lost".to_owned(),
        Happened::DirectorySet => "directory set or accepted".to_owned(),
        Happened::GoalChanged { status: None, .. } => "goal cleared".to_owned(),
        Happened::GoalChanged { status: Some(status), used, budget, why } => {
            let of = budget.map(|budget| format!(" of {}", grouped(budget))).unwrap_or_default();
            let why = if why.is_empty() { String::new() } else { format!(": {}", short(why)) };
            format!("goal {}, {}{of} tokens used{why}", status.replace('_', " "), grouped(*used))
        }
        Happened::PlanChanged { nodes, what, to } => {
            let numbers: Vec<String> = nodes.iter().map(u32::to_string).collect();
            let to = to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
            short(&format!("plan: {what} {}{to}", numbers.join(", ")))
        }
        Happened::Imported => "imported, closed".to_owned(),
        Happened::Other => "an event that this build has no word for".to_owned(),
        Happened::Gap => "the events up to here were dropped before they were read".to_owned(),
        Happened::Lagged => "fell behind: what follows is read from the store".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_event_is_a_line_and_what_agents_wrote_acts_on_nothing() {
        let line = |path: Option<&str>, happened| {
            let path = path.map(|path| path.parse().unwrap());
            event(&WatchLine { id: "12.3".to_owned(), path, happened })
        };
        let ada = Some("/root/ada");
        let run = |row, ending: Option<&str>| RunLine { row, run: 1, ending: ending.map(str::to_owned) };
        let moved = Happened::ItemsMoved {
            started: vec![run(3, None)],
            ended: vec![run(1, Some("completed")), run(2, Some("failed"))],
        };
        let lines = [
            line(ada, Happened::Mailed { trigger: true, metadata: BTreeMap::new() }),
            line(ada, Happened::TurnStarted { turn: 1, attempt: 1, metadata: BTreeMap::new() }),
            line(ada, Happened::TurnStarted { turn: 1, attempt: 2, metadata: BTreeMap::new() }),
            line(ada, Happened::TurnPutOff { turn: 1, reason: "no\u{1b}[2J\nluck".to_owned() }),
            line(ada, Happened::TurnEnded { turn: 1, result: "completed".to_owned(), metadata: BTreeMap::new() }),
            line(Some("/root/job_1"), moved),
            line(None, Happened::Gap),
            line(None, Happened::Lagged),
        ];
        insta::assert_snapshot!(lines.concat(), @r"
        12.3  /root/ada  has a message, which starts a turn
        12.3  /root/ada  turn 1 started
        12.3  /root/ada  turn 1 started, attempt 2
        12.3  /root/ada  turn 1 put off: no\u{1b}[2J\nluck
        12.3  /root/ada  turn 1 completed
        12.3  /root/job_1  rows: 1 started, 1 completed, 1 ended otherwise
        12.3  the events up to here were dropped before they were read
        12.3  fell behind: what follows is read from the store
        ");
    }
}
