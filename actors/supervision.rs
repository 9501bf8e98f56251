//! What is done about a turn that did not come to an answer: a pure function of the record's fault history and the role's
//! policy.

use std::time::Duration;

use understory_store::Time;

use crate::role::{Policy, Restart, Strategy};

/// The longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The pause before the second restart in a row; the first has none.
const PAUSE_FIRST: Duration = Duration::from_millis(500);

/// What happened to a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The brain cannot be reached now; `waits` times in a row before this one.
    Unavailable { waits: u32, retry_after: Option<Duration> },
    /// The brain said no, or its quota is used up: a restart would not change that.
    Refused,
    /// The brain broke or panicked in attempt `attempt` of its turn.
    Broken { attempt: u32 },
    /// The process died in attempt `attempt`. No fault of the agent's: it may have been any other's.
    Crashed { attempt: u32 },
}

/// What is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Run the turn again after a pause; `charged` says whether the attempt counts.
    Again { charged: bool, pause: Duration, faults: Vec<Time> },
    /// The turn is errored; its messages go to the dead letters if `bury`.
    Error { bury: bool, faults: Vec<Time> },
    /// The agent is faulted until somebody resumes it.
    Fault,
}

/// Bounds that are the runtime's, not the role's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) attempts: u32,
    pub(crate) unavailable: u32,
}

/// Decides. `faults` is the history before this failure, oldest first; `jitter` is in 0..1.
pub(crate) fn decide(
    failure: Failure,
    policy: &Policy,
    faults: &[Time],
    bounds: Bounds,
    now: Time,
    jitter: f64,
) -> Decision {
    match failure {
        Failure::Unavailable { waits, .. } if waits >= bounds.unavailable => {
            Decision::Error { bury: false, faults: faults.to_vec() }
        }
        Failure::Unavailable { waits, retry_after } => {
            let pause = retry_after.unwrap_or_else(|| pause(waits + 1, jitter));
            Decision::Again { charged: false, pause, faults: faults.to_vec() }
        }
        Failure::Refused => Decision::Error { bury: false, faults: faults.to_vec() },
        Failure::Crashed { attempt } if attempt >= bounds.attempts => {
            Decision::Error { bury: true, faults: faults.to_vec() }
        }
        Failure::Crashed { .. } => Decision::Again { charged: true, pause: Duration::ZERO, faults: faults.to_vec() },
        Failure::Broken { .. } if policy.restart == Restart::Temporary => {
            Decision::Error { bury: false, faults: recent(policy, faults, now) }
        }
        Failure::Broken { attempt } => {
            let recent = recent(policy, faults, now);
            if recent.len() > policy.faults {
                return Decision::Fault;
            }
            if attempt >= bounds.attempts {
                return Decision::Error { bury: true, faults: recent };
            }
            let before = u32::try_from(recent.len() - 1).unwrap_or(u32::MAX);
            Decision::Again { charged: true, pause: pause(before, jitter), faults: recent }
        }
    }
}

/// Whether a running sibling is restarted with a child that this was decided about; `later`: it was created after that one.
pub(crate) fn takes_along(strategy: Strategy, decision: &Decision, later: bool) -> bool {
    let restarted = matches!(decision, Decision::Again { charged: true, .. });
    restarted
        && match strategy {
            Strategy::OneForOne => false,
            Strategy::OneForAll => true,
            Strategy::RestForOne => later,
        }
}

/// The faults still in the window, with the one of now; no more than are needed to see that they are too many.
fn recent(policy: &Policy, faults: &[Time], now: Time) -> Vec<Time> {
    let mut recent: Vec<Time> = faults.iter().copied().filter(|at| at.after(policy.within) > now).collect();
    recent.push(now);
    let spare = recent.len().saturating_sub(policy.faults.saturating_add(1));
    recent.drain(..spare);
    recent
}

/// The pause before restart number `before + 1` in a row: none, then half a second, doubled up to half a minute, with up
/// to a quarter of jitter.
pub(crate) fn pause(before: u32, jitter: f64) -> Duration {
    if before == 0 {
        return Duration::ZERO;
    }
    let doubled = PAUSE_FIRST.saturating_mul(1u32.checked_shl(before - 1).unwrap_or(u32::MAX));
    doubled.min(PAUSE_MAX).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0)
}

#[cfg(test)]
mod tests;
