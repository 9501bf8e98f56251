//! Turns that wait: their slot is given back meanwhile, every deadline is an answer, and a cancel ends them at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::counting::Counting;
use super::table::Table;
use super::world::{LONG, Setting, World, at, letter, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::tools::ToolError;
use crate::{Until, Waited};

fn said(answer: Result<String, ToolError>) -> String {
    answer.unwrap_or_else(|error| error.to_string())
}

fn refused(error: &ToolError) -> BrainError {
    BrainError::refused(error.to_string())
}

/// Spawns a helper, waits for it, and gives back what it said.
async fn delegate(turn: &Turn) -> Result<String, ToolError> {
    let kid = turn.spawn("kid", Some("help")).await?;
    let waited = turn.wait([kid], Until::All, Some(Duration::from_secs(600))).await?;
    Ok(format!("{:?}", waited.settled[0].standing))
}

/// A brain that waits as its task says, a call of the tool; the answer is its own.
fn caller(setting: Setting) -> Setting {
    setting.brain("caller", |turn: Turn| async move {
        let answer = turn.tools().expect("it has tools").call("wait", &turn.text()).await;
        Ok(Response::text(said(answer)))
    })
}

#[tokio::test(start_paused = true)]
async fn with_one_slot_a_turn_waits_for_its_helper_and_both_finish() {
    let world = World::setting().limits(|limits| limits.turns = 1).role("default", crate::Role::with_brain("echo", ""));
    let world = world.brain("boss", |turn: Turn| async move {
        Ok(Response::text(delegate(&turn).await.map_err(|error| refused(&error))?))
    });
    let world = world.open().await;
    world.spawn("/root/a", "boss").await;
    let begun = Instant::now();
    let outcome = world.assign("/root/a", "go").await.unwrap();
    assert!(outcome.content.contains(r#"turn: 1, result: Completed, content: "help""#), "{}", outcome.content);
    assert!(begun.elapsed() < Duration::from_secs(600), "the helper's end is what it heard of");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_one_slot_the_runs_of_items_wait_for_their_helpers_and_all_finish() {
    let world = World::setting().limits(|limits| limits.turns = 1).role("default", crate::Role::with_brain("echo", ""));
    let world = world.brain("worker", |turn: Turn| async move {
        let helped = delegate(&turn).await.map_err(|error| refused(&error))?;
        Ok(Response::report(serde_json::json!({ "helped": helped.contains("help") }).to_string()))
    });
    let world = world.open().await;
    let table = Table::of(5);
    world.run_job(JobRequest { concurrency: 5, ..table.request("worker") }).await;
    let results: Vec<_> = table.output().into_iter().map(|line| line.result).collect();
    assert_eq!(results, [r#"{"helped":true}"#; 5]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_goes_on_is_ahead_of_new_ones() {
    let (order, go) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
    let (noted, given) = (order.clone(), go.clone());
    let setting =
        World::setting().limits(|limits| limits.turns = 1).role("default", crate::Role::with_brain("any", ""));
    let setting = setting.brain("any", move |turn: Turn| {
        let (noted, given) = (noted.clone(), given.clone());
        async move {
            match turn.path().name() {
                "boss" => drop(delegate(&turn).await.map_err(|error| refused(&error))?),
                "kid" => given.acquire().await.expect("never closed").forget(),
                _ => {}
            }
            noted.lock().unwrap().push(turn.path().name().to_owned());
            Ok(Response::text(""))
        }
    });
    let world = setting.open().await;
    for path in ["/root/boss", "/root/new", "/root/newer"] {
        world.spawn(path, "any").await;
    }
    world.ask("/root/boss", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.system.show(&at("/root/boss/kid")).await.is_ok_and(|kid| kid.status() == "running")).await;
    world.ask("/root/new", "go").await.unwrap();
    world.ask("/root/newer", "go").await.unwrap();
    until(async || world.system.slots.waiting() == 2).await;
    go.add_permits(1);
    world.system.wait(&["/root/boss", "/root/new", "/root/newer"].map(at), Until::All, LONG).await.unwrap();
    assert_eq!(order.lock().unwrap()[..2], ["kid", "boss"], "{order:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_held_to_their_limits_and_their_end_is_an_answer() {
    let world = caller(World::setting()).brain("wall", |_| std::future::pending()).open().await;
    for (path, brain) in [("/root/a", "caller"), ("/root/b", "echo"), ("/root/w", "wall")] {
        world.spawn(path, brain).await;
    }
    world.assign("/root/b", "hello").await.unwrap();
    world.ask("/root/w", "go").await.unwrap();
    let mut lines = Vec::new();
    for call in [
        r#"{"agents":["/root/w"]}"#,
        r#"{"agents":["/root/w"],"timeout_seconds":1}"#,
        r#"{"agents":["/root/w"],"timeout_seconds":0}"#,
        r#"{"agents":["/root/w","/root/b"],"timeout_seconds":12.5}"#,
        r#"{"agents":["/root/w","/root/b"],"until":"any"}"#,
        r#"{"agents":["/root/w","/root/b"],"until":1}"#,
        r#"{"agents":["/root/b"],"until":9}"#,
        r#"{"agents":[{"agent":"/root/b","after":0}]}"#,
        r#"{"agents":[{"agent":"/root/b","after":1}]}"#,
        r#"{"agents":["/root"]}"#,
        r#"{"agents":["/root/w"],"timeout_seconds":3600}"#,
        r#"{"timeout_seconds":3}"#,
        r#"{"agents":["/root/w"],"timeout_seconds":3600.5}"#,
        r#"{"agents":["/root/w"],"timeout_seconds":-1}"#,
        r#"{"agents":["/root/a"]}"#,
        r#"{"agents":["none"]}"#,
        r#"{"agents":["No"]}"#,
        r#"{"agents":[{"agent":"/root/b","later":1}]}"#,
        r#"{"agents":["/root/w"],"until":"some"}"#,
    ] {
        let begun = Instant::now();
        let answer = world.assign("/root/a", call).await.unwrap().content;
        lines.push(format!("{call}\n  {} ms: {answer}", begun.elapsed().as_millis()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"agents":["/root/w"]}
      30000 ms: {"settled":[],"pending":["/root/w"],"timed_out":true}
    {"agents":["/root/w"],"timeout_seconds":1}
      10000 ms: {"settled":[],"pending":["/root/w"],"timed_out":true,"note":"1 s is shorter than a wait may be; its deadline was 10 s"}
    {"agents":["/root/w"],"timeout_seconds":0}
      10000 ms: {"settled":[],"pending":["/root/w"],"timed_out":true,"note":"0 s is shorter than a wait may be; its deadline was 10 s"}
    {"agents":["/root/w","/root/b"],"timeout_seconds":12.5}
      12500 ms: {"settled":[{"agent":"/root/b","status":"completed","turn":1}],"pending":["/root/w"],"timed_out":true}
    {"agents":["/root/w","/root/b"],"until":"any"}
      0 ms: {"settled":[{"agent":"/root/b","status":"completed","turn":1}],"pending":["/root/w"],"timed_out":false}
    {"agents":["/root/w","/root/b"],"until":1}
      0 ms: {"settled":[{"agent":"/root/b","status":"completed","turn":1}],"pending":["/root/w"],"timed_out":false}
    {"agents":["/root/b"],"until":9}
      0 ms: {"settled":[{"agent":"/root/b","status":"completed","turn":1}],"pending":[],"timed_out":false}
    {"agents":[{"agent":"/root/b","after":0}]}
      0 ms: {"settled":[{"agent":"/root/b","status":"completed","turn":1}],"pending":[],"timed_out":false}
    {"agents":[{"agent":"/root/b","after":1}]}
      30000 ms: {"settled":[],"pending":["/root/b"],"timed_out":true}
    {"agents":["/root"]}
      0 ms: {"settled":[{"agent":"/root","status":"idle"}],"pending":[],"timed_out":false}
    {"agents":["/root/w"],"timeout_seconds":3600}
      3600000 ms: {"settled":[],"pending":["/root/w"],"timed_out":true}
    {"timeout_seconds":3}
      10000 ms: {"mail":false,"timed_out":true,"note":"3 s is shorter than a wait may be; its deadline was 10 s"}
    {"agents":["/root/w"],"timeout_seconds":3600.5}
      0 ms: limit wait_max of 3600 is reached at /root/a: ask for so many seconds, and wait again
    {"agents":["/root/w"],"timeout_seconds":-1}
      0 ms: wrong arguments: timeout_seconds is no length of time
    {"agents":["/root/a"]}
      0 ms: /root/a does not exist
    {"agents":["none"]}
      0 ms: /root/a/none does not exist
    {"agents":["No"]}
      0 ms: bad agent path "No": 'N' is not one of a-z, 0-9 and _
    {"agents":[{"agent":"/root/b","later":1}]}
      0 ms: wrong arguments: an agent is a name or path, or {agent, after} at line 1 column 41
    {"agents":["/root/w"],"until":"some"}
      0 ms: wrong arguments: until is "any", "all" or a number at line 1 column 37
    "#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_turns_wait_and_for_no_more_agents_than_they_may() {
    let world = caller(World::setting()).limits(|limits| limits.waiting = 1).open().await;
    for path in ["/root/a", "/root/b"] {
        world.spawn(path, "caller").await;
    }
    world.ask("/root/a", r#"{"timeout_seconds":100}"#).await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.system.waits.under_way(1) == 1).await;
    let full = world.assign("/root/b", "{}").await.unwrap().content;
    assert_eq!(
        full,
        "limit waiting of 1 is reached at /root/b: end the turn instead: what comes of it comes as a message"
    );
    let many = serde_json::json!({ "agents": vec!["/root/a"; 257] }).to_string();
    let many = world.assign("/root/b", &many).await.unwrap().content;
    assert_eq!(many, "limit wait_targets of 256 is reached at /root/b: wait for fewer at once");
    world.settled("/root/a").await;
    assert_eq!(world.assign("/root/b", "{}").await.unwrap().content, r#"{"mail":false,"timed_out":true}"#);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn mail_that_the_turn_has_not_taken_ends_a_wait_for_it() {
    let world = World::setting().limits(|limits| limits.turns = 1).brain("open", |turn: Turn| async move {
        let mut said = Vec::new();
        loop {
            let came = turn.wait_for_mail(None).await.map_err(|error| refused(&error))?;
            let mail = turn.take_mail().await.map_err(|error| refused(&error))?;
            said.push(mail.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join(" "));
            if !came {
                let report = Some(serde_json::json!({ "said": said }).to_string());
                return Ok(Response { report, ..Response::text(said.join(" | ")) });
            }
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "open").await;
    world.ask("/root/a", "go").await.unwrap();
    world.send("/root/a", "early").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let table = Table::of(1);
    let started = world.system.start_job(table.request("open")).await.unwrap();
    until(async || world.system.waits.under_way(10_000) == 2).await;
    let before = Instant::now();
    for path in ["/root/a", "/root/job/r00000001"] {
        world.send(path, "late").await.unwrap();
    }
    until(async || world.agent("/root/a").await.running().is_some_and(|turn| turn.in_hand.len() == 3)).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    world.job_over(&started.job.path).await;
    assert_eq!(table.output()[0].result, r#"{"said":["late",""]}"#);
    assert_eq!(world.settled("/root/a").await.standing, crate::Standing::Rests(world.agent("/root/a").await.outcome));
    assert_eq!(world.turns("/root/a").await[0].1, "completed: early | late | ");
    world.end().await;
}

/// A brain that waits long for `/root/wall`; how that ended and after how long goes to the list.
fn waiter(setting: Setting) -> (Setting, Arc<Mutex<Vec<String>>>) {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let noted = ends.clone();
    let setting = setting.brain("wall", |_| std::future::pending()).brain("waiter", move |turn: Turn| {
        let noted = noted.clone();
        async move {
            let begun = Instant::now();
            let waited = turn.wait([at("/root/wall")], Until::All, Some(Duration::from_secs(3000))).await;
            let words = waited.map_or_else(|error| error.to_string(), |Waited { complete, .. }| complete.to_string());
            noted.lock().unwrap().push(format!("{} s: {words}", begun.elapsed().as_secs()));
            Err(BrainError::refused("over"))
        }
    });
    (setting, ends)
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_a_wait_at_once() {
    let (setting, ends) = waiter(World::setting().limits(|limits| limits.turns = 1));
    let world = setting.open().await;
    world.spawn("/root/wall", "wall").await;
    world.ask("/root/wall", "go").await.unwrap();
    world.spawn("/root/a", "waiter").await;
    // It has a slot before the wall has it for good.
    world.ask("/root/a", "go").await.unwrap();
    world.system.run(&at("/root/a")).await.unwrap();
    until(async || world.system.waits.under_way(10_000) == 1).await;
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/wall").await == "running").await;
    let closed = world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert_eq!(closed.overdue, 0);
    assert_eq!(*ends.lock().unwrap(), ["0 s: this turn is cancelled"]);
    assert_eq!(world.system.waits.under_way(10_000), 0);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_run_ends_its_wait() {
    let (setting, ends) = waiter(World::setting());
    let world = setting.open().await;
    world.spawn("/root/wall", "wall").await;
    world.ask("/root/wall", "go").await.unwrap();
    let table = Table::of(1);
    let request = JobRequest { attempts: 1, timeout: Duration::from_secs(60), ..table.request("waiter") };
    let begun = Instant::now();
    world.run_job(request).await;
    assert_eq!(*ends.lock().unwrap(), ["60 s: this turn is cancelled"]);
    assert_eq!(begun.elapsed().as_secs(), 60, "and its grace is not used up");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_waits_at_once_and_of_one_that_is_dropped_the_slot_comes_back() {
    let go = Arc::new(Semaphore::new(0));
    let given = go.clone();
    let world = World::setting().limits(|limits| limits.turns = 1).brain("twice", move |turn: Turn| {
        let given = given.clone();
        async move {
            let (none, mail) = futures::join!(
                turn.wait([crate::Target { path: at("/root/b"), after: Some(7) }], Until::All, None),
                turn.wait_for_mail(None)
            );
            assert!(!none.map_err(|error| refused(&error))?.complete && !mail.map_err(|error| refused(&error))?);
            tokio::select! {
                _ = turn.wait_for_mail(None) => {}
                () = given.acquire().map(|permit| permit.expect("never closed").forget()) => {}
            }
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text("done"))
        }
    });
    let world = world.open().await;
    world.spawn("/root/a", "twice").await;
    world.spawn("/root/b", "echo").await;
    let assigned = world.system.assign(letter("/root/a", "go", true)).await.unwrap();
    until(async || world.system.waits.under_way(10_000) == 2).await;
    assert!(world.system.slots.take().is_some(), "it has no slot while it waits");
    pass(30).await;
    until(async || world.system.waits.under_way(10_000) == 1).await;
    go.add_permits(1);
    until(async || world.system.waits.under_way(10_000) == 0 && world.system.slots.take().is_none()).await;
    go.add_permits(1);
    assert_eq!(assigned.outcome().await.unwrap().content, "done");
    until(async || world.system.slots.take().is_some()).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_outcome_is_waited_for_and_never_missed() {
    let world = World::new().await;
    world.spawn("/root/a", "echo").await;
    let after = |turn| [crate::Target { path: at("/root/a"), after: Some(turn) }];
    let wait = async |turn, within| world.system.wait_for(&after(turn), Until::All, within).await.unwrap().len();
    assert_eq!(wait(0, Duration::from_secs(5)).await, 0, "it never had a turn");
    world.assign("/root/a", "one").await.unwrap();
    assert_eq!(wait(0, Duration::from_secs(5)).await, 1, "it ended before it was asked for");
    assert_eq!(wait(1, Duration::from_secs(5)).await, 0);
    let (found, outcome) = futures::join!(wait(1, LONG), world.assign("/root/a", "two"));
    assert_eq!((found, outcome.unwrap().turn), (1, 2));
    let (found, closed) =
        futures::join!(wait(2, LONG), async { world.system.close(&at("/root/a"), LONG).await.unwrap().marked });
    assert_eq!((found, closed), (1, true), "what is closed has no newer one");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_waiters_read_nothing_while_nothing_happens() {
    const HOSTS: usize = 9_000;
    const TURNS: usize = 1_000;
    let store = Counting::default();
    let go = Arc::new(Semaphore::new(0));
    let given = go.clone();
    let setting = World::setting().limits(|limits| limits.turns = 10);
    let setting = setting.brain("gate", move |_| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("never closed").forget();
            Ok(Response::text("open"))
        }
    });
    let setting = setting.brain("waiter", |turn: Turn| async move {
        let waited = turn.wait([at("/root/gate")], Until::All, Some(Duration::from_secs(3000))).await;
        Ok(Response::text(waited.map_err(|error| refused(&error))?.complete.to_string()))
    });
    let world = setting.open_on(Arc::new(store.clone())).await;
    world.spawn("/root/gate", "gate").await;
    world.ask("/root/gate", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let spawn = |n: usize| world.system.assign(letter(&format!("/root/w{n}"), "go", true));
    for n in 0..TURNS {
        world.spawn(&format!("/root/w{n}"), "waiter").await;
        drop(spawn(n).await.unwrap());
    }
    let (system, gate) = (world.system.clone(), [at("/root/gate")]);
    let hosts = tokio::spawn(async move {
        join_all((0..HOSTS).map(|_| system.wait(&gate, Until::All, LONG)))
            .await
            .into_iter()
            .filter(Result::is_ok)
            .count()
    });
    until(async || world.system.waits.under_way(10_000) == TURNS).await;
    let mut before = 0;
    while std::mem::replace(&mut before, store.reads()) != store.reads() {
        pass(1).await;
    }
    assert!(before > HOSTS + TURNS, "each has looked: {before}");
    // Before the process looks for ids that are past their time.
    pass(30).await;
    assert_eq!(store.reads(), before);
    go.add_permits(1);
    assert_eq!(hosts.await.unwrap(), HOSTS);
    for n in [0, TURNS - 1] {
        world.settled(&format!("/root/w{n}")).await;
        assert_eq!(world.turns(&format!("/root/w{n}")).await[0].1, "completed: true");
    }
    until(async || world.system.waits.under_way(10_000) == 0).await;
    world.end().await;
}
