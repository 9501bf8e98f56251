//! Nicknames, roles and what is on record of a creation.

use understory_store::{BrainChoice, Creation};

use super::hand;
use crate::tests::world::{LONG, World, at};
use crate::{Nickname, NicknamePool, Role, SpawnRequest};

fn pool(names: &[&str]) -> Role {
    Role::default().called(NicknamePool::new(names.iter().map(|name| (*name).to_owned())).unwrap())
}

async fn called(world: &World, path: &str, role: &str) -> String {
    let nickname = Nickname::Picked;
    let request = SpawnRequest { nickname, role: Some(role.to_owned()), ..SpawnRequest::at(at(path)) };
    world.system.spawn(vec![request]).await.unwrap().remove(0).nickname.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_pool_begins_again_with_an_ordinal_and_a_close_gives_no_name_back() {
    let world = World::setting().role("one", pool(&["Plato"])).role("two", pool(&["Ann", "Bob"])).open().await;
    let mut said = Vec::new();
    for n in 1..=3 {
        said.push(called(&world, &format!("/root/p{n}"), "one").await);
    }
    world.spawn("/root/q", "echo").await;
    for (n, gone) in [(1, None), (2, None), (3, Some("/root/q/a1"))] {
        if let Some(gone) = gone {
            world.system.close(&at(gone), LONG).await.unwrap();
        }
        said.push(called(&world, &format!("/root/q/a{n}"), "two").await);
    }
    // Below another parent a role of one name costs nobody an ordinal.
    said.push(called(&world, "/root/p1/a", "two").await);
    assert_eq!(
        said,
        ["Plato", "Plato the 2nd", "Plato the 3rd", "Ann", "Bob", "Ann the 2nd", "Ann"].map(str::to_owned)
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_on_record_with_creator_nickname_and_role() {
    let world = hand().open().await;
    let boss = world.spawn("/root/p", "hand").await;
    let said = world.calls("/root/p", &[r#"spawn {"name":"kid","role":"explorer"}"#]).await;
    let kid = world.agent("/root/p/kid").await;
    let nickname = kid.nickname.expect("one is picked");
    assert_eq!(said, format!(r#"{{"path":"/root/p/kid","nickname":"{nickname}"}}"#));
    assert_eq!(kid.creation, Creation::By { creator: boss, turn: 1 });
    assert_eq!((kid.role.as_str(), kid.brain.map(|brain| brain.name).as_deref()), ("explorer", Some("echo")));
    assert_eq!(at("/root/p/kid").depth(), 2);
    world.end().await;
}

/// A host may give an agent another brain than its role's; an agent that creates one has no say in it.
#[tokio::test(start_paused = true)]
async fn the_hosts_brain_goes_before_the_roles() {
    let world = hand().brain("other", |_| async { Ok(crate::Response::text("other")) }).open().await;
    let brain = Some(BrainChoice { name: "other".to_owned(), settings: "s".to_owned() });
    world.system.spawn(vec![SpawnRequest { brain, ..SpawnRequest::at(at("/root/a")) }]).await.unwrap();
    world.system.spawn(vec![SpawnRequest::at(at("/root/b"))]).await.unwrap();
    assert_eq!(world.assign("/root/a", "hello").await.unwrap().content, "other");
    assert_eq!(world.assign("/root/b", "hello").await.unwrap().content, "hello");
    world.spawn("/root/p", "hand").await;
    let said = world.calls("/root/p", &[r#"spawn {"name":"x","brain":"other"}"#]).await;
    assert!(said.starts_with("wrong arguments: unknown field `brain`"), "{said}");
    world.end().await;
}
