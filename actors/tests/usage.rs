//! What work has cost, rolled up along the path.

use understory_store::Usage;

use super::table::Table;
use super::world::{World, at};
use crate::brain::{Response, Turn};
use crate::{Error, OnResult, Role, UsageReport};

/// Each answer costs as many tokens as it has bytes, and ten more from the cache.
fn setting() -> super::world::Setting {
    // No result starts a turn, which would cost, too.
    let role = Role { on_result: OnResult::Keep, ..Role::default() };
    World::setting().role("default", role).brain("dear", |turn: Turn| async move {
        let bytes = turn.text().len() as u64;
        let usage = Usage { input_tokens: bytes, cached_tokens: 10, output_tokens: 1 };
        let response = if turn.row().is_some() { Response::report("{}") } else { Response::text("done") };
        Ok(Response { usage, ..response })
    })
}

fn drawn(report: &UsageReport) -> Vec<String> {
    let line = |node: &crate::NodeSpending| {
        let (own, total) = (node.own, node.total);
        let cached = total.usage.cached_tokens;
        format!(
            "{} {} {}/{} turns {}/{} tokens, {cached} cached",
            node.path, node.kind, own.turns, total.turns, own.tokens, total.tokens
        )
    };
    report.nodes.iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn what_lies_below_counts_for_all_above_it_and_the_sum_is_exact() {
    let world = setting().open().await;
    for path in ["/root/a", "/root/a/b", "/root/a/b/c", "/root/ab", "/root/z"] {
        world.spawn(path, "dear").await;
    }
    for (path, text) in [("/root/a", "xx"), ("/root/a/b/c", "xxxx"), ("/root/a/b/c", "x"), ("/root/ab", "xxx")] {
        world.assign(path, text).await.unwrap();
    }
    let report = world.system.usage(&at("/root"), 100).await.unwrap();
    insta::assert_snapshot!(drawn(&report).join("\n"), @r"
    /root agent 0/4 turns 0/14 tokens, 40 cached
    /root/a agent 1/3 turns 3/10 tokens, 30 cached
    /root/a/b agent 0/2 turns 0/7 tokens, 20 cached
    /root/a/b/c agent 2/2 turns 7/7 tokens, 20 cached
    /root/ab agent 1/1 turns 4/4 tokens, 10 cached
    ");
    let part = world.system.usage(&at("/root/a/b"), 100).await.unwrap();
    assert_eq!(drawn(&part)[..1], ["/root/a/b agent 0/2 turns 0/7 tokens, 20 cached"]);
    let few = world.system.usage(&at("/root"), 2).await.unwrap();
    let paths: Vec<_> = few.nodes.iter().map(|node| node.path.as_str()).collect();
    assert_eq!((paths, few.others), (vec!["/root", "/root/a", "/root/a/b"], 2));
    let missing = world.system.usage(&at("/root/none"), 2).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_counts_by_its_own_account() {
    let world = setting().open().await;
    let table = Table::of(3);
    world.run_job(table.request("dear")).await;
    let report = world.system.usage(&at("/root"), 100).await.unwrap();
    let spent = world.system.job(&at("/root/job")).await.unwrap().job.spent;
    assert!(spent.tokens > 0);
    let expected = format!("/root/job job 3/3 turns {0}/{0} tokens, 0 cached", spent.tokens);
    assert_eq!(drawn(&report), [format!("/root agent 0/3 turns 0/{} tokens, 0 cached", spent.tokens), expected]);
    world.end().await;
}
