//! Dead letters: shown, retried and dropped, each once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use understory_store::MemoryBackend;

use super::crashes::at_every_commit;
use super::lagging::Lagging;
use super::world::{LONG, Setting, World, at, letter};
use crate::brain::{BrainError, Response};
use crate::{DeadKey, Error, Role, Until};

/// A world whose brain `frail` breaks until it is mended.
fn frail() -> (Setting, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let whole = mended.clone();
    let setting = World::setting().role("default", Role::with_brain("frail", "")).brain("frail", move |turn| {
        let whole = whole.load(Ordering::SeqCst);
        async move { if whole { Ok(Response::text(turn.text())) } else { Err(BrainError::broken("it broke")) } }
    });
    (setting, mended)
}

async fn keys(world: &World, top: &str) -> Vec<DeadKey> {
    world.system.dead_letters(&at(top), None, 100).await.unwrap().into_iter().map(|mail| mail.key).collect()
}

/// Kills as many letters of an agent as there are texts.
async fn kill(world: &World, path: &str, texts: &[&str]) {
    for text in texts {
        let outcome = world.assign(path, text).await.unwrap();
        assert_eq!(outcome.result.as_str(), "errored");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_retried_once() {
    let (setting, mended) = frail();
    let world = setting.open_on(Arc::new(Lagging::everywhere(MemoryBackend::new()))).await;
    world.spawn("/root/a", "frail").await;
    kill(&world, "/root/a", &["one", &"long".repeat(5000)]).await;
    let dead = keys(&world, "/root").await;
    assert_eq!(dead.len(), 2);
    let shown = world.system.dead_letter(&dead[0]).await.unwrap();
    assert_eq!((shown.message.text.as_str(), shown.error.as_str()), ("one", "brain broken: it broke"));
    mended.store(true, Ordering::SeqCst);
    // Of several at once, one does it.
    let answers = join_all((0..4).map(|_| world.system.retry_dead(&dead[0]))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::NoDeadLetter { .. }))), "{answers:?}");
    assert_eq!(keys(&world, "/root/a").await, dead[1..]);
    world.settled("/root/a").await;
    world.system.retry_dead(&dead[1]).await.unwrap();
    world.settled("/root/a").await;
    let turns = world.turns("/root/a").await;
    let ends: Vec<&str> = turns.iter().map(|(_, end)| end.get(..14).unwrap()).collect();
    assert_eq!(ends, ["errored: brain", "errored: brain", "completed: one", "completed: lon"]);
    assert!(world.store().verify().await.unwrap().is_sound());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_dropped_whole() {
    let (setting, _) = frail();
    let world = setting.open().await;
    world.spawn("/root/a", "frail").await;
    kill(&world, "/root/a", &[&"long".repeat(5000)]).await;
    let dead = keys(&world, "/root").await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.drop_dead(&dead[0]).await.unwrap();
    let again = world.system.drop_dead(&dead[0]).await.unwrap_err();
    assert!(matches!(again, Error::NoDeadLetter { .. }), "{again}");
    assert!(keys(&world, "/root").await.is_empty());
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "the parts of a long one go with it: {:?}", verified.problems);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_refused_in_words() {
    let (setting, _) = frail();
    let world = setting.limits(|limits| limits.inbox_messages = 1).open().await;
    world.spawn("/root/a", "frail").await;
    kill(&world, "/root/a", &["one"]).await;
    let dead = keys(&world, "/root").await.remove(0);
    let retry = async |key: &DeadKey| match world.system.retry_dead(key).await {
        Ok(accepted) => format!("{} took it", accepted.to.path),
        Err(error) => error.to_string().replace(&format!("{}.{}", dead.row.sequence, dead.row.n), "[row]"),
    };
    let elsewhere = DeadKey { of: at("/root/b"), row: dead.row };
    let other = DeadKey { of: at("/root"), row: dead.row };
    world.send("/root/a", "fills it").await.unwrap();
    let mut answers = vec![retry(&elsewhere).await, retry(&other).await, retry(&dead).await];
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    answers.push(retry(&dead).await);
    world.system.remove(&at("/root/a")).await.unwrap();
    answers.push(retry(&dead).await);
    answers.push(world.system.dead_letters(&at("/root/a"), None, 1).await.unwrap_err().to_string());
    insta::assert_snapshot!(answers.join("\n"), @r"
    /root/b does not exist
    /root has no dead letter [row]
    limit inbox of 1 is reached at /root/a: wait until it has taken some of its messages
    /root/a is closed
    /root/a was removed
    /root/a was removed
    ");
    world.end().await;
}

/// A letter that a newcomer inherited is nobody's to take.
#[tokio::test(start_paused = true)]
async fn what_was_for_the_removed_is_not_retried() {
    let (setting, mended) = frail();
    mended.store(true, Ordering::SeqCst);
    let world = setting.open().await;
    let old = world.spawn("/root/a", "frail").await;
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.remove(&at("/root/a")).await.unwrap();
    world.spawn("/root/a", "frail").await;
    super::remove::mail_to(&world, "/root/a", old.id).await;
    world.assign("/root/a", "mine").await.unwrap();
    let dead = keys(&world, "/root/a").await;
    let refused = world.system.retry_dead(&dead[0]).await.unwrap_err().to_string();
    assert_eq!(refused, "the agent it was for was removed: /root/a is another one now");
    world.system.drop_dead(&dead[0]).await.unwrap();
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn dead_letters_come_in_pages() {
    let (setting, _) = frail();
    let world = setting.open().await;
    for path in ["/root/a", "/root/a/b", "/root/c"] {
        world.spawn(path, "frail").await;
        kill(&world, path, &["one", "two"]).await;
    }
    let all = keys(&world, "/root").await;
    assert_eq!(all.len(), 6);
    for limit in [1, 2, 4, 6] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.system.dead_letters(&at("/root"), after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            found.extend(page.into_iter().map(|mail| mail.key));
        }
        assert_eq!(found, all, "{limit} at a time");
    }
    assert_eq!(keys(&world, "/root/a").await, all[..4]);
    assert_eq!(keys(&world, "/root/c").await, all[4..]);
    world.end().await;
}

#[test]
fn a_crash_at_any_commit_leaves_a_letter_dead_or_sent() {
    at_every_commit(
        async |faulty| {
            let (setting, _) = frail();
            let Ok(world) = setting.try_open_on(faulty.clone()).await else { return };
            let told = async {
                world.try_spawn("/root/a", "frail").await?;
                world.system.assign(letter("/root/a", "one", true)).await?.outcome().await?;
                let dead = world.system.dead_letters(&at("/root"), None, 1).await?.remove(0);
                world.system.retry_dead(&dead.key).await
            };
            let told = told.await;
            assert!(told.is_ok() || faulty.failed(), "{told:?}");
            world.abandon();
        },
        async |rows, point| {
            let (setting, mended) = frail();
            mended.store(true, Ordering::SeqCst);
            let world = setting.over(rows).open().await;
            if world.system.show(&at("/root/a")).await.is_ok() {
                // A turn that was cut once too often kills its letter now.
                world.system.wait(&[at("/root/a")], Until::All, LONG).await.unwrap();
                for dead in keys(&world, "/root").await {
                    world.system.retry_dead(&dead).await.unwrap();
                }
                world.system.wait(&[at("/root/a")], Until::All, LONG).await.unwrap();
                let ends = world.turns("/root/a").await;
                let completed = ends.iter().filter(|(_, end)| end == "completed: one").count();
                assert!(completed <= 1 && world.inbox("/root/a").await.is_empty(), "{point:?}: {ends:?}");
                assert!(ends.is_empty() || completed == 1, "{point:?}: {ends:?}");
                assert!(keys(&world, "/root").await.is_empty(), "{point:?}");
            }
            world.end().await;
        },
    );
}
