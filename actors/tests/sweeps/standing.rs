//! A close, a resume and two spawns of one path at once.

use futures::future::join_all;

use super::{Notes, met, sweep};
use crate::Error;
use crate::tests::world::{LONG, World, at, letter};

/// Does one thing and notes that it was asked for, and if it was done. That it came too late is no error.
async fn act(world: &World, notes: &Notes, what: &str) -> Result<(), Error> {
    notes.note(format!("{what} asked"));
    let words: Vec<&str> = what.split(' ').collect();
    let path = at("/root/p");
    let done = match words[0] {
        "close" => world.system.close(&path, LONG).await.map(drop),
        "resume" => world.system.resume(&path).await.map(drop),
        "send" => world.system.send(letter("/root/p", words[1], true)).await.map(drop),
        _ => world.try_spawn(words[1], "echo").await.map(drop),
    };
    match done {
        Ok(()) => notes.note(format!("{what} done")),
        Err(Error::Closed { .. } | Error::Exists { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn at_once(world: &World, notes: &Notes, acts: &[&str]) -> Result<(), Error> {
    join_all(acts.iter().map(|what| act(world, notes, what))).await.into_iter().collect()
}

async fn scenario(world: &World, notes: &Notes) -> Result<(), Error> {
    act(world, notes, "spawn /root/p").await?;
    at_once(world, notes, &["spawn /root/p/x 1", "close 1", "spawn /root/p/x 2", "send m1"]).await?;
    act(world, notes, "close 2").await?;
    at_once(world, notes, &["spawn /root/p/y 1", "resume 1", "send m2", "spawn /root/p/y 2", "close 3"]).await?;
    act(world, notes, "resume 2").await?;
    at_once(world, notes, &["send m3", "spawn /root/p/z 1", "close 4", "resume 3", "spawn /root/p/z 2"]).await?;
    act(world, notes, "close 5").await
}

#[test]
fn a_close_a_resume_and_two_spawns_at_once() {
    let commits = sweep(
        |_| World::setting(),
        scenario,
        async |world, notes, point| {
            if world.system.show(&at("/root/p")).await.is_err() {
                assert!(!notes.has("spawn /root/p done"), "{point:?}");
                return;
            }
            // What is known of it for sure.
            let status = world.status("/root/p").await;
            let shut = notes.has("close 5 done") || (notes.has("close 2 done") && !notes.has("resume 1 asked"));
            let open = notes.has("resume 2 done") && !notes.has("close 4 asked");
            assert!(!shut || status == "closed", "{point:?}: a close that was told of is gone");
            assert!(!open || status != "closed", "{point:?}: a resume that was told of is gone");
            world.system.resume(&at("/root/p")).await.unwrap();
            for child in ["x", "y", "z"] {
                let path = format!("/root/p/{child}");
                let made = [1, 2].iter().filter(|n| notes.has(&format!("spawn {path} {n} done"))).count();
                let there = world.system.show(&at(&path)).await.is_ok();
                assert!(made <= 1 && (there || made == 0), "{point:?}: {child} was made {made} times");
                let again = world.try_spawn(&path, "echo").await;
                assert_eq!(matches!(again, Err(Error::Exists { .. })), there, "{point:?}: {child} {again:?}");
            }
            assert_eq!(world.assign("/root/p", "hello").await.unwrap().content, "hello", "{point:?}");
            world.settled("/root/p").await;
            let met = met(world, "/root/p").await;
            for text in ["m1", "m2", "m3"] {
                let times = met.get(text).copied().unwrap_or(0);
                assert!(times == 1 || (times == 0 && !notes.has(&format!("send {text} done"))), "{point:?}: {met:?}");
            }
            assert!(world.inbox("/root/p").await.is_empty() && world.dead("/root/p").await.is_empty(), "{point:?}");
            assert_eq!((world.count("/root").await, world.count("/root/p").await), (4, 3), "{point:?}");
        },
    );
    assert!(commits >= 10, "{commits} commits");
}
