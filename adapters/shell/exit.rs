//! Hearing that a worker has ended, before its pid is given back.
//!
//! As long as nobody has asked for its exit status, a process that has ended keeps its pid, and with it the number of its
//! group: only until then does killing the group surely mean this one. tokio's own `Child` asks at once.

use std::io;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[cfg(target_os = "linux")]
use {
    rustix::process::{PidfdFlags, pidfd_open},
    std::os::fd::OwnedFd,
    tokio::io::{Interest, unix::AsyncFd},
};

/// Tells when a child of this process has ended.
pub(crate) enum Exit {
    /// A descriptor of the process, readable once it has ended.
    #[cfg(target_os = "linux")]
    Descriptor(AsyncFd<OwnedFd>),
    /// Every end of any child is a reason to look.
    Signal(Pid, Signal),
}

impl Exit {
    /// Watches a child that nobody else waits for. Needs a runtime with its I/O driver.
    pub(crate) fn of(child: Pid) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(descriptor) = pidfd_open(child, PidfdFlags::empty()) {
            return Exit::by_descriptor(descriptor);
        }
        Exit::by_signal(child)
    }

    #[cfg(target_os = "linux")]
    #[expect(deprecated, reason = "what replaces it is unsafe; an OwnedFd keeps all that it demands")]
    fn by_descriptor(descriptor: OwnedFd) -> io::Result<Self> {
        AsyncFd::with_interest(descriptor, Interest::READABLE).map(Exit::Descriptor)
    }

    /// As [`Exit::of`], where the system has no descriptors of processes.
    pub(crate) fn by_signal(child: Pid) -> io::Result<Self> {
        Ok(Exit::Signal(child, signal(SignalKind::child())?))
    }

    /// Resolves when the child has ended, and again whenever asked after that. The child is left to be waited for.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Exit::Descriptor(descriptor) => descriptor.readable().await.map(drop),
            Exit::Signal(child, signals) => {
                let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
                while waitid(WaitId::Pid(*child), look)?.is_none() {
                    signals.recv().await;
                }
                Ok(())
            }
        }
    }
}
