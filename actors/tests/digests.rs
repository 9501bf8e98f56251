//! What is told of an agent's work, and what of that is kept.

use insta::assert_snapshot;
use understory_store::{
    DIGEST_NODES, Digest, Direction, Draft, Goal, GoalStatus, Mark, Objective, PlanStep, Table, Time, ToolUse,
    TranscriptEntry, TurnResult, Usage,
};

use super::planning::{new, step};
use super::table::{self, number};
use super::world::{LONG, World, at, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Error, SpawnRequest};

/// Answers in words, fails at `fail`, calls tools at `call`.
async fn works(turn: Turn) -> Result<Response, BrainError> {
    let text = turn.text();
    match text.as_str() {
        "fail" => return Err(BrainError::refused("cannot\ndo it")),
        "call" => {
            turn.spawn("kid", None).await.unwrap();
            turn.send("kid", "hi").await.unwrap();
            turn.send("kid", "ho").await.unwrap();
        }
        _ => {}
    }
    let usage = Usage { input_tokens: 10, cached_tokens: 5, output_tokens: 2 };
    Ok(Response { usage, ..Response::text(format!("{text} is\n  done")) })
}

async fn world() -> World {
    let world = World::setting().brain("works", works).open().await;
    world.spawn("/root/a", "works").await;
    world
}

async fn text(world: &World, path: &str) -> String {
    world.system.digest(&at(path)).await.unwrap().text()
}

async fn kept(world: &World, path: &str) -> Option<Digest> {
    world.store().get::<Digest>(&Table::Digest.at(&at(path))).await.unwrap().map(|row| row.value)
}

