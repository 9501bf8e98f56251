//! Every status of a goal against everything that happens to it, and how far an agent goes by itself.

use super::*;

fn goal(status: GoalStatus, budget: Option<u64>, own: u64) -> Goal {
    let objective = Objective::new("count the stars").unwrap();
    Goal {
        id: GoalId::from_u128(3),
        status,
        why: if status == GoalStatus::Active { String::new() } else { "before".to_owned() },
        own,
        ..Goal::new(AgentId::from_u128(7), objective, budget, None, NOW)
    }
}

fn charge(of: u128, tokens: u64, share: Share, source: Option<GoalRef>) -> Charge {
    Charge { goal: GoalId::from_u128(of), tokens, share, source }
}

fn above() -> Option<GoalRef> {
    Some(GoalRef { path: "/root/a".parse().unwrap(), id: GoalId::from_u128(1) })
}

fn words(goal: &Goal) -> String {
    let budget = goal.budget.map_or("no budget".to_owned(), |budget| format!("of {budget}"));
    let changed = if goal.since == LATER { "now" } else { "as before" };
    format!("{} {changed} {:?}; {} {budget}", goal.status.as_str(), goal.why, goal.used())
}

#[test]
fn a_goals_course() {
    use GoalStatus::{Active, Blocked, BudgetLimited, Complete, Paused, UsageLimited};
    let states = [
        ("active, 5 of 20", goal(Active, Some(20), 5)),
        ("active, 5, no budget", goal(Active, None, 5)),
        ("paused, 5 of 20", goal(Paused, Some(20), 5)),
        ("blocked, 5 of 20", goal(Blocked, Some(20), 5)),
        ("usage limited, 5 of 20", goal(UsageLimited, Some(20), 5)),
        ("budget limited, 25 of 20", goal(BudgetLimited, Some(20), 25)),
        ("complete, 5 of 20", goal(Complete, Some(20), 5)),
    ];
    let to = |status| move |goal: &Goal| say(goal.turn_to(status, "asked", LATER), words);
    let charged = |tokens| move |goal: &Goal| words(&goal.charge(tokens, Share::Whole, LATER));
    let allowed = |budget| move |goal: &Goal| words(&goal.allow(budget, None, LATER));
    let raised = |goal: &Goal| say(goal.allow(Some(50), None, LATER).turn_to(Active, "", LATER), words);
    let drawn = table(
        &states,
        &[
            ("activate", &to(Active)),
            ("pause", &to(Paused)),
            ("block", &to(Blocked)),
            ("limit by usage", &to(UsageLimited)),
            ("limit by budget", &to(BudgetLimited)),
            ("complete", &to(Complete)),
            ("charge 10", &charged(10)),
            ("charge 15", &charged(15)),
            ("allow 5", &allowed(Some(5))),
            ("allow 50", &allowed(Some(50))),
            ("allow any", &allowed(None)),
            ("allow 50 and activate", &raised),
            ("reword", &|goal| words(&goal.reword(Objective::new("less").unwrap(), LATER))),
        ],
    );
    assert_snapshot!(drawn);
}

#[test]
fn a_goal_with_nothing_to_use_is_limited_at_once() {
    let objective = Objective::new("x").unwrap();
    assert_eq!(Goal::new(AgentId::from_u128(7), objective, Some(0), None, NOW).status, GoalStatus::BudgetLimited);
}

#[test]
fn a_new_text_keeps_what_was_used_and_when_it_was_set() {
    let before = Goal { below: 2, seconds: 9, ..goal(GoalStatus::Active, Some(20), 5) };
    let after = before.reword(Objective::new("less").unwrap(), LATER);
    assert_eq!((after.used(), after.seconds, after.created_at, after.id), (7, 9, NOW, before.id));
    assert_eq!((after.objective.as_str(), after.updated_at), ("less", LATER));
}

