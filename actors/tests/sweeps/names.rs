//! Names that become free: a nickname whose agent was removed, and the path of a removed job.

use std::collections::BTreeMap;

use understory_store::Node;

use super::{Notes, sweep};
use crate::tests::table::{Table, number};
use crate::tests::world::{LONG, Setting, World, at};
use crate::{Error, Nickname, NicknamePool, Role, SpawnRequest};

fn pools() -> Setting {
    let pool = NicknamePool::new(["Ann", "Bob"].map(str::to_owned)).unwrap();
    World::setting().role("two", Role::with_brain("echo", "").called(pool))
}

async fn picked(world: &World, path: &str) -> Result<String, Error> {
    let (nickname, role) = (Nickname::Picked, Some("two".to_owned()));
    let request = SpawnRequest { nickname, role, ..SpawnRequest::at(at(path)) };
    Ok(world.system.spawn(vec![request]).await?.remove(0).nickname.expect("one is picked"))
}

/// Who is called what.
async fn called(world: &World) -> BTreeMap<String, String> {
    let all = world.system.list(&at("/root"), None, 100).await.unwrap();
    let name = |node| match node {
        Node::Agent(agent) => agent.nickname,
        _ => None,
    };
    all.into_iter().filter_map(|view| Some((view.path.to_string(), name(view.node)?))).collect()
}

#[test]
fn a_nickname_that_is_given_again() {
    let commits = sweep(
        |_| pools(),
        async |world, notes: &Notes| {
            for path in ["/root/a", "/root/b"] {
                notes.note(format!("{path} {}", picked(world, path).await?));
            }
            world.system.close(&at("/root/a"), LONG).await?;
            world.system.remove(&at("/root/a")).await?;
            notes.note("removed");
            for path in ["/root/c", "/root/a", "/root/d"] {
                notes.note(format!("{path} {}", picked(world, path).await?));
            }
            Ok(())
        },
        async |world, notes, point| {
            let found = called(world).await;
            let mut told: BTreeMap<String, String> = BTreeMap::new();
            for (path, name) in
                [("/root/b", "Bob"), ("/root/c", "Ann"), ("/root/a", "Ann the 2nd"), ("/root/d", "Bob the 2nd")]
            {
                if notes.has(&format!("{path} {name}")) {
                    told.insert(path.to_owned(), name.to_owned());
                }
            }
            for (path, name) in &told {
                assert_eq!(found.get(path), Some(name), "{point:?}: {found:?}");
            }
            for path in ["/root/y", "/root/z"] {
                picked(world, path).await.unwrap();
            }
            let all = called(world).await;
            let names: std::collections::BTreeSet<&String> = all.values().collect();
            assert_eq!(names.len(), all.len(), "{point:?}: {all:?}");
            for (path, name) in &all {
                let meant = world.system.resolve_target(&at("/root"), &format!("@{name}")).await.unwrap();
                assert_eq!(meant.as_str(), path, "{point:?}: {name}");
            }
        },
    );
    assert!(commits >= 8, "{commits} commits");
}

#[test]
fn a_job_that_is_removed() {
    let table = Table::of(3);
    let setting = |_| World::setting().brain("rows", |turn| async move { number(&turn) });
    let commits = sweep(
        setting,
        async |world, notes| {
            let job = world.system.start_job(table.request("rows")).await?.job.path;
            world.system.job_finished(&job).await?;
            notes.note("finished");
            world.system.remove(&job).await?;
            notes.note("removed");
            Ok(())
        },
        async |world, notes, point| {
            let path = at("/root/job");
            match world.system.show(&path).await {
                Ok(_) => {
                    assert!(!notes.has("removed"), "{point:?}: it is there again");
                    if world.system.job(&path).await.unwrap().closed.is_none() {
                        if world.system.job(&path).await.unwrap().job.unfinished() {
                            assert!(!notes.has("finished"), "{point:?}: it was told of as finished");
                            world.system.start_job(table.request("rows")).await.unwrap();
                        }
                        world.job_over(&path).await;
                    }
                    world.system.remove(&path).await.unwrap();
                }
                Err(Error::NotFound { .. }) => assert!(!notes.has("finished"), "{point:?}"),
                Err(Error::Removed { .. }) => assert!(notes.has("finished"), "{point:?}"),
                Err(error) => panic!("{point:?}: {error}"),
            }
            assert!(world.system.show(&path).await.is_err(), "{point:?}");
            assert_eq!(
                world.system.list(&at("/root"), None, 9).await.unwrap().len(),
                1,
                "{point:?}: nothing is left below"
            );
            // The same command makes another one now.
            let again = world.system.start_job(table.request("rows")).await.unwrap();
            assert_eq!(world.job_over(&again.job.path).await.job.state.as_str(), "completed", "{point:?}");
        },
    );
    assert!(commits >= 6, "{commits} commits");
}
