//! Roles: what an agent created with a name gets.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use understory_store::BrainChoice;

use crate::directory::OnDrift;
use crate::memories::Shares;
use crate::nickname::NicknamePool;

/// The role an agent has when none is named.
pub const DEFAULT_ROLE: &str = "default";

/// What a role gives to the agents that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// What it is for, in a line.
    pub description: String,
    /// What its agents' brains are told with every turn.
    pub instructions: Option<Arc<str>>,
    /// What answers their messages. Without one they take mail and run nothing.
    pub brain: Option<BrainChoice>,
    /// What supervision does when their brain breaks.
    pub policy: Policy,
    /// What they are called, where nothing is said of one; from the built-in pool without one.
    pub nicknames: Option<NicknamePool>,
    /// The tools their turns do not have. A host does as before what they are for.
    pub hidden: Arc<BTreeSet<&'static str>>,
    /// What they may create, where that is less than the runtime allows.
    pub limits: RoleLimits,
    /// Whether they, and those below them, send to nobody but those below and above them.
    pub isolated: bool,
    /// What the result of an agent below does that comes to one of them.
    pub on_result: OnResult,
    /// What is done about a directory that is not as it was left.
    pub on_drift: OnDrift,
    /// Whether they read what nobody vouches for, from their first turn on.
    pub untrusted: bool,
    /// Whether their brains are asked to say, before a turn ends, how the work stands: see
    /// [`Turn::summarise`](crate::Turn::summarise).
    pub summary: bool,
    /// Which of them write memories that others see; those that read nothing of that kind, if nothing is said.
    pub shares: Option<Shares>,
}

/// What the result of an agent below does, beside lying in the inbox of the agent it comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnResult {
    /// It starts a turn.
    #[default]
    Wake,
    /// Nothing: it is part of the turn that something else starts, or that takes its mail.
    Keep,
}

/// Limits of a role on what agents create below one that has it; the runtime's own limits hold besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoleLimits {
    /// Open agents below it.
    pub agents: Option<u64>,
    /// Levels below it.
    pub depth: Option<u64>,
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
    /// What a name means that nobody has said anything about: `default`, `explorer` or `worker`. The latter two have the
    /// brain and policy of `default` if they have no brain of their own.
    pub fn built_in(name: &str) -> Option<Role> {
        let description = match name {
            DEFAULT_ROLE => "does what it is asked",
            "explorer" => "looks around and tells what it found",
            "worker" => "does a piece of work and tells what came of it",
            _ => return None,
        };
        Some(Role { description: description.to_owned(), ..Role::default() })
    }

    /// A role whose agents are answered by this brain.
    pub fn with_brain(name: impl Into<String>, settings: impl Into<String>) -> Self {
        Role { brain: Some(BrainChoice { name: name.into(), settings: settings.into() }), ..Role::default() }
    }

    /// The same role, its agents called from this pool.
    pub fn called(mut self, nicknames: NicknamePool) -> Self {
        self.nicknames = Some(nicknames);
        self
    }

    /// The same role, described.
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The same role, its brains told this with every turn.
    pub fn instructed(mut self, instructions: impl Into<Arc<str>>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// The same role without these tools beside those it is without already.
    pub fn without_tools(mut self, tools: impl IntoIterator<Item = &'static str>) -> Self {
        self.hidden = Arc::new(self.hidden.iter().copied().chain(tools).collect());
        self
    }

    /// The same role with these limits.
    pub fn limits(mut self, limits: RoleLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same role, whose agents send to nobody but those below and above them; so do those below them, who reach each
    /// other.
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// The same role, whose brains are asked for a summary before a turn ends.
    pub fn summarising(mut self) -> Self {
        self.summary = true;
        self
    }

    /// The same role, to whose agents a result does this.
    pub fn on_result(mut self, on_result: OnResult) -> Self {
        self.on_result = on_result;
        self
    }

    /// The same role, which does this about a directory that is not as it was left.
    pub fn on_drift(mut self, on_drift: OnDrift) -> Self {
        self.on_drift = on_drift;
        self
    }

    /// The same role with this policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

/// The roles of a runtime, by name.
pub(crate) type Roles = HashMap<String, Role>;

/// Adds the built-in roles that are missing.
pub(crate) fn complete(roles: &mut Roles) {
    let built_in = |name: &str| Role::built_in(name).expect("it is a built-in name");
    let default = roles.entry(DEFAULT_ROLE.to_owned()).or_insert_with(|| built_in(DEFAULT_ROLE)).clone();
    for name in ["explorer", "worker"] {
        let role = roles.entry(name.to_owned()).or_insert_with(|| built_in(name));
        if role.brain.is_none() {
            (role.brain, role.policy) = (default.brain.clone(), default.policy.clone());
        }
    }
}