#[test]
fn an_objective_is_within_its_bounds_wherever_it_comes_from() {
    assert_eq!(Objective::new("  a b\n").unwrap().as_str(), "a b");
    assert_eq!(Objective::new(" \n"), Err(ObjectiveError::Empty));
    // Characters, not bytes.
    assert!(Objective::new(&"\u{e9}".repeat(OBJECTIVE_MAX)).is_ok());
    let long = Objective::new(&"\u{e9}".repeat(OBJECTIVE_MAX + 1)).unwrap_err();
    assert_eq!(
        long.to_string(),
        "an objective has 4001 characters, over the limit of 4000: put it where it can be read and name that"
    );
    let stored = Goal { objective: Objective::new("ab").unwrap(), ..goal(GoalStatus::Active, None, 0) }.encode();
    let (at, spaces) = (stored.windows(3).position(|bytes| bytes == b"\x02ab").unwrap(), b"\x02  ");
    let blank = [&stored[..at], spaces, &stored[at + 3..]].concat();
    assert!(Goal::decode(&stored).is_ok() && Goal::decode(&blank).is_err());
}

#[test]
fn where_a_charge_goes() {
    use GoalStatus::{Active, BudgetLimited, Complete, Paused};
    let states = [
        ("active, 5 of 20", Goal { source: above(), ..goal(Active, Some(20), 5) }),
        ("active, 5 of 20 of its own", goal(Active, Some(20), 5)),
        ("active, 15 of 20", Goal { source: above(), ..goal(Active, Some(20), 15) }),
        ("active, 5, no budget", goal(Active, None, 5)),
        ("paused, 15 of 20", Goal { source: above(), ..goal(Paused, Some(20), 15) }),
        ("budget limited, 25 of 20", Goal { source: above(), ..goal(BudgetLimited, Some(20), 25) }),
        ("complete, 5 of 20", Goal { source: above(), ..goal(Complete, Some(20), 5) }),
        ("complete, 5, no budget", goal(Complete, None, 5)),
    ];
    let folded = |of, share, source: Option<GoalRef>| {
        move |before: &Goal| {
            let (next, apart) = before.fold(&charge(of, 10, share, source.clone()), LATER);
            let Goal { own, below, shared, .. } = next;
            let changed = if next == *before { "as before" } else { next.status.as_str() };
            format!("{changed}: own {own}, below {below}, shared {shared}; {apart} for the one above")
        }
    };
    let drawn = table(
        &states,
        &[
            ("its own", &folded(3, Share::Whole, above())),
            // It had no budget when the turn began, and none above had one.
            ("its own, of no budget", &folded(3, Share::Whole, None)),
            // It had none, and the one above was charged.
            ("its own, counted above", &folded(3, Share::Counted, None)),
            ("from below", &folded(3, Share::Below, above())),
            ("from below, of none", &folded(3, Share::Below, None)),
            // The one that is meant is gone.
            ("another's", &folded(4, Share::Whole, above())),
            ("another's, of none", &folded(4, Share::Whole, None)),
            ("another's, counted", &folded(4, Share::Counted, None)),
            ("another's, from below", &folded(4, Share::Below, above())),
        ],
    );
    assert_snapshot!(drawn);
}

#[test]
fn what_a_goal_above_has_set_aside() {
    let hold = |status, budget, shared, committed| Goal { shared, ..goal(status, budget, committed) }.hold(committed);
    let of = |status| (hold(status, Some(20), 0, 5), hold(status, Some(20), 0, 25), hold(status, Some(20), 4, 5));
    assert_eq!(of(GoalStatus::Active), (20, 25, 16));
    assert_eq!(of(GoalStatus::BudgetLimited), (20, 25, 16));
    assert_eq!(of(GoalStatus::Complete), (5, 25, 1));
    assert_eq!((hold(GoalStatus::Active, None, 5, 5), hold(GoalStatus::Active, None, 0, 5)), (0, 5));
}

