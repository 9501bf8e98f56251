//! What a removal took.

use understory_server::AskedRemove;

use super::numbers_of;

pub(super) fn removed(removed: &AskedRemove) -> String {
    let AskedRemove { path, dry_run, agents, jobs, items, messages } = removed;
    let counted = numbers_of([(*agents, "agent"), (*jobs, "job"), (*items, "item"), (*messages, "message")]);
    let verb = if *dry_run { "would be removed" } else { "removed" };
    format!("{path} {verb}: {counted}\n")
}
