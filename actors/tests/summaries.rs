//! What a brain says of its own work, and when it is asked to.

use insta::assert_snapshot;
use understory_store::{SUMMARY_MAX, Table, TranscriptEntry};

use super::world::{LONG, Setting, World, at};
use crate::brain::{BrainError, Response, Turn};
use crate::{PruneRequest, Role};

/// Says what it is told to, and answers with its briefing or with why it may not.
async fn says(turn: Turn) -> Result<Response, BrainError> {
    let briefing = turn.briefing().await.map_err(|error| BrainError::refused(error.to_string()))?;
    if let Some(text) = turn.text().strip_prefix("say ")
        && let Err(error) = turn.summarise(text).await
    {
        return Ok(Response::text(error.to_string()));
    }
    Ok(Response::text(briefing.unwrap_or_default()))
}

fn setting(role: Role) -> Setting {
    World::setting().brain("says", says).role("default", role)
}

async fn answer(world: &World, task: &str) -> String {
    world.assign("/root/a", task).await.unwrap().content
}

/// The end of the digest, where it is told.
async fn summary(world: &World) -> String {
    let text = world.system.digest(&at("/root/a")).await.unwrap().text();
    text.find("in its own words").map(|begin| text[begin..].to_owned()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_last_is_kept_with_its_turn_whatever_becomes_of_the_rest() {
    let world = setting(Role::default()).open().await;
    world.spawn("/root/a", "says").await;
    assert_eq!(summary(&world).await, "");
    answer(&world, "say nothing yet").await;
    let key = format!("sk-{}", "a1B2".repeat(8));
    answer(&world, &format!("say half is done\n## the key is {key}")).await;
    answer(&world, "more").await;
    assert_snapshot!(summary(&world).await, @"
    in its own words in turn 2:
      | half is done
      | ## the key is [redacted:api_key]
    ");
    let lines = world.rows::<TranscriptEntry>(Table::Transcript, "/root/a").await;
    let call = lines.iter().filter(|entry| entry.tool() == Some("summarise")).nth(1).unwrap();
    assert!(call.text().contains("half is done") && !call.text().contains(&key), "{call:?}");
    let said = summary(&world).await;
    let all = PruneRequest { top: at("/root"), older_than: None, keep_bytes: Some(0), dry_run: false };
    assert!(world.system.prune(&all).await.unwrap().entries > 0);
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.refresh_digest(&at("/root/a")).await.unwrap();
    let world = setting(Role::default()).over(world.abandon()).open().await;
    assert_eq!(summary(&world).await, said);
    world.system.resume(&at("/root/a")).await.unwrap();
    let briefing = answer(&world, "go on").await;
    assert!(briefing.contains("## In your own words, in turn 2\n| half is done\n| ## the key is "), "{briefing}");
    let told = briefing.lines().filter(|line| line.ends_with("| half is done")).count();
    assert_eq!(told, 1, "{briefing}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_for_where_the_role_says_so_and_the_turn_may() {
    let asks = async |role: Role| {
        let world = setting(role).open().await;
        world.spawn("/root/a", "says").await;
        let first = answer(&world, "one").await;
        let begins = answer(&world, "two").await.starts_with("Before you end this turn, say with the tool summarise");
        let refused = answer(&world, "say so").await;
        world.end().await;
        (first.lines().count(), begins, refused.contains("no tool"))
    };
    assert_eq!(asks(Role::default()).await, (0, false, false));
    assert_eq!(asks(Role::default().summarising()).await, (1, true, false));
    assert_eq!(asks(Role::default().summarising().without_tools(["summarise"])).await, (0, false, true));
}

#[tokio::test(start_paused = true)]
async fn it_says_something_and_has_an_end() {
    let world = setting(Role::default()).open().await;
    world.spawn("/root/a", "says").await;
    assert_eq!(answer(&world, "say  \n").await, "summary is blank");
    let long = "x".repeat(SUMMARY_MAX);
    assert_eq!(answer(&world, &format!("say {long}y")).await, "summary has 4097 bytes, over the limit of 4096");
    assert_eq!(summary(&world).await, "");
    answer(&world, &format!("say {long}")).await;
    assert!(summary(&world).await.contains(&long));
    world.end().await;
}
