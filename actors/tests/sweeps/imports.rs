//! An import that is cut at each of its commits goes on in the next process, and takes everything once.

use std::sync::{Arc, Mutex};

use understory_store::{Card, Table, Usage};

use super::{Notes, sweep};
use crate::Error;
use crate::tests::imports::shelf::Shelf;
use crate::tests::imports::{agents, import, of, said, try_import};
use crate::tests::world::{World, at};

/// How many lines the long conversation has.
const LINES: u32 = 300;

fn lines(from: u32, to: u32) -> String {
    (from..to).map(|n| format!("user {n}")).collect::<Vec<_>>().join("|")
}

/// A child before its parent, a long one, one that breaks on the way and one that cannot be read.
fn shelf() -> Arc<Shelf> {
    Shelf::of(&[
        ("a", "thread child parent=long nickname=Kid|user c1"),
        ("b", &format!("thread long|title Long|{}|tokens 7", lines(0, 140))),
        ("c", "thread other|user o1|broken"),
        ("d", "nonsense"),
    ])
}

/// The same later.
fn grow(shelf: &Shelf) {
    shelf.grow("b", &format!("{}|tokens 9|title Longer", lines(140, LINES)));
    shelf.write("c", "thread other|user o1|user o2");
    shelf.move_to("a", "z");
    shelf.grow("z", "user c2");
    shelf.remove("d");
}

async fn scenario(world: &World, _: &Notes) -> Result<(), Error> {
    let shelf = shelf();
    try_import(world, &shelf).await?;
    grow(&shelf);
    try_import(world, &shelf).await.map(drop)
}

/// How much of it all lies in the transcripts.
async fn taken(world: &World) -> u64 {
    let mut taken = 0;
    for path in agents(world).await {
        taken += said(world, &path).await.len() as u64;
    }
    taken
}

#[test]
fn an_import_is_cut_and_goes_on() {
    let told = Mutex::new(Vec::new());
    let commits = sweep(
        |_| World::setting(),
        scenario,
        async |world, _, point| {
            let shelf = shelf();
            grow(&shelf);
            let found = taken(world).await;
            let report = try_import(world, &shelf).await.unwrap();
            // Two of each short one and the long one.
            assert_eq!(
                found + report.tally.entries,
                u64::from(LINES) + 4,
                "{point:?}: what was there is not taken again"
            );
            assert!(report.went_on_behind.is_none() || found > 0, "{point:?}: {report:?}");
            told.lock().unwrap().push(report.went_on_behind);
            let (long, other) = (of("/root/codex", "long"), of("/root/codex", "other"));
            let child = of(&long, "child");
            let mut expected = vec!["/root/codex".to_owned(), long.clone(), child.clone(), other.clone()];
            expected.sort();
            assert_eq!(agents(world).await, expected, "{point:?}");
            let numbers: Vec<String> = (0..LINES).map(|n| n.to_string()).collect();
            assert_eq!(said(world, &long).await, numbers, "{point:?}");
            assert_eq!((said(world, &child).await, said(world, &other).await), (two("c"), two("o")), "{point:?}");
            let used = Usage { input_tokens: 9, cached_tokens: 1, output_tokens: 2 };
            assert_eq!(world.agent(&long).await.used, used, "{point:?}");
            assert_eq!(world.agent(&child).await.nickname.as_deref(), Some("Kid"), "{point:?}");
            let card = world.store().get::<Card>(&Table::Card.at(&at(&long))).await.unwrap().unwrap().value;
            assert_eq!(card.title.as_deref(), Some("Longer"), "{point:?}");
            assert_eq!(import(world, &shelf).await, "3 files, 3 unchanged", "{point:?}");
        },
    );
    assert!(commits >= 10, "{commits} commits");
    let mut told = told.into_inner().unwrap();
    told.dedup();
    let told: Vec<&str> = told.iter().map(|behind| behind.as_deref().unwrap_or("-")).collect();
    assert_eq!(
        told,
        ["-", "b", "c", "a", "-", "b", "z", "-"],
        "what the runs say they went on behind, one after another"
    );
}

fn two(letter: &str) -> Vec<String> {
    vec![format!("{letter}1"), format!("{letter}2")]
}
