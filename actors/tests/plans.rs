//! What a job would be, without there being one.

use understory_paths::AgentPath;

use super::table::{Table, number};
use super::world::World;
use crate::job::JobRequest;

#[tokio::test(start_paused = true)]
async fn a_plan_knows_the_job_that_the_same_command_started_and_stores_nothing() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let table = Table::of(4);
    let request = JobRequest { attempts: 2, turns: Some(7), ..table.request("number") };
    let before = world.system.store().last();
    let plan = world.system.plan_job(request.clone(), 3).await.unwrap();
    assert_eq!((plan.rows, plan.turns_max, plan.first.len(), plan.earlier), (4, 7, 3, None));
    assert_eq!(
        plan.output,
        Some(std::fs::canonicalize(table.output_path().parent().unwrap()).unwrap().join("out.csv"))
    );
    assert_eq!(world.system.store().last(), before, "something was stored");
    assert!(world.system.jobs(&AgentPath::root(), None, 9).await.unwrap().is_empty());
    let job = world.run_job(request.clone()).await.path;
    let planned = |request: JobRequest| async { world.system.plan_job(request, 0).await.unwrap().earlier };
    assert_eq!(planned(request.clone()).await, Some(job));
    assert_eq!(planned(JobRequest { fresh: true, ..request.clone() }).await, None);
    assert_eq!(planned(JobRequest { template: Some("{n}".to_owned()), ..request }).await, None);
    world.end().await;
}
