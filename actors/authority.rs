//! Who may do what: one function over where the caller stands in the tree, never over text.
//!
//! | | itself | below it | above it | elsewhere |
//! |---|---|---|---|---|
//! | look: name, role, how it stands | yes | yes | yes | yes |
//! | inspect: everything else | yes | yes | no | no |
//! | send | no | yes | yes | yes, unless isolated |
//! | wait; told what came of it by who may inspect | no | yes | yes | yes |
//! | assign, interrupt, close, resume | no | yes | no | no |
//! | give a goal, or change one | no | yes | no | no |
//! | spawn below it; set a goal where none is, or end one | yes | no | no | no |
//! | plan: change what it means to do | yes | yes | no, but for the state of a node that is its own | no |
//! | remember, recall | yes | no | no | no |
//! | report, as a run of a job's item | yes | no | no | no |
//! | label, cancel, remove, dead letters, tokens | no | no | no | no |
//!
//! A refusal is the answer for what never existed, and is given without a look at what is there. Hosts and operators are
//! not asked.

use understory_paths::AgentPath;

use crate::caller::Caller;
use crate::error::Error;

/// What an agent asks to do to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// See its name, its role and how it stands.
    Look,
    /// See everything that is kept of it.
    Inspect,
    /// Leave a message.
    Send,
    /// Start a turn.
    Assign,
    /// Wait until it is settled.
    Wait,
    /// End the turn under way.
    Interrupt,
    /// Close it with all below it.
    Close,
    /// Open what was closed.
    Resume,
    /// Create an agent below it.
    Spawn,
    /// Change its plan.
    Plan,
    /// Report a row's result.
    Report,
    /// Write and look through its memories.
    Remember,
    /// Say what it is called and labelled.
    Label,
    /// Have a job start no more rows.
    Cancel,
    /// Remove it with all below it.
    Remove,
    /// See or touch its dead letters.
    Dead,
    /// Mint a token for it.
    Token,
    /// Say what its goal is, what it may use for that, and whether it goes on.
    Goal,
    /// Set its own goal where none is, or say that it is complete or blocked.
    Pursue,
}

/// Where a target stands, as the caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Itself,
    Below,
    Above,
    Elsewhere,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Verb; 19] = [
        Verb::Look,
        Verb::Inspect,
        Verb::Send,
        Verb::Assign,
        Verb::Wait,
        Verb::Interrupt,
        Verb::Close,
        Verb::Resume,
        Verb::Spawn,
        Verb::Plan,
        Verb::Report,
        Verb::Remember,
        Verb::Label,
        Verb::Cancel,
        Verb::Remove,
        Verb::Dead,
        Verb::Token,
        Verb::Goal,
        Verb::Pursue,
    ];

    fn is_for(self, relation: Relation) -> bool {
        match self {
            Verb::Look => true,
            Verb::Inspect | Verb::Plan => matches!(relation, Relation::Itself | Relation::Below),
            Verb::Send | Verb::Wait => relation != Relation::Itself,
            Verb::Assign | Verb::Interrupt | Verb::Close | Verb::Resume | Verb::Goal => relation == Relation::Below,
            Verb::Spawn | Verb::Report | Verb::Remember | Verb::Pursue => relation == Relation::Itself,
            Verb::Label | Verb::Cancel | Verb::Remove | Verb::Dead | Verb::Token => false,
        }
    }
}

impl Relation {
    fn of(me: &AgentPath, target: &AgentPath) -> Relation {
        match (me.contains(target), target.contains(me)) {
            (true, true) => Relation::Itself,
            (true, false) => Relation::Below,
            (false, true) => Relation::Above,
            (false, false) => Relation::Elsewhere,
        }
    }
}

/// Lets the caller through or answers as if the target were not there.
pub(crate) fn authorise(caller: &Caller, verb: Verb, target: &AgentPath) -> Result<(), Error> {
    let relation = Relation::of(&caller.me().path, target);
    let reaches = verb != Verb::Send || relation != Relation::Elsewhere || caller.reaches(target);
    let allowed = verb.is_for(relation) && reaches;
    if allowed { Ok(()) } else { Err(Error::NotFound { path: target.clone() }) }
}

#[cfg(test)]
mod tests {
    use understory_store::{AgentId, AgentRef};

    use super::*;

    fn drawn(isolated_at: Option<&str>) -> String {
        let me = AgentRef::new("/root/a/b".parse().unwrap(), AgentId::from_u128(1));
        let caller = Caller::agent(me, 1, 1, 1).kept_within(isolated_at.map(|path| path.parse().unwrap()));
        let rows = ["/root/a/b", "/root/a/b/c", "/root/a/b/c/d", "/root/a", "/root", "/root/a/bb", "/root/z"];
        let line = |target: &str| {
            let may = |verb: &Verb| authorise(&caller, *verb, &target.parse().unwrap()).is_ok();
            let verbs: Vec<String> =
                Verb::ALL.iter().filter(|verb| may(verb)).map(|verb| format!("{verb:?}")).collect();
            format!("{target}: {}\n", verbs.join(" "))
        };
        rows.into_iter().map(line).collect()
    }

    #[test]
    fn what_an_agent_may_do_is_where_it_stands() {
        insta::assert_snapshot!(drawn(None), @"
        /root/a/b: Look Inspect Spawn Plan Report Remember Pursue
        /root/a/b/c: Look Inspect Send Assign Wait Interrupt Close Resume Plan Goal
        /root/a/b/c/d: Look Inspect Send Assign Wait Interrupt Close Resume Plan Goal
        /root/a: Look Send Wait
        /root: Look Send Wait
        /root/a/bb: Look Send Wait
        /root/z: Look Send Wait
        ");
    }

    #[test]
    fn an_isolated_one_sends_to_nobody_beside_it() {
        let sends = |isolated_at| {
            let drawn = drawn(Some(isolated_at));
            let lines = drawn.lines().filter(|line| line.contains("Send"));
            lines.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(sends("/root/a/b"), ["/root/a/b/c", "/root/a/b/c/d", "/root/a", "/root"]);
        // One below an isolated one sends to those below that one, too.
        assert_eq!(sends("/root/a"), ["/root/a/b/c", "/root/a/b/c/d", "/root/a", "/root", "/root/a/bb"]);
    }
}
