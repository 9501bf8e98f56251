//! Who may do what: one function over where the caller stands in the tree, never over text.

use understory_paths::AgentPath;

use crate::caller::Caller;
use crate::error::Error;

/// What an agent asks to do to another. Hosts and operators may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Leave a message.
    Send,
    /// Start a turn.
    Assign,
    /// Wait until it is settled, and be told its last outcome.
    Wait,
    /// End the turn under way.
    Interrupt,
}

/// Lets the caller through or answers as if the target were not there.
pub(crate) fn authorise(caller: &Caller, verb: Verb, target: &AgentPath) -> Result<(), Error> {
    let me = &caller.me().path;
    let allowed = match verb {
        Verb::Send | Verb::Wait => target != me,
        Verb::Assign | Verb::Interrupt => target != me && me.contains(target),
    };
    if allowed { Ok(()) } else { Err(Error::NotFound { path: target.clone() }) }
}

#[cfg(test)]
mod tests {
    use understory_store::{AgentId, AgentRef};

    use super::*;

    #[test]
    fn an_agent_may_speak_to_and_wait_for_all_and_command_those_below() {
        let me = AgentRef::new("/root/a/b".parse().unwrap(), AgentId::from_u128(1));
        let caller = Caller::agent(me, 1, 1, 1);
        let rows = ["/root/a/b", "/root/a/b/c", "/root/a/b/c/d", "/root/a", "/root", "/root/a/bb", "/root/z"];
        let table: Vec<(&str, [bool; 4])> = rows
            .into_iter()
            .map(|target| {
                let may = |verb| authorise(&caller, verb, &target.parse().unwrap()).is_ok();
                (target, [Verb::Send, Verb::Assign, Verb::Wait, Verb::Interrupt].map(may))
            })
            .collect();
        assert_eq!(
            table,
            [
                ("/root/a/b", [false; 4]),
                ("/root/a/b/c", [true; 4]),
                ("/root/a/b/c/d", [true; 4]),
                ("/root/a", [true, false, true, false]),
                ("/root", [true, false, true, false]),
                ("/root/a/bb", [true, false, true, false]),
                ("/root/z", [true, false, true, false]),
            ]
        );
    }
}
