//! What a removal took.

use understory_server::AskedRemove;

use super::grouped;

pub(super) fn removed(removed: &AskedRemove) -> String {
    let AskedRemove { path, dry_run, agents, jobs, items, messages } = removed;
    let counts = [(agents, "agent"), (jobs, "job"), (items, "item"), (messages, "message")];
    let counted = counts.into_iter().filter(|(count, _)| **count > 0).map(|(count, word)| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{} {word}{plural}", grouped(*count))
    });
    let counted = counted.collect::<Vec<_>>().join(", ");
    let verb = if *dry_run { "would be removed" } else { "removed" };
    format!("{path} {verb}: {counted}\n")
}
