//! Whose worker it is: the process that owns it, and its number there.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::process::{Process, TELLS_STARTS};

/// The variable that holds a worker's mark. What a worker starts inherits it, so that a group whose leader has ended is
/// still known.
pub(crate) const VARIABLE: &str = "UNDERSTORY_GROUP";

/// The process that started a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) pid: i32,
    pub(crate) start: u64,
}

/// What tells one worker from every other of this boot. As text, `<owner's pid>-<owner's start>-<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) owner: Owner,
    number: u64,
}

impl Owner {
    /// This process.
    ///
    /// # Errors
    /// The system does not say when it began, and should.
    pub(crate) fn current() -> io::Result<Self> {
        let pid = std::process::id().cast_signed();
        match Process::find(pid)? {
            Some(process) => Ok(Owner { pid, start: process.start }),
            None if TELLS_STARTS => Err(io::Error::other("the system does not tell when this process began")),
            None => Ok(Owner { pid, start: 0 }),
        }
    }

    /// Whether it still runs. Where start times are not told, a process with its pid counts as it.
    ///
    /// # Errors
    /// The system did not say.
    pub(crate) fn lives(&self) -> io::Result<bool> {
        if !TELLS_STARTS {
            return Ok(rustix::process::Pid::from_raw(self.pid)
                .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok()));
        }
        Ok(Process::find(self.pid)?.is_some_and(|process| process.start == self.start && !process.zombie))
    }
}

impl Mark {
    /// A mark that no other worker of this owner has.
    pub(crate) fn next(owner: Owner) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Mark { owner, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.owner.pid, self.owner.start, self.number)
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let (Some(pid), Some(start), Some(number), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let owner = Owner { pid: pid.parse().map_err(drop)?, start: start.parse().map_err(drop)? };
        Ok(Mark { owner, number: number.parse().map_err(drop)? })
    }
}
