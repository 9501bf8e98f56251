//! The ready nodes of a plan as the rows of a job: how they stand is read off the rows, and kept when those go.

use std::time::Duration;

use tempfile::TempDir;
use understory_store::{BrainChoice, PlanStep};

use super::crashes::at_every_commit;
use super::planning::{drawn, new, step, told};
use super::world::{LONG, Setting, World, at, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Error, NewPlanNode, PlanPatch, PlannedNode};

const WITHIN: Duration = Duration::from_secs(600);

/// A world whose brain reports the title of its node, and fails where that is `break`.
fn setting(spool: &TempDir) -> Setting {
    World::setting().spool(spool.path().join("spool")).brain("titles", |turn: Turn| async move {
        let text = turn.text();
        match text.lines().next().unwrap_or_default() {
            "break" => Err(BrainError::refused("broken")),
            "long" => Ok(Response::report(format!("{{\"pad\":\"{}\"}}", "x".repeat(9000)))),
            title => Ok(Response::report(format!("{{\"did\":\"{title}\"}}"))),
        }
    })
}

fn request() -> JobRequest {
    let brain = BrainChoice { name: "titles".to_owned(), settings: String::new() };
    JobRequest { name: Some("job".to_owned()), attempts: 1, ..JobRequest::new("", brain) }
}

async fn node(world: &World, number: u32) -> PlannedNode {
    let plan = world.system.plan(&at("/root/a")).await.unwrap();
    plan.nodes.into_iter().find(|node| node.number == number).unwrap()
}

