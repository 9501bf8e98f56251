//! What the system knows of a process: its group, and when it began.
//!
//! A pid is used again; a pid and a start time, within one boot, are one process for ever. Linux tells both in `/proc`. On
//! another system there is none: nothing can be told apart, so nothing that was left is killed ([`super::sweep`]).

use std::fs;
use std::io;

/// Whether this system tells start times.
pub(crate) const TELLS_STARTS: bool = cfg!(target_os = "linux");

/// A line of `/proc/<pid>/stat`, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) group: i32,
    /// In clock ticks since the system was booted.
    pub(crate) start: u64,
    /// It has ended, and waits for its parent to hear of it.
    pub(crate) zombie: bool,
}

impl Process {
    /// The process with this pid; `None` if there is none.
    pub(crate) fn find(pid: i32) -> Option<Self> {
        Process::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Every process there is, but for those that end or begin meanwhile.
    pub(crate) fn all() -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
                all.extend(Process::find(pid));
            }
        }
        Ok(all)
    }

    /// Those of a group that have not ended.
    pub(crate) fn living(group: i32) -> io::Result<Vec<Self>> {
        let mut members = Process::all()?;
        members.retain(|process| process.group == group && !process.zombie);
        Ok(members)
    }

    /// Whether its environment, as it was when its program was started, has this variable.
    pub(crate) fn has_variable(&self, variable: &str) -> bool {
        let environ = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    }

    pub(crate) fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        // A program's name may hold anything, brackets and spaces too; nothing after it does.
        let fields: Vec<&str> = rest.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        Some(Process {
            pid: pid.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
            zombie: matches!(*fields.first()?, "Z" | "X" | "x"),
        })
    }
}

/// Which boot this is: after another one, start times mean nothing. Empty where the system does not say.
pub(crate) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
