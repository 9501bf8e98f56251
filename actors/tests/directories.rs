//! Where agents work: what they are given, what is compared before a turn, and what is held.

mod looks;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::sync::RwLock;
use understory_store::{Checkout, Directory, Event, Mark, MemoryBackend, Revision, Scope, Shortlist, Table};

use super::world::{LONG, Setting, World, at, process, until};
use crate::brain::{BrainError, Response, Turn};
use crate::{Error, MemoryQuery, MemoryView, Note, OnDrift, Role, SpawnRequest, Surveyor, Until};

/// Directories as a test says they stand, and how often each was looked at. While the gate is held, looks at `/repo` wait.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<BTreeMap<PathBuf, (Checkout, usize)>>>, Arc<RwLock<()>>);

impl Disk {
    /// One where `/repo` is on branch main.
    pub(super) fn new() -> Disk {
        let disk = Disk::default();
        disk.set("/repo", on("main", "a1"));
        disk
    }

    pub(super) fn set(&self, directory: &str, checkout: Checkout) {
        self.0.lock().unwrap().entry(directory.into()).or_insert((Checkout::Gone, 0)).0 = checkout;
    }

    /// Has nobody know any more how anything stands.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(super) fn looks(&self, directory: &str) -> usize {
        self.0.lock().unwrap().get(Path::new(directory)).map_or(0, |(_, looks)| *looks)
    }
}

impl Surveyor for Disk {
    fn survey(&self, directory: Arc<Path>) -> BoxFuture<'_, Option<Checkout>> {
        let mut all = self.0.lock().unwrap();
        let found = all.get_mut(&*directory).map(|(checkout, looks)| {
            *looks += 1;
            checkout.clone()
        });
        let gate = (directory.to_str() == Some("/repo")).then(|| self.1.clone());
        Box::pin(async move {
            tokio::task::yield_now().await;
            if let Some(gate) = gate {
                drop(gate.read().await);
            }
            found
        })
    }

    /// Of two names it knows the subject of the later.
    fn revisions(
        &self,
        directory: Arc<Path>,
        from: Option<String>,
        to: String,
    ) -> BoxFuture<'_, Option<Shortlist<Revision>>> {
        let subject = format!("{} from {} to {to}", directory.display(), from.as_deref().unwrap_or("the first"));
        let first = vec![Revision { commit: to, subject }];
        Box::pin(std::future::ready(Some(Shortlist { first, more: 2, counted: true })))
    }

    fn locate(&self, directory: PathBuf) -> BoxFuture<'_, io::Result<PathBuf>> {
        // Links are followed and what leads up is taken away, as a disk does.
        let found: PathBuf = directory.components().fold(PathBuf::new(), |mut path, part| {
            match part {
                std::path::Component::ParentDir => drop(path.pop()),
                part => path.push(part),
            }
            path
        });
        let there = self.0.lock().unwrap().get(&found).is_some_and(|(checkout, _)| *checkout != Checkout::Gone);
        Box::pin(std::future::ready(if there { Ok(found) } else { Err(io::ErrorKind::NotFound.into()) }))
    }
}

pub(super) fn on(branch: &str, commit: &str) -> Checkout {
    Checkout::Repository { commit: Some(commit.to_owned()), branch: Some(branch.to_owned()), dirty: false }
}

/// Agents who answer what they were asked, and who may do something to the disk before.
fn setting(disk: &Disk, on_drift: OnDrift) -> Setting {
    let role = Role::with_brain("worker", "").on_drift(on_drift);
    let working = disk.clone();
    World::setting().surveyor(Arc::new(disk.clone())).role("default", role).brain("worker", move |turn: Turn| {
        let disk = working.clone();
        async move {
            match turn.messages().last().map(|message| message.text.as_str()) {
                Some("commit") => disk.set("/repo", on("main", "b2")),
                Some("fail") if turn.attempt() == 1 => {
                    disk.set("/repo", on("main", "c3"));
                    return Err(BrainError::broken("once"));
                }
                Some("hang") => std::future::pending().await,
                Some("note") => {
                    let (text, scope) = ("the mill is old".to_owned(), Scope::Agent);
                    let note = Note { text, scope, tags: BTreeSet::new() };
                    turn.remember(note).await.map_err(|error| BrainError::refused(error.to_string()))?;
                }
                _ => {}
            }
            Ok(Response::text(turn.text()))
        }
    })
}

