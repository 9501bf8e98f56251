//! What a job would be, without there being one.

use understory_paths::AgentPath;

use super::table::{Table, number};
use super::world::World;
use crate::Error;
use crate::job::JobRequest;
use crate::limits::TEXT_MAX;

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

#[tokio::test(start_paused = true)]
async fn what_no_worker_could_be_asked_is_not_shown() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let table = Table::text(&format!("id,n\na1,{}\n", "x".repeat(TEXT_MAX / 2)));
    let request = |template: String| JobRequest { template: Some(template), ..table.request("number") };
    let planned = async |template: &str| world.system.plan_job(request(template.to_owned()), 1).await.map(drop);
    let too_long = planned("{n}{n}{n}").await.unwrap_err();
    assert!(matches!(too_long, Error::TooLong { what: "instruction", .. }), "{too_long}");
    planned("{n}").await.unwrap();
    // A template alone may be too long as well: then there is no job.
    let template = "t".repeat(TEXT_MAX + 1);
    let refused = world.system.start_job(request(template)).await.map(|started| started.job.path).unwrap_err();
    assert!(matches!(refused, Error::TooLong { what: "template", .. }), "{refused}");
    world.end().await;
}
