//! Setting, changing and clearing goals: by hosts, and by turns for themselves and those below them.

use understory_store::{Draft, GoalId, GoalStatus, Halt, Mark, Table};

use super::*;
use crate::Role;
use crate::goals::Errand;

/// A world whose brain `hand` makes the tool calls that its message lists, one a line, and says what they answer.
fn hand() -> Setting {
    World::setting().role("default", Role::with_brain("echo", "")).brain("hand", |turn: Turn| async move {
        let mut said = Vec::new();
        for line in turn.text().lines() {
            let (tool, arguments) = line.split_once(' ').unwrap_or((line, "{}"));
            let answer = turn.tools().expect("this turn has a runtime").call(tool, arguments).await;
            said.push(answer.unwrap_or_else(|error| error.to_string()));
        }
        Ok(Response::text(said.join("\n")))
    })
}

async fn calls(world: &World, path: &str, calls: &[&str]) -> String {
    world.assign(path, &calls.join("\n")).await.unwrap().content
}

#[tokio::test(start_paused = true)]
async fn a_goal_is_set_once_edited_in_place_and_replaced_when_it_is_complete() {
    let world = paying().open().await;
    world.spawn("/root/a", "pays").await;
    let a = at("/root/a");
    let none = world.patch("/root/a", GoalPatch::to(GoalStatus::Paused)).await.unwrap_err();
    assert_eq!(none.to_string(), "/root/a has no goal");
    world.system.create_goal(&a, goal("first").within(50)).await.unwrap();
    world.patch("/root/a", GoalPatch::to(GoalStatus::Paused).because("later")).await.unwrap();
    world.assign("/root/a", "9").await.unwrap();
    let exists = world.system.create_goal(&a, goal("second")).await.unwrap_err();
    assert_eq!(exists.to_string(), "/root/a has a goal already, which is paused");
    let before = world.goal("/root/a").await;
    let words = |text: &str| GoalPatch { objective: Some(goal(text).objective), ..GoalPatch::default() };
    assert!(world.patch("/root/a", words("second")).await.unwrap());
    assert!(!world.patch("/root/a", words("second")).await.unwrap(), "it is so already");
    let after = world.goal("/root/a").await;
    assert_eq!((after.goal.id, after.used, after.goal.created_at), (before.goal.id, 9, before.goal.created_at));
    assert_eq!((after.goal.status, after.goal.why.as_str()), (GoalStatus::Paused, "later"));
    world.patch("/root/a", GoalPatch::to(GoalStatus::Complete)).await.unwrap();
    let over = world.patch("/root/a", GoalPatch::to(GoalStatus::Active)).await.unwrap_err();
    assert_eq!(crate::chain(&over), "the goal of /root/a: it is complete: set a new one");
    world.patch("/root/a", words("third")).await.unwrap();
    let third = world.goal("/root/a").await;
    assert_ne!(third.goal.id, before.goal.id);
    assert_eq!((third.used, third.goal.status, third.goal.budget), (0, GoalStatus::Active, None));
    let stale = GoalPatch { expected: Some(before.goal.id), ..words("fourth") };
    assert_eq!(world.patch("/root/a", stale).await.unwrap_err().to_string(), "the goal of /root/a is another by now");
    world.system.clear_goal(&a).await.unwrap();
    assert!(world.system.clear_goal(&a).await.is_err());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_explains_says_who_asked_for_it() {
    let world = hand().open().await;
    world.endow_paused("/root/a", "hand", goal("all")).await;
    world.endow("/root/a/b", None, goal("part")).await.unwrap();
    let check = async |path: &str, expected: &str| assert_eq!(world.goal(path).await.goal.why, expected, "{path}");
    check("/root/a", "an operator paused it").await;
    world.patch("/root/a", GoalPatch::to(GoalStatus::Blocked).because(" ")).await.unwrap();
    check("/root/a", "an operator said that it is blocked").await;
    for (status, expected) in [
        ("paused", "/root/a paused it"),
        ("active", ""),
        ("blocked", "/root/a said that it is blocked"),
        ("complete", "/root/a said that it is complete"),
    ] {
        let set = format!(r#"set_goal {{"agent":"b","status":"{status}"}}"#);
        assert_eq!(calls(&world, "/root/a", &[&set]).await, r#"{"accepted":true}"#);
        check("/root/a/b", expected).await;
    }
    for (status, expected) in
        [("blocked", "an operator said that it is blocked"), ("complete", "its agent said that it is complete")]
    {
        calls(&world, "/root/a", &[&format!(r#"update_goal {{"status":"{status}"}}"#)]).await;
        check("/root/a", expected).await;
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn changes_of_different_things_at_once_all_stand() {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("x").within(50)).await.unwrap();
    let a = at("/root/a");
    let budget = GoalPatch { budget: crate::Budget::Tokens(70), ..GoalPatch::default() };
    let (paused, raised) =
        tokio::join!(world.system.set_goal(&a, GoalPatch::to(GoalStatus::Paused)), world.system.set_goal(&a, budget));
    assert!(paused.unwrap() && raised.unwrap());
    assert_eq!(world.stands("/root/a").await, ("paused", 0, 0, Some(70)));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_agents_that_are_there_have_goals() {
    let world = paying().open().await;
    let nobody = at("/root/nobody");
    assert!(matches!(world.system.goal(&nobody).await, Err(Error::NotFound { .. })));
    assert!(matches!(world.system.create_goal(&nobody, goal("x")).await, Err(Error::NotFound { .. })));
    world.spawn("/root/a", "pays").await;
    let a = at("/root/a");
    world.system.create_goal(&a, goal("x")).await.unwrap();
    world.system.close(&a, std::time::Duration::from_secs(9)).await.unwrap();
    assert_eq!(world.stands("/root/a").await.0, "active", "a close leaves it");
    world.patch("/root/a", GoalPatch::to(GoalStatus::Paused)).await.unwrap();
    world.system.clear_goal(&a).await.unwrap();
    assert!(matches!(world.system.create_goal(&a, goal("x")).await, Err(Error::Closed { .. })));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_being_removed_gets_no_goal_and_keeps_the_one_it_has() {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("x")).await.unwrap();
    world.spawn("/root/a/b", "pays").await;
    let mut draft = Draft::new();
    draft.put(Table::Closed.at(&at("/root/a")), &Mark::Removing);
    world.store().commit(draft).await.unwrap();
    let refused = world.system.create_goal(&at("/root/a/b"), goal("y")).await;
    assert!(matches!(refused, Err(Error::BeingRemoved { .. })), "{refused:?}");
    let refused = world.patch("/root/a", GoalPatch::to(GoalStatus::Paused)).await;
    assert!(matches!(refused, Err(Error::BeingRemoved { .. })), "{refused:?}");
    world.end().await;
}

/// A goal that took its place, or was activated again since, is not what its agent meant.
#[tokio::test(start_paused = true)]
async fn a_stop_that_comes_late_stops_nothing() {
    let world = paying().open().await;
    world.endow("/root/a", None, goal("x")).await.unwrap();
    let stands = world.goal("/root/a").await.goal;
    for (goal, activation) in [(GoalId::new(), stands.activations), (stands.id, stands.activations + 1)] {
        let halt = Halt { status: GoalStatus::Blocked, why: "late".to_owned() };
        world.system.send_errand(Errand::Halt { path: at("/root/a"), goal, activation, halt });
    }
    // One errand comes after the other.
    world.patch("/root/a", GoalPatch::default()).await.unwrap();
    assert_eq!(world.goal("/root/a").await.goal, stands);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_sets_and_ends_its_own_goal_and_gives_itself_no_budget() {
    let world = hand().open().await;
    world.spawn("/root/a", "hand").await;
    let said = calls(
        &world,
        "/root/a",
        &[
            "get_goal",
            r#"create_goal {"objective":"count","budget":5}"#,
            r#"create_goal {"objective":"  "}"#,
            r#"create_goal {"objective":"count"}"#,
            r#"create_goal {"objective":"again"}"#,
            r#"update_goal {"status":"paused"}"#,
            r#"set_goal {"agent":"/root/a","budget":5}"#,
            r#"update_goal {"status":"blocked","why":"a key is missing"}"#,
        ],
    )
    .await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], r#"{"goal":null}"#);
    assert!(lines[1].starts_with("wrong arguments: unknown field `budget`"), "{}", lines[1]);
    assert_eq!(
        &lines[2..5],
        ["an objective is empty", r#"{"accepted":true}"#, "/root/a has a goal already, which is active",]
    );
    assert!(lines[5].starts_with("wrong arguments: unknown variant `paused`"), "{}", lines[5]);
    assert_eq!(lines[6], "/root/a does not exist");
    let view = world.goal("/root/a").await;
    assert_eq!((view.goal.status, view.goal.why.as_str()), (GoalStatus::Blocked, "a key is missing"));
    let kept = world.tool_calls("/root/a").await;
    assert_eq!(
        kept,
        [
            "1 get_goal {}",
            r#"1 create_goal {"objective":"count"}"#,
            r#"1 update_goal {"status":"blocked","why":"a key is missing"}"#,
        ]
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_gives_goals_to_those_below_it_and_touches_none_above() {
    let world = hand().open().await;
    world.endow_paused("/root/a", "hand", goal("all").within(100)).await;
    world.spawn("/root/a/b", "hand").await;
    world.spawn("/root/z", "hand").await;
    let said = calls(
        &world,
        "/root/a/b",
        &[
            r#"get_goal {"agent":"/root/a"}"#,
            r#"set_goal {"agent":"/root/a","budget":500}"#,
            r#"set_goal {"agent":"/root/z","objective":"x"}"#,
            r#"spawn {"name":"c","goal":"part","budget":30}"#,
            r#"spawn {"name":"d","budget":30}"#,
            r#"spawn {"name":"e","goal":"more","budget":71}"#,
            r#"set_goal {"agent":"c","status":"paused","budget":40}"#,
            r#"set_goal {"agent":"c","budget":140}"#,
            r#"get_goal {"agent":"c"}"#,
        ],
    )
    .await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(&lines[..3], ["/root/a does not exist", "/root/a does not exist", "/root/z does not exist"]);
    assert!(lines[3].contains("/root/a/b/c"), "{}", lines[3]);
    assert_eq!(lines[4], "wrong arguments: a budget is for a goal");
    assert!(lines[5].starts_with("limit goal_budget of 70 is reached at /root/a"), "{}", lines[5]);
    assert_eq!(lines[6], r#"{"accepted":true}"#);
    assert!(lines[7].starts_with("limit goal_budget of 60 is reached at /root/a"), "{}", lines[7]);
    assert!(lines[8].contains(r#""status":"paused""#) && lines[8].contains(r#""remaining":40"#), "{}", lines[8]);
    assert_eq!(world.stands("/root/a").await, ("paused", 0, 40, Some(60)));
    world.sound().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_over_changes_no_goal() {
    let (sender, mut turns) = tokio::sync::mpsc::unbounded_channel();
    let leaky = move |turn: Turn| {
        let sent = sender.send(turn.clone());
        async move {
            sent.unwrap();
            Ok(Response::text("left"))
        }
    };
    let world = World::setting().brain("leaky", leaky).open().await;
    world.spawn("/root/a", "leaky").await;
    world.assign("/root/a", "go").await.unwrap();
    let late = turns.recv().await.unwrap().create_goal("late").await.unwrap_err().to_string();
    assert!(late.ends_with("this turn of /root/a is over"), "{late}");
    assert!(world.system.goal(&at("/root/a")).await.unwrap().is_none());
    world.end().await;
}
