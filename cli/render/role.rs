//! Roles, for people: many in a line each, one whole.

use understory_server::{GrantLine, RoleLine, Roles};

use super::{brain, escaped, short, table};

/// What isolation comes to.
const ISOLATED: &str = "only to those above and below it";
/// What is said of one whom no result wakes.
const KEEPS: &str = "results start no turn";

/// A line each.
pub(super) fn many(roles: &Roles) -> String {
    let width = roles.roles.iter().map(|role| role.name.len()).max().unwrap_or_default();
    let line = |role: &RoleLine| format!("{:<width$}  {}\n", escaped(&role.name), escaped(&role.description));
    roles.roles.iter().map(line).collect()
}

/// One with all it says.
pub(super) fn whole(role: &RoleLine) -> String {
    let RoleLine {
        name,
        description,
        instructions,
        brain,
        policy,
        nicknames,
        hidden_tools,
        limits,
        isolated,
        wake_on_result,
        drift,
        untrusted,
        summary,
        shared_memory,
    } = role;
    let shares = match shared_memory.as_str() {
        "never" => "no memories for others",
        "always" => "memories for others, whatever they read",
        _ => "",
    };
    let at_most = |limit: Option<u64>| limit.map(|limit| format!("at most {limit} below it")).unwrap_or_default();
    table(vec![
        ("role", escaped(name)),
        ("for", escaped(description)),
        ("told", instructions.as_deref().map(short).unwrap_or_default()),
        ("brain", brain.as_ref().map_or_else(|| "none".to_owned(), self::brain)),
        ("restart", format!("{}, {} faults in {} s", policy.restart, policy.faults, policy.within_ms / 1000)),
        ("nicknames", nicknames.as_ref().map(|names| called(names)).unwrap_or_default()),
        ("without", hidden_tools.join(", ")),
        ("agents", at_most(limits.agents)),
        ("levels", at_most(limits.depth)),
        ("sends", if *isolated { ISOLATED.to_owned() } else { String::new() }),
        ("results", if *wake_on_result { "" } else { KEEPS }.to_owned()),
        ("drift", if drift == "warn" { String::new() } else { drift.clone() }),
        ("reads", if *untrusted { "what nobody vouches for" } else { "" }.to_owned()),
        ("writes", shares.to_owned()),
        ("says", if *summary { "how its work stands, before a turn ends" } else { "" }.to_owned()),
    ])
}

/// What an agent got of its role, in a line.
pub(super) fn got(grant: &GrantLine) -> String {
    let GrantLine { instructions, policy, hidden_tools, limits, isolated, wake_on_result } = grant;
    let mut words = vec![format!("{}, {} faults in {} s", policy.restart, policy.faults, policy.within_ms / 1000)];
    words.extend(limits.agents.map(|limit| format!("at most {limit} agents below it")));
    words.extend(limits.depth.map(|limit| format!("at most {limit} levels below it")));
    words.extend(isolated.then(|| format!("sends {ISOLATED}")));
    words.extend((!hidden_tools.is_empty()).then(|| format!("without {}", hidden_tools.join(", "))));
    words.extend((!wake_on_result).then(|| KEEPS.to_owned()));
    words.extend(instructions.as_deref().map(|text| format!("told {}", short(text))));
    words.join("; ")
}

fn called(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { escaped(&names.join(", ")) }
}
