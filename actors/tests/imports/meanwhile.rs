//! What happens to the tree while an import runs.

use std::sync::atomic::{AtomicBool, Ordering};

use super::shelf::Shelf;
use super::{import, of, said, shown, sound, try_import};
use crate::Error;
use crate::tests::world::{LONG, World, at, process};

/// Has `act` happen to the world at the first line `hook` that is read.
fn at_hook(world: &World, shelf: &Shelf, act: impl AsyncFn(crate::System) + Send + Sync + 'static) {
    let (system, handle, done) = (world.system.clone(), tokio::runtime::Handle::current(), AtomicBool::new(false));
    shelf.hook(move || {
        if !done.swap(true, Ordering::SeqCst) {
            handle.block_on(act(system.clone()));
        }
    });
}

/// A conversation that takes some commits, with a hook on the way.
fn long() -> String {
    let lines: Vec<String> = (0..300).map(|n| if n == 200 { "hook".to_owned() } else { format!("user {n}") }).collect();
    format!("thread t1|{}", lines.join("|"))
}

#[test]
fn what_is_written_on_an_agent_meanwhile_makes_its_file_come_again() {
    process(async || {
        let world = World::new().await;
        let shelf = Shelf::of(&[("a", &long()), ("b", "thread t2|user 2")]);
        let path = of("/root/codex", "t1");
        let closing = at(&path);
        at_hook(&world, &shelf, async move |system| {
            system.close(&closing, LONG).await.unwrap();
        });
        let report = import(&world, &shelf).await;
        assert_eq!(report, format!("2 files, 1 new, 1 failed, 129 entries, a (1): {path} is closed"));
        world.system.resume(&at(&path)).await.unwrap();
        assert_eq!(import(&world, &shelf).await, "2 files, 1 unchanged, 1 grown, 171 entries");
        let expected: Vec<String> = (0..300).filter(|n| *n != 200).map(|n| n.to_string()).collect();
        assert_eq!(said(&world, &path).await, expected);
        sound(&world).await;
        world.end().await;
    });
}

#[test]
fn a_removal_of_it_all_ends_it() {
    process(async || {
        let world = World::new().await;
        let shelf = Shelf::of(&[("a", &long())]);
        at_hook(&world, &shelf, async |system| {
            system.close(&at("/root/codex"), LONG).await.unwrap();
        });
        assert!(matches!(try_import(&world, &shelf).await, Err(Error::Closed { .. })));
        world.system.resume(&at("/root/codex")).await.unwrap();
        shelf.write("b", &long().replace("t1", "t2"));
        at_hook(&world, &shelf, async |system| {
            system.close(&at("/root/codex"), LONG).await.unwrap();
            system.remove(&at("/root/codex")).await.unwrap();
        });
        let removed = try_import(&world, &shelf).await.unwrap_err();
        assert!(matches!(removed, Error::Removed { .. }), "{removed}");
        sound(&world).await;
        world.end().await;
    });
}

#[test]
fn of_two_imports_the_later_goes_on() {
    process(async || {
        let world = World::new().await;
        let (shelf, other) = (Shelf::of(&[("a", &long())]), Shelf::of(&[("b", "thread t2|user 2")]));
        at_hook(&world, &shelf, async move |system| {
            let request =
                crate::import::ImportRequest { at: at("/root/codex"), archive: other.clone(), dry_run: false };
            assert_eq!(shown(&system.import(&request, &|_| ()).await.unwrap()), "1 files, 1 new, 1 entries");
        });
        let error = try_import(&world, &shelf).await.unwrap_err();
        assert_eq!(error.to_string(), "another import below /root/codex has begun: this one ends");
        let report = try_import(&world, &shelf).await.unwrap();
        assert_eq!((shown(&report).as_str(), report.went_on_behind), ("1 files, 1 grown, 171 entries", None));
        sound(&world).await;
        world.end().await;
    });
}
