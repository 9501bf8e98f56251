//! Whom a text means to an agent, and to a host.

use super::world::{World, at};
use crate::{Nickname, Response, SpawnRequest, Turn};

async fn spawn(world: &World, path: &str, nickname: &str) {
    let nickname = Nickname::Given(nickname.to_owned());
    world.system.spawn(vec![SpawnRequest { nickname, ..SpawnRequest::at(at(path)) }]).await.unwrap();
}

async fn meant(world: &World, me: &str, reference: &str) -> String {
    match world.system.resolve_target(&at(me), reference).await {
        Ok(path) => path.to_string(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_means_a_path_or_else_a_nickname_below() {
    let world = World::new().await;
    for (path, nickname) in [
        ("/root/a", "Ann"),
        ("/root/a/b", "Bob"),
        ("/root/a/b/c", "ann"),
        ("/root/a/bob", "Cy"),
        ("/root/ab", "Bob"),
        ("/root/ab/d", "Dora L"),
    ] {
        spawn(&world, path, nickname).await;
    }
    let mut said = Vec::new();
    for (me, reference) in [
        ("/root", "/root/none"),
        ("/root", "a/b"),
        ("/root", "a"),
        ("/root", "none"),
        ("/root", "none/b"),
        ("/root", "dora l"),
        ("/root", "@Dora L"),
        ("/root", "Cy"),
        ("/root", "@a"),
        ("/root", "@Bob"),
        ("/root", "Ann"),
        ("/root", "Zed"),
        ("/root", ""),
        ("/root", "@"),
        ("/root/a", "@bob"),
        ("/root/a", "bob"),
        ("/root/a", "@Ann"),
        ("/root/a", "Dora L"),
        ("/root/a/b", "ANN"),
        ("/root/a/b/c", "@ann"),
    ] {
        said.push(format!("{me} {reference:?}: {}", meant(&world, me, reference).await));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    /root "/root/none": /root/none
    /root "a/b": /root/a/b
    /root "a": /root/a
    /root "none": /root/none
    /root "none/b": /root/none/b
    /root "dora l": /root/ab/d
    /root "@Dora L": /root/ab/d
    /root "Cy": /root/a/bob
    /root "@a": nobody below /root is called "a"
    /root "@Bob": "Bob" may be any of /root/ab, /root/a/b
    /root "Ann": "Ann" may be any of /root/a, /root/a/b/c
    /root "Zed": bad agent path "Zed": 'Z' is not one of a-z, 0-9 and _
    /root "": bad agent path "": it is empty
    /root "@": nobody below /root is called ""
    /root/a "@bob": /root/a/b
    /root/a "bob": /root/a/bob
    /root/a "@Ann": /root/a/b/c
    /root/a "Dora L": bad agent path "Dora L": 'D' is not one of a-z, 0-9 and _
    /root/a/b "ANN": /root/a/b/c
    /root/a/b/c "@ann": nobody below /root/a/b/c is called "ann"
    "#);
    assert!(meant(&world, "/root", &format!("@{}", "x".repeat(10_000))).await.contains("nobody below /root"));
    world.end().await;
}

/// More nicknames below one parent than are read at once, and more parents than that.
#[tokio::test(start_paused = true)]
async fn a_nickname_is_found_behind_any_number_of_others() {
    let world = World::new().await;
    spawn(&world, "/root/a", "first").await;
    let born = |path: String, nickname: String| SpawnRequest {
        nickname: Nickname::Given(nickname),
        ..SpawnRequest::at(at(&path))
    };
    let wide = (0..200).map(|n| born(format!("/root/a/c{n}"), format!("n{n:03}"))).collect();
    let deep = (0..200).map(|n| born(format!("/root/a/c{n}/d"), format!("d{n:03}"))).collect();
    let below = (0..12).map(|n| born(format!("/root/a/c{n}/d/e"), "same".to_owned())).collect();
    for requests in [wide, deep, below] as [Vec<SpawnRequest>; 3] {
        world.system.spawn(requests).await.unwrap();
    }
    for (reference, path) in [("n000", "c0"), ("n063", "c63"), ("n064", "c64"), ("n199", "c199")] {
        assert_eq!(meant(&world, "/root", reference).await, format!("/root/a/{path}"));
    }
    for n in [0, 7, 63, 64, 99, 199] {
        assert_eq!(meant(&world, "/root", &format!("@d{n:03}")).await, format!("/root/a/c{n}/d"));
    }
    let several = meant(&world, "/root", "same").await;
    assert_eq!((several.matches("/root/a/c").count(), several.matches("/d/e").count()), (8, 8), "{several}");
    assert_eq!(meant(&world, "/root/a/c3", "same").await, "/root/a/c3/d/e");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_speaks_to_those_below_it_by_nickname() {
    let world = World::setting().brain("speaker", |turn: Turn| async move {
        let mut said = Vec::new();
        for to in ["Kit", "@kit", "@Sib", "/root/sib"] {
            let sent = turn.send(to, "hello").await;
            said.push(sent.map_or_else(|error| error.to_string(), |()| "sent".to_owned()));
        }
        Ok(Response::text(said.join("\n")))
    });
    let world = world.open().await;
    world.spawn("/root/a", "speaker").await;
    spawn(&world, "/root/a/x", "Kit").await;
    spawn(&world, "/root/sib", "Sib").await;
    insta::assert_snapshot!(world.assign("/root/a", "go").await.unwrap().content, @r#"
    sent
    sent
    nobody below /root/a is called "Sib"
    sent
    "#);
    assert_eq!((world.inbox("/root/a/x").await.len(), world.inbox("/root/sib").await.len()), (2, 1));
    world.end().await;
}
