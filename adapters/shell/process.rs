//! What the system knows of a process: its group, and when it began.
//!
//! A pid is used again; a pid and a start time, within one boot, are one process for ever. Linux tells both in `/proc`. On
//! another system there is none: nothing can be told apart, so nothing that was left is killed ([`super::sweep`]).

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;

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
    /// The process with this pid; `None` if there is none that this one may look at.
    ///
    /// # Errors
    /// The system did not say, for want of descriptors perhaps: the process may well be there.
    pub(crate) fn find(pid: i32) -> io::Result<Option<Self>> {
        Process::read(Path::new(&format!("/proc/{pid}/stat")))
    }

    pub(crate) fn read(stat: &Path) -> io::Result<Option<Self>> {
        let Some(stat) = told(stat)? else { return Ok(None) };
        // The name is cut after 15 bytes, be it within a character.
        Ok(Process::parse(&String::from_utf8_lossy(&stat)))
    }

    /// Every process there is, but for those that end or begin meanwhile.
    pub(crate) fn all() -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
                all.extend(Process::find(pid)?);
            }
        }
        Ok(all)
    }

    /// Whether it is of this group, or leads it from another one that it has joined since.
    pub(crate) fn is_of(&self, group: i32) -> bool {
        self.group == group || self.pid == group
    }

    /// Whether its environment, as it was when its program was started, has this variable.
    pub(crate) fn has_variable(&self, variable: &str) -> io::Result<bool> {
        let environ = told(Path::new(&format!("/proc/{}/environ", self.pid)))?.unwrap_or_default();
        Ok(environ.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes()))
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

/// Which boot this is: after another one, start times mean nothing. Empty where the system never says.
pub(crate) fn boot() -> io::Result<String> {
    let id = told(Path::new("/proc/sys/kernel/random/boot_id"))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&id).trim().to_owned())
}

/// What a file of `/proc` says; `None` where what it speaks of has ended or is another user's.
fn told(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
        // It ended between the opening and the reading of the file.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}
