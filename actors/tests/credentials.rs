//! Tokens that an operator minted: until when they are good, and what is left of them.

use understory_store::{Credential, Sender, Table};

use super::world::{LONG, Setting, World, at};
use crate::brain::Response;
use crate::tools::{ToolError, Tools};
use crate::{Error, Role, SpawnRequest, Token};

fn setting() -> Setting {
    World::setting().brain("slow", |_| async { Ok(Response::text("said")) })
}

async fn family() -> World {
    let world = setting().open().await;
    for path in ["/root/p", "/root/p/a", "/root/p/a/kid", "/root/b"] {
        world.spawn(path, "echo").await;
    }
    world
}

async fn mint(world: &World, path: &str) -> Token {
    world.system.mint_token(&at(path)).await.unwrap()
}

async fn tools(world: &World, path: &str, token: &Token) -> Result<Tools, Error> {
    world.system.tools_of(&at(path), token).await
}

async fn is_good(world: &World, path: &str, token: &Token) -> bool {
    match tools(world, path, token).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.to_string(), format!("the token is not good for {path}"));
            false
        }
    }
}

async fn send(tools: &Tools) -> Result<String, ToolError> {
    tools.call("send", r#"{"to":"/root/b","message":"hi"}"#).await
}

#[tokio::test(start_paused = true)]
async fn a_minted_token_is_its_agents_until_the_next_one_and_over_processes() {
    let world = family().await;
    let token = mint(&world, "/root/p/a").await;
    let mine = tools(&world, "/root/p/a", &token).await.unwrap();
    send(&mine).await.unwrap();
    assert!(matches!(&world.inbox("/root/b").await[0].from, Sender::Agent(agent) if agent.path == at("/root/p/a")));
    assert_eq!(mine.call("wait", r#"{"agents":["kid"]}"#).await.unwrap().matches("idle").count(), 1);
    for path in ["/root", "/root/p", "/root/p/a/kid", "/root/b", "/root/p/a2"] {
        assert!(!is_good(&world, path, &token).await, "{path}");
    }
    // Its agent's turns do not end it.
    world.assign("/root/p/a", "go").await.unwrap();
    send(&mine).await.unwrap();
    let backend = world.backend.clone();
    world.end().await;
    let world = setting().over(backend).open().await;
    assert!(is_good(&world, "/root/p/a", &token).await);
    let mine = tools(&world, "/root/p/a", &token).await.unwrap();
    let next = mint(&world, "/root/p/a").await;
    assert!(!is_good(&world, "/root/p/a", &token).await && is_good(&world, "/root/p/a", &next).await);
    let late = send(&mine).await;
    assert!(matches!(late, Err(ToolError::Refused(Error::BadToken { .. }))), "{late:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_at_or_above_kills_a_token_for_good() {
    for closed in ["/root/p", "/root/p/a"] {
        let world = family().await;
        let (token, besides) = (mint(&world, "/root/p/a").await, mint(&world, "/root/b").await);
        let mine = tools(&world, "/root/p/a", &token).await.unwrap();
        world.system.close(&at(closed), LONG).await.unwrap();
        assert!(!is_good(&world, "/root/p/a", &token).await, "{closed}");
        assert!(matches!(send(&mine).await, Err(ToolError::Refused(Error::Closed { .. }))), "{closed}");
        let refused = world.system.mint_token(&at("/root/p/a")).await.unwrap_err();
        assert!(matches!(refused, Error::Closed { .. }), "{refused}");
        world.system.resume(&at(closed)).await.unwrap();
        assert!(!is_good(&world, "/root/p/a", &token).await, "{closed}: it came back");
        let late = send(&mine).await;
        assert!(matches!(late, Err(ToolError::Refused(Error::BadToken { .. }))), "{closed}: {late:?}");
        let next = mint(&world, "/root/p/a").await;
        assert!(is_good(&world, "/root/p/a", &next).await && is_good(&world, "/root/b", &besides).await, "{closed}");
        // What lies below it is another's.
        world.system.close(&at("/root/p/a/kid"), LONG).await.unwrap();
        world.system.resume(&at("/root/p/a/kid")).await.unwrap();
        assert!(is_good(&world, "/root/p/a", &next).await, "{closed}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_with_its_agent_and_is_no_newcomers() {
    let world = family().await;
    let token = mint(&world, "/root/p/a").await;
    let key = Table::Credential.at(&at("/root/p/a"));
    let row = world.store().peek::<Credential>(&key).await.unwrap().unwrap();
    world.system.close(&at("/root/p"), LONG).await.unwrap();
    world.system.remove(&at("/root/p")).await.unwrap();
    assert!(world.store().peek::<Credential>(&key).await.unwrap().is_none());
    for path in ["/root/p", "/root/p/a"] {
        world.spawn(path, "echo").await;
    }
    assert!(!is_good(&world, "/root/p/a", &token).await);
    // Not even if its row were there.
    let mut draft = understory_store::Draft::new();
    draft.put(key, &row.value);
    world.store().commit(draft).await.unwrap();
    assert!(!is_good(&world, "/root/p/a", &token).await);
    assert!(world.system.mint_token(&at("/root/none")).await.is_err());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn its_holder_has_what_the_agents_role_leaves_it() {
    let shy = Role::with_brain("echo", "").without_tools(["spawn"]).isolated();
    let world = setting().role("shy", shy).open().await;
    let shy = SpawnRequest { role: Some("shy".to_owned()), ..SpawnRequest::at(at("/root/a")) };
    world.system.spawn(vec![shy, SpawnRequest::at(at("/root/b"))]).await.unwrap();
    let token = mint(&world, "/root/a").await;
    let mine = tools(&world, "/root/a", &token).await.unwrap();
    assert!(mine.list().all(|tool| !["spawn", "report"].contains(&tool.name)));
    assert_eq!(mine.call("spawn", r#"{"name":"x"}"#).await.unwrap_err().to_string(), "no tool \"spawn\"");
    assert_eq!(send(&mine).await.unwrap_err().to_string(), "/root/b does not exist");
    world.end().await;
}
