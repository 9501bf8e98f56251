//! Tokens of turns: whoever has one is the turn's agent, and nobody once the turn is over.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use understory_store::Sender;

use super::table::Table;
use super::world::{LONG, Setting, World, at, until};
use crate::brain::{Response, Turn};
use crate::job::JobRequest;
use crate::passes::Pass;
use crate::tools::{ToolError, Tools};
use crate::{Error, Token};

/// What a brain `open` leaves outside while it is at a turn.
#[derive(Clone, Default)]
struct Outside {
    pass: Arc<Mutex<Option<Pass>>>,
    let_go: Arc<Notify>,
}

impl Outside {
    fn token(&self) -> Option<Token> {
        self.pass.lock().unwrap().as_ref().map(|pass| pass.token().clone())
    }

    async fn come(&self) -> Token {
        until(async || self.token().is_some()).await;
        self.token().unwrap()
    }
}

/// A brain that gives its pass to the outside and works on until it is let go. It does not hear of a cancel.
fn open(outside: &Outside) -> Setting {
    let outside = outside.clone();
    World::setting().brain("open", move |turn: Turn| {
        let outside = outside.clone();
        async move {
            *outside.pass.lock().unwrap() = Some(turn.pass().unwrap());
            outside.let_go.notified().await;
            Ok(Response::text("done"))
        }
    })
}

async fn refused(world: &World, path: &str, token: &Token) -> String {
    match world.system.tools_of(&at(path), token).await {
        Ok(_) => panic!("the token is good for {path}"),
        Err(error) => error.to_string().replace(path, "PATH"),
    }
}

async fn tools(world: &World, path: &str, token: &Token) -> Tools {
    world.system.tools_of(&at(path), token).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_its_agent_as_long_as_the_turn_runs() {
    let outside = Outside::default();
    let world = open(&outside).open().await;
    for (path, brain) in [("/root/a", "open"), ("/root/ab", "open"), ("/root/b", "echo")] {
        world.spawn(path, brain).await;
    }
    world.ask("/root/a", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let token = outside.come().await;
    let mine = tools(&world, "/root/a", &token).await;
    mine.call("spawn", r#"{"name":"kid"}"#).await.unwrap();
    mine.call("send", r#"{"to":"/root/b","message":"hi"}"#).await.unwrap();
    assert!(matches!(&world.inbox("/root/b").await[0].from, Sender::Agent(agent) if agent.path == at("/root/a")));
    assert_eq!(world.tool_calls("/root/a").await.len(), 2, "it is the turn that did it");
    // Whatever is wrong is said in the same words.
    let said = refused(&world, "/root/a", &Token::claimed("understory_0")).await;
    assert_eq!(said, "the token is not good for PATH");
    for path in ["/root", "/root/ab", "/root/b", "/root/a/kid", "/root/none"] {
        assert_eq!(refused(&world, path, &token).await, said, "{path}");
    }
    outside.let_go.notify_one();
    world.settled("/root/a").await;
    assert!(outside.token().is_some(), "it is kept longer than the turn");
    assert_eq!(refused(&world, "/root/a", &token).await, said);
    let late = mine.call("send", r#"{"to":"/root/b","message":"hi"}"#).await;
    assert!(matches!(late, Err(ToolError::Refused(Error::Fenced { .. }))), "{late:?}");
    // The next turn has another.
    *outside.pass.lock().unwrap() = None;
    world.ask("/root/a", "again").await.unwrap();
    let next = outside.come().await;
    assert_ne!(next, token);
    assert_eq!(refused(&world, "/root/a", &token).await, said);
    tools(&world, "/root/a", &next).await;
    *outside.pass.lock().unwrap() = None;
    assert_eq!(refused(&world, "/root/a", &next).await, said, "dropped, it is dead before its turn is over");
    assert_eq!(world.system.passes.len(), 0);
    outside.let_go.notify_one();
    world.settled("/root/a").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_above_ends_a_token_before_the_brain_ends() {
    let outside = Outside::default();
    let world = open(&outside).open().await;
    world.spawn("/root/a", "echo").await;
    world.spawn("/root/a/kid", "open").await;
    world.ask("/root/a/kid", "go").await.unwrap();
    world.system.run(&at("/root")).await.unwrap();
    let token = outside.come().await;
    let mine = tools(&world, "/root/a/kid", &token).await;
    let (system, path) = (world.system.clone(), at("/root/a"));
    let closing = tokio::spawn(async move { system.close(&path, LONG).await });
    until(async || world.status("/root/a/kid").await == "closed").await;
    assert!(!closing.is_finished(), "the brain is still at work");
    assert_eq!(refused(&world, "/root/a/kid", &token).await, "the token is not good for PATH");
    let late = mine.call("spawn", r#"{"name":"x"}"#).await.unwrap_err().to_string();
    assert!(late.contains("closed") || late.contains("over"), "{late}");
    closing.await.unwrap().unwrap();
    world.system.resume(&at("/root/a")).await.unwrap();
    assert_eq!(refused(&world, "/root/a/kid", &token).await, "the token is not good for PATH");
    outside.let_go.notify_one();
    world.settled("/root/a/kid").await;
    *outside.pass.lock().unwrap() = None;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_rows_token_reports_its_row_once_and_is_dead_with_the_run() {
    let outside = Outside::default();
    let world = open(&outside).open().await;
    let table = Table::of(1);
    let request = JobRequest { concurrency: 1, ..table.request("open") };
    let job = world.system.start_job(request).await.unwrap();
    let token = outside.come().await;
    let item = format!("{}/r00000001", job.job.path);
    let mine = tools(&world, &item, &token).await;
    assert!(mine.list().any(|tool| tool.name == "report"));
    mine.call("report", r#"{"result":{"n":1}}"#).await.unwrap();
    outside.let_go.notify_one();
    world.job_over(&job.job.path).await;
    assert_eq!(refused(&world, &item, &token).await, "the token is not good for PATH");
    assert_eq!(table.output()[0].result, r#"{"n":1}"#);
    *outside.pass.lock().unwrap() = None;
    world.end().await;
}
