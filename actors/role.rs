//! Roles: what an agent created with a name gets.

use std::collections::HashMap;
use std::time::Duration;

use understory_store::BrainChoice;

/// The role an agent has when none is named.
pub const DEFAULT_ROLE: &str = "default";

/// What a role gives to the agents that have it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Role {
    /// What answers their messages. Without one they take mail and run nothing.
    pub brain: Option<BrainChoice>,
    /// What supervision does when their brain breaks.
    pub policy: Policy,
}

/// What supervision does about faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When the agent is restarted.
    pub restart: Restart,
    /// How many faults in a window are borne; the next one makes the agent faulted.
    pub faults: usize,
    /// The window, sliding.
    pub within: Duration,
    /// Whose turns run again when a child of an agent with this role is restarted.
    pub strategy: Strategy,
}

/// Which children of an agent are restarted with one whose brain broke. An idle one has nothing to be restarted; the turn of
/// a running one is cancelled and runs again, uncharged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// That one.
    #[default]
    OneForOne,
    /// All of them.
    OneForAll,
    /// That one and those that were created after it.
    RestForOne,
}

/// When an agent whose brain broke is restarted (as in OTP's child specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Always, within the intensity.
    Permanent,
    /// As permanent: the difference is in how an agent ends by itself, which agents do not.
    Transient,
    /// Never: the turn is errored at the first fault.
    Temporary,
}

impl Default for Policy {
    fn default() -> Self {
        let (restart, strategy) = (Restart::Permanent, Strategy::OneForOne);
        Policy { restart, faults: 5, within: Duration::from_secs(60), strategy }
    }
}

impl Role {
    /// A role whose agents are answered by this brain.
    pub fn with_brain(name: impl Into<String>, settings: impl Into<String>) -> Self {
        Role { brain: Some(BrainChoice { name: name.into(), settings: settings.into() }), ..Role::default() }
    }

    /// The same role with this policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

/// The roles of a runtime, by name.
pub(crate) type Roles = HashMap<String, Role>;
