//! Parts of workloads that run in a process of their own: what they do to its memory is theirs alone.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Outcome, idle, import, memories, reopen, resident, sizes, waiters};

const FLAG: &str = "--child";

/// What this process was started for, if it is a child: a part's name and its arguments.
pub(crate) fn asked() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next().as_deref() == Some(FLAG)).then(|| arguments.collect())
}

/// Runs a part in a child and returns what it measured.
pub(crate) fn run(part: &str, arguments: &[&str]) -> Outcome<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg(FLAG).arg(part).args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the child for {part} ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs the part that this process was started for.
pub(crate) fn play(part: &[String]) -> Outcome<Value> {
    let words: Vec<&str> = part.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fill", dir, agents, end] => reopen::fill(dir, agents.parse()?, end),
        ["reopen", dir] => reopen::reopen(dir),
        ["resident", dir] => resident::wake_all(dir),
        ["import", dir, table] => import::import(dir, table),
        ["load", dir, rows] => import::load(dir, rows.parse()?),
        ["move", dir, rows] => import::load_and_move(dir, rows.parse()?),
        ["idle", dir, agents, seconds] => idle::idle(dir, agents.parse()?, seconds.parse()?),
        ["whole", dir, rows] => sizes::play_whole(dir, rows.parse()?),
        ["memories", dir, count] => memories::search(dir, count.parse()?),
        ["memories-sqlite", count] => memories::search_sqlite(count.parse()?),
        ["waiters", dir, waiters] => waiters::lie(dir, waiters.parse()?),
        _ => Err(format!("no such part: {part:?}").into()),
    }
}

/// A number that a child measured.
pub(crate) fn measured(answer: &Value, name: &str) -> Outcome<f64> {
    answer[name].as_f64().ok_or_else(|| format!("a child did not measure {name}").into())
}

/// What this process holds in memory now, and the most it ever held, in bytes.
pub(crate) fn memory() -> Outcome<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> Outcome<u64> {
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("the system does not say")?;
        let kilobytes = line.split_whitespace().nth(1).ok_or("the system does not say")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Has the most that this process ever held begin anew with what it holds now.
pub(crate) fn forget_peak() -> Outcome<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}
