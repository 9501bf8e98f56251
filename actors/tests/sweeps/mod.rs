//! The process dies at each commit of a scenario in turn, before and after it applied; what is found then fits together, and the
//! next process brings it to its end.

mod digests;
mod entries;
mod faults;
mod goals;
mod imports;
mod interrupts;
mod memories;
mod names;
mod parcels;
mod places;
mod plans;
mod sessions;
mod standing;
mod transcripts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use understory_store::FaultPoint;

use super::crashes::at_every_commit;
use super::world::{Setting, World, at};
use crate::{Error, Until};

/// Longer than any scenario takes by the paused clock.
const WITHIN: Duration = Duration::from_secs(6000);

/// What a host was told before the process died, and what it had asked for.
#[derive(Default)]
struct Notes(Mutex<BTreeSet<String>>);

impl Notes {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().insert(what.into());
    }

    fn has(&self, what: &str) -> bool {
        self.0.lock().unwrap().contains(what)
    }
}

/// Whether it is the first process, which dies, or the one after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Process {
    First,
    Second,
}

/// Has the first process die at each commit of `scenario`, and the second do `then`; verifies what lies there before and after
/// that.
fn sweep(
    setting: impl Fn(Process) -> Setting,
    scenario: impl AsyncFn(&World, &Notes) -> Result<(), Error>,
    then: impl AsyncFn(&World, &Notes, FaultPoint),
) -> u64 {
    let (notes, setting) = (&Notes::default(), &setting);
    at_every_commit(
        async move |faulty| {
            notes.0.lock().unwrap().clear();
            let Ok(world) = setting(Process::First).try_open_on(faulty.clone()).await else { return };
            let outcome = tokio::time::timeout(WITHIN, scenario(&world, notes)).await;
            assert!(matches!(outcome, Ok(Ok(()))) || faulty.failed(), "{outcome:?}");
            world.abandon();
        },
        async move |rows, point| {
            let world = setting(Process::Second).over(rows).open().await;
            sound(&world, point, "as it is found").await;
            then(&world, notes, point).await;
            sound(&world, point, "in the end").await;
            world.end().await;
        },
    )
}

/// Every node has its parent, no name leads to two, and what is counted is what is open.
async fn sound(world: &World, point: FaultPoint, when: &str) {
    let verified = world.store().verify().await.unwrap();
    assert!(verified.is_sound(), "{point:?}, {when}: {:?}", verified.problems);
}

/// Runs everything until nobody has anything left to do; gives back who is there.
async fn rest(world: &World) -> BTreeSet<String> {
    tokio::time::timeout(WITHIN, world.system.run_to_rest(&at("/root"))).await.expect("it comes to rest").unwrap();
    let all = world.system.list(&at("/root"), None, 10_000).await.unwrap();
    all.into_iter().map(|view| view.path.to_string()).collect()
}

/// Waits until these are settled.
async fn settle(world: &World, paths: &[&str]) -> Result<(), Error> {
    let paths: Vec<_> = paths.iter().map(|path| at(path)).collect();
    world.system.wait(&paths, Until::All, WITHIN).await.map(drop)
}

/// How often each text lies in an agent's inbox or was taken by a turn that ended.
async fn met(world: &World, path: &str) -> BTreeMap<String, u32> {
    let mut met = BTreeMap::new();
    let taken = world.turns(path).await.into_iter().flat_map(|(taken, _)| taken);
    for text in taken.chain(world.inbox(path).await.into_iter().map(|mail| mail.text)) {
        *met.entry(text).or_default() += 1;
    }
    met
}