async fn finished(world: &World) -> Result<(), Error> {
    tokio::time::timeout(WITHIN, world.system.job_finished(&at("/root/a/job"))).await.expect("it ends").map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_node_stands_as_its_row_does() {
    let spool = TempDir::new().unwrap();
    let world = setting(&spool).open().await;
    world.spawn("/root/a", "echo").await;
    let (path, system) = (at("/root/a"), &world.system);
    let nodes = [new("one", &[]), new("break", &[]), new("two", &[1]), new("long", &[]), new("three", &[2])];
    system.plan_add(&path, &nodes).await.unwrap();
    let started = system.plan_start_job(&path, request()).await.unwrap();
    assert_eq!(started.job.path, at("/root/a/job"));
    finished(&world).await.unwrap();
    assert_eq!(drawn(&world, "/root/a").await, "1 done, 2 doing, 3 todo*<1, 4 done, 5 todo<2");
    let first = node(&world, 1).await.node;
    assert_eq!(first.evidence, [r#"{"did":"one"}"#]);
    assert_eq!(first.owner.unwrap().path, at("/root/a/job/r00000001"));
    let long = node(&world, 4).await.node.evidence.remove(0);
    assert_eq!((long.len(), long.ends_with(" [cut]")), (1024, true));
    assert_eq!(node(&world, 2).await.trouble.unwrap(), "/root/a/job/r00000002 failed: broken");
    // What it says may be changed, and its row is about it still.
    let patch = PlanPatch { notes: Some("mend it".to_owned()), ..PlanPatch::default() };
    system.plan_update(&path, 2, &patch).await.unwrap();
    let second = node(&world, 2).await;
    assert_eq!((second.node.notes.as_str(), second.node.state.as_str()), ("mend it", "doing"));
    assert!(second.trouble.is_some());
    let again = system.plan_start_job(&path, JobRequest { name: Some("next".to_owned()), ..request() }).await.unwrap();
    tokio::time::timeout(WITHIN, system.job_finished(&again.job.path)).await.unwrap().unwrap();
    // What the rows made of the nodes stays when the rows go.
    let before = drawn(&world, "/root/a").await;
    assert_eq!(before, "1 done, 2 doing, 3 done<1, 4 done, 5 todo<2");
    for job in ["/root/a/job", "/root/a/next"] {
        system.remove(&at(job)).await.unwrap();
    }
    assert_eq!(drawn(&world, "/root/a").await, before);
    assert_eq!(node(&world, 3).await.node.evidence, [r#"{"did":"two"}"#]);
    assert_eq!(node(&world, 2).await.trouble.unwrap(), "/root/a/job is not there any more");
    system.plan_update(&path, 2, &step(PlanStep::Reopen)).await.unwrap();
    assert_eq!(drawn(&world, "/root/a").await, "1 done, 2 todo*, 3 done<1, 4 done, 5 todo<2");
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn many_nodes_of_one_job_are_kept_when_it_goes() {
    let spool = TempDir::new().unwrap();
    let world = setting(&spool).open().await;
    world.spawn("/root/a", "echo").await;
    let path = at("/root/a");
    let nodes: Vec<NewPlanNode> = (0..50).map(|n| new(&n.to_string(), &[])).collect();
    world.system.plan_add(&path, &nodes).await.unwrap();
    world.system.plan_start_job(&path, request()).await.unwrap();
    finished(&world).await.unwrap();
    let done = world.system.plan(&path).await.unwrap();
    assert!(done.nodes.iter().all(|node| node.node.state.is_over()));
    until(async || told(&world).await.iter().filter(|said| said.contains(" done ")).count() == 4).await;
    let refused = world.system.plan_start_job(&path, request()).await.unwrap_err().to_string();
    assert_eq!(refused, "no node of the plan of /root/a is ready");
    world.system.remove(&at("/root/a/job")).await.unwrap();
    let kept = world.system.plan(&path).await.unwrap();
    assert_eq!(kept, done);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_says_of_a_node_holds_over_what_its_row_says() {
    let spool = TempDir::new().unwrap();
    let (reached, mut rows) = tokio::sync::mpsc::unbounded_channel();
    let world = setting(&spool).brain("slow", move |turn: Turn| {
        let sent = reached.send(());
        async move {
            sent.unwrap();
            turn.cancelled().await;
            Ok(Response::text("cancelled"))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "echo").await;
    let path = at("/root/a");
    world.system.plan_add(&path, &[new("one", &[]), new("two", &[])]).await.unwrap();
    let brain = BrainChoice { name: "slow".to_owned(), settings: String::new() };
    world.system.plan_start_job(&path, JobRequest { brain: Some(brain), ..request() }).await.unwrap();
    for _ in 0..2 {
        rows.recv().await.unwrap();
    }
    assert_eq!(drawn(&world, "/root/a").await, "1 doing, 2 doing");
    world.system.plan_update(&path, 1, &step(PlanStep::Finish)).await.unwrap();
    world.system.plan_update(&path, 2, &step(PlanStep::Reopen)).await.unwrap();
    assert_eq!(drawn(&world, "/root/a").await, "1 done, 2 todo*");
    world.system.close(&at("/root/a/job"), LONG).await.unwrap();
    world.end().await;
}

#[test]
fn whatever_commit_a_crash_comes_at_a_node_is_with_its_job_or_ready() {
    let spool = &TempDir::new().unwrap();
    let commits = at_every_commit(
        async move |faulty| {
            let Ok(world) = setting(spool).try_open_on(faulty).await else { return };
            let scenario = async {
                world.try_spawn("/root/a", "echo").await?;
                world.system.plan_add(&at("/root/a"), &[new("one", &[]), new("two", &[1]), new("three", &[])]).await?;
                world.system.plan_start_job(&at("/root/a"), request()).await?;
                finished(&world).await?;
                world.system.plan_update(&at("/root/a"), 2, &step(PlanStep::Finish)).await?;
                world.system.remove(&at("/root/a/job")).await
            };
            let _ = tokio::time::timeout(WITHIN, scenario).await;
            world.abandon();
        },
        async move |rows, point| {
            let world = setting(spool).over(rows).open().await;
            let sound = async || world.store().verify().await.unwrap().problems;
            assert_eq!(sound().await, [], "{point:?}");
            if world.system.plan(&at("/root/a")).await.is_ok_and(|plan| !plan.nodes.is_empty()) {
                let there = world.system.job(&at("/root/a/job")).await.is_ok();
                let plan = drawn(&world, "/root/a").await;
                if plan.starts_with("1 todo") {
                    assert!(!there && plan == "1 todo*, 2 todo<1, 3 todo*", "{point:?}: {plan}");
                    world.system.plan_start_job(&at("/root/a"), request()).await.unwrap();
                } else if there && world.system.resume_job(&at("/root/a/job")).await.is_err() {
                    world.system.remove(&at("/root/a/job")).await.unwrap();
                }
                if world.system.job(&at("/root/a/job")).await.is_ok() {
                    finished(&world).await.unwrap();
                }
                let plan = world.system.plan(&at("/root/a")).await.unwrap();
                let shown = |n: usize| plan.nodes[n].node.evidence.clone();
                assert_eq!(
                    (shown(0), shown(2)),
                    (vec![r#"{"did":"one"}"#.to_owned()], vec![r#"{"did":"three"}"#.to_owned()])
                );
                assert!([0, 2].iter().all(|n| plan.nodes[*n].node.state.as_str() == "done"), "{point:?}: {plan:?}");
            }
            assert_eq!(sound().await, [], "{point:?}");
            world.end().await;
        },
    );
    assert!(commits >= 10, "{commits} commits");
}
