//! What people call agents: the next free name of a pool, one to each of siblings.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures::future::join_all;
use understory_store::{Direction, Draft, Pointer, Table};

use super::resting::Slow;
use super::world::{World, at};
use crate::{Limits, Nickname, NicknamePool, Response, Role, SpawnRequest, Turn};

fn picked(path: &str, role: &str) -> SpawnRequest {
    SpawnRequest { nickname: Nickname::Picked, role: Some(role.to_owned()), ..SpawnRequest::at(at(path)) }
}

fn given(path: &str, nickname: &str) -> SpawnRequest {
    SpawnRequest { nickname: Nickname::Given(nickname.to_owned()), ..SpawnRequest::at(at(path)) }
}

fn pool(names: &[&str]) -> Role {
    Role::default().called(NicknamePool::new(names.iter().map(|name| (*name).to_owned())).unwrap())
}

/// Creates what is asked in one batch, and says what each is called.
async fn called(world: &World, requests: Vec<SpawnRequest>) -> String {
    match world.system.spawn(requests).await {
        Ok(spawned) => {
            let names = spawned.into_iter().map(|one| one.nickname.unwrap_or_else(|| "-".to_owned()));
            names.collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_used_up_in_its_order_and_then_with_ordinals() {
    let world = World::setting().role("two", pool(&["Ann", "Bob"])).role("one", pool(&["Bob"])).open().await;
    let mut said = Vec::new();
    let all = [
        vec![picked("/root/a", "two")],
        vec![given("/root/b", "bob")],
        vec![picked("/root/c", "two"), picked("/root/d", "two")],
        vec![picked("/root/e", "one")],
        vec![picked("/root/f", "one"), given("/root/g", "Bob the 4th"), picked("/root/h", "one")],
        vec![picked("/root/i", "two"), picked("/root/i", "two")],
        vec![picked("/root/i", "two"), SpawnRequest::at(at("/root/j"))],
        // Another parent begins anew, a child of a child that the same batch creates too.
        vec![picked("/root/a/a", "two"), picked("/root/a/a/a", "two"), picked("/root/a/b", "two")],
    ];
    for requests in all {
        said.push(called(&world, requests).await);
    }
    insta::assert_snapshot!(said.join("\n"), @"
    Ann
    bob
    Ann the 2nd, Bob the 2nd
    Bob the 3rd
    Bob the 5th, Bob the 4th, Bob the 6th
    /root/i exists already
    Ann the 3rd, -
    Ann, Ann, Bob
    ");
    let known = SpawnRequest { or_existing: true, ..picked("/root/c", "two") };
    assert_eq!(called(&world, vec![known]).await, "Ann the 2nd", "what is there keeps its name");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_built_in_names_come_first_without_and_then_with_ordinals() {
    let world = World::new().await;
    let mut names = Vec::new();
    for number in 0..210 {
        names.push(called(&world, vec![picked(&format!("/root/a{number}"), "default")]).await);
    }
    let plain: BTreeSet<&str> = names[..100].iter().map(String::as_str).collect();
    assert!(plain.len() == 100 && plain.iter().all(|name| !name.contains(' ')), "{plain:?}");
    for (number, name) in names[..100].iter().enumerate() {
        assert_eq!(names[100 + number], format!("{name} the 2nd"));
        assert!(number >= 10 || names[200 + number] == format!("{name} the 3rd"), "{}", names[200 + number]);
    }
    world.end().await;
}

/// Where the next free name is, is found again by a process that remembers nothing; a name without an ordinal goes first.
#[tokio::test(start_paused = true)]
async fn a_later_process_goes_on_with_the_pool() {
    for before in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 60] {
        let world = World::setting().role("three", pool(&["A", "B", "C"])).open().await;
        for number in 0..before {
            called(&world, vec![picked(&format!("/root/a{number}"), "three")]).await;
        }
        let expected = called(&world, vec![picked("/root/next", "three")]).await;
        let backend = world.backend.clone();
        world.end().await;
        let world = World::setting().role("three", pool(&["A", "B", "C"])).over(backend).open().await;
        let pool = NicknamePool::new(["A", "B", "C"].map(str::to_owned)).unwrap();
        assert_eq!(expected, pool.name(0, before), "{before}");
        assert_eq!(called(&world, vec![picked("/root/z", "three")]).await, pool.name(0, before + 1), "{before}");
        world.end().await;
    }
}

/// Frees a nickname as the removal of its agent does, whatever else that does.
async fn free(world: &World, nickname: &str) {
    let mut draft = Draft::new();
    draft.delete(Table::Nickname.named(&at("/root"), nickname.as_bytes()));
    world.store().commit(draft).await.unwrap();
}

/// What became free is given again when the round is used up, and before any ordinal.
#[tokio::test(start_paused = true)]
async fn a_name_that_is_free_again_comes_before_an_ordinal() {
    let world = World::setting().role("three", pool(&["A", "B", "C"])).open().await;
    let (mut said, mut number) = (Vec::new(), 0);
    for gone in [None, Some("a"), None, None, None, Some("b"), None, Some("a the 2nd"), None, None, None] {
        if let Some(gone) = gone {
            free(&world, gone).await;
        }
        number += 1;
        let next = called(&world, vec![picked(&format!("/root/a{number}"), "three")]).await;
        said.push(gone.map_or_else(|| next.clone(), |gone| format!("(without {gone}) {next}")));
    }
    let batch = vec![given("/root/x", "C the 4th"), picked("/root/y", "three"), picked("/root/z", "three")];
    said.push(called(&world, batch).await);
    insta::assert_snapshot!(said.join("\n"), @"
    A
    (without a) B
    C
    A
    A the 2nd
    (without b) B the 2nd
    C the 2nd
    (without a the 2nd) B
    A the 2nd
    A the 3rd
    B the 3rd
    C the 4th, C the 3rd, A the 4th
    ");
    world.end().await;
}

/// A refused creation uses no name up.
#[tokio::test(start_paused = true)]
async fn a_name_is_taken_by_the_commit_alone() {
    let world =
        World::setting().role("two", pool(&["Ann", "Bob"])).limits(|limits: &mut Limits| limits.agents_by_host = 2);
    let world = world.open().await;
    let three = |n: u32| (0..3).map(|m| picked(&format!("/root/a{n}_{m}"), "two")).collect();
    let mut said = vec![called(&world, three(0)).await];
    said.push(called(&world, vec![picked("/root/a", "two"), picked("/root/none/b", "two")]).await);
    said.push(called(&world, vec![picked("/root/a", "two")]).await);
    said.push(called(&world, vec![picked("/root/a", "two")]).await);
    said.push(called(&world, vec![picked("/root/b", "two")]).await);
    insta::assert_snapshot!(said.join("\n"), @"
    limit agents of 2 is reached at /root: close agents below it, or raise the limit
    /root/none does not exist
    Ann
    /root/a exists already
    Bob
    ");
    world.end().await;
}

/// Has 24 callers spawn eight children each from a pool of five, over a store whose commit `conflict` is refused.
async fn storm(conflict: u64) -> u64 {
    let slow = Slow::new();
    let setting = World::setting().role("five", pool(&["A", "B", "C", "D", "E"]));
    let world = setting.open_on(slow.clone()).await;
    slow.begin(conflict);
    let caller = async |caller: u32| {
        for child in 0..8 {
            called(&world, vec![picked(&format!("/root/a{caller}_{child}"), "five")]).await;
            for _ in 0..2 * caller {
                tokio::task::yield_now().await;
            }
        }
    };
    join_all((0..24).map(caller)).await;
    let rows =
        world.store().page::<Pointer>(Table::Nickname.rows_of(&at("/root")), None, Direction::Forward, 1000).await;
    let mut owners = BTreeSet::new();
    for row in rows.unwrap() {
        owners.insert((world.agent(row.value.0.as_str()).await.nickname.unwrap(), row.value.0));
    }
    let names: BTreeSet<&str> = owners.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((owners.len(), names.len(), world.count("/root").await), (192, 192, 192), "conflict {conflict}");
    // 192 of a pool of five: 38 rounds and two more, none left out.
    assert!(names.contains("B the 39th") && !names.contains("C the 39th"), "conflict {conflict}: {names:?}");
    world.end().await;
    slow.asked.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn drains_that_rest_on_one_another_give_no_name_twice() {
    let drains = storm(0).await;
    assert!(drains > 8, "{drains} drains");
    for conflict in 1..=drains {
        storm(conflict).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_told_what_its_child_is_called() {
    let world = World::setting().role("default", pool(&["Ann"])).brain("maker", |turn: Turn| async move {
        let mut said = Vec::new();
        for arguments in [r#"{"name":"a"}"#, r#"{"name":"b","nickname":"Kit"}"#, r#"{"name":"c","nickname":" "}"#] {
            let tools = turn.tools().expect("this turn has a runtime");
            said.push(match tools.call("spawn", arguments).await {
                Ok(answer) => answer,
                Err(error) => error.to_string(),
            });
        }
        Ok(Response::text(said.join("\n")))
    });
    let world = world.open().await;
    world.spawn("/root/m", "maker").await;
    insta::assert_snapshot!(world.assign("/root/m", "go").await.unwrap().content, @r#"
    {"path":"/root/m/a","nickname":"Ann"}
    {"path":"/root/m/b","nickname":"Kit"}
    nickname " " is empty
    "#);
    world.end().await;
}
