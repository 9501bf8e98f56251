//! Lists: what is in them, how each node stands, and what it is about.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use understory_store::BrainChoice;

use super::table::Table;
use super::world::{Setting, World, at, pass, until};
use crate::brain::{BrainError, Response, Turn};
use crate::job::JobRequest;
use crate::{Awaited, CardPatch, Kind, LIST_MAX, Order, Query, SpawnRequest, Until, View};

/// The paths of a list, in one line.
async fn paths(world: &World, query: &Query) -> String {
    let listing = world.system.query(query).await.unwrap();
    let paths: Vec<String> = listing.rows.iter().map(|view| view.path.to_string().replacen("/root", "", 1)).collect();
    paths.join(" ")
}

fn all() -> Query {
    Query::of(at("/root"))
}

/// A brain that waits for what its task names, and one whose turns end when they are told to.
fn setting(go: &Arc<Semaphore>) -> Setting {
    let go = go.clone();
    let setting = World::setting().brain("waiter", |turn: Turn| async move {
        match turn.text().as_str() {
            "mail" => drop(turn.wait_for_mail(None).await),
            agent => {
                let kid = turn.path().resolve(agent).expect("it is a name");
                drop(turn.wait([kid], Until::All, Some(Duration::from_secs(600))).await);
            }
        }
        Ok(Response::text("done"))
    });
    setting.brain("held", move |turn: Turn| {
        let go = go.clone();
        async move {
            go.acquire().await.expect("never closed").forget();
            match turn.text().as_str() {
                "fail" => Err(BrainError::refused("no")),
                text => Ok(Response::text(text)),
            }
        }
    })
}