#[tokio::test(start_paused = true)]
async fn a_digest_tells_turns_calls_children_and_cost() {
    let world = world().await;
    assert_snapshot!(text(&world, "/root/a").await, @"/root/a: idle, no turns");
    for (path, brain) in [("/root/a/x", "works"), ("/root/a/y", "echo"), ("/root/a/y/deep", "works")] {
        world.spawn(path, brain).await;
    }
    for (path, task) in [("/root/a", "call"), ("/root/a", "fail"), ("/root/a/x", "x"), ("/root/a/y/deep", "d")] {
        world.assign(path, task).await.unwrap();
        world.settled("/root/a").await;
    }
    world.system.close(&at("/root/a/y"), LONG).await.unwrap();
    let digest = text(&world, "/root/a").await;
    assert_snapshot!(digest, @r"
    /root/a: completed, 3 turns (2 completed, 1 errored)
    last answers:
      turn 1 completed: call is done
      turn 2 errored: cannot do it
      turn 3 completed: x is done is done
    tools: spawn 1, send 2
    children:
      kid idle
      x completed: x is done
      y closed
    used: 24 tokens
    below: 4 agents, 2 turns, 24 tokens
    ");
    let again = world.system.digest(&at("/root/a")).await.unwrap();
    assert_eq!(again, world.system.digest(&at("/root/a")).await.unwrap());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_agents_have_one() {
    let world = world().await;
    let none = world.system.digest(&at("/root/none")).await.unwrap_err();
    assert!(matches!(none, Error::NotFound { .. }), "{none}");
    assert_snapshot!(text(&world, "/root").await, @r"
    /root: idle, no turns
    children:
      a idle
    below: 1 agent
    ");
    world.end().await;
}

/// A job is one of those below, whatever rows it has: they are told by its own account.
#[tokio::test(start_paused = true)]
async fn a_job_counts_with_its_rows_and_of_many_so_many_are_counted() {
    let world = World::setting().brain("number", |turn| async move { number(&turn) }).open().await;
    world.spawn("/root/a", "echo").await;
    let table = table::Table::of(3);
    pass(7).await;
    let request = JobRequest { owner: at("/root/a"), ..table.request("number") };
    let job = world.system.start_job(request).await.unwrap().job.path;
    world.job_over(&job).await;
    let digested = world.system.digest(&at("/root/a")).await.unwrap();
    assert_snapshot!(digested.text(), @r"
    /root/a: idle, no turns
    children:
      job completed: rows: 3 completed
    below: 1 job, 3 turns
    ");
    let done = world.system.show(&job).await.unwrap().active();
    assert_eq!(Some(digested.digest.at), done, "that is when something last happened");
    let refused = world.system.digest(&job).await.unwrap_err();
    assert_eq!(refused.to_string(), "/root/a/job is a job, which cannot be asked to have a digest");
    let many = |range: std::ops::Range<u32>| range.map(|n| SpawnRequest::at(at(&format!("/root/a/k{n:03}")))).collect();
    for batch in [0..333, 333..666, 666..999] {
        world.system.spawn(many(batch)).await.unwrap();
    }
    let all = text(&world, "/root/a").await;
    assert!(all.contains("and 988 more\n") && all.ends_with("\nbelow: 999 agents, 1 job, 3 turns\n"), "{all}");
    world.system.spawn(many(999..1000)).await.unwrap();
    let more = text(&world, "/root/a").await;
    let told = more.contains("and at least 988 more\n");
    assert!(told && more.ends_with("\nbelow: at least 999 agents, 1 job, 3 turns\n"), "{more}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_leaves_one_and_the_next_goes_on_from_it() {
    let world = world().await;
    world.assign("/root/a", "call").await.unwrap();
    assert_eq!(kept(&world, "/root/a").await, None);
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    until(async || kept(&world, "/root/a").await.is_some()).await;
    let left = kept(&world, "/root/a").await.unwrap();
    assert_eq!((left.status.as_str(), left.work.turns()), ("closed", 1));
    // What the transcript loses stays told.
    world.system.resume(&at("/root/a")).await.unwrap();
    let rows = world.store().peek_stubs(Table::Transcript.rows_of(&at("/root/a")), Direction::Forward, 100);
    let mut draft = Draft::new();
    rows.await.unwrap().iter().for_each(|row| draft.discard(row));
    world.store().commit(draft).await.unwrap();
    world.assign("/root/a", "more").await.unwrap();
    assert_snapshot!(text(&world, "/root/a").await, @r"
    /root/a: completed, 2 turns (2 completed)
    last answers:
      turn 1 completed: call is done
      turn 2 completed: more is done
    tools: spawn 1, send 2
    children:
      kid idle
    used: 24 tokens
    below: 1 agent
    ");
    assert_eq!(kept(&world, "/root/a").await.unwrap(), left);
    let fresh = world.system.refresh_digest(&at("/root/a")).await.unwrap();
    assert_eq!(kept(&world, "/root/a").await, Some(fresh.digest));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_of_what_had_no_turn_leaves_none() {
    let world = world().await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert_eq!(text(&world, "/root/a").await, "/root/a: closed, no turns\n");
    let store = world.store().clone();
    world.end().await;
    assert!(store.get::<Digest>(&Table::Digest.at(&at("/root/a"))).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_digest_goes_with_its_agent_and_is_no_newcomers() {
    let world = world().await;
    world.assign("/root/a", "one").await.unwrap();
    let old = world.system.refresh_digest(&at("/root/a")).await.unwrap();
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/a")).await.unwrap();
    assert_eq!(kept(&world, "/root/a").await, None);
    world.spawn("/root/a", "works").await;
    // Not even if its row were there.
    let mut draft = Draft::new();
    draft.put(Table::Digest.at(&at("/root/a")), &old.digest);
    world.store().commit(draft).await.unwrap();
    assert_eq!(text(&world, "/root/a").await, "/root/a: idle, no turns\n");
    let new = world.system.refresh_digest(&at("/root/a")).await.unwrap();
    assert_eq!((kept(&world, "/root/a").await.unwrap().of, new.digest.work.turns()), (new.agent.id, 0));
    world.end().await;
}

/// It is written where there is news, and not where a removal is about to take everything.
#[tokio::test(start_paused = true)]
async fn one_that_is_kept_is_written_again_only_when_it_differs() {
    let world = world().await;
    let version = async || {
        let row = world.store().get::<Digest>(&Table::Digest.at(&at("/root/a"))).await.unwrap();
        row.map(|row| row.version)
    };
    world.assign("/root/a", "one").await.unwrap();
    world.system.refresh_digest(&at("/root/a")).await.unwrap();
    let first = version().await;
    world.system.refresh_digest(&at("/root/a")).await.unwrap();
    assert!(first.is_some() && version().await == first);
    world.assign("/root/a", "two").await.unwrap();
    world.system.refresh_digest(&at("/root/a")).await.unwrap();
    let second = version().await;
    assert!(second > first);
    world.assign("/root/a", "three").await.unwrap();
    let mut draft = Draft::new();
    draft.put(Table::Closed.at(&at("/root/a")), &Mark::Removing);
    world.store().commit(draft).await.unwrap();
    assert_eq!(world.system.refresh_digest(&at("/root/a")).await.unwrap().digest.work.turns(), 3);
    assert_eq!(version().await, second);
    drop(world.abandon());
}

#[tokio::test(start_paused = true)]
async fn one_that_took_long_to_derive_is_kept() {
    let world = world().await;
    let mut draft = Draft::new();
    for turn in 1..=200 {
        let answer = TranscriptEntry::Answer {
            turn,
            result: TurnResult::Completed,
            content: "x".repeat(1000),
            at: Time(u64::MAX),
            usage: Usage::default(),
        };
        let _ = draft.append(Table::Transcript.below(&at("/root/a")), &answer);
    }
    world.store().commit(draft).await.unwrap();
    let digest = world.system.digest(&at("/root/a")).await.unwrap();
    assert_eq!((digest.digest.work.turns(), digest.digest.at), (200, Time(u64::MAX)));
    assert_eq!(kept(&world, "/root/a").await, Some(digest.digest));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_is_told_with_how_it_stands() {
    let world = world().await;
    let objective = Objective::new("win\n it").unwrap();
    let goal = Goal::new(world.agent("/root/a").await.id, objective, Some(9), None, Time(7));
    let goal = goal.turn_to(GoalStatus::Paused, "asked", Time(u64::MAX)).unwrap();
    for goal in [goal.clone(), Goal { of: understory_store::AgentId::from_u128(1), ..goal }] {
        let mine = goal.of == world.agent("/root/a").await.id;
        let mut draft = Draft::new();
        draft.put(Table::Goal.at(&at("/root/a")), &goal);
        world.store().commit(draft).await.unwrap();
        let digested = world.system.digest(&at("/root/a")).await.unwrap();
        let line = if mine { "goal (paused: asked; 0 of 9 tokens used): win it\n" } else { "" };
        assert_eq!(digested.text(), format!("/root/a: idle, no turns\n{line}"));
        assert_eq!(digested.digest.at == Time(u64::MAX), mine);
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_told_with_what_is_open_the_ready_first() {
    let world = world().await;
    let (plan, path) = (&world.system, at("/root/a"));
    plan.plan_add(&path, &[new("survey", &[]), new("build", &[1]), new("tell", &[2])]).await.unwrap();
    let added = world.system.digest(&path).await.unwrap();
    assert_snapshot!(added.text(), @r"
    /root/a: idle, no turns
    plan: 0 of 3 done
      1 ready: survey
      2 todo: build
      3 todo: tell
    ");
    tokio::time::advance(LONG).await;
    plan.plan_update(&path, 1, &step(PlanStep::Finish)).await.unwrap();
    plan.plan_update(&path, 2, &step(PlanStep::Start { owner: None })).await.unwrap();
    plan.plan_update(&path, 3, &step(PlanStep::Drop { reason: None })).await.unwrap();
    let more: Vec<_> = (0..DIGEST_NODES).map(|n| new(&format!("part\u{e9} {n} {}", "x".repeat(180)), &[])).collect();
    plan.plan_add(&path, &more).await.unwrap();
    let later = world.system.digest(&path).await.unwrap();
    let text = later.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "plan: 1 of 14 done, 1 dropped");
    assert!(lines[2].starts_with("  4 ready: part\u{e9} 0 xxx") && lines[2].ends_with("x…"), "{text}");
    assert_eq!((lines[13].get(..9), lines[14]), (Some("  15 read"), "  and 1 more"), "{text}");
    assert!(later.digest.at > added.digest.at, "the plan has changed since");
    world.system.plan_clear(&path, false).await.unwrap();
    assert_eq!(world.system.digest(&path).await.unwrap().digest.plan, None);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_largest_has_8_kib() {
    let world = world().await;
    let (long, name) = ("é".repeat(5000), "n".repeat(60));
    let mut requests = Vec::new();
    for n in 0..20 {
        requests.push(SpawnRequest::at(at(&format!("/root/a/{name}{n:04}"))));
    }
    world.system.spawn(requests).await.unwrap();
    let mut draft = Draft::new();
    for n in 0..40 {
        let tool = ToolUse { turn: n, call: 1, name: format!("{n:02}{long}"), arguments: String::new(), at: Time(n) };
        let _ = draft.append(Table::Transcript.below(&at("/root/a")), &TranscriptEntry::Tool(tool));
        let (result, usage) = (TurnResult::Interrupted, Usage::default());
        let answer = TranscriptEntry::Answer { turn: u64::MAX - n, result, content: long.clone(), at: Time(n), usage };
        let _ = draft.append(Table::Transcript.below(&at("/root/a")), &answer);
    }
    world.store().commit(draft).await.unwrap();
    let nodes: Vec<_> = (0..40).map(|_| new(&"é".repeat(100), &[])).collect();
    world.system.plan_add(&at("/root/a"), &nodes).await.unwrap();
    let digested = world.system.digest(&at("/root/a")).await.unwrap();
    let text = digested.text();
    assert!(text.contains("and 8 more") && text.contains("others 24"), "{text}");
    assert!((4 << 10..8 << 10).contains(&text.len()), "{} bytes", text.len());
    world.end().await;
}
