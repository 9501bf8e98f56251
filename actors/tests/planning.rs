//! Plans: kept with their agent, free of cycles whoever changes them at once, and given to agents node by node.

use std::sync::Arc;

use futures::future::join_all;
use understory_store::{Draft, Event, Mark, MemoryBackend, PlanNode, PlanStep, Table as Tables};

use super::labelling::Polite;
use super::world::{LONG, Setting, World, at};
use crate::brain::{Response, Turn};
use crate::{Error, NewPlanNode, PLAN_ADDED_MAX, PLAN_EVIDENCE_MAX, PlanPatch, PlanTask, Role};

pub(crate) fn new(title: &str, after: &[u32]) -> NewPlanNode {
    NewPlanNode { title: title.to_owned(), after: after.to_vec(), ..NewPlanNode::default() }
}

pub(crate) fn step(step: PlanStep) -> PlanPatch {
    PlanPatch { step: Some(step), ..PlanPatch::default() }
}

pub(crate) fn task(node: u32, to: &str) -> PlanTask {
    PlanTask { node, to: at(to), text: None, metadata: understory_store::Metadata::default() }
}

fn after(nodes: &[u32]) -> PlanPatch {
    PlanPatch { after: Some(nodes.to_vec()), ..PlanPatch::default() }
}