async fn spawn(world: &World, path: &str, brain: &str, nickname: &str, role: &str) {
    let brain = BrainChoice { name: brain.to_owned(), settings: String::new() };
    let request = SpawnRequest {
        brain: Some(brain),
        role: Some(role.to_owned()),
        nickname: crate::Nickname::Given(nickname.to_owned()),
        ..SpawnRequest::at(at(path))
    };
    world.system.spawn(vec![request]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_filter_keeps_what_it_names() {
    let go = Arc::new(Semaphore::new(0));
    let world = setting(&go).open().await;
    spawn(&world, "/root/a", "echo", "Ada", "default").await;
    spawn(&world, "/root/a/b", "held", "Bea", "worker").await;
    spawn(&world, "/root/a/b/c", "echo", "Cai", "explorer").await;
    spawn(&world, "/root/d", "echo", "Dov", "default").await;
    spawn(&world, "/root/e", "echo", "Eli", "worker").await;
    world.assign("/root/a", "Count the\nÄPFEL").await.unwrap();
    world.ask("/root/a/b", "weigh pears").await.unwrap();
    world.ask("/root/e", "later").await.unwrap();
    world.system.run(&at("/root/a")).await.unwrap();
    until(async || world.status("/root/a/b").await == "running").await;
    world.system.close(&at("/root/d"), Duration::from_secs(1)).await.unwrap();
    let labels = [("team".to_owned(), Some("Orchard".to_owned()))].into();
    let patch = CardPatch { title: Some(Some("Fruit Desk".to_owned())), labels };
    world.system.label(&at("/root/a/b/c"), &patch).await.unwrap();
    let status = |words: &[&str]| Query { statuses: words.iter().map(|word| (*word).to_owned()).collect(), ..all() };
    let text = |text: &str| Query { text: Some(text.to_owned()), ..all() };
    for (query, expected) in [
        (all(), " /a /a/b /a/b/c /d /e"),
        (status(&["closed"]), "/d"),
        (status(&["running", "queued"]), "/a/b /e"),
        (status(&["idle"]), " /a/b/c"),
        (status(&["completed"]), "/a"),
        (Query { role: Some("worker".to_owned()), ..all() }, "/a/b /e"),
        (Query { role: Some("worker".to_owned()), ..status(&["queued"]) }, "/e"),
        (Query::of(at("/root/a")), "/a /a/b /a/b/c"),
        (Query { depth: Some(0), ..all() }, ""),
        (Query { depth: Some(1), ..all() }, " /a /d /e"),
        (Query { depth: Some(1), ..Query::of(at("/root/a")) }, "/a /a/b"),
        (text("BEA"), "/a/b"),
        (text("a/B"), "/a/b /a/b/c"),
        (text("count the"), "/a"),
        (text("äpfel"), ""),
        (text("PEARS"), "/a/b"),
        (text("late"), "/e"),
        (text("fruit"), "/a/b/c"),
        (text("orchard"), "/a/b/c"),
        (text("TEAM"), "/a/b/c"),
        (Query { kinds: vec![Kind::Job, Kind::Item], ..all() }, ""),
        (Query { order: Order::Active, limit: 2, ..all() }, " /a"),
    ] {
        assert_eq!(paths(&world, &query).await, expected, "{query:?}");
    }
    go.add_permits(1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_wrongly_is_refused_in_words() {
    let world = World::new().await;
    let cursor = "cb0./root/a".parse().unwrap();
    for (query, words) in [
        (Query { statuses: vec!["busy".to_owned()], ..all() }, "\"busy\" is no status; they are closed, faulted"),
        (Query { limit: 0, ..all() }, "a page has 1 to 500 rows, not 0"),
        (Query { limit: LIST_MAX + 1, ..all() }, "a page has 1 to 500 rows, not 501"),
        (
            Query { part: crate::Part::After(cursor), ..all() },
            "the cursor is of a list by created, and this is one by path",
        ),
        (Query::of(at("/root/none")), "/root/none does not exist"),
    ] {
        let error = world.system.query(&query).await.unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_waits_is_waiting_and_says_for_what() {
    let go = Arc::new(Semaphore::new(0));
    let world = setting(&go).open().await;
    world.spawn("/root/a", "waiter").await;
    world.spawn("/root/a/kid", "held").await;
    world.ask("/root/a/kid", "go").await.unwrap();
    world.ask("/root/a", "kid").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    until(async || world.status("/root/a").await == "waiting").await;
    let view = world.system.show(&at("/root/a")).await.unwrap();
    let waits = view.waits.unwrap();
    assert_eq!(waits.on, Awaited::Agents { paths: vec![at("/root/a/kid")], wanted: 1 });
    assert_eq!(paths(&world, &Query { statuses: vec!["waiting".to_owned()], ..all() }).await, "/a");
    world.system.close(&at("/root/a/kid"), Duration::from_secs(60)).await.unwrap();
    until(async || world.status("/root/a").await == "completed").await;
    world.ask("/root/a", "mail").await.unwrap();
    until(async || world.status("/root/a").await == "waiting").await;
    assert_eq!(world.system.show(&at("/root/a")).await.unwrap().waits.unwrap().on, Awaited::Mail);
    world.system.close(&at("/root/a"), Duration::from_secs(60)).await.unwrap();
    let view = world.system.show(&at("/root/a")).await.unwrap();
    assert_eq!((view.status(), view.waits), ("closed", None));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn items_and_what_lies_below_them_are_listed_when_they_are_asked_for() {
    let go = Arc::new(Semaphore::new(0));
    let world = setting(&go).brain("boss", |turn: Turn| async move {
        let kid = turn.spawn("kid", None).await.map_err(|error| BrainError::refused(error.to_string()))?;
        drop(turn.wait_for_mail(Some(Duration::from_secs(600))).await);
        Ok(Response::report(serde_json::json!({ "kid": kid.as_str() }).to_string()))
    });
    let world = world.open().await;
    world.spawn("/root/a", "echo").await;
    world.spawn("/root/a/r00000001", "echo").await;
    world.spawn("/root/a/r00000001/z", "echo").await;
    world.spawn("/root/z", "echo").await;
    let table = Table::of(2);
    world.system.start_job(JobRequest { concurrency: 1, ..table.request("boss") }).await.unwrap();
    let job = at("/root/job");
    world.system.run(&job).await.unwrap();
    let kinds = |kinds: &[Kind]| Query { kinds: kinds.to_vec(), ..all() };
    let row = at("/root/job/r00000001");
    until(async || world.system.show(&row).await.is_ok_and(|view| view.status() == "waiting")).await;
    let check = async |query: Query, expected: &str| {
        assert_eq!(paths(&world, &query).await, expected, "{query:?}");
        let mut back = Vec::new();
        let mut query = Query { part: crate::Part::Before("pb0./root/zz".parse().unwrap()), limit: 1, ..query };
        loop {
            let page = world.system.query(&query).await.unwrap();
            back.extend(page.rows.into_iter().map(|view| view.path.to_string().replacen("/root", "", 1)));
            let Some(previous) = page.previous else { break };
            query.part = crate::Part::Before(previous);
        }
        back.reverse();
        assert_eq!(back.join(" "), expected, "backward: {query:?}");
    };
    check(all(), " /a /a/r00000001 /a/r00000001/z /job /z").await;
    check(kinds(&[Kind::Job]), "/job").await;
    check(kinds(&[Kind::Item]), "/job/r00000001 /job/r00000002").await;
    check(Query { statuses: vec!["waiting".to_owned()], ..kinds(&[Kind::Item]) }, "/job/r00000001").await;
    check(Query { depth: Some(1), ..kinds(&[Kind::Item]) }, "").await;
    let everything = kinds(&[Kind::Agent, Kind::Job, Kind::Item]);
    let whole = " /a /a/r00000001 /a/r00000001/z /job /job/r00000001 /job/r00000001/kid /job/r00000002 /z";
    check(everything, whole).await;
    assert_eq!(paths(&world, &Query::of(job.clone())).await, "/job /job/r00000001/kid", "the top is looked into");
    world.system.close(&job, Duration::from_secs(60)).await.unwrap();
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_far_above_the_first_row_of_a_page_is_seen() {
    let world = World::new().await;
    for path in ["/root/a", "/root/a/b", "/root/a/b/c", "/root/a/d"] {
        world.spawn(path, "echo").await;
    }
    for path in ["/root/a/b", "/root/a"] {
        world.system.close(&at(path), Duration::from_secs(1)).await.unwrap();
    }
    let rows = world.system.list(&at("/root"), Some(&at("/root/a/b")), 10).await.unwrap();
    let closed: Vec<_> = rows.iter().map(|view| (view.path.as_str(), view.closed.clone().unwrap())).collect();
    assert_eq!(closed, [("/root/a/b/c", at("/root/a/b")), ("/root/a/d", at("/root/a"))]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_view_tells_what_an_agent_is_about_and_since_when() {
    let go = Arc::new(Semaphore::new(0));
    let world = setting(&go).open().await;
    world.spawn("/root/a", "held").await;
    let look = async || -> View { world.system.show(&at("/root/a")).await.unwrap() };
    let (created, new) = (look().await.created().unwrap(), look().await);
    assert_eq!((new.task.as_deref(), new.active(), new.elapsed()), (None, Some(created), None));
    pass(3).await;
    world.send("/root/a", "by the way").await.unwrap();
    world.ask("/root/a", "  first\nof two").await.unwrap();
    assert_eq!((look().await.status(), look().await.task.as_deref()), ("queued", Some("first")));
    world.system.run(&at("/root/a")).await.unwrap();
    until(async || look().await.status() == "running").await;
    pass(4).await;
    world.ask("/root/a", "second").await.unwrap();
    let running = look().await;
    assert_eq!(running.task.as_deref(), Some("first"), "the one in hand, not the one that waits");
    let started = created.after(Duration::from_secs(3));
    assert_eq!((running.active(), running.elapsed()), (Some(started), Some(Duration::from_secs(4))));
    go.add_permits(2);
    world.settled("/root/a").await;
    let ended = look().await;
    assert_eq!((ended.status(), ended.task.as_deref()), ("completed", Some("second")));
    assert_eq!((ended.active(), ended.elapsed()), (Some(created.after(Duration::from_secs(7))), None));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_lists_those_below_it_and_nobody_else() {
    let world = World::setting().brain("lister", |turn: Turn| async move {
        let answer = turn.tools().expect("it has tools").call("list", &turn.text()).await;
        Ok(Response::text(answer.unwrap_or_else(|error| error.to_string())))
    });
    let world = world.open().await;
    for (path, brain) in [("/root/a", "lister"), ("/root/a/b", "echo"), ("/root/z", "echo")] {
        world.spawn(path, brain).await;
    }
    spawn(&world, "/root/a/c", "echo", "Cai", "worker").await;
    world.assign("/root/a/b", "done").await.unwrap();
    let b = r#"{"path":"/root/a/b","nickname":null,"role":"default","status":"completed"}"#;
    let c = r#"{"path":"/root/a/c","nickname":"Cai","role":"worker","status":"idle"}"#;
    for (call, answer) in [
        ("{}", format!(r#"{{"agents":[{b},{c}],"next":null}}"#)),
        (r#"{"status":["completed"]}"#, format!(r#"{{"agents":[{b}],"next":null}}"#)),
        (r#"{"role":"worker"}"#, format!(r#"{{"agents":[{c}],"next":null}}"#)),
        (r#"{"text":"CAI"}"#, format!(r#"{{"agents":[{c}],"next":null}}"#)),
        (r#"{"after":"pb0./root/a/b"}"#, format!(r#"{{"agents":[{c}],"next":null}}"#)),
        (r#"{"agent":"b"}"#, r#"{"agents":[],"next":null}"#.to_owned()),
        (r#"{"agent":"/root"}"#, "/root does not exist".to_owned()),
        (r#"{"agent":"/root/z"}"#, "/root/z does not exist".to_owned()),
        (r#"{"after":"pb0"}"#, "\"pb0\" is no cursor: take one from a page before".to_owned()),
    ] {
        assert_eq!(world.assign("/root/a", call).await.unwrap().content, answer, "{call}");
    }
    let many = (0..60).map(|n| SpawnRequest::at(at(&format!("/root/a/n{n:02}")))).collect();
    world.system.spawn(many).await.unwrap();
    let page = world.assign("/root/a", "{}").await.unwrap().content;
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!((page["agents"].as_array().unwrap().len(), &page["next"]), (50, &"pb0./root/a/n47".into()));
    world.end().await;
}
