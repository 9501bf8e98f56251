//! Goals that do not fit what lies beside them.

use super::*;
use crate::records::{Charge, Drive, Goal, GoalId, GoalRef, GoalStatus, Objective, Share};

fn goal(of: &Agent) -> Goal {
    Goal::new(of.id, Objective::new("x").unwrap(), Some(9), None, Time(3))
}

fn charge(goal: &Goal) -> Charge {
    Charge { goal: goal.id, tokens: 1, share: Share::Whole, source: None }
}

/// Plants one thing in a sound store and checks what is found.
async fn check(plant: impl FnOnce(&mut Draft), expected: &[&str]) {
    let world = World::sound().await;
    world.commit(plant).await;
    world.check(expected).await;
}

#[tokio::test]
async fn a_goal_is_of_the_agent_at_its_path_and_charges_have_a_goal() {
    let (ada, job, nobody) = (path("/root/ada"), path("/root/job"), path("/root/nobody"));
    let (hers, other) = (goal(&agent(1)), goal(&agent(99)));
    let whole = |draft: &mut Draft| {
        draft.add(Table::Goal.at(&ada), &hers);
        draft.add(Table::Drive.at(&ada), &Drive::of(&hers));
        let _ = draft.append(Table::Charge.below(&ada), &charge(&hers));
        let _ = draft.append(Table::Charge.below(&ada), &charge(&other));
    };
    check(whole, &[]).await;
    check(|draft| draft.add(Table::Goal.at(&ada), &other), &["goal/root/ada: it is another's, which was removed"])
        .await;
    check(|draft| draft.add(Table::Goal.at(&job), &other), &["goal/root/job: there is no agent at its path"]).await;
    check(|draft| draft.add(Table::Goal.at(&nobody), &other), &["goal/root/nobody: it belongs to no node"]).await;
    let drive = Drive::of(&hers);
    check(|draft| draft.add(Table::Drive.at(&job), &drive), &["drive/root/job: there is no agent at its path"]).await;
    let stray = |draft: &mut Draft| {
        let _ = draft.append(Table::Charge.below(&ada), &charge(&hers));
    };
    check(stray, &["charge/root/ada: there is no goal at its path"]).await;
}

#[tokio::test]
async fn a_budget_is_from_above() {
    let (ada, kid) = (path("/root/ada"), path("/root/ada/kid"));
    let (hers, id) = (goal(&agent(1)), GoalId::from_u128(5));
    let from = |path: &understory_paths::AgentPath| Some(GoalRef { path: path.clone(), id });
    // Who it is from may be gone.
    check(|draft| draft.add(Table::Goal.at(&kid), &Goal { source: from(&ada), ..goal(&agent(2)) }), &[]).await;
    for below in [&kid, &ada] {
        let bad = Goal { source: from(below), ..hers.clone() };
        let expected = format!("goal/root/ada: its budget is from {below}, which is not above it");
        check(|draft| draft.add(Table::Goal.at(&ada), &bad), &[&expected]).await;
    }
    let none = Goal { budget: None, source: from(&path("/root")), ..hers.clone() };
    let expected = ["goal/root/ada: it has no budget, and says from where it is"];
    check(|draft| draft.add(Table::Goal.at(&ada), &none), &expected).await;
    let shared = Goal { own: 2, shared: 3, status: GoalStatus::Paused, ..hers };
    let expected = ["goal/root/ada: the goal above counts 3 of its tokens, and it has used 2"];
    check(|draft| draft.add(Table::Goal.at(&ada), &shared), &expected).await;
}

/// What is left of a removal need not fit.
#[tokio::test]
async fn what_agents_keep_need_not_fit_while_they_are_removed() {
    let ada = path("/root/ada");
    let plant = |draft: &mut Draft| {
        draft.put(Table::Closed.at(&ada), &Mark::Removing);
        draft.put(Table::Count.at(&path("/root")), &1_u64);
        let other = goal(&agent(99));
        draft.add(Table::Goal.at(&ada), &other);
        let _ = draft.append(Table::Charge.below(&ada), &charge(&other));
        draft.delete(Table::Plan.at(&ada));
        draft.put(Table::Digest.at(&ada), &Digest { of: AgentId::from_u128(99), ..digest() });
        draft.put(Table::Directory.at(&ada), &Directory { of: AgentId::from_u128(99), ..directory() });
    };
    check(plant, &[]).await;
}
