//! Ending what a killed owner's workers left running.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use understory_actors::BrainError;

use super::mark;
use super::process::{self, Process, TELLS_STARTS};
use super::record::{self, Kind, Record, RunDir};

/// How often, and how long apart, a killed group is looked at before the sweep fails.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(25);

/// A file of a dead owner.
enum Leftover {
    Group(PathBuf, Record),
    File(PathBuf),
}

/// Kills the groups of dead owners, waits until they are gone and removes their files. Groups of living owners, this
/// process first of all, are left alone, and so is a group that is not surely the recorded one.
///
/// Where the system tells no start times nothing is killed: records of dead owners are removed with a warning.
pub(crate) async fn sweep(run: &RunDir) -> Result<(), BrainError> {
    let failed = |error: io::Error| BrainError::unavailable(format!("sweeping {}: {error}", run.dir.display()));
    let dir = run.dir.clone();
    let mut left = blocking(move || kill_all(leftovers(&dir)?)).await.map_err(failed)?;
    for _ in 0..LOOKS {
        left = blocking(move || clear(left)).await.map_err(failed)?;
        if left.is_empty() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    let groups: Vec<String> = left.iter().map(|(_, record)| record.group.to_string()).collect();
    let groups = groups.join(", ");
    Err(BrainError::unavailable(format!("killed process groups of earlier workers do not end: {groups}")))
}

/// Whether the processes that now have the recorded group's number are that group.
///
/// As long as one of them is left the number is not given to another, so the leader's start decides while the leader is
/// there. When it is not, a member must carry the worker's mark: the number may have gone round since.
pub(crate) fn is_recorded(
    record: &Record,
    members: &[Process],
    marked: impl Fn(&Process) -> io::Result<bool>,
) -> io::Result<bool> {
    if let Some(leader) = members.iter().find(|process| process.pid == record.group) {
        return Ok(leader.start == record.start);
    }
    for member in members {
        if marked(member)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn leftovers(dir: &Path) -> io::Result<Vec<Leftover>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut left = Vec::new();
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_name().to_str().and_then(Kind::of);
        left.extend(match kind {
            Some(Kind::Group) => group(entry.path())?,
            Some(Kind::Beside(mark)) if !mark.owner.lives()? => Some(Leftover::File(entry.path())),
            _ => None,
        });
    }
    Ok(left)
}

fn group(path: PathBuf) -> io::Result<Option<Leftover>> {
    match Record::read(&path) {
        Ok(Some(record)) if !record.owner().lives()? => Ok(Some(Leftover::Group(path, record))),
        Ok(_) => Ok(None),
        // A record is put in place whole: this one was damaged since, and whom it meant cannot be known.
        Err(error) if error.kind() == io::ErrorKind::InvalidData || error.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::warn!(path = %path.display(), %error, "a worker's record cannot be read");
            Ok(Some(Leftover::File(path)))
        }
        Err(error) => Err(error),
    }
}

/// Kills the groups, and returns those that were there. The other files are removed.
fn kill_all(left: Vec<Leftover>) -> io::Result<Vec<(PathBuf, Record)>> {
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let (boot, processes) = (process::boot()?, if TELLS_STARTS { Process::all()? } else { Vec::new() });
    let mut killed = Vec::new();
    for left in left {
        match left {
            Leftover::Group(path, record) if record.boot == boot && kill(&record, &processes)? => {
                killed.push((path, record));
            }
            Leftover::Group(path, _) | Leftover::File(path) => record::remove(&path),
        }
    }
    Ok(killed)
}

fn kill(record: &Record, processes: &[Process]) -> io::Result<bool> {
    let Record { group, start, owner, mark, .. } = record;
    let members: Vec<Process> = processes.iter().filter(|process| process.is_of(*group)).copied().collect();
    let variable = format!("{}={mark}", mark::VARIABLE);
    if !is_recorded(record, &members, |process| process.has_variable(&variable))? {
        if !members.is_empty() || !TELLS_STARTS {
            tracing::warn!(group, start, owner, "a process group has an earlier worker's number and is left alone");
        }
        return Ok(false);
    }
    let Some(leader) = Pid::from_raw(*group) else { return Ok(false) };
    tracing::info!(group, owner, "killing the process group of an earlier worker");
    end(kill_process_group(leader, Signal::KILL))?;
    if members.iter().any(|process| process.pid == *group) {
        end(kill_process(leader, Signal::KILL))?;
    }
    Ok(true)
}

/// A signal that finds nobody any more has done its work.
fn end(sent: rustix::io::Result<()>) -> io::Result<()> {
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes the records of groups that are gone, and returns the others.
fn clear(left: Vec<(PathBuf, Record)>) -> io::Result<Vec<(PathBuf, Record)>> {
    if left.is_empty() {
        return Ok(left);
    }
    let processes = Process::all()?;
    let lives = |record: &Record| processes.iter().any(|process| process.is_of(record.group) && !process.zombie);
    let (still, gone): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, record)| lives(record));
    for (path, _) in gone {
        record::remove(&path);
    }
    Ok(still)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await?
}
