//! The roles of a process, as they are told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use understory::{Grant, OnResult, Role, Runtime};

use crate::lines::BrainLine;

/// Roles, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roles {
    /// Each of them.
    pub roles: Vec<RoleLine>,
}

/// What a role comes to, with everything that lies beneath it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What its agents' brains are told with every turn.
    pub instructions: Option<String>,
    /// What answers their messages.
    pub brain: Option<BrainLine>,
    /// What is done about faults.
    pub policy: PolicyLine,
    /// What they are called; from the built-in pool if it is not said, nothing if it is empty.
    pub nicknames: Option<Vec<String>>,
    /// Tools that their turns do not have.
    pub hidden_tools: Vec<String>,
    /// What they may create, where that is less than the runtime allows.
    pub limits: RoleLimitsLine,
    /// Whether they send to nobody beside them.
    pub isolated: bool,
    /// Whether the result of an agent below starts a turn.
    pub wake_on_result: bool,
    /// What is done about a directory that is not as it was left: ignore, warn or block.
    pub drift: String,
    /// Whether they read what nobody vouches for.
    pub untrusted: bool,
    /// Whether their brains are asked for a summary before a turn ends.
    pub summary: bool,
    /// Which of them write memories that others see: never, clean (those that read nothing of that kind) or always.
    pub shared_memory: String,
}

/// What an agent's role gave it when its last turn began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantLine {
    /// What its brain was told.
    pub instructions: Option<String>,
    /// What was done about faults.
    pub policy: PolicyLine,
    /// Tools it did not have.
    pub hidden_tools: Vec<String>,
    /// What it could create.
    pub limits: RoleLimitsLine,
    /// Whether it sent to nobody beside it.
    pub isolated: bool,
    /// Whether the result of an agent below starts a turn.
    pub wake_on_result: bool,
}

/// What supervision does about faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLine {
    /// Permanent, transient or temporary.
    pub restart: String,
    /// How many faults in the window are borne.
    pub faults: usize,
    /// The window.
    pub within_ms: u64,
}

/// Limits on what is created below an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleLimitsLine {
    /// Open agents below it.
    pub agents: Option<u64>,
    /// Levels below it.
    pub depth: Option<u64>,
}

/// A role as it goes over the wire.
pub(crate) fn role_line(name: &str, role: &Role) -> RoleLine {
    let policy = &role.policy;
    RoleLine {
        name: name.to_owned(),
        description: role.description.clone(),
        instructions: role.instructions.as_deref().map(str::to_owned),
        brain: role
            .brain
            .as_ref()
            .map(|brain| BrainLine { name: brain.name.clone(), settings: brain.settings.clone() }),
        policy: PolicyLine {
            restart: policy.restart.as_str().to_owned(),
            faults: policy.faults,
            within_ms: millis(policy.within),
        },
        nicknames: role.nicknames.as_ref().map(|pool| pool.names().to_vec()),
        hidden_tools: role.hidden.iter().map(|name| (*name).to_owned()).collect(),
        limits: RoleLimitsLine { agents: role.limits.agents, depth: role.limits.depth },
        isolated: role.isolated,
        wake_on_result: role.on_result == OnResult::Wake,
        drift: role.on_drift.as_str().to_owned(),
        untrusted: role.untrusted,
        summary: role.summary,
        shared_memory: role.shares.unwrap_or_default().as_str().to_owned(),
    }
}

/// What an agent got, as it goes over the wire.
pub(crate) fn grant_line(grant: Grant) -> GrantLine {
    let Grant { instructions, restart, faults, within_ms, hidden, agents, depth, isolated, wake_on_result } = grant;
    GrantLine {
        instructions,
        policy: PolicyLine { restart, faults: usize::try_from(faults).unwrap_or(usize::MAX), within_ms },
        hidden_tools: hidden,
        limits: RoleLimitsLine { agents, depth },
        isolated,
        wake_on_result,
    }
}

/// All roles of a process.
pub(crate) fn roles(runtime: &Runtime) -> Roles {
    let roles = runtime.system().roles().iter();
    let mut roles: Vec<RoleLine> = roles.map(|(name, role)| role_line(name, role)).collect();
    roles.sort_by(|one, other| one.name.cmp(&other.name));
    Roles { roles }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