async fn given(world: &World, path: &str, directory: Option<&str>) -> Result<(), Error> {
    let request = SpawnRequest { directory: directory.map(PathBuf::from), ..SpawnRequest::at(at(path)) };
    world.system.spawn(vec![request]).await.map(drop)
}

async fn kept(world: &World, path: &str) -> Directory {
    world.system.directory(&at(path)).await.unwrap().expect("it has a directory")
}

/// What was told of directories, in order.
async fn told(world: &World) -> Vec<String> {
    let news = world.store().news(0, 10_000).await.unwrap();
    let told = news.told.into_iter().filter_map(|told| match told.event {
        Event::Drifted { agent, was, is, held } => {
            let word = if held { "held" } else { "told" };
            Some(format!("{} {word}: {was} / {is}", agent.path))
        }
        Event::DirectorySet { node } => Some(format!("{} set", node.path)),
        _ => None,
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_child_works_where_its_parent_does_unless_it_is_said() {
    let disk = Disk::new();
    disk.set("/repo/sub", Checkout::Plain);
    disk.set("/else", Checkout::Plain);
    let world = setting(&disk, OnDrift::Warn).open().await;
    given(&world, "/root/none", None).await.unwrap();
    assert_eq!(world.system.directory(&at("/root/none")).await.unwrap(), None);
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    given(&world, "/root/a/b", None).await.unwrap();
    given(&world, "/root/a/c", Some("/else")).await.unwrap();
    let requests = ["/root/a/d", "/root/a/d/e", "/root/a/d/e/f"].map(|path| SpawnRequest::at(at(path)));
    let said = SpawnRequest { directory: Some("/repo/sub".into()), ..requests[1].clone() };
    let before = disk.looks("/repo");
    world.system.spawn(vec![requests[0].clone(), said, requests[2].clone()]).await.unwrap();
    assert_eq!(disk.looks("/repo") - before, 1, "one look for all that are created at once");
    let (before, elsewhere) = (disk.looks("/repo"), disk.looks("/else"));
    let requests = ["/root/a/x", "/root/a/y", "/root/a/z", "/root/a/w"].map(|path| SpawnRequest::at(at(path)));
    let said = |n: usize| SpawnRequest { directory: Some("/else".into()), ..requests[n].clone() };
    world.system.spawn(vec![requests[0].clone(), requests[1].clone(), said(2), said(3)]).await.unwrap();
    assert_eq!((disk.looks("/repo") - before, disk.looks("/else") - elsewhere), (1, 1), "siblings share it, too");
    let mut found = Vec::new();
    for path in ["/root/a", "/root/a/b", "/root/a/c", "/root/a/d", "/root/a/d/e", "/root/a/d/e/f"] {
        let directory = kept(&world, path).await;
        found.push(format!("{path} {} {}", directory.path, directory.left.unwrap()));
    }
    insta::assert_snapshot!(found.join("\n"), @"
    /root/a /repo on branch main at a1
    /root/a/b /repo on branch main at a1
    /root/a/c /else in no repository
    /root/a/d /repo on branch main at a1
    /root/a/d/e /repo/sub in no repository
    /root/a/d/e/f /repo/sub in no repository
    ");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_not_there_is_refused() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Warn).open().await;
    let mut refused = Vec::new();
    for directory in ["/none", "repo", "/repo/../none"] {
        refused.push(given(&world, "/root/a", Some(directory)).await.unwrap_err().to_string());
    }
    disk.set(&format!("/{}", "x".repeat(2048)), Checkout::Plain);
    refused.push(given(&world, "/root/a", Some(&format!("/{}", "x".repeat(2048)))).await.unwrap_err().to_string());
    insta::assert_snapshot!(refused.join("\n"), @"
    no directory /none: entity not found
    directory repo is not absolute
    no directory /repo/../none: entity not found
    directory has 2049 bytes, over the limit of 2048
    ");
    assert!(world.system.show(&at("/root/a")).await.is_err());
    given(&world, "/root/a", Some("/repo/x/..")).await.unwrap();
    assert_eq!(kept(&world, "/root/a").await.path, "/repo");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_gives_its_children_what_lies_below_its_own() {
    let disk = Disk::new();
    disk.set("/repo/sub", Checkout::Plain);
    disk.set("/reports", Checkout::Plain);
    let setting = setting(&disk, OnDrift::Warn).brain("boss", |turn: Turn| async move {
        let mut said = Vec::new();
        for (name, dir) in [("a", "sub"), ("b", "/repo/sub"), ("c", "../reports"), ("d", "/reports"), ("e", "none")] {
            let arguments = serde_json::json!({ "name": name, "dir": dir }).to_string();
            let answer = turn.tools().unwrap().call("spawn", &arguments).await;
            said.push(answer.map_or_else(|error| format!("{name}: {error}"), |_| format!("{name}: spawned")));
        }
        turn.spawn("f", None).await.map_err(|error| BrainError::refused(error.to_string()))?;
        Ok(Response::text(said.join("\n")))
    });
    let world = setting.role("boss", Role::with_brain("boss", "")).open().await;
    for (path, directory) in [("/root/boss", Some("/repo")), ("/root/poor", None)] {
        let role = Some("boss".to_owned());
        let directory = directory.map(PathBuf::from);
        world.system.spawn(vec![SpawnRequest { role, directory, ..SpawnRequest::at(at(path)) }]).await.unwrap();
    }
    insta::assert_snapshot!(world.assign("/root/boss", "go").await.unwrap().content, @"
    a: spawned
    b: spawned
    c: directory ../reports is not there, or does not lie below your own directory
    d: directory /reports is not there, or does not lie below your own directory
    e: directory none is not there, or does not lie below your own directory
    ");
    let of = async |path: &str| world.system.directory(&at(path)).await.unwrap().map(|directory| directory.path);
    assert_eq!(of("/root/boss/a").await.as_deref(), Some("/repo/sub"));
    assert_eq!(of("/root/boss/f").await.as_deref(), Some("/repo"));
    let poor = world.assign("/root/poor", "go").await.unwrap().content;
    assert!(poor.lines().all(|line| line.ends_with("lies below no directory of yours: you have none")), "{poor}");
    assert_eq!(of("/root/poor/f").await, None);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_turn_leaves_is_what_the_next_one_is_compared_with() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Warn).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    assert_eq!(world.assign("/root/a", "one").await.unwrap().content, "one");
    assert_eq!(world.assign("/root/a", "commit").await.unwrap().content, "commit");
    assert_eq!(kept(&world, "/root/a").await.left, Some(on("main", "b2")), "what it did itself is no drift");
    assert_eq!(world.assign("/root/a", "two").await.unwrap().content, "two");
    disk.set("/repo", on("dev", "b2"));
    let third = world.assign("/root/a", "three").await.unwrap().content;
    assert_eq!(third, "Your directory /repo is not as it was left: branch main -> branch dev.\n\nthree");
    assert_eq!(world.assign("/root/a", "four").await.unwrap().content, "four", "it is told once");
    disk.set("/repo", Checkout::Gone);
    let fifth = world.assign("/root/a", "five").await.unwrap().content;
    assert_eq!(
        fifth,
        "Your directory /repo is not as it was left: it was on branch dev at b2, and is not there.\n\nfive"
    );
    let expected =
        ["/root/a told: on branch main at b2 / on branch dev at b2", "/root/a told: on branch dev at b2 / not there"];
    assert_eq!(told(&world).await, expected);
    let found = kept(&world, "/root/a").await.found.unwrap();
    assert_eq!((found.drift.is, found.held), (Checkout::Gone, false), "the last one stays to be seen");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_failed_is_not_held_against_the_next_attempt() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Block).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    assert_eq!(world.assign("/root/a", "fail").await.unwrap().content, "fail");
    assert_eq!((kept(&world, "/root/a").await.left, told(&world).await), (Some(on("main", "c3")), vec![]));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_role_may_ignore_it() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Ignore).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    disk.set("/repo", on("dev", "b2"));
    let before = disk.looks("/repo");
    assert_eq!(world.assign("/root/a", "one").await.unwrap().content, "one");
    assert_eq!(disk.looks("/repo") - before, 1, "how it is left is known for whoever minds later");
    assert_eq!((kept(&world, "/root/a").await.left, told(&world).await), (Some(on("dev", "b2")), vec![]));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_is_no_drift_and_takes_nothing_back() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Block).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    disk.forget();
    assert_eq!(world.assign("/root/a", "one").await.unwrap().content, "one");
    assert_eq!(kept(&world, "/root/a").await.left, Some(on("main", "a1")));
    world.end().await;
}

/// An agent that is held, on a disk that has drifted; of turns there is one at a time.
async fn held(disk: &Disk) -> World {
    let world = setting(disk, OnDrift::Block).limits(|limits| limits.turns = 1).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    disk.set("/repo", on("dev", "b2"));
    assert!(matches!(world.try_assign("/root/a", "one").await, Err(Error::Drifted { .. })));
    assert_eq!(world.status("/root/a").await, "queued", "its mail stays");
    world
}

impl World {
    /// As [`World::assign`], for what is refused meanwhile.
    async fn try_assign(&self, path: &str, text: &str) -> Result<String, Error> {
        let assigned = self.system.assign(super::world::letter(path, text, true)).await?;
        tokio::time::timeout(LONG, assigned.outcome()).await.expect("an outcome comes").map(|outcome| outcome.content)
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_agent_says_why_and_goes_on_when_it_is_accepted() {
    let disk = Disk::new();
    let world = held(&disk).await;
    let refused = world.try_assign("/root/a", "two").await.unwrap_err();
    insta::assert_snapshot!(refused, @"/root/a is held: its directory /repo is not as it was left: branch main -> branch dev, commit a1 -> b2");
    let refused = world.system.wait(&[at("/root/a")], Until::All, LONG).await.unwrap_err();
    assert!(matches!(refused, Error::Drifted { .. }), "{refused}");
    let found = kept(&world, "/root/a").await.found.unwrap();
    assert!(found.held);
    assert_eq!(told(&world).await, ["/root/a held: on branch main at a1 / on branch dev at b2"], "it is told once");
    let before = tokio::time::Instant::now();
    world.system.accept_directory(&at("/root/a")).await.unwrap();
    world.settled("/root/a").await;
    assert!(before.elapsed() < std::time::Duration::from_secs(5), "it looks at once: {:?}", before.elapsed());
    let turns = world.turns("/root/a").await;
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert_eq!(turns[0].1, "completed: one", "what was accepted is no drift");
    assert_eq!(kept(&world, "/root/a").await.found, None);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_agent_goes_on_by_itself_when_the_directory_is_as_it_was() {
    let disk = Disk::new();
    let world = held(&disk).await;
    let watch = world.system.watchers.watch(&at("/root/a"));
    disk.set("/repo", on("main", "a1"));
    until(async || {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        world.agent("/root/a").await.turns == 1
    })
    .await;
    drop(watch);
    assert_eq!(world.turns("/root/a").await[0].1, "completed: one");
    assert_eq!(kept(&world, "/root/a").await.found, None, "nothing is told of what is as it was");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_agent_keeps_nobody_from_coming_to_rest() {
    let disk = Disk::new();
    let world = held(&disk).await;
    given(&world, "/root/b", None).await.unwrap();
    world.ask("/root/b", "hello").await.unwrap();
    tokio::time::timeout(LONG, world.system.run_to_rest(&at("/root"))).await.expect("it comes to rest").unwrap();
    assert_eq!((world.agent("/root/a").await.turns, world.agent("/root/b").await.turns), (0, 1));
    // It can be closed and opened again, and is held as before.
    world.system.close(&at("/root/a"), LONG).await.unwrap();
    world.system.resume(&at("/root/a")).await.unwrap();
    assert!(matches!(world.try_assign("/root/a", "two").await, Err(Error::Drifted { .. })));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_is_set_for_the_next_turn_and_not_left_by_the_one_under_way() {
    let disk = Disk::new();
    disk.set("/else", Checkout::Plain);
    let world = setting(&disk, OnDrift::Block).open().await;
    given(&world, "/root/a", None).await.unwrap();
    let refused = world.system.accept_directory(&at("/root/a")).await.unwrap_err();
    assert_eq!(refused.to_string(), "/root/a has no directory");
    world.system.set_directory(&at("/root/a"), Path::new("/repo")).await.unwrap();
    let hanging = world.system.assign(super::world::letter("/root/a", "hang", true)).await.unwrap();
    until(async || world.agent("/root/a").await.running().is_some()).await;
    world.system.set_directory(&at("/root/a"), Path::new("/else")).await.unwrap();
    assert!(world.system.interrupt(&at("/root/a")).await.unwrap());
    hanging.outcome().await.unwrap();
    assert_eq!(kept(&world, "/root/a").await.left, Some(Checkout::Plain));
    assert_eq!(world.assign("/root/a", "one").await.unwrap().content, "one");
    assert_eq!(told(&world).await, ["/root/a set", "/root/a set"]);
    for (path, directory) in [("/root/none", "/repo"), ("/root/a", "/none")] {
        world.system.set_directory(&at(path), Path::new(directory)).await.unwrap_err();
    }
    world.end().await;
}

#[test]
fn what_changed_between_processes_is_told_in_the_next() {
    let disk = Disk::new();
    let rows: MemoryBackend = process(async || {
        let world = setting(&disk, OnDrift::Warn).open().await;
        given(&world, "/root/a", Some("/repo")).await.unwrap();
        world.assign("/root/a", "one").await.unwrap();
        world.ask("/root/a", "hang").await.unwrap();
        until(async || world.agent("/root/a").await.running().is_some()).await;
        world.abandon()
    });
    disk.set("/repo", on("main", "z9"));
    process(async || {
        let world = setting(&disk, OnDrift::Block).over(rows).open().await;
        let refused = world.system.wait(&[at("/root/a")], Until::All, LONG).await.unwrap_err();
        assert!(matches!(refused, Error::Drifted { .. }), "a turn that was cut by a crash is held, too: {refused}");
        world.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_digest_tells_the_commits_since_the_agent_was_created() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Warn).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    world.assign("/root/a", "x").await.unwrap();
    let none = world.system.digest(&at("/root/a")).await.unwrap();
    assert_eq!(none.digest.commits, Shortlist::default(), "there are none");
    world.assign("/root/a", "commit").await.unwrap();
    world.system.accept_directory(&at("/root/a")).await.unwrap();
    let told = world.system.digest(&at("/root/a")).await.unwrap();
    assert!(told.text().contains("commits:\n  b2: /repo from a1 to b2\n  and 2 more\n"), "{}", told.text());
    disk.set("/repo", on("main", "c3"));
    assert_eq!(world.system.digest(&at("/root/a")).await.unwrap(), told, "what came after its turn is not its own");
    disk.set("/else", on("main", "z9"));
    world.system.set_directory(&at("/root/a"), Path::new("/else")).await.unwrap();
    let elsewhere = world.system.digest(&at("/root/a")).await.unwrap();
    assert_eq!(elsewhere.digest.commits, Shortlist::default(), "it was given another");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_memory_has_the_commit_that_its_author_knew() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Warn).open().await;
    given(&world, "/root/a", Some("/repo")).await.unwrap();
    given(&world, "/root/b", None).await.unwrap();
    let noted = async |path: &str| {
        world.assign(path, "note").await.unwrap();
        let query = MemoryQuery::of(MemoryView::Below(at(path)));
        let page = world.system.memories(&query).await.unwrap();
        let mut commits: Vec<_> = page.memories.into_iter().map(|found| found.memory.commit).collect();
        commits.sort();
        commits
    };
    assert_eq!(noted("/root/a").await, [Some("a1".to_owned())]);
    disk.set("/repo", on("main", "b2"));
    assert_eq!(noted("/root/a").await, [Some("a1".to_owned()), Some("b2".to_owned())], "it was told of that");
    assert_eq!(noted("/root/b").await, [None]);
    world.end().await;
}

/// What is set while a removal goes on would be left behind, and be in the way of whoever comes next.
#[tokio::test(start_paused = true)]
async fn nothing_is_set_for_whom_a_removal_is_about_to_take() {
    let disk = Disk::new();
    let world = setting(&disk, OnDrift::Warn).open().await;
    given(&world, "/root/a", None).await.unwrap();
    let mut draft = understory_store::Draft::new();
    draft.put(Table::Closed.at(&at("/root/a")), &Mark::Removing);
    world.store().commit(draft).await.unwrap();
    let directory = world.system.set_directory(&at("/root/a"), Path::new("/repo")).await.unwrap_err();
    let model = world.system.set_brain_settings(&at("/root/a"), Some("m".to_owned()), None).await.unwrap_err();
    for refused in [directory, model] {
        assert!(matches!(refused, Error::BeingRemoved { .. }), "{refused}");
    }
    world.end().await;
}