#[test]
fn how_far_an_agent_goes_by_itself() {
    let stamina = Stamina { turns: 9, same: 3 };
    let drive = |turns, same| Drive { turns, same, ..Drive::of(&goal(GoalStatus::Active, None, 0)) };
    let stopped = Halt { status: GoalStatus::Paused, why: "earlier".to_owned() };
    let states = [
        ("fresh", drive(0, 0)),
        ("twice the same", drive(4, 2)),
        ("one turn left", drive(8, 0)),
        ("stopped", Drive { halt: Some(stopped), ..drive(3, 0) }),
    ];
    let done = Stride {
        by_itself: true,
        result: TurnResult::Completed,
        content: "words",
        same: false,
        busy: false,
        exhausted: false,
        redirected: false,
    };
    let failed = Stride { result: TurnResult::Errored, ..done };
    let cut = Stride { result: TurnResult::Interrupted, ..done };
    let words = |drive: &Drive| {
        let halt = drive.halt.as_ref().map(|halt| format!("; {}: {}", halt.status.as_str(), halt.why));
        format!("{} turns, {} the same{}", drive.turns, drive.same, halt.unwrap_or_default())
    };
    let after = |stride: Stride<'static>| move |drive: &Drive| words(&drive.after(stride, stamina));
    let drawn = table(
        &states,
        &[
            ("another answer", &after(done)),
            ("the same answer", &after(Stride { same: true, ..done })),
            ("the same, a tool used", &after(Stride { same: true, busy: true, ..done })),
            ("asked, same answer", &after(Stride { same: true, by_itself: false, ..done })),
            ("failed", &after(failed)),
            ("a quota used up", &after(Stride { exhausted: true, ..failed })),
            ("interrupted", &after(cut)),
            ("redirected", &after(Stride { redirected: true, ..cut })),
        ],
    );
    assert_snapshot!(drawn);
    let goal = goal(GoalStatus::Active, None, 0);
    assert!(drive(1, 1).is_of(goal.id, 1));
    assert!(!drive(1, 1).is_of(goal.id, 2) && !drive(1, 1).is_of(GoalId::from_u128(9), 1));
    let again = goal.turn_to(GoalStatus::Paused, "", NOW).and_then(|goal| goal.turn_to(GoalStatus::Active, "", NOW));
    assert_eq!(again.unwrap().activations, 2, "whenever that was");
}

/// As for the other records: a line that changes here is a store that cannot be read any more.
#[test]
fn bytes_of_goals() {
    let me = AgentRef::new("/root/a/b".parse().unwrap(), AgentId::from_u128(7));
    let full = Goal {
        source: above(),
        below: 300,
        shared: 2,
        seconds: 60,
        warned: true,
        ..goal(GoalStatus::BudgetLimited, Some(20), 25)
    };
    let halt = Halt { status: GoalStatus::UsageLimited, why: "w".to_owned() };
    let drive = Drive { turns: 2, same: 1, halt: Some(halt), ..Drive::of(&full) };
    let told = |status| {
        let goal = GoalStanding { id: full.id, status, used: 300, budget: Some(20), why: "w".to_owned() };
        Event::GoalChanged { agent: me.clone(), goal }.encode()
    };
    let samples = [
        ("goal", full.encode()),
        ("charge", charge(3, 300, Share::Below, above()).encode()),
        ("drive", drive.encode()),
        ("event, goal", told(Some(GoalStatus::Active))),
        ("event, goal cleared", told(None)),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = samples.iter().map(|(name, bytes)| format!("{name}: {}", hex(bytes))).collect();
    assert_snapshot!(lines.join("\n"));
    assert_eq!(Goal::decode(&samples[0].1).unwrap(), full);
    assert_eq!(Drive::decode(&samples[2].1).unwrap(), drive);
}

#[test]
fn statuses_have_words_and_ids_are_read_back() {
    let words = GoalStatus::ALL.map(GoalStatus::as_str).join(" ");
    assert_eq!(words, "active paused blocked usage_limited budget_limited complete");
    let id = GoalId::new();
    assert_eq!(GoalId::parse(&id.to_string()), Ok(id));
    assert_eq!(GoalId::parse("x").unwrap_err().to_string(), "\"x\" is no id of a goal");
}
