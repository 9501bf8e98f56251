//! A subtree as a project: bounded, and no kind of hindrance hides another.

use understory_store::GoalStatus;

use super::world::{LONG, World, at};
use crate::brain::{BrainError, Response};
use crate::{GoalPatch, HindranceKind, NewGoal, PROJECT_HINDRANCES_MAX, PROJECT_NAMED_MAX, SpawnRequest};

#[tokio::test(start_paused = true)]
async fn of_many_the_first_are_named_and_all_are_counted() {
    let world = World::setting().brain("breaks", |_| async { Err::<Response, _>(BrainError::broken("it broke")) });
    let world = world.open().await;
    let goal = || Some(NewGoal::new("be there").unwrap());
    let (goals, broken) = (PROJECT_NAMED_MAX + 3, PROJECT_HINDRANCES_MAX + 2);
    world.system.spawn(vec![SpawnRequest::at(at("/root/p"))]).await.unwrap();
    for n in 0..goals {
        let path = at(&format!("/root/p/g{n:03}"));
        world.system.spawn(vec![SpawnRequest { goal: goal(), ..SpawnRequest::at(path) }]).await.unwrap();
    }
    for n in 0..broken {
        let path = format!("/root/p/a{n:03}");
        world.spawn(&path, "breaks").await;
        world.assign(&path, "do it").await.unwrap();
    }
    let last = at(&format!("/root/p/g{:03}", goals - 1));
    world.system.set_goal(&last, GoalPatch::to(GoalStatus::Blocked).because("no key")).await.unwrap();
    world.system.set_goal(&at("/root/p/g000"), GoalPatch::to(GoalStatus::Complete)).await.unwrap();
    let project = world.system.project(&at("/root/p")).await.unwrap();
    assert!(project.whole);
    assert_eq!((project.goals.first.len(), project.goals.more), (PROJECT_NAMED_MAX, 3));
    assert_eq!((project.progress.goals.done, project.progress.goals.all), (1, goals as u64));
    assert_eq!(project.progress.agents, (1 + goals + broken) as u64);
    let named = |kind| project.hindrances.first.iter().filter(|one| one.kind == kind).count();
    assert_eq!(
        (named(HindranceKind::Errored), named(HindranceKind::Dead)),
        (PROJECT_HINDRANCES_MAX, PROJECT_HINDRANCES_MAX)
    );
    let more: Vec<_> = project.hindrances.more.iter().map(|(kind, more)| (kind.as_str(), *more)).collect();
    assert_eq!(more, [("errored", 2), ("dead", 2)]);
    let blocked = project.hindrances.first.iter().find(|one| one.kind == HindranceKind::Goal).expect("one is blocked");
    assert_eq!((&blocked.path, blocked.words.as_str()), (&last, "it is blocked: no key"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_above_is_in_the_way_of_the_top() {
    let world = World::setting().open().await;
    let within = |tokens| Some(NewGoal::new("map the town").unwrap().within(tokens));
    for (path, goal) in [("/root/a", within(10)), ("/root/a/b", None), ("/root/a/c", within(10))] {
        world.system.spawn(vec![SpawnRequest { goal, ..SpawnRequest::at(at(path)) }]).await.unwrap();
    }
    let told = async |top| {
        let project = world.system.project(&at(top)).await.unwrap();
        project.hindrances.first.into_iter().map(|one| format!("{} {}", one.path, one.words)).collect::<Vec<_>>()
    };
    assert_eq!(told("/root/a").await, ["/root/a 0 of 10 tokens used, 10 held by goals below"]);
    assert_eq!(told("/root/a/b").await, ["/root/a/b nothing is left of the budget of /root/a"]);
    assert_eq!(told("/root/a/c").await, [""; 0]);
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    assert_eq!(told("/root/a").await, [""; 0], "nobody means to go on with what is closed");
    assert_eq!(world.system.project(&at("/root/a")).await.unwrap().progress.closed, 3);
    world.end().await;
}
