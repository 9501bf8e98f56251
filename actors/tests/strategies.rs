//! What becomes of an agent's siblings when it is restarted, as the role of their parent says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::world::{World, at, until};
use crate::brain::{BrainError, Response};
use crate::{OnResult, Policy, Role, SpawnRequest, Strategy};

const CHILDREN: [&str; 4] = ["/root/up/a", "/root/up/b", "/root/up/c", "/root/up/idle"];
/// Below one of them, created last.
const GRANDCHILD: &str = "/root/up/a/kid";

/// Restarts `b`, created after `c` and before `a`, while these run; how often each child's brain was called for its one turn,
/// and what came of it.
async fn restarted(strategy: Strategy) -> String {
    let calls = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let (breaks, goes_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (count, breaking, going_on) = (calls.clone(), breaks.clone(), goes_on.clone());
    let world = World::setting()
        .role("boss", Role::default().policy(Policy { strategy, ..Policy::default() }))
        .role("child", Role { on_result: OnResult::Keep, ..Role::with_brain("child", "") })
        .brain("child", move |turn| {
            let (count, breaking, going_on) = (count.clone(), breaking.clone(), going_on.clone());
            async move {
                let name = turn.path().name().to_owned();
                let called = {
                    let mut count = count.lock().unwrap();
                    let called = count.entry(name.clone()).or_default();
                    *called += 1;
                    *called
                };
                if name == "b" && called == 1 {
                    breaking.acquire().await.expect("never closed").forget();
                    return Err(BrainError::broken("it broke"));
                }
                if called == 1 {
                    // Until it is told to stop, if it is.
                    tokio::select! {
                        permit = going_on.acquire() => permit.expect("never closed").forget(),
                        () = turn.cancelled() => return Err(BrainError::refused("stopped")),
                    }
                }
                Ok(Response::text(format!("attempt {}", turn.attempt())))
            }
        });
    let world = world.open().await;
    let spawn = |path, role: &str| SpawnRequest { role: Some(role.to_owned()), ..SpawnRequest::at(at(path)) };
    world.system.spawn(vec![spawn("/root/up", "boss")]).await.unwrap();
    // Created in this order, which is not that of their names.
    for path in [CHILDREN[2], CHILDREN[1], CHILDREN[0], CHILDREN[3], GRANDCHILD] {
        world.system.spawn(vec![spawn(path, "child")]).await.unwrap();
    }
    let running = CHILDREN[..3].iter().chain([&GRANDCHILD]);
    for path in running.clone() {
        world.ask(path, "work").await.unwrap();
    }
    world.system.run(&at("/root")).await.unwrap();
    until(async || calls.lock().unwrap().len() == 4).await;
    breaks.add_permits(1);
    until(async || calls.lock().unwrap().get("b") == Some(&2)).await;
    world.settled("/root/up/b").await;
    // Those that were left alone go on to their end.
    goes_on.add_permits(9);
    let mut words = Vec::new();
    for path in running {
        world.settled(path).await;
        let called = calls.lock().unwrap()[at(path).name()];
        words.push(format!("{path}: {called} calls, {}", world.turns(path).await[0].1));
    }
    assert_eq!(world.agent(CHILDREN[3]).await.turns, 0, "an idle one has nothing to be restarted");
    world.end().await;
    words.join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_along_whom_the_strategy_says() {
    let mut all = String::new();
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        all += &format!("{strategy:?}\n{}\n", restarted(strategy).await);
    }
    insta::assert_snapshot!(all, @r#"
    OneForOne
    /root/up/a: 1 calls, completed: attempt 1
    /root/up/b: 2 calls, completed: attempt 2
    /root/up/c: 1 calls, completed: attempt 1
    /root/up/a/kid: 1 calls, completed: attempt 1
    OneForAll
    /root/up/a: 2 calls, completed: attempt 1
    /root/up/b: 2 calls, completed: attempt 2
    /root/up/c: 2 calls, completed: attempt 1
    /root/up/a/kid: 1 calls, completed: attempt 1
    RestForOne
    /root/up/a: 2 calls, completed: attempt 1
    /root/up/b: 2 calls, completed: attempt 2
    /root/up/c: 1 calls, completed: attempt 1
    /root/up/a/kid: 1 calls, completed: attempt 1
    "#);
}
