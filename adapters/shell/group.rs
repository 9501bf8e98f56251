//! A worker's process group, from its start to its last process.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group, test_kill_process_group};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::exit::Exit;
use super::process::{Process, TELLS_STARTS};
use super::record::{GroupFile, RowFile};

/// The waits for a killed group to be gone: two seconds in all, and nearly always none is needed.
const PATIENCE: [Duration; 9] = {
    let ms = Duration::from_millis;
    [ms(1), ms(2), ms(5), ms(10), ms(32), ms(100), ms(350), ms(500), ms(1000)]
};

/// A running worker and everything it started in its group. Dropped, it is killed.
pub(crate) struct Group {
    live: Option<Live>,
}

struct Live {
    child: Child,
    leader: Pid,
    exit: Exit,
    /// Set once the leader has been waited for; from then on the group's number is not surely this group's.
    status: Option<ExitStatus>,
    record: Option<GroupFile>,
    row: Option<RowFile>,
}

impl Group {
    /// Takes over a child that leads its own group. If that fails, the child has ended.
    pub(crate) fn of(mut child: Child, row: Option<RowFile>) -> io::Result<Self> {
        let leader = Pid::from_child(&child);
        match Exit::of(leader) {
            Ok(exit) => Ok(Group { live: Some(Live { child, leader, exit, status: None, record: None, row }) }),
            Err(error) => {
                kill(leader, Signal::KILL);
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The group's number, which is its leader's pid.
    pub(crate) fn number(&self) -> i32 {
        self.live().leader.as_raw_pid()
    }

    /// Gives the group its record, to be removed when it is gone.
    pub(crate) fn recorded(&mut self, record: GroupFile) {
        self.live_mut().record = Some(record);
    }

    /// Resolves when the leader has ended, whatever it left running.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        self.live_mut().exit.ended().await
    }

    /// Asks every process of the group to end.
    pub(crate) fn terminate(&self) {
        kill(self.live().leader, Signal::TERM);
    }

    /// Kills what is left of the group, and returns once it and its files are gone. One that does not end in two seconds is
    /// logged, and keeps its record.
    pub(crate) async fn end(mut self) -> io::Result<ExitStatus> {
        let live = self.live_mut();
        live.kill();
        let status = live.end().await?;
        self.live = None;
        Ok(status)
    }

    fn live(&self) -> &Live {
        self.live.as_ref().expect("only `end`, which consumes it, takes what lives")
    }

    fn live_mut(&mut self) -> &mut Live {
        self.live.as_mut().expect("only `end`, which consumes it, takes what lives")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(mut live) = self.live.take() else { return };
        live.kill();
        // Where no runtime is left the process is about to end: the next one's sweep removes the record.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(async move {
                if let Err(error) = live.end().await {
                    tracing::warn!(group = live.leader.as_raw_pid(), %error, "failed to wait for a killed worker");
                }
            }));
        }
    }
}

impl Live {
    fn kill(&self) {
        if self.status.is_none() {
            kill(self.leader, Signal::KILL);
        }
    }

    /// Waits for a killed group. May be dropped and called again.
    async fn end(&mut self) -> io::Result<ExitStatus> {
        let status = match self.status {
            Some(status) => status,
            None => {
                self.exit.ended().await?;
                *self.status.insert(self.child.wait()?)
            }
        };
        self.row = None;
        if !gone(self.leader).await {
            tracing::warn!(group = self.leader.as_raw_pid(), "a killed worker's group does not end");
        } else if let Some(record) = self.record.take() {
            record.remove();
        }
        Ok(status)
    }
}

/// Signals a group, and its leader by itself if that has joined another one. Nobody is signalled twice: there are programs
/// that take a second request to end for an order.
///
/// The leader must not have been waited for, so that both numbers are surely theirs.
fn kill(leader: Pid, signal: Signal) {
    let group = kill_process_group(leader, signal);
    let left = getpgid(Some(leader)).is_ok_and(|group| group != leader);
    let alone = if left { kill_process(leader, signal) } else { Ok(()) };
    // Some systems refuse a signal to a group whose processes have ended.
    if let Err(error) = group.and(alone) {
        tracing::debug!(group = leader.as_raw_pid(), %error, "a worker's group takes no signal");
    }
}

/// Waits until no process of the group runs; false if one does not end.
async fn gone(group: Pid) -> bool {
    for pause in PATIENCE {
        match test_kill_process_group(group) {
            Err(Errno::SRCH) => return true,
            // Processes that have ended count as members until their parent, by now init, has heard of it; there are
            // inits that never listen.
            _ if TELLS_STARTS && empty(group.as_raw_pid()).await => return true,
            _ => sleep(pause).await,
        }
    }
    false
}

async fn empty(group: i32) -> bool {
    let all = spawn_blocking(Process::all).await;
    matches!(all, Ok(Ok(all)) if !all.iter().any(|process| process.is_of(group) && !process.zombie))
}
