//! A plan that is made, changed, given away and cleared.

use understory_store::PlanStep;

use super::{Notes, met, rest, settle, sweep};
use crate::tests::planning::{drawn, new, step, task};
use crate::tests::world::{World, at};
use crate::{Error, NewPlanNode, PlanPatch};

const GIVEN: &str = "survey\n\n(node 1 of the plan of /root/a)";

async fn scenario(world: &World, notes: &Notes) -> Result<(), Error> {
    let (plan, path) = (&world.system, at("/root/a"));
    world.try_spawn("/root/a", "echo").await?;
    world.try_spawn("/root/a/kid", "echo").await?;
    let long = NewPlanNode { notes: "n".repeat(4096), ..new("build", &[1]) };
    plan.plan_add(&path, &[new("survey", &[]), long, new("tell", &[2])]).await?;
    notes.note("added");
    plan.plan_update(&path, 3, &PlanPatch { after: Some(vec![1]), ..PlanPatch::default() }).await?;
    let (_, accepted) = plan.plan_give(&path, &task(1, "/root/a/kid")).await?;
    notes.note("given");
    assert!(accepted.is_some());
    plan.run(&path).await?;
    settle(world, &["/root/a/kid"]).await?;
    plan.plan_update(&path, 1, &step(PlanStep::Finish)).await?;
    notes.note("done");
    plan.plan_clear(&path, true).await?;
    notes.note("cleared");
    Ok(())
}

#[test]
fn a_plan_is_as_it_was_said_to_be() {
    let commits = sweep(
        |_| World::setting(),
        scenario,
        async |world, notes, point| {
            if world.system.plan(&at("/root/a")).await.is_err() {
                assert!(!notes.has("added"), "{point:?}");
                return;
            }
            let plan = drawn(world, "/root/a").await;
            let told = |what: &str, expected: &[&str]| {
                assert!(!notes.has(what) || expected.iter().any(|start| plan.starts_with(start)), "{point:?}: {plan}");
            };
            told("added", &["1 ", "2 todo", "3 todo"]);
            told("given", &["1 doing", "1 done", "2 todo"]);
            told("done", &["1 done", "2 todo"]);
            told("cleared", &["2 todo*, 3 todo*"]);
            // Who does it and the message that says so are there, or neither is.
            rest(world).await;
            let given = plan.starts_with("1 d") || plan.starts_with("2 ");
            if world.system.show(&at("/root/a/kid")).await.is_ok() {
                let heard = met(world, "/root/a/kid").await.get(GIVEN).copied().unwrap_or_default();
                assert_eq!(heard, u32::from(given), "{point:?}: {plan}");
            }
            let cleared = world.system.plan_clear(&at("/root/a"), false).await.unwrap();
            assert!(cleared <= 3 && drawn(world, "/root/a").await.is_empty(), "{point:?}");
        },
    );
    assert!(commits >= 10, "{commits} commits");
}
