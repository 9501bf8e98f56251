//! Every bound in one place.

use std::time::Duration;

/// The longest text of one message, row, instruction, result or transcript entry, in bytes. Not settable: stores agree.
pub const TEXT_MAX: usize = 256 << 10;
/// The longest error that a record or a message carries, in bytes; a longer one is cut.
pub const ERROR_MAX: usize = 2 << 10;
/// The most messages one turn takes in hand.
pub const IN_HAND_MAX: usize = 64;
/// The most agents one wait of a turn is for: what it is answered is held at once.
pub const WAIT_TARGETS_MAX: usize = 256;

/// How long the id that a caller gave to a message is remembered, so that a second one with it is not accepted.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// What a runtime holds itself to. A limit that is reached is an error that names it, its value, who holds it and what to
/// do, or a queue where waiting is reasonable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// How deep below `/root` an agent may create children. Hosts and operators have the grammar's depth.
    pub depth: usize,
    /// Open agents below any node, for a creation by an agent.
    pub agents: u64,
    /// Open agents below any node, for a creation by the host or an operator.
    pub agents_by_host: u64,
    /// Open children of a node, for a creation by an agent: 64 by default. Those that are closed do not count, those that the
    /// host made do; hosts and operators are exempt. One more is refused.
    pub children: u64,
    /// Agents that one agent, or one job item in all its runs, may create within any 60 s: 120 by default. One more is
    /// refused. Hosts and operators are exempt. It is kept in memory: a restart begins the minute anew.
    pub spawns_per_minute: u64,
    /// Turns at once in the process; more wait in a fair queue.
    pub turns: usize,
    /// Waits of turns at once in the process, 10,000 by default: each holds its brain, though no slot. One more is refused.
    pub waiting: usize,
    /// The shortest wait of a turn, 10 s by default; one that asks for less waits this long, and is told so.
    pub wait_min: Duration,
    /// How long a turn waits that does not say, 30 s by default.
    pub wait_default: Duration,
    /// The longest wait of a turn, an hour by default; one that asks for more is refused.
    pub wait_max: Duration,
    /// Unconsumed messages to one agent.
    pub inbox_messages: u64,
    /// Unconsumed bytes to one agent.
    pub inbox_bytes: u64,
    /// Attempts at one turn whose process died or whose brain broke, before its messages go to the dead letters.
    pub turn_attempts: u32,
    /// Dead letters of one agent, 256 by default: at most 64 MiB, as much as an inbox. The oldest make room for newer ones, and
    /// are told of as dropped; at least as many are kept as one turn has in hand.
    pub dead_letters: usize,
    /// How often in a row a brain may be unavailable before the turn is errored.
    pub unavailable: u32,
    /// Memories that lie at one path, 10,000 by default; those for a role or for all lie at `/root`. One more is refused.
    pub memories: u64,
    /// How long a cancelled turn has to end before it is dropped.
    pub grace: Duration,
    /// How long an idle agent stays resident.
    pub linger: Duration,
    /// Resident agents: 65,536 by default, some 0.5 GB at 7.8 KB each. Past it the least recently used leave that have nothing to
    /// do, with a 16th of it besides; those at a turn stay, so there may be more while so many are at work. Mail keeps nobody:
    /// what comes for one that left brings it back.
    pub residents: usize,
    /// Columns of a job's table.
    pub columns: usize,
    /// Rows of a job's table; never more than 99,999,999.
    pub rows: u32,
    /// Process deaths in runs of one row before it is failed as crashed.
    pub row_crashes: u32,
    /// Goals of all agents, those that are complete with them: 100,000 by default, some 40 MB. One more is refused.
    pub goals: usize,
    /// The most tokens that one goal may have; none by default. A goal that none above bounds has it, if it is not given less.
    pub goal_budget: Option<u64>,
    /// How long after the end of a turn an agent with an active goal begins the next by itself, 1 s by default.
    pub goal_gap: Duration,
    /// How long at the most it waits while others below it are at work, 5 min by default: twice as long each time.
    pub goal_patience: Duration,
    /// Turns that it begins by itself before its goal is blocked, 100 by default; activating the goal begins anew.
    pub goal_turns: u32,
    /// Turns of those in a row with the same answer and no tool, before its goal is blocked: 3 by default.
    pub goal_same_answers: u32,
    /// Nodes of one agent's plan, those that are done or dropped with them.
    pub plan_nodes: usize,
    /// Nodes that one node of a plan comes after.
    pub plan_after: usize,
    /// Removals that are remembered, so that what was there is answered as removed; the oldest are forgotten.
    pub tombstones: u64,
    /// How long a removal is remembered.
    pub tombstone_life: Duration,
    /// The longest briefing of a turn in bytes: 16 KiB by default, in which the longest goal is whole.
    pub briefing: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            depth: 8,
            agents: 10_000,
            agents_by_host: 10_000_000,
            children: 64,
            spawns_per_minute: 120,
            turns: 256,
            waiting: 10_000,
            wait_min: Duration::from_secs(10),
            wait_default: Duration::from_secs(30),
            wait_max: Duration::from_secs(3600),
            inbox_messages: 10_000,
            inbox_bytes: 64 << 20,
            turn_attempts: 2,
            dead_letters: 256,
            unavailable: 8,
            memories: 10_000,
            grace: Duration::from_secs(5),
            linger: Duration::from_secs(10),
            residents: 65_536,
            columns: 16_384,
            rows: 10_000_000,
            row_crashes: 5,
            goals: 100_000,
            goal_budget: None,
            goal_gap: Duration::from_secs(1),
            goal_patience: Duration::from_secs(300),
            goal_turns: 100,
            goal_same_answers: 3,
            plan_nodes: 1_000,
            plan_after: 64,
            tombstones: 100_000,
            tombstone_life: Duration::from_secs(24 * 60 * 60),
            briefing: 16 << 10,
        }
    }
}
