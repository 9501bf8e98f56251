//! What a job would be, without there being one.

use understory_paths::AgentPath;
use understory_store::RowColumns;

use super::table::{Table, number};
use super::world::World;
use crate::Error;
use crate::error::chain;
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

#[tokio::test(start_paused = true)]
async fn a_plan_is_refused_as_the_job_would_be() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    let text = "id,after\na,c\nb,\nc,a\n";
    let table = Table::text(text);
    let after = |column: &str| RowColumns { after: Some(column.to_owned()), ..RowColumns::default() };
    let asked = || table.request("number");
    let requests = [
        JobRequest { columns: after("nope"), ..asked() },
        JobRequest { columns: after("after"), ..asked() },
        JobRequest { columns: after("id"), ..asked() },
        JobRequest { schema: Some("id,n".to_owned()), ..asked() },
        JobRequest { name: Some("bad name".to_owned()), ..asked() },
    ];
    for request in requests {
        let planned = world.system.plan_job(request.clone(), 1).await.map(drop);
        let streamed = world.system.plan_job_from(request.clone(), text.as_bytes(), 1).await.map(drop);
        let refused = chain(&world.system.start_job(request).await.map(drop).unwrap_err());
        assert_eq!(planned.map_err(|error| chain(&error)), Err(refused.clone()));
        assert_eq!(streamed.map_err(|error| chain(&error)), Err(refused));
    }
    // In another order there is no cycle, and the job is as it was planned.
    let table = Table::text("id,after\na,c\nb,\nc,b\n");
    let request = JobRequest { columns: after("after"), ..table.request("number") };
    assert_eq!(world.system.plan_job(request.clone(), 1).await.unwrap().rows, 3);
    assert_eq!(world.run_job(request).await.job.counts.completed, 3);
    world.end().await;
}