/// A plan in a line: of each node its number, its state, `*` if it is ready, and what it comes after.
pub(crate) async fn drawn(world: &World, path: &str) -> String {
    let plan = world.system.plan(&at(path)).await.unwrap();
    let node = |planned: &crate::PlannedNode| {
        let ready = if planned.ready { "*" } else { "" };
        let after = planned.node.after.iter().map(|before| format!("<{before}")).collect::<String>();
        format!("{} {}{ready}{after}", planned.number, planned.node.state.as_str())
    };
    plan.nodes.iter().map(node).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn told(world: &World) -> Vec<String> {
    let told = world.store().news(0, 100_000).await.unwrap().told;
    let plan = told.into_iter().filter_map(|told| match told.event {
        Event::PlanChanged { agent, nodes, what } => Some(format!("{} {} {nodes:?}", agent.path, what.as_str())),
        _ => None,
    });
    plan.collect()
}

/// A world whose brain `boss` does what its message says: `TOOL ARGUMENTS`, a line each, or what it was told of otherwise.
fn boss() -> Setting {
    let roles =
        World::setting().role("default", Role::with_brain("echo", "")).role("boss", Role::with_brain("boss", ""));
    roles.brain("boss", |turn: Turn| async move {
        let mut said = Vec::new();
        for line in turn.text().lines().filter(|line| line.starts_with("plan_")) {
            let (tool, arguments) = line.split_once(' ').unwrap();
            let answer = turn.tools().unwrap().call(tool, arguments).await;
            said.push(answer.unwrap_or_else(|error| format!("refused: {error}")));
        }
        Ok(Response::text(said.join("\n")))
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_is_derived_and_all_of_it_is_there_after_a_restart() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let (path, plan) = (at("/root/a"), &world.system);
    assert_eq!(drawn(&world, "/root/a").await, "");
    let added = plan.plan_add(&path, &[new("survey", &[]), new("build", &[1]), new("tell", &[2, 1, 2])]).await.unwrap();
    assert_eq!(added, [1, 2, 3]);
    assert_eq!(drawn(&world, "/root/a").await, "1 todo*, 2 todo<1, 3 todo<1<2");
    let done = PlanPatch {
        evidence: vec!["12 pages".to_owned(), "12 pages".to_owned()],
        commit: Some("c0ffee1".to_owned()),
        ..step(PlanStep::Finish)
    };
    let (first, changed) = plan.plan_update(&path, 1, &done).await.unwrap();
    assert!(changed && first.node.evidence == ["12 pages"] && first.node.commit.as_deref() == Some("c0ffee1"));
    assert!(!plan.plan_update(&path, 1, &done).await.unwrap().1, "said twice it is the same");
    plan.plan_update(&path, 2, &step(PlanStep::Start { owner: None })).await.unwrap();
    assert_eq!(plan.plan_add(&path, &[new("rest", &[])]).await.unwrap(), [4]);
    plan.plan_update(&path, 4, &step(PlanStep::Drop { reason: None })).await.unwrap();
    plan.plan_update(&path, 3, &after(&[4, 1])).await.unwrap();
    let before = "1 done, 2 doing<1, 3 todo*<1<4, 4 dropped";
    assert_eq!(drawn(&world, "/root/a").await, before, "what is dropped holds nothing up");
    plan.close(&path, LONG).await.unwrap();
    let view = plan.plan(&path).await.unwrap();
    let world = World::setting().over(world.abandon()).open().await;
    world.system.resume(&path).await.unwrap();
    assert_eq!(world.system.plan(&path).await.unwrap(), view);
    let levels: Vec<usize> = view.nodes.iter().map(|planned| planned.level).collect();
    assert_eq!(levels, [0, 1, 1, 0]);
    let open = world.system.open_plan(&path, 1).await.unwrap();
    assert_eq!((open.done, open.dropped, open.open, open.nodes[0].number), (1, 1, 2, 3), "what is ready comes first");
    world.system.plan_update(&path, 1, &step(PlanStep::Reopen)).await.unwrap();
    let numbers = world.system.open_plan(&path, 9).await.unwrap().nodes.into_iter().map(|planned| planned.number);
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(drawn(&world, "/root/a").await, "1 todo*, 2 doing<1, 3 todo<1<4, 4 dropped");
    insta::assert_snapshot!(told(&world).await.join("\n"), @r"
    /root/a added [1, 2, 3]
    /root/a done [1]
    /root/a started [2]
    /root/a added [4]
    /root/a dropped [4]
    /root/a edited [3]
    /root/a reopened [1]
    ");
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused_in_words() {
    let world = World::setting().limits(|limits| (limits.plan_nodes, limits.plan_after) = (4, 2)).open().await;
    world.spawn("/root/a", "echo").await;
    let (path, plan) = (at("/root/a"), &world.system);
    plan.plan_add(&path, &[new("one", &[]), new("two", &[1]), new("three", &[2])]).await.unwrap();
    let start = || step(PlanStep::Start { owner: None });
    plan.plan_update(&path, 1, &start()).await.unwrap();
    let (last, many): (_, Vec<String>) = (world.store().last(), (0..17).map(|n| n.to_string()).collect());
    let of = |patch: PlanPatch| patch;
    let some = |text: &str| Some(text.to_owned());
    for (number, patch, words) in [
        (9, start(), "the plan of /root/a has no node 9"),
        (2, start(), "node 2 of the plan of /root/a cannot be started: it comes after 1, not done yet"),
        (
            1,
            step(PlanStep::Start { owner: Some(me()) }),
            "node 1 of the plan of /root/a cannot be started: it is being done, reopen it first",
        ),
        (1, after(&[3]), "node 1 of the plan of /root/a cannot come after 3: 3 comes after 2 comes after 1"),
        (3, after(&[3]), "node 3 of the plan of /root/a cannot come after itself"),
        (3, after(&[8]), "node 3 of the plan of /root/a cannot come after 8, which is not there"),
        (1, of(PlanPatch { title: some(" "), ..PlanPatch::default() }), "title \" \" is blank"),
        (1, of(PlanPatch { title: some("a\nb"), ..PlanPatch::default() }), "title \"a\\nb\" has control characters"),
        (
            1,
            of(PlanPatch { notes: Some("n".repeat(4097)), ..PlanPatch::default() }),
            "notes has 4097 bytes, over the limit of 4096",
        ),
        (
            1,
            of(PlanPatch { commit: some("it's"), ..PlanPatch::default() }),
            "commit \"it's\" must be 7 to 64 letters and digits, as a repository names it",
        ),
        (1, of(PlanPatch { evidence: vec![String::new()], ..PlanPatch::default() }), "evidence \"\" is blank"),
        (
            1,
            of(PlanPatch { evidence: vec!["e".repeat(1025)], ..PlanPatch::default() }),
            "evidence has 1025 bytes, over the limit of 1024",
        ),
        (
            1,
            of(PlanPatch { evidence: many, ..PlanPatch::default() }),
            "limit plan_evidence of 16 is reached at /root/a: say it in the notes",
        ),
    ] {
        assert_eq!(plan.plan_update(&path, number, &patch).await.unwrap_err().to_string(), words, "{number}");
    }
    for (nodes, words) in [
        (vec![new("x", &[4])], "node 4 of the plan of /root/a cannot come after itself"),
        (vec![new("x", &[5]), new("y", &[])], "limit plan_nodes of 4 is reached at /root/a: clear what is finished"),
        (
            vec![new("x", &[1, 2, 3])],
            "limit plan_after of 2 is reached at /root/a: have it come after one that comes after those",
        ),
        (
            vec![new("x", &[]); PLAN_ADDED_MAX + 1],
            "limit plan_added of 100 is reached at /root/a: add them in several calls",
        ),
        (vec![new("", &[])], "title \"\" is blank"),
    ] {
        assert_eq!(plan.plan_add(&path, &nodes).await.unwrap_err().to_string(), words);
    }
    assert_eq!(plan.plan_add(&path, &[]).await.unwrap(), Vec::<u32>::new());
    assert_eq!(world.store().last(), last, "nothing came of any of them");
    assert!(matches!(plan.plan(&at("/root/none")).await, Err(Error::NotFound { .. })));
    assert!(matches!(plan.plan_add(&at("/root/none"), &[new("x", &[])]).await, Err(Error::NotFound { .. })));
    let full =
        PlanPatch { evidence: (0..PLAN_EVIDENCE_MAX).map(|n| n.to_string()).collect(), ..step(PlanStep::Finish) };
    assert!(plan.plan_update(&path, 1, &full).await.unwrap().1);
    world.end().await;
}

fn me() -> understory_store::AgentRef {
    understory_store::AgentRef::new(at("/root/b"), understory_store::AgentId::from_u128(1))
}

#[tokio::test(start_paused = true)]
async fn of_edges_that_would_make_a_cycle_together_one_is_refused() {
    let world = World::setting().open_on(Arc::new(Polite(MemoryBackend::new()))).await;
    world.spawn("/root/a", "echo").await;
    let path = at("/root/a");
    let nodes: Vec<NewPlanNode> = (0..12).map(|n| new(&n.to_string(), &[])).collect();
    world.system.plan_add(&path, &nodes).await.unwrap();
    // Node n after n + 1, the last after the first: all twelve together are a cycle, any eleven are not.
    let edges = (1..=12).map(|number| {
        let (system, path) = (world.system.clone(), path.clone());
        tokio::spawn(async move { system.plan_update(&path, number, &after(&[number % 12 + 1])).await.map(drop) })
    });
    let refused: Vec<_> =
        join_all(edges.collect::<Vec<_>>()).await.into_iter().filter_map(|did| did.unwrap().err()).collect();
    assert!(matches!(refused.as_slice(), [Error::PlanRefused { .. }]), "{refused:?}");
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_given_is_a_message_and_its_owner_in_one_commit() {
    let world = boss().open().await;
    world.spawn("/root/a", "boss").await;
    let bea = world.spawn("/root/a/bea", "echo").await;
    world.spawn("/root/a/cai", "echo").await;
    let path = at("/root/a");
    let survey = NewPlanNode { notes: "Both floors.".to_owned(), ..new("survey", &[]) };
    world.system.plan_add(&path, &[survey, new("build", &[1])]).await.unwrap();
    let refused = world.system.plan_give(&path, &task(2, "/root/a/bea")).await.unwrap_err().to_string();
    assert_eq!(refused, "node 2 of the plan of /root/a cannot be started: it comes after 1, not done yet");
    let before = world.store().last();
    let (node, accepted) = world.system.plan_give(&path, &task(1, "/root/a/bea")).await.unwrap();
    assert_eq!(world.store().last(), before + 1);
    assert_eq!((node.node.owner, accepted.is_some()), (Some(bea), true));
    assert_eq!(world.inbox("/root/a/bea").await[0].text, "survey\n\nBoth floors.\n\n(node 1 of the plan of /root/a)");
    assert!(world.system.plan_give(&path, &task(1, "/root/a/bea")).await.unwrap().1.is_none());
    assert_eq!(world.inbox("/root/a/bea").await.len(), 1, "once is enough");
    let refused = world.system.plan_give(&path, &task(1, "/root/a/cai")).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "node 1 of the plan of /root/a cannot be started: it is being done by /root/a/bea, reopen it first"
    );
    world.system.plan_update(&path, 1, &step(PlanStep::Finish)).await.unwrap();
    let (_, assignment) = world.system.plan_assign(&path, &task(2, "/root/a/cai")).await.unwrap();
    let outcome = tokio::time::timeout(LONG, assignment.unwrap().outcome()).await.unwrap().unwrap();
    assert_eq!(outcome.content, "build\n\n(node 2 of the plan of /root/a)");
    assert_eq!(drawn(&world, "/root/a").await, "1 done, 2 doing<1", "nobody said that it is done");
    // Who comes to the path of one that was removed has not been given anything.
    world.system.close(&at("/root/a/cai"), LONG).await.unwrap();
    world.system.remove(&at("/root/a/cai")).await.unwrap();
    world.spawn("/root/a/cai", "echo").await;
    let refused = world.system.plan_give(&path, &task(2, "/root/a/cai")).await.unwrap_err().to_string();
    assert!(refused.ends_with("is being done by /root/a/cai, reopen it first"), "{refused}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_keeps_its_own_plan_and_those_below_and_says_what_it_was_given() {
    let world = boss().open().await;
    for path in ["/root/a", "/root/a/bea", "/root/z"] {
        world.spawn(path, "boss").await;
    }
    let said = async |path: &str, call: &str| world.assign(path, call).await.unwrap().content;
    let add = r#"plan_add {"nodes":[{"title":"survey"},{"title":"build","after":[1],"notes":"of oak"}]}"#;
    insta::assert_snapshot!(said("/root/a", add).await, @r#"{"added":[1,2]}"#);
    let show = said("/root/a", "plan_show {}").await;
    insta::assert_snapshot!(show, @r#"{"nodes":[{"node":1,"title":"survey","status":"todo","ready":true,"owner":null,"after":[],"waits_for":[],"trouble":null},{"node":2,"title":"build","status":"todo","ready":false,"owner":null,"after":[1],"waits_for":[1],"trouble":null}],"total":2,"over":0,"next":null}"#);
    insta::assert_snapshot!(said("/root/a", r#"plan_assign {"node":1,"to":"kid","spawn":true}"#).await, @r#"{"node":{"node":1,"title":"survey","status":"doing","ready":false,"owner":"/root/a/kid","after":[],"waits_for":[],"trouble":null},"accepted":true}"#);
    world.settled("/root/a/kid").await;
    insta::assert_snapshot!(said("/root/a", r#"plan_update {"node":1,"status":"todo"}"#).await, @r#"{"node":{"node":1,"title":"survey","status":"todo","ready":true,"owner":null,"after":[],"waits_for":[],"trouble":null,"notes":"","evidence":[],"commit":null},"changed":true}"#);
    said("/root/a", r#"plan_assign {"node":1,"to":"bea","message":"by noon"}"#).await;
    // Bea was given node 1 of a plan above it, and nothing else of it.
    for (call, expected) in [
        (r#"plan_update {"agent":"/root/a","node":1,"status":"dropped"}"#, "refused: /root/a does not exist"),
        (r#"plan_update {"agent":"/root/a","node":1,"title":"other"}"#, "refused: /root/a does not exist"),
        (r#"plan_update {"agent":"/root/a","node":2,"status":"done"}"#, "refused: /root/a does not exist"),
        (r#"plan_update {"agent":"/root/a","node":7,"status":"done"}"#, "refused: /root/a does not exist"),
        (r#"plan_update {"agent":"/root/z","node":1,"status":"done"}"#, "refused: /root/z does not exist"),
        (r#"plan_show {"agent":"/root/a"}"#, "refused: /root/a does not exist"),
        (r#"plan_add {"agent":"/root/a","nodes":[{"title":"x"}]}"#, "refused: /root/a does not exist"),
        (r#"plan_assign {"agent":"/root/a","node":2,"to":"/root/z"}"#, "refused: /root/a does not exist"),
        (r#"plan_assign {"node":2,"to":"/root/z"}"#, "refused: /root/z does not exist"),
        (r#"plan_update {"node":1,"reason":"x"}"#, "refused: wrong arguments: a reason is for what is dropped"),
    ] {
        assert_eq!(said("/root/a/bea", call).await, expected, "{call}");
    }
    // What another was given is not bea's either.
    said("/root/a", r#"plan_add {"nodes":[{"title":"rest"}]}"#).await;
    said("/root/a", r#"plan_assign {"node":3,"to":"kid"}"#).await;
    let other = said("/root/a/bea", r#"plan_update {"agent":"/root/a","node":3,"status":"done"}"#).await;
    assert_eq!(other, "refused: /root/a does not exist");
    world.system.plan_update(&at("/root/a"), 3, &step(PlanStep::Drop { reason: None })).await.unwrap();
    let done = r#"plan_update {"agent":"/root/a","node":1,"status":"done","evidence":["12 pages"],"commit":"c0ffee1"}"#;
    insta::assert_snapshot!(said("/root/a/bea", done).await, @r#"{"node":{"node":1,"title":"survey","status":"done","ready":false,"owner":"/root/a/bea","after":[],"waits_for":[],"trouble":null,"notes":"","evidence":["12 pages"],"commit":"c0ffee1"},"changed":true}"#);
    assert_eq!(drawn(&world, "/root/a").await, "1 done, 2 todo*<1, 3 dropped");
    // One above does as it likes, and an own node that is begun is its own.
    said("/root/a", r#"plan_add {"agent":"bea","nodes":[{"title":"rest"}]}"#).await;
    said("/root/a/bea", r#"plan_update {"node":1,"status":"doing"}"#).await;
    let plan = world.system.plan(&at("/root/a/bea")).await.unwrap();
    assert_eq!(plan.nodes[0].node.owner, Some(plan.of.clone()));
    insta::assert_snapshot!(said("/root/a", "plan_show {\"node\":2}\nplan_show {\"all\":true,\"from\":2}\nplan_show {\"node\":9}").await, @r#"
    {"node":{"node":2,"title":"build","status":"todo","ready":true,"owner":null,"after":[1],"waits_for":[],"trouble":null,"notes":"of oak","evidence":[],"commit":null}}
    {"nodes":[{"node":2,"title":"build","status":"todo","ready":true,"owner":null,"after":[1],"waits_for":[],"trouble":null},{"node":3,"title":"rest","status":"dropped","ready":false,"owner":"/root/a/kid","after":[],"waits_for":[],"trouble":null}],"total":3,"over":2,"next":null}
    refused: the plan of /root/a has no node 9
    "#);
    let calls = world.tool_calls("/root/a/bea").await;
    assert_eq!(calls.last().map(String::as_str), Some(r#"14 plan_update {"node":1,"status":"doing"}"#));
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_over_changes_no_plan() {
    let (sender, mut turns) = tokio::sync::mpsc::unbounded_channel();
    let setting = World::setting().brain("leaky", move |turn: Turn| {
        let sent = sender.send(turn.clone());
        async move {
            sent.unwrap();
            Ok(Response::text("left"))
        }
    });
    let world = setting.open().await;
    world.spawn("/root/a", "leaky").await;
    world.assign("/root/a", "go").await.unwrap();
    let turn = turns.recv().await.unwrap();
    assert!(
        turn.plan_add(&[new("late", &[])]).await.unwrap_err().to_string().ends_with("this turn of /root/a is over")
    );
    assert_eq!(drawn(&world, "/root/a").await, "");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_jobs_item_keeps_no_plan() {
    let world = World::setting().brain("asks", |turn: Turn| async move {
        let tools = turn.tools().unwrap();
        let named = tools.list().any(|tool| tool.name.starts_with("plan_"));
        let refused = tools.call("plan_show", "{}").await.unwrap_err();
        Ok(Response::report(format!("{{\"named\":{named},\"said\":\"{}\"}}", refused.to_string().replace('"', ""))))
    });
    let world = world.open().await;
    let table = super::table::Table::of(1);
    world.run_job(table.request("asks")).await;
    let item = world.system.items(&at("/root/job"), 1, 1).await.unwrap().remove(0).item;
    let expected = understory_store::Text::Inline(r#"{"named":false,"said":"no tool plan_show"}"#.to_owned());
    assert!(
        matches!(item.state.clone(), understory_store::ItemState::Completed { result, .. } if result == expected),
        "{item:?}"
    );
    let error = world.system.plan(&at("/root/job/r00000001")).await.unwrap_err().to_string();
    assert_eq!(error, "/root/job/r00000001 is a job's item, which cannot be asked to keep a plan");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_what_is_being_removed_stays_as_it_is() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    world.spawn("/root/b", "echo").await;
    let path = at("/root/a");
    world.system.plan_add(&path, &[new("one", &[])]).await.unwrap();
    let mut draft = Draft::new();
    draft.put(Tables::Closed.at(&path), &Mark::Removing);
    world.store().commit(draft).await.unwrap();
    let added = world.system.plan_add(&path, &[new("two", &[])]).await;
    assert!(matches!(added, Err(Error::BeingRemoved { .. })), "{added:?}");
    let given = world.system.plan_give(&path, &task(1, "/root/b")).await;
    assert!(matches!(given, Err(Error::BeingRemoved { .. })), "{given:?}");
    assert_eq!(drawn(&world, "/root/a").await, "1 todo*");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_finished_is_cleared_and_a_removal_takes_the_rest() {
    let world = World::setting().limits(|limits| limits.plan_nodes = 200).open().await;
    world.spawn("/root/a", "echo").await;
    let path = at("/root/a");
    // A chain of long nodes, and behind every one of the first half a node of its own.
    let long = |n: u32, after: &[u32]| NewPlanNode { notes: "n".repeat(4096), ..new(&n.to_string(), after) };
    let chain: Vec<NewPlanNode> = (1..=80).map(|n| long(n, &[n - 1][usize::from(n == 1)..])).collect();
    world.system.plan_add(&path, &chain).await.unwrap();
    world.system.plan_add(&path, &(81..=120).map(|n| long(n, &[n - 80])).collect::<Vec<_>>()).await.unwrap();
    for number in 1..=40 {
        world.system.plan_update(&path, number, &step(PlanStep::Finish)).await.unwrap();
    }
    assert_eq!(world.system.plan_clear(&path, true).await.unwrap(), 40);
    let plan = world.system.plan(&path).await.unwrap();
    assert_eq!((plan.nodes.len(), plan.nodes[0].number, plan.nodes[0].ready), (80, 41, true));
    assert!(plan.nodes.iter().filter(|planned| planned.number > 80).all(|planned| planned.node.after.is_empty()));
    assert_eq!(world.system.plan_clear(&path, true).await.unwrap(), 0);
    assert!(world.store().verify().await.unwrap().is_sound());
    let before = world.store().last();
    assert_eq!(world.system.plan_clear(&path, false).await.unwrap(), 80);
    assert_eq!(world.store().last() - before, 3, "32 nodes a commit");
    assert_eq!(world.system.plan_add(&path, &[new("again", &[])]).await.unwrap(), [121], "numbers are not given again");
    world.system.close(&path, LONG).await.unwrap();
    world.system.remove(&path).await.unwrap();
    assert!(matches!(world.system.plan(&path).await, Err(Error::Removed { .. })));
    world.spawn("/root/a", "echo").await;
    assert_eq!(drawn(&world, "/root/a").await, "");
    let rows: Vec<PlanNode> = world.rows(Tables::PlanNode, "/root/a").await;
    assert!(rows.is_empty() && world.store().verify().await.unwrap().is_sound());
    world.end().await;
}
